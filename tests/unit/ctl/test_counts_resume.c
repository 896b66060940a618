// swctld is killed, and the next one adopts what swd has: each packet counts once, for its rule.
// swd is played by the test.
#include "ctl/account.h"
#include "ctl/log.h"
#include "ctl/swctld/counts.h"
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/revalidate.h"

#include "tests/unit/ctl/fake_swd.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>

#define OWNER 5

// A megaflow as swd holds it.
struct held {
	struct flow_match match;
	struct flow_ufid ufid;
};

static void begin(struct control *c)
{
	c->d.counts = counts_open(c->state->dir, ACCOUNT_NONE);
	counts_claim(c->d.counts, OWNER);
	rules_keep_counts(c->d.rules, c->d.counts);
	assert_true(megaflows_keep_counts(c->d.megaflows, c->d.counts));
	c->d.revalidator = revalidator_create(&c->d);
}

static int setup(void **arg)
{
	control_setup(arg);
	struct control *c = *arg;
	fake_swd_reset();
	c->d.base = event_base_new();
	begin(c);
	counts_rules_resumed(c->d.counts);
	control_ports(c, 3);
	return 0;
}

// Nothing is said to the counts: this is what a kill leaves.
static void end(struct control *c)
{
	revalidator_destroy(c->d.revalidator);
	rules_keep_counts(c->d.rules, NULL);
	counts_close(c->d.counts);
	c->d.counts = NULL;
	stores_end(&c->d);
}

static int teardown(void **arg)
{
	struct control *c = *arg;
	char path[128];
	end(c);
	event_base_free(c->d.base);
	snprintf(path, sizeof(path), "%s/" COUNTS_FILE, c->state->dir);
	unlink(path);
	state_teardown((void **)&c->state);
	free(c);
	return 0;
}

static void kill_and_start(struct control *c)
{
	char err[512];
	struct swctld *d = &c->d;
	end(c);
	state_reopen(c->state);
	d->db = c->state->db;
	stores_begin(d, RULES_MAX_DEFAULT, MASKS_MAX_DEFAULT);
	begin(c);
	assert_int_equal(ports_load(d->ports, err, sizeof(err)), 0);
	for (unsigned no = 1; no <= 3; no++)
		ports_set_up(d->ports, ports_by_no(d->ports, no), true);
	assert_int_equal(rules_load(d->rules, clock_now_ms(), 1000, err, sizeof(err)), 0);
}

static struct held miss_key(struct control *c, const struct flow_key *key)
{
	fake_miss(&c->d, key);
	const struct known_flow *f = megaflows_first(c->d.megaflows);
	while (f->next)
		f = f->next;
	struct held held = {.match = f->match};
	megaflows_ufid(c->d.megaflows, f, &held.ufid);
	return held;
}

static struct held miss(struct control *c, uint16_t tp_dst)
{
	struct flow_key key = {.in_port = 1,
			       .eth_type_be = htons(0x0800),
			       .nw_proto = IPPROTO_TCP,
			       .nw_ttl = 64,
			       .tp_dst_be = htons(tp_dst)};
	return miss_key(c, &key);
}

static void dump_shows(struct control *c, const struct held *held, uint64_t packets)
{
	struct dp_flow flow;
	memset(&flow, 0, sizeof(flow));
	flow.has_ufid = flow.has_match = true;
	flow.match = held->match;
	flow.ufid = held->ufid;
	uint64_t now_ms = clock_now_ms();
	flow.reading = (struct flow_reading){packets, packets * 60, now_ms, now_ms};
	flow_stats_reading(&c->d, &flow);
}

static struct known_flow *known(const struct control *c, const struct held *held)
{
	return megaflows_find(c->d.megaflows, &held->match);
}

static void change(struct control *c, const char *lines)
{
	struct rules_change what = control_change(c, lines);
	revalidate_rules_changed(c->d.revalidator, &what);
	revalidate_now(c->d.revalidator);
}

static uint64_t counted(const struct control *c, uint16_t priority)
{
	size_t n;
	uint64_t packets = UINT64_MAX;
	struct rule **list = rules_list(c->d.rules, NULL, false, &n);
	for (size_t i = 0; i < n; i++) {
		if (list[i]->cls.priority == priority)
			packets = list[i]->n_packets;
	}
	rules_list_free(list, n);
	return packets;
}

