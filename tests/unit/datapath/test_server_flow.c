// The flow and packet families, as a client meets them.
#include "tests/unit/datapath/server_fixture.h"

#include <errno.h>
#include <netinet/in.h>

static const struct action to_port_2 = {.type = ACTION_OUTPUT, .u.port = 2};
static const struct action to_port_3 = {.type = ACTION_OUTPUT, .u.port = 3};

static struct flow_match match_of(uint32_t dst)
{
	struct flow_match match;
	memset(&match, 0, sizeof(match));
	match.key.eth_type_be = htons(0x0800);
	match.key.ip_dst_be = htonl(dst);
	match.mask.eth_type_be = UINT16_MAX;
	match.mask.ip_dst_be = UINT32_MAX;
	return match;
}

struct answer {
	unsigned n;
	struct flow_match match;
	struct action actions[4];
	int n_actions;
};

static void on_flow(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *answer = arg;
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_FLOW);
	assert_int_equal(dp_msg_parse(nlh, attrs, OVS_FLOW_ATTR_MAX, NULL), 0);
	assert_int_equal(dp_match_parse(attrs[OVS_FLOW_ATTR_KEY], attrs[OVS_FLOW_ATTR_MASK],
					&answer->match, NULL),
			 0);
	answer->n_actions =
	    dp_actions_parse(attrs[OVS_FLOW_ATTR_ACTIONS], answer->actions, 4, NULL);
	assert_non_null(attrs[OVS_FLOW_ATTR_STATS]);
	assert_null(attrs[OVS_FLOW_ATTR_USED]);
	answer->n++;
}

static int flow(struct dp_client *c, uint8_t cmd, uint16_t flags, const struct flow_match *match,
		const struct action *action, struct answer *answer)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_FLOW, cmd, flags);
	size_t room = dp_client_room(c);
	if (match != NULL) {
		dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match->key, NULL);
		dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match->key, &match->mask);
	}
	if (action != NULL)
		dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, action, 1);
	return call(c, answer != NULL ? on_flow : NULL, answer);
}

static void a_flow_lives_as_the_protocol_says(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct flow_match match = match_of(1), other = match_of(2);
	struct answer answer = {.n = 0};
	assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, 0, &match, &to_port_2, NULL), 0);
	assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, 0, &match, &to_port_3, NULL), -EEXIST);
	assert_int_equal(flow(c, OVS_FLOW_CMD_GET, 0, &match, NULL, &answer), 0);
	assert_int_equal(answer.n, 1);
	assert_memory_equal(&answer.match, &match, sizeof(match));
	assert_int_equal(answer.actions[0].u.port, 2);

	assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, NLM_F_REPLACE, &match, &to_port_3, NULL), 0);
	flow(c, OVS_FLOW_CMD_GET, 0, &match, NULL, &answer);
	assert_int_equal(answer.actions[0].u.port, 3);
	assert_int_equal(flow(c, OVS_FLOW_CMD_SET, 0, &match, &to_port_2, NULL), 0);
	flow(c, OVS_FLOW_CMD_GET, 0, &match, NULL, &answer);
	assert_int_equal(answer.actions[0].u.port, 2);
	assert_int_equal(flow(c, OVS_FLOW_CMD_SET, 0, &other, &to_port_2, NULL), -ENOENT);
	assert_int_equal(flow(c, OVS_FLOW_CMD_SET, 0, &match, NULL, NULL), -EINVAL);

	answer.n = 0;
	assert_int_equal(flow(c, OVS_FLOW_CMD_DEL, 0, &match, NULL, &answer), 0);
	assert_int_equal(answer.n, 1);
	assert_int_equal(flow(c, OVS_FLOW_CMD_DEL, 0, &match, NULL, NULL), -ENOENT);
	assert_int_equal(flow(c, OVS_FLOW_CMD_GET, 0, &match, NULL, NULL), -ENOENT);
	dp_client_close(c);
}

