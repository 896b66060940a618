// The doctor's checks, on hosts and switches of the test's own: what each finds, and its mend.
#define _GNU_SOURCE // nftw
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/ctl/host_fixture.h"

static struct doctor d;

static int setup(void **state)
{
	if (host_make(state))
		return -1;
	d = (struct doctor){.root = host_root,
			    .run_dir = "/nowhere",
			    .seconds = 0.5,
			    .findings = json_array(),
			    .check = "test"};
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < FACTS; i++) {
		json_decref(d.now[i]);
		json_decref(d.before[i]);
	}
	free(d.threads.list);
	free(d.threads_before.list);
	json_decref(d.findings);
	return host_remove(state);
}

static void know(enum doctor_fact fact, const char *text)
{
	json_error_t error;
	json_decref(d.now[fact]);
	d.now[fact] = json_loads(text, 0, &error);
	if (!d.now[fact])
		fail_msg("%s in %s", error.text, text);
}

static void knew(enum doctor_fact fact, const char *text)
{
	know(fact, text);
	json_decref(d.before[fact]);
	d.before[fact] = json_incref(d.now[fact]);
}

// Of the findings since the last call, one has this level, `words`, and `mend` in its mend ("": it
// has none).
static void expect(const char *level, const char *words, const char *mend)
{
	size_t i;
	const json_t *f;
	bool found = false;
	json_array_foreach (d.findings, i, f)
		found |= strcmp(field_text(f, "level"), level) == 0 &&
			 strstr(field_text(f, "text"), words) &&
			 strstr(field_text(f, "mend"), mend) &&
			 (*mend != '\0') == (*field_text(f, "mend") != '\0');
	if (!found)
		fail_msg("no %s \"%s\" with mend \"%s\" in %s", level, words, mend,
			 json_dumps(d.findings, JSON_INDENT(1)));
}

// Runs a check and expects one finding in all.
static void expect_only(void (*check)(struct doctor *d), const char *level, const char *words,
			const char *mend)
{
	json_array_clear(d.findings);
	check(&d);
	expect(level, words, mend);
	assert_int_equal(json_array_size(d.findings), 1);
}

#define NODE0 "sys/devices/system/node/node0/hugepages/hugepages-2048kB/"

