// Rules as they are added, replaced, modified, deleted, counted for and timed out.
#include "tests/unit/ctl/store_fixture.h"

#define NORMAL "priority=0 actions=NORMAL\n"

static uint32_t output_of(const struct rule *rule)
{
	const struct of_action *a = of_actions_first(rule->actions);
	assert_non_null(a);
	assert_int_equal(a->type, OF_OUTPUT);
	return ((const struct of_act_output *)a)->port;
}

static void a_rule_survives_a_restart(void **arg)
{
	struct store *s = *arg;
	store_add(s, "table=3,priority=7,cookie=0x12,idle_timeout=5,hard_timeout=900,importance=9,"
		     "send_flow_rem,tcp,tp_dst=80,actions=output:2,output:3");
	char *before = store_dump(s);
	store_restart(s);
	store_expect(s, before);
	const struct rule *rule = store_find(s, 7);
	assert_int_equal(rule->cookie, 0x12);
	assert_int_equal(rule->idle_timeout_s, 5);
	assert_int_equal(rule->hard_timeout_s, 900);
	assert_int_equal(rule->importance, 9);
	assert_int_equal(rule->flags, OF_FLOW_SEND_FLOW_REM);
	assert_int_equal(rule->table, 3);
	assert_int_equal(output_of(rule), 2);
	assert_int_equal(classifier_n_rules(rules_tables(s->d.rules)[3]), 1);
	free(before);
}

static void same_match_and_priority_replaces_and_counts_anew(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,tcp,actions=output:2");
	struct rule *old = store_find(s, 7);
	rules_hit(NULL, old, 3, 300, 0);
	rule_ref(old);
	struct rules_change change = store_add(s, "priority=7,tcp,actions=output:3");
	assert_int_equal(change.added, 0);
	assert_int_equal(change.replaced, 1);
	assert_int_equal(store_find(s, 7)->n_packets, 0);
	assert_int_equal(output_of(store_find(s, 7)), 3);
	// What the old one still counts is nobody's.
	assert_true(old->removed);
	rules_hit(NULL, old, 1, 60, 0);
	assert_int_equal(store_find(s, 7)->n_packets, 0);
	rule_unref(old);
	assert_int_equal(store_add(s, "priority=8,tcp,actions=output:3").added, 1);
	assert_int_equal(store_add(s, "table=1,priority=7,tcp,actions=output:3").added, 1);
	store_restart(s);
	assert_int_equal(rules_count(s->d.rules), 4);
}

static void the_last_of_equal_rules_in_one_load_wins(void **arg)
{
	struct store *s = *arg;
	struct rules_change change = store_add(s, "priority=7,tcp,actions=output:1\n"
						  "priority=7,tcp,actions=output:2\n"
						  "priority=7,tcp,actions=output:3\n");
	assert_int_equal(change.added, 1);
	assert_int_equal(change.replaced, 2);
	assert_int_equal(output_of(store_find(s, 7)), 3);
	store_restart(s);
	assert_int_equal(output_of(store_find(s, 7)), 3);
}

static void a_port_range_stands_for_rules_that_cover_it(void **arg)
{
	struct store *s = *arg;
	struct rules_change change = store_add(s, "tcp,tp_dst=1000-1003,actions=drop");
	assert_int_equal(change.added, 1); // 0x3e8/0xfffc
	change = store_add(s, "udp,tp_src=1-2,tp_dst=5-6,actions=drop");
	assert_int_equal(change.added, 4);
	assert_int_equal(
	    store_run(s, CHANGE_FLOWS, "modify udp,tp_src=1-2,actions=NORMAL").modified, 4);
}

