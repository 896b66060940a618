#include <config.h>

#include "ctl/ovs/conn_pool.h"

#include <errno.h>
#include <poll.h>

#include "openvswitch/thread.h"
#include "ovs-thread.h"

#define CONNS_MAX 16 // that wait for their next use

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct conn *idle[CONNS_MAX];
static unsigned n_idle;
static uint64_t idle_generation; // of the link, when these were opened

// Takes those out of the pool that are older than the link. With the mutex.
static void stale_close(void)
{
	if (idle_generation == link_generation() && !link_is_lost())
		return;
	while (n_idle > 0)
		conn_close(idle[--n_idle]);
	idle_generation = link_generation();
}

// A silent one may have been closed, to give its place to another client: swd has not gone.
static bool is_open(const struct conn *c)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	return poll(&pfd, 1, 0) == 0;
}

int conn_pool_get(struct conn **connp)
{
	struct conn *c = NULL;
	*connp = NULL;
	if (link_is_lost() && !link_is_being_restored())
		return CONN_NO_ANSWER;
	ovs_mutex_lock(&mutex);
	stale_close();
	while (n_idle > 0 && c == NULL) {
		c = idle[--n_idle];
		if (!is_open(c)) {
			conn_close(c);
			c = NULL;
		}
	}
	ovs_mutex_unlock(&mutex);
	if (c == NULL)
		return conn_open(connp);
	*connp = c;
	return 0;
}

void conn_pool_put(struct conn *c, int err)
{
	if (err != 0) {
		conn_broken(c);
		return;
	}
	ovs_mutex_lock(&mutex);
	if (n_idle < CONNS_MAX && c->generation == link_generation() && !link_is_lost()) {
		idle[n_idle++] = c;
		c = NULL;
	}
	ovs_mutex_unlock(&mutex);
	conn_close(c);
}
