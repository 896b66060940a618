// Tables read piece by piece: OVS's nl_dump_*(). Several threads may take from one dump, each into
// a buffer of its own: a datagram is handed to one thread whole. That which ends the dump is seen
// to do so when it arrives: another thread would wait for more that never comes.
#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/conn_pool.h"
#include "ctl/ovs/proto.h"
#include "ctl/ovs/vports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "openvswitch/ofpbuf.h"
#include "util.h"

static struct conn *conn_of(const struct nl_dump *dump)
{
	return (struct conn *)(void *)dump->sock;
}

static int request_send(struct conn *c, const struct ofpbuf *request, uint32_t seq)
{
	struct ofpbuf *out = ofpbuf_clone(request);
	struct nlmsghdr *nlh = out->data;
	nlh->nlmsg_len = out->size;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = 0;
	((struct genlmsghdr *)(nlh + 1))->version = DP_PROTO_VERSION;
	int err = conn_send(c, out->data, out->size);
	ofpbuf_delete(out);
	return err;
}

void swd_dump_start(struct nl_dump *dump, int protocol OVS_UNUSED, const struct ofpbuf *request)
{
	struct conn *c;
	ovs_mutex_init(&dump->mutex);
	ovs_mutex_lock(&dump->mutex);
	// While there is no swd, there is nothing in it: an error would be logged at each try.
	dump->status = conn_pool_get(&c) == 0 ? 0 : EOF;
	dump->sock = (struct nl_sock *)(void *)c;
	if (c != NULL) {
		dump->nl_seq = ++c->seq;
		if (request_send(c, request, dump->nl_seq) != 0) {
			conn_pool_put(c, EPIPE);
			dump->sock = NULL;
			dump->status = EOF;
		}
	}
	ovs_mutex_unlock(&dump->mutex);
}

// The rest of the datagram that `nlh` begins, into the thread's buffer, and past it.
static void datagram_take(struct conn *c, const struct nlmsghdr *nlh, struct ofpbuf *buffer)
{
	size_t len = (size_t)(c->at - (const char *)nlh) + c->in_len;
	ofpbuf_put(buffer, nlh, len);
	c->in_len = 0;
}

static bool is_last(const struct ofpbuf *buffer)
{
	struct ofpbuf b = ofpbuf_const_initializer(buffer->data, buffer->size);
	for (;;) {
		const struct nlmsghdr *nlh = b.data;
		if (b.size < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
		    nlh->nlmsg_len > b.size)
			return false;
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			return true;
		ofpbuf_pull(&b, MIN(ROUND_UP(nlh->nlmsg_len, NLMSG_ALIGNTO), b.size));
	}
}

// 0 with messages in the buffer, or EOF. With the mutex.
static int refill(struct nl_dump *dump, struct ofpbuf *buffer)
{
	struct conn *c = conn_of(dump);
	const struct nlmsghdr *nlh;
	int err;
	do {
		err = conn_recv(c, &nlh, CONN_TIMEOUT_MS);
	} while (err == 0 && nlh->nlmsg_seq != dump->nl_seq);
	if (err != 0) {
		conn_pool_put(c, err);
		dump->sock = NULL;
		dump->status = EOF;
		return EOF;
	}
	ofpbuf_clear(buffer);
	datagram_take(c, nlh, buffer);
	if (is_last(buffer))
		dump->status = EOF;
	return 0;
}

// The next message of the buffer. 0, EOF, or a positive errno.
static int message_take(struct ofpbuf *buffer, struct ofpbuf *reply)
{
	char text[256];
	const struct nlmsghdr *nlh = buffer->data;
	if (buffer->size < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > buffer->size)
		return EPROTO;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return EOF;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		int err = conn_error_of(nlh, text, sizeof(text));
		return err == 0 ? EOF : err;
	}
	vports_hear(nlh);
	ofpbuf_use_const(reply, nlh, nlh->nlmsg_len);
	ofpbuf_pull(buffer, MIN(ROUND_UP(nlh->nlmsg_len, NLMSG_ALIGNTO), buffer->size));
	return 0;
}

bool swd_dump_next(struct nl_dump *dump, struct ofpbuf *reply, struct ofpbuf *buffer)
{
	int err = 0;
	if (buffer->size == 0) {
		ovs_mutex_lock(&dump->mutex);
		err = dump->status == 0 ? refill(dump, buffer) : dump->status;
		ovs_mutex_unlock(&dump->mutex);
	}
	if (err == 0) {
		err = message_take(buffer, reply);
		if (err != 0) {
			ofpbuf_clear(buffer);
			ovs_mutex_lock(&dump->mutex);
			if (dump->status <= 0)
				dump->status = err;
			ovs_mutex_unlock(&dump->mutex);
		}
	}
	if (err != 0)
		ofpbuf_use_const(reply, NULL, 0);
	return err == 0;
}

int swd_dump_done(struct nl_dump *dump)
{
	uint64_t stub[NL_DUMP_BUFSIZE / 8];
	struct ofpbuf buffer, reply;
	ofpbuf_use_stub(&buffer, stub, sizeof(stub));
	// What was not read would be taken for the answer to the next request.
	while (dump->status == 0 && swd_dump_next(dump, &reply, &buffer))
		continue;
	ofpbuf_uninit(&buffer);
	if (dump->sock != NULL)
		conn_pool_put(conn_of(dump), 0);
	ovs_mutex_destroy(&dump->mutex);
	return dump->status == EOF ? 0 : dump->status;
}
