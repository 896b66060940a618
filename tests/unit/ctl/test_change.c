// Changes of several commands: bundles, replace-flows, diff-flows; groups and meters in them.
#include "tests/unit/ctl/store_fixture.h"

#define NORMAL "priority=0 actions=NORMAL\n"

static void a_bundle_does_all_of_it_and_each_command_sees_those_before(void **arg)
{
	struct store *s = *arg;
	struct rules_change change =
	    store_bundle(s, "# a comment\n"
			    "  group add group_id=5,type=all,bucket=output:1 # another\n"
			    "\n"
			    "meter add meter=3,kbps,band=type=drop,rate=100\r\n"
			    "flow add priority=7,tcp,actions=meter:3,group:5\n"
			    "flow priority=8,udp,actions=drop\n"
			    "flow modify priority=7,tcp,actions=group:5\n"
			    "flow delete_strict priority=8,udp\n"
			    "flow modify_strict priority=9,icmp,actions=drop\n"
			    "group modify group_id=5,type=all,bucket=output:2\n"
			    "group add_or_mod group_id=6,type=all,bucket=output:3\n"
			    "meter modify meter=3,kbps,band=type=drop,rate=200");
	assert_int_equal(change.added, 3);
	assert_int_equal(change.modified, 1);
	assert_int_equal(change.deleted, 1);
	assert_int_equal(change.groups.added, 2);
	assert_int_equal(change.groups.modified, 1);
	assert_int_equal(change.meters.added + change.meters.modified, 2);
	for (int i = 0; i < 2; i++) {
		store_expect(s, "priority=9,icmp actions=drop\n"
				"priority=7,tcp actions=group:5\n" NORMAL);
		assert_int_equal(groups_count(s->d.groups), 2);
		assert_int_equal(meters_find(s->d.meters, 3)->of.bands[0].rate, 200);
		const struct of_group *group = &groups_find(s->d.groups, 5)->of;
		assert_true(of_actions_output_to(group->buckets[0].actions, 2));
		store_restart(s);
	}
}

static void a_bad_line_is_named_and_undoes_all_before_it(void **arg)
{
	static const struct {
		enum change_syntax syntax;
		const char *line;
		unsigned column;
		const char *why;
	} rows[] = {
	    {CHANGE_BUNDLE, "flow add tcp,nw_srcc=1,actions=drop", 14, "nw_srcc"},
	    {CHANGE_BUNDLE, "flow tcp,nw_srcc=1,actions=drop", 10, "nw_srcc"},
	    {CHANGE_BUNDLE, "flow adds tcp,actions=drop", 6, "adds"},
	    {CHANGE_BUNDLE, "tcp,actions=drop", 1, "flow, group or meter"},
	    {CHANGE_BUNDLE, "  flows add tcp,actions=drop", 3, "flow, group or meter"},
	    {CHANGE_BUNDLE, "flow add priority=1,tcp,actions=group:9", 33, "no group 9"},
	    {CHANGE_BUNDLE, "flow add actions=write_actions(group:9)", 32, "no group 9"},
	    {CHANGE_BUNDLE, "flow modify actions=meter:0x9,output:1", 21, "no meter 9"},
	    {CHANGE_BUNDLE, "group add group_id=5,type=all", 11, "there is a group 5"},
	    {CHANGE_BUNDLE, "group modify group_id=6,type=all", 14, "there is no group 6"},
	    {CHANGE_BUNDLE, "group add group_id=7,type=all,bucket=group:7", 38, "itself"},
	    {CHANGE_BUNDLE, "group modify group_id=5,type=all,bucket=group:8", 14,
	     "itself through group 8"},
	    {CHANGE_BUNDLE, "group add group_id=9,type=all,bucket=group:10", 38, "no group 10"},
	    {CHANGE_BUNDLE, "group add group_id=9,type=ff,bucket=watch_group:10,actions=drop", 37,
	     "no group 10"},
	    {CHANGE_BUNDLE, "group delete group_id=5", 14, "group 8 uses it"},
	    {CHANGE_BUNDLE, "meter modify meter=7,kbps,band=type=drop,rate=1", 14, "no meter 7"},
	    {CHANGE_BUNDLE, "meter add meter=2,kbps,band=type=drop,rate=1", 11, "is a meter 2"},
	    {CHANGE_FLOWS, "delete_strict tcp,tpdst=1", 19, "tpdst"},
	    {CHANGE_FLOWS, "\tmodify tcp,actions=outptu:1", 21, "outptu"},
	    {CHANGE_REPLACE, "add tcp,actions=drop", 1, "add"},
	    {CHANGE_GROUPS, "modify group_id=77,type=all", 8, "no group 77"},
	    {CHANGE_METERS, "delete meter=x", 14, "x"},
	};
	static const char *const goods[] = {
	    [CHANGE_FLOWS] = "priority=3,udp,actions=drop\ndelete tcp\n",
	    [CHANGE_GROUPS] = "group_id=55,type=all\n\n",
	    [CHANGE_METERS] = "meter=55,kbps,band=type=drop,rate=1\n\n",
	    [CHANGE_BUNDLE] = "flow priority=3,udp,actions=drop\nflow delete\n",
	    [CHANGE_REPLACE] = "priority=3,udp,actions=drop\npriority=2,tcp,actions=1\n",
	};
	struct store *s = *arg;
	char text[512];
	store_bundle(s, "meter add meter=2,kbps,band=type=drop,rate=9\n"
			"group add group_id=5,type=all,bucket=output:1\n"
			"group add group_id=8,type=all,bucket=actions=group:5\n"
			"flow add priority=7,tcp,actions=group:5");
	char *before = store_dump(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", goods[rows[i].syntax], rows[i].line);
		store_refuse(s, rows[i].syntax, text, 3, rows[i].column, rows[i].why);
		store_expect(s, before);
	}
	store_restart(s);
	store_expect(s, before);
	assert_int_equal(groups_count(s->d.groups), 2);
	assert_int_equal(meters_count(s->d.meters), 1);
	free(before);
}

