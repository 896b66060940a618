#include "ctl/swctld/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
	char *buf;
	size_t len;
};

struct outbox {
	struct dp_client *client;
	struct dp_datagram filling;
	struct waiting backlog[OUTBOX_BACKLOG_MAX]; // a ring
	unsigned first, n_waiting;
	bool broken; // the connection is gone; outbox_flush tells
};

struct outbox *outbox_create(void)
{
	struct outbox *ob = calloc(1, sizeof(*ob));
	if (!ob)
		return NULL;
	ob->filling.buf = malloc(DP_DATAGRAM_MAX);
	if (!ob->filling.buf) {
		free(ob);
		return NULL;
	}
	return ob;
}

static void pop(struct outbox *ob)
{
	free(ob->backlog[ob->first].buf);
	ob->first = (ob->first + 1) % OUTBOX_BACKLOG_MAX;
	ob->n_waiting--;
}

void outbox_reset(struct outbox *ob, struct dp_client *client)
{
	while (ob->n_waiting > 0)
		pop(ob);
	ob->filling.len = 0;
	ob->client = client;
	ob->broken = false;
}

void outbox_destroy(struct outbox *ob)
{
	if (!ob)
		return;
	outbox_reset(ob, NULL);
	free(ob->filling.buf);
	free(ob);
}

bool outbox_blocked(const struct outbox *ob)
{
	return ob->n_waiting > 0 || ob->filling.len > 0;
}

bool outbox_full(const struct outbox *ob)
{
	return ob->n_waiting == OUTBOX_BACKLOG_MAX;
}

// The backlog goes first: what was put first must arrive first.
static int send_backlog(struct outbox *ob)
{
	while (ob->n_waiting > 0) {
		struct waiting *w = &ob->backlog[ob->first];
		struct dp_datagram d = {.buf = w->buf, .len = w->len};
		int err = dp_client_send(ob->client, &d);
		if (err)
			return err;
		pop(ob);
	}
	return 0;
}

static void keep(struct outbox *ob)
{
	char *copy = outbox_full(ob) ? NULL : malloc(ob->filling.len);
	if (!copy)
		return;
	memcpy(copy, ob->filling.buf, ob->filling.len);
	unsigned last = (ob->first + ob->n_waiting++) % OUTBOX_BACKLOG_MAX;
	ob->backlog[last] = (struct waiting){copy, ob->filling.len};
	ob->filling.len = 0;
}

// Sends or keeps the datagram that is being filled; it stays when neither is possible.
static void dispatch(struct outbox *ob)
{
	int err = send_backlog(ob);
	if (!err && ob->filling.len > 0) {
		err = dp_client_send(ob->client, &ob->filling);
		if (!err)
			ob->filling.len = 0;
	}
	if (err && err != -EAGAIN)
		ob->broken = true;
	if (err == -EAGAIN && ob->filling.len > 0)
		keep(ob);
}

static bool try_put(struct outbox *ob, uint16_t family, uint8_t cmd, uint16_t flags, uint32_t seq,
		    outbox_fill_fn fill, const void *arg)
{
	struct nlmsghdr *nlh = dp_msg_begin(&ob->filling, family, cmd, flags, seq);
	if (!nlh || !fill(nlh, dp_msg_room(&ob->filling), arg))
		return false; // a message that is not ended leaves no trace
	dp_msg_end(&ob->filling, nlh);
	return true;
}

int outbox_put(struct outbox *ob, uint16_t family, uint8_t cmd, uint16_t flags, uint32_t seq,
	       outbox_fill_fn fill, const void *arg)
{
	if (!ob->client || ob->broken)
		return -ENOTCONN;
	if (try_put(ob, family, cmd, flags, seq, fill, arg))
		return 0;
	if (ob->filling.len == 0)
		return -EMSGSIZE;
	dispatch(ob);
	if (ob->broken)
		return -ENOTCONN;
	if (ob->filling.len > 0)
		return -EAGAIN;
	return try_put(ob, family, cmd, flags, seq, fill, arg) ? 0 : -EMSGSIZE;
}

int outbox_flush(struct outbox *ob)
{
	if (!ob->client)
		return 0;
	if (!ob->broken)
		dispatch(ob);
	return ob->broken ? -ECONNRESET : 0;
}
