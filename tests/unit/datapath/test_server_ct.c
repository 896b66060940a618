// Connection tracking, as a client of the datapath protocol meets it.
#include "ctl/dp_ct.h"
#include "ctl/dp_ct_frag.h"
#include "datapath/ct.h"
#include "datapath/ct_frag_step.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_table.h"
#include "datapath/ct_timeout.h"
#include "tests/unit/datapath/server_fixture.h"

#include <errno.h>
#include <rte_ip.h>

#define MAX_CONNS 10000u
#define LIFE_MS	  100000u

static int up(void **state)
{
	return ct_init(fx.rcu, MAX_CONNS) == 0 && ct_prepare(0) == 0 ? each_start(state) : -1;
}

static int down(void **state)
{
	int rc = each_stop(state);
	ct_fini();
	return rc;
}

// A connection of the first datapath, that TCP made.
static struct ct_conn *add(uint32_t n, uint16_t zone)
{
	struct ct_conn *conn = ct_conn_get(0, n % 2);
	uint32_t now = ct_time(server_now_ms());
	conn->key = (struct ct_key){.src_v4_be = htonl(n),
				    .dst_v4_be = htonl(7),
				    .src_port_be = htons(100),
				    .dst_port_be = htons(80),
				    .zone = zone,
				    .proto = IPPROTO_TCP};
	conn->hash = ct_key_hash(&conn->key);
	conn->expires = now + ct_time(LIFE_MS);
	conn->mark = n;
	conn->label[1] = n;
	conn->tcp[1].state = CT_TCP_ESTABLISHED;
	conn->tcp[1].wscale = CT_WSCALE_KNOWN | 5;
	if (conn->ext != NULL) {
		ct_key_reverse(&conn->ext->reply, &conn->key);
		conn->ext->reply.dst_v4_be = htonl(n + 100000);
		conn->ext->nat = CT_NAT_SRC;
		conn->ext->alg = CT_ALG_FTP;
	}
	assert_int_equal(ct_table_insert(0, conn, now), 0);
	return conn;
}

struct dump {
	unsigned n;
	struct dp_ct_conn last;
};

static void on_conn(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *dump = arg;
	assert_int_equal(dp_ct_conn_parse(nlh, &dump->last, NULL), 0);
	dump->n++;
}

static struct dump dump_of(struct dp_client *c, const struct dp_ct_filter *filter)
{
	struct dump dump = {0};
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_GET, NLM_F_DUMP);
	assert_true(dp_ct_filter_put(nlh, dp_client_room(c), filter));
	assert_int_equal(call(c, on_conn, &dump), 0);
	return dump;
}

static int flush(struct dp_client *c, const struct dp_ct_filter *filter)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_DEL, 0);
	assert_true(dp_ct_filter_put(nlh, dp_client_room(c), filter));
	return call(c, NULL, NULL);
}

static const struct dp_ct_filter all;
static const struct dp_ct_filter zone_6 = {.has_zone = true, .zone = 6};

static void connections_are_dumped(void **state)
{
	struct dp_client *c = client();
	struct dump dump;
	(void)state;
	for (uint32_t i = 0; i < 1500; i++)
		add(i, 5);
	assert_int_equal(dump_of(c, &all).n, 1500);
	assert_int_equal(dump_of(c, &zone_6).n, 0);
	for (uint32_t i = 1502; i < 7000; i++) // so many that a dump has to let others in
		add(i, 5);
	add(1501, 6);
	dump = dump_of(c, &zone_6);
	assert_int_equal(dump.n, 1);
	assert_int_equal(dump.last.zone, 6);
	assert_int_equal(dump.last.mark, 1501);
	assert_int_equal(dump.last.labels[8] + 256 * dump.last.labels[9], 1501);
	assert_in_range(dump.last.timeout_s, LIFE_MS / 1000 - 2, LIFE_MS / 1000);
	assert_int_equal(dump.last.alg, DP_CT_ALG_FTP);
	assert_int_equal(dump.last.orig.src[2] * 256 + dump.last.orig.src[3], 1501);
	assert_int_equal(dump.last.orig.src_port_be, htons(100));
	assert_int_equal(dump.last.orig.proto, IPPROTO_TCP);
	assert_int_equal(dump.last.reply.dst[1], (1501 + 100000) >> 16);
	assert_true(dump.last.has_tcp);
	assert_false(dump.last.has_master);
	assert_int_equal(dump.last.tcp.state[1], CT_TCP_ESTABLISHED);
	assert_int_equal(dump.last.tcp.wscale[1], 5);
	dp_client_close(c);
}

