// Port kind "virtio-user": the driver's side of a vhost-user socket that somebody else listens at:
// a container's backend, or another switch.
#include "datapath/ethdev_kind.h"
#include "datapath/unix_peer.h"

#include <stdio.h>

static int virtio_user_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *path = port_option(&port->config, "path");
	int rc = unix_peer_check_path(path, err, err_len);
	// The driver would wait for the answer without end, and the switch with it.
	return rc < 0 ? rc : unix_peer_speaks_vhost(path, err, err_len);
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

static bool virtio_user_waits(const struct port *port)
{
	(void)port;
	return true;
}

static const struct ethdev_kind virtio_user = {.prepare = virtio_user_prepare,
					       .devargs = virtio_user_devargs,
					       .down_reason = virtio_user_down_reason,
					       .waits = virtio_user_waits};
const struct port_kind port_kind_virtio_user = ETHDEV_PORT_KIND("virtio-user", &virtio_user);