static void a_bundle_that_the_disk_refuses_does_nothing(void **arg)
{
	struct store *s = *arg;
	struct rules_change change;
	store_bundle(s, "group add group_id=5,type=all,bucket=output:1\n"
			"flow add priority=7,tcp,actions=group:5");
	disk_room(wal_size(s->state));
	int err = store_try(s, CHANGE_BUNDLE,
			    "flow add priority=8,udp,actions=drop\n"
			    "group modify group_id=5,type=indirect,bucket=output:3\n"
			    "group delete\nmeter add meter=1,kbps,band=type=drop,rate=1",
			    &change);
	disk_room(RLIM_INFINITY);
	assert_true(err < 0 && err != -EINVAL);
	for (int i = 0; i < 2; i++) {
		store_expect(s, "priority=7,tcp actions=group:5\n" NORMAL);
		assert_int_equal(groups_find(s->d.groups, 5)->of.type, OF_GROUP_ALL);
		assert_int_equal(meters_count(s->d.meters), 0);
		store_restart(s);
	}
}

static void a_deleted_group_or_meter_takes_its_rules_along(void **arg)
{
	struct store *s = *arg;
	store_bundle(s, "group add group_id=5,type=all,bucket=output:1\n"
			"group add group_id=6,type=all,bucket=output:1\n"
			"meter add meter=2,kbps,band=type=drop,rate=9\n"
			"meter add meter=3,kbps,band=type=drop,rate=9\n"
			"flow priority=5,tcp,actions=group:5\n"
			"flow table=1,priority=6,actions=write_actions(group:6)\n"
			"flow priority=2,udp,actions=meter:2,1\n"
			"flow priority=3,icmp,actions=meter:3,1");
	struct rules_change change = store_bundle(s, "group delete group_id=5");
	assert_int_equal(change.groups.deleted, 1);
	assert_int_equal(change.deleted, 1);
	change = store_bundle(s, "meter delete meter=3");
	assert_int_equal(change.meters.deleted, 1);
	assert_int_equal(change.deleted, 1);
	store_expect(s, "priority=2,udp actions=meter:2,output:1\n" NORMAL
			"table=1, priority=6 actions=write_actions(group:6)\n");
	change = store_bundle(s, "group delete\nmeter delete\nmeter delete meter=9");
	assert_int_equal(change.deleted, 2);
	store_restart(s);
	store_expect(s, NORMAL);
	assert_int_equal(groups_count(s->d.groups) + meters_count(s->d.meters), 0);
}