static void a_change_that_the_disk_refuses_does_nothing(void **arg)
{
	struct store *s = *arg;
	struct rules_change change;
	store_add(s, "priority=7,tcp,actions=output:2\npriority=5,udp,actions=drop");
	char *before = store_dump(s);
	struct rule *rule = store_find(s, 7);
	disk_room(wal_size(s->state));
	int err = store_try(s, CHANGE_FLOWS,
			    "priority=7,tcp,actions=output:3\npriority=9,tcp,actions=output:1\n"
			    "delete udp\nmodify actions=drop\npriority=9,tcp,actions=output:2",
			    &change);
	disk_room(RLIM_INFINITY);
	assert_true(err < 0);
	store_expect(s, before);
	assert_ptr_equal(store_find(s, 7), rule);
	assert_false(rule->removed);
	assert_ptr_equal(classifier_find_same(rules_tables(s->d.rules)[0], &rule->cls), rule);
	store_restart(s);
	store_expect(s, before);
	free(before);
}

static void a_modification_keeps_counters_and_age(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,cookie=1,tcp,tp_dst=80,actions=output:2\n"
		     "priority=8,cookie=2,tcp,tp_dst=81,actions=output:2\n"
		     "table=4,priority=9,tcp,tp_dst=80,actions=output:2\n"
		     "priority=6,udp,actions=output:2");
	struct rule *old = store_find(s, 7);
	rules_hit(NULL, old, 3, 300, 0);
	old->created_ms -= 5000;
	uint64_t created_ms = old->created_ms;
	rule_ref(old);
	struct rules_change change = store_run(s, CHANGE_FLOWS, "modify tcp,actions=output:5");
	assert_int_equal(change.modified, 3); // in all tables
	struct rule *rule = store_find(s, 7);
	assert_int_equal(output_of(rule), 5);
	assert_int_equal(rule->cookie, 1);
	assert_int_equal(rule->n_packets, 3);
	assert_int_equal(rule->created_ms, created_ms);
	assert_int_not_equal(rule->modified_ms, created_ms);
	// Megaflows still hold the old one: what they count is the new one's.
	rules_hit(NULL, old, 1, 60, 0);
	assert_int_equal(rule->n_packets, 4);
	store_run(s, CHANGE_FLOWS, "modify tcp,actions=output:6");
	rules_hit(NULL, old, 1, 60, 0);
	assert_int_equal(store_find(s, 7)->n_packets, 5);
	store_run(s, CHANGE_FLOWS, "delete tcp");
	rules_hit(NULL, old, 1, 60, 0);
	rule_unref(old);
	assert_int_equal(output_of(store_find(s, 6)), 2);
}

// Megaflows refer to the first of them while its actions stay the same.
static void of_many_modifications_only_the_last_is_kept(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,tcp,actions=output:2");
	struct rule *first = store_find(s, 7);
	rule_ref(first);
	for (unsigned i = 0; i < 100; i++)
		store_add(s, "modify tcp,actions=output:2");
	rules_hit(NULL, first, 3, 300, 0);
	struct rule *last = store_find(s, 7);
	assert_int_equal(last->n_packets, 3);
	assert_ptr_equal(first->successor, last);
	assert_int_equal(last->n_refs, 2); // the table's and the first one's
	store_add(s, "delete tcp");
	rules_hit(NULL, first, 3, 300, 0);
	assert_int_equal(last->n_packets, 6);
	rule_unref(first);
}

static void a_modification_sets_the_cookie_when_it_has_one(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,cookie=1,tcp,actions=output:2\npriority=8,cookie=2,tcp,actions=2");
	assert_int_equal(store_add(s, "modify cookie=1/-1,actions=output:3").modified, 1);
	assert_int_equal(output_of(store_find(s, 7)), 3);
	assert_int_equal(store_find(s, 7)->cookie, 1);
	assert_int_equal(store_add(s, "modify cookie=9,tcp,actions=output:4").modified, 2);
	assert_int_equal(store_find(s, 8)->cookie, 9);
	store_restart(s);
	assert_int_equal(store_find(s, 7)->cookie, 9);
	assert_int_equal(output_of(store_find(s, 7)), 4);
}

