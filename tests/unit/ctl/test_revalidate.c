// Megaflows follow the rules; swd is played by the test.
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/revalidate.h"

#include "tests/unit/ctl/fake_swd.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>

static int setup(void **arg)
{
	control_setup(arg);
	struct control *c = *arg;
	fake_swd_reset();
	c->d.base = event_base_new();
	c->d.revalidator = revalidator_create(&c->d);
	return 0;
}

static int teardown(void **arg)
{
	struct control *c = *arg;
	revalidator_destroy(c->d.revalidator);
	event_base_free(c->d.base);
	return control_teardown(arg);
}

static struct flow_key tcp_key(uint32_t in_port, uint16_t tp_dst)
{
	return (struct flow_key){.in_port = in_port,
				 .eth_src = {{0x52, 0x54, 0, 0, 0, (uint8_t)in_port}},
				 .eth_dst = {{0x52, 0x54, 0, 0, 0, 2}},
				 .eth_type_be = htons(0x0800),
				 .nw_proto = IPPROTO_TCP,
				 .nw_ttl = 64,
				 .tp_src_be = htons(1000),
				 .tp_dst_be = htons(tp_dst)};
}

static struct known_flow *miss(struct control *c, uint32_t in_port, uint16_t tp_dst)
{
	struct flow_key key = tcp_key(in_port, tp_dst);
	unsigned n = megaflows_count(c->d.megaflows);
	fake_miss(&c->d, &key);
	assert_int_equal(megaflows_count(c->d.megaflows), n + 1);
	struct known_flow *f = megaflows_first(c->d.megaflows);
	while (f->next)
		f = f->next;
	return f;
}

static void change(struct control *c, const char *lines)
{
	struct rules_change what = control_change(c, lines);
	revalidate_rules_changed(c->d.revalidator, &what);
	revalidate_now(c->d.revalidator);
}

static struct rule *only_rule(struct control *c, const char *line)
{
	struct of_filter filter;
	struct of_error error;
	size_t n;
	assert_int_equal(of_filter_parse(&filter, false, line, NULL, &error), 0);
	struct rule **list = rules_list(c->d.rules, &filter, false, &n);
	assert_int_equal(n, 1);
	struct rule *rule = list[0];
	rules_list_free(list, n);
	return rule; // the table's
}

// What `n` translations that fail write to stderr.
static const char *logged(struct swctld *d, unsigned n, const char *path)
{
	static char text[4096];
	static struct xlate_result result;
	struct flow_key key = {.in_port = 1};
	fflush(stderr);
	int saved = dup(STDERR_FILENO),
	    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, STDERR_FILENO);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(revalidate_translate(d->revalidator, &key, true, &result), -E2BIG);
		assert_int_equal(result.n_actions, 0);
		xlate_result_fini(&result);
	}
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	close(saved);
	close(fd);
	unlink(path);
	return text;
}

static void a_flood_to_too_many_ports_is_told_once(void **arg)
{
	struct control *c = *arg;
	char path[128];
	snprintf(path, sizeof(path), "%s/log", c->state->dir);
	control_ports(c, ACTIONS_MAX + 2);
	const char *text = logged(&c->d, 3, path);
	assert_non_null(strstr(text, "rule \"priority=0 actions=NORMAL\" are dropped"));
	assert_non_null(strstr(text, xlate_end_text(XLATE_TOO_MANY_ACTIONS)));
	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
}

static void a_missed_packet_gets_a_megaflow_and_goes_on(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add tcp,in_port=1,actions=output:2");
	struct known_flow *f = miss(c, 1, 80);
	assert_int_equal(fake_swd.n_put, 1);
	assert_int_equal(fake_swd.n_execute, 1);
	assert_true(fake_last()->is_packet); // behind the megaflow
	assert_int_equal(f->match.mask.tp_dst_be, 0);
	assert_int_equal(only_rule(c, "tcp")->n_packets, 1);
}

static void a_change_of_actions_is_sent_and_divides_the_packets(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct known_flow *f = miss(c, 1, 80);
	change(c, "flow add priority=9,tcp,actions=output:3");
	assert_int_equal(fake_swd.n_put, 2);
	assert_true(fake_last()->echo);
	assert_int_equal(fake_last()->id, f->id);
	fake_answer(&c->d, f, OVS_FLOW_CMD_NEW, 10); // as swd had counted up to the change
	struct rule *before = only_rule(c, "tcp,out_port=2"), *after = only_rule(c, "out_port=3");
	assert_int_equal(before->n_packets, 1 + 10);
	assert_int_equal(after->n_packets, 0);
	fake_answer(&c->d, f, OVS_FLOW_CMD_NEW, 12);
	assert_int_equal(after->n_packets, 2);
}

static void a_change_that_alters_nothing_is_not_sent(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct known_flow *f = miss(c, 1, 80);
	uint64_t gen = f->gen;
	change(c, "flow add udp,actions=output:3");
	assert_int_equal(fake_swd.n_put, 1);
	assert_true(f->gen > gen); // and is right again
	revalidate_all(c->d.revalidator);
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_put, 1);
	assert_int_equal(megaflows_count(c->d.megaflows), 1);
}

