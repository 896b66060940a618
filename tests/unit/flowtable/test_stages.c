#include "flowtable/stages.h"

#include "tests/unit/ctl/random_flow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool contains(const struct flow_key *mask, const struct flow_key *part)
{
	struct flow_key both;
	flow_key_mask(&both, mask, part);
	return flow_key_equal(&both, part);
}

static void each_stage_has_the_bits_of_those_before_it(void **state)
{
	(void)state;
	struct flow_key all;
	struct stages s;
	memset(&all, 0xff, sizeof(all));
	stages_init(&s, &all);
	assert_int_equal(s.n, STAGES_EARLY);
	for (unsigned i = 0; i + 1 < s.n; i++)
		assert_true(contains(&s.early[i + 1].mask, &s.early[i].mask));
	stages_fini(&s);
}

static void a_stage_without_bits_and_the_last_one_are_not_kept(void **state)
{
	(void)state;
	static const struct {
		struct flow_key mask;
		unsigned n;
	} cases[] = {
	    {{0}, 0},
	    {{.in_port = 1}, 0},
	    {{.tp_dst_be = 1}, 0},
	    {{.in_port = 1, .tp_dst_be = 1}, 1},
	    {{.eth_type_be = 1, .nw_proto = 1}, 1},
	    {{.eth_type_be = 1, .nw_proto = 1, .tp_dst_be = 1}, 2},
	    {{.recirc_id = 1, .eth_type_be = 1, .ipv6_dst = {{1}}, .tcp_flags_be = 1}, 3},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stages s;
		stages_init(&s, &cases[i].mask);
		assert_int_equal(s.n, cases[i].n);
		stages_fini(&s);
	}
}

// A stage's bits never have those that only some of its packets have.
static void the_protocol_comes_before_what_it_decides(void **state)
{
	(void)state;
	struct flow_key all, type = {.eth_type_be = UINT16_MAX}, proto = {.nw_proto = UINT8_MAX};
	struct stages s;
	memset(&all, 0xff, sizeof(all));
	stages_init(&s, &all);
	for (unsigned i = 0; i < s.n; i++) {
		const struct flow_key *m = &s.early[i].mask;
		assert_int_equal(m->tp_src_be | m->tp_dst_be | m->tcp_flags_be, 0);
		assert_int_equal(m->nd_target.b[0] | m->arp_sha.b[0] | m->arp_tha.b[0], 0);
		if (m->ip_src_be || m->ipv6_src.b[0] || m->nw_proto)
			assert_true(i > 0 && contains(&s.early[i - 1].mask, &type));
	}
	assert_true(contains(&s.early[s.n - 1].mask, &proto));
	stages_fini(&s);
}

static void a_search_stops_at_the_first_stage_that_no_rule_has(void **state)
{
	(void)state;
	struct flow_key mask = {.in_port = UINT32_MAX, .nw_proto = UINT8_MAX, .tp_dst_be = 0xffff};
	struct flow_key rule = {.in_port = 1, .nw_proto = 6, .tp_dst_be = htons(23)}, key = rule;
	struct stages s;
	stages_init(&s, &mask);
	assert_ptr_equal(stages_stop(&s, &key), &s.early[0].mask);
	assert_int_equal(stages_add(&s, &rule), 0);
	assert_null(stages_stop(&s, &key));
	key.tp_dst_be = 0; // the last stage is not for us
	assert_null(stages_stop(&s, &key));
	key.nw_proto = 17;
	assert_ptr_equal(stages_stop(&s, &key), &s.early[1].mask);
	key.in_port = 2;
	assert_ptr_equal(stages_stop(&s, &key), &s.early[0].mask);
	stages_del(&s, &rule);
	assert_ptr_equal(stages_stop(&s, &rule), &s.early[0].mask);
	stages_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_stage_has_the_bits_of_those_before_it),
	    cmocka_unit_test(a_stage_without_bits_and_the_last_one_are_not_kept),
	    cmocka_unit_test(the_protocol_comes_before_what_it_decides),
	    cmocka_unit_test(a_search_stops_at_the_first_stage_that_no_rule_has),
	};
	return cmocka_run_group_tests_name("stages", tests, NULL, NULL);
}