static void too_few_hugepages_are_told_with_the_number_to_set(void **state)
{
	(void)state;
	host_put(NODE0 "nr_hugepages", "300\n");
	host_put(NODE0 "free_hugepages", "200\n");
	host_put("sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "100\n");
	d.swd.err = -ENOENT;
	doctor_check_hugepages(&d);
	expect("ok", "300 pages of 2 MB, 200 free (100 of all nodes are promised)", "");
	expect("problem", "200 MB are free where it takes 512 MB", "sysctl vm.nr_hugepages=456");
	json_array_clear(d.findings);
	host_put(NODE0 "free_hugepages", "256\n");
	host_put("sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "0\n");
	doctor_check_hugepages(&d);
	assert_int_equal(doctor_count(&d, DOCTOR_PROBLEM), 0);
}

static void a_packet_thread_on_a_node_without_hugepages_is_told(void **state)
{
	(void)state;
	host_put(NODE0 "nr_hugepages", "300\n");
	know(FACT_PMDS, "{\"pmds\": [{\"core\": 1, \"numa\": 0}, {\"core\": 40, \"numa\": 1}]}");
	doctor_check_hugepages(&d);
	expect("warning", "thread on core 40 is there, and the node has no pages", "node1");
	assert_int_equal(doctor_count(&d, DOCTOR_WARNING), 1);
}

#define CPU "sys/devices/system/cpu/"

static void cores_that_are_not_isolated_are_told(void **state)
{
	(void)state;
	know(FACT_PMDS, "{\"pmds\": [{\"core\": 1}, {\"core\": 2}, {\"core\": 3}]}");
	host_put(CPU "isolated", "2-3\n");
	host_put(CPU "nohz_full", "3\n");
	doctor_check_cores(&d);
	expect("warning", "the kernel may run other threads", "isolcpus=1 ");
	expect("hint", "clock interrupts", "nohz_full=2 ");
	host_put(CPU "isolated", "1-3\n");
	host_put(CPU "nohz_full", "1-3\n");
	expect_only(doctor_check_cores, "ok", "3 packet threads", "");
}

static void hyper_threads_and_slow_governors_are_told(void **state)
{
	(void)state;
	know(FACT_PMDS, "{\"pmds\": [{\"core\": 1}, {\"core\": 5}]}");
	host_put(CPU "isolated", "1,5\n");
	host_put(CPU "nohz_full", "1,5\n");
	host_put(CPU "cpu1/topology/thread_siblings_list", "1,5\n");
	host_put(CPU "cpu5/cpufreq/scaling_governor", "powersave\n");
	doctor_check_cores(&d);
	expect("warning", "hyper-threads of one core", "swctl pmd set --cores");
	expect("hint", "governor is powersave", "cpu5/cpufreq/scaling_governor");
	assert_int_equal(json_array_size(d.findings), 2);
}

#define STAT_REST " 0 0 20 0 2 0 777 1 2 3 4 5 6 7 8 9 10 11 12 13 0 0 -1 1 0 0 0 0 0\n"

static void who_shares_a_packet_core_is_told_with_its_part(void **state)
{
	(void)state;
	d.swd.pid = 8;
	know(FACT_PMDS,
	     "{\"pmds\": [{\"core\": 1, \"rxqs\": [{}]}], \"settings\": {\"idle_us\": 0}}");
	host_put(CPU "isolated", "1\n");
	host_put(CPU "nohz_full", "1\n");
	host_put("proc/8/task/9/stat", "9 (pmd-c1) R 1 8 8 0 -1 0 1 0 0 0 100 0" STAT_REST);
	host_put("proc/20/task/20/stat", "20 (backup) R 1 8 8 0 -1 0 1 0 0 0 0 0" STAT_REST);
	d.threads_before = proc_threads_read(host_root);
	host_put("proc/8/task/9/stat", "9 (pmd-c1) R 1 8 8 0 -1 0 1 0 0 0 130 0" STAT_REST);
	host_put("proc/20/task/20/stat", "20 (backup) R 1 8 8 0 -1 0 1 0 0 0 10 10" STAT_REST);
	d.threads = proc_threads_read(host_root);
	doctor_check_cores(&d);
	expect("warning", "backup (thread 20) takes 40 %", "taskset -pc CORES 20");
	expect("warning", "has had 60 % of its core", "CPU quota");
}

static void where_no_core_is_left_for_control_threads_one_is_to_be_left_out(void **state)
{
	(void)state;
	d.swd.pid = 8;
	know(FACT_PMDS, "{\"pmds\": [{\"core\": 0}, {\"core\": 1}]}");
	host_put(CPU "online", "0-1\n");
	host_put("proc/8/task/8/stat", "8 (swd) R 1 8 8 0 -1 0 1 0 0 0 0 0" STAT_REST);
	d.threads_before = proc_threads_read(host_root);
	host_put("proc/8/task/8/stat", "8 (swd) R 1 8 8 0 -1 0 1 0 0 0 5 0" STAT_REST);
	d.threads = proc_threads_read(host_root);
	doctor_check_cores(&d);
	expect("warning", "swd (thread 8) takes 10 % of the packets' core: no core is left",
	       "leave core 1 out of the list of swctl pmd set --cores");
	host_put(CPU "online", "0-2\n");
	json_array_clear(d.findings);
	doctor_check_cores(&d);
	expect("warning", "takes 10 % of the packets' core", "taskset -pc CORES 8");
}

static void load_and_balance_are_told(void **state)
{
	(void)state;
	know(FACT_PMDS, "{\"pmds\": [{\"core\": 1, \"busy_percent\": 97.5, \"rxqs\": "
			"[{\"port\": \"vm1\", \"queue\": 0, \"numa\": 1, \"crosses\": true}]}]}");
	know(FACT_REBALANCE, "{\"busiest_before_percent\": 97.5, \"busiest_after_percent\": 50.0}");
	doctor_check_cores(&d);
	expect("warning", "at its limit: 98 % busy", "more cores");
	expect("hint", "queue 0 of vm1 has its buffers on another NUMA node", "core of node 1");
	expect("warning", "could be at 50 %", "swctl pmd rebalance");
}

#define VM1 "\"name\": \"vm1\", \"kind\": \"vhost-user\", \"link\": \"up\""

static void expect_link(const char *reason, const char *level, const char *words, const char *mend)
{
	char ports[512];
	snprintf(ports, sizeof(ports),
		 "{\"ports\": [{\"name\": \"up1\", \"kind\": \"af-packet\", \"link\": \"down\", "
		 "\"options\": {\"iface\": \"v0\"}, \"reason\": \"%s\"}]}",
		 reason);
	know(FACT_PORTS, ports);
	expect_only(doctor_check_links, level, words, mend);
}

static void an_interface_that_is_not_there_is_to_be_made_or_its_port_deleted(void **state)
{
	(void)state;
	expect_link("no interface is named v0: see `ip link` in swd's network namespace", "warning",
		    "no interface is named v0", "ip link add");
	expect_link("interface v0 is gone", "warning", "v0 is gone", "swctl del-port up1");
	expect_link("refused by swd: no interface is named v0: see `ip link`", "problem",
		    "refused by swd", "make it again");
}

static void what_a_reason_tells_to_do_stands_in_the_mend_alone(void **state)
{
	const json_t *finding;
	(void)state;
	expect_link("interface v0 is down: `ip link set v0 up`", "warning", "interface v0 is down",
		    "ip link set v0 up");
	finding = json_array_get(d.findings, 0);
	assert_string_equal(field_text(finding, "text"), "interface v0 is down");
	assert_string_equal(field_text(finding, "mend"), "ip link set v0 up");
	expect_link("interface v0 is down where it was moved to, as x: `ip link set x up` there",
		    "warning", "as x", "`ip link set x up` there");
	expect_link("interface v0 has no carrier", "warning", "no carrier", "its other end");
}

#define GUEST_OF_QUEUE(queue) \
	"{\"guests\": [{\"port\": \"vm1\", \"stage\": \"running\", \"queues\": [" queue "]}]}"
#define WAITING "{\"index\": 1, \"ready\": 3, \"position\": 7}"

static void a_queue_that_nobody_takes_from_is_told(void **state)
{
	(void)state;
	know(FACT_PORTS, "{\"ports\": [{" VM1 ", \"rx_queues\": 1}]}");
	know(FACT_PMDS,
	     "{\"pmds\": [{\"core\": 1, \"rxqs\": [{\"port\": \"vm1\", \"queue\": 0}]}]}");
	knew(FACT_GUESTS, GUEST_OF_QUEUE(WAITING));
	expect_only(doctor_check_queues, "problem", "packets wait in queue 1", "swctl pmd show");
	know(FACT_GUESTS, GUEST_OF_QUEUE("{\"index\": 1, \"ready\": 3, \"position\": 8}"));
	expect_only(doctor_check_queues, "ok", "none stands still", "");
	know(FACT_GUESTS, GUEST_OF_QUEUE("{\"index\": 1, \"ready\": 0, \"position\": 7}"));
	expect_only(doctor_check_queues, "ok", "none stands still", "");
	know(FACT_PMDS,
	     "{\"pmds\": [{\"core\": 1, \"rxqs\": [{\"port\": \"vm1\", \"queue\": 1}]}]}");
	expect_only(doctor_check_queues, "problem", "no packet thread polls its queue 0",
		    "--port vm1 --queue 0");
}

static void a_stopped_queue_beside_working_ones_is_told(void **state)
{
	(void)state;
	know(FACT_PORTS, "{\"ports\": [{" VM1 ", \"reason\": \"\", \"detail\": "
			 "\"server /s; queue 3 of the guest stopped: a loop (descriptor 4)\"}]}");
	expect_only(doctor_check_queues, "problem", "queue 3 of the guest stopped: a loop",
		    "reboot the guest");
}

static void a_guest_that_takes_nothing_is_told_from_a_slow_one(void **state)
{
	(void)state;
	knew(FACT_DROPS,
	     "{\"drops\": [{\"port\": \"vm1\", \"reason\": \"tx-full\", \"packets\": 5}, "
	     "{\"port\": \"vm1\", \"reason\": \"mtu\", \"packets\": 9}]}");
	expect_only(doctor_check_drops, "ok", "nothing was lost in 0.5 s", "");
	know(FACT_DROPS,
	     "{\"drops\": [{\"port\": \"vm1\", \"reason\": \"tx-full\", \"packets\": 8}, "
	     "{\"port\": \"vm1\", \"reason\": \"mtu\", \"packets\": 9}, "
	     "{\"port\": \"vm1\", \"reason\": \"flow-drop\", \"packets\": 9}]}");
	knew(FACT_GUESTS, GUEST_OF_QUEUE("{\"index\": 0, \"ready\": 0, \"position\": 256}"));
	expect_only(doctor_check_drops, "problem", "takes no packets at all: 3 lost",
		    "ip link set dev IFACE up");
	know(FACT_GUESTS, GUEST_OF_QUEUE("{\"index\": 0, \"ready\": 0, \"position\": 300}"));
	expect_only(doctor_check_drops, "warning", "tx-full: 3 packets", "rx_queue_size");
}

static void features_that_a_driver_leaves_out_are_told_with_their_cost(void **state)
{
	(void)state;
	know(FACT_PORTS,
	     "{\"ports\": [{" VM1 ", \"options\": {\"queues\": \"4\"}, \"rx_queues\": 2, "
	     "\"tx_queues\": 2}]}");
	// Offered: checksums (0), mergeable buffers (15), event index (29).
	know(FACT_GUESTS, "{\"guests\": [{\"port\": \"vm1\", \"stage\": \"running\", "
			  "\"offered\": \"0x120008001\", \"features\": \"0x100000001\"}]}");
	doctor_check_features(&d);
	expect("warning", "vm1 without: frames longer than one of its buffers", "mrg_rxbuf=on");
	expect("hint", "more interrupts", "event_idx=on");
	expect("warning", "2 of 4 pairs of queues", "ethtool -L IFACE combined 4");
	assert_int_equal(json_array_size(d.findings), 3);
}

static void memory_that_is_never_written_to_is_told(void **state)
{
	static const char blank[] =
	    "{\"guests\": [{\"port\": \"vm1\", \"stage\": \"running\", \"mem_inode\": 7, "
	    "\"page_bytes\": 2097152, \"queues\": [{\"index\": 0, \"blank\": true}]}]}";
	static const char argument[] = "qemu\0path=/s/vm1.sock";
	(void)state;
	know(FACT_PORTS, "{\"ports\": [{" VM1 ", \"options\": {\"path\": \"/s/vm1.sock\"}}]}");
	knew(FACT_GUESTS, blank);
	expect_only(doctor_check_memory, "warning", "its interface was never up, or QEMU",
		    "share=on");
	host_put("proc/6/status", "Name:\tqemu\nUid:\t0\t0\nGid:\t0\t0\n");
	host_put_bytes("proc/6/cmdline", argument, sizeof(argument));
	host_put("proc/6/maps", "7f0010000000-7f0020000000 rw-s 00000000 00:01 7 /memfd:mem\n");
	expect_only(doctor_check_memory, "warning", "its interface was never up", "ip link set");
	host_put("proc/6/maps", "7f0010000000-7f0020000000 rw-p 00000000 00:01 7 /memfd:mem\n");
	expect_only(doctor_check_memory, "problem", "qemu (pid 6) does not share its memory",
		    "share=on");
}

static void mtus_are_compared_where_ports_share_a_vlan(void **state)
{
	(void)state;
	know(FACT_PORTS, "{\"ports\": [{\"name\": \"a\", \"mtu\": 9000, \"tag\": 1}, "
			 "{\"name\": \"b\", \"mtu\": 1500, \"tag\": 2}]}");
	expect_only(doctor_check_mtu, "ok", "2 tell theirs", "");
	know(FACT_PORTS, "{\"ports\": [{\"name\": \"a\", \"mtu\": 9000, \"tag\": 1}, "
			 "{\"name\": \"b\", \"mtu\": 1500}]}");
	expect_only(doctor_check_mtu, "warning", "its MTU is 1500; a has 9000", "mtu 1500");
}

static void limits_that_are_reached_are_told(void **state)
{
	(void)state;
	knew(FACT_DATAPATH, "{\"flows\": 90, \"max_flows\": 100, \"pool_total\": 100, "
			    "\"pool_free\": 7, \"lost\": 0}");
	knew(FACT_SHOW,
	     "{\"masks\": 127, \"max_masks\": 128, \"not_installed\": 0, \"failed\": {}}");
	doctor_check_limits(&d);
	expect("warning", "90 of 100 at most", "--max-flows");
	expect("hint", "127 of 128", "share a mask");
	expect("warning", "7 of 100 packet buffers", "--mem");
	know(FACT_DATAPATH, "{\"flows\": 3, \"all_flows\": 91, \"max_flows\": 100}");
	json_array_clear(d.findings);
	doctor_check_limits(&d);
	expect("warning", "91 of 100 at most", "--max-flows");
	know(FACT_DATAPATH, "{\"flows\": 9, \"max_flows\": 100, \"lost\": 4}");
	know(FACT_SHOW, "{\"masks\": 1, \"max_masks\": 128, \"not_installed\": 2, "
			"\"failed\": {\"too deep\": 3}}");
	json_array_clear(d.findings);
	doctor_check_limits(&d);
	expect("warning", "4 in 0.5 s did not reach swctld", "core of its own");
	expect("warning", "2 packets in 0.5 s found no room", "--max-flows");
	expect("warning", "3 packets in 0.5 s were dropped: too deep", "swctl trace");
}

static void other_versions_and_a_lost_connection_are_told(void **state)
{
	(void)state;
	know(FACT_SHOW, "{\"swd\": {\"connected\": false}}");
	know(FACT_VERSION, "{\"swctld\": \"0.0.9\", \"swd\": null}");
	snprintf(d.refusals[FACT_DATAPATH], sizeof(d.refusals[0]),
		 "swd speaks another protocol; run both of the same release");
	doctor_check_daemons(&d);
	expect("problem", "not connected to it: swd speaks another", "run both");
	expect("warning", "swctld 0.0.9", "systemctl restart swctld");
}

static void where_open_vswitch_is_in_charge_swctld_is_not_missed(void **state)
{
	(void)state;
	d.swctld.err = -ENOENT;
	expect_only(doctor_check_daemons, "problem", "it does not run", "start it");
	host_put("proc/8/task/8/stat", "8 (ovs-vswitchd) R 1 8 8 0 -1 0 1 0 0 0 1 0" STAT_REST);
	d.threads = proc_threads_read(host_root);
	expect_only(doctor_check_daemons, "warning", "ovs-vswitchd does", "beside it");
	d.swctld.err = -ECONNREFUSED; // it was meant to run
	expect_only(doctor_check_daemons, "problem", "killed", "start it");
}

static void findings_line_up_and_terminals_are_not_obeyed(void **state)
{
	char *text = NULL;
	size_t len;
	(void)state;
	d.check = "links";
	doctor_find(&d, DOCTOR_PROBLEM, "vm1", "refused\033[2J");
	doctor_mend(&d, "do this");
	doctor_find(&d, DOCTOR_OK, "", "fine");
	FILE *out = open_memstream(&text, &len);
	doctor_print(&d, false, out);
	fclose(out);
	assert_string_equal(text, "CHECK  STATE    OF   FINDING\n"
				  "links  problem  vm1  refused?[2J\n"
				  "                     mend: do this\n"
				  "links  ok       -    fine\n"
				  "1 problem\n");
	free(text);
}

int main(void)
{
#define SICK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    SICK(too_few_hugepages_are_told_with_the_number_to_set),
	    SICK(a_packet_thread_on_a_node_without_hugepages_is_told),
	    SICK(cores_that_are_not_isolated_are_told),
	    SICK(hyper_threads_and_slow_governors_are_told),
	    SICK(who_shares_a_packet_core_is_told_with_its_part),
	    SICK(where_no_core_is_left_for_control_threads_one_is_to_be_left_out),
	    SICK(load_and_balance_are_told),
	    SICK(an_interface_that_is_not_there_is_to_be_made_or_its_port_deleted),
	    SICK(what_a_reason_tells_to_do_stands_in_the_mend_alone),
	    SICK(a_queue_that_nobody_takes_from_is_told),
	    SICK(a_stopped_queue_beside_working_ones_is_told),
	    SICK(a_guest_that_takes_nothing_is_told_from_a_slow_one),
	    SICK(features_that_a_driver_leaves_out_are_told_with_their_cost),
	    SICK(memory_that_is_never_written_to_is_told),
	    SICK(mtus_are_compared_where_ports_share_a_vlan),
	    SICK(limits_that_are_reached_are_told),
	    SICK(other_versions_and_a_lost_connection_are_told),
	    SICK(where_open_vswitch_is_in_charge_swctld_is_not_missed),
	    SICK(findings_line_up_and_terminals_are_not_obeyed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
