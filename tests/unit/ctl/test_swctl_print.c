// Results as people read them.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct rpc_method *method(const char *name)
{
	for (unsigned i = 0; i < rpc_n_methods; i++)
		if (strcmp(rpc_methods[i].name, name) == 0)
			return &rpc_methods[i];
	fail_msg("no method %s", name);
	return NULL;
}

static char *print(const char *name, const char *json, struct swctl_options options)
{
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);
	json_t *result = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(out);
	assert_non_null(result);
	assert_int_equal(swctl_print(method(name), result, &options, out), 0);
	json_decref(result);
	fclose(out);
	return got;
}

static void expect(const char *name, const char *json, const char *want)
{
	char *got = print(name, json, (struct swctl_options){.json = false});
	assert_string_equal(got, want);
	free(got);
}

static void a_text_of_rules_is_printed_as_it_is(void **state)
{
	(void)state;
	expect("flow.dump", "{\"text\": \" cookie=0x0, priority=1 actions=drop\\n b\\n\"}",
	       " cookie=0x0, priority=1 actions=drop\n b\n");
	expect("flow.diff", "{\"lines\": [\"-a\", \"+b\"]}", "-a\n+b\n");
}

// What may be fed back says so in a comment.
static void where_there_is_none_this_is_said(void **state)
{
	(void)state;
	expect("flow.dump", "{\"text\": \"\"}", "# no rules\n");
	expect("group.dump", "{\"text\": \"\"}", "# no groups\n");
	expect("meter.dump", "{\"meters\": []}", "# no meters\n");
	expect("meter.stats", "{\"meters\": []}", "no meters\n");
	expect("table.list", "{\"tables\": []}", "no table has rules\n");
	expect("dp.dump_flows", "{\"flows\": []}", "no megaflows\n");
}

static void no_line_of_an_idle_datapath_ends_in_blanks(void **state)
{
	(void)state;
	char *got = print("dp.show", "{\"isa\": \"avx2\", \"memory_kind\": \"hugepages\"}",
			  (struct swctl_options){.json = false});
	assert_non_null(strstr(got, "  misses             0\n"));
	assert_null(strstr(got, " \n"));
	free(got);
}

static void ports_say_what_is_left_to_check_and_who_still_names_them(void **state)
{
	(void)state;
	expect("port.add", "{\"name\": \"a\", \"number\": 1}", "port a has number 1\n");
	expect("port.add", "{\"name\": \"a\", \"number\": 1, \"away\": true}",
	       "port a has number 1\n"
	       "swd is away: it will check the port's options when it is there\n");
	expect("port.del", "{\"name\": \"a\", \"number\": 1, \"rules\": 0, \"groups\": 0}", "");
	expect("port.del", "{\"name\": \"a\", \"number\": 1, \"rules\": 2, \"groups\": 3}",
	       "rules that name port a, by its number 1: 2; they stay, and drop what they send it "
	       "until a port a is there again\n"
	       "groups that name port a, by its number 1: 3; they stay, and drop what they send it "
	       "until a port a is there again\n");
}

static void groups_and_meters_look_like_ovs_ofctls(void **state)
{
	(void)state;
	expect("group.dump", "{\"text\": \"group_id=1,type=all\\n\"}", "group_id=1,type=all\n");
	expect("meter.dump", "{\"meters\": [{\"meter\": \"meter=1 kbps bands=\"}]}",
	       "meter=1 kbps bands=\n");
	expect("meter.stats",
	       "{\"meters\": [{\"meter_id\": 1, \"flow_count\": 2, \"packets\": 3, \"bytes\": 4,"
	       " \"duration_s\": 1.5, \"bands\": [{\"packets\": 1, \"bytes\": 2}]}]}",
	       "meter:1 flow_count:2 packet_in_count:3 byte_in_count:4 duration:1.500s bands:\n"
	       "0: packet_count:1 byte_count:2\n");
	expect("flow.aggregate", "{\"packet_count\": 1, \"byte_count\": 60, \"flow_count\": 2}",
	       "packet_count=1 byte_count=60 flow_count=2\n");
	expect("table.list", "{\"tables\": [{\"table\": 3, \"active\": 2, \"masks\": 1}]}",
	       "table 3: active=2, masks=1\n");
}

