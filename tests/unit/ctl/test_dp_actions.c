#include "ctl/dp_actions.h"

#include "tests/unit/ctl/dp_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#define ROUNDS 20000

static struct action list[ACTIONS_MAX], back[ACTIONS_MAX];

// value has no bit outside mask, as action.h promises.
static void rnd_masked(void *value, void *mask, size_t len)
{
	rnd_bytes(value, len);
	rnd_bytes(mask, len);
	for (size_t i = 0; i < len; i++)
		((uint8_t *)value)[i] &= ((uint8_t *)mask)[i];
}

#define MASKED(set, value, mask) rnd_masked(&(set)->value, &(set)->mask, sizeof((set)->value))

static void rnd_set_ipv6(struct action_set_ipv6 *set)
{
	MASKED(set, src, src_mask);
	MASKED(set, dst, dst_mask);
	MASKED(set, tclass, tclass_mask);
	MASKED(set, hlimit, hlimit_mask);
	set->label_mask_be = htonl(rnd(1 << 20));
	set->label_be = htonl(rnd(1 << 20)) & set->label_mask_be;
}

static void rnd_set_ports(struct action_set_ports *set)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	MASKED(set, src_be, src_mask_be);
	MASKED(set, dst_be, dst_mask_be);
	set->proto = protos[rnd(3)];
}

static void rnd_set_arp(struct action_set_arp *set)
{
	MASKED(set, sip_be, sip_mask_be);
	MASKED(set, tip_be, tip_mask_be);
	MASKED(set, op_be, op_mask_be);
	MASKED(set, sha, sha_mask);
	MASKED(set, tha, tha_mask);
}

// Actions that are one entry, without attributes inside: test_dp_nested.c has the others.
static enum action_type rnd_type(void)
{
	static const enum action_type more[] = {
	    ACTION_HASH,	 ACTION_DROP,	  ACTION_ADD_MPLS,
	    ACTION_PUSH_ETH,	 ACTION_POP_ETH,  ACTION_SET_MARK,
	    ACTION_SET_PRIORITY, ACTION_CT_CLEAR, ACTION_TUNNEL_POP,
	};
	unsigned n_more = sizeof(more) / sizeof(more[0]);
	unsigned i = rnd(ACTION_CLONE + n_more);
	return i < ACTION_CLONE ? (enum action_type)i : more[i - ACTION_CLONE];
}

static void rnd_action(struct action *a)
{
	memset(a, 0, sizeof(*a));
	a->type = rnd_type();
	switch (a->type) {
	case ACTION_OUTPUT:
		a->u.port = rnd(1024);
		break;
	case ACTION_PUSH_VLAN:
		a->u.vlan.tpid_be = htons(rnd(2) ? 0x8100 : 0x88a8);
		a->u.vlan.tci_be = htons((uint16_t)(rnd(65536) | VLAN_CFI));
		break;
	case ACTION_SET_ETH:
		MASKED(&a->u.eth, src, src_mask);
		MASKED(&a->u.eth, dst, dst_mask);
		break;
	case ACTION_SET_IPV4:
		MASKED(&a->u.ipv4, src_be, src_mask_be);
		MASKED(&a->u.ipv4, dst_be, dst_mask_be);
		MASKED(&a->u.ipv4, tos, tos_mask);
		MASKED(&a->u.ipv4, ttl, ttl_mask);
		break;
	case ACTION_SET_IPV6:
		rnd_set_ipv6(&a->u.ipv6);
		break;
	case ACTION_SET_PORTS:
		rnd_set_ports(&a->u.ports);
		break;
	case ACTION_TUNNEL_POP:
		a->u.port = rnd(1024);
		break;
	case ACTION_HASH:
		a->u.hash.alg = rnd(N_ACTION_HASH_ALGS);
		a->u.hash.basis = rnd(UINT32_MAX);
		break;
	case ACTION_DROP:
		a->u.drop_code = rnd(20);
		break;
	case ACTION_PUSH_ETH:
		rnd_bytes(&a->u.push_eth, sizeof(a->u.push_eth));
		break;
	case ACTION_SET_MARK:
	case ACTION_SET_PRIORITY:
		MASKED(&a->u.meta, value, mask);
		break;
	case ACTION_ADD_MPLS:
	case ACTION_PUSH_MPLS:
		a->u.push_mpls.lse_be = rnd(UINT32_MAX);
		a->u.push_mpls.eth_type_be = htons(rnd(2) ? 0x8847 : 0x8848);
		break;
	case ACTION_POP_MPLS:
		a->u.eth_type_be = htons((uint16_t)(0x600 + rnd(65536 - 0x600)));
		break;
	case ACTION_SET_MPLS:
		MASKED(&a->u.mpls, lse_be, mask_be);
		break;
	case ACTION_SET_ARP:
		rnd_set_arp(&a->u.arp);
		break;
	case ACTION_SET_ND:
		MASKED(&a->u.nd, target, target_mask);
		MASKED(&a->u.nd, sll, sll_mask);
		MASKED(&a->u.nd, tll, tll_mask);
		break;
	case ACTION_SET_ND_EXT:
		MASKED(&a->u.nd_ext, reserved_be, reserved_mask_be);
		MASKED(&a->u.nd_ext, option_type, option_type_mask);
		break;
	case ACTION_SET_ICMP:
		MASKED(&a->u.icmp, type, type_mask);
		MASKED(&a->u.icmp, code, code_mask);
		a->u.icmp.is_v6 = rnd(2);
		break;
	case ACTION_TRUNC:
		a->u.max_len = 14 + rnd(9000);
		break;
	case ACTION_RECIRC:
		a->u.recirc_id = 1 + rnd(1000000);
		break;
	case ACTION_METER:
		a->u.meter_id = rnd(UINT32_MAX);
		break;
	case ACTION_USERSPACE:
		a->u.userspace.pid = rnd(1000);
		a->u.userspace.cookie_len = (uint8_t)rnd(ACTION_COOKIE_MAX + 1);
		rnd_bytes(a->u.userspace.cookie, a->u.userspace.cookie_len);
		a->u.userspace.wants_actions = rnd(2);
		a->u.userspace.wants_tunnel = rnd(2);
		if (a->u.userspace.wants_tunnel)
			a->u.userspace.egress_port = rnd(1024);
		break;
	default:
		break;
	}
}

