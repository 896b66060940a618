// Actions that take several entries of a list, or have attributes inside.
#include "ctl/dp_actions.h"
#include "ctl/dp_proto.h"

#include "tests/unit/ctl/dp_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define ROUNDS 5000

static struct action list[ACTIONS_MAX], back[ACTIONS_MAX];

static struct action *entry(unsigned *n, enum action_type type)
{
	struct action *a = &list[(*n)++];
	memset(a, 0, sizeof(*a));
	a->type = type;
	return a;
}

static void rnd_nat(struct action_nat *nat)
{
	static const uint8_t flags[] = {0, ACTION_NAT_HASH, ACTION_NAT_RANDOM,
					ACTION_NAT_HASH | ACTION_NAT_PERSISTENT};
	nat->flags = flags[rnd(4)] | (rnd(2) ? ACTION_NAT_SRC : ACTION_NAT_DST);
	if (rnd(2)) {
		nat->flags |= ACTION_NAT_PORTS;
		nat->port_min = (uint16_t)rnd(65536);
		nat->port_max = (uint16_t)(nat->port_min + rnd(65536u - nat->port_min));
	}
	if (rnd(3) == 0)
		return;
	bool v6 = rnd(2);
	nat->flags |= v6 ? ACTION_NAT_IPV6 : ACTION_NAT_IPV4;
	rnd_bytes(nat->addr_max.b, v6 ? 16 : 4);
	memcpy(nat->addr_min.b, nat->addr_max.b, 16);
	nat->addr_min.b[0] = (uint8_t)rnd(nat->addr_max.b[0] + 1u);
}

static void rnd_ct(unsigned *n)
{
	struct action_ct *ct = &entry(n, ACTION_CT)->u.ct;
	ct->zone = (uint16_t)rnd(65536);
	ct->helper = (uint8_t)rnd(N_ACTION_CT_HELPERS);
	if (rnd(2))
		snprintf(ct->timeout, sizeof(ct->timeout), "ovs_tp_%u_tcp4", rnd(100));
	if (rnd(2)) {
		ct->flags |= ACTION_CT_EVENTMASK;
		ct->eventmask = rnd(UINT32_MAX);
	}
	if (rnd(4) == 0)
		ct->flags |= ACTION_CT_NAT; // as the connection is translated
	if (rnd(2) == 0)
		return;
	ct->flags |= rnd(2) ? ACTION_CT_COMMIT : ACTION_CT_COMMIT | ACTION_CT_FORCE;
	ct->mark_mask = rnd(UINT32_MAX);
	ct->mark = rnd(UINT32_MAX) & ct->mark_mask;
	rnd_bytes(ct->label_mask, rnd(2) ? 16 : 0);
	for (unsigned i = 0; i < sizeof(ct->label); i++)
		ct->label[i] = (uint8_t)(rnd(256) & ct->label_mask[i]);
	if (ct->flags & ACTION_CT_NAT && rnd(2))
		rnd_nat(&ct->nat);
}

static void rnd_tunnel_push(unsigned *n)
{
	struct action *a = entry(n, ACTION_TUNNEL_PUSH);
	a->u.tunnel_push = (struct action_tunnel_push){
	    .tnl_port = rnd(1024),
	    .out_port = rnd(1024),
	    .tnl_type = rnd(10),
	    .header_len = 14 + rnd(ACTION_TUNNEL_HDR_MAX - 13),
	};
	uint32_t len = a->u.tunnel_push.header_len;
	a->n_more = (uint32_t)((len + sizeof(*a) - 1) / sizeof(*a));
	for (unsigned i = 0; i < a->n_more; i++)
		entry(n, ACTION_OUTPUT);
	rnd_bytes((void *)(a + 1), len);
}

static void rnd_set_tunnel(unsigned *n)
{
	struct action *a = entry(n, ACTION_SET_TUNNEL);
	a->u.tunnel = (struct flow_tunnel){
	    .id_be = rnd(UINT32_MAX),
	    .src_be = rnd(UINT32_MAX),
	    .dst_be = 1 + rnd(UINT32_MAX - 1),
	    .tp_dst_be = (uint16_t)rnd(65536),
	    .flags = TUN_F_KEY | TUN_F_DF,
	    .tos = (uint8_t)rnd(256),
	    .ttl = (uint8_t)rnd(256),
	};
	if (rnd(2))
		return;
	a->u.tunnel.opts_len = 12; // one TLV
	a->n_more = 1;
	uint8_t *tlv = (uint8_t *)entry(n, ACTION_OUTPUT);
	rnd_bytes(tlv, 12);
	tlv[3] = 2; // words behind its header
}