static void megaflows_look_like_ovs_dpctls(void **state)
{
	(void)state;
	expect("dp.dump_flows",
	       "{\"flows\": [{\"match\": \"in_port(vm1)\", \"actions\": \"vm2\", \"packets\": 2, "
	       "\"bytes\": 120,"
	       " \"age_s\": 0.5, \"tcp_flags\": 18},"
	       " {\"match\": \"in_port(vm2)\", \"actions\": \"drop\", \"packets\": 0, \"bytes\": "
	       "0, \"age_s\": null}]}",
	       "in_port(vm1), packets:2, bytes:120, used:0.500s, flags:S., actions:vm2\n"
	       "in_port(vm2), packets:0, bytes:0, used:never, actions:drop\n");
}

static void a_port_that_is_down_says_why_beneath_the_table(void **state)
{
	(void)state;
	expect("port.list",
	       "{\"ports\": [{\"number\": 1, \"name\": \"vm1\", \"kind\": \"vhost-user\","
	       " \"options\": {\"path\": \"/a\", \"tag\": \"10\"}, \"link\": \"up\", "
	       "\"rx_queues\": 2, \"tx_queues\": 2,"
	       " \"tag\": 10},"
	       " {\"number\": 2, \"name\": \"p\", \"kind\": \"dpdk\", \"options\": {\"devargs\": "
	       "\"net_tap0\"},"
	       " \"link\": \"down\", \"reason\": \"no cable\", \"rx_queues\": 1, \"tx_queues\": 1, "
	       "\"mtu\": 1500,"
	       " \"trunks\": [1, 2, 3, 7]}]}",
	       "PORT  NAME  TYPE        LINK  RXQ/TXQ   MTU  VLANS         OPTIONS\n"
	       "   1  vm1   vhost-user  up        2/2     -  tag 10        path=/a\n"
	       "   2  p     dpdk        down      1/1  1500  trunks 1-3,7  devargs=net_tap0\n"
	       "p is down: no cable\n");
}

static void counts_of_changed_rules_read_as_a_sentence(void **state)
{
	(void)state;
	expect("flow.add", "{\"added\": 1, \"replaced\": 0}", "1 rule added\n");
	expect("flow.add", "{\"added\": 0, \"replaced\": 1}", "1 rule replaced\n");
	expect("flow.add_many", "{\"added\": 998, \"replaced\": 2}",
	       "998 rules added, 2 rules replaced\n");
	expect("flow.add_many", "{\"added\": 0, \"replaced\": 0}", "nothing changed\n");
	expect("flow.del", "{\"deleted\": 0}", "0 rules deleted\n");
	expect("flow.replace", "{\"added\": 1, \"modified\": 2, \"deleted\": 0}",
	       "1 rule added, 2 rules modified\n");
	expect("bundle",
	       "{\"added\": 1, \"groups\": {\"added\": 2, \"modified\": 0, \"deleted\": 0},"
	       " \"meters\": {\"added\": 0, \"modified\": 1, \"deleted\": 0}}",
	       "2 groups added, 1 meter modified, 1 rule added\n");
	expect("bundle", "{}", "nothing changed\n");
}

static void show_tells_when_the_data_plane_is_away(void **state)
{
	(void)state;
	char *got =
	    print("show", "{\"swctld\": {\"version\": \"1\"}, \"swd\": {\"connected\": false}}",
		  (struct swctl_options){.json = false});
	assert_non_null(strstr(got, "swd        away"));
	free(got);
}