static void actions_come_back_as_they_were(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = rnd(20) ? rnd(6) : rnd(ACTIONS_MAX + 1);
		for (unsigned at = 0; at < n; at++)
			rnd_action(&list[at]);
		struct nlmsghdr *nlh = begin();
		assert_true(dp_actions_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_ACTIONS, list, n));
		memset(back, 0xaa, sizeof(back));
		int rc =
		    dp_actions_parse(top(nlh, OVS_FLOW_ATTR_ACTIONS), back, ACTIONS_MAX, &error);
		if (rc != (int)n)
			fail_msg("%s", error.text);
		assert_memory_equal(list, back, n * sizeof(list[0]));
	}
}

static void more_actions_than_fit_are_refused(void **state)
{
	(void)state;
	struct nlmsghdr *nlh = begin();
	memset(list, 0, sizeof(list));
	dp_actions_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_ACTIONS, list, 5);
	const struct nlattr *nest = top(nlh, OVS_FLOW_ATTR_ACTIONS);
	assert_int_equal(dp_actions_parse(nest, back, 5, &error), 5);
	assert_int_equal(dp_actions_parse(nest, back, 4, &error), -E2BIG);
	assert_int_equal(offset_of(error.attr), offset_of(nest) + 4 + 4 * 8);
}

// One action of this type and payload, refused (or taken, with err 1) at itself or, nested, at the
// attribute inside.
static void expect(uint16_t type, const void *payload, uint16_t len, int err, size_t offset,
		   const char *word)
{
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_ACTIONS);
	const struct nlattr *self = mnl_nlmsg_get_payload_tail(nlh);
	mnl_attr_put(nlh, type, len, payload);
	mnl_attr_nest_end(nlh, nest);
	memset(&error, 0, sizeof(error));
	int rc = dp_actions_parse(nest, back, ACTIONS_MAX, &error);
	if (rc != err)
		fail_msg("action %u of %u bytes: %d where %d is right: %s", type, len, rc, err,
			 error.text);
	if (err > 0)
		return;
	if (strstr(error.text, word) == NULL)
		fail_msg("\"%s\" is not in: %s", word, error.text);
	assert_int_equal(offset_of(error.attr), offset_of(self) + offset);
}

