// Several datapaths in one server, as OVS's dpif-netlink meets them: what is one's is not
// another's.
#include "datapath/ufid_index.h"
#include "tests/unit/datapath/datapath_calls.h"

static _Alignas(8) char buf[DP_DATAGRAM_MAX];

static void a_datapath_lives_as_the_kernels_does(void **state)
{
	struct dp_client *c = client();
	(void)state;
	assert_int_equal(dp_dump(c, 0), 0); // swctld's own is not told to who asks for all
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	assert_true(a > DP_IFINDEX && b > a);
	assert_int_equal(dp_new(c, "ovs-a", 0), -EEXIST);
	assert_int_equal(dp_dump(c, 0), 2);
	assert_int_equal(dp_dump(c, DP_IFINDEX), 1);
	assert_string_equal(got.name, DP_NAME);

	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, 0, "ovs-a"), 0);
	assert_int_equal(got.ifindex, a);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, b, NULL), 0);
	assert_string_equal(got.name, "ovs-b");
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, 0, "ovs-c"), -ENODEV);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, 99, NULL), -ENODEV);

	assert_int_equal(dp_ask(c, OVS_DP_CMD_DEL, a, NULL), 0);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, a, NULL), -ENODEV);
	assert_true(dp_made(c, "ovs-a") > b); // its number is not used again
	assert_int_equal(dp_ask(c, OVS_DP_CMD_DEL, DP_IFINDEX, NULL), -EPERM);
	dp_client_close(c);
}

static void only_what_works_is_a_feature(void **state)
{
	struct dp_client *c = client();
	(void)state;
	assert_int_equal(dp_new(c, "ovs-a", OVS_DP_F_UNALIGNED | 1u << 31), -EOPNOTSUPP);
	assert_int_equal(dp_new(c, "ovs-a", OVS_DP_F_TC_RECIRC_SHARING), -EOPNOTSUPP);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, 0, "ovs-a"), -ENODEV); // refused means not made
	assert_int_equal(dp_new(c, "ovs-a", OVS_DP_F_UNALIGNED | OVS_DP_F_DISPATCH_UPCALL_PER_CPU),
			 0);
	assert_int_equal(got.features, OVS_DP_F_UNALIGNED | OVS_DP_F_DISPATCH_UPCALL_PER_CPU);
	struct nlmsghdr *nlh =
	    begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_SET, NLM_F_ECHO, got.ifindex);
	mnl_attr_put_u32(nlh, OVS_DP_ATTR_USER_FEATURES, got.features | 1u << 31);
	assert_int_equal(call(c, on_dp, NULL), -EOPNOTSUPP);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, got.ifindex, NULL), 0);
	assert_int_equal(got.features, OVS_DP_F_UNALIGNED | OVS_DP_F_DISPATCH_UPCALL_PER_CPU);
	dp_client_close(c);
}

static void ports_are_one_datapaths_and_numbers_are_all_ones(void **state)
{
	struct dp_client *c = client();
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	uint32_t no_a = vport_made(c, a, "vx-a"), no_b = vport_made(c, b, "vx-b");
	assert_int_not_equal(no_a, no_b);
	assert_int_equal(got.type, OVS_VPORT_TYPE_VXLAN);
	assert_int_equal(vport_dump(c, a), 1);
	assert_string_equal(got.name, "vx-a");
	assert_int_equal(vport_dump(c, DP_IFINDEX), 0);

	assert_int_equal(vport_new(c, b, "vx-a", 0), -EEXIST);
	assert_int_equal(vport_new(c, b, "vx-c", no_a), -EBUSY);
	assert_int_equal(vport_new(c, 99, "vx-c", 0), -ENODEV);

	// The name wins over the number, and without a datapath all have it.
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_GET, a, "vx-a", 0), 0);
	assert_int_equal(got.port_no, no_a);
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_GET, 0, "vx-b", 0), 0);
	assert_int_equal(got.ifindex, b);
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_GET, a, "vx-b", 0), -ENODEV);
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_GET, a, NULL, no_b), -ENODEV);
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_DEL, a, NULL, no_b), -ENODEV);
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_DEL, b, NULL, no_b), 0);
	assert_int_equal(vport_dump(c, b), 0);
	dp_client_close(c);
}

struct told {
	unsigned n;
	uint32_t in_port; // 0: none
	bool keyless;
	struct ovs_flow_stats stats;
};

