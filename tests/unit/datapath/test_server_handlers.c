// Upcalls of a datapath that has several handlers: PMDs are played by the test.
#include "ctl/dp_tunnel.h"
#include "tests/unit/datapath/datapath_calls.h"

static _Alignas(8) char buf[DP_DATAGRAM_MAX];

static struct rte_mbuf *packet(uint32_t in_port, uint16_t pmd_index, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	assert_non_null(m);
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	memset(rte_pktmbuf_append(m, len), 0x12, len);
	packet_meta(m)->in_port = in_port;
	packet_meta(m)->pmd_index = pmd_index;
	return m;
}

// As a PMD does. false: it is dropped for *reason.
static bool miss(struct rxq *rxq, struct rte_mbuf *m, enum drop_reason *reason)
{
	bool ok = upcall_enqueue(rxq, m, reason);
	if (!ok)
		rte_pktmbuf_free(m);
	upcall_wake();
	return ok;
}

static void on_info(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a[SWD_INFO_ATTR_MAX + 1];
	assert_int_equal(dp_msg_parse(nlh, a, SWD_INFO_ATTR_MAX, NULL), 0);
	*(uint32_t *)arg = mnl_attr_get_u32(a[SWD_INFO_ATTR_CLIENT_ID]);
}

static uint32_t pid_of(struct dp_client *c)
{
	uint32_t pid = 0;
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_INFO_GET, 0);
	assert_int_equal(call(c, on_info, &pid), 0);
	return pid;
}

// Per-CPU dispatch to these two.
static void dispatch(struct dp_client *c, uint32_t ifindex, struct dp_client *const *handlers)
{
	const uint32_t pids[] = {pid_of(handlers[0]), pid_of(handlers[1])};
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_SET, NLM_F_ECHO, ifindex);
	assert_int_not_equal(pids[0], pids[1]);
	mnl_attr_put_u32(nlh, OVS_DP_ATTR_USER_FEATURES, OVS_DP_F_DISPATCH_UPCALL_PER_CPU);
	mnl_attr_put(nlh, OVS_DP_ATTR_PER_CPU_PIDS, sizeof(pids), pids);
	assert_int_equal(call(c, on_dp, NULL), 0);
}

// The next upcall: its length. It must be of this datapath and port (0: of none).
static unsigned upcall(struct dp_client *c, uint32_t ifindex, uint32_t in_port)
{
	const struct nlattr *a[OVS_PACKET_ATTR_MAX + 1];
	struct flow_key key;
	int len = receive(c, buf);
	assert_true(len > 0);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_PACKET);
	assert_int_equal(dp_msg_ifindex(nlh), ifindex);
	assert_int_equal(dp_msg_parse(nlh, a, OVS_PACKET_ATTR_MAX, NULL), 0);
	assert_int_equal(dp_key_parse_origin(a[OVS_PACKET_ATTR_KEY], &key, NULL), 0);
	assert_int_equal(key.in_port, in_port);
	return mnl_attr_get_payload_len(a[OVS_PACKET_ATTR_PACKET]);
}

// So many, in however many datagrams.
static void upcalls_take(struct dp_client *c, unsigned n)
{
	while (n > 0) {
		int len = receive(c, buf);
		assert_true(len > 0);
		const char *at = buf;
		size_t left = (size_t)len;
		for (; dp_datagram_next(&at, &left) != NULL; n--)
			assert_true(n > 0);
	}
}

static uint64_t lost(struct dp_client *c, uint32_t ifindex)
{
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, ifindex, NULL), 0);
	return got.stats.n_lost;
}

// Two handlers of a datapath "ovs-a" with one port.
static struct {
	struct dp_client *c, *handlers[2];
	uint32_t dp, no;
	struct rxq rxq;
} two;

#define TWO_PORT 1 // the first of all

static int two_start(void **state)
{
	// Before the server's thread runs: rings are made on it.
	two.rxq =
	    (struct rxq){.upcalls = upcall_ring_create(TWO_PORT, MISS_RING_SIZE, SOCKET_ID_ANY)};
	each_start(state);
	two.c = client();
	for (unsigned i = 0; i < 2; i++)
		two.handlers[i] = client();
	two.dp = dp_made(two.c, "ovs-a");
	two.no = vport_made(two.c, two.dp, "vx-a");
	assert_int_equal(two.no, TWO_PORT);
	return 0;
}

static int two_stop(void **state)
{
	server_down();
	upcall_ring_destroy(two.rxq.upcalls);
	dp_client_close(two.c);
	for (unsigned i = 0; i < 2; i++)
		dp_client_close(two.handlers[i]);
	server_up();
	return each_stop(state);
}