static void lengths_that_are_wrong_are_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		uint16_t type, len;
		const char *name;
	} rows[] = {
	    {OVS_ACTION_ATTR_OUTPUT, 4, "OUTPUT"},     {OVS_ACTION_ATTR_PUSH_VLAN, 4, "PUSH_VLAN"},
	    {OVS_ACTION_ATTR_POP_VLAN, 0, "POP_VLAN"}, {OVS_ACTION_ATTR_RECIRC, 4, "RECIRC"},
	    {OVS_ACTION_ATTR_TRUNC, 4, "TRUNC"},       {OVS_ACTION_ATTR_PUSH_MPLS, 8, "PUSH_MPLS"},
	    {OVS_ACTION_ATTR_POP_MPLS, 2, "POP_MPLS"}, {OVS_ACTION_ATTR_METER, 4, "METER"},
	    {OVS_ACTION_ATTR_ADD_MPLS, 8, "ADD_MPLS"}, {OVS_ACTION_ATTR_PUSH_ETH, 12, "PUSH_ETH"},
	    {OVS_ACTION_ATTR_POP_ETH, 0, "POP_ETH"},   {OVS_ACTION_ATTR_HASH, 8, "HASH"},
	    {OVS_ACTION_ATTR_CT_CLEAR, 0, "CT_CLEAR"}, {DP_ACTION_DROP, 4, "DROP"},
	    {DP_ACTION_TUNNEL_POP, 4, "TUNNEL_POP"},
	};
	static const char zeros[32];
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint16_t len = 0; len < 32; len++) {
			if (len != rows[i].len)
				expect(rows[i].type, zeros, len, -EINVAL, 0, rows[i].name);
		}
	}
}

static void sets_of_a_wrong_length_are_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		uint16_t type, len;
		const char *name;
	} rows[] = {
	    {OVS_KEY_ATTR_ETHERNET, 12, "ETHERNET"},
	    {OVS_KEY_ATTR_IPV4, 12, "IPV4"},
	    {OVS_KEY_ATTR_IPV6, 40, "IPV6"},
	    {OVS_KEY_ATTR_TCP, 4, "TCP"},
	    {OVS_KEY_ATTR_UDP, 4, "UDP"},
	    {OVS_KEY_ATTR_SCTP, 4, "SCTP"},
	    {OVS_KEY_ATTR_MPLS, 4, "MPLS"},
	    {OVS_KEY_ATTR_ARP, 24, "ARP"},
	    {OVS_KEY_ATTR_ND, 28, "ND"},
	    {OVS_KEY_ATTR_ND_EXTENSIONS, 8, "ND_EXTENSIONS"},
	    {OVS_KEY_ATTR_ICMP, 2, "ICMP"},
	    {OVS_KEY_ATTR_ICMPV6, 2, "ICMPV6"},
	    {OVS_KEY_ATTR_SKB_MARK, 4, "SKB_MARK"},
	    {OVS_KEY_ATTR_PRIORITY, 4, "PRIORITY"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint16_t len = 0; len <= 88; len++) {
			struct {
				struct nlattr attr;
				char payload[88];
			} set = {{.nla_len = (uint16_t)(4 + len), .nla_type = rows[i].type}, {0}};
			int full = len == rows[i].len ? 1 : -EINVAL;
			int masked = len == 2 * rows[i].len ? 1 : -EINVAL;
			expect(OVS_ACTION_ATTR_SET, &set, (uint16_t)(4 + len), full, 4,
			       rows[i].name);
			expect(OVS_ACTION_ATTR_SET_MASKED, &set, (uint16_t)(4 + len), masked, 4,
			       rows[i].name);
		}
	}
}

static void a_set_names_just_one_field_that_is_built(void **state)
{
	(void)state;
	struct {
		struct nlattr first;
		uint8_t a[4];
		struct nlattr second;
		uint8_t b[4];
	} set = {{8, OVS_KEY_ATTR_TCP}, {0}, {8, OVS_KEY_ATTR_TCP}, {0}};
	expect(OVS_ACTION_ATTR_SET, &set, 0, -EINVAL, 0, "names no field");
	expect(OVS_ACTION_ATTR_SET, &set, 3, -EINVAL, 0, "stray");
	expect(OVS_ACTION_ATTR_SET, &set, 8, 1, 0, NULL);
	expect(OVS_ACTION_ATTR_SET, &set, 7, -EINVAL, 4, "says it has 8 bytes");
	expect(OVS_ACTION_ATTR_SET, &set, 16, -EINVAL, 12, "more than one");
	set.first.nla_type = OVS_KEY_ATTR_CT_MARK;
	expect(OVS_ACTION_ATTR_SET, &set, 8, -EOPNOTSUPP, 4, "is not built");
}