static void del_without_key_deletes_all_but_not_by_identifier(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct answer answer = {.n = 0};
	for (uint32_t i = 0; i < 10; i++) {
		struct flow_match match = match_of(i);
		assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, 0, &match, &to_port_2, NULL), 0);
	}
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_DEL, 0);
	mnl_attr_put(nlh, OVS_FLOW_ATTR_UFID, 16, "0123456789abcdef");
	assert_int_equal(call(c, NULL, NULL), -ENOENT);
	assert_int_equal(flow(c, OVS_FLOW_CMD_GET, NLM_F_DUMP, NULL, NULL, &answer), 0);
	assert_int_equal(answer.n, 10);
	assert_int_equal(flow(c, OVS_FLOW_CMD_DEL, 0, NULL, NULL, NULL), 0);
	answer.n = 0;
	assert_int_equal(flow(c, OVS_FLOW_CMD_GET, NLM_F_DUMP, NULL, NULL, &answer), 0);
	assert_int_equal(answer.n, 0);
	dp_client_close(c);
}

struct named {
	unsigned n, n_keys, n_masks, n_actions, n_stats;
	char ufid[16];
};

static void take_named(const struct nlmsghdr *nlh, void *arg)
{
	struct named *named = arg;
	const struct nlattr *a[OVS_FLOW_ATTR_MAX + 1] = {NULL};
	struct dp_error error;
	assert_int_equal(dp_msg_parse(nlh, a, OVS_FLOW_ATTR_MAX, &error), 0);
	named->n++;
	named->n_keys += a[OVS_FLOW_ATTR_KEY] != NULL;
	named->n_masks += a[OVS_FLOW_ATTR_MASK] != NULL;
	named->n_actions += a[OVS_FLOW_ATTR_ACTIONS] != NULL;
	named->n_stats += a[OVS_FLOW_ATTR_STATS] != NULL;
	if (a[OVS_FLOW_ATTR_UFID] != NULL)
		memcpy(named->ufid, mnl_attr_get_payload(a[OVS_FLOW_ATTR_UFID]), 16);
}

static int new_named(struct dp_client *c, uint32_t dst, const char *ufid, uint16_t ufid_len)
{
	const struct flow_match match = match_of(dst);
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_REPLACE | NLM_F_CREATE);
	size_t room = dp_client_room(c);
	assert_true(dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match.key, NULL));
	assert_true(dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match.key, &match.mask));
	assert_true(dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, &to_port_2, 1));
	assert_true(mnl_attr_put_check(nlh, room, OVS_FLOW_ATTR_UFID, ufid_len, ufid));
	return call(c, NULL, NULL);
}

static void dump_named(struct dp_client *c, uint32_t omits, struct named *named)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_GET, NLM_F_DUMP);
	memset(named, 0, sizeof(*named));
	mnl_attr_put_u32(nlh, OVS_FLOW_ATTR_UFID_FLAGS, omits);
	assert_int_equal(call(c, take_named, named), 0);
}

static void a_dump_leaves_out_what_the_name_stands_for(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct named named;
	const uint32_t all = OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK | OVS_UFID_F_OMIT_ACTIONS;
	assert_int_equal(new_named(c, 1, "fedcba9876543210", 16), 0);
	dump_named(c, 0, &named);
	assert_int_equal(named.n_keys, 1);
	assert_memory_equal(named.ufid, "fedcba9876543210", 16);
	// A change may give it another name.
	assert_int_equal(new_named(c, 1, "0123456789abcdef", 16), 0);
	dump_named(c, all, &named);
	assert_int_equal(named.n, 1);
	assert_int_equal(named.n_keys + named.n_masks + named.n_actions, 0);
	assert_int_equal(named.n_stats, 1);
	assert_memory_equal(named.ufid, "0123456789abcdef", 16);
	dump_named(c, OVS_UFID_F_OMIT_KEY, &named);
	assert_int_equal(named.n_keys, 0);
	assert_int_equal(named.n_masks + named.n_actions, 2);
	assert_int_equal(new_named(c, 2, "short", 5), -EINVAL);
	// One without a name is told whole.
	struct flow_match match = match_of(3);
	assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, 0, &match, &to_port_2, NULL), 0);
	dump_named(c, all, &named);
	assert_int_equal(named.n, 2);
	assert_int_equal(named.n_keys, 1);
	assert_int_equal(flow(c, OVS_FLOW_CMD_DEL, 0, NULL, NULL, NULL), 0);
	dp_client_close(c);
}

