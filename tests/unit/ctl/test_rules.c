#include "ctl/swctld/rules.h"

#include "tests/unit/ctl/state_fixture.h"

#define NOW  UINT64_C(1000000) // a fake CLOCK_MONOTONIC, ms
#define WALL INT64_C(1700000000000)

struct fixture {
	struct state *state;
	struct rules *rules;
};

static void load(struct fixture *f, uint64_t now_ms, int64_t wall_ms)
{
	char err[512];
	rules_destroy(f->rules);
	f->rules = rules_create(f->state->db);
	if (rules_load(f->rules, now_ms, wall_ms, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static int setup(void **arg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	state_setup((void **)&f->state);
	load(f, NOW, WALL);
	*arg = f;
	return 0;
}

static int teardown(void **arg)
{
	struct fixture *f = *arg;
	rules_destroy(f->rules);
	state_teardown((void **)&f->state);
	free(f);
	return 0;
}

static void restart(struct fixture *f, uint64_t now_ms, int64_t wall_ms)
{
	rules_destroy(f->rules);
	f->rules = NULL;
	state_reopen(f->state);
	load(f, now_ms, wall_ms);
}

static struct rule *parse(const char *text)
{
	struct of_error error;
	struct rule *rule = rule_alloc();
	if (of_flow_parse(&rule->flow, text, NULL, &error) < 0)
		fail_msg("%s", error.text);
	return rule;
}

static int try_add(struct fixture *f, struct rules_change *change, const char *const *texts,
		   size_t n)
{
	struct rule *list[64];
	for (size_t i = 0; i < n; i++)
		list[i] = parse(texts[i]);
	memset(change, 0, sizeof(*change));
	return rules_add(f->rules, list, n, NOW, WALL, change);
}

static struct rules_change add(struct fixture *f, const char *text)
{
	struct rules_change change;
	assert_int_equal(try_add(f, &change, &text, 1), 0);
	return change;
}

// The one rule with this priority, or NULL.
static const struct rule *find(struct fixture *f, uint32_t priority)
{
	size_t n;
	const struct rule **list = rules_list(f->rules, NULL, &n), *found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (list[i]->flow.priority == priority) {
			assert_null(found);
			found = list[i];
		}
	}
	free(list);
	return found;
}

static void a_rule_survives_a_restart(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,cookie=0x12,idle_timeout=5,tcp,tp_dst=80,actions=output:2,output:3");
	restart(f, NOW, WALL);
	assert_int_equal(rules_count(f->rules), 2);
	const struct rule *rule = find(f, 7);
	assert_non_null(rule);
	assert_int_equal(rule->flow.cookie, 0x12);
	assert_int_equal(rule->flow.idle_timeout_s, 5);
	assert_int_equal(rule->flow.n_actions, 2);
	assert_int_equal(rule->flow.actions[1].u.port, 3);
	assert_int_equal(classifier_n_rules(rules_classifier(f->rules)), 2);
}

static void same_match_and_priority_replaces_and_counts_anew(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,tcp,actions=output:2");
	rules_hit(f->rules, find(f, 7)->id, 3, 300, NOW + 5);
	assert_int_equal(find(f, 7)->n_packets, 3);
	struct rules_change change = add(f, "priority=7,tcp,actions=output:3");
	assert_int_equal(change.added, 0);
	assert_int_equal(change.replaced, 1);
	assert_int_equal(find(f, 7)->n_packets, 0);
	assert_int_equal(find(f, 7)->flow.actions[0].u.port, 3);
	change = add(f, "priority=8,tcp,actions=output:3");
	assert_int_equal(change.added, 1);
	restart(f, NOW, WALL);
	assert_int_equal(rules_count(f->rules), 3);
}

static void the_last_of_equal_rules_in_one_load_wins(void **arg)
{
	struct fixture *f = *arg;
	static const char *const texts[] = {"priority=7,tcp,actions=output:1",
					    "priority=7,tcp,actions=output:2",
					    "priority=7,tcp,actions=output:3"};
	struct rules_change change;
	assert_int_equal(try_add(f, &change, texts, 3), 0);
	assert_int_equal(change.added, 1);
	assert_int_equal(change.replaced, 2);
	assert_int_equal(find(f, 7)->flow.actions[0].u.port, 3);
	restart(f, NOW, WALL);
	assert_int_equal(find(f, 7)->flow.actions[0].u.port, 3);
}

static void a_load_that_the_disk_refuses_changes_nothing(void **arg)
{
	struct fixture *f = *arg;
	static const char *const texts[] = {"priority=7,tcp,actions=output:3",
					    "priority=9,tcp,actions=output:1",
					    "priority=9,tcp,actions=output:2"};
	struct rules_change change;
	add(f, "priority=7,tcp,actions=output:2");
	int64_t id = find(f, 7)->id;
	disk_room(wal_size(f->state));
	int err = try_add(f, &change, texts, 3);
	disk_room(RLIM_INFINITY);
	assert_true(err < 0);
	assert_int_equal(rules_count(f->rules), 2);
	assert_int_equal(classifier_n_rules(rules_classifier(f->rules)), 2);
	assert_int_equal(find(f, 7)->id, id);
	struct cls_rule *found =
	    classifier_find(rules_classifier(f->rules), &find(f, 7)->flow.match, 7);
	assert_ptr_equal(found, find(f, 7));
	restart(f, NOW, WALL);
	assert_int_equal(rules_count(f->rules), 2);
	assert_int_equal(find(f, 7)->flow.actions[0].u.port, 2);
}

static unsigned expire(struct fixture *f, uint64_t now_ms)
{
	return rules_expire(f->rules, now_ms, now_ms);
}

static void a_hard_timeout_ends_a_rule_however_much_it_is_used(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,hard_timeout=10,tcp,actions=drop");
	rules_hit(f->rules, find(f, 7)->id, 1, 60, NOW + 9990);
	assert_int_equal(expire(f, NOW + 9999), 0);
	assert_int_equal(expire(f, NOW + 10000), 1);
	assert_null(find(f, 7));
	restart(f, NOW, WALL);
	assert_null(find(f, 7));
}

static void an_idle_timeout_counts_from_the_last_use(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,idle_timeout=10,tcp,actions=drop");
	rules_hit(f->rules, find(f, 7)->id, 1, 60, NOW + 9000);
	assert_int_equal(expire(f, NOW + 18999), 0);
	// An older reading does not make it older.
	rules_hit(f->rules, find(f, 7)->id, 1, 60, NOW + 100);
	assert_int_equal(expire(f, NOW + 18999), 0);
	// A use after the caller looked at the clock is no long silence.
	rules_hit(f->rules, find(f, 7)->id, 1, 60, NOW + 9500);
	assert_int_equal(expire(f, NOW + 9400), 0);
	assert_int_equal(expire(f, NOW + 19500), 1);
	assert_null(find(f, 7));
	assert_int_equal(rules_count(f->rules), 1);
}

static void a_rule_is_not_idle_before_its_packets_are_counted(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,idle_timeout=10,tcp,actions=drop");
	assert_int_equal(rules_expire(f->rules, NOW + 60000, NOW + 9999), 0);
	rules_hit(f->rules, find(f, 7)->id, 1, 60, NOW + 59000);
	assert_int_equal(rules_expire(f->rules, NOW + 60000, NOW + 60000), 0);
	assert_int_equal(rules_expire(f->rules, NOW + 70000, NOW + 69000), 1);
}

static void a_hard_timeout_goes_on_over_a_restart_and_a_reboot(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,hard_timeout=100,tcp,actions=drop");
	// 60 s later, on a machine that is up for 5 s.
	restart(f, 5000, WALL + 60000);
	assert_int_equal(expire(f, 5000 + 39000), 0);
	assert_int_equal(expire(f, 5000 + 40000), 1);
}

static void an_expired_rule_leaves_even_if_the_disk_is_full(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,hard_timeout=1,tcp,actions=drop");
	disk_room(wal_size(f->state));
	unsigned n = expire(f, NOW + 1000);
	disk_room(RLIM_INFINITY);
	assert_int_equal(n, 1);
	assert_null(find(f, 7));
	add(f, "priority=8,tcp,actions=drop");
}

static struct rules_change del(struct fixture *f, const char *text)
{
	struct of_filter filter;
	struct of_error error;
	struct rules_change change = {0};
	assert_int_equal(of_filter_parse(&filter, text, NULL, &error), 0);
	assert_int_equal(rules_del(f->rules, &filter, &change), 0);
	return change;
}

static void a_filter_deletes_what_is_at_least_as_specific(void **arg)
{
	struct fixture *f = *arg;
	add(f, "priority=7,tcp,tp_dst=80,actions=output:2");
	add(f, "priority=8,tcp,cookie=5,actions=output:3");
	add(f, "priority=9,udp,actions=drop");
	assert_int_equal(del(f, "icmp").deleted, 0);
	assert_int_equal(del(f, "cookie=5/-1").deleted, 1);
	assert_null(find(f, 8));
	assert_int_equal(del(f, "tcp").deleted, 1);
	assert_null(find(f, 7));
	restart(f, NOW, WALL);
	assert_int_equal(rules_count(f->rules), 2);
	assert_int_equal(del(f, "").deleted, 2);
	assert_int_equal(rules_count(f->rules), 0);
	assert_int_equal(classifier_n_rules(rules_classifier(f->rules)), 0);
}

static void a_list_has_the_highest_priority_first_then_the_oldest(void **arg)
{
	struct fixture *f = *arg;
	size_t n;
	add(f, "priority=5,tcp,actions=drop");
	add(f, "priority=9,udp,actions=drop");
	add(f, "priority=5,icmp,actions=drop");
	const struct rule **list = rules_list(f->rules, NULL, &n);
	assert_int_equal(n, 4);
	assert_int_equal(list[0]->flow.priority, 9);
	assert_true(list[1]->id < list[2]->id);
	assert_int_equal(list[3]->flow.priority, 0);
	free(list);
}

static void hits_of_a_rule_that_is_gone_are_nobodys(void **arg)
{
	struct fixture *f = *arg;
	rules_hit(f->rules, 4711, 1, 60, NOW);
	assert_int_equal(find(f, 0)->n_packets, 0);
}

#define WITH_RULES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RULES(a_rule_survives_a_restart),
	    WITH_RULES(same_match_and_priority_replaces_and_counts_anew),
	    WITH_RULES(the_last_of_equal_rules_in_one_load_wins),
	    WITH_RULES(a_load_that_the_disk_refuses_changes_nothing),
	    WITH_RULES(a_hard_timeout_ends_a_rule_however_much_it_is_used),
	    WITH_RULES(an_idle_timeout_counts_from_the_last_use),
	    WITH_RULES(a_rule_is_not_idle_before_its_packets_are_counted),
	    WITH_RULES(a_hard_timeout_goes_on_over_a_restart_and_a_reboot),
	    WITH_RULES(an_expired_rule_leaves_even_if_the_disk_is_full),
	    WITH_RULES(a_filter_deletes_what_is_at_least_as_specific),
	    WITH_RULES(a_list_has_the_highest_priority_first_then_the_oldest),
	    WITH_RULES(hits_of_a_rule_that_is_gone_are_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
