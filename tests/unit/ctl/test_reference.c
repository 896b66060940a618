// The reference interpreter by itself, on cases of the OpenFlow specification and ovs-actions(7).
#include "tests/unit/ctl/property.h"
#include "tests/unit/ctl/property_groups.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct property property;
static struct ref_result result;
static struct ref_choices choices;
static bool is_loaded;

static void unload(void)
{
	if (is_loaded)
		property_fini(&property);
	is_loaded = false;
}

static void add_line(struct random_rules *rules, const char *line)
{
	bool is_group = strncmp(line, "group_id", 8) == 0;
	char *to = is_group ? rules->groups[rules->n_groups++] : rules->rules[rules->n_rules++];

	snprintf(to, RANDOM_LINE, "%s", line);
}

// Rules and groups, up to a NULL; ports in the mask are down.
static void load_lines(unsigned ports_down, const char *const *lines)
{
	static struct random_rules rules;
	static const struct xlate_ctx base;
	struct of_error error;

	unload();
	memset(&rules, 0, sizeof(rules));
	for (; *lines; lines++)
		add_line(&rules, *lines);
	memset(&choices, 0, sizeof(choices));
	if (!property_init(&property, &rules, ports_down, &base, &error))
		fail_msg("%s", error.text);
	is_loaded = true;
}

#define LOAD(...) load_lines(0, (const char *const[]){__VA_ARGS__, NULL})

// Where the packet comes out: "2 3(60)", and "!" in front when something is unclear.
static const char *run(uint32_t in_port, const struct model *m)
{
	static char text[1024];
	size_t used = 0;

	ref_run(&property.sw, in_port, m, &choices, &result);
	used += (size_t)snprintf(text, sizeof(text), "%s", result.unclear ? "!" : "");
	for (unsigned i = 0; i < result.events.n; i++) {
		const struct ref_event *e = &result.events.list[i];

		used +=
		    (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%u", used ? " " : "",
				     e->kind == REF_METER ? "meter" : "", e->no);
		if (e->max_len)
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used, "(%u)", e->max_len);
	}
	return text;
}

static const struct model *out(unsigned i)
{
	assert_true(i < result.events.n);
	return &result.events.list[i].packet;
}

#define EXPECT(in_port, m, text) assert_string_equal(run(in_port, m), text)

static struct model ip_packet(uint8_t proto)
{
	struct model m = {.eth_src = {{0x52, 0x54, 0, 0, 0, 1}},
			  .eth_dst = {{0x52, 0x54, 0, 0, 0, 2}},
			  .payload_type = ETH_IPV4,
			  .nw_proto = proto,
			  .nw_tos = 0xb8,
			  .nw_ttl = 64,
			  .ip_src = 0x0a000001,
			  .ip_dst = 0x0a000002,
			  .tp_src = 1000,
			  .tp_dst = 80};

	model_settle(&m);
	return m;
}

static struct model tagged_packet(uint16_t vid)
{
	struct model m = ip_packet(IPPROTO_TCP);

	model_push_tag(&m, 0x8100, vid);
	return m;
}

static void outputs_come_in_order_and_never_go_back(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("actions=output:3,output:1,2,output:9,output(port=4,max_len=60)");
	EXPECT(1, &m, "3 2 4(60)");
	EXPECT(5, &m, "3 1 2 4(60)");
	LOAD("actions=flood,in_port");
	EXPECT(2, &m, "1 3 4 5 6 2");
	// ovs-actions(7): hairpins by an in_port that is no port's.
	LOAD("actions=push:in_port,load:0->in_port,2,3,pop:in_port,2,3");
	EXPECT(2, &m, "2 3 3");
	LOAD("actions=load:4->NXM_OF_IN_PORT[],4,2,in_port");
	EXPECT(2, &m, "2 4");
}

static void the_highest_priority_wins_and_no_rule_drops(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("priority=1,actions=2", "priority=3,tcp,tp_dst=80,actions=3",
	     "priority=2,ip,actions=4", "priority=9,udp,actions=5");
	EXPECT(1, &m, "3");
	m.tp_dst = 81;
	EXPECT(1, &m, "4");
	LOAD("priority=9,udp,actions=5");
	EXPECT(1, &m, "");
	assert_int_equal(result.n_rules, 0);
}