// Sends requests without waiting for answers.
static void send_all(struct dp_client *c, const struct dp_datagram *d)
{
	int rc;
	while ((rc = dp_client_send(c, d)) == -EAGAIN) {
		struct pollfd pfd = {.fd = dp_client_fd(c), .events = POLLOUT};
		assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
	}
	assert_int_equal(rc, 0);
}

static bool put_new(struct dp_datagram *d, uint32_t dst)
{
	const struct flow_match match = match_of(dst);
	struct nlmsghdr *nlh = dp_msg_begin(d, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, 0, 1000);
	size_t room = dp_msg_room(d);
	if (nlh == NULL || !dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match.key, NULL) ||
	    !dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match.key, &match.mask) ||
	    !dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, &to_port_2, 1))
		return false;
	dp_msg_end(d, nlh);
	return true;
}

static void put_flows(struct dp_client *c, uint32_t n)
{
	static _Alignas(8) char buf[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = buf};
	for (uint32_t i = 0; i < n;) {
		if (put_new(&d, i)) {
			i++;
			continue;
		}
		send_all(c, &d);
		d.len = 0;
	}
	send_all(c, &d);
	assert_int_equal(info(c), 0); // and all of them are in
}

static void a_dump_is_complete_and_stops_nobody_else(void **state)
{
	(void)state;
	static _Alignas(8) char buf[DP_DATAGRAM_MAX];
	struct dp_client *c = client(), *slow = client();
	struct dp_datagram d = {.buf = buf};
	struct answer answer = {.n = 0};
	put_flows(c, 15000);
	// Two dumps are asked for by somebody who does not read yet.
	for (uint32_t seq = 1; seq <= 2; seq++)
		dp_msg_end(&d, dp_msg_begin(&d, DP_FAMILY_FLOW, OVS_FLOW_CMD_GET, NLM_F_DUMP, seq));
	send_all(slow, &d);
	assert_int_equal(flow(c, OVS_FLOW_CMD_GET, NLM_F_DUMP, NULL, NULL, &answer), 0);
	assert_int_equal(answer.n, 15000);

	unsigned n = 0, n_busy = 0, n_done = 0;
	while (n_done == 0) {
		int len = receive(slow, buf);
		assert_true(len > 0);
		const char *at = buf;
		size_t left = (size_t)len;
		const struct nlmsghdr *nlh;
		while ((nlh = dp_datagram_next(&at, &left)) != NULL) {
			n += nlh->nlmsg_type == DP_FAMILY_FLOW;
			n_done += nlh->nlmsg_type == NLMSG_DONE;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				assert_int_equal(nlh->nlmsg_seq, 2);
				assert_int_equal(dp_msg_error_parse(nlh, NULL, 0), -EBUSY);
				n_busy++;
			}
		}
	}
	assert_int_equal(n, 15000);
	assert_int_equal(n_busy, 1);
	dp_client_close(c);
	dp_client_close(slow);
}

static void on_dp(const struct nlmsghdr *nlh, void *arg)
{
	*(uint32_t *)arg = dp_msg_ifindex(nlh);
}