static void connections_are_flushed_by_zone_and_by_tuple(void **state)
{
	struct dp_client *c = client();
	struct dp_ct_filter one = {.has_zone = true, .zone = 5, .has_tuple = true};
	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		add(i, 5);
		add(i, 6);
	}
	one.tuple = dump_of(c, &(struct dp_ct_filter){.has_zone = true, .zone = 5}).last.orig;
	assert_int_equal(flush(c, &one), 0);
	assert_int_equal(flush(c, &one), -ENOENT);
	assert_non_null(strstr(fx.text, "tuple"));
	assert_int_equal(dump_of(c, &all).n, 7);
	assert_int_equal(flush(c, &zone_6), 0);
	assert_int_equal(dump_of(c, &all).n, 3);
	assert_int_equal(flush(c, &all), 0);
	assert_int_equal(dump_of(c, &all).n, 0);
	dp_client_close(c);
}

static struct dp_ct_stats stats;

static void on_stats(const struct nlmsghdr *nlh, void *arg)
{
	bool has_limit, has_seq_chk;
	(void)arg;
	assert_int_equal(dp_ct_stats_parse(nlh, &stats, &has_limit, &has_seq_chk, NULL), 0);
}

static void stats_get(struct dp_client *c)
{
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_STATS_GET, 0);
	assert_int_equal(call(c, on_stats, NULL), 0);
}

static void statistics_and_settings_are_told(void **state)
{
	struct dp_client *c = client();
	struct nlmsghdr *nlh;
	(void)state;
	add(1, 5);
	stats_get(c);
	assert_int_equal(stats.count, 1);
	assert_int_equal(stats.limit, 0);
	assert_int_equal(stats.max_conns, MAX_CONNS);
	assert_true(stats.tcp_seq_chk);
	assert_true(stats.bytes > 0);
	nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_SET, 0);
	mnl_attr_put_u32(nlh, SWD_CT_STATS_ATTR_LIMIT, 10);
	assert_int_equal(call(c, NULL, NULL), 0);
	nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_SET, 0);
	mnl_attr_put_u8(nlh, SWD_CT_STATS_ATTR_TCP_SEQ_CHK, 0);
	assert_int_equal(call(c, NULL, NULL), 0);
	stats_get(c);
	assert_int_equal(stats.limit, 10); // what is absent stays
	assert_false(stats.tcp_seq_chk);
	dp_client_close(c);
}

static struct dp_ct_policy last;

static void on_policy(const struct nlmsghdr *nlh, void *arg)
{
	assert_int_equal(dp_ct_policy_parse(nlh, &last, NULL), 0);
	(*(unsigned *)arg)++;
}

static int policy_call(struct dp_client *c, uint8_t cmd, const struct dp_ct_policy *policy)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_SWD, cmd, 0);
	unsigned n = 0;
	assert_true(dp_ct_policy_put(nlh, dp_client_room(c), policy));
	return call(c, on_policy, &n);
}

