// Which megaflows a change concerns.
#include "ctl/swctld/changes.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct changes changes;

static int setup(void **state)
{
	(void)state;
	changes_init(&changes);
	return 0;
}

// A megaflow of IPv4 packets of port 1 to TCP port 80, looked up in tables 0 and 5.
static struct flow_match megaflow;
static struct dependences on;

static void make_megaflow(void)
{
	memset(&megaflow, 0, sizeof(megaflow));
	memset(&on, 0, sizeof(on));
	megaflow.mask.in_port = UINT32_MAX;
	megaflow.key.in_port = 1;
	megaflow.mask.eth_type_be = UINT16_MAX;
	megaflow.key.eth_type_be = htons(0x0800);
	megaflow.mask.nw_proto = UINT8_MAX;
	megaflow.key.nw_proto = 6;
	megaflow.mask.tp_dst_be = UINT16_MAX;
	megaflow.key.tp_dst_be = htons(80);
	on.tables[0] = 1 << 0 | 1 << 5;
}

static bool concerns(uint64_t gen)
{
	return changes_concern(&changes, gen, &megaflow, &on);
}

static void tell(struct rules_change *what, uint8_t table, const char *match)
{
	struct of_error error;
	struct rules_told *told = &what->told[what->n_told % RULES_TOLD_MAX];
	what->tables[table / 64] |= 1ull << table % 64;
	if (what->n_told++ >= RULES_TOLD_MAX)
		return;
	told->table = table;
	assert_int_equal(of_match_parse(&told->match, match, NULL, &error), 0);
}

static void change_rule(uint8_t table, const char *match)
{
	struct rules_change what = {0};
	tell(&what, table, match);
	changes_rules(&changes, &what);
}

static void a_change_concerns_what_was_right_before_it(void **state)
{
	(void)state;
	make_megaflow();
	uint64_t before = changes.gen;
	assert_false(concerns(before));
	changes_all(&changes);
	assert_true(changes.gen > before);
	assert_true(concerns(before));
	assert_true(concerns(0)); // of a time before ours
	assert_false(concerns(changes.gen));
}

static void a_rule_in_a_table_that_was_not_visited_does_not(void **state)
{
	(void)state;
	make_megaflow();
	uint64_t before = changes.gen;
	change_rule(1, "tcp");
	assert_false(concerns(before));
	change_rule(69, "tcp"); // 64 from table 5
	assert_false(concerns(before));
	change_rule(5, "tcp");
	assert_true(concerns(before));
}

static void a_rule_that_cannot_meet_the_packets_does_not(void **state)
{
	(void)state;
	static const char *const others[] = {"udp", "in_port=2",	  "tcp,tp_dst=81",
					     "arp", "tcp,tp_dst=0x1/0x1", "tcp6"};
	static const char *const meet[] = {"",
					   "ip",
					   "tcp,tp_dst=80",
					   "tcp,tp_src=5",
					   "reg0=7",
					   "dl_src=52:54:00:00:00:01",
					   "tcp,tp_dst=0x50/0xf0"};
	make_megaflow();
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint64_t before = changes.gen;
		change_rule(0, others[i]);
		assert_false(concerns(before));
	}
	for (unsigned i = 0; i < sizeof(meet) / sizeof(meet[0]); i++) {
		uint64_t before = changes.gen;
		change_rule(0, meet[i]);
		assert_true(concerns(before));
	}
}

// Tables saw other bits than the packet came with.
static void any_rule_of_a_visited_table_concerns_a_packet_that_was_edited(void **state)
{
	(void)state;
	make_megaflow();
	on.edited = true;
	uint64_t before = changes.gen;
	change_rule(1, "udp");
	assert_false(concerns(before));
	change_rule(5, "udp");
	assert_true(concerns(before));
}

static void groups_and_links_concern_who_asked_for_them(void **state)
{
	(void)state;
	struct rules_change what = {.groups = {.modified = 1}};
	make_megaflow();
	uint64_t before = changes.gen;
	changes_groups(&changes);
	assert_false(concerns(before));
	on.groups = true;
	assert_true(concerns(before));
	before = changes.gen;
	changes_rules(&changes, &what);
	assert_true(concerns(before));
	on.groups = false;
	assert_false(concerns(before));
}

static void learned_addresses_concern_who_asked_for_them(void **state)
{
	(void)state;
	make_megaflow();
	uint64_t before = changes.gen;
	changes_macs(&changes);
	assert_false(concerns(before));
	on.macs = true;
	assert_true(concerns(before));
}

// More rules than are told one by one: all that visited the table.
static void many_rules_concern_all_of_their_tables(void **state)
{
	(void)state;
	struct rules_change what = {0};
	make_megaflow();
	uint64_t before = changes.gen;
	for (unsigned i = 0; i < RULES_TOLD_MAX; i++)
		tell(&what, 0, "udp");
	changes_rules(&changes, &what);
	assert_false(concerns(before));
	tell(&what, 0, "udp");
	changes_rules(&changes, &what);
	assert_true(concerns(before));
	on.tables[0] = 1 << 5;
	assert_false(concerns(before));
}

// A rule that is forgotten may have been one that meets.
static void rules_that_are_forgotten_concern_all_of_changed_tables(void **state)
{
	(void)state;
	make_megaflow();
	uint64_t before = changes.gen;
	for (unsigned i = 0; i < CHANGES_TOLD_MAX; i++)
		change_rule(0, "udp");
	assert_false(concerns(before));
	change_rule(0, "udp");
	assert_true(concerns(before));
	assert_false(concerns(before + 1)); // it saw the one that is forgotten
	on.tables[0] = 1 << 5;
	assert_false(concerns(before));
}

static void the_ring_keeps_the_last_rules(void **state)
{
	(void)state;
	make_megaflow();
	for (unsigned i = 0; i < 3 * CHANGES_TOLD_MAX / 2; i++)
		change_rule(0, "udp");
	uint64_t before = changes.gen;
	for (unsigned i = 0; i < CHANGES_TOLD_MAX / 2; i++)
		change_rule(0, i == 7 ? "tcp" : "udp");
	assert_true(concerns(before));
	assert_true(concerns(before + 7));
	assert_false(concerns(before + 8));
}

static void a_change_of_nothing_concerns_nobody(void **state)
{
	(void)state;
	struct rules_change what = {0};
	make_megaflow();
	on.groups = on.macs = on.edited = true;
	uint64_t before = changes.gen;
	changes_rules(&changes, &what);
	assert_false(concerns(before));
}

#define CHANGES_TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CHANGES_TEST(a_change_concerns_what_was_right_before_it),
	    CHANGES_TEST(a_rule_in_a_table_that_was_not_visited_does_not),
	    CHANGES_TEST(a_rule_that_cannot_meet_the_packets_does_not),
	    CHANGES_TEST(any_rule_of_a_visited_table_concerns_a_packet_that_was_edited),
	    CHANGES_TEST(groups_and_links_concern_who_asked_for_them),
	    CHANGES_TEST(learned_addresses_concern_who_asked_for_them),
	    CHANGES_TEST(many_rules_concern_all_of_their_tables),
	    CHANGES_TEST(rules_that_are_forgotten_concern_all_of_changed_tables),
	    CHANGES_TEST(the_ring_keeps_the_last_rules),
	    CHANGES_TEST(a_change_of_nothing_concerns_nobody),
	};
	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