static void a_group_may_be_deleted_together_with_those_that_use_it(void **arg)
{
	struct store *s = *arg;
	store_bundle(s, "group add group_id=5,type=all\n"
			"group add group_id=8,type=all,bucket=group:5");
	store_bundle(s, "group delete group_id=8\ngroup delete group_id=5");
	store_bundle(s, "group add group_id=5,type=all\n"
			"group add group_id=8,type=all,bucket=group:5\ngroup delete");
	assert_int_equal(groups_count(s->d.groups), 0);
}

static void groups_that_use_one_another_are_bounded(void **arg)
{
	struct store *s = *arg;
	char text[128];
	store_bundle(s, "group add group_id=1,type=all");
	for (int i = 2; i <= GROUPS_DEPTH_MAX + 1; i++) {
		snprintf(text, sizeof(text), "group add group_id=%d,type=all,bucket=group:%d", i,
			 i - 1);
		store_bundle(s, text);
	}
	snprintf(text, sizeof(text), "group add group_id=99,type=all,bucket=group:%d",
		 GROUPS_DEPTH_MAX + 1);
	store_refuse(s, CHANGE_BUNDLE, text, 1, 11, "more than");
	store_refuse(s, CHANGE_BUNDLE, "group modify group_id=1,type=all,bucket=group:20", 1, 14,
		     "itself through group 2");
}

static void a_replaced_set_is_just_the_files_with_the_least_change(void **arg)
{
	struct store *s = *arg;
	static const char file[] = "priority=5,tcp,actions=output:1\n"		// as it is
				   "priority=6,cookie=7,tcp,actions=output:2\n" // other cookie
				   "priority=7,idle_timeout=5,tcp,actions=output:3\n"
				   "table=9,actions=drop\n"
				   "priority=5,tcp,actions=output:1\n";
	store_add(s, "priority=5,tcp,actions=output:1\npriority=6,tcp,actions=output:2\n"
		     "priority=7,tcp,actions=output:3\npriority=8,udp,actions=output:4");
	struct rule *same = store_find(s, 5), *other = store_find(s, 6);
	rules_hit(NULL, same, 3, 300, 0);
	rules_hit(NULL, other, 4, 400, 0);
	struct rules_change change = store_run(s, CHANGE_REPLACE, file);
	assert_int_equal(change.added, 1);
	assert_int_equal(change.modified, 2);
	assert_int_equal(change.deleted, 2);
	assert_ptr_equal(store_find(s, 5), same);
	assert_int_equal(same->n_packets, 3);
	assert_int_equal(store_find(s, 6)->n_packets, 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rules_count(s->d.rules), 4);
		assert_int_equal(store_find(s, 6)->cookie, 7);
		assert_int_equal(store_find(s, 7)->idle_timeout_s, 5);
		assert_int_equal(store_find(s, OF_PRIORITY_DEFAULT)->table, 9);
		store_restart(s);
	}
	change = store_run(s, CHANGE_REPLACE, file);
	assert_int_equal(change.added + change.modified + change.deleted, 0);
	assert_int_equal(change.n_told, 0);
	change = store_run(s, CHANGE_REPLACE, "# nothing\n");
	assert_int_equal(change.deleted, 4);
}

static void put_line(const struct rule *rule, bool is_new, void *out)
{
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	fputc(is_new ? '+' : '-', out);
	of_flow_print(out, &view, NULL);
	fputc('\n', out);
}