static void a_pmds_upcalls_are_one_handlers(void **state)
{
	enum drop_reason reason;
	(void)state;
	assert_false(miss(&two.rxq, packet(two.no, 0, 60), &reason));
	assert_int_equal(reason, DROP_NO_CONTROLLER);
	dispatch(two.c, two.dp, two.handlers);
	for (uint16_t pmd = 0; pmd < 4; pmd++) {
		assert_true(miss(&two.rxq, packet(two.no, pmd, 60 + pmd), &reason));
		assert_int_equal(upcall(two.handlers[pmd % 2], two.dp, two.no), 60 + pmd);
	}
	// What a control daemon does with a miss is its own affair: none of these is lost.
	assert_int_equal(lost(two.c, two.dp), 0);
	assert_int_equal(got.stats.n_missed, 4);
	assert_false(miss(&fx.rxq, packet(0, 0, 60), &reason)); // the first datapath has nobody
	assert_int_equal(reason, DROP_NO_CONTROLLER);
}

static void packets_of_no_port_go_to_their_datapath(void **state)
{
	const struct datapath *dp = datapath_by_ifindex(two.dp);
	enum drop_reason reason;
	(void)state;
	dispatch(two.c, two.dp, two.handlers);
	assert_true(miss(&fx.rxq, packet(dp->none_no, 0, 60), &reason)); // an injected one's
	assert_int_equal(upcall(two.handlers[0], two.dp, 0), 60);
}

static void a_handler_that_is_gone_loses_its_own_upcalls_only(void **state)
{
	enum drop_reason reason;
	(void)state;
	dispatch(two.c, two.dp, two.handlers);
	uint64_t before = lost(two.c, two.dp);
	dp_client_close(two.handlers[1]);
	two.handlers[1] = client();
	info(two.handlers[1]); // that the other has gone has been seen
	for (uint16_t pmd = 0; pmd < 4; pmd++)
		assert_true(miss(&two.rxq, packet(two.no, pmd, 60), &reason));
	upcalls_take(two.handlers[0], 2);
	assert_int_equal(lost(two.c, two.dp), before + 2);
}

// Whether one of these messages is an upcall with so long a packet.
static bool has_packet(const char *at, size_t left, unsigned len)
{
	const struct nlattr *a[OVS_PACKET_ATTR_MAX + 1];
	bool found = false;
	for (const struct nlmsghdr *nlh; (nlh = dp_datagram_next(&at, &left)) != NULL;) {
		assert_int_equal(dp_msg_parse(nlh, a, OVS_PACKET_ATTR_MAX, NULL), 0);
		found |= mnl_attr_get_payload_len(a[OVS_PACKET_ATTR_PACKET]) == len;
	}
	return found;
}

static void a_handler_that_does_not_read_stops_no_other(void **state)
{
	enum drop_reason reason;
	(void)state;
	dispatch(two.c, two.dp, two.handlers);
	// Until its socket is full and packets are lost, not kept.
	for (uint64_t before = lost(two.c, two.dp); lost(two.c, two.dp) < before + 100;) {
		assert_true(miss(&two.rxq, packet(two.no, 1, 1400), &reason) ||
			    reason == DROP_UPCALL_RING_FULL);
	}
	do {
	} while (!miss(&two.rxq, packet(two.no, 0, 99), &reason));
	assert_int_equal(upcall(two.handlers[0], two.dp, two.no), 99);
	// It lost packets, not its connection.
	for (bool found = false; !found;) {
		miss(&two.rxq, packet(two.no, 1, 77), &reason);
		int len = receive(two.handlers[1], buf);
		assert_true(len > 0);
		found = has_packet(buf, (size_t)len, 77);
	}
}

static void handlers_take_no_clients_place(void **state)
{
	struct dp_client *c[63];
	(void)state;
	dispatch(two.c, two.dp, two.handlers);
	for (unsigned i = 0; i < 63; i++) {
		c[i] = client();
		assert_int_equal(info(c[i]), 0);
	}
	for (unsigned i = 0; i < 63; i++)
		dp_client_close(c[i]);
}

static void a_ports_upcalls_are_its_pids(void **state)
{
	enum drop_reason reason;
	(void)state;
	uint32_t pid = pid_of(two.handlers[1]);
	struct nlmsghdr *nlh = begin(two.c, DP_FAMILY_VPORT, OVS_VPORT_CMD_SET, 0, two.dp);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_PORT_NO, two.no);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_UPCALL_PID, pid);
	assert_int_equal(call(two.c, on_vport, NULL), 0);
	assert_true(miss(&two.rxq, packet(two.no, 0, 60), &reason));
	assert_int_equal(upcall(two.handlers[1], two.dp, two.no), 60);

	struct rte_mbuf *m = packet(two.no, 0, 61);
	packet_meta(m)->is_action = true;
	packet_meta(m)->userspace.pid = pid_of(two.handlers[0]);
	assert_true(miss(&two.rxq, m, &reason));
	assert_int_equal(upcall(two.handlers[0], two.dp, two.no), 61);
}