static void set_is_set_masked_with_all_bits(void **state)
{
	(void)state;
	struct {
		struct nlattr attr;
		struct ovs_key_ipv4 ip;
	} set = {{16, OVS_KEY_ATTR_IPV4}, {.ipv4_src = 0x01020304, .ipv4_proto = 6, .ipv4_ttl = 9}};
	expect(OVS_ACTION_ATTR_SET, &set, sizeof(set), 1, 0, NULL);
	assert_int_equal(back[0].type, ACTION_SET_IPV4);
	assert_int_equal(back[0].u.ipv4.src_be, 0x01020304);
	assert_int_equal(back[0].u.ipv4.ttl, 9);
	assert_int_equal(back[0].u.ipv4.src_mask_be, UINT32_MAX);
	assert_int_equal(back[0].u.ipv4.tos_mask, UINT8_MAX);
}

static void bits_outside_the_mask_of_a_set_are_dropped(void **state)
{
	(void)state;
	struct {
		struct nlattr attr;
		struct ovs_key_tcp value, mask;
	} set = {{12, OVS_KEY_ATTR_TCP}, {0xffff, 0xffff}, {0x00ff, 0}};
	expect(OVS_ACTION_ATTR_SET_MASKED, &set, sizeof(set), 1, 0, NULL);
	assert_int_equal(back[0].u.ports.src_be, 0x00ff);
	assert_int_equal(back[0].u.ports.dst_be, 0);
}

static void protocol_and_fragment_type_cannot_be_set(void **state)
{
	(void)state;
	struct {
		struct nlattr attr;
		struct ovs_key_ipv4 value, mask;
	} set = {{28, OVS_KEY_ATTR_IPV4}, {0}, {.ipv4_proto = 1}};
	expect(OVS_ACTION_ATTR_SET_MASKED, &set, sizeof(set), -EINVAL, 4, "cannot be set");
	set.mask = (struct ovs_key_ipv4){.ipv4_frag = 1};
	expect(OVS_ACTION_ATTR_SET_MASKED, &set, sizeof(set), -EINVAL, 4, "cannot be set");
}

static void values_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct ovs_action_push_vlan push = {htons(0x0800), htons(0x1001)};
	const uint32_t zero = 0, thirteen = 13;
	expect(OVS_ACTION_ATTR_PUSH_VLAN, &push, sizeof(push), -EINVAL, 0, "TPID 0x0800");
	push = (struct ovs_action_push_vlan){htons(0x8100), htons(0x0001)};
	expect(OVS_ACTION_ATTR_PUSH_VLAN, &push, sizeof(push), -EINVAL, 0, "0x1000");
	expect(OVS_ACTION_ATTR_RECIRC, &zero, sizeof(zero), -EINVAL, 0, "RECIRC to 0");
	expect(OVS_ACTION_ATTR_TRUNC, &thirteen, sizeof(thirteen), -EINVAL, 0, "14 is the least");
	const struct ovs_action_push_mpls mpls = {0, htons(0x0800)};
	const uint16_t length = htons(0x05ff);
	expect(OVS_ACTION_ATTR_PUSH_MPLS, &mpls, sizeof(mpls), -EINVAL, 0, "EtherType 0x0800");
	expect(OVS_ACTION_ATTR_POP_MPLS, &length, sizeof(length), -EINVAL, 0, "0x05ff");
	const struct ovs_action_hash hash = {.hash_alg = 2};
	const struct ovs_action_add_mpls add = {.mpls_ethertype = htons(0x0800)};
	expect(OVS_ACTION_ATTR_ADD_MPLS, &add, sizeof(add), -EINVAL, 0, "EtherType 0x0800");
	expect(OVS_ACTION_ATTR_HASH, &hash, sizeof(hash), -EOPNOTSUPP, 0, "algorithm 2");
	expect(OVS_ACTION_ATTR_PUSH_NSH, NULL, 0, -EOPNOTSUPP, 0, "PUSH_NSH is not built");
	expect(OVS_ACTION_ATTR_POP_NSH, NULL, 0, -EOPNOTSUPP, 0, "POP_NSH is not built");
	expect(DP_ACTION_LB_OUTPUT, &zero, sizeof(zero), -EOPNOTSUPP, 0, "LB_OUTPUT is not built");
	expect(999, NULL, 0, -EOPNOTSUPP, 0, "999 is not built");
}