static void policies_live_as_the_protocol_says(void **state)
{
	struct dp_client *c = client();
	struct dp_ct_policy policy = {.id = 4, .present = 1 << SWD_CT_TIMEOUT_UDP_SINGLE};
	unsigned n = 0;
	(void)state;
	policy.seconds[SWD_CT_TIMEOUT_UDP_SINGLE] = 9;
	assert_int_equal(policy_call(c, SWD_CMD_CT_POLICY_GET, &policy), -ENOENT);
	assert_int_equal(policy_call(c, SWD_CMD_CT_POLICY_SET, &policy), 0);
	assert_int_equal(policy_call(c, SWD_CMD_CT_POLICY_GET, &policy), 0);
	assert_int_equal(last.seconds[SWD_CT_TIMEOUT_UDP_SINGLE], 9);
	assert_int_equal(last.seconds[SWD_CT_TIMEOUT_TCP_ESTABLISHED], 24 * 3600);
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_POLICY_GET, NLM_F_DUMP);
	assert_int_equal(call(c, on_policy, &n), 0);
	assert_int_equal(n, 2); // with the default one
	assert_int_equal(policy_call(c, SWD_CMD_CT_POLICY_DEL, &policy), 0);
	assert_int_equal(policy_call(c, SWD_CMD_CT_POLICY_DEL, &policy), -ENOENT);
	policy.seconds[SWD_CT_TIMEOUT_UDP_SINGLE] = UINT32_MAX;
	assert_int_equal(policy_call(c, SWD_CMD_CT_POLICY_SET, &policy), -EINVAL);
	assert_non_null(strstr(fx.text, "seconds"));
	dp_client_close(c);
}

static void on_frags(const struct nlmsghdr *nlh, void *arg)
{
	assert_int_equal(dp_ct_frags_parse(nlh, arg, NULL), 0);
}

static struct dp_ct_frags frags_get(struct dp_client *c)
{
	struct dp_ct_frags frags;
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_FRAG_GET, 0);
	assert_int_equal(call(c, on_frags, &frags), 0);
	return frags;
}

static int frags_set(struct dp_client *c, uint16_t type, uint16_t ip_type, uint32_t value)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_FRAG_SET, 0);
	struct nlattr *nest = ip_type != 0 ? mnl_attr_nest_start(nlh, type) : NULL;
	if (ip_type == SWD_CT_FRAG_IP_ATTR_ENABLED)
		mnl_attr_put_u8(nlh, ip_type, (uint8_t)value);
	else
		mnl_attr_put_u32(nlh, nest != NULL ? ip_type : type, value);
	if (nest != NULL)
		mnl_attr_nest_end(nlh, nest);
	return call(c, NULL, NULL);
}

static void settings_of_fragments_are_told_and_bounded(void **state)
{
	const uint16_t v4 = SWD_CT_FRAG_ATTR_IPV4, v6 = SWD_CT_FRAG_ATTR_IPV6,
		       min_size = SWD_CT_FRAG_IP_ATTR_MIN_SIZE;
	struct dp_client *c = client();
	struct dp_ct_frags frags = frags_get(c);
	(void)state;
	assert_int_equal(frags.held_max, CT_FRAG_HELD_DEF);
	assert_int_equal(frags.ip[0].min_size, CT_FRAG_MIN_V4_DEF);
	assert_int_equal(frags.ip[1].min_size, CT_FRAG_MIN_V6_DEF);
	assert_true(frags.ip[0].enabled && frags.ip[1].enabled);
	assert_int_equal(frags_set(c, v4, min_size, 1000), 0);
	assert_int_equal(frags_set(c, v6, min_size, CT_FRAG_MIN_BOUND), 0);
	assert_int_equal(frags_set(c, v6, SWD_CT_FRAG_IP_ATTR_ENABLED, 0), 0);
	assert_int_equal(frags_set(c, SWD_CT_FRAG_ATTR_HELD_MAX, 0, 500), 0);
	assert_int_equal(frags_set(c, v4, min_size, CT_FRAG_MIN_BOUND - 1), -ERANGE);
	assert_int_equal(frags_set(c, SWD_CT_FRAG_ATTR_HELD_MAX, 0, CT_FRAG_HELD_MAX + 1), -ERANGE);
	frags = frags_get(c);
	assert_int_equal(frags.held_max, 500);
	assert_int_equal(frags.ip[0].min_size, 1000);
	assert_int_equal(frags.ip[1].min_size, CT_FRAG_MIN_BOUND);
	assert_true(frags.ip[0].enabled && !frags.ip[1].enabled);
	dp_client_close(c);
}

