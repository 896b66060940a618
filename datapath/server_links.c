// Links that come and go by themselves, told to those who subscribed to ports' events: nobody asks
// for that. Looked at only while there are such.
#include "datapath/server_internal.h"

#include <errno.h>

#define LOOK_US 250000

// As told last, by the port's number.
static struct told {
	uint32_t serial; // of the port; 0: nothing was told
	uint16_t mtu;
	bool link_up;
} told[PORTS_MAX];

static struct told now_of(struct port *port)
{
	struct port_status status;

	memset(&status, 0, sizeof(status));
	port->kind->status(port, &status);
	return (struct told){.serial = port->serial, .mtu = status.mtu, .link_up = status.link_up};
}

void links_note(struct port *port)
{
	told[port->no] = now_of(port);
}

static bool has_changed(struct port *port)
{
	const struct told *last = &told[port->no], now = now_of(port);

	return now.serial != last->serial || now.link_up != last->link_up || now.mtu != last->mtu;
}

static void look(evutil_socket_t fd, short events, void *arg)
{
	uint32_t cursor = 0;

	(void)fd;
	(void)events;
	for (struct port *port; (port = port_next(&cursor)) != NULL;) {
		if (has_changed(port))
			events_tell_all(arg, port, OVS_VPORT_CMD_SET);
	}
}

int links_watch(struct server *server)
{
	const struct timeval interval = {.tv_usec = LOOK_US};

	if (server->on_links == NULL)
		server->on_links = event_new(server->base, -1, EV_PERSIST, look, server);
	if (server->on_links == NULL)
		return -ENOMEM;
	if (event_pending(server->on_links, EV_TIMEOUT, NULL))
		return 0;
	look(-1, 0, server); // what is there is told to nobody: who subscribes asks
	return event_add(server->on_links, &interval) == 0 ? 0 : -ENOMEM;
}

void links_forget(struct server *server)
{
	if (server->on_links != NULL && server->n_subscribed == 0)
		event_del(server->on_links);
}

void links_stop(struct server *server)
{
	if (server->on_links != NULL)
		event_free(server->on_links);
	server->on_links = NULL;
}