static void resubmit_comes_back_and_goto_does_not(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("table=0,actions=resubmit(,1),output:2,goto_table:1",
	     "table=1,priority=40000,in_port=1,actions=output:3", "table=1,actions=4");
	EXPECT(5, &m, "4 2 4");
	EXPECT(1, &m, "3 2 3");
	LOAD("table=0,tcp,actions=resubmit(1,1),output:2,1",
	     "table=1,priority=40000,tcp,in_port=1,actions=mod_tp_dst:9,output:3,1,5",
	     "table=1,actions=4");
	// in_port is another one for the lookup only.
	EXPECT(5, &m, "3 1 2 1");
	assert_int_equal(out(2)->tp_dst, 9);
	assert_int_equal(result.n_rules, 2);
}

static void a_loop_drops_the_packet(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("actions=2,resubmit(,0)");
	EXPECT(1, &m, "");
	assert_true(result.dropped);
}

static void registers_live_through_the_tables(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("table=0,actions=load:0x5->NXM_NX_REG0[4..7],load:3->reg1[],resubmit(,1)",
	     "table=1,xreg0=0x5000000003,actions=move:reg1[0..3]->metadata[60..63],goto_table:2",
	     "table=2,metadata=0x3000000000000000,reg0=0x50,actions=output:NXM_NX_REG1[]");
	EXPECT(1, &m, "3");
	EXPECT(3, &m, "");
}

static void the_stack_swaps(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("actions=push:eth_src,push:eth_dst,pop:eth_src,pop:eth_dst,2");
	EXPECT(1, &m, "2");
	assert_memory_equal(&out(0)->eth_src, &m.eth_dst, 6);
	assert_memory_equal(&out(0)->eth_dst, &m.eth_src, 6);
	// A longer value gives its lower bits.
	LOAD("actions=load:0x1234->reg0[],push:reg0[],pop:reg1[0..7],output:NXM_NX_REG1[0..2]");
	EXPECT(1, &m, "4");
	LOAD("actions=pop:reg0[],2");
	EXPECT(1, &m, "!");
}

static void an_action_set_runs_last_and_in_its_own_order(void **state)
{
	struct model m = tagged_packet(10);

	(void)state;
	LOAD("table=0,dl_vlan=10,actions=write_actions(output:2,set_field:4106->vlan_vid,"
	     "push_vlan:0x88a8,strip_vlan),goto_table:1",
	     "table=1,actions=3,write_actions(output:4)");
	EXPECT(1, &m, "3 4");
	assert_true(model_equal(out(0), &m));
	assert_int_equal(out(1)->n_tags, 1);
	assert_int_equal(out(1)->tags[0].tpid, 0x88a8);
	assert_int_equal(out(1)->tags[0].tci, 10);
	// An exit does not keep it from running; clear_actions does.
	LOAD("table=0,actions=resubmit(,1),5", "table=1,actions=2,resubmit(,2),6",
	     "table=2,actions=exit,write_actions(output:4)");
	EXPECT(1, &m, "2");
	LOAD("table=0,actions=resubmit(,1),resubmit(,2),5",
	     "table=1,actions=write_actions(output:4)", "table=2,actions=exit");
	EXPECT(1, &m, "4");
	LOAD("table=0,actions=3,write_actions(output:2),goto_table:1",
	     "table=1,actions=clear_actions");
	EXPECT(1, &m, "3");
	// A group goes before an output.
	LOAD("group_id=1,type=indirect,bucket=actions=5",
	     "actions=write_actions(group:1,output:2)");
	EXPECT(1, &m, "5");
}

static void group_all_gives_each_bucket_a_copy(void **state)
{
	struct model m = tagged_packet(10);

	(void)state;
	LOAD("group_id=1,type=all,bucket=actions=strip_vlan,output:2,bucket=actions=mod_vlan_vid:7,"
	     "output:3,bucket=actions=mod_vlan_vid:8",
	     "actions=group:1,4");
	EXPECT(1, &m, "2 3 4");
	assert_int_equal(out(0)->n_tags, 0);
	assert_int_equal(out(1)->tags[0].tci, 7);
	assert_true(model_equal(out(2), &m));
}