struct datagrams {
	unsigned n;
	struct swd_ct_frag_datagram last;
	char state[32];
};

static void on_datagram(const struct nlmsghdr *nlh, void *arg)
{
	struct datagrams *told = arg;
	const struct nlattr *a[SWD_CT_FRAG_ATTR_MAX + 1];
	assert_int_equal(dp_msg_parse(nlh, a, SWD_CT_FRAG_ATTR_MAX, NULL), 0);
	memcpy(&told->last, mnl_attr_get_payload(a[SWD_CT_FRAG_ATTR_DATAGRAM]), sizeof(told->last));
	snprintf(told->state, sizeof(told->state), "%s",
		 mnl_attr_get_str(a[SWD_CT_FRAG_ATTR_STATE]));
	told->n++;
}

// The first fragment of an IPv4 datagram of 10.0.0.1 and 10.0.0.2.
static void fragment_hold(uint16_t id, uint16_t zone)
{
	struct ct_frag_result result;
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	uint8_t *b = (uint8_t *)rte_pktmbuf_append(m, 14 + 1300);
	static const uint8_t ip[] = {0x45, 0, 1300 >> 8, 1300 & 0xff, 0, 0, 0x20, 0, 64, 17,
				     0,	   0, 10,	 0,	      0, 1, 10,	  0, 0,	 2};
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	memset(b, 0, 14 + 1300);
	b[12] = 8;
	memcpy(b + 14, ip, sizeof(ip));
	b[14 + 4] = (uint8_t)(id >> 8);
	b[14 + 5] = (uint8_t)id;
	uint16_t csum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)(b + 14));
	memcpy(b + 14 + 10, &csum, sizeof(csum));
	packet_meta(m)->in_port = 1;
	assert_int_equal(ct_frag_add(ct_frags_of(0), &m, zone, server_now_ms(), &result),
			 CT_FRAG_HELD);
}

static void fragments_that_wait_are_listed(void **state)
{
	struct dp_client *c = client();
	struct datagrams told = {0};
	(void)state;
	fragment_hold(0x1234, 7);
	fragment_hold(0x1235, 7);
	assert_int_equal(frags_get(c).held, 2);
	assert_int_equal(frags_get(c).ip[0].counters.accepted, 2);
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_FRAG_GET, NLM_F_DUMP);
	assert_int_equal(call(c, on_datagram, &told), 0);
	assert_int_equal(told.n, 2);
	assert_int_equal(ntohl(told.last.id_be), 0x1235);
	assert_int_equal(told.last.zone, 7);
	assert_int_equal(told.last.n_fragments, 1);
	assert_memory_equal(told.last.dst, ((uint8_t[16]){10, 0, 0, 2}), 16);
	assert_string_equal(told.state, "first frag");
	dp_client_close(c);
}

struct limits {
	unsigned n;
	struct ovs_zone_limit zones[8];
};

static void on_limits(const struct nlmsghdr *nlh, void *arg)
{
	struct limits *limits = arg;
	const struct nlattr *attr = dp_msg_first_attr(nlh);
	assert_int_equal(mnl_attr_get_type(attr), OVS_CT_LIMIT_ATTR_ZONE_LIMIT);
	assert_true(mnl_attr_get_payload_len(attr) <= sizeof(limits->zones));
	limits->n = mnl_attr_get_payload_len(attr) / sizeof(limits->zones[0]);
	memcpy(limits->zones, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
}

static int limits_call(struct dp_client *c, uint8_t cmd, const struct ovs_zone_limit *zones,
		       unsigned n, struct limits *out)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_CT_LIMIT, cmd, 0);
	if (n > 0)
		mnl_attr_put(nlh, OVS_CT_LIMIT_ATTR_ZONE_LIMIT, n * sizeof(*zones), zones);
	return call(c, out != NULL ? on_limits : NULL, out);
}