static void cycles_a_packet_are_whole_and_absent_without_packets(void **state)
{
	(void)state;
	static const char pmds[] =
	    "{\"pmds\": [{\"core\": 1, \"busy_percent\": 50.04, \"rx_packets\": 4, \"rx_bursts\": "
	    "2,"
	    " \"busy_cycles\": 1001, \"repeats\": 1, \"emc_hits\": 1, \"signature_hits\": 1,"
	    " \"misses\": 1, \"masks_tried\": 2},"
	    " {\"core\": 2}]}";
	static const char text[] =
	    "CORE  NUMA    BUSY  PACKETS  PER BURST  CYCLES EACH  CACHE HITS  MEGAFLOW HITS  MISSES"
	    "  MASKS TRIED  RECIRCULATED\n"
	    "   1     0  50.0 %        4        2.0          250      75.0 %          0.0 %       1"
	    "          2.0             0\n"
	    "   2     0   0.0 %        0          -            -           -              -       0"
	    "            -             0\n"
	    "\nno queues to poll\n";
	expect("pmd.show", pmds, text);
}

static void queues_are_told_with_load_and_what_is_special(void **state)
{
	(void)state;
	static const char pmds[] =
	    "{\"pmds\": [{\"core\": 1, \"isolated\": true, \"rxqs\": [{\"port\": \"a\", \"queue\": "
	    "0, "
	    "\"load_percent\": 12.34, \"pinned\": true, \"crosses\": true}, {\"port\": \"b\", "
	    "\"queue\": 11, \"waiting\": 3}], \"txqs\": [{\"port\": \"a\", \"queue\": 0, "
	    "\"shared\": true}]}], \"settings\": {\"idle_us\": 100, \"sleep_us\": 50, "
	    "\"rebalance_s\": 9, \"refused\": \"core 5 does not exist\"}}";
	static const char text[] =
	    "\nCORE  PORT  QUEUE    LOAD  MISSES WAITING  NOTE\n"
	    "   1  a         0  12.3 %               0  pinned, on another NUMA node\n"
	    "   1  b        11   0.0 %               3  -\n"
	    "\nCORE  SENDS TO  QUEUE  NOTE\n"
	    "   1  a             0  shared\n"
	    "core 1 is isolated: it polls pinned queues only\n"
	    "idle threads sleep 50 us at a time, after 100 us\n"
	    "queues move by load every 9 s\n"
	    "swd refused the settings: core 5 does not exist\n";
	char *got = print("pmd.show", pmds, (struct swctl_options){.json = false});
	assert_string_equal(strstr(got, "\n\n") + 1, text);
	free(got);
}

static void what_is_another_control_daemons_is_told_apart(void **state)
{
	(void)state;
	expect("pmd.show",
	       "{\"pmds\": [{\"core\": 1, \"rxqs\": [{\"port\": \"br0\", \"foreign\": true, "
	       "\"crosses\": true}]}]}",
	       "CORE  NUMA   BUSY  PACKETS  MISSES  RECIRCULATED\n"
	       "   1     0  0.0 %        0       0             0\n"
	       "\nCORE  PORT  QUEUE   LOAD  MISSES WAITING  NOTE\n"
	       "   1  br0       0  0.0 %               0  on another NUMA node, of another control "
	       "daemon\n");
	char *got =
	    print("dp.show", "{\"flows\": 1, \"all_flows\": 4, \"max_flows\": 9, \"masks\": 2}",
		  (struct swctl_options){.json = false});
	assert_non_null(
	    strstr(got,
		   "megaflows            1 and 3 of other control daemons of at most 9, under 2 "
		   "masks\n"));
	free(got);
	expect("ct.stats",
	       "{\"connections\": 1, \"max_connections\": 9, \"memory_bytes\": 2048, "
	       "\"opened\": 3, \"packets\": 7, \"invalid\": 2}",
	       "connections  1 of 9 at most, 2 KiB\n"
	       "swd in all   3 opened; 7 packets, of these 2 invalid\n");
}

static void a_rebalance_tells_its_moves_and_what_they_gain(void **state)
{
	(void)state;
	expect("pmd.rebalance",
	       "{\"n_moves\": 1, \"dry_run\": true, \"moves\": [{\"port\": \"vm1\", \"queue\": 0, "
	       "\"load_percent\": 40.0, \"from\": 1, \"to\": 12}], \"busiest_before_percent\": 90, "
	       "\"busiest_after_percent\": 50.04}",
	       "PORT  QUEUE    LOAD  FROM CORE  TO CORE\n"
	       "vm1       0  40.0 %          1       12\n"
	       "\n1 queue would move; the busiest core goes from 90.0 % to 50.0 %\n");
	expect("pmd.rebalance", "{\"n_moves\": 0, \"busiest_before_percent\": 97.7}",
	       "no move gains anything; the busiest core is at 97.7 %\n");
}

