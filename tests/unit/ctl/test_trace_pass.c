// How `swctl trace` goes on with a packet that comes round.
#include "ctl/swctld/trace.h"

#include "tests/unit/ctl/control_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

static int setup(void **arg)
{
	control_setup(arg);
	control_ports(*arg, 3);
	control_change(*arg, "flow delete");
	return 0;
}

static const struct flow_key tcp_key = {.in_port = 1,
					.eth_src = {{0x52, 0x54, 0, 0, 0, 1}},
					.eth_dst = {{0x52, 0x54, 0, 0, 0, 2}},
					.eth_type_be = 0x0008,
					.ip_src_be = 0x0100000a,
					.ip_dst_be = 0x0200000a,
					.nw_proto = IPPROTO_TCP,
					.nw_ttl = 64,
					.tp_src_be = 0xe803,
					.tp_dst_be = 0x5000};

static json_t *trace_as(struct control *c, const struct flow_key *key,
			const struct trace_known *known)
{
	unsigned looks = 1000;
	json_t *told = trace_key(&c->d, key, known, &looks);
	assert_non_null(told);
	return told;
}

// With the states that each ct is to find, between blanks.
static json_t *trace(struct control *c, const char *states)
{
	uint32_t list[8];
	char copy[256], err[256], *rest;
	struct trace_known known = {.states = list};
	snprintf(copy, sizeof(copy), "%s", states);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		assert_int_equal(trace_state_parse(word, &list[known.n_states++], err, sizeof(err)),
				 0);
	return trace_as(c, &tcp_key, &known);
}

static const json_t *pass_of(const json_t *told, unsigned number)
{
	const json_t *pass = json_array_get(json_object_get(told, "passes"), number - 2);
	assert_non_null(pass);
	assert_int_equal(json_integer_value(json_object_get(pass, "number")), number);
	return pass;
}

static size_t n_passes(const json_t *told)
{
	return 1 + json_array_size(json_object_get(told, "passes"));
}

static const char *text_of(const json_t *told, const char *name)
{
	const char *text = json_string_value(json_object_get(told, name));
	return text ? text : "";
}

static void expect_text(const json_t *told, const char *name, const char *want)
{
	assert_string_equal(text_of(told, name), want);
}

static void expect_in(const json_t *told, const char *name, const char *want)
{
	if (!strstr(text_of(told, name), want))
		fail_msg("no %s in %s: %s", want, name, text_of(told, name));
}

static const char *last_note(const json_t *told)
{
	const char *note = "";
	size_t i;
	json_t *step;
	json_array_foreach (json_object_get(told, "steps"), i, step) {
		if (json_object_get(step, "note"))
			note = text_of(step, "note");
	}
	return note;
}

#define FIREWALL                                                            \
	"flow add ip,actions=ct(table=1,zone=5)\n"                          \
	"flow add table=1,ct_state=+trk+new,tcp,actions=ct(commit,zone=5)," \
	"output:p2\n"                                                       \
	"flow add table=1,ct_state=+trk+est,tcp,actions=output:p3\n"        \
	"flow add table=1,priority=1,actions=drop"

static void a_ct_is_passed_as_a_new_connection(void **arg)
{
	struct control *c = *arg;
	control_change(c, FIREWALL);
	json_t *told = trace(c, "");
	expect_text(told, "end", "goes on");
	assert_string_equal(last_note(told), "goes on in pass 2");
	expect_in(told, "actions", "ct(zone=5),recirc(");
	assert_int_equal(n_passes(told), 2);
	const json_t *pass = pass_of(told, 2);
	assert_int_equal(json_integer_value(json_object_get(pass, "of")), 1);
	assert_int_equal(json_integer_value(json_object_get(pass, "table")), 1);
	expect_text(pass, "by", "ct");
	expect_text(pass, "source", "default");
	const json_t *step = json_array_get(json_object_get(pass, "steps"), 0);
	assert_int_equal(json_integer_value(json_object_get(step, "table")), 1);
	expect_text(pass, "ct_state", "+new+trk");
	expect_in(pass, "flow", "ct_state=new|trk,ct_zone=5,");
	expect_in(pass, "flow", "in_port=p1");
	expect_text(pass, "end", "done");
	expect_text(pass, "actions", "ct(commit,zone=5),p2");
	expect_in(pass, "megaflow", "ct_state(");
	assert_null(strstr(text_of(pass, "megaflow"), "recirc_id(0)"));
	json_decref(told);
}