static void rnd_list(unsigned *n, unsigned depth);

static void rnd_nested(unsigned *n, unsigned depth)
{
	static const enum action_type types[] = {ACTION_CLONE, ACTION_SAMPLE, ACTION_CHECK_PKT_LEN};
	struct action *a = entry(n, types[rnd(3)]);
	unsigned first = *n;
	if (a->type == ACTION_SAMPLE)
		a->u.probability = rnd(UINT32_MAX);
	if (a->type == ACTION_CHECK_PKT_LEN) {
		a->u.check_pkt_len.pkt_len = (uint16_t)rnd(65536);
		rnd_list(n, depth + 1);
		a->u.check_pkt_len.n_greater = (uint16_t)(*n - first);
	}
	rnd_list(n, depth + 1);
	a->n_more = *n - first;
}

static void rnd_list(unsigned *n, unsigned depth)
{
	for (unsigned left = rnd(4); left > 0 && *n < ACTIONS_MAX - 16; left--) {
		switch (rnd(6)) {
		case 3:
			rnd_set_tunnel(n);
			break;
		case 0:
			rnd_ct(n);
			break;
		case 1:
			rnd_tunnel_push(n);
			break;
		case 2:
			entry(n, ACTION_OUTPUT)->u.port = rnd(1024);
			break;
		default:
			if (depth < ACTIONS_DEPTH_MAX)
				rnd_nested(n, depth);
		}
	}
}

// As far as it was written.
static bool put(struct nlmsghdr *nlh, unsigned n)
{
	return dp_actions_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_ACTIONS, list, n);
}

static void lists_in_lists_come_back_as_they_were(void **state)
{
	unsigned longest = 0;
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = 0;
		rnd_list(&n, 1);
		struct nlmsghdr *nlh = begin();
		assert_true(put(nlh, n));
		memset(back, 0xaa, sizeof(back));
		int rc =
		    dp_actions_parse(top(nlh, OVS_FLOW_ATTR_ACTIONS), back, ACTIONS_MAX, &error);
		if (rc != (int)n)
			fail_msg("%d where %u are right: %s", rc, n, error.text);
		assert_memory_equal(list, back, n * sizeof(list[0]));
		free(dp_actions_format(list, n, NULL, NULL));
		longest = n > longest ? n : longest;
	}
	assert_true(longest > 60);
}

static unsigned nested_output(unsigned depth)
{
	unsigned n = 0;
	for (unsigned i = 1; i < depth; i++)
		entry(&n, i % 2 ? ACTION_CLONE : ACTION_SAMPLE)->n_more = depth - i;
	entry(&n, ACTION_OUTPUT)->u.port = 1;
	return n;
}

static void lists_nest_as_deep_as_is_said_and_no_deeper(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth < 60; depth++) {
		struct nlmsghdr *nlh = begin();
		unsigned n = nested_output(depth);
		assert_true(put(nlh, n));
		int rc =
		    dp_actions_parse(top(nlh, OVS_FLOW_ATTR_ACTIONS), back, ACTIONS_MAX, &error);
		if (depth <= ACTIONS_DEPTH_MAX) {
			assert_int_equal(rc, n);
			continue;
		}
		assert_int_equal(rc, -EOVERFLOW);
		assert_non_null(strstr(error.text, "more than 16 deep"));
	}
}

static void nested_entries_count_toward_the_most(void **state)
{
	(void)state;
	for (unsigned room = 0; room < 9; room++) {
		unsigned n = 0;
		entry(&n, ACTION_CLONE)->n_more = 7;
		for (unsigned i = 0; i < 3; i++)
			entry(&n, ACTION_POP_VLAN);
		struct action *push = entry(&n, ACTION_TUNNEL_PUSH);
		push->n_more = 3;
		push->u.tunnel_push.header_len = 3 * sizeof(*push);
		for (unsigned i = 0; i < 3; i++)
			entry(&n, ACTION_OUTPUT);
		struct nlmsghdr *nlh = begin();
		assert_true(put(nlh, n));
		int rc = dp_actions_parse(top(nlh, OVS_FLOW_ATTR_ACTIONS), back, room, &error);
		assert_int_equal(rc, room < 8 ? -E2BIG : 8);
	}
}