static void on_flow(const struct nlmsghdr *nlh, void *arg)
{
	struct told *told = arg;
	const struct nlattr *a[OVS_FLOW_ATTR_MAX + 1];
	struct flow_key key = {.in_port = 0};
	assert_int_equal(dp_msg_parse(nlh, a, OVS_FLOW_ATTR_MAX, NULL), 0);
	told->n++;
	told->keyless = a[OVS_FLOW_ATTR_KEY] == NULL;
	if (!told->keyless)
		assert_int_equal(dp_key_parse_origin(a[OVS_FLOW_ATTR_KEY], &key, NULL), 0);
	told->in_port = key.in_port;
	memcpy(&told->stats, mnl_attr_get_payload(a[OVS_FLOW_ATTR_STATS]), sizeof(told->stats));
}

struct flow_ask {
	uint32_t ifindex, in_port, out_port;
	uint16_t flags;
	const char *ufid; // 16 bytes, or NULL
	bool terse, clear, maskless;
};

static int flow(struct dp_client *c, uint8_t cmd, const struct flow_ask *ask, struct told *told)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_FLOW, cmd, ask->flags, ask->ifindex);
	size_t room = dp_client_room(c);
	const struct flow_key key = {.in_port = ask->in_port, .eth_type_be = htons(0x1234)};
	const struct flow_key mask = {.in_port = UINT32_MAX, .eth_type_be = UINT16_MAX};
	const struct action output = {.type = ACTION_OUTPUT, .u.port = ask->out_port};
	if (ask->ufid != NULL)
		mnl_attr_put(nlh, OVS_FLOW_ATTR_UFID, 16, ask->ufid);
	if (ask->terse)
		mnl_attr_put_u32(nlh, OVS_FLOW_ATTR_UFID_FLAGS,
				 OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK |
				     OVS_UFID_F_OMIT_ACTIONS);
	if (ask->in_port != 0) {
		dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &key, NULL);
		if (!ask->maskless)
			dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &key, &mask);
	}
	if (ask->clear)
		mnl_attr_put(nlh, OVS_FLOW_ATTR_CLEAR, 0, NULL);
	if (cmd == OVS_FLOW_CMD_NEW || cmd == OVS_FLOW_CMD_SET)
		dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, &output, ask->out_port != 0);
	if (told != NULL)
		memset(told, 0, sizeof(*told));
	return call(c, told != NULL ? on_flow : NULL, told);
}

#define FLOW(c, cmd, told, ...) flow(c, OVS_FLOW_CMD_##cmd, &(struct flow_ask){__VA_ARGS__}, told)

static void flows_are_one_datapaths(void **state)
{
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	uint32_t no_a = vport_made(c, a, "vx-a"), no_b = vport_made(c, b, "vx-b");
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no_a, .out_port = no_a), 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = b, .in_port = no_b, .out_port = no_b), 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no_b, .out_port = no_a),
			 -EINVAL);
	assert_non_null(strstr(fx.text, "another datapath"));
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no_a, .out_port = no_b,
			      .flags = NLM_F_REPLACE),
			 -EINVAL);
	assert_non_null(strstr(fx.text, "another datapath"));
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = DP_IFINDEX, .in_port = no_b,
			      .out_port = no_b),
			 -EINVAL);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = b, .in_port = no_a), -EINVAL);

	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.in_port, no_a);
	dp_ask(c, OVS_DP_CMD_GET, b, NULL);
	assert_int_equal(got.stats.n_flows, 1);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = a), 0); // all of it
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 0);
	assert_int_equal(FLOW(c, GET, &told, .ifindex = b, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 1);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_DEL, b, NULL), 0);
	assert_int_equal(flow_table_n_flows(fx.flows), 0);
	dp_client_close(c);
}

// Two have flows for a number that is nobody's: none changes the other's.
static void flows_of_a_number_that_is_free_are_each_ones_own(void **state)
{
	enum { NO = 40 };
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b"), no_b = vport_made(c, b, "vx-b");
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = NO), 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = b, .in_port = NO, .out_port = no_b,
			      .flags = NLM_F_REPLACE, .ufid = "0123456789abcdef"),
			 -EEXIST);
	assert_int_equal(FLOW(c, GET, &told, .ifindex = b, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = NO, .flags = NLM_F_REPLACE),
			 0);
	assert_int_equal(vport_new(c, a, "vx-a", NO), 0);
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 1);
	dp_client_close(c);
}