static void the_state_that_is_given_decides(void **arg)
{
	struct control *c = *arg;
	control_change(c, FIREWALL);
	json_t *told = trace(c, "est,rpl");
	expect_text(pass_of(told, 2), "source", "given");
	expect_text(pass_of(told, 2), "ct_state", "+est+rpl+trk");
	expect_text(pass_of(told, 2), "actions", "p3");
	json_decref(told);
	told = trace(c, "inv");
	expect_text(pass_of(told, 2), "end", "no action outputs it");
	expect_text(pass_of(told, 2), "actions", "drop");
	json_decref(told);
}

static void each_ct_takes_the_next_state(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=1)\n"
			  "flow add table=1,ct_state=+est,ip,actions=ct(table=2,zone=7)\n"
			  "flow add table=2,ct_state=+rel,ct_zone=7,ip,actions=output:p2");
	json_t *told = trace(c, "est new,rel");
	assert_int_equal(n_passes(told), 3);
	expect_text(pass_of(told, 2), "end", "goes on");
	expect_text(pass_of(told, 3), "actions", "p2");
	expect_text(pass_of(told, 3), "ct_state", "+new+rel+trk");
	assert_int_equal(json_integer_value(json_object_get(pass_of(told, 3), "of")), 2);
	json_decref(told);
	told = trace(c, "est");
	expect_text(pass_of(told, 3), "source", "default");
	expect_text(pass_of(told, 3), "end", "table 2 has no rule for it");
	json_decref(told);
}

// What the tables wrote goes with the packet, and where it came in stays.
static void the_packet_comes_round_as_it_was_then(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=mod_dl_src:00:00:00:00:00:07,mod_vlan_vid:9,"
			  "load:3->NXM_NX_REG2[],load:2->NXM_OF_IN_PORT[],dec_ttl,ct(table=1),"
			  "mod_dl_src:00:00:00:00:00:08,output:p3\n"
			  "flow add table=1,reg2=3,in_port=2,dl_vlan=9,dl_src=00:00:00:00:00:07,"
			  "actions=output:p3");
	json_t *told = trace(c, "");
	expect_text(told, "end", "done");
	expect_in(pass_of(told, 2), "flow", "dl_src=00:00:00:00:00:07");
	expect_in(pass_of(told, 2), "flow", "nw_ttl=63");
	expect_in(pass_of(told, 2), "megaflow", "in_port(p1)");
	expect_text(pass_of(told, 2), "end", "done");
	json_decref(told);
}

static void a_commit_gives_mark_and_label(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(commit,table=1,zone=3,exec(load:6->NXM_NX_CT_MARK"
			  "[],load:9->NXM_NX_CT_LABEL[0..31]))\n"
			  "flow add table=1,ct_mark=6,ct_label=9,actions=output:p2");
	json_t *told = trace(c, "");
	expect_text(pass_of(told, 2), "end", "done");
	json_decref(told);
	told = trace(c, "inv");
	expect_text(pass_of(told, 2), "end", "table 1 has no rule for it");
	json_decref(told);
	// Without a commit there is nothing to have them.
	control_change(c, "flow add ip,actions=ct(table=1,zone=3)\n"
			  "flow add table=1,ct_mark=0,ct_label=0,actions=output:p3");
	told = trace(c, "est");
	expect_text(pass_of(told, 2), "actions", "p3");
	json_decref(told);
}

static void the_connections_tuple_is_that_of_its_first_packet(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=1)\n"
			  "flow add table=1,ct_state=+trk,ip,ct_nw_src=10.0.0.1,ct_nw_proto=6,"
			  "ct_tp_dst=80,actions=output:p2\n"
			  "flow add table=1,ct_state=+trk,ip,ct_nw_src=10.0.0.2,ct_nw_proto=6,"
			  "ct_tp_dst=1000,actions=output:p3");
	json_t *told = trace(c, "new");
	expect_text(pass_of(told, 2), "actions", "p2");
	json_decref(told);
	told = trace(c, "est,rpl");
	expect_text(pass_of(told, 2), "actions", "p3");
	json_decref(told);
}

