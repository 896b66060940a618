#include "datapath/port_watch.h"

#include "datapath/ethdev_kind.h"
#include "datapath/pmd.h"

#include <event2/event.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOK_US	    500000
#define RETRY_LOOKS 10 // after an attempt that failed: drivers log each of them

static struct event *timer;

// What is known of the device of a port, by the port's number.
static struct watched {
	uint32_t serial;    // of the port; 0: of none
	bool down;	    // last seen
	bool was_up;	    // since the last attempt
	unsigned wait;	    // looks until the next attempt
	unsigned n_refused; // attempts since it was up that a peer gave no good answer to
} watched[PORTS_MAX];

// One that is starting agrees soon; one that hangs costs the control thread time at each attempt.
static unsigned refused_wait(struct watched *w)
{
	return w->n_refused < RETRY_LOOKS ? w->n_refused++ : RETRY_LOOKS;
}

static void port_lose(struct port *port, struct watched *w)
{
	char reason[160];
	ethdev_link(port, reason, sizeof(reason));
	port_log_warn(port, "down: %s", reason);
	pmd_pool_del_port(port);
	ethdev_lose(port, reason);
	w->wait = ethdev_waits(port) && !w->was_up ? refused_wait(w) : 0;
}

static void port_take_back(struct port *port, struct watched *w)
{
	char err[256];
	if (w->wait > 0) {
		w->wait--;
		return;
	}
	int rc = ethdev_reopen(port, err, sizeof(err));
	if (rc == 0) {
		rc = pmd_pool_add_port(port);
		snprintf(err, sizeof(err), "no memory for its queues: give swd more with --mem");
	}
	if (rc < 0) {
		ethdev_lose(port, err);
		w->wait = rc == -ETIMEDOUT		     ? refused_wait(w)
			  : rc == -ENODEV || rc == -ENOTCONN ? 0
							     : RETRY_LOOKS;
		return;
	}
	w->down = w->was_up = false;
	if (!ethdev_waits(port))
		port_log_info(port, "its %s is back",
			      port->kind->ethdev->iface ? "interface" : "device");
}

static void watch_begin(struct port *port, struct watched *w)
{
	*w = (struct watched){.serial = port->serial};
	if (!ethdev_lost(port))
		return;
	pmd_pool_del_port(port); // it opened without its peer, and PMDs poll it in vain
	w->wait = 1;		 // if that took long, who asked for the port gets an answer first
}

static void port_look(struct port *port)
{
	char reason[160];
	struct watched *w = &watched[port->no];
	if (w->serial != port->serial)
		watch_begin(port, w);
	if (ethdev_lost(port)) {
		port_take_back(port, w);
		return;
	}
	if (ethdev_vanished(port)) {
		port_lose(port, w);
		return;
	}
	ethdev_look(port);
	bool down = !ethdev_link(port, reason, sizeof(reason));
	// In the first look after it opened, the two may still be agreeing.
	if (down && w->down && ethdev_waits(port)) {
		port_lose(port, w);
		return;
	}
	if (!down) {
		w->was_up = true;
		w->n_refused = 0;
	}
	if (down != w->down && reason[0])
		port_log_info(port, "%s", reason);
	w->down = down;
}

void port_watch_look(void)
{
	uint32_t cursor = 0;
	for (struct port *port; (port = port_next(&cursor)) != NULL;) {
		const struct ethdev_kind *kind = port->kind->ethdev;
		if (kind && (kind->iface || kind->look || kind->waits || kind->unplugged))
			port_look(port);
	}
}

// From now, which may be long after this round of events began: between two looks that take long,
// others are heard.
static int look_later(struct event_base *base)
{
	const struct timeval interval = {.tv_usec = LOOK_US};
	event_base_update_cache_time(base);
	return event_add(timer, &interval);
}

static void look(evutil_socket_t fd, short events, void *base)
{
	(void)fd;
	(void)events;
	port_watch_look();
	look_later(base);
}

int port_watch_start(struct event_base *base)
{
	timer = event_new(base, -1, 0, look, base);
	return timer && look_later(base) == 0 ? 0 : -ENOMEM;
}

void port_watch_stop(void)
{
	if (timer)
		event_free(timer);
	timer = NULL;
	memset(watched, 0, sizeof(watched));
}
