// One connection: what waits to be sent, and the dump that goes on as it drains.
#include "datapath/server_internal.h"

#include "ctl/log.h"
#include "datapath/stranger_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_BYTES_MAX	   (8u << 20)
#define READS_PER_TURN	   16 // datagrams, so that others have their turn
#define READ_MS		   2  // for the same reason
#define DUMP_DGRAMS_A_TURN 4

void client_fail(struct client *c, const char *why)
{
	if (!c->dead)
		log_warn("datapath client %u: %s: connection closed", c->id, why);
	c->dead = true;
}

bool client_blocked(const struct client *c)
{
	return !STAILQ_EMPTY(&c->queue);
}

// 0, -EAGAIN, or another error, after which the client is dead.
static int send_now(struct client *c, const char *buf, size_t len)
{
	for (;;) {
		if (send(c->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return -EAGAIN;
		if (errno == EINTR)
			continue;
		c->dead = true; // it is gone
		return -ECONNRESET;
	}
}

static void enqueue(struct client *c, const struct dp_datagram *d)
{
	if (c->queued_bytes + d->len > QUEUE_BYTES_MAX) {
		client_fail(c, "it does not read its answers");
		return;
	}
	struct outgoing *out = malloc(sizeof(*out) + d->len);
	if (out == NULL) {
		client_fail(c, "no memory for its answers");
		return;
	}
	out->len = d->len;
	memcpy(out->buf, d->buf, d->len);
	STAILQ_INSERT_TAIL(&c->queue, out, entry);
	c->queued_bytes += d->len;
	event_add(c->on_write, NULL);
}

void client_flush(struct client *c)
{
	struct dp_datagram *d = &c->server->out;
	if (d->len > 0 && !c->dead && (client_blocked(c) || send_now(c, d->buf, d->len) == -EAGAIN))
		enqueue(c, d);
	d->len = 0;
}

static void queue_pop(struct client *c)
{
	struct outgoing *out = STAILQ_FIRST(&c->queue);
	STAILQ_REMOVE_HEAD(&c->queue, entry);
	c->queued_bytes -= out->len;
	free(out);
}

// Whether nothing is left.
static bool queue_drain(struct client *c)
{
	while (client_blocked(c)) {
		struct outgoing *out = STAILQ_FIRST(&c->queue);
		if (send_now(c, out->buf, out->len) < 0)
			return false;
		queue_pop(c);
	}
	return true;
}

static bool try_put(struct client *c, const struct message_head *head, answer_fn fill, void *arg)
{
	struct dp_datagram *d = &c->server->out;
	struct nlmsghdr *nlh = dp_msg_begin(d, head->family, head->cmd, head->flags, head->seq);
	if (nlh == NULL)
		return false;
	dp_msg_set_ifindex(nlh, head->dp_ifindex);
	if (!fill(c->server, nlh, dp_msg_room(d), arg))
		return false;
	dp_msg_end(d, nlh);
	return true;
}

int client_put(struct client *c, const struct message_head *head, answer_fn fill, void *arg)
{
	if (try_put(c, head, fill, arg))
		return 0;
	client_flush(c);
	return try_put(c, head, fill, arg) ? 0 : -EMSGSIZE;
}

void client_dump_start(struct client *c, const struct handler *handler, const struct request *rq)
{
	c->dump = handler;
	c->dump_request = *rq->nlh;
	c->dump_dp = rq->dp != NULL ? rq->dp->ifindex : 0;
	if (rq->any_dp && rq->nlh->nlmsg_type == DP_FAMILY_DATAPATH)
		c->dump_dp = 0;
	c->dump_omits = server_flow_dump_omits(rq->nlh);
	c->dump_ct_zone = server_ct_dump_zone(rq->nlh);
	c->dump_cursor = 0;
	event_add(c->on_write, NULL);
}

// Fills one datagram. The dump is over when DONE has found room in it.
static void dump_datagram(struct client *c)
{
	struct dp_datagram *d = &c->server->out;
	const struct nlmsghdr *request = &c->dump_request;
	int rc = 1;
	while (rc == 1) {
		struct nlmsghdr *nlh = dp_msg_begin(d, request->nlmsg_type, c->dump->answer_cmd,
						    NLM_F_MULTI, request->nlmsg_seq);
		if (nlh == NULL)
			return;
		dp_msg_set_ifindex(nlh, c->dump_dp);
		rc = c->dump->dump(c, nlh, dp_msg_room(d), &c->dump_cursor);
		if (rc == 1)
			dp_msg_end(d, nlh);
	}
	if (rc == DUMP_LATER || (rc < 0 && d->len > 0))
		return; // the next datagram has room
	if (rc < 0)
		client_fail(c, "an object of its dump is larger than a datagram");
	if (dp_msg_done(d, request))
		c->dump = NULL;
}

static void dump_go_on(struct client *c)
{
	for (unsigned i = 0; i < DUMP_DGRAMS_A_TURN && c->dump != NULL; i++) {
		if (client_blocked(c) || c->dead)
			return;
		dump_datagram(c);
		client_flush(c);
	}
	if (c->dump != NULL)
		event_add(c->on_write, NULL);
}

static void on_write(evutil_socket_t fd, short events, void *arg)
{
	struct client *c = arg;
	(void)fd;
	(void)events;
	if (queue_drain(c)) {
		client_touch(c); // it takes what it has asked for
		dump_go_on(c);
		if (!client_blocked(c) && !c->dead) {
			events_resume(c);
			upcalls_resume(c->server, c);
		}
	} else if (!c->dead) {
		event_add(c->on_write, NULL);
	}
	if (c->dead)
		client_destroy(c);
}

// false when there is nothing more to read for now.
static bool read_datagram(struct client *c)
{
	char *buf = c->server->in;
	stranger_fd_place(c->server->path);
	ssize_t n = stranger_recv(c->fd, buf, DP_DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n <= 0) {
		log_debug("datapath client %u: gone", c->id);
		c->dead = true;
		return false;
	}
	if (n > DP_DATAGRAM_MAX) {
		client_fail(c, "a datagram of more than 65536 bytes");
		return false;
	}
	const char *at = buf;
	size_t left = (size_t)n;
	const struct nlmsghdr *nlh;
	while (!c->dead && (nlh = dp_datagram_next(&at, &left)) != NULL)
		server_message(c, nlh);
	if (left > 0)
		client_fail(c, "not a netlink message");
	return !c->dead;
}

static void on_read(evutil_socket_t fd, short events, void *arg)
{
	struct client *c = arg;
	(void)fd;
	(void)events;
	client_touch(c);
	uint64_t until_ms = server_now_ms() + READ_MS;
	for (unsigned i = 0; i < READS_PER_TURN && read_datagram(c); i++) {
		if (server_now_ms() > until_ms)
			break;
	}
	client_flush(c);
	if (c->dead)
		client_destroy(c);
	else if (!client_blocked(c))
		upcalls_resume(c->server, c); // what it asks shows that it reads
}

void client_touch(struct client *c)
{
	c->active_ms = server_now_ms();
	TAILQ_REMOVE(&c->server->clients, c, entry);
	TAILQ_INSERT_TAIL(&c->server->clients, c, entry);
}

struct client *client_create(struct server *server, int fd, unsigned id)
{
	struct client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	*c = (struct client){.server = server, .fd = fd, .id = id, .active_ms = server_now_ms()};
	STAILQ_INIT(&c->queue);
	c->on_read = event_new(server->base, fd, EV_READ | EV_PERSIST, on_read, c);
	c->on_write = event_new(server->base, fd, EV_WRITE, on_write, c);
	if (c->on_read == NULL || c->on_write == NULL || event_add(c->on_read, NULL) < 0)
		goto fail;
	TAILQ_INSERT_TAIL(&server->clients, c, entry);
	server->n_clients++;
	return c;
fail:
	if (c->on_read != NULL)
		event_free(c->on_read);
	if (c->on_write != NULL)
		event_free(c->on_write);
	free(c);
	return NULL;
}

void client_destroy(struct client *c)
{
	struct server *server = c->server;
	upcalls_detach(server, c);
	traces_detach(server, c);
	TAILQ_REMOVE(&server->clients, c, entry);
	server->n_clients--;
	server->n_subscribed -= c->subscribed;
	links_forget(server);
	upcalls_refresh(server);
	event_free(c->on_read);
	event_free(c->on_write);
	while (client_blocked(c))
		queue_pop(c);
	close(c->fd);
	free(c);
}
