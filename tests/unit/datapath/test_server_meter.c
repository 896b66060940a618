// The meter family, as a client meets it.
#include "ctl/dp_meter.h"
#include "datapath/meter.h"
#include "tests/unit/datapath/server_fixture.h"

#include <errno.h>

static const struct dp_meter two_bands = {
    .id = 5,
    .flags = DP_METER_KBPS | DP_METER_L1,
    .n_bands = 2,
    .bands = {{.type = OVS_METER_BAND_TYPE_DROP, .rate = 2000, .burst = 100},
	      {.type = SWD_METER_BAND_TYPE_DSCP_REMARK, .rate = 1000, .prec_level = 2}},
};

static int set(struct dp_client *c, const struct dp_meter *meter)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_METER, OVS_METER_CMD_SET, 0);
	assert_true(dp_meter_put(nlh, dp_client_room(c), meter, false));
	return call(c, NULL, NULL);
}

struct answer {
	unsigned n;
	struct dp_meter last;
};

static void on_meter(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *answer = arg;
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_METER);
	assert_int_equal(dp_meter_parse(nlh, &answer->last, NULL), 0);
	answer->n++;
}

static int ask(struct dp_client *c, uint8_t cmd, uint32_t id, struct answer *answer)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_METER, cmd, 0);
	mnl_attr_put_u32(nlh, OVS_METER_ATTR_ID, id);
	*answer = (struct answer){0};
	return call(c, on_meter, answer);
}

static unsigned count_all(struct dp_client *c)
{
	struct answer answer = {0};
	dp_client_begin(c, DP_FAMILY_METER, OVS_METER_CMD_GET, NLM_F_DUMP);
	assert_int_equal(call(c, on_meter, &answer), 0);
	return answer.n;
}

static int meters_gone(void **state)
{
	int rc = each_stop(state);
	meters_fini();
	return rc;
}

static void a_meter_lives_as_the_protocol_says(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct dp_meter other = two_bands;
	struct answer answer;
	assert_int_equal(set(c, &two_bands), 0);
	assert_int_equal(ask(c, OVS_METER_CMD_GET, 5, &answer), 0);
	assert_int_equal(answer.n, 1);
	answer.last.duration_ms = 0;
	assert_memory_equal(&answer.last, &two_bands, sizeof(two_bands));

	other.n_bands = 1;
	other.bands[1] = (struct dp_meter_band){0};
	assert_int_equal(set(c, &other), 0);
	assert_int_equal(ask(c, OVS_METER_CMD_DEL, 5, &answer), 0);
	answer.last.duration_ms = 0;
	assert_memory_equal(&answer.last, &other, sizeof(other));
	assert_int_equal(ask(c, OVS_METER_CMD_DEL, 5, &answer), -ENOENT);
	assert_int_equal(ask(c, OVS_METER_CMD_GET, 5, &answer), -ENOENT);
	assert_non_null(strstr(fx.text, "meter 5"));
	dp_client_close(c);
}

static void counters_are_answered(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct meter_load load = {.frames = {1, 1}, .bytes = {1000, 500}};
	struct meter_verdict verdict;
	struct answer answer;
	assert_int_equal(set(c, &two_bands), 0);
	meter_account(meter_get(0, 5), 3, rte_rdtsc(), &load, 2, &verdict);
	assert_int_equal(ask(c, OVS_METER_CMD_GET, 5, &answer), 0);
	assert_int_equal(answer.last.packets, 2);
	assert_int_equal(answer.last.bytes, 1500 + 2 * DP_METER_L1_BYTES);
	dp_client_close(c);
}

static void many_meters_are_dumped(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct dp_meter meter = two_bands;
	assert_int_equal(count_all(c), 0);
	for (meter.id = 0; meter.id <= DP_METERS_MAX; meter.id += 4)
		assert_int_equal(set(c, &meter), 0);
	assert_int_equal(count_all(c), DP_METERS_MAX / 4 + 1);
	dp_client_close(c);
}

static void on_features(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[OVS_METER_ATTR_MAX + 1], *band;
	uint32_t *types = arg;
	assert_int_equal(dp_msg_parse(nlh, attrs, OVS_METER_ATTR_MAX, NULL), 0);
	assert_int_equal(mnl_attr_get_u32(attrs[OVS_METER_ATTR_MAX_METERS]), DP_METERS_MAX);
	assert_int_equal(mnl_attr_get_u32(attrs[OVS_METER_ATTR_MAX_BANDS]), DP_METER_BANDS_MAX);
	mnl_attr_for_each_nested (band, attrs[OVS_METER_ATTR_BANDS]) {
		const struct nlattr *b[OVS_BAND_ATTR_MAX + 1];
		assert_int_equal(dp_nest_parse(band, b, OVS_BAND_ATTR_MAX, NULL), 0);
		*types++ = mnl_attr_get_u32(b[OVS_BAND_ATTR_TYPE]);
	}
}

static void features_say_what_is_built(void **state)
{
	(void)state;
	struct dp_client *c = client();
	uint32_t types[2] = {0};
	dp_client_begin(c, DP_FAMILY_METER, OVS_METER_CMD_FEATURES, 0);
	assert_int_equal(call(c, on_features, types), 0);
	assert_int_equal(types[0], OVS_METER_BAND_TYPE_DROP);
	assert_int_equal(types[1], SWD_METER_BAND_TYPE_DSCP_REMARK);
	dp_client_close(c);
}

static void what_does_not_do_is_refused(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct dp_meter meter = two_bands;
	meter.id = DP_METERS_MAX + 1;
	assert_int_equal(set(c, &meter), -EINVAL);
	assert_non_null(strstr(fx.text, "4097"));
	meter.id = 1;
	meter.bands[1].rate = 0;
	assert_int_equal(set(c, &meter), -EINVAL);
	assert_int_equal(count_all(c), 0);
	dp_client_close(c);
}

static int add_flow(struct dp_client *c, const struct action *actions, unsigned n)
{
	const struct flow_match match = {.key = {.in_port = 1}, .mask = {.in_port = UINT32_MAX}};
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, 0);
	size_t room = dp_client_room(c);
	dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match.key, NULL);
	dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match.key, &match.mask);
	dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, actions, n);
	return call(c, NULL, NULL);
}

static void a_flow_cannot_name_a_meter_that_is_not_there(void **state)
{
	(void)state;
	struct dp_client *c = client();
	const struct action list[] = {{.type = ACTION_METER, .u.meter_id = 5},
				      {.type = ACTION_METER, .u.meter_id = 6},
				      {.type = ACTION_OUTPUT, .u.port = 2}};
	struct answer answer;
	assert_int_equal(set(c, &two_bands), 0);
	assert_int_equal(add_flow(c, list, 3), -ENOENT);
	assert_non_null(strstr(fx.text, "action 2: there is no meter 6"));
	struct dp_meter six = two_bands;
	six.id = 6;
	assert_int_equal(set(c, &six), 0);
	assert_int_equal(add_flow(c, list, 3), 0);
	// It may go first; the flow stays.
	assert_int_equal(ask(c, OVS_METER_CMD_DEL, 6, &answer), 0);
	assert_int_equal(flow_table_n_flows(fx.flows), 1);
	dp_client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_start, meters_gone)
	    TEST(a_meter_lives_as_the_protocol_says),
	    TEST(counters_are_answered),
	    TEST(many_meters_are_dumped),
	    TEST(features_say_what_is_built),
	    TEST(what_does_not_do_is_refused),
	    TEST(a_flow_cannot_name_a_meter_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