static void what_passed_meanwhile_counts_for_the_rule_once(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct held held = miss(c, 80);
	dump_shows(c, &held, 10);
	for (unsigned i = 0; i < 3; i++) {
		kill_and_start(c);
		assert_int_equal(counted(c, 5), 11 + i * 100);
		dump_shows(c, &held, 10 + (i + 1) * 100 - 50);
		megaflows_resumed(c->d.megaflows);
		revalidate_now(c->d.revalidator);
		dump_shows(c, &held, 10 + (i + 1) * 100);
		assert_int_equal(counted(c, 5), 11 + (i + 1) * 100);
	}
}

static void killed_again_before_it_was_translated_loses_nothing(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct held held = miss(c, 80);
	kill_and_start(c);
	dump_shows(c, &held, 10);
	dump_shows(c, &held, 15);
	kill_and_start(c);
	dump_shows(c, &held, 20);
	revalidate_now(c->d.revalidator);
	dump_shows(c, &held, 20);
	assert_int_equal(counted(c, 5), 21);
}

static void a_rule_that_was_modified_goes_on_and_one_that_was_replaced_does_not(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2\n"
		  "flow add priority=6,tcp,tp_dst=443,actions=output:2");
	struct held web = miss(c, 80), tls = miss(c, 443);
	dump_shows(c, &web, 10);
	dump_shows(c, &tls, 10);
	change(c, "flow modify_strict priority=5,tcp,actions=output:3\n"
		  "flow add priority=6,tcp,tp_dst=443,actions=output:3");
	fake_answer(&c->d, known(c, &web), OVS_FLOW_CMD_NEW, 12);
	fake_answer(&c->d, known(c, &tls), OVS_FLOW_CMD_NEW, 12);
	kill_and_start(c);
	assert_int_equal(counted(c, 5), 13);
	dump_shows(c, &web, 20);
	dump_shows(c, &tls, 20);
	revalidate_now(c->d.revalidator);
	dump_shows(c, &web, 20);
	dump_shows(c, &tls, 20);
	assert_int_equal(counted(c, 5), 21);
	assert_int_equal(counted(c, 6), 8);
}

static void what_a_deleted_megaflow_had_counted_stays(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct held held = miss(c, 80);
	struct known_flow *f = known(c, &held);
	dump_shows(c, &held, 10);
	megaflows_leave(c->d.megaflows, f);
	fake_answer(&c->d, f, OVS_FLOW_CMD_DEL, 12);
	kill_and_start(c);
	assert_int_equal(counted(c, 5), 13);
	struct held next = miss(c, 80); // maybe in the other's place
	dump_shows(c, &next, 4);
	assert_int_equal(counted(c, 5), 18);
}

static void one_that_must_go_after_a_kill_counts_for_its_rule(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct held held = miss(c, 80);
	kill_and_start(c);
	change(c, "flow add priority=9,tcp,tp_dst=443,actions=output:3");
	dump_shows(c, &held, 10);
	struct known_flow *f = known(c, &held);
	assert_non_null(f);
	revalidate_now(c->d.revalidator); // its mask has no port
	assert_int_equal(fake_swd.n_del, 1);
	fake_answer(&c->d, f, OVS_FLOW_CMD_DEL, 12);
	assert_int_equal(counted(c, 5), 13);
	assert_int_equal(counted(c, 9), 0);
}

static void a_swd_that_starts_anew_counts_from_zero(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct held held = miss(c, 80);
	dump_shows(c, &held, 10);
	flow_stats_round_begin(&c->d);
	assert_int_equal(flow_stats_mark_absent(&c->d), 1);
	revalidate_now(c->d.revalidator); // sent to the new swd
	kill_and_start(c);
	dump_shows(c, &held, 12); // all of it new, though more than before
	revalidate_now(c->d.revalidator);
	dump_shows(c, &held, 15);
	assert_int_equal(counted(c, 5), 11 + 15);
}

static void a_strangers_megaflow_counts_from_its_adoption_on(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct held held = miss(c, 80);
	dump_shows(c, &held, 10);
	kill_and_start(c);
	held.ufid.token++;
	dump_shows(c, &held, 1000);
	revalidate_now(c->d.revalidator);
	dump_shows(c, &held, 1005);
	assert_int_equal(counted(c, 5), 11 + 5);
}

