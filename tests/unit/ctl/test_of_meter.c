#include "ctl/of_meter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct of_meter parse(const char *line)
{
	struct of_meter meter;
	struct of_error error = {0};
	if (of_meter_parse(&meter, line, &error) != 0)
		fail_msg("%s: %s", line, error.text);
	return meter;
}

static void a_line_gives_all_parts(void **state)
{
	(void)state;
	struct of_meter m = parse("meter=9,pktps,burst,stats,l1,bands=type=dscp_remark,rate=5,"
				  "burst_size=6,prec_level=2,type=drop,rate=7,burst_size=8");
	assert_int_equal(m.id, 9);
	assert_true(m.is_pps && m.has_burst && m.has_stats && m.counts_l1);
	assert_int_equal(m.n_bands, 2);
	assert_int_equal(m.bands[0].type, OF_BAND_DSCP_REMARK);
	assert_int_equal(m.bands[0].rate, 5);
	assert_int_equal(m.bands[0].burst_size, 6);
	assert_int_equal(m.bands[0].prec_level, 2);
	assert_int_equal(m.bands[1].type, OF_BAND_DROP);
	assert_int_equal(m.bands[1].rate, 7);
	m = parse("meter=1 kbps band=type=drop rate=1000");
	assert_false(m.is_pps || m.has_burst || m.has_stats || m.counts_l1);
	assert_int_equal(m.bands[0].burst_size, 0);
}

static void what_is_printed_reads_as_the_same_meter(void **state)
{
	(void)state;
	struct of_meter m = parse("meter=1 kbps burst bands=type=drop rate=1000 burst_size=100");
	char *text = of_meter_format(&m);
	assert_string_equal(text, "meter=1,kbps,burst,bands=type=drop,rate=1000,burst_size=100");
	struct of_meter again = parse(text);
	assert_memory_equal(&again, &m, sizeof(m));
	free(text);
}

static void more_bands_than_a_meter_holds_are_refused(void **state)
{
	(void)state;
	char line[512] = "meter=1,kbps,bands=";
	struct of_meter m;
	struct of_error error;
	for (unsigned i = 0; i < OF_BANDS_MAX; i++)
		strcat(line, "type=drop,rate=5,");
	assert_int_equal(parse(line).n_bands, OF_BANDS_MAX);
	strcat(line, "type=drop,rate=5");
	assert_int_equal(of_meter_parse(&m, line, &error), -EINVAL);
	assert_string_equal(error.text, "column 156: \"type\": a meter has at most 8 bands");
}

static void an_id_alone_names_meters(void **state)
{
	(void)state;
	uint32_t id = 5;
	struct of_error error;
	static const char *const all[] = {"", "all", "meter=all"};
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(of_meter_id_parse(&id, all[i], &error), 0);
		assert_int_equal(id, 0);
	}
	assert_int_equal(of_meter_id_parse(&id, "meter=7", &error), 0);
	assert_int_equal(id, 7);
	assert_int_equal(of_meter_id_parse(&id, "meter=0", &error), -EINVAL);
	assert_string_equal(error.text, "column 7: \"0\": meter wants a number from 1 to 4095");
	assert_int_equal(of_meter_id_parse(&id, "meter=1,2", &error), -EINVAL);
	assert_string_equal(error.text, "column 9: \"2\": is one word too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_gives_all_parts),
	    cmocka_unit_test(what_is_printed_reads_as_the_same_meter),
	    cmocka_unit_test(more_bands_than_a_meter_holds_are_refused),
	    cmocka_unit_test(an_id_alone_names_meters),
	};
	return cmocka_run_group_tests_name("of_meter", tests, NULL, NULL);
}
