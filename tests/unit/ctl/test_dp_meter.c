// Meters as messages.
#include "ctl/dp_meter.h"

#include "tests/unit/ctl/dp_fixture.h"

#include <errno.h>

static void rnd_meter(struct dp_meter *meter)
{
	memset(meter, 0, sizeof(*meter));
	meter->id = rnd(UINT32_MAX);
	meter->flags = rnd(4);
	meter->n_bands = rnd(DP_METER_BANDS_MAX + 1);
	for (unsigned i = 0; i < meter->n_bands; i++) {
		struct dp_meter_band *band = &meter->bands[i];
		bool is_remark = rnd(2) != 0;
		band->type = is_remark ? SWD_METER_BAND_TYPE_DSCP_REMARK
				       : (uint32_t)OVS_METER_BAND_TYPE_DROP;
		band->prec_level = is_remark ? (uint8_t)(1 + rnd(DP_METER_PREC_MAX)) : 0;
		band->rate = 1 + rnd(UINT32_MAX);
		band->burst = rnd(UINT32_MAX);
	}
}

static void rnd_counters(struct dp_meter *meter)
{
	rnd_bytes(&meter->packets, sizeof(meter->packets));
	rnd_bytes(&meter->bytes, sizeof(meter->bytes));
	rnd_bytes(&meter->duration_ms, sizeof(meter->duration_ms));
	for (unsigned i = 0; i < meter->n_bands; i++) {
		rnd_bytes(&meter->bands[i].packets, sizeof(uint64_t));
		rnd_bytes(&meter->bands[i].bytes, sizeof(uint64_t));
	}
}

static void meters_come_back_as_they_were(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct dp_meter meter, back;
		struct nlmsghdr *nlh = begin();
		bool stats = rnd(2) != 0;
		rnd_meter(&meter);
		if (stats)
			rnd_counters(&meter);
		assert_true(dp_meter_put(nlh, DP_DATAGRAM_MAX, &meter, stats));
		memset(&back, 0xaa, sizeof(back));
		if (dp_meter_parse(nlh, &back, &error) < 0)
			fail_msg("%s", error.text);
		assert_memory_equal(&meter, &back, sizeof(meter));
	}
}

static void a_message_that_is_too_small_is_told(void **state)
{
	(void)state;
	struct dp_meter meter = {.n_bands = DP_METER_BANDS_MAX, .flags = 3};
	size_t len = begin()->nlmsg_len, full;
	struct nlmsghdr *nlh = begin();
	assert_true(dp_meter_put(nlh, DP_DATAGRAM_MAX, &meter, true));
	full = nlh->nlmsg_len;
	for (size_t room = len; room < full; room++)
		assert_false(dp_meter_put(begin(), room, &meter, true));
	assert_true(dp_meter_put(begin(), full, &meter, true));
}

// A meter with one band of these attributes; 0 leaves one out.
struct wrong {
	uint32_t type, rate;
	uint8_t prec_level;
	int err;
	const char *word;
};

static void what_is_wrong_is_named(void **state)
{
	static const struct wrong rows[] = {
	    {OVS_METER_BAND_TYPE_DROP, 0, 0, -EINVAL, "RATE"},
	    {0, 5, 0, -EOPNOTSUPP, "band type 0"},
	    {99, 5, 0, -EOPNOTSUPP, "band type 99"},
	    {SWD_METER_BAND_TYPE_DSCP_REMARK, 5, 0, -EINVAL, "PREC_LEVEL"},
	    {SWD_METER_BAND_TYPE_DSCP_REMARK, 5, 4, -EINVAL, "PREC_LEVEL 4"},
	    {OVS_METER_BAND_TYPE_DROP, 5, 0, 0, ""},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlmsghdr *nlh = begin();
		struct dp_meter meter;
		mnl_attr_put_u32(nlh, OVS_METER_ATTR_ID, 1);
		struct nlattr *bands = mnl_attr_nest_start(nlh, OVS_METER_ATTR_BANDS);
		struct nlattr *band = mnl_attr_nest_start(nlh, OVS_BAND_ATTR_UNSPEC);
		if (rows[i].type != 0)
			mnl_attr_put_u32(nlh, OVS_BAND_ATTR_TYPE, rows[i].type);
		if (rows[i].rate != 0)
			mnl_attr_put_u32(nlh, OVS_BAND_ATTR_RATE, rows[i].rate);
		if (rows[i].prec_level != 0)
			mnl_attr_put_u8(nlh, SWD_BAND_ATTR_PREC_LEVEL, rows[i].prec_level);
		mnl_attr_nest_end(nlh, band);
		mnl_attr_nest_end(nlh, bands);
		error.text[0] = '\0';
		assert_int_equal(dp_meter_parse(nlh, &meter, &error), rows[i].err);
		assert_non_null(strstr(error.text, rows[i].word));
	}
}

static void attributes_of_a_wrong_size_are_refused(void **state)
{
	static const uint16_t types[] = {OVS_BAND_ATTR_TYPE, OVS_BAND_ATTR_RATE,
					 OVS_BAND_ATTR_BURST};
	struct dp_meter meter;
	(void)state;
	struct nlmsghdr *nlh = begin();
	assert_int_equal(dp_meter_parse(nlh, &meter, &error), -EINVAL);
	assert_non_null(strstr(error.text, "ID is missing"));
	mnl_attr_put_u16(nlh, OVS_METER_ATTR_ID, 1);
	assert_int_equal(dp_meter_parse(nlh, &meter, &error), -EINVAL);
	for (unsigned i = 0; i < 3; i++) {
		nlh = begin();
		mnl_attr_put_u32(nlh, OVS_METER_ATTR_ID, 1);
		struct nlattr *bands = mnl_attr_nest_start(nlh, OVS_METER_ATTR_BANDS);
		struct nlattr *band = mnl_attr_nest_start(nlh, OVS_BAND_ATTR_UNSPEC);
		mnl_attr_put_u16(nlh, types[i], 1);
		mnl_attr_nest_end(nlh, band);
		mnl_attr_nest_end(nlh, bands);
		assert_int_equal(dp_meter_parse(nlh, &meter, &error), -EINVAL);
		assert_non_null(strstr(error.text, "2 bytes"));
	}
}

static void a_ninth_band_is_refused(void **state)
{
	struct dp_meter meter;
	(void)state;
	struct nlmsghdr *nlh = begin();
	mnl_attr_put_u32(nlh, OVS_METER_ATTR_ID, 1);
	struct nlattr *bands = mnl_attr_nest_start(nlh, OVS_METER_ATTR_BANDS);
	for (unsigned i = 0; i < DP_METER_BANDS_MAX + 1; i++) {
		struct nlattr *band = mnl_attr_nest_start(nlh, OVS_BAND_ATTR_UNSPEC);
		mnl_attr_put_u32(nlh, OVS_BAND_ATTR_TYPE, OVS_METER_BAND_TYPE_DROP);
		mnl_attr_put_u32(nlh, OVS_BAND_ATTR_RATE, 1);
		mnl_attr_nest_end(nlh, band);
	}
	mnl_attr_nest_end(nlh, bands);
	assert_int_equal(dp_meter_parse(nlh, &meter, &error), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(meters_come_back_as_they_were),
	    cmocka_unit_test(a_message_that_is_too_small_is_told),
	    cmocka_unit_test(what_is_wrong_is_named),
	    cmocka_unit_test(attributes_of_a_wrong_size_are_refused),
	    cmocka_unit_test(a_ninth_band_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