// What stands for "no port" of one datapath is nothing of another's, before and after.
static void the_number_of_no_port_is_its_datapaths_own(void **state)
{
	enum { NONE_A = PORTS_MAX - 1, NONE_B = PORTS_MAX - 2 };
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a");
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = NONE_B), 0);
	uint32_t b = dp_made(c, "ovs-b");
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = NONE_B), -EINVAL);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = b, .in_port = NONE_A), -EINVAL);
	assert_non_null(strstr(fx.text, "another datapath"));
	dp_client_close(c);
}

// Names go into the log and on the screen; lists of pids into each answer.
static void names_and_lists_are_bounded(void **state)
{
	static const char *const bad[] = {"a\nb", "a/b", "a b", "\x1b[2J", "\xc3\xa4"};
	static uint32_t pids[16370]; // as many as a request has room for
	struct dp_client *c = client();
	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dp_new(c, bad[i], 0), -EINVAL);
	uint32_t a = dp_made(c, "ovs-a"), no = vport_made(c, a, "vx-a");
	for (unsigned i = 0; i < sizeof(pids) / sizeof(pids[0]); i++)
		pids[i] = 1000 + i;
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_SET, 0, a);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_PORT_NO, no);
	mnl_attr_put(nlh, OVS_VPORT_ATTR_UPCALL_PID, sizeof(pids), pids);
	assert_int_equal(call(c, on_vport, NULL), 0);
	assert_int_equal(vport_dump(c, a), 1);
	dp_client_close(c);
}

// What a datapath still has for a port that was its own must not act on another's.
static void a_number_that_changes_hands_takes_flows_along(void **state)
{
	enum { NO = 40, OTHER = 41, THIRD = 42 };
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = NO, .out_port = OTHER), 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = OTHER, .out_port = NO), 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = THIRD, .out_port = OTHER), 0);
	assert_int_equal(vport_new(c, b, "vx-b", NO), 0);
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .flags = NLM_F_DUMP), 0);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.in_port, THIRD);
	assert_int_not_equal(vport_made(c, a, "vx-a"), NO);
	dp_client_close(c);
}

// The key of packets that came from no port, as a control daemon's own.
static void without_a_port_flows_of_two_datapaths_do_not_meet(void **state)
{
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t dps[2];
	dps[0] = dp_made(c, "ovs-a");
	dps[1] = dp_made(c, "ovs-b");
	for (unsigned i = 0; i < 2; i++) {
		struct nlmsghdr *nlh =
		    begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_CREATE, dps[i]);
		const struct flow_key key = {.in_port = DP_IN_PORT_NONE, .recirc_id = 1};
		const struct flow_key mask = {.recirc_id = UINT32_MAX};
		dp_key_put(nlh, dp_client_room(c), OVS_FLOW_ATTR_KEY, &key, NULL);
		dp_key_put(nlh, dp_client_room(c), OVS_FLOW_ATTR_MASK, &key, &mask);
		mnl_attr_put(nlh, OVS_FLOW_ATTR_ACTIONS, 0, NULL);
		assert_int_equal(call(c, NULL, NULL), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(FLOW(c, GET, &told, .ifindex = dps[i], .flags = NLM_F_DUMP), 0);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.in_port, 0);
	}
	dp_client_close(c);
}

static void a_ufid_alone_names_a_flow(void **state)
{
	static const char name[] = "0123456789abcdef", other[] = "0123456789abcdeX";
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	uint32_t no = vport_made(c, a, "vx-a"), no_2 = vport_made(c, a, "vx-2");
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no, .out_port = no,
			      .flags = NLM_F_CREATE, .ufid = name),
			 0);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no, .out_port = no,
			      .flags = NLM_F_CREATE, .ufid = name),
			 -EEXIST);
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no_2, .out_port = no,
			      .flags = NLM_F_CREATE, .ufid = name),
			 -EEXIST);
	assert_int_equal(FLOW(c, NEW, &told, .ifindex = a, .in_port = no, .out_port = no,
			      .flags = NLM_F_ECHO, .ufid = name),
			 0); // replaces
	assert_int_equal(told.n, 1);
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .ufid = name), 0);
	assert_int_equal(told.in_port, no);
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .ufid = name, .terse = true), 0);
	assert_true(told.keyless);
	assert_int_equal(FLOW(c, GET, NULL, .ifindex = a, .ufid = other), -ENOENT);
	assert_int_equal(FLOW(c, GET, NULL, .ifindex = b, .ufid = name), -ENOENT);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = b, .ufid = name), -ENOENT);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = a, .ufid = name), 0);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = a, .ufid = name), -ENOENT);
	dp_client_close(c);
}