// As Open vSwitch sends it: the header's bytes end it. Another length is none, nor is it DEC_TTL.
static void a_push_is_as_long_as_its_header(void **state)
{
	(void)state;
	for (int more = -4; more <= 4; more += 4) {
		struct dp_action_tunnel_push push = {
		    .tnl_port = 4, .out_port = 2, .header_len = 52, .tnl_type = 4, .header = {7}};
		struct nlmsghdr *nlh = begin();
		struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_ACTIONS);
		mnl_attr_put(nlh, DP_ACTION_TUNNEL_PUSH, (size_t)(16 + 52 + more), &push);
		mnl_attr_nest_end(nlh, nest);
		int rc =
		    dp_actions_parse(top(nlh, OVS_FLOW_ATTR_ACTIONS), back, ACTIONS_MAX, &error);
		if (more != 0) {
			assert_true(rc < 0);
			continue;
		}
		assert_int_equal(back[0].type, ACTION_TUNNEL_PUSH);
		assert_int_equal(rc, 1 + back[0].n_more);
		assert_int_equal(back[0].u.tunnel_push.out_port, 2);
		assert_int_equal(*action_tunnel_header(&back[0].u.tunnel_push), 7);
		nlh = begin();
		assert_true(dp_actions_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_ACTIONS, back,
					   (unsigned)rc));
		const struct nlattr *told = mnl_attr_get_payload(top(nlh, OVS_FLOW_ATTR_ACTIONS));
		assert_int_equal(mnl_attr_get_payload_len(told), 16 + 52);
	}
}

static void each_entry_has_its_attribute(void **state)
{
	static const struct nlattr *attrs[ACTIONS_MAX];
	unsigned n = 0;
	(void)state;
	entry(&n, ACTION_POP_VLAN);
	entry(&n, ACTION_CLONE)->n_more = 1;
	entry(&n, ACTION_OUTPUT)->u.port = 7;
	entry(&n, ACTION_POP_VLAN);
	struct nlmsghdr *nlh = begin();
	assert_true(put(nlh, n));
	assert_int_equal(dp_actions_parse_attrs(top(nlh, OVS_FLOW_ATTR_ACTIONS), back, attrs,
						ACTIONS_MAX, &error),
			 4);
	assert_int_equal(mnl_attr_get_type(attrs[1]), OVS_ACTION_ATTR_CLONE);
	assert_ptr_equal(attrs[2], attrs[1] + 1);
	assert_int_equal(mnl_attr_get_u32(attrs[2]), 7);
	assert_ptr_equal(attrs[3], (const char *)attrs[1] + attrs[1]->nla_len);
}

// A list without room takes nothing of the message.
static void a_put_without_room_leaves_the_message_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		unsigned n = 0;
		rnd_list(&n, 1);
		struct nlmsghdr *nlh = begin();
		uint32_t empty = nlh->nlmsg_len;
		assert_true(put(nlh, n));
		uint32_t full = nlh->nlmsg_len;
		for (uint32_t room = empty; room < full; room += 4) {
			nlh = begin();
			assert_false(dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, list, n));
			assert_int_equal(nlh->nlmsg_len, empty);
		}
	}
}

static void garbage_is_refused_or_read_and_never_read_past(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = 0;
		rnd_list(&n, 1);
		struct nlmsghdr *nlh = begin();
		assert_true(put(nlh, n));
		const struct nlattr *nest = top(nlh, OVS_FLOW_ATTR_ACTIONS);
		uint16_t len = nest->nla_len;
		struct nlattr *own = malloc(len);
		assert_non_null(own);
		memcpy(own, nest, len);
		for (unsigned bytes = len > 4 ? rnd(8) : 0; bytes > 0; bytes--)
			((char *)own)[4 + rnd(len - 4u)] = (char)rnd(256);
		int rc = dp_actions_parse(own, back, ACTIONS_MAX, &error);
		if (rc >= 0)
			free(dp_actions_format(back, (unsigned)rc, NULL, NULL));
		free(own);
	}
}

// An action, whose nest `fill` fills in, is refused with these words.
static void refused(uint16_t type, void (*fill)(struct nlmsghdr *nlh), int err, const char *words)
{
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_ACTIONS);
	struct nlattr *action = mnl_attr_nest_start(nlh, type);
	fill(nlh);
	mnl_attr_nest_end(nlh, action);
	mnl_attr_nest_end(nlh, nest);
	memset(&error, 0, sizeof(error));
	int rc = dp_actions_parse(nest, back, ACTIONS_MAX, &error);
	if (rc != err || strstr(error.text, words) == NULL)
		fail_msg("%d with \"%s\" where %d with \"%s\" is right", rc, error.text, err,
			 words);
}

static void nothing(struct nlmsghdr *nlh)
{
	(void)nlh;
}

static void probability(struct nlmsghdr *nlh)
{
	mnl_attr_put_u32(nlh, OVS_SAMPLE_ATTR_PROBABILITY, 5);
}

