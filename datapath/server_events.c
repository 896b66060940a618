// What happens to ports, told to those who subscribed. One that does not read loses events, and
// learns that once, when it reads again, as with netlink's multicast groups.
#include "datapath/server_internal.h"

#include <errno.h>

#define EVENTS_BYTES_MAX (256 * 1024) // that wait for a subscriber

static bool is_for(const struct client *c, const struct datapath *dp)
{
	if (!c->subscribed)
		return false;
	return c->events_of == 0 ? !datapath_is_first(dp) : c->events_of == dp->ifindex;
}

static void loss_tell(struct client *c)
{
	static const struct nlmsghdr nothing = {.nlmsg_len = NLMSG_HDRLEN};
	static const struct dp_error error = {.text = "events were lost: dump again"};
	c->events_lost = false;
	if (dp_msg_error(&c->server->out, &nothing, -ENOBUFS, &error))
		client_flush(c);
}

// server->out is empty. What cannot be told is lost.
static void tell(struct client *c, const struct message_head *head, struct port *port)
{
	if (c->queued_bytes > EVENTS_BYTES_MAX || c->events_lost ||
	    client_put(c, head, vport_fill, port) < 0)
		c->events_lost = true;
	client_flush(c);
}

void events_tell_all(struct server *server, struct port *port, uint8_t cmd)
{
	const struct datapath *dp = datapath_of_port(port->no);
	const struct message_head head = {.family = DP_FAMILY_VPORT,
					  .cmd = cmd,
					  .dp_ifindex = dp->ifindex};
	links_note(port); // before it is told: what changes in between is told again
	for (struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry)) {
		if (is_for(c, dp) && !c->dead)
			tell(c, &head, port);
	}
}

void events_tell(struct request *rq, struct port *port, uint8_t cmd)
{
	if (rq->server->n_subscribed == 0)
		return;
	client_flush(rq->client);
	events_tell_all(rq->server, port, cmd);
}

void events_resume(struct client *c)
{
	if (c->events_lost && !client_blocked(c))
		loss_tell(c);
}

int server_subscribe(struct request *rq)
{
	int rc = links_watch(rq->server);
	if (rc < 0)
		return request_fail(rq, NULL, rc, "no memory to look at links");
	rq->server->n_subscribed += !rq->client->subscribed;
	rq->client->subscribed = true;
	rq->client->events_of = dp_msg_ifindex(rq->nlh);
	return 0;
}