// However many lie between, and before the end.
static void a_dump_passes_over_the_flows_of_others(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct answer answer = {.n = 0};
	const struct flow_match match = match_of(1);
	uint32_t dp = 0;
	put_flows(c, 9000);
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_NEW, NLM_F_ECHO);
	mnl_attr_put_strz(nlh, OVS_DP_ATTR_NAME, "ovs-a");
	mnl_attr_put(nlh, SWD_DP_ATTR_NO_LOCAL, 0, NULL);
	assert_int_equal(call(c, on_dp, &dp), 0);
	nlh = dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_CREATE);
	dp_msg_set_ifindex(nlh, dp);
	dp_key_put(nlh, dp_client_room(c), OVS_FLOW_ATTR_KEY, &match.key, NULL);
	dp_key_put(nlh, dp_client_room(c), OVS_FLOW_ATTR_MASK, &match.key, &match.mask);
	dp_actions_put(nlh, dp_client_room(c), OVS_FLOW_ATTR_ACTIONS, NULL, 0);
	assert_int_equal(call(c, NULL, NULL), 0);
	put_flows(c, 18000); // half of them are there
	nlh = dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_GET, NLM_F_DUMP);
	dp_msg_set_ifindex(nlh, dp);
	assert_int_equal(call(c, on_flow, &answer), 0);
	assert_int_equal(answer.n, 1);
	answer.n = 0;
	assert_int_equal(flow(c, OVS_FLOW_CMD_GET, NLM_F_DUMP, NULL, NULL, &answer), 0);
	assert_int_equal(answer.n, 18000);
	dp_client_close(c);
}

static void a_full_table_refuses_and_says_so(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct flow_match match = match_of(0xffffffff);
	put_flows(c, MAX_FLOWS);
	while (flow_table_n_flows(fx.flows) < MAX_FLOWS) {
		match = match_of(0xf0000000 + flow_table_n_flows(fx.flows));
		assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, 0, &match, &to_port_2, NULL), 0);
	}
	match = match_of(0xffffffff);
	assert_int_equal(flow(c, OVS_FLOW_CMD_NEW, 0, &match, &to_port_2, NULL), -ENOSPC);
	assert_non_null(strstr(fx.text, "full: 20000 flows"));
	dp_client_close(c);
}

