// Requests that wait for their answer: OVS's nl_transact(), over connections that are lent for as
// long as a request takes.
#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/conn.h"
#include "ctl/ovs/conn_pool.h"
#include "ctl/ovs/proto.h"
#include "ctl/ovs/vports.h"
#include "ctl/ovs/words.h"

#include <errno.h>
#include <string.h>

#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(swd_transact);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

#define ROOM_FOR_MORE 64 // bytes that request_put() may add to a request

static atomic_int default_dp = ATOMIC_VAR_INIT(0);

void swd_transact_default_dp(int dp_ifindex)
{
	atomic_store(&default_dp, dp_ifindex);
}

static void default_dp_put(struct nlmsghdr *nlh)
{
	struct ovs_header *ovs = (struct ovs_header *)((struct genlmsghdr *)(nlh + 1) + 1);
	int dp;
	atomic_read(&default_dp, &dp);
	if (nlh->nlmsg_type == DP_FAMILY_CT_LIMIT && ovs->dp_ifindex == 0)
		ovs->dp_ifindex = dp;
}

static bool is_new_datapath(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = (const struct genlmsghdr *)(nlh + 1);
	return nlh->nlmsg_type == DP_FAMILY_DATAPATH && genl->cmd == OVS_DP_CMD_NEW;
}

// Appends a request to a datagram, as swd wants it: a sequence number, an acknowledgement, our
// version.
static void request_put(struct ofpbuf *out, const struct ofpbuf *request, uint32_t seq)
{
	static const struct nlattr no_local = {.nla_len = sizeof(no_local),
					       .nla_type = SWD_DP_ATTR_NO_LOCAL};
	size_t at = out->size;
	ofpbuf_put(out, request->data, request->size);
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)((char *)out->data + at);
	if (is_new_datapath(nlh)) {
		ofpbuf_put_zeros(out, PAD_SIZE(out->size, NLMSG_ALIGNTO));
		ofpbuf_put(out, &no_local, sizeof(no_local));
		nlh = (struct nlmsghdr *)(void *)((char *)out->data + at);
	}
	nlh->nlmsg_len = (uint32_t)(out->size - at);
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = 0;
	((struct genlmsghdr *)(nlh + 1))->version = DP_PROTO_VERSION;
	default_dp_put(nlh);
	ofpbuf_put_zeros(out, PAD_SIZE(out->size, NLMSG_ALIGNTO));
}

static bool is_of_flows(const struct nlmsghdr *request)
{
	return request->nlmsg_type == DP_FAMILY_FLOW || request->nlmsg_type == DP_FAMILY_PACKET;
}

// Whether it asks what swd can do: of these, some are to be refused.
static bool is_probe(const struct ofpbuf *request)
{
	const struct nlmsghdr *nlh = request->data;
	size_t headers = sizeof(*nlh) + sizeof(struct genlmsghdr) + sizeof(struct ovs_header);
	uint16_t type =
	    nlh->nlmsg_type == DP_FAMILY_FLOW ? OVS_FLOW_ATTR_PROBE : OVS_PACKET_ATTR_PROBE;
	return nl_attr_find(request, headers, type) != NULL;
}

static void refusal_note(const struct nlmsghdr *nlh, struct nl_transaction *txn)
{
	const struct nlmsghdr *request = txn->request->data;
	char text[256];
	txn->error = conn_error_of(nlh, text, sizeof(text));
	if (txn->error == 0)
		return;
	// What the kernel says of what it does not know: OVS's probes of features tell that from
	// failure.
	if (txn->error == EOPNOTSUPP && is_of_flows(request))
		txn->error = EINVAL;
	if (txn->reply != NULL)
		ofpbuf_clear(txn->reply);
	words_note(txn->error, text);
	// dpif.c logs which flow, in the next line, but not what is wrong with it.
	if (txn->error == EINVAL && is_of_flows(request) && !is_probe(txn->request))
		VLOG_WARN_RL(&rl, "swd refuses a flow: %s", text);
	else if (text[0] != '\0')
		VLOG_DBG_RL(&rl, "swd refuses: %s", text);
}