static void a_megaflow_that_has_become_too_wide_is_deleted(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add priority=5,tcp,actions=output:2");
	miss(c, 1, 80);
	change(c, "flow add priority=9,tcp,tp_dst=443,actions=output:3");
	assert_int_equal(fake_swd.n_del, 1);
	assert_int_equal(megaflows_count(c->d.megaflows), 0);
}

static void a_megaflow_of_a_port_that_is_gone_is_deleted(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	miss(c, 1, 80);
	assert_int_equal(ports_del(c->d.ports, ports_by_no(c->d.ports, 1)), 0);
	revalidate_all(c->d.revalidator);
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_del, 1);
}

static void a_link_that_goes_moves_what_a_group_sent_there(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "group add group_id=1,type=ff,bucket=watch_port:2,output:2,"
		  "bucket=watch_port:3,output:3\n"
		  "flow add tcp,actions=group:1");
	struct known_flow *f = miss(c, 1, 80);
	assert_true(f->on.groups);
	assert_true(ports_set_up(c->d.ports, ports_by_no(c->d.ports, 2), false));
	revalidate_links_changed(c->d.revalidator);
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_put, 2);
}

// It would count for a station that is elsewhere; that one's own packets are to be seen.
static void a_megaflow_of_an_address_that_moved_away_is_deleted(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	struct known_flow *f = miss(c, 1, 80);
	assert_true(f->used_normal);
	fdb_learn(c->d.fdb, f->normal_mac, 0, 3, clock_now_ms());
	revalidate_macs_changed(c->d.revalidator);
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_del, 1);
}

static void while_swd_is_away_megaflows_stay_stale_and_are_checked_after(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct known_flow *f = miss(c, 1, 80);
	uint64_t gen = f->gen;
	fake_swd.away = true;
	change(c, "flow add priority=9,tcp,actions=output:3");
	assert_int_equal(f->gen, gen);
	fake_swd.away = false;
	revalidate_now(c->d.revalidator);
	assert_true(f->gen > gen);
	assert_int_equal(fake_swd.n_put, 2);
}

static void what_could_not_be_sent_is_sent_later(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add priority=5,tcp,actions=output:2");
	struct known_flow *f = miss(c, 1, 80);
	fake_swd.refuses = -EAGAIN;
	change(c, "flow add priority=9,tcp,actions=output:3");
	assert_int_equal(fake_swd.n_put, 1);
	assert_true(f->absent);
	fake_swd.refuses = 0;
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_put, 2);
	assert_false(f->absent);
}

// swd keeps only so many answers for who does not read them.
static void work_waits_for_answers_when_many_are_owed(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	// Every port asks for its own megaflow.
	change(c, "flow add "
		  "priority=5,tcp,actions=move:NXM_OF_TCP_DST[]->NXM_NX_REG0[0..15],output:2");
	for (uint16_t port = 1; port <= MEGAFLOWS_AWAITED_MAX + 10; port++)
		miss(c, 1, port);
	struct rules_change what =
	    control_change(c, "flow add "
			      "priority=9,tcp,actions=move:NXM_OF_TCP_DST[]->NXM_NX_REG0[0..15],"
			      "output:3");
	revalidate_rules_changed(c->d.revalidator, &what);
	unsigned n = 0;
	while (megaflows_may_await(c->d.megaflows)) {
		assert_true(n++ < 10000);
		revalidate_now(c->d.revalidator);
	}
	assert_int_equal(megaflows_n_awaited(c->d.megaflows), MEGAFLOWS_AWAITED_MAX);
	unsigned n_put = fake_swd.n_put;
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_put, n_put);
	megaflows_switch_end_all(c->d.megaflows);
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_put, n_put + 10);
}

static void a_packet_teaches_a_rule_that_counters_keep_fresh(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add "
		  "in_port=1,tcp,actions=learn(table=1,idle_timeout=10,eth_type=0x800,nw_proto=6,"
		  "NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],output:NXM_OF_IN_PORT[]),output:2");
	struct known_flow *f = miss(c, 1, 80);
	assert_true(f->learns);
	struct rule *learned = only_rule(c, "table=1");
	assert_int_equal(learned->id, 0); // in memory only
	uint64_t used_ms = learned->used_ms;
	learned->used_ms = learned->modified_ms = 1;
	fake_answer(&c->d, f, OVS_FLOW_CMD_NEW, 5);
	assert_true(only_rule(c, "table=1")->used_ms >= used_ms);
}

// Its next packet is missed and teaches, rather than the next reading of its counters.
static void a_megaflow_that_is_to_teach_from_now_on_goes(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c,
	       "flow add in_port=1,tcp,actions=move:NXM_OF_TCP_SRC[]->NXM_NX_REG0[0..15],output:2");
	miss(c, 1, 80);
	change(c, "flow add in_port=1,tcp,actions=learn(table=1,eth_type=0x800,nw_proto=6,"
		  "NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],output:NXM_OF_IN_PORT[]),output:2");
	assert_int_equal(fake_swd.n_del, 1);
	assert_int_equal(megaflows_count(c->d.megaflows), 0);
	struct known_flow *f = miss(c, 1, 80);
	only_rule(c, "table=1");
	// What it teaches stays the same: it stays.
	change(c, "flow add in_port=2,udp,actions=drop");
	assert_int_equal(fake_swd.n_del, 1);
	assert_ptr_equal(megaflows_first(c->d.megaflows), f);
}