static void probability_twice(struct nlmsghdr *nlh)
{
	probability(nlh);
	probability(nlh);
}

static void short_probability(struct nlmsghdr *nlh)
{
	mnl_attr_put_u16(nlh, OVS_SAMPLE_ATTR_PROBABILITY, 5);
	mnl_attr_put(nlh, OVS_SAMPLE_ATTR_ACTIONS, 0, NULL);
}

static void unknown_type(struct nlmsghdr *nlh)
{
	mnl_attr_put_u32(nlh, 77, 5);
}

static void pkt_len(struct nlmsghdr *nlh)
{
	mnl_attr_put_u16(nlh, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, 100);
	mnl_attr_put(nlh, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER, 0, NULL);
}

static void nested_nsh(struct nlmsghdr *nlh)
{
	mnl_attr_put(nlh, OVS_ACTION_ATTR_POP_NSH, 0, NULL);
}

static void what_nests_is_refused_by_name(void **state)
{
	(void)state;
	refused(OVS_ACTION_ATTR_SAMPLE, nothing, -EINVAL, "SAMPLE lacks ACTIONS");
	refused(OVS_ACTION_ATTR_SAMPLE, probability, -EINVAL, "SAMPLE lacks ACTIONS");
	refused(OVS_ACTION_ATTR_SAMPLE, probability_twice, -EINVAL, "there twice");
	refused(OVS_ACTION_ATTR_SAMPLE, short_probability, -EINVAL, "PROBABILITY has 2 bytes");
	refused(OVS_ACTION_ATTR_SAMPLE, unknown_type, -EOPNOTSUPP, "SAMPLE attribute 77");
	refused(OVS_ACTION_ATTR_CHECK_PKT_LEN, pkt_len, -EINVAL, "lacks attribute 3");
	refused(OVS_ACTION_ATTR_CLONE, nested_nsh, -EOPNOTSUPP, "POP_NSH is not built");
}

static void tunnel_masked(struct nlmsghdr *nlh)
{
	mnl_attr_put(nlh, OVS_KEY_ATTR_TUNNEL, 0, NULL);
}

static void tunnel_to_nowhere(struct nlmsghdr *nlh)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_KEY_ATTR_TUNNEL);
	mnl_attr_put_u8(nlh, OVS_TUNNEL_KEY_ATTR_TTL, 64);
	mnl_attr_nest_end(nlh, nest);
}

static void a_tunnel_that_leads_nowhere_is_refused(void **state)
{
	(void)state;
	refused(OVS_ACTION_ATTR_SET_MASKED, tunnel_masked, -EINVAL, "as a whole, by SET");
	refused(OVS_ACTION_ATTR_SET, tunnel_to_nowhere, -EINVAL, "");
}

static void helper_sip(struct nlmsghdr *nlh)
{
	mnl_attr_put_strz(nlh, OVS_CT_ATTR_HELPER, "sip");
}

static void helper_without_end(struct nlmsghdr *nlh)
{
	mnl_attr_put_str(nlh, OVS_CT_ATTR_HELPER, "ftp");
}

static void long_timeout(struct nlmsghdr *nlh)
{
	mnl_attr_put_strz(nlh, OVS_CT_ATTR_TIMEOUT, "12345678901234567890123456789012");
}

static void mark_alone(struct nlmsghdr *nlh)
{
	const uint32_t mark[2] = {1, 1};
	mnl_attr_put(nlh, OVS_CT_ATTR_MARK, sizeof(mark), mark);
}

static void nat_of(struct nlmsghdr *nlh, bool commit, uint16_t a, uint16_t b)
{
	if (commit)
		mnl_attr_put(nlh, OVS_CT_ATTR_COMMIT, 0, NULL);
	struct nlattr *nat = mnl_attr_nest_start(nlh, OVS_CT_ATTR_NAT);
	mnl_attr_put(nlh, a, 0, NULL);
	if (b != 0)
		mnl_attr_put(nlh, b, 0, NULL);
	mnl_attr_nest_end(nlh, nat);
}

static void nat_both(struct nlmsghdr *nlh)
{
	nat_of(nlh, true, OVS_NAT_ATTR_SRC, OVS_NAT_ATTR_DST);
}

static void nat_uncommitted(struct nlmsghdr *nlh)
{
	nat_of(nlh, false, OVS_NAT_ATTR_SRC, 0);
}

static void nat_without_direction(struct nlmsghdr *nlh)
{
	nat_of(nlh, true, OVS_NAT_ATTR_PROTO_HASH, 0);
}