static void limits_are_those_of_the_kernels_family(void **state)
{
	struct dp_client *c = client();
	const struct ovs_zone_limit set[] = {{.zone_id = -1, .limit = 10},
					     {.zone_id = 5, .limit = 3}},
				    bad = {.zone_id = 65536, .limit = 1};
	struct limits got = {0};
	(void)state;
	add(1, 5);
	assert_int_equal(limits_call(c, OVS_CT_LIMIT_CMD_SET, set, 2, NULL), 0);
	assert_int_equal(limits_call(c, OVS_CT_LIMIT_CMD_GET, NULL, 0, &got), 0);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.zones[0].zone_id, -1);
	assert_int_equal(got.zones[0].limit, 10);
	assert_int_equal(got.zones[1].zone_id, 5);
	assert_int_equal(got.zones[1].limit, 3);
	assert_int_equal(got.zones[1].count, 1);
	assert_int_equal(limits_call(c, OVS_CT_LIMIT_CMD_DEL, &set[1], 1, NULL), 0);
	assert_int_equal(limits_call(c, OVS_CT_LIMIT_CMD_GET, &set[1], 1, &got), 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.zones[0].limit, 10);
	assert_int_equal(limits_call(c, OVS_CT_LIMIT_CMD_SET, &bad, 1, NULL), -EINVAL);
	assert_int_equal(limits_call(c, OVS_CT_LIMIT_CMD_SET, NULL, 0, NULL), -EINVAL);
	dp_client_close(c);
}

static void what_is_cut_short_is_refused(void **state)
{
	struct dp_client *c = client();
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_DEL, 0);
	(void)state;
	mnl_attr_put_u8(nlh, SWD_CT_ATTR_ZONE, 5);
	assert_int_equal(call(c, NULL, NULL), -EINVAL);
	assert_non_null(strstr(fx.text, "ZONE"));
	nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_DEL, 0);
	mnl_attr_put_u32(nlh, SWD_CT_ATTR_TUPLE_ORIG, 5);
	assert_int_equal(call(c, NULL, NULL), -EINVAL);
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_POLICY_SET, 0);
	assert_int_equal(call(c, NULL, NULL), -EINVAL);
	dp_client_close(c);
}

static void what_is_for_no_datapath_is_refused(void **state)
{
	static const struct {
		uint8_t cmd;
		uint16_t flags;
	} rows[] = {
	    {SWD_CMD_CT_GET, NLM_F_DUMP},
	    {SWD_CMD_CT_DEL, 0},
	    {SWD_CMD_CT_STATS_GET, 0},
	    {SWD_CMD_CT_SET, 0},
	    {SWD_CMD_CT_POLICY_SET, 0},
	    {SWD_CMD_CT_POLICY_GET, 0},
	    {SWD_CMD_CT_POLICY_GET, NLM_F_DUMP},
	    {SWD_CMD_CT_POLICY_DEL, 0},
	    {SWD_CMD_CT_FRAG_GET, 0},
	    {SWD_CMD_CT_FRAG_GET, NLM_F_DUMP},
	    {SWD_CMD_CT_FRAG_SET, 0},
	};
	struct dp_client *c = client();
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlmsghdr *nlh =
		    dp_client_begin(c, DP_FAMILY_SWD, rows[i].cmd, rows[i].flags);
		dp_msg_set_ifindex(nlh, 99);
		assert_int_equal(call(c, NULL, NULL), -ENODEV);
	}
	dp_client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
	    TEST(connections_are_dumped),
	    TEST(connections_are_flushed_by_zone_and_by_tuple),
	    TEST(statistics_and_settings_are_told),
	    TEST(policies_live_as_the_protocol_says),
	    TEST(settings_of_fragments_are_told_and_bounded),
	    TEST(fragments_that_wait_are_listed),
	    TEST(limits_are_those_of_the_kernels_family),
	    TEST(what_is_cut_short_is_refused),
	    TEST(what_is_for_no_datapath_is_refused),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
