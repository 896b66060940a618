#include "ctl/of_group.h"

#include "tests/unit/ctl/flow_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct of_group parse(const char *line)
{
	struct of_group group;
	struct of_error error = {0};
	if (of_group_parse(&group, line, &ports, &error) != 0)
		fail_msg("%s: %s", line, error.text);
	return group;
}

static void expect_error(const char *line, unsigned column, const char *message)
{
	struct of_group group;
	struct of_error error = {0};
	assert_int_equal(of_group_parse(&group, line, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void a_line_gives_all_parts(void **state)
{
	(void)state;
	struct of_group g = parse("group_id=7,type=ff,bucket=bucket_id:3,watch_port:vm2,"
				  "actions=output:vm2,mod_vlan_vid:5,bucket=watch_group:9,group:9");
	assert_int_equal(g.id, 7);
	assert_int_equal(g.type, OF_GROUP_FF);
	assert_int_equal(g.n_buckets, 2);
	assert_int_equal(g.buckets[0].id, 3);
	assert_int_equal(g.buckets[0].weight, 1);
	assert_int_equal(g.buckets[0].watch_port, 2);
	assert_true(g.buckets[0].watch_group == UINT32_MAX);
	assert_true(of_actions_output_to(g.buckets[0].actions, 2));
	assert_int_equal(g.buckets[1].id, 0);
	assert_int_equal(g.buckets[1].watch_port, 0);
	assert_int_equal(g.buckets[1].watch_group, 9);
	assert_true(of_actions_use(g.buckets[1].actions, OF_GROUP, 9));
	char *text = of_group_format(&g, &ports);
	assert_string_equal(text, "group_id=7,type=ff,bucket=bucket_id:3,watch_port:vm2,actions="
				  "output:vm2,mod_vlan_vid:5,bucket=bucket_id:0,watch_group:9,"
				  "actions=group:9");
	free(text);
	of_group_fini(&g);
	assert_null(g.buckets);
}

static void a_bucket_may_drop_and_a_group_have_none(void **state)
{
	(void)state;
	struct of_group g = parse("group_id=1,type=all,bucket=actions=drop,bucket=actions=");
	assert_int_equal(g.n_buckets, 2);
	assert_null(g.buckets[0].actions);
	assert_null(g.buckets[1].actions);
	of_group_fini(&g);
	g = parse("type=select group_id=0");
	assert_int_equal(g.n_buckets, 0);
	of_group_fini(&g);
}

static void what_is_hashed_is_a_mask(void **state)
{
	(void)state;
	struct of_group g = parse("group_id=1,type=select,selection_method=hash,"
				  "fields(ip_src,ip_dst=255.255.0.0,tcp_dst,vlan_vid,in_port)");
	assert_true(g.has_method && !g.is_dp_hash);
	assert_true(g.hash_fields.pkt.ip_src_be == UINT32_MAX);
	assert_int_equal(g.hash_fields.pkt.ip_dst_be, htonl(0xffff0000));
	assert_int_equal(g.hash_fields.pkt.tp_dst_be, UINT16_MAX);
	assert_int_equal(g.hash_fields.pkt.tp_src_be, 0);
	assert_int_equal(g.hash_fields.pkt.vlan[0].tci_be, htons(0x1fff));
	assert_true(g.hash_fields.pkt.in_port == UINT32_MAX);
	of_group_fini(&g);
	g = parse("group_id=1,type=select,selection_method=dp_hash");
	assert_true(g.has_method && g.is_dp_hash);
	of_group_fini(&g);
	g = parse("group_id=1,type=select");
	assert_false(g.has_method);
	of_group_fini(&g);
}

static void more_buckets_than_a_group_holds_are_refused(void **state)
{
	(void)state;
	char line[8192];
	int used = snprintf(line, sizeof(line), "group_id=1,type=all");
	for (unsigned i = 0; i < OF_BUCKETS_MAX; i++)
		used += snprintf(line + used, sizeof(line) - (size_t)used, ",bucket=output:1");
	struct of_group g = parse(line);
	assert_int_equal(g.n_buckets, OF_BUCKETS_MAX);
	assert_int_equal(g.buckets[OF_BUCKETS_MAX - 1].id, OF_BUCKETS_MAX - 1);
	of_group_fini(&g);
	snprintf(line + used, sizeof(line) - (size_t)used, ",bucket=output:1");
	expect_error(line, (unsigned)used + 2,
		     "column 4117: \"bucket\": a group has at most 256 buckets");
}

static void an_id_alone_names_groups(void **state)
{
	(void)state;
	uint32_t id = 5;
	struct of_error error;
	static const char *const all[] = {"", " ", "all", "group_id=all"};
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(of_group_id_parse(&id, all[i], &error), 0);
		assert_true(id == UINT32_MAX);
	}
	assert_int_equal(of_group_id_parse(&id, "group_id=7", &error), 0);
	assert_int_equal(id, 7);
	assert_int_equal(of_group_id_parse(&id, "group_id=x", &error), -EINVAL);
	assert_string_equal(error.text,
			    "column 10: \"x\": group_id wants a number from 0 to 4294967040");
	assert_int_equal(of_group_id_parse(&id, "7", &error), -EINVAL);
	assert_string_equal(error.text, "column 1: \"7\": wants group_id=N or all");
	assert_int_equal(of_group_id_parse(&id, "group_id=7,x", &error), -EINVAL);
	assert_string_equal(error.text, "column 12: \"x\": is one word too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_gives_all_parts),
	    cmocka_unit_test(a_bucket_may_drop_and_a_group_have_none),
	    cmocka_unit_test(what_is_hashed_is_a_mask),
	    cmocka_unit_test(more_buckets_than_a_group_holds_are_refused),
	    cmocka_unit_test(an_id_alone_names_groups),
	};
	return cmocka_run_group_tests_name("of_group", tests, NULL, NULL);
}