static void pmd_statistics_are_given_per_packet_and_in_percent(void **state)
{
	(void)state;
	expect(
	    "pmd.stats",
	    "{\"isa\": \"avx2\", \"seconds\": 2.0, \"pmds\": [{\"core\": 1, \"numa\": 0,"
	    " \"busy_cycles\": 3000, \"idle_cycles\": 1000, \"rx_packets\": 20, \"rx_bursts\": 8,"
	    " \"copies\": 30, \"recirculations\": 5, \"repeats\": 10, \"emc_hits\": 5,"
	    " \"signature_hits\": 4, \"megaflow_hits\": 3, \"misses\": 3, \"masks_tried\": 15,"
	    " \"stage_packets\": 10, \"rx_cycles\": 100, \"extract_cycles\": 150,"
	    " \"lookup_cycles\": 200, \"actions_cycles\": 55, \"tx_cycles\": 300},"
	    " {\"core\": 3}]}",
	    "instruction set avx2, counted over 2.0 s\n"
	    "\nload\n"
	    "CORE  NUMA    BUSY  BUSY CYCLES  IDLE CYCLES  PACKETS  PER SECOND  PER BURST"
	    "  COPIES EACH  RECIRCULATED\n"
	    "   1     0  75.0 %         3000         1000       20          10        2.5"
	    "          1.5             5\n"
	    "   3     0       -            0            0        0           0          -"
	    "            -             0\n"
	    "\ncycles per packet, and by stage\n"
	    "CORE    ALL    RX  EXTRACT  LOOKUP  ACTIONS    TX\n"
	    "   1  150.0  10.0     15.0    20.0      5.5  30.0\n"
	    "   3      -     -        -       -        -     -\n"
	    "\nlookups, and what answered them\n"
	    "CORE  LOOKUPS  REPEAT  EXACT MATCH  SIGNATURE  MEGAFLOW    MISS  MISSES"
	    "  MASKS TRIED\n"
	    "   1       25  40.0 %       20.0 %     16.0 %    12.0 %  12.0 %       3"
	    "          2.5\n"
	    "   3        0       -            -          -         -       -       0"
	    "            -\n");
	expect("pmd.stats", "{\"isa\": \"plain\", \"seconds\": 1.0, \"pmds\": []}",
	       "instruction set plain, counted over 1.0 s\nno poll-mode threads\n");
	expect(
	    "pmd.stats",
	    "{\"isa\": \"plain\", \"seconds\": 1.0, \"pmds\": [{\"core\": 1, \"idle_cycles\": 7}]}",
	    "instruction set plain, counted over 1.0 s\n"
	    "\nload\n"
	    "CORE  NUMA   BUSY  BUSY CYCLES  IDLE CYCLES  PACKETS  PER SECOND  RECIRCULATED\n"
	    "   1     0  0.0 %            0            7        0           0             0\n"
	    "\nno packet came: no cycles and no lookups to show\n");
}

static void a_thread_that_sleeps_is_not_busy(void **state)
{
	(void)state;
	expect("pmd.stats",
	       "{\"isa\": \"plain\", \"seconds\": 1.0, \"pmds\": [{\"core\": 1, \"busy_cycles\": 1,"
	       " \"idle_cycles\": 2, \"sleep_cycles\": 997}]}",
	       "instruction set plain, counted over 1.0 s\n"
	       "\nload\n"
	       "CORE  NUMA   BUSY  BUSY CYCLES  IDLE CYCLES  SLEEP CYCLES  PACKETS  PER SECOND"
	       "  RECIRCULATED\n"
	       "   1     0  0.1 %            1            2           997        0           0"
	       "             0\n"
	       "\nno packet came: no cycles and no lookups to show\n");
}