static void group_ff_takes_the_first_bucket_that_lives(void **state)
{
	static const char *const lines[] = {
	    "group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions="
	    "output:3",
	    "actions=group:1", NULL};
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	load_lines(0, lines);
	EXPECT(1, &m, "2");
	load_lines(1 << 1, lines);
	EXPECT(1, &m, "3");
	load_lines(1 << 1 | 1 << 2, lines);
	EXPECT(1, &m, "");
}

static void group_select_takes_any_bucket_that_has_weight(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("group_id=1,type=select,bucket=weight:1,actions=output:2,bucket=weight:0,actions="
	     "output:3,bucket=weight:5,actions=output:4",
	     "actions=group:1,group:1");
	EXPECT(1, &m, "2 2");
	assert_true(ref_choices_next(&choices));
	EXPECT(1, &m, "2 4");
	assert_true(ref_choices_next(&choices));
	EXPECT(1, &m, "4 2");
	assert_true(ref_choices_next(&choices));
	EXPECT(1, &m, "4 4");
	assert_false(ref_choices_next(&choices));
}

static void a_bundle_sends_to_members_that_are_up(void **state)
{
	static const char *const lines[] = {
	    "actions=bundle(eth_src,0,active_backup,ofport,members:2,3),"
	    "bundle_load(eth_src,0,active_backup,ofport,reg0[0..15],members:2,3,4),"
	    "multipath(eth_src,0,modulo_n,3,0,reg0[16..17]),output:NXM_NX_REG0[0..17]",
	    NULL};
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	load_lines(0, lines);
	EXPECT(1, &m, "2 2");
	load_lines(1 << 1, lines);
	EXPECT(1, &m, "3 3");
}

static void clone_restores_all_but_what_went_out(void **state)
{
	struct model m = tagged_packet(10);

	(void)state;
	LOAD("actions=load:3->reg0[],push:reg0[],clone(load:4->reg0[],strip_vlan,pop:reg0[],"
	     "load:2->in_port,output:5,in_port),output:NXM_NX_REG0[],pop:reg1[],in_port,"
	     "output:NXM_NX_REG1[]");
	EXPECT(1, &m, "5 2 3 1 3");
	assert_int_equal(out(0)->n_tags, 0);
	assert_true(model_equal(out(2), &m));
}

static void an_expired_ttl_ends_the_packet_with_all_its_tables(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("table=0,ip,actions=2,resubmit(,1),4",
	     "table=1,ip,actions=dec_ttl,3,write_actions(output:5)");
	EXPECT(1, &m, "2 3 4 5");
	assert_int_equal(out(2)->nw_ttl, 63);
	m.nw_ttl = 1;
	EXPECT(1, &m, "2");
	assert_true(result.expired);
	m.nw_ttl = 0;
	EXPECT(1, &m, "2");
}

static void an_expired_ttl_of_a_copy_ends_the_copy(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	m.nw_ttl = 1;
	LOAD("group_id=1,type=all,bucket=actions=dec_ttl,output:2,bucket=actions=output:3",
	     "ip,actions=group:1,clone(dec_ttl,4),5");
	EXPECT(1, &m, "3 5");
}

// As OVS has it; only of a bucket an exit is the end of.
static void an_exit_ends_all_but_what_surrounds_a_copy(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("table=0,actions=2,exit,4");
	EXPECT(1, &m, "2");
	LOAD("table=0,actions=2,clone(3,exit,5),4");
	EXPECT(1, &m, "2 3 4");
	LOAD("group_id=1,type=all,bucket=actions=resubmit(,1),bucket=actions=output:3",
	     "table=0,actions=group:1,4", "table=1,actions=2,exit");
	EXPECT(1, &m, "2 3 4");
}

static void vlan_actions_add_and_take_the_outermost_tag(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP), tagged = tagged_packet(10);

	(void)state;
	LOAD("actions=strip_vlan,2,mod_vlan_pcp:3,3,mod_vlan_vid:7,4,push_vlan:0x88a8,5,"
	     "strip_vlan,strip_vlan,6");
	EXPECT(1, &m, "2 3 4 5 6");
	assert_true(model_equal(out(0), &m));
	assert_int_equal(out(1)->tags[0].tci, 0x6000);
	assert_int_equal(out(2)->tags[0].tci, 0x6007);
	assert_int_equal(out(2)->tags[0].tpid, 0x8100);
	assert_int_equal(out(3)->n_tags, 2);
	assert_int_equal(out(3)->tags[0].tpid, 0x88a8);
	assert_int_equal(out(3)->tags[0].tci, 0);
	assert_true(model_equal(out(4), &m));
	// The bit that says that there is a tag makes and takes it.
	LOAD("actions=set_field:0x1005->vlan_tci,2,set_field:0->vlan_tci,3");
	EXPECT(1, &m, "2 3");
	assert_int_equal(out(0)->tags[0].tci, 5);
	assert_true(model_equal(out(1), &m));
	EXPECT(1, &tagged, "2 3");
	assert_true(model_equal(out(1), &m));
}