static void actions_must_fit_the_match(void **state)
{
	(void)state;
	static const struct action output_0 = {.type = ACTION_OUTPUT, .u.port = 0},
				   output_far = {.type = ACTION_OUTPUT, .u.port = PORTS_MAX},
				   pop = {.type = ACTION_POP_VLAN},
				   push = {.type = ACTION_PUSH_VLAN, .u.vlan = {0x0081, 0x0010}},
				   ipv4 = {.type = ACTION_SET_IPV4},
				   ipv6 = {.type = ACTION_SET_IPV6},
				   tcp = {.type = ACTION_SET_PORTS, .u.ports.proto = IPPROTO_TCP},
				   udp = {.type = ACTION_SET_PORTS, .u.ports.proto = IPPROTO_UDP},
				   label = {.type = ACTION_PUSH_MPLS,
					    .u.push_mpls.eth_type_be = 0x4788},
				   unlabel = {.type = ACTION_POP_MPLS, .u.eth_type_be = 0x0008},
				   mpls = {.type = ACTION_SET_MPLS},
				   mpls_ttl = {.type = ACTION_DEC_MPLS_TTL},
				   ttl = {.type = ACTION_DEC_TTL}, arp = {.type = ACTION_SET_ARP},
				   nd = {.type = ACTION_SET_ND}, icmp = {.type = ACTION_SET_ICMP},
				   icmp6 = {.type = ACTION_SET_ICMP, .u.icmp.is_v6 = true};
	static const struct {
		const struct action *action;
		uint16_t eth_type;
		unsigned n_tags;
		uint8_t proto;
		const char *wrong;
	} rows[] = {
	    {&output_0, 0x0800, 0, 0, "OUTPUT"},
	    {&output_far, 0x0800, 0, 0, "OUTPUT"},
	    {&pop, 0x0800, 0, 0, "POP_VLAN"},
	    {&pop, 0x0800, 1, 0, NULL},
	    {&push, 0x0800, 1, 0, NULL},
	    {&push, 0x0800, 2, 0, "third tag"},
	    {&ipv4, 0x0800, 1, 0, NULL},
	    {&ipv4, 0x86dd, 0, 0, "IPV4"},
	    {&ipv6, 0x86dd, 0, 0, NULL},
	    {&ipv6, 0x0806, 0, 0, "IPV6"},
	    {&tcp, 0x0800, 0, IPPROTO_TCP, NULL},
	    {&tcp, 0x0800, 0, IPPROTO_UDP, "ports"},
	    {&udp, 0x86dd, 0, IPPROTO_UDP, NULL},
	    {&udp, 0x0806, 0, IPPROTO_UDP, "ports"},
	    {&label, 0x1234, 2, 0, NULL},
	    {&label, ETH_TYPE_NONE, 0, 0, "802.3"},
	    {&unlabel, 0x8848, 1, 0, NULL},
	    {&unlabel, 0x0800, 0, 0, "MPLS"},
	    {&mpls, 0x8847, 0, 0, NULL},
	    {&mpls, 0x0800, 0, 0, "MPLS"},
	    {&mpls_ttl, 0x8847, 0, 0, NULL},
	    {&mpls_ttl, 0x86dd, 0, 0, "MPLS"},
	    {&ttl, 0x0800, 0, 0, NULL},
	    {&ttl, 0x0806, 0, 0, NULL},
	    {&arp, 0x0806, 0, 0, NULL},
	    {&arp, 0x8035, 0, 0, NULL},
	    {&arp, 0x0800, 0, 0, "ARP"},
	    {&nd, 0x86dd, 0, IPPROTO_ICMPV6, NULL},
	    {&nd, 0x86dd, 0, IPPROTO_TCP, "ND"},
	    {&icmp, 0x0800, 0, IPPROTO_ICMP, NULL},
	    {&icmp, 0x86dd, 0, IPPROTO_ICMP, "ICMP"},
	    {&icmp6, 0x86dd, 0, IPPROTO_ICMPV6, NULL},
	    {&icmp6, 0x0800, 0, IPPROTO_ICMPV6, "ICMP"},
	};
	struct dp_client *c = client();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_match match;
		memset(&match, 0, sizeof(match));
		match.key.eth_type_be = htons(rows[i].eth_type);
		match.key.nw_proto = rows[i].proto;
		match.mask.eth_type_be = UINT16_MAX;
		match.mask.nw_proto = UINT8_MAX;
		for (unsigned tag = 0; tag < 2; tag++) {
			if (tag < rows[i].n_tags)
				match.key.vlan[tag] =
				    (struct vlan_tag){htons(0x8100), htons(0x1001)};
			match.mask.vlan[tag].tci_be = UINT16_MAX;
		}
		int rc = flow(c, OVS_FLOW_CMD_NEW, NLM_F_REPLACE, &match, rows[i].action, NULL);
		if (rc != (rows[i].wrong != NULL ? -EINVAL : 0))
			fail_msg("row %u: %d %s", i, rc, fx.text);
		if (rc < 0)
			assert_non_null(strstr(fx.text, rows[i].wrong));
	}
	dp_client_close(c);
}

// Wants a flow with these actions to be taken, or refused with rc and these words.
static void list_check(struct dp_client *c, const struct flow_match *match,
		       const struct action *list, unsigned n, int rc, const char *wrong)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_REPLACE);
	size_t room = dp_client_room(c);
	dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match->key, NULL);
	dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match->key, &match->mask);
	dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, list, n);
	int got = call(c, NULL, NULL);
	if (got != rc || (rc < 0 && strstr(fx.text, wrong) == NULL))
		fail_msg("%d \"%s\" instead of %d \"%s\"", got, got < 0 ? fx.text : "", rc,
			 rc < 0 ? wrong : "");
}

