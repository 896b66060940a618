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

// Closed ones are dropped: one that is silent has to give its place to other clients, which is no
// reason to think that swd has gone. *swdp is which swd they had, if there were any.
static struct conn *idle_take(pid_t *swdp, bool *have_closed)
{
	while (n_idle > 0) {
		struct conn *c = idle[--n_idle];
		struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
		if (poll(&pfd, 1, 0) == 0)
			return c;
		*swdp = c->swd;
		*have_closed = true;
		conn_close(c);
	}
	return NULL;
}

int conn_pool_get(struct conn **connp)
{
	pid_t swd = 0;
	bool have_closed = false;
	*connp = NULL;
	if (link_is_lost() && !link_is_being_restored())
		return CONN_NO_ANSWER;
	ovs_mutex_lock(&mutex);
	stale_close();
	struct conn *c = idle_take(&swd, &have_closed);
	ovs_mutex_unlock(&mutex);
	int err = c != NULL ? 0 : conn_open(&c);
	if (err == 0 && have_closed && (c->swd != swd || swd == 0)) {
		conn_broken(c); // another has come, and knows nothing of us
		return CONN_NO_ANSWER;
	}
	*connp = c;
	return err;
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