// Rules that want to know more than its key has have changed, and it has not been looked at yet.
static void a_stale_megaflow_teaches_nothing_that_its_key_does_not_have(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add in_port=1,tcp,actions=learn(table=1,eth_type=0x800,nw_proto=6,"
		  "NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],output:NXM_OF_IN_PORT[]),output:2");
	struct known_flow *f = miss(c, 1, 80);
	struct rules_change what =
	    control_change(c, "flow add in_port=1,tcp,actions=learn(table=2,NXM_OF_ETH_DST[]="
			      "NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),output:2");
	revalidate_rules_changed(c->d.revalidator, &what);
	unsigned n_rules = rules_count(c->d.rules);
	fake_answer(&c->d, f, OVS_FLOW_CMD_NEW, 5);
	assert_int_equal(rules_count(c->d.rules), n_rules);
}

static void at_its_limit_learn_refreshes_what_is_there_and_adds_nothing(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add in_port=1,tcp,actions=learn(table=1,idle_timeout=10,limit=2,cookie=5,"
		  "eth_type=0x800,nw_proto=6,NXM_OF_TCP_DST[]),output:2");
	struct known_flow *first = miss(c, 1, 80);
	miss(c, 1, 81);
	miss(c, 1, 82);
	assert_int_equal(rules_count_cookie(c->d.rules, 1, 5), 2);
	struct rule *learned = only_rule(c, "table=1,tcp,tp_dst=80");
	learned->used_ms = learned->modified_ms = 1;
	fake_answer(&c->d, first, OVS_FLOW_CMD_NEW, 5);
	assert_true(only_rule(c, "table=1,tcp,tp_dst=80")->modified_ms > 1);
}

static void packets_come_round_to_a_state_that_lives_as_long_as_they_may(void **arg)
{
	struct control *c = *arg;
	control_ports(c, 3);
	change(c, "flow add mpls,actions=pop_mpls:0x0800,resubmit(,1)\n"
		  "flow add table=1,ip,actions=output:2");
	struct flow_key key = tcp_key(1, 0);
	key.eth_type_be = htons(0x8847);
	key.nw_proto = key.nw_ttl = 0;
	key.tp_src_be = 0;
	key.mpls_lse_be[0] = htonl(16 << MPLS_LABEL_SHIFT | MPLS_BOS | 64);
	fake_miss(&c->d, &key);
	struct known_flow *first = megaflows_first(c->d.megaflows);
	assert_int_equal(first->n_frozen, 1);
	struct flow_key round = tcp_key(1, 80);
	round.recirc_id = first->frozen[0];
	fake_miss(&c->d, &round);
	assert_int_equal(megaflows_count(c->d.megaflows), 2);
	assert_int_equal(frozen_count(c->d.frozen), 1);
	// Nothing sends there any more: what comes round to it goes, too.
	change(c, "flow add mpls,actions=output:3");
	assert_int_equal(first->n_frozen, 0);
	assert_int_equal(frozen_count(c->d.frozen), 1); // the second one's
	struct known_flow *second = megaflows_first(c->d.megaflows);
	second = second == first ? second->next : second;
	megaflows_forget(c->d.megaflows, second);
	assert_int_equal(frozen_count(c->d.frozen), 0);
}

#define WITH_SWD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SWD(a_flood_to_too_many_ports_is_told_once),
	    WITH_SWD(a_missed_packet_gets_a_megaflow_and_goes_on),
	    WITH_SWD(a_change_of_actions_is_sent_and_divides_the_packets),
	    WITH_SWD(a_change_that_alters_nothing_is_not_sent),
	    WITH_SWD(a_megaflow_that_has_become_too_wide_is_deleted),
	    WITH_SWD(a_megaflow_of_a_port_that_is_gone_is_deleted),
	    WITH_SWD(a_link_that_goes_moves_what_a_group_sent_there),
	    WITH_SWD(a_megaflow_of_an_address_that_moved_away_is_deleted),
	    WITH_SWD(while_swd_is_away_megaflows_stay_stale_and_are_checked_after),
	    WITH_SWD(what_could_not_be_sent_is_sent_later),
	    WITH_SWD(work_waits_for_answers_when_many_are_owed),
	    WITH_SWD(a_packet_teaches_a_rule_that_counters_keep_fresh),
	    WITH_SWD(a_megaflow_that_is_to_teach_from_now_on_goes),
	    WITH_SWD(a_stale_megaflow_teaches_nothing_that_its_key_does_not_have),
	    WITH_SWD(at_its_limit_learn_refreshes_what_is_there_and_adds_nothing),
	    WITH_SWD(packets_come_round_to_a_state_that_lives_as_long_as_they_may),
	};
	return cmocka_run_group_tests_name("revalidate", tests, NULL, NULL);
}