static void a_userspace_action_is_checked_inside(void **state)
{
	(void)state;
	struct {
		struct nlattr pid;
		uint32_t value;
		struct nlattr data;
		uint8_t bytes[68];
	} user = {{8, OVS_USERSPACE_ATTR_PID}, 7, {4 + 65, OVS_USERSPACE_ATTR_USERDATA}, {0}};
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 0, -EINVAL, 0, "lacks PID");
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 8, 1, 0, NULL);
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 8 + 4 + 65, -EINVAL, 12, "64 at most");
	user.data.nla_len = 4 + 64;
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 8 + 4 + 64, 1, 0, NULL);
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 8 + 4 + 60, -EINVAL, 12, "64 are left");
	user.pid.nla_len = 6;
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 8, -EINVAL, 4, "PID has 2 bytes");
	user.pid = (struct nlattr){8, OVS_USERSPACE_ATTR_ACTIONS + 1};
	expect(OVS_ACTION_ATTR_USERSPACE, &user, 8, -EOPNOTSUPP, 4, "5 is not built");
}

// What happens to a packet whose TTL is used up is not for the flow to say.
static void dec_ttl_has_an_empty_list(void **state)
{
	(void)state;
	struct {
		struct nlattr list, inside;
		uint32_t port;
	} full = {{12, OVS_DEC_TTL_ATTR_ACTION}, {8, OVS_ACTION_ATTR_OUTPUT}, 1};
	struct nlattr empty[] = {{4, OVS_DEC_TTL_ATTR_ACTION}, {4, SWD_DEC_TTL_ATTR_MPLS}};
	expect(OVS_ACTION_ATTR_DEC_TTL, NULL, 0, -EINVAL, 0, "lacks ACTION");
	expect(OVS_ACTION_ATTR_DEC_TTL, &full, sizeof(full), -EOPNOTSUPP, 4, "ACTION empty");
	expect(OVS_ACTION_ATTR_DEC_TTL, empty, 4, 1, 0, NULL);
	assert_int_equal(back[0].type, ACTION_DEC_TTL);
	expect(OVS_ACTION_ATTR_DEC_TTL, empty, 8, 1, 0, NULL);
	assert_int_equal(back[0].type, ACTION_DEC_MPLS_TTL);
	expect(OVS_ACTION_ATTR_DEC_TTL, &empty[1], 4, -EINVAL, 0, "lacks ACTION");
	empty[1].nla_type = 7;
	expect(OVS_ACTION_ATTR_DEC_TTL, empty, 8, -EOPNOTSUPP, 8, "7 is not built");
}

static void a_put_without_room_leaves_the_message_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		unsigned n = 1 + rnd(4);
		for (unsigned at = 0; at < n; at++)
			rnd_action(&list[at]);
		struct nlmsghdr *nlh = begin();
		uint32_t empty = nlh->nlmsg_len;
		dp_actions_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_ACTIONS, list, n);
		uint32_t full = nlh->nlmsg_len;
		for (uint32_t room = empty; room < full; room++) {
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
		unsigned n = 1 + rnd(5);
		for (unsigned at = 0; at < n; at++)
			rnd_action(&list[at]);
		struct nlmsghdr *nlh = begin();
		dp_actions_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_ACTIONS, list, n);
		const struct nlattr *nest = top(nlh, OVS_FLOW_ATTR_ACTIONS);
		uint16_t len = nest->nla_len;
		struct nlattr *own = malloc(len);
		assert_non_null(own);
		memcpy(own, nest, len);
		for (unsigned bytes = rnd(8); bytes > 0; bytes--)
			((char *)own)[4 + rnd(len - 4u)] = (char)rnd(256);
		dp_actions_parse(own, back, ACTIONS_MAX, &error);
		free(own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(actions_come_back_as_they_were),
	    cmocka_unit_test(more_actions_than_fit_are_refused),
	    cmocka_unit_test(lengths_that_are_wrong_are_refused_by_name),
	    cmocka_unit_test(sets_of_a_wrong_length_are_refused_by_name),
	    cmocka_unit_test(a_set_names_just_one_field_that_is_built),
	    cmocka_unit_test(set_is_set_masked_with_all_bits),
	    cmocka_unit_test(bits_outside_the_mask_of_a_set_are_dropped),
	    cmocka_unit_test(protocol_and_fragment_type_cannot_be_set),
	    cmocka_unit_test(values_that_cannot_be_are_refused),
	    cmocka_unit_test(a_userspace_action_is_checked_inside),
	    cmocka_unit_test(dec_ttl_has_an_empty_list),
	    cmocka_unit_test(a_put_without_room_leaves_the_message_as_it_was),
	    cmocka_unit_test(garbage_is_refused_or_read_and_never_read_past),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