static void nat_is_named(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=1,nat)\n"
			  "flow add table=1,ip,actions=ct(table=2)");
	json_t *told = trace(c, "");
	assert_true(json_is_true(json_object_get(pass_of(told, 2), "nat")));
	assert_true(json_is_false(json_object_get(pass_of(told, 3), "nat")));
	json_decref(told);
}

// swd counts how often a packet has come round.
static void a_loop_ends_as_in_swd(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=0)");
	json_t *told = trace(c, "");
	assert_int_equal(n_passes(told), 1 + RECIRC_DEPTH_MAX);
	const json_t *last = pass_of(told, 1 + RECIRC_DEPTH_MAX);
	expect_text(last, "end", "recirculated more than 8 times");
	assert_string_equal(last_note(last), "has come round 8 times: swd drops it");
	expect_text(pass_of(told, RECIRC_DEPTH_MAX), "end", "goes on");
	json_decref(told);
}

static void more_copies_than_a_trace_shows_are_named(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=0),ct(table=0),ct(table=0)");
	json_t *told = trace(c, "");
	assert_int_equal(n_passes(told), TRACE_PASSES_MAX);
	const json_t *last = pass_of(told, TRACE_PASSES_MAX);
	assert_string_equal(last_note(last), "comes round: more than the 32 passes of a trace");
	expect_text(last, "end", "goes on");
	json_decref(told);
}

static void what_is_dropped_after_all_does_not_go_on(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=1),resubmit(,2)\n"
			  "flow add table=2,actions=resubmit(,2)");
	json_t *told = trace(c, "");
	assert_int_equal(n_passes(told), 1);
	expect_in(told, "end", "nested more than 64 deep");
	json_decref(told);
}

static void too_many_copies_of_one_pass_are_named(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add ip,actions=ct(table=1),resubmit(,0)");
	json_t *told = trace(c, "");
	assert_int_equal(n_passes(told), 1);
	expect_text(told, "end", "recirculated more than 8 times at once: a loop?");
	json_decref(told);
}

static void behind_a_label_a_trace_goes_on_without_headers(void **arg)
{
	struct control *c = *arg;
	struct flow_key mpls = {.in_port = 1,
				.eth_type_be = htons(0x8847),
				.mpls_lse_be = {htonl(17 << MPLS_LABEL_SHIFT | MPLS_BOS | 9)}};
	control_change(c, "flow add mpls,actions=pop_mpls:0x0800,resubmit(,1)\n"
			  "flow add table=1,ip,nw_src=10.0.0.0/8,actions=output:p2\n"
			  "flow add table=1,priority=1,ip,actions=output:p3");
	json_t *told = trace_as(c, &mpls, &(struct trace_known){0});
	expect_text(told, "end", "goes on");
	expect_text(pass_of(told, 2), "by", "mpls");
	assert_null(json_object_get(pass_of(told, 2), "ct_state"));
	expect_text(pass_of(told, 2), "actions", "p3");
	json_decref(told);
}