static void labels_are_pushed_as_copies_and_popped(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("ip,actions=push_mpls:0x8847,2,set_mpls_label:100,push_mpls:0x8848,set_mpls_tc:1,"
	     "dec_mpls_ttl,3,pop_mpls:0x8847,4,pop_mpls:0x0800,5");
	EXPECT(1, &m, "2 3 4 5");
	assert_int_equal(out(0)->eth_type, ETH_MPLS);
	assert_int_equal(out(0)->lses[0], 6 << MPLS_TC_SHIFT | MPLS_BOS | 64); // 0xb8 is DSCP 46
	assert_int_equal(out(1)->eth_type, ETH_MPLSM);
	assert_int_equal(out(1)->n_lses, 2);
	assert_int_equal(out(1)->lses[0], 100 << MPLS_LABEL_SHIFT | 1 << MPLS_TC_SHIFT | 63);
	assert_int_equal(out(1)->lses[1],
			 100 << MPLS_LABEL_SHIFT | 6 << MPLS_TC_SHIFT | MPLS_BOS | 64);
	assert_true(model_equal(out(3), &m));
	m = (struct model){.payload_type = ETH_IPV6, .nw_ttl = 9};
	model_settle(&m);
	LOAD("actions=push_mpls:0x8847,2");
	EXPECT(1, &m, "2");
	assert_int_equal(out(0)->lses[0], 2 << MPLS_LABEL_SHIFT | MPLS_BOS | 9);
}

static void what_a_popped_label_hid_is_seen(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	model_push_lse(&m, ETH_MPLS, MPLS_BOS | 64);
	LOAD("table=0,mpls,actions=pop_mpls:0x0800,2,goto_table:1",
	     "table=1,tcp,nw_dst=10.0.0.2,actions=mod_tp_dst:9,3");
	EXPECT(1, &m, "2 3");
	assert_int_equal(out(0)->tp_dst, 80);
	assert_int_equal(out(1)->tp_dst, 9);
	// If it is what the action says.
	m.payload_type = ETH_ARP;
	model_settle(&m);
	EXPECT(1, &m, "! 2");
}

static void what_is_not_there_is_not_set(void **state)
{
	struct model m = ip_packet(IPPROTO_UDP), late = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("group_id=1,type=indirect,bucket=actions=set_field:7->tcp_dst,set_field:1.2.3.4->"
	     "arp_spa,set_field:fd00::1->ipv6_src,set_field:5->mpls_label,set_field:4097->vlan_vid,"
	     "move:arp_sha[]->eth_src[],output:2",
	     "actions=group:1");
	EXPECT(1, &m, "2");
	assert_true(model_equal(out(0), &m));
	late.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	model_settle(&late);
	LOAD("tcp,actions=mod_tp_dst:8,mod_nw_dst:1.2.3.4,2");
	EXPECT(1, &late, "2");
	assert_int_equal(out(0)->tp_dst, 0);
	assert_int_equal(out(0)->ip_dst, 0x01020304);
}

// The usual ARP responder.
static void arp_is_answered(void **state)
{
	struct model m = {.eth_src = {{0x52, 0x54, 0, 0, 0, 1}},
			  .eth_dst = {{255, 255, 255, 255, 255, 255}},
			  .payload_type = ETH_ARP,
			  .arp_op = 1,
			  .sha = {{0x52, 0x54, 0, 0, 0, 1}},
			  .ip_src = 0x0a000001,
			  .ip_dst = 0x0a000002};
	static const struct eth_addr us = {{0x52, 0x54, 0, 0, 0, 9}};

	(void)state;
	model_settle(&m);
	LOAD("arp,arp_op=1,arp_tpa=10.0.0.2,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],"
	     "mod_dl_src:52:54:00:00:00:09,load:2->NXM_OF_ARP_OP[],"
	     "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],"
	     "load:0x525400000009->NXM_NX_ARP_SHA[],load:0x0a000002->NXM_OF_ARP_SPA[],in_port");
	EXPECT(3, &m, "3");
	assert_memory_equal(&out(0)->eth_dst, &m.eth_src, 6);
	assert_memory_equal(&out(0)->eth_src, &us, 6);
	assert_memory_equal(&out(0)->sha, &us, 6);
	assert_memory_equal(&out(0)->tha, &m.sha, 6);
	assert_int_equal(out(0)->ip_src, 0x0a000002);
	assert_int_equal(out(0)->ip_dst, 0x0a000001);
	assert_int_equal(out(0)->arp_op, 2);
}

