// Missed packets, and swd's answers about megaflows; swd is played by the test.
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/upcall.h"

#include "tests/unit/ctl/fake_swd.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>

// Each TCP port has a megaflow of its own.
#define RULE "flow add tcp,actions=move:NXM_OF_TCP_DST[]->NXM_NX_REG0[0..15],output:3"

static int setup(void **arg)
{
	control_setup(arg);
	struct control *c = *arg;
	fake_swd_reset();
	c->d.base = event_base_new();
	c->d.revalidator = revalidator_create(&c->d);
	control_ports(c, 3);
	control_change(c, "flow delete\n" RULE);
	return 0;
}

static int teardown(void **arg)
{
	struct control *c = *arg;
	revalidator_destroy(c->d.revalidator);
	event_base_free(c->d.base);
	return control_teardown(arg);
}

static void miss(struct control *c, uint32_t in_port, uint16_t tp_dst)
{
	struct flow_key key = {.in_port = in_port,
			       .eth_type_be = htons(0x0800),
			       .nw_proto = IPPROTO_TCP,
			       .tp_dst_be = htons(tp_dst)};
	fake_miss(&c->d, &key);
}

// What a fresh megaflow is; the list starts with it until it is stamped right, which it is at once.
static struct known_flow *newest(const struct control *c)
{
	struct known_flow *f = megaflows_first(c->d.megaflows);
	while (f && f->next)
		f = f->next;
	assert_non_null(f);
	return f;
}

static void a_packet_goes_on_behind_its_megaflow(void **arg)
{
	struct control *c = *arg;
	miss(c, 1, 80);
	assert_int_equal(fake_swd.n_sent, 2);
	assert_false(fake_swd.sent[0].is_packet);
	assert_int_equal(fake_swd.sent[0].id, newest(c)->id);
	assert_true(fake_swd.sent[1].is_packet);
}

static void a_dropped_packet_has_a_megaflow_and_is_told_to_swd_which_counts_it(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow delete");
	miss(c, 1, 80);
	assert_int_equal(fake_swd.n_put, 1);
	assert_int_equal(fake_swd.n_execute, 1);
	assert_int_equal(newest(c)->actions_len, 0);
}

static void a_packet_of_a_port_that_is_gone_goes_back_to_be_counted(void **arg)
{
	struct control *c = *arg;
	miss(c, 9, 80);
	assert_int_equal(fake_swd.n_sent, 1);
	assert_true(fake_swd.sent[0].is_packet);
	assert_int_equal(megaflows_count(c->d.megaflows), 0);
}

static void packets_that_come_before_the_megaflow_works_do_not_send_it_again(void **arg)
{
	struct control *c = *arg;
	miss(c, 1, 80);
	miss(c, 1, 80);
	assert_int_equal(fake_swd.n_put, 1);
	assert_int_equal(fake_swd.n_execute, 2);
	newest(c)->sent_ms -= 5000; // swd has lost it, then
	miss(c, 1, 80);
	assert_int_equal(fake_swd.n_put, 2);
}

static void a_port_has_as_many_megaflows_as_are_left_for_all_others(void **arg)
{
	struct control *c = *arg;
	fake_swd.max_flows = 100;
	for (uint16_t i = 0; i < 200; i++)
		miss(c, 1, i);
	unsigned of_1 = megaflows_count_port(c->d.megaflows, 1);
	assert_int_equal(of_1, 50);
	assert_int_equal(fake_swd.n_execute, 200); // the others' packets go on one by one
	for (uint16_t i = 0; i < 20; i++)
		miss(c, 2, i);
	assert_int_equal(megaflows_count_port(c->d.megaflows, 2), 20);
	for (uint16_t i = 0; i < 1000; i++)
		miss(c, 2 + i % 2, i);
	assert_true(megaflows_count(c->d.megaflows) <= 100);
}

// The attack on tuple spaces: each packet leaves a rule's prefix at another bit.
static void masks_stay_within_their_budget(void **arg)
{
	struct control *c = *arg;
	static char lines[66 * 128];
	size_t used =
	    (size_t)sprintf(lines, "flow delete\nflow add priority=1,actions=goto_table:1\n");
	for (unsigned i = 1; i <= 32; i++)
		used += (size_t)
		    sprintf(lines + used,
			    "flow add priority=%u,ip,nw_src=10.0.0.1/%u,actions=goto_table:1\n"
			    "flow add table=1,priority=%u,ip,nw_dst=10.0.0.1/%u,actions=output:2\n",
			    100 + i, i, 200 + i, i);
	control_change(c, lines);
	for (unsigned i = 0; i < 32 * 32; i++) {
		struct flow_key key = {.in_port = 1 + i % 3,
				       .eth_type_be = htons(0x0800),
				       .nw_proto = IPPROTO_TCP,
				       .ip_src_be = htonl(0x0a000001 ^ 1u << i % 32),
				       .ip_dst_be = htonl(0x0a000001 ^ 1u << i / 32)};
		fake_miss(&c->d, &key);
	}
	assert_in_range(mask_budget_count(megaflows_masks(c->d.megaflows)), 20, MASKS_MAX_DEFAULT);
	assert_int_equal(fake_swd.n_execute, 32 * 32);
}

