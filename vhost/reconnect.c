#include "vhost/reconnect.h"

#include "vhost/session.h"
#include "vhost/wake.h"

#include <event2/event.h>

#include <errno.h>

#define TRY_US 100000

static struct event *timer;

// An attempt costs a connect() for each port that waits, and nothing else: not a line in the log.
static void try_now(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	if (sessions_wait_for_peers())
		vhost_reconnection_wake();
}

int reconnect_start(struct event_base *base)
{
	const struct timeval interval = {.tv_usec = TRY_US};

	timer = event_new(base, -1, EV_PERSIST, try_now, NULL);
	return timer && event_add(timer, &interval) == 0 ? 0 : -ENOMEM;
}

void reconnect_stop(void)
{
	if (timer)
		event_free(timer);
	timer = NULL;
}
