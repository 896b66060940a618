#include "memif/memif.h"

#include "memif/memif_conn.h"
#include "memif/memif_link.h"
#include "memif/memif_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>

#define LOOK_US 500000

struct event_base *memif_base;
static struct event *timer;

void memif_look(void)
{
	memif_sockets_look();
	memif_conns_look();
	memif_links_look();
}

static void look(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	memif_look();
}

int memif_start(struct event_base *base)
{
	const struct timeval interval = {.tv_usec = LOOK_US};
	timer = event_new(base, -1, EV_PERSIST, look, NULL);
	if (!timer || event_add(timer, &interval) < 0) {
		memif_stop();
		return -ENOMEM;
	}
	memif_base = base;
	return 0;
}

void memif_stop(void)
{
	if (timer)
		event_free(timer);
	timer = NULL;
	memif_base = NULL;
}