static void a_strict_modification_takes_match_and_priority_literally(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,tcp,actions=output:2\npriority=8,tcp,actions=output:2\n"
		     "priority=7,tcp,tp_dst=80,actions=output:2");
	struct rules_change change = store_add(s, "modify_strict priority=7,tcp,actions=output:3");
	assert_int_equal(change.modified, 1);
	assert_int_equal(change.added, 0);
	assert_int_equal(output_of(store_find(s, 8)), 2);
}

static void a_modification_of_nothing_adds_unless_a_cookie_was_asked_for(void **arg)
{
	struct store *s = *arg;
	struct rules_change change = store_add(s, "modify priority=7,tcp,actions=output:2");
	assert_int_equal(change.added, 1);
	change = store_add(s, "modify_strict priority=8,table=2,tcp,actions=output:2");
	assert_int_equal(change.added, 1);
	assert_int_equal(store_find(s, 8)->table, 2);
	change = store_add(s, "modify cookie=7/-1,udp,actions=output:2");
	assert_int_equal(change.added + change.modified, 0);
	store_restart(s);
	assert_int_equal(rules_count(s->d.rules), 3);
}

static void a_filter_deletes_what_is_at_least_as_specific(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,tcp,tp_dst=80,actions=output:2\n"
		     "priority=8,tcp,cookie=5,actions=output:3\n"
		     "priority=9,udp,actions=drop\n"
		     "table=1,priority=10,udp,actions=clone(output:4)");
	assert_int_equal(store_add(s, "delete icmp").deleted, 0);
	assert_int_equal(store_add(s, "delete cookie=5/-1").deleted, 1);
	assert_null(store_find(s, 8));
	assert_int_equal(store_add(s, "delete tcp").deleted, 1);
	assert_null(store_find(s, 7));
	assert_int_equal(store_add(s, "delete out_port=4").deleted, 1);
	store_restart(s);
	assert_int_equal(rules_count(s->d.rules), 2);
	assert_int_equal(store_add(s, "delete").deleted, 2);
	assert_int_equal(rules_count(s->d.rules), 0);
	store_restart(s);
	assert_int_equal(rules_count(s->d.rules), 0);
}

static void a_strict_filter_deletes_one_rule_a_table(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,tcp,actions=drop\npriority=7,tcp,tp_dst=80,actions=drop\n"
		     "priority=8,tcp,actions=drop\ntable=1,priority=7,tcp,actions=drop\n"
		     "table=2,priority=7,tcp,actions=drop");
	assert_int_equal(store_add(s, "delete_strict table=1,priority=7,tcp").deleted, 1);
	assert_int_equal(store_add(s, "delete_strict priority=7,tcp").deleted, 2);
	assert_int_equal(store_add(s, "delete_strict cookie=1/-1,priority=8,tcp").deleted, 0);
	assert_int_equal(rules_count(s->d.rules), 3);
}

static void check_overlap_refuses_a_rule_that_meets_another_of_its_priority(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,tcp,actions=drop");
	store_refuse(s, CHANGE_FLOWS, "check_overlap,priority=7,in_port=3,actions=drop", 1, 0,
		     "priority=7,tcp actions=drop");
	store_add(s, "check_overlap,priority=8,in_port=3,actions=drop\n"
		     "check_overlap,priority=7,udp,in_port=3,actions=drop\n"
		     "check_overlap,priority=7,tcp,actions=NORMAL"); // the same one: replaced
	assert_int_equal(store_find(s, 8)->flags, 0);		     // it is not kept
}

static void rules_over_the_limit_are_refused(void **arg)
{
	struct store *s = *arg;
	char *text, line[64];
	size_t len;
	FILE *out = open_memstream(&text, &len);
	for (int i = 1; i < STORE_RULES_MAX; i++)
		fprintf(out, "priority=%d,tcp,actions=drop\n", i);
	fclose(out);
	store_add(s, text);
	snprintf(line, sizeof(line), "more than %d rules", STORE_RULES_MAX);
	store_refuse(s, CHANGE_FLOWS, "udp,actions=drop", 1, 0, line);
	store_add(s, "priority=1,tcp,actions=NORMAL"); // one of them
	store_add(s, "delete_strict priority=2,tcp\nudp,actions=drop");
	free(text);
}

