// Port kind "virtio-user": the driver's side of a vhost-user socket that somebody else listens at:
// a container's backend, or another switch.
#include "datapath/ethdev_kind.h"
#include "datapath/peer_deadline.h"
#include "datapath/unix_peer.h"

#include <rte_alarm.h>

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HALF_OPENED_MAX 8

static struct unix_peer_id peers[PORTS_MAX]; // by port number
// Tries of the driver's, since the port was made, that left descriptors behind: its peer let it
// fail halfway. Not all of those can be known, let alone closed.
static unsigned n_half_opened[PORTS_MAX];

// Backends take one driver at a socket, and the last that comes puts the one before out.
static int check_other_ports(const struct port *port, const char *path, char *err, size_t err_len)
{
	uint32_t cursor = 0;
	for (const struct port *other; (other = port_next(&cursor)) != NULL;) {
		if (other->kind != port->kind || other->no == port->no ||
		    strcmp(port_option(&other->config, "path"), path) != 0)
			continue;
		snprintf(err, err_len, "path=%.120s belongs to port %s already: name another", path,
			 other->config.name);
		return -EEXIST;
	}
	return 0;
}

static int check_tries(const struct port *port, const char *path, char *err, size_t err_len)
{
	unsigned *n = &n_half_opened[port->no];
	if (!port->priv)
		*n = 0;
	if (*n < HALF_OPENED_MAX)
		return 0;
	snprintf(err, err_len,
		 "the backend at %.100s let the driver fail halfway %u times: when that is mended, "
		 "delete "
		 "the port and add it again",
		 path, *n);
	return -EPROTO;
}

// Its answers may bring descriptors, which the kernel drops in recv(): their end may take long, of
// a TCP socket that lingers for one.
static int check_peer(const struct port *port, const char *path, char *err, size_t err_len)
{
	peer_deadline_begin(NULL);
	int rc = unix_peer_speaks_vhost(path, port_option_number(&port->config, "queues"),
					&peers[port->no], err, err_len);
	if (!peer_deadline_end())
		return rc;
	snprintf(err, err_len, "path=%.120s: who listens there keeps the switch waiting", path);
	return -ETIMEDOUT;
}

static int virtio_user_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *path = port_option(&port->config, "path");
	int rc = unix_peer_check_path(path, err, err_len);
	if (rc == 0)
		rc = check_other_ports(port, path, err, err_len);
	if (rc == 0)
		rc = check_tries(port, path, err, err_len);
	return rc < 0 ? rc : check_peer(port, path, err, err_len);
}

static void left_close(int copy, int fd)
{
	(void)copy;
	close(fd);
}

static void virtio_user_closed(const struct port *port)
{
	if (unix_peer_sockets(&peers[port->no], left_close) > 0)
		n_half_opened[port->no]++;
}

static void virtio_user_devargs(const struct port *port, char *devargs, size_t len)
{
	const char *mac = port_option(&port->config, "mac");
	snprintf(devargs, len, "virtio_user_swd%u,path=%s,queues=%u,queue_size=%u,packed_vq=%d%s%s",
		 port->no, port_option(&port->config, "path"),
		 port_option_number(&port->config, "queues"),
		 port_option_number(&port->config, "ring"),
		 port_option_is(&port->config, "packed", "on"), mac ? ",mac=" : "", mac ? mac : "");
}

static void virtio_user_down_reason(const struct port *port, uint16_t ethdev, char *reason,
				    size_t len)
{
	(void)ethdev;
	snprintf(reason, len, "the peer at %.100s has gone", port_option(&port->config, "path"));
}

static void wake(void *arg)
{
	sem_post(arg);
}

// The driver of a link that it saw go down has set an alarm, with the device as its argument. EAL's
// interrupt thread has seen to it when it comes to a later one.
static void alarms_pass(void)
{
	sem_t passed;
	sem_init(&passed, 0, 0);
	if (rte_eal_alarm_set(1, wake, &passed) == 0)
		while (sem_wait(&passed) < 0)
			;
	sem_destroy(&passed);
}

static void virtio_user_guard(const struct port *port)
{
	alarms_pass();
	peer_deadline_begin(&peers[port->no]);
}

static int virtio_user_unguard(const struct port *port, char *err, size_t err_len)
{
	if (!peer_deadline_end())
		return 0;
	snprintf(err, err_len, "the backend at %.100s does not answer: stopped waiting",
		 port_option(&port->config, "path"));
	return -ETIME;
}

static bool virtio_user_waits(const struct port *port)
{
	(void)port;
	return true;
}

static const struct ethdev_kind virtio_user = {.prepare = virtio_user_prepare,
					       .devargs = virtio_user_devargs,
					       .down_reason = virtio_user_down_reason,
					       .waits = virtio_user_waits,
					       .guard = virtio_user_guard,
					       .unguard = virtio_user_unguard,
					       .closed = virtio_user_closed};
const struct port_kind port_kind_virtio_user = ETHDEV_PORT_KIND("virtio-user", &virtio_user);