// What a packet is known to be changes with the labels that are pushed and popped.
static void labels_change_what_fits_behind_them(void **state)
{
	(void)state;
	static const struct action push = {.type = ACTION_PUSH_MPLS,
					   .u.push_mpls.eth_type_be = 0x4788},
				   pop = {.type = ACTION_POP_MPLS, .u.eth_type_be = 0x0008},
				   mpls = {.type = ACTION_SET_MPLS},
				   ipv4 = {.type = ACTION_SET_IPV4},
				   udp = {.type = ACTION_SET_PORTS, .u.ports.proto = IPPROTO_UDP};
	const struct {
		unsigned n;
		struct action list[4];
		const char *wrong;
	} rows[] = {
	    {3, {push, mpls, to_port_2}, NULL},
	    {3, {push, ipv4, to_port_2}, "action 2: a set of IPV4"},
	    {4, {push, pop, ipv4, to_port_2}, NULL},
	    {4, {push, pop, mpls, to_port_2}, "action 3: an MPLS action"},
	    {4, {push, pop, pop, to_port_2}, "action 3: an MPLS action"},
	    {4, {udp, push, pop, to_port_2}, NULL},
	    {4,
	     {push, pop, udp, to_port_2},
	     "action 3: a set of ports"}, // recirculation would tell
	};
	struct dp_client *c = client();
	struct flow_match match = match_of(1);
	match.key.nw_proto = IPPROTO_UDP;
	match.mask.nw_proto = UINT8_MAX;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		list_check(c, &match, rows[i].list, rows[i].n, rows[i].wrong ? -EINVAL : 0,
			   rows[i].wrong);
	dp_client_close(c);
}

// Lists within a list are checked as it is; what they do to the packet, they do to their own.
static void actions_in_lists_must_fit_the_packet_there(void **state)
{
	(void)state;
	static const struct action
	    push = {.type = ACTION_PUSH_MPLS, .u.push_mpls.eth_type_be = 0x4788},
	    mpls = {.type = ACTION_SET_MPLS}, clone_1 = {.type = ACTION_CLONE, .n_more = 1},
	    clone_2 = {.type = ACTION_CLONE, .n_more = 2},
	    add = {.type = ACTION_ADD_MPLS, .u.push_mpls.eth_type_be = 0x4788},
	    push_eth = {.type = ACTION_PUSH_ETH}, pop_eth = {.type = ACTION_POP_ETH},
	    pop_teb = {.type = ACTION_POP_MPLS, .u.eth_type_be = 0x5865},
	    check = {.type = ACTION_CHECK_PKT_LEN, .n_more = 2, .u.check_pkt_len.n_greater = 1},
	    meter = {.type = ACTION_METER, .u.meter_id = 99}, ct = {.type = ACTION_CT};
	const struct {
		unsigned n;
		int rc;
		struct action list[5];
		const char *wrong;
	} rows[] = {
	    {5, 0, {push, clone_2, mpls, to_port_2, mpls}, NULL},
	    {4, -EINVAL, {clone_2, push, to_port_2, mpls}, "action 4: an MPLS action"},
	    {3, -EINVAL, {clone_2, mpls, push}, "action 2: an MPLS action"},
	    {3, -EINVAL, {check, to_port_2, mpls}, "action 3: an MPLS action"},
	    {3, -ENOENT, {clone_1, meter, to_port_2}, "no meter 99"},
	    {2, -ENOMEM, {clone_1, ct}, "no memory to track"}, // this server has none
	    {2, -EINVAL, {add, to_port_2}, "PUSH_ETH first"},
	    {3, 0, {add, push_eth, to_port_2}, NULL},
	    {4, 0, {pop_eth, add, push_eth, to_port_2}, NULL},
	    {1, -EINVAL, {push_eth}, "has an Ethernet header"},
	    {2, -EINVAL, {pop_eth, pop_eth}, "no Ethernet header here"},
	    {3, 0, {add, pop_teb, to_port_2}, NULL},
	};
	struct dp_client *c = client();
	struct flow_match match = match_of(1);
	memset(match.mask.vlan, 0xff, sizeof(match.mask.vlan));
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		list_check(c, &match, rows[i].list, rows[i].n, rows[i].rc, rows[i].wrong);
	dp_client_close(c);
}