static char *learned_text(void)
{
	struct of_match match = result.learned[0].flow.match;
	const struct of_flow *flow = &result.learned[0].flow;
	struct of_flow_view view = {.match = &match,
				    .actions = flow->actions,
				    .priority = flow->priority,
				    .table = flow->table,
				    .idle_timeout_s = flow->idle_timeout_s};

	assert_int_equal(result.n_learned, 1);
	return of_flow_format(&view, NULL);
}

// ovs-actions(7): MAC learning.
static void learn_makes_a_rule_of_the_packet(void **state)
{
	struct model m = tagged_packet(10);
	struct of_flow want;
	struct of_error error;
	char *text;

	(void)state;
	LOAD("actions=learn(table=1,idle_timeout=10,priority=5,NXM_OF_VLAN_TCI[0..11],"
	     "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2");
	EXPECT(3, &m, "2");
	text = learned_text();
	assert_int_equal(of_flow_parse(&want, OF_FLOW_ADD,
				       "table=1,priority=5,idle_timeout=10,vlan_tci=0x000a/0x0fff,"
				       "dl_dst=52:54:00:00:00:01,actions=output:3",
				       NULL, &error),
			 0);
	assert_true(of_key_equal(&want.match.key, &result.learned[0].flow.match.key));
	assert_true(of_key_equal(&want.match.mask, &result.learned[0].flow.match.mask));
	assert_non_null(strstr(text, "idle_timeout=10"));
	assert_non_null(strstr(text, "output:3"));
	free(text);
	of_flow_fini(&want);
}

static void meters_come_where_they_stand(void **state)
{
	struct model m = ip_packet(IPPROTO_TCP);

	(void)state;
	LOAD("table=0,actions=meter:1,2,goto_table:1", "table=1,actions=meter:2,3");
	EXPECT(1, &m, "meter1 2 meter2 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(outputs_come_in_order_and_never_go_back),
	    cmocka_unit_test(the_highest_priority_wins_and_no_rule_drops),
	    cmocka_unit_test(resubmit_comes_back_and_goto_does_not),
	    cmocka_unit_test(a_loop_drops_the_packet),
	    cmocka_unit_test(registers_live_through_the_tables),
	    cmocka_unit_test(the_stack_swaps),
	    cmocka_unit_test(an_action_set_runs_last_and_in_its_own_order),
	    cmocka_unit_test(group_all_gives_each_bucket_a_copy),
	    cmocka_unit_test(group_ff_takes_the_first_bucket_that_lives),
	    cmocka_unit_test(group_select_takes_any_bucket_that_has_weight),
	    cmocka_unit_test(a_bundle_sends_to_members_that_are_up),
	    cmocka_unit_test(clone_restores_all_but_what_went_out),
	    cmocka_unit_test(an_expired_ttl_ends_the_packet_with_all_its_tables),
	    cmocka_unit_test(an_expired_ttl_of_a_copy_ends_the_copy),
	    cmocka_unit_test(an_exit_ends_all_but_what_surrounds_a_copy),
	    cmocka_unit_test(vlan_actions_add_and_take_the_outermost_tag),
	    cmocka_unit_test(labels_are_pushed_as_copies_and_popped),
	    cmocka_unit_test(what_a_popped_label_hid_is_seen),
	    cmocka_unit_test(what_is_not_there_is_not_set),
	    cmocka_unit_test(arp_is_answered),
	    cmocka_unit_test(learn_makes_a_rule_of_the_packet),
	    cmocka_unit_test(meters_come_where_they_stand),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unload();
	return failed;
}
