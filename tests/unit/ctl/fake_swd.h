// The connections to swd, played: in the place of datapath.c and outbox.c. What swctld sends is
// kept, and a test answers for swd.
#ifndef TESTS_UNIT_CTL_FAKE_SWD_H
#define TESTS_UNIT_CTL_FAKE_SWD_H

#include "ctl/swctld/datapath.h"
#include "ctl/swctld/upcall.h"

#include "tests/unit/ctl/control_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_SENT_MAX 8192

static struct {
	bool away;
	int refuses; // what sending gives: 0, or -EAGAIN
	unsigned max_flows;
	unsigned n_put, n_del, n_execute;
	unsigned n_sent; // the last FAKE_SENT_MAX stand in `sent`
	struct fake_sent {
		uint32_t id;
		uint8_t cmd;
		bool is_packet, echo;
	} sent[FAKE_SENT_MAX];
} fake_swd;

static char fake_buf[DP_DATAGRAM_MAX] __attribute__((aligned(8)));

struct dp_client *datapath_calls(const struct datapath *dp)
{
	(void)dp;
	return fake_swd.away ? NULL : (struct dp_client *)(void *)&fake_swd;
}

struct outbox *datapath_outbox(const struct datapath *dp)
{
	(void)dp;
	return NULL;
}

unsigned datapath_max_flows(const struct datapath *dp)
{
	(void)dp;
	return fake_swd.max_flows;
}

void datapath_flush(struct datapath *dp)
{
	(void)dp;
}

void datapath_breathe(struct datapath *dp)
{
	(void)dp;
}

void datapath_all_sent(struct datapath *dp)
{
	(void)dp;
}

int datapath_check(struct datapath *dp, int err)
{
	(void)dp;
	return err;
}

static void fake_count(const struct fake_sent *sent)
{
	fake_swd.n_execute += sent->is_packet;
	fake_swd.n_put += !sent->is_packet && sent->cmd == OVS_FLOW_CMD_NEW;
	fake_swd.n_del += !sent->is_packet && sent->cmd == OVS_FLOW_CMD_DEL;
	fake_swd.sent[fake_swd.n_sent++ % FAKE_SENT_MAX] = *sent;
}

int outbox_put(struct outbox *ob, uint16_t family, uint8_t cmd, uint16_t flags, uint32_t seq,
	       outbox_fill_fn fill, const void *arg)
{
	(void)ob;
	if (fake_swd.away)
		return -ENOTCONN;
	if (fake_swd.refuses)
		return fake_swd.refuses;
	struct dp_datagram d = {.buf = fake_buf};
	struct nlmsghdr *nlh = dp_msg_begin(&d, family, cmd, flags, seq);
	if (!fill(nlh, dp_msg_room(&d), arg))
		return -EMSGSIZE;
	fake_count(&(struct fake_sent){.id = seq,
				       .cmd = cmd,
				       .is_packet = family == DP_FAMILY_PACKET,
				       .echo = flags & NLM_F_ECHO});
	return 0;
}

static inline void fake_swd_reset(void)
{
	memset(&fake_swd, 0, sizeof(fake_swd));
}

static inline const struct fake_sent *fake_last(void)
{
	assert_true(fake_swd.n_sent > 0);
	return &fake_swd.sent[(fake_swd.n_sent - 1) % FAKE_SENT_MAX];
}

// A packet that no megaflow matched.
static inline void fake_miss_of(struct swctld *d, uint32_t ifindex, const struct flow_key *key)
{
	static const char frame[64];
	struct dp_datagram out = {.buf = fake_buf};
	char copy[2048] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = dp_msg_begin(&out, DP_FAMILY_PACKET, OVS_PACKET_CMD_MISS, 0, 0);
	dp_msg_set_ifindex(nlh, ifindex);
	assert_true(mnl_attr_put_check(nlh, dp_msg_room(&out), OVS_PACKET_ATTR_PACKET,
				       sizeof(frame), frame));
	assert_true(dp_key_put(nlh, dp_msg_room(&out), OVS_PACKET_ATTR_KEY, key, NULL));
	assert_true(nlh->nlmsg_len <= sizeof(copy));
	memcpy(copy, nlh, nlh->nlmsg_len);
	upcall_message(d, (const struct nlmsghdr *)copy);
}

static inline void fake_miss(struct swctld *d, const struct flow_key *key)
{
	fake_miss_of(d, DP_IFINDEX, key);
}

// The answer to a message about a megaflow that asked for its counters.
static inline void fake_answer(struct swctld *d, const struct known_flow *f, uint8_t cmd,
			       uint64_t packets)
{
	struct ovs_flow_stats stats = {.n_packets = packets, .n_bytes = packets * 60};
	struct dp_datagram out = {.buf = fake_buf};
	char copy[2048] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = dp_msg_begin(&out, DP_FAMILY_FLOW, cmd, 0, f->id);
	size_t room = dp_msg_room(&out);
	assert_true(dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &f->match.key, NULL));
	assert_true(dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &f->match.key, &f->match.mask));
	assert_true(mnl_attr_put_check(nlh, room, OVS_FLOW_ATTR_STATS, sizeof(stats), &stats));
	memcpy(copy, nlh, nlh->nlmsg_len);
	upcall_message(d, (const struct nlmsghdr *)copy);
}

// swd refuses the last message about a megaflow.
static inline void fake_refuse(struct swctld *d, uint32_t id, int err)
{
	struct nlmsghdr request = {.nlmsg_len = sizeof(request), .nlmsg_seq = id};
	struct dp_datagram out = {.buf = fake_buf};
	assert_true(dp_msg_error(&out, &request, err, NULL));
	upcall_message(d, (const struct nlmsghdr *)fake_buf);
}

#endif