static void a_list_goes_by_table_then_priority_then_age(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=5,tcp,actions=drop\npriority=9,udp,actions=drop\n"
		     "table=2,priority=99,actions=drop\npriority=5,icmp,actions=drop\n"
		     "table=1,actions=drop\npriority=5,tcp,actions=output:1");
	store_expect(s, "priority=9,udp actions=drop\npriority=5,tcp actions=output:1\n"
			"priority=5,icmp actions=drop\n" NORMAL "table=1, actions=drop\n"
			"table=2, priority=99 actions=drop\n");
}

static void a_change_tells_tables_and_the_few_rules_that_it_is_about(void **arg)
{
	struct store *s = *arg;
	struct rules_change change = store_add(s, "table=70,priority=5,tcp,actions=drop");
	assert_true(change.tables[1] == UINT64_C(1) << 6 && !change.tables[0]);
	assert_int_equal(change.n_told, 1);
	assert_int_equal(change.told[0].table, 70);
	assert_int_equal(change.told[0].priority, 5);
	assert_int_equal(change.told[0].match.key.pkt.nw_proto, 6);
	// The same actions: no packet has another fate.
	change = store_add(s, "modify cookie=5,table=70,tcp,actions=drop");
	assert_int_equal(change.modified, 1);
	assert_int_equal(change.n_told, 0);
	assert_int_equal(change.tables[1], 0);
	change = store_add(s, "delete table=70\nactions=drop");
	assert_int_equal(change.n_told, 2);
	assert_true(change.tables[1] && change.tables[0] == 1);
}

// A rule that learn() would make.
static int learn_at(struct store *s, const char *text, uint64_t now_ms, struct rules_change *change)
{
	struct of_flow flow;
	memset(change, 0, sizeof(*change));
	assert_int_equal(of_flow_parse(&flow, OF_FLOW_ADD, text, NULL, &s->error), 0);
	int err = rules_learn(s->d.rules, &flow, now_ms, change);
	of_flow_fini(&flow);
	return err;
}

static int learn(struct store *s, const char *text)
{
	struct rules_change change;
	return learn_at(s, text, clock_now_ms(), &change);
}

static unsigned expire_at(struct store *s, uint64_t now_ms)
{
	struct rules_change change = {.added = 0};
	return rules_expire(s->d.rules, now_ms, now_ms, &change);
}

static void a_learned_rule_is_in_memory_only(void **arg)
{
	struct store *s = *arg;
	assert_int_equal(learn(s, "table=1,priority=7,cookie=5,tcp,actions=output:2"), 0);
	assert_int_equal(store_find(s, 7)->id, 0);
	assert_int_equal(rules_count_cookie(s->d.rules, 1, 5), 1);
	assert_int_equal(rules_count_cookie(s->d.rules, 0, 5), 0);
	store_add(s, "modify tcp,actions=output:3"); // of rules on disk and others
	assert_int_equal(output_of(store_find(s, 7)), 3);
	store_restart(s);
	assert_null(store_find(s, 7));
	assert_int_equal(learn(s, "priority=7,tcp,actions=output:2"), 0);
	store_add(s, "priority=7,tcp,actions=output:4"); // now it is an operator's
	store_restart(s);
	assert_int_equal(output_of(store_find(s, 7)), 4);
	assert_int_equal(learn(s, "priority=7,tcp,actions=output:2"), -EEXIST);
	assert_int_equal(output_of(store_find(s, 7)), 4);
}