static void a_result_without_fields_prints_something_for_every_method(void **state)
{
	(void)state;
	static const char *const odd[] = {
	    "{}",
	    "[]",
	    "7",
	    "{\"ports\": [{}, 1, null], \"rules\": [{}, []], \"flows\": [0]}",
	    "{\"pmds\": [{\"rxqs\": [3]}], \"drops\": [{}], \"entries\": [\"x\"]}",
	    "{\"ports\": 1, \"rules\": {}, \"flows\": \"x\", \"pmds\": true}"};
	for (unsigned m = 0; m < rpc_n_methods; m++)
		for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
			free(print(rpc_methods[m].name, odd[i],
				   (struct swctl_options){.json = false}));
}

static void json_keeps_the_order_and_short_numbers(void **state)
{
	(void)state;
	char *got = print("version", "{\"z\": 0.1, \"a\": 9007199254740993, \"m\": [1.5]}",
			  (struct swctl_options){.json = true});
	assert_string_equal(
	    got, "{\n  \"z\": 0.1,\n  \"a\": 9007199254740993,\n  \"m\": [\n    1.5\n  ]\n}\n");
	free(got);
}

static void one_of_many_results_is_a_line_of_json(void **state)
{
	(void)state;
	char *got = print("pmd.stats", "{\"pmds\": [{\"core\": 1}]}",
			  (struct swctl_options){.json = true, .interval_s = 1});
	assert_string_equal(got, "{\"pmds\": [{\"core\": 1}]}\n");
	free(got);
}

static void units_are_those_that_people_read(void **state)
{
	(void)state;
	struct field_buf buf;
	assert_string_equal(field_bytes(0, &buf), "0 B");
	assert_string_equal(field_bytes(1023, &buf), "1023 B");
	assert_string_equal(field_bytes(1536, &buf), "1.5 KiB");
	assert_string_equal(field_bytes(1024, &buf), "1.0 KiB");
	assert_string_equal(field_bytes(1 << 20, &buf), "1.0 MiB");
	assert_string_equal(field_bytes(64 << 20, &buf), "64.0 MiB");
	assert_string_equal(field_bytes(3LL << 50, &buf), "3072.0 TiB");
	assert_string_equal(field_duration(59.9, &buf), "59 s");
	assert_string_equal(field_duration(61, &buf), "1 min 1 s");
	assert_string_equal(field_duration(3 * 3600 + 720, &buf), "3 h 12 min");
	assert_string_equal(field_duration(90000, &buf), "1 d 1 h");
	assert_string_equal(field_percent(1, 3, &buf), "33.3 %");
	assert_string_equal(field_percent(1, 0, &buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_text_of_rules_is_printed_as_it_is),
	    cmocka_unit_test(where_there_is_none_this_is_said),
	    cmocka_unit_test(no_line_of_an_idle_datapath_ends_in_blanks),
	    cmocka_unit_test(ports_say_what_is_left_to_check_and_who_still_names_them),
	    cmocka_unit_test(groups_and_meters_look_like_ovs_ofctls),
	    cmocka_unit_test(megaflows_look_like_ovs_dpctls),
	    cmocka_unit_test(a_port_that_is_down_says_why_beneath_the_table),
	    cmocka_unit_test(counts_of_changed_rules_read_as_a_sentence),
	    cmocka_unit_test(show_tells_when_the_data_plane_is_away),
	    cmocka_unit_test(cycles_a_packet_are_whole_and_absent_without_packets),
	    cmocka_unit_test(queues_are_told_with_load_and_what_is_special),
	    cmocka_unit_test(what_is_another_control_daemons_is_told_apart),
	    cmocka_unit_test(a_rebalance_tells_its_moves_and_what_they_gain),
	    cmocka_unit_test(pmd_statistics_are_given_per_packet_and_in_percent),
	    cmocka_unit_test(a_thread_that_sleeps_is_not_busy),
	    cmocka_unit_test(a_result_without_fields_prints_something_for_every_method),
	    cmocka_unit_test(json_keeps_the_order_and_short_numbers),
	    cmocka_unit_test(one_of_many_results_is_a_line_of_json),
	    cmocka_unit_test(units_are_those_that_people_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