static void a_number_that_has_no_record_is_not_another_megaflows_next_time(void **arg)
{
	struct control *c = *arg;
	change(c, "flow add priority=5,tcp,actions=output:2");
	change(c, "flow add priority=6,tcp,tp_dst=443,actions=output:2");
	disk_room(16384); // the file has its head
	log_init("test", LOG_LEVEL_ERROR);
	struct held web = miss(c, 80);
	disk_room(RLIM_INFINITY);
	dump_shows(c, &web, 10);
	kill_and_start(c);
	struct held tls = miss(c, 443);
	dump_shows(c, &web, 20);
	dump_shows(c, &tls, 100);
	revalidate_now(c->d.revalidator);
	dump_shows(c, &web, 25);
	assert_int_equal(counted(c, 5), 5); // the rule had no record either
	assert_int_equal(counted(c, 6), 1 + 100);
}

#define POP_2 "pop_mpls:0x8847,pop_mpls:0x8847," // all that the key shows

// Labels are popped in each of two rounds.
static void adopt_three_rounds(struct control *c, bool last_first)
{
	struct held held[3];
	struct flow_key key = {.in_port = 1,
			       .eth_type_be = htons(0x8847),
			       .mpls_lse_be = {htonl(16 << MPLS_LABEL_SHIFT)}};
	change(c, "flow add priority=5,table=0,mpls,actions=" POP_2 "resubmit(,1)\n"
		  "flow add priority=6,table=1,mpls,actions=" POP_2 "resubmit(,2)\n"
		  "flow add priority=7,table=2,mpls,actions=output:2");
	for (unsigned i = 0; i < 3; i++) {
		held[i] = miss_key(c, &key);
		assert_int_equal(known(c, &held[i])->n_frozen, i < 2);
		key.recirc_id = known(c, &held[i])->frozen[0];
	}
	kill_and_start(c);
	for (unsigned i = 0; i < 3; i++)
		dump_shows(c, &held[last_first ? 2 - i : i], 100);
	revalidate_now(c->d.revalidator);
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(known(c, &held[i]));
		dump_shows(c, &held[i], 100);
	}
	assert_int_equal(counted(c, 7), 101);
}

static void recirculated_megaflows_are_adopted_in_whatever_order_they_are_shown(void **arg)
{
	adopt_three_rounds(*arg, false);
}

static void recirculated_megaflows_are_adopted_in_the_other_order_too(void **arg)
{
	adopt_three_rounds(*arg, true);
}

// Its rule is gone, and with it the state that the second round went on from.
static void a_recirculated_megaflow_that_nothing_leads_to_goes(void **arg)
{
	struct control *c = *arg;
	struct flow_key key = {.in_port = 1, .eth_type_be = htons(0x8847)};
	change(c, "flow add priority=5,mpls,actions=" POP_2 "resubmit(,1)");
	struct held first = miss_key(c, &key);
	key.recirc_id = known(c, &first)->frozen[0];
	struct held second = miss_key(c, &key);
	kill_and_start(c);
	dump_shows(c, &second, 100);
	revalidate_now(c->d.revalidator);
	assert_null(known(c, &second));
}

#define WITH_SWD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SWD(what_passed_meanwhile_counts_for_the_rule_once),
	    WITH_SWD(killed_again_before_it_was_translated_loses_nothing),
	    WITH_SWD(a_rule_that_was_modified_goes_on_and_one_that_was_replaced_does_not),
	    WITH_SWD(what_a_deleted_megaflow_had_counted_stays),
	    WITH_SWD(one_that_must_go_after_a_kill_counts_for_its_rule),
	    WITH_SWD(a_swd_that_starts_anew_counts_from_zero),
	    WITH_SWD(a_number_that_has_no_record_is_not_another_megaflows_next_time),
	    WITH_SWD(recirculated_megaflows_are_adopted_in_whatever_order_they_are_shown),
	    WITH_SWD(recirculated_megaflows_are_adopted_in_the_other_order_too),
	    WITH_SWD(a_recirculated_megaflow_that_nothing_leads_to_goes),
	    WITH_SWD(a_strangers_megaflow_counts_from_its_adoption_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