// As `ovs-dpctl mod-flow --clear` and `del-flow` ask.
static void counts_are_cleared_and_a_key_alone_names_a_flow(void **state)
{
	struct dp_client *c = client();
	struct told told;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), no = vport_made(c, a, "vx-a"), cursor = 0;
	assert_int_equal(FLOW(c, NEW, NULL, .ifindex = a, .in_port = no, .out_port = no), 0);
	struct flow_counters *pmd = flow_counters_create(fx.flows, SOCKET_ID_ANY);
	const struct megaflow *mf = flow_table_next(fx.flows, &cursor);
	flow_counters_add(pmd, mf, 3, 300, 1, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(FLOW(c, SET, &told, .ifindex = a, .in_port = no, .out_port = no,
				      .flags = NLM_F_ECHO, .clear = true),
				 0);
		assert_int_equal(told.stats.n_packets, 3); // until then
		flow_counters_add(pmd, mf, 3, 100, 1, 0);
	}
	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .in_port = no), 0);
	assert_int_equal(told.stats.n_packets, 3);
	assert_int_equal(told.stats.n_bytes, 100);

	assert_int_equal(FLOW(c, GET, &told, .ifindex = a, .in_port = no, .maskless = true), 0);
	assert_int_equal(told.n, 1);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = a, .in_port = no, .maskless = true), 0);
	assert_int_equal(FLOW(c, DEL, NULL, .ifindex = a, .in_port = no, .maskless = true),
			 -ENOENT);
	flow_counters_destroy(fx.flows, pmd);
	dp_client_close(c);
}

static void ufids_are_found_among_many(void **state)
{
	enum { N = 3000 };
	struct ufid_index index = {0};
	struct megaflow *flows = calloc(N, sizeof(*flows));
	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		flows[i].owner = i % 3;
		memcpy(flows[i].ufid, &(uint32_t){i / 6}, sizeof(i)); // many meet in the table
		flows[i].ufid[15] = (uint8_t)(i % 2);
		assert_int_equal(ufid_index_add(&index, &flows[i]), 0);
	}
	assert_int_equal(ufid_index_add(&index, &flows[7]), -EEXIST);
	for (uint32_t i = 0; i < N; i += 2)
		ufid_index_del(&index, &flows[i]);
	ufid_index_del(&index, &flows[0]); // it is not there
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(ufid_index_find(&index, flows[i].owner, flows[i].ufid),
				 i % 2 ? &flows[i] : NULL);
	assert_int_equal(index.n, N / 2);
	ufid_index_fini(&index);
	free(flows);
}

static int meter_set_to(struct dp_client *c, uint32_t ifindex, uint32_t id, uint32_t rate)
{
	const struct dp_meter meter = {.id = id,
				       .n_bands = 1,
				       .bands = {{.type = OVS_METER_BAND_TYPE_DROP, .rate = rate}}};
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_METER, OVS_METER_CMD_SET, NLM_F_ECHO, ifindex);
	unsigned n = 0;
	dp_meter_put(nlh, dp_client_room(c), &meter, false);
	int rc = call(c, count_answer, &n);
	assert_int_equal(n, rc == 0); // dpif-netlink reads the id there
	return rc;
}

static unsigned meter_rate(unsigned slot, uint32_t id)
{
	struct dp_meter meter;
	return meter_read(slot, id, &meter) ? meter.bands[0].rate : 0;
}

static void meters_are_one_datapaths(void **state)
{
	struct dp_client *c = client();
	(void)state;
	uint32_t a = dp_made(c, "ovs-a");
	unsigned slot = datapath_by_ifindex(a)->slot;
	assert_int_equal(meter_set_to(c, DP_IFINDEX, 7, 100), 0);
	assert_int_equal(meter_set_to(c, a, 7, 200), 0);
	assert_int_equal(meter_set_to(c, a, 8, 300), 0);
	assert_int_equal(meter_rate(0, 7), 100);
	assert_int_equal(meter_rate(slot, 7), 200);
	assert_int_equal(meter_rate(0, 8), 0);
	assert_int_equal(dp_ask(c, OVS_DP_CMD_DEL, a, NULL), 0);
	assert_int_equal(meter_rate(slot, 7), 0);
	assert_int_equal(meter_rate(0, 7), 100);
	assert_int_equal(meter_del(0, 7), 0);
	dp_client_close(c);
}