static void learning_again_refreshes_the_rule(void **arg)
{
	struct store *s = *arg;
	struct rules_change change;
	uint64_t now_ms = clock_now_ms();
	static const char text[] = "priority=7,hard_timeout=10,tcp,actions=output:2";
	assert_int_equal(learn_at(s, text, now_ms, &change), 0);
	assert_int_equal(change.n_told, 1);
	assert_int_equal(learn_at(s, text, now_ms + 9000, &change), 0);
	assert_int_equal(change.n_told, 0);
	assert_int_equal(expire_at(s, now_ms + 18000), 0);
	assert_int_equal(learn_at(s, "priority=7,hard_timeout=10,tcp,actions=output:3",
				  now_ms + 18500, &change),
			 0);
	assert_int_equal(change.modified, 1);
	assert_int_equal(expire_at(s, now_ms + 20000), 0);
	assert_int_equal(output_of(store_find(s, 7)), 3);
	assert_int_equal(expire_at(s, now_ms + 28500), 1);
	assert_null(store_find(s, 7));
}

static void learned_rules_go_with_the_last_rule_that_taught_them(void **arg)
{
	struct store *s = *arg;
	store_add(s, "tcp,actions=learn(table=3,cookie=7,delete_learned,NXM_OF_ETH_DST[])\n"
		     "udp,actions=learn(table=3,cookie=7,delete_learned,NXM_OF_ETH_DST[])\n"
		     "table=3,priority=2,cookie=8,actions=drop");
	assert_int_equal(learn(s,
			       "table=3,priority=5,cookie=7,dl_dst=00:00:00:00:00:01,actions=drop"),
			 0);
	assert_int_equal(store_add(s, "delete tcp").deleted, 1);
	assert_non_null(store_find(s, 5));
	assert_int_equal(store_add(s, "delete udp").deleted, 2);
	assert_null(store_find(s, 5));
	assert_non_null(store_find(s, 2));
}

static void a_hard_timeout_counts_from_the_last_modification(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,hard_timeout=10,tcp,actions=drop");
	struct rule *rule = store_find(s, 7);
	uint64_t then_ms = rule->created_ms;
	rules_hit(NULL, rule, 1, 60, then_ms + 9990);
	assert_int_equal(expire_at(s, then_ms + 9999), 0);
	rule->modified_ms += 5000;
	assert_int_equal(expire_at(s, then_ms + 14999), 0);
	assert_int_equal(expire_at(s, then_ms + 15000), 1);
	assert_null(store_find(s, 7));
	store_restart(s);
	assert_null(store_find(s, 7));
}

static void an_idle_timeout_counts_from_the_last_use(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,idle_timeout=10,tcp,actions=drop");
	struct rule *rule = store_find(s, 7);
	uint64_t then_ms = rule->created_ms;
	rules_hit(NULL, rule, 1, 60, then_ms + 9000);
	assert_int_equal(expire_at(s, then_ms + 18999), 0);
	// An older reading does not make it older.
	rules_hit(NULL, rule, 1, 60, then_ms + 100);
	assert_int_equal(expire_at(s, then_ms + 18999), 0);
	// A use after the caller looked at the clock is no long silence.
	rules_hit(NULL, rule, 1, 60, then_ms + 9500);
	assert_int_equal(expire_at(s, then_ms + 9400), 0);
	assert_int_equal(expire_at(s, then_ms + 19500), 1);
	assert_null(store_find(s, 7));
	assert_int_equal(rules_count(s->d.rules), 1);
}

static void a_rule_is_not_idle_before_its_packets_are_counted(void **arg)
{
	struct store *s = *arg;
	struct rules_change change = {.added = 0};
	store_add(s, "priority=7,idle_timeout=10,tcp,actions=drop");
	struct rule *rule = store_find(s, 7);
	uint64_t then_ms = rule->created_ms;
	assert_int_equal(rules_expire(s->d.rules, then_ms + 60000, then_ms + 9999, &change), 0);
	rules_hit(NULL, rule, 1, 60, then_ms + 59000);
	assert_int_equal(rules_expire(s->d.rules, then_ms + 60000, then_ms + 60000, &change), 0);
	assert_int_equal(rules_expire(s->d.rules, then_ms + 70000, then_ms + 69000, &change), 1);
	assert_int_equal(change.n_told, 1);
}