static void a_first_megaflow_that_swd_refuses_is_forgotten(void **arg)
{
	struct control *c = *arg;
	miss(c, 1, 80);
	fake_refuse(&c->d, newest(c)->id, -EINVAL);
	assert_int_equal(megaflows_count(c->d.megaflows), 0);
	assert_int_equal(fake_swd.n_del, 0);
	miss(c, 1, 80);
	assert_int_equal(megaflows_count(c->d.megaflows), 1);
}

// The actions before the change are wrong now, and in force.
static void a_megaflow_of_which_swd_refuses_a_change_is_deleted(void **arg)
{
	struct control *c = *arg;
	miss(c, 1, 80);
	struct known_flow *f = newest(c);
	struct rules_change what = control_change(
	    c, "flow add tcp,actions=move:NXM_OF_TCP_DST[]->NXM_NX_REG0[0..15],output:2");
	revalidate_rules_changed(c->d.revalidator, &what);
	revalidate_now(c->d.revalidator);
	assert_int_equal(fake_swd.n_put, 2);
	fake_refuse(&c->d, f->id, -EINVAL);
	assert_int_equal(fake_swd.n_del, 1);
	assert_int_equal(megaflows_count(c->d.megaflows), 0);
	fake_answer(&c->d, f, OVS_FLOW_CMD_DEL, 7); // frees it
	assert_int_equal(megaflows_n_awaited(c->d.megaflows), 0);
}

static void a_full_swd_is_left_alone_for_a_moment(void **arg)
{
	struct control *c = *arg;
	miss(c, 1, 80);
	fake_refuse(&c->d, newest(c)->id, -ENOSPC);
	miss(c, 1, 81);
	assert_int_equal(fake_swd.n_put, 1);
	assert_int_equal(fake_swd.n_execute, 2);
	usleep(120 * 1000); // nothing tells of it
	miss(c, 1, 81);
	assert_int_equal(fake_swd.n_put, 2);
}

static void the_last_counters_are_the_rules(void **arg)
{
	struct control *c = *arg;
	miss(c, 1, 80);
	struct known_flow *f = newest(c);
	struct rule *rule = f->rules->list[0];
	megaflows_leave(c->d.megaflows, f);
	fake_answer(&c->d, f, OVS_FLOW_CMD_DEL, 7);
	assert_int_equal(rule->n_packets, 1 + 7);
}

static void messages_about_nobody_are_ignored(void **arg)
{
	struct control *c = *arg;
	struct nlmsghdr short_one = {.nlmsg_len = sizeof(short_one),
				     .nlmsg_type = DP_FAMILY_PACKET};
	fake_refuse(&c->d, 12345, -EINVAL);
	upcall_message(&c->d, &short_one);
	short_one.nlmsg_type = DP_FAMILY_FLOW;
	upcall_message(&c->d, &short_one);
	short_one.nlmsg_type = NLMSG_ERROR;
	upcall_message(&c->d, &short_one);
	fake_miss_of(&c->d, DP_IFINDEX + 1, &(struct flow_key){.in_port = 1});
	assert_int_equal(fake_swd.n_sent, 0);
}

#define WITH_SWD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void a_loop_of_resubmits_is_counted_and_drops(void **arg)
{
	struct control *c = *arg;
	uint64_t before = upcall_counts()->ends[XLATE_TOO_DEEP];
	control_change(c, "flow delete\nflow add actions=output:2,resubmit(,0)");
	miss(c, 1, 80);
	assert_int_equal(upcall_counts()->ends[XLATE_TOO_DEEP], before + 1);
	struct known_flow *f = megaflows_first(c->d.megaflows);
	assert_non_null(f);
	assert_int_equal(f->actions_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SWD(a_packet_goes_on_behind_its_megaflow),
	    WITH_SWD(a_dropped_packet_has_a_megaflow_and_is_told_to_swd_which_counts_it),
	    WITH_SWD(a_packet_of_a_port_that_is_gone_goes_back_to_be_counted),
	    WITH_SWD(packets_that_come_before_the_megaflow_works_do_not_send_it_again),
	    WITH_SWD(a_port_has_as_many_megaflows_as_are_left_for_all_others),
	    WITH_SWD(masks_stay_within_their_budget),
	    WITH_SWD(a_first_megaflow_that_swd_refuses_is_forgotten),
	    WITH_SWD(a_megaflow_of_which_swd_refuses_a_change_is_deleted),
	    WITH_SWD(a_full_swd_is_left_alone_for_a_moment),
	    WITH_SWD(the_last_counters_are_the_rules),
	    WITH_SWD(messages_about_nobody_are_ignored),
	    WITH_SWD(a_loop_of_resubmits_is_counted_and_drops),
	};
	return cmocka_run_group_tests_name("upcall", tests, NULL, NULL);
}