// A PMD that pushes a header looks no more at what it is.
static void only_headers_of_tunnels_are_pushed(void **state)
{
	(void)state;
	static const uint8_t vxlan[50] = {[12] = 0x08, [14] = 0x45, [23] = 17, [42] = 8};
	const struct action push = {.type = ACTION_TUNNEL_PUSH,
				    .n_more = 1,
				    .u.tunnel_push = {.tnl_port = 9, .header_len = sizeof(vxlan)}},
			    pop = {.type = ACTION_TUNNEL_POP, .u.port = 9},
			    pop_nowhere = {.type = ACTION_TUNNEL_POP, .u.port = 1024},
			    ipv4 = {.type = ACTION_SET_IPV4}, pop_eth = {.type = ACTION_POP_ETH};
	struct action header = {0}, other = {0};
	static_assert(sizeof(vxlan) <= sizeof(header), "one entry");
	memcpy(&header, vxlan, sizeof(vxlan));
	memcpy(&other, vxlan, sizeof(vxlan));
	((uint8_t *)&other)[23] = 6; // TCP
	const struct {
		unsigned n;
		struct action list[4];
		const char *wrong;
	} rows[] = {
	    {4, {push, header, ipv4, to_port_2}, NULL}, // the outer header's
	    {3, {push, other, to_port_2}, "a header that is none"},
	    {4, {pop_eth, push, header, to_port_2}, NULL}, // of what has none, the PMD decides
	    {1, {pop}, NULL},
	    {1, {pop_nowhere}, "1 to 1023"},
	};
	struct dp_client *c = client();
	struct flow_match match = match_of(1);
	memset(match.mask.vlan, 0xff, sizeof(match.mask.vlan));
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		list_check(c, &match, rows[i].list, rows[i].n, rows[i].wrong ? -EINVAL : 0,
			   rows[i].wrong);
	dp_client_close(c);
}

static void a_packet_to_execute_is_checked(void **state)
{
	(void)state;
	struct dp_client *c = client();
	assert_int_equal(execute(c, 1, 13, &to_port_2), -EINVAL);
	assert_non_null(strstr(fx.text, "PACKET has 13 bytes"));
	assert_int_equal(execute(c, 1, 9729, &to_port_2), -EINVAL);
	assert_int_equal(execute(c, 1, 60, NULL), -EINVAL);
	assert_non_null(strstr(fx.text, "ACTIONS is missing"));
	const struct action ipv4 = {.type = ACTION_SET_IPV4};
	assert_int_equal(execute(c, 1, 60, &ipv4), -EINVAL); // the packet is none
	// All is right, but no PMD runs.
	assert_int_equal(execute(c, 1, 9728, &to_port_2), -ENOBUFS);
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
	dp_client_close(c);
}

static void the_datapath_counts_its_flows(void **state)
{
	(void)state;
	struct dp_client *c = client();
	put_flows(c, 100);
	assert_int_equal(dp_stats(c).n_flows, 100);
	dp_client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_start, each_stop)
	    TEST(a_flow_lives_as_the_protocol_says),
	    TEST(del_without_key_deletes_all_but_not_by_identifier),
	    TEST(a_dump_leaves_out_what_the_name_stands_for),
	    TEST(a_dump_is_complete_and_stops_nobody_else),
	    TEST(a_dump_passes_over_the_flows_of_others),
	    TEST(a_full_table_refuses_and_says_so),
	    TEST(actions_must_fit_the_match),
	    TEST(labels_change_what_fits_behind_them),
	    TEST(actions_in_lists_must_fit_the_packet_there),
	    TEST(only_headers_of_tunnels_are_pushed),
	    TEST(a_packet_to_execute_is_checked),
	    TEST(the_datapath_counts_its_flows),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