// A subscriber hears of its datapath's ports, and of what it missed.
static void ports_are_told_to_who_subscribed(void **state)
{
	static const uint8_t cmds[] = {OVS_VPORT_CMD_NEW, OVS_VPORT_CMD_SET, OVS_VPORT_CMD_DEL};
	struct dp_client *c = client(), *all = client(), *one = client();
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	begin(all, DP_FAMILY_SWD, SWD_CMD_SUBSCRIBE, 0, 0);
	assert_int_equal(call(all, NULL, NULL), 0);
	begin(one, DP_FAMILY_SWD, SWD_CMD_SUBSCRIBE, 0, b);
	assert_int_equal(call(one, NULL, NULL), 0);

	uint32_t no = vport_made(c, a, "vx-a");
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_SET, a, NULL, no), 0);
	assert_int_equal(vport_ask(c, OVS_VPORT_CMD_DEL, a, NULL, no), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(receive(all, buf) > 0);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		assert_int_equal(dp_msg_cmd(nlh), cmds[i]);
		assert_int_equal(nlh->nlmsg_seq, 0);
		on_vport(nlh, NULL);
		assert_int_equal(got.ifindex, a);
		assert_int_equal(got.port_no, no);
	}
	vport_made(c, b, "vx-b");
	assert_true(receive(one, buf) > 0); // the first that it hears of
	on_vport((const struct nlmsghdr *)buf, NULL);
	assert_int_equal(got.ifindex, b);
	dp_client_close(c);
	dp_client_close(all);
	dp_client_close(one);
}

static void a_subscriber_that_did_not_read_is_told_once(void **state)
{
	struct dp_client *c = client(), *slow = client();
	unsigned n_told = 0, n_lost = 0, n_set = 0;
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), no = vport_made(c, a, "vx-a");
	begin(slow, DP_FAMILY_SWD, SWD_CMD_SUBSCRIBE, 0, a);
	assert_int_equal(call(slow, NULL, NULL), 0);
	for (; n_set < 20000; n_set++)
		assert_int_equal(vport_ask(c, OVS_VPORT_CMD_SET, a, NULL, no), 0);
	while (n_lost == 0) {
		int len = receive(slow, buf);
		assert_true(len > 0);
		const char *at = buf;
		size_t left = (size_t)len;
		for (const struct nlmsghdr *nlh; (nlh = dp_datagram_next(&at, &left)) != NULL;) {
			n_told += nlh->nlmsg_type == DP_FAMILY_VPORT;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				n_lost += dp_msg_error_parse(nlh, NULL, 0) == -ENOBUFS;
		}
	}
	assert_true(n_told < n_set);
	assert_int_equal(n_lost, 1);
	vport_ask(c, OVS_VPORT_CMD_DEL, a, NULL, no);
	assert_true(receive(slow, buf) > 0);
	assert_int_equal(dp_msg_cmd((const struct nlmsghdr *)buf), OVS_VPORT_CMD_DEL);
	dp_client_close(c);
	dp_client_close(slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_datapath_lives_as_the_kernels_does, each_start,
					    each_stop),
	    cmocka_unit_test_setup_teardown(only_what_works_is_a_feature, each_start, each_stop),
	    cmocka_unit_test_setup_teardown(ports_are_one_datapaths_and_numbers_are_all_ones,
					    each_start, each_stop),
	    cmocka_unit_test_setup_teardown(flows_are_one_datapaths, each_start, each_stop),
	    cmocka_unit_test_setup_teardown(flows_of_a_number_that_is_free_are_each_ones_own,
					    each_start, each_stop),
	    cmocka_unit_test_setup_teardown(names_and_lists_are_bounded, each_start, each_stop),
	    cmocka_unit_test_setup_teardown(the_number_of_no_port_is_its_datapaths_own, each_start,
					    each_stop),
	    cmocka_unit_test_setup_teardown(a_number_that_changes_hands_takes_flows_along,
					    each_start, each_stop),
	    cmocka_unit_test_setup_teardown(without_a_port_flows_of_two_datapaths_do_not_meet,
					    each_start, each_stop),
	    cmocka_unit_test_setup_teardown(a_ufid_alone_names_a_flow, each_start, each_stop),
	    cmocka_unit_test_setup_teardown(counts_are_cleared_and_a_key_alone_names_a_flow,
					    each_start, each_stop),
	    cmocka_unit_test_setup_teardown(meters_are_one_datapaths, each_start, each_stop),
	    cmocka_unit_test(ufids_are_found_among_many),
	    cmocka_unit_test_setup_teardown(ports_are_told_to_who_subscribed, each_start,
					    each_stop),
	    cmocka_unit_test_setup_teardown(a_subscriber_that_did_not_read_is_told_once, each_start,
					    each_stop),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