static void assert_differences(struct store *s, const char *file, const char *expected)
{
	struct change c;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_int_equal(change_begin(&c, &s->d, NULL, true), 0);
	assert_int_equal(change_lines(&c, CHANGE_REPLACE, file, strlen(file), &s->line, &s->error),
			 0);
	assert_int_equal(rules_each_difference(s->d.rules, put_line, out), 0);
	change_abort(&c);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void a_replaced_set_ends_learned_rules_that_it_does_not_name(void **arg)
{
	struct store *s = *arg;
	struct rules_change change = {.added = 0};
	static const char *const texts[] = {"priority=7,tcp,actions=output:2",
					    "priority=8,tcp,actions=output:2"};
	for (int i = 0; i < 2; i++) {
		struct of_flow flow;
		assert_int_equal(of_flow_parse(&flow, OF_FLOW_ADD, texts[i], NULL, &s->error), 0);
		assert_int_equal(rules_learn(s->d.rules, &flow, clock_now_ms(), &change), 0);
		of_flow_fini(&flow);
	}
	assert_differences(s, texts[0],
			   "-priority=8,tcp actions=output:2\n-priority=0 actions=NORMAL\n");
	store_run(s, CHANGE_REPLACE, texts[0]);
	store_expect(s, "priority=7,tcp actions=output:2\n");
	store_restart(s); // it is the file's now
	store_expect(s, "priority=7,tcp actions=output:2\n");
}

static void differences_are_what_a_replacement_would_do_and_change_nothing(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=5,tcp,actions=output:1\npriority=6,tcp,actions=output:2\n"
		     "table=1,priority=9,actions=drop");
	char *before = store_dump(s);
	assert_differences(s, before, "");
	assert_differences(s,
			   "priority=5,tcp,actions=output:1\n"
			   "priority=6,tcp,actions=output:7\n"
			   "priority=6,tcp,actions=output:8\n"
			   "priority=7,udp,actions=drop\n",
			   "+priority=7,udp actions=drop\n"
			   "-priority=6,tcp actions=output:2\n"
			   "+priority=6,tcp actions=output:8\n"
			   "-priority=0 actions=NORMAL\n"
			   "-table=1, priority=9 actions=drop\n");
	store_expect(s, before);
	store_restart(s);
	store_expect(s, before);
	free(before);
}

static void groups_and_meters_keep_their_age_over_changes_and_restarts(void **arg)
{
	struct store *s = *arg;
	int64_t before_ms = (int64_t)clock_read_ms(CLOCK_REALTIME);
	store_bundle(s,
		     "group add group_id=5,type=select,bucket=weight:3,output:1,bucket=output:2\n"
		     "meter add meter=3,pktps,burst,bands=type=drop,rate=100,burst_size=10");
	char *group = of_group_format(&groups_find(s->d.groups, 5)->of, NULL);
	char *meter = of_meter_format(&meters_find(s->d.meters, 3)->of);
	uint64_t now_ms = groups_find(s->d.groups, 5)->item.created_ms;
	int64_t wall_ms = (int64_t)clock_read_ms(CLOCK_REALTIME);
	store_restart_at(s, 9000, wall_ms + 7000);
	char *group_after = of_group_format(&groups_find(s->d.groups, 5)->of, NULL);
	char *meter_after = of_meter_format(&meters_find(s->d.meters, 3)->of);
	assert_string_equal(group, group_after);
	assert_string_equal(meter, meter_after);
	// It was made 7000 ms ago, or before that, for two clocks that were read one after the
	// other.
	assert_in_range(groups_find(s->d.groups, 5)->item.created_ms + (wall_ms - before_ms), 1950,
			2050 + (wall_ms - before_ms));
	store_restart(s);
	store_bundle(s, "group modify group_id=5,type=all");
	assert_in_range(groups_find(s->d.groups, 5)->item.created_ms, now_ms - 5000, now_ms + 5000);
	free(group);
	free(meter);
	free(group_after);
	free(meter_after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STORE(a_bundle_does_all_of_it_and_each_command_sees_those_before),
	    WITH_STORE(a_bad_line_is_named_and_undoes_all_before_it),
	    WITH_STORE(a_bundle_that_the_disk_refuses_does_nothing),
	    WITH_STORE(a_deleted_group_or_meter_takes_its_rules_along),
	    WITH_STORE(a_group_may_be_deleted_together_with_those_that_use_it),
	    WITH_STORE(groups_that_use_one_another_are_bounded),
	    WITH_STORE(a_replaced_set_is_just_the_files_with_the_least_change),
	    WITH_STORE(a_replaced_set_ends_learned_rules_that_it_does_not_name),
	    WITH_STORE(differences_are_what_a_replacement_would_do_and_change_nothing),
	    WITH_STORE(groups_and_meters_keep_their_age_over_changes_and_restarts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