static void a_hard_timeout_goes_on_over_a_restart_and_a_reboot(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,hard_timeout=100,tcp,actions=drop");
	int64_t wall_ms = (int64_t)clock_read_ms(CLOCK_REALTIME);
	// 60 s later, on a machine that is up for 5 s.
	store_restart_at(s, 5000, wall_ms + 60000);
	assert_int_equal(expire_at(s, 5000 + 30000), 0);
	assert_int_equal(expire_at(s, 5000 + 40100), 1);
}

static void an_expired_rule_leaves_even_if_the_disk_is_full(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,hard_timeout=1,tcp,actions=drop");
	disk_room(wal_size(s->state));
	unsigned n = expire_at(s, store_find(s, 7)->created_ms + 1000);
	disk_room(RLIM_INFINITY);
	assert_int_equal(n, 1);
	assert_null(store_find(s, 7));
	store_add(s, "priority=8,tcp,actions=drop");
	assert_int_equal(expire_at(s, clock_now_ms()), 0);
}

static void a_removed_rule_lives_as_long_as_a_megaflow_holds_it(void **arg)
{
	struct store *s = *arg;
	store_add(s, "priority=7,idle_timeout=9,tcp,actions=output:2");
	struct rule *rule = store_find(s, 7);
	rule_ref(rule);
	store_add(s, "delete tcp");
	assert_int_equal(expire_at(s, clock_now_ms()), 0); // forgets it there, too
	assert_true(rule->removed);
	assert_int_equal(rule->n_refs, 1);
	assert_int_equal(output_of(rule), 2);
	rule_unref(rule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STORE(a_rule_survives_a_restart),
	    WITH_STORE(same_match_and_priority_replaces_and_counts_anew),
	    WITH_STORE(the_last_of_equal_rules_in_one_load_wins),
	    WITH_STORE(a_port_range_stands_for_rules_that_cover_it),
	    WITH_STORE(a_change_that_the_disk_refuses_does_nothing),
	    WITH_STORE(a_modification_keeps_counters_and_age),
	    WITH_STORE(of_many_modifications_only_the_last_is_kept),
	    WITH_STORE(a_modification_sets_the_cookie_when_it_has_one),
	    WITH_STORE(a_strict_modification_takes_match_and_priority_literally),
	    WITH_STORE(a_modification_of_nothing_adds_unless_a_cookie_was_asked_for),
	    WITH_STORE(a_filter_deletes_what_is_at_least_as_specific),
	    WITH_STORE(a_strict_filter_deletes_one_rule_a_table),
	    WITH_STORE(check_overlap_refuses_a_rule_that_meets_another_of_its_priority),
	    WITH_STORE(rules_over_the_limit_are_refused),
	    WITH_STORE(a_list_goes_by_table_then_priority_then_age),
	    WITH_STORE(a_change_tells_tables_and_the_few_rules_that_it_is_about),
	    WITH_STORE(a_learned_rule_is_in_memory_only),
	    WITH_STORE(learning_again_refreshes_the_rule),
	    WITH_STORE(learned_rules_go_with_the_last_rule_that_taught_them),
	    WITH_STORE(a_hard_timeout_counts_from_the_last_modification),
	    WITH_STORE(an_idle_timeout_counts_from_the_last_use),
	    WITH_STORE(a_rule_is_not_idle_before_its_packets_are_counted),
	    WITH_STORE(a_hard_timeout_goes_on_over_a_restart_and_a_reboot),
	    WITH_STORE(an_expired_rule_leaves_even_if_the_disk_is_full),
	    WITH_STORE(a_removed_rule_lives_as_long_as_a_megaflow_holds_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