// The next upcall's attributes, which are valid until another is received.
static void upcall_parse(struct dp_client *c, const struct nlattr **a)
{
	assert_true(receive(c, buf) > 0);
	assert_int_equal(dp_msg_parse((const struct nlmsghdr *)buf, a, OVS_PACKET_ATTR_MAX, NULL),
			 0);
}

static void a_packet_without_ethernet_is_told_without_it(void **state)
{
	const struct nlattr *a[OVS_PACKET_ATTR_MAX + 1];
	struct flow_key key;
	enum drop_reason reason;
	(void)state;
	dispatch(two.c, two.dp, two.handlers);
	for (unsigned no_eth = 0; no_eth < 2; no_eth++) {
		struct rte_mbuf *m = packet(two.no, 0, 60);
		packet_meta(m)->no_eth = no_eth;
		packet_meta(m)->recirc_id = 5;
		assert_true(miss(&two.rxq, m, &reason));
		upcall_parse(two.handlers[0], a);
		assert_int_equal(dp_key_parse(a[OVS_PACKET_ATTR_KEY], &key, NULL), 0);
		assert_int_equal(key.nw_frag, no_eth ? NW_NO_ETH : 0);
		assert_int_equal(key.eth_type_be, htons(0x1212));
		assert_int_equal(mnl_attr_get_payload_len(a[OVS_PACKET_ATTR_PACKET]),
				 no_eth ? 60 - 14 : 60);
	}
}

static void flow_new(uint32_t out_port)
{
	struct nlmsghdr *nlh = begin(two.c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, 0, two.dp);
	size_t room = dp_client_room(two.c);
	const struct flow_key key = {.in_port = two.no, .eth_type_be = htons(0x1212)};
	const struct flow_key mask = {.in_port = UINT32_MAX, .eth_type_be = UINT16_MAX};
	const struct action output = {.type = ACTION_OUTPUT, .u.port = out_port};
	dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &key, NULL);
	dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &key, &mask);
	dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, &output, 1);
	assert_int_equal(call(two.c, NULL, NULL), 0);
}

static void an_action_is_told_what_it_asked_for(void **state)
{
	const struct nlattr *a[OVS_PACKET_ATTR_MAX + 1];
	enum drop_reason reason;
	(void)state;
	dispatch(two.c, two.dp, two.handlers);
	flow_new(two.no);
	for (unsigned asks = 0; asks < 2; asks++) {
		struct rte_mbuf *m = packet(two.no, 0, 60);
		struct packet_meta *meta = packet_meta(m);
		struct action list[2];
		struct flow_tunnel tun;
		uint8_t opts[FLOW_TUN_OPTS_MAX];
		meta->is_action = true;
		meta->userspace.wants_actions = meta->userspace.wants_tunnel = asks;
		flow_meta_use(&meta->flow, FLOW_COLD_TUN);
		meta->flow.tun.dst_be = htonl(0x0a000001);
		assert_true(miss(&two.rxq, m, &reason));
		upcall_parse(two.handlers[0], a);
		assert_int_equal(a[OVS_PACKET_ATTR_ACTIONS] != NULL, asks);
		assert_int_equal(a[OVS_PACKET_ATTR_EGRESS_TUN_KEY] != NULL, asks);
		if (!asks)
			continue;
		assert_int_equal(dp_actions_parse(a[OVS_PACKET_ATTR_ACTIONS], list, 2, NULL), 1);
		assert_int_equal(list[0].u.port, two.no);
		assert_int_equal(dp_tunnel_parse(a[OVS_PACKET_ATTR_EGRESS_TUN_KEY], false, &tun,
						 opts, NULL),
				 0);
		assert_int_equal(tun.dst_be, htonl(0x0a000001));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TWO(f) cmocka_unit_test_setup_teardown(f, two_start, two_stop)
	    TWO(a_pmds_upcalls_are_one_handlers),
	    TWO(packets_of_no_port_go_to_their_datapath),
	    TWO(a_handler_that_is_gone_loses_its_own_upcalls_only),
	    TWO(a_handler_that_does_not_read_stops_no_other),
	    TWO(handlers_take_no_clients_place),
	    TWO(a_ports_upcalls_are_its_pids),
	    TWO(a_packet_without_ethernet_is_told_without_it),
	    TWO(an_action_is_told_what_it_asked_for),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