// Takes an answer to one of the n requests that start at `seq`. Whether that one is done.
static bool answer_take(const struct nlmsghdr *nlh, struct nl_transaction **txns, size_t n,
			uint32_t seq)
{
	uint32_t i = nlh->nlmsg_seq - seq;
	if (i >= n)
		return false;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		refusal_note(nlh, txns[i]);
		return true;
	}
	vports_hear(nlh);
	if (txns[i]->reply != NULL && txns[i]->reply->size == 0)
		ofpbuf_put(txns[i]->reply, nlh, nlh->nlmsg_len);
	return false;
}

// Sends n requests that fit into a datagram, and reads until each is answered. 0, or a positive
// errno: the connection is of no use then.
static int batch_run(struct conn *c, struct nl_transaction **txns, size_t n,
		     const struct ofpbuf *out)
{
	uint32_t first = c->seq - (uint32_t)n + 1;
	int err = conn_send(c, out->data, out->size);
	for (size_t left = n; err == 0 && left > 0;) {
		const struct nlmsghdr *nlh;
		err = conn_recv(c, &nlh, CONN_TIMEOUT_MS);
		if (err == 0 && answer_take(nlh, txns, n, first))
			left--;
	}
	return err == EAGAIN ? ETIMEDOUT : err;
}

// As many requests as fit into a datagram. Returns how many.
static size_t batch_fill(struct conn *c, struct nl_transaction **txns, size_t n, struct ofpbuf *out)
{
	size_t i;
	for (i = 0; i < n; i++) {
		const struct ofpbuf *request = txns[i]->request;
		if (i > 0 && out->size + request->size + ROOM_FOR_MORE > DP_DATAGRAM_MAX)
			break;
		txns[i]->error = CONN_NO_ANSWER;
		if (txns[i]->reply != NULL)
			ofpbuf_clear(txns[i]->reply);
		request_put(out, request, ++c->seq);
	}
	return i;
}

// It is alone. swd would close the connection on it.
static void too_long_note(struct nl_transaction *txn)
{
	txn->error = EMSGSIZE;
	words_note(EMSGSIZE, "a request of more than 65536 bytes");
}

static int transact_over(struct conn *c, struct nl_transaction **txns, size_t n)
{
	struct ofpbuf out;
	int err = 0;
	ofpbuf_init(&out, 1024);
	while (err == 0 && n > 0) {
		ofpbuf_clear(&out);
		size_t k = batch_fill(c, txns, n, &out);
		if (out.size > DP_DATAGRAM_MAX)
			too_long_note(txns[0]);
		else
			err = batch_run(c, txns, k, &out);
		txns += k;
		n -= k;
	}
	ofpbuf_uninit(&out);
	return err;
}

void swd_transact_multiple(int protocol OVS_UNUSED, struct nl_transaction **txns, size_t n)
{
	struct conn *c;
	for (size_t i = 0; i < n; i++)
		txns[i]->error = CONN_NO_ANSWER;
	int err = conn_pool_get(&c);
	if (err == 0) {
		err = transact_over(c, txns, n);
		conn_pool_put(c, err);
	}
	if (err != 0 && n > 0 && txns[n - 1]->error == CONN_NO_ANSWER)
		words_note(CONN_NO_ANSWER, link_why());
}

int swd_transact(int protocol, const struct ofpbuf *request, struct ofpbuf **replyp)
{
	struct nl_transaction txn = {.request = CONST_CAST(struct ofpbuf *, request)};
	struct nl_transaction *txns = &txn;
	if (replyp != NULL)
		txn.reply = ofpbuf_new(1024);
	swd_transact_multiple(protocol, &txns, 1);
	if (replyp != NULL && txn.error != 0) {
		ofpbuf_delete(txn.reply);
		txn.reply = NULL;
	}
	if (replyp != NULL)
		*replyp = txn.reply;
	return txn.error;
}