static void nat_backward(struct nlmsghdr *nlh)
{
	mnl_attr_put(nlh, OVS_CT_ATTR_COMMIT, 0, NULL);
	struct nlattr *nat = mnl_attr_nest_start(nlh, OVS_CT_ATTR_NAT);
	mnl_attr_put(nlh, OVS_NAT_ATTR_SRC, 0, NULL);
	mnl_attr_put_u32(nlh, OVS_NAT_ATTR_IP_MIN, htonl(0x0a000002));
	mnl_attr_put_u32(nlh, OVS_NAT_ATTR_IP_MAX, htonl(0x0a000001));
	mnl_attr_nest_end(nlh, nat);
}

static void what_ct_cannot_do_is_refused_by_name(void **state)
{
	(void)state;
	refused(OVS_ACTION_ATTR_CT, helper_sip, -EOPNOTSUPP, "\"sip\" is none of ftp, tftp");
	refused(OVS_ACTION_ATTR_CT, helper_without_end, -EOPNOTSUPP, "none of ftp");
	refused(OVS_ACTION_ATTR_CT, long_timeout, -EINVAL, "1 to 31 characters");
	refused(OVS_ACTION_ATTR_CT, mark_alone, -EINVAL, "need COMMIT");
	refused(OVS_ACTION_ATTR_CT, nat_both, -EINVAL, "both SRC and DST");
	refused(OVS_ACTION_ATTR_CT, nat_uncommitted, -EINVAL, "needs COMMIT");
	refused(OVS_ACTION_ATTR_CT, nat_without_direction, -EINVAL, "neither SRC nor DST");
	refused(OVS_ACTION_ATTR_CT, nat_backward, -EINVAL, "below IP_MIN");
	refused(OVS_ACTION_ATTR_CT, unknown_type, -EOPNOTSUPP, "CT attribute 77");
}

static void is_text(unsigned n, const char *text)
{
	char *got = dp_actions_format(list, n, NULL, NULL);
	assert_string_equal(got, text);
	free(got);
}

static void the_text_is_that_of_ovs_dpctl(void **state)
{
	unsigned n = 0;
	(void)state;
	struct action *check = entry(&n, ACTION_CHECK_PKT_LEN);
	check->n_more = 2;
	check->u.check_pkt_len = (struct action_check_pkt_len){.pkt_len = 1500, .n_greater = 0};
	entry(&n, ACTION_CLONE)->n_more = 1;
	entry(&n, ACTION_OUTPUT)->u.port = 3;
	struct action *sample = entry(&n, ACTION_SAMPLE);
	sample->n_more = 1;
	sample->u.probability = UINT32_MAX / 2;
	entry(&n, ACTION_OUTPUT)->u.port = 4;
	is_text(n,
		"check_pkt_len(size=1500,gt(drop),le(clone(3))),sample(sample=50.0%,actions(4))");
	n = 0;
	struct action_ct *ct = &entry(&n, ACTION_CT)->u.ct;
	*ct = (struct action_ct){
	    .zone = 5,
	    .flags = ACTION_CT_COMMIT | ACTION_CT_NAT,
	    .mark = 1,
	    .mark_mask = 0xff,
	    .helper = ACTION_CT_HELPER_FTP,
	    .nat = {.addr_min = {{10, 0, 0, 1}},
		    .addr_max = {{10, 0, 0, 9}},
		    .port_min = 80,
		    .port_max = 80,
		    .flags =
			ACTION_NAT_SRC | ACTION_NAT_IPV4 | ACTION_NAT_PORTS | ACTION_NAT_RANDOM},
	};
	ct->label[1] = 2;
	ct->label_mask[1] = 0xff;
	is_text(n, "ct(commit,zone=5,mark=0x1/0xff,label=0x200/0xff00,helper=ftp,"
		   "nat(src=10.0.0.1-10.0.0.9:80,random))");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_in_lists_come_back_as_they_were),
	    cmocka_unit_test(lists_nest_as_deep_as_is_said_and_no_deeper),
	    cmocka_unit_test(nested_entries_count_toward_the_most),
	    cmocka_unit_test(a_push_is_as_long_as_its_header),
	    cmocka_unit_test(each_entry_has_its_attribute),
	    cmocka_unit_test(a_put_without_room_leaves_the_message_as_it_was),
	    cmocka_unit_test(garbage_is_refused_or_read_and_never_read_past),
	    cmocka_unit_test(what_nests_is_refused_by_name),
	    cmocka_unit_test(what_ct_cannot_do_is_refused_by_name),
	    cmocka_unit_test(a_tunnel_that_leads_nowhere_is_refused),
	    cmocka_unit_test(the_text_is_that_of_ovs_dpctl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