// A live packet's lookup says what it came round with.
static void what_swd_told_is_not_assumed(void **arg)
{
	struct control *c = *arg;
	static struct dp_trace_step steps[2];
	struct trace_known known = {.steps = steps, .n_steps = 2};
	control_change(c, FIREWALL);
	json_t *told = trace(c, "");
	const char *megaflow = text_of(pass_of(told, 2), "megaflow");
	steps[0].key = steps[1].key = tcp_key;
	steps[1].key.ct_state = CT_STATE_TRACKED | CT_STATE_ESTABLISHED;
	steps[1].key.ct_zone = 5;
	assert_int_equal(sscanf(megaflow, "recirc_id(%i)", (int *)&steps[1].key.recirc_id), 1);
	json_decref(told);
	told = trace_as(c, &steps[0].key, &known);
	expect_text(pass_of(told, 2), "source", "swd");
	expect_text(pass_of(told, 2), "ct_state", "+est+trk");
	expect_text(pass_of(told, 2), "actions", "p3");
	json_decref(told);
	// One that it told nothing of is assumed.
	known.n_steps = 1;
	told = trace_as(c, &steps[0].key, &known);
	expect_text(pass_of(told, 2), "source", "default");
	json_decref(told);
}

static void states_are_read_as_matches_have_them(void **state)
{
	static const struct {
		const char *text;
		uint32_t state;
	} rows[] = {
	    {"new", 0x21},	   {"trk", 0x20}, {"est,rpl", 0x2a},	       {"+trk+est", 0x22},
	    {"new|trk|rel", 0x25}, {"inv", 0x30}, {"trk,est,snat,dnat", 0xe2}, {"new, rel", 0x25},
	};
	uint32_t got;
	char err[256];
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(trace_state_parse(rows[i].text, &got, err, sizeof(err)), 0);
		assert_int_equal(got, rows[i].state);
	}
}

static void a_word_that_is_no_state_is_named(void **state)
{
	static const char *const rows[][2] = {
	    {"est,nwe", "ct_state \"nwe\": no such state; there are new, est, rel, rpl, inv, trk, "
			"snat, dnat"},
	    {"+trk-est", "ct_state \"trk-est\": no such state; there are new, est, rel, rpl, inv, "
			 "trk, snat, dnat"},
	    {"", "ct_state \"\": a state is missing, such as new or est,rpl"},
	    {"|", "ct_state \"|\": a state is missing, such as new or est,rpl"},
	    {"new,est", "ct_state \"new,est\": what is new is neither established nor a reply"},
	    {"inv,est", "ct_state \"inv,est\": an invalid packet has no other state"},
	};
	uint32_t got;
	char err[256];
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(trace_state_parse(rows[i][0], &got, err, sizeof(err)), -EINVAL);
		assert_string_equal(err, rows[i][1]);
	}
}

#define WITH_CONTROL(test) cmocka_unit_test_setup_teardown(test, setup, control_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONTROL(a_ct_is_passed_as_a_new_connection),
	    WITH_CONTROL(the_state_that_is_given_decides),
	    WITH_CONTROL(each_ct_takes_the_next_state),
	    WITH_CONTROL(the_packet_comes_round_as_it_was_then),
	    WITH_CONTROL(a_commit_gives_mark_and_label),
	    WITH_CONTROL(the_connections_tuple_is_that_of_its_first_packet),
	    WITH_CONTROL(nat_is_named),
	    WITH_CONTROL(a_loop_ends_as_in_swd),
	    WITH_CONTROL(more_copies_than_a_trace_shows_are_named),
	    WITH_CONTROL(what_is_dropped_after_all_does_not_go_on),
	    WITH_CONTROL(too_many_copies_of_one_pass_are_named),
	    WITH_CONTROL(behind_a_label_a_trace_goes_on_without_headers),
	    WITH_CONTROL(what_swd_told_is_not_assumed),
	    cmocka_unit_test(states_are_read_as_matches_have_them),
	    cmocka_unit_test(a_word_that_is_no_state_is_named),
	};
	return cmocka_run_group_tests_name("trace_pass", tests, NULL, NULL);
}
