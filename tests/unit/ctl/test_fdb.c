#include "ctl/swctld/fdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct eth_addr mac(unsigned n)
{
	return (struct eth_addr){
	    {0x52, 0x54, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static void a_station_is_learned_and_follows_its_moves(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 0);
	assert_true(fdb_learn(fdb, mac(1), 0, 5, 1000));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 5);
	assert_false(fdb_learn(fdb, mac(1), 0, 5, 2000));
	assert_true(fdb_learn(fdb, mac(1), 0, 6, 3000));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 6);
	fdb_destroy(fdb);
}

static void vlans_are_apart(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	assert_true(fdb_learn(fdb, mac(1), 10, 5, 1000));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 0);
	assert_true(fdb_learn(fdb, mac(1), 0, 6, 1000));
	assert_int_equal(fdb_lookup(fdb, mac(1), 10), 5);
	fdb_destroy(fdb);
}

static void no_station_has_a_multicast_or_zero_address(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	struct eth_addr bad[] = {{{0}},
				 {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
				 {{1, 0, 0x5e, 0, 0, 1}}};
	for (unsigned i = 0; i < 3; i++) {
		assert_false(fdb_learn(fdb, bad[i], 0, 5, 1000));
		assert_int_equal(fdb_lookup(fdb, bad[i], 0), 0);
	}
	fdb_destroy(fdb);
}

static void late_news_of_a_place_left_change_nothing(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	fdb_learn(fdb, mac(1), 0, 5, 1000);
	fdb_learn(fdb, mac(1), 0, 6, 3000);
	assert_false(fdb_learn(fdb, mac(1), 0, 5, 2000));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 6);
	fdb_destroy(fdb);
}

static void silence_forgets(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	fdb_learn(fdb, mac(1), 0, 5, 1000);
	fdb_learn(fdb, mac(2), 0, 5, 9000);
	fdb_learn(fdb, mac(3), 0, 5, 5000); // late, from counters
	assert_false(fdb_expire(fdb, 1000 + FDB_IDLE_MS - 1));
	assert_true(fdb_expire(fdb, 1000 + FDB_IDLE_MS));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 0);
	assert_true(fdb_expire(fdb, 5000 + FDB_IDLE_MS));
	assert_int_equal(fdb_lookup(fdb, mac(3), 0), 0);
	assert_int_equal(fdb_lookup(fdb, mac(2), 0), 5);
	fdb_learn(fdb, mac(2), 0, 5, 10000);
	assert_false(fdb_expire(fdb, 9000 + FDB_IDLE_MS));
	fdb_destroy(fdb);
}

static void a_port_that_goes_takes_its_stations_along(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	fdb_learn(fdb, mac(1), 0, 5, 1000);
	fdb_learn(fdb, mac(2), 7, 5, 1000);
	fdb_learn(fdb, mac(3), 0, 6, 1000);
	assert_true(fdb_forget_port(fdb, 5));
	assert_false(fdb_forget_port(fdb, 5));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 0);
	assert_int_equal(fdb_lookup(fdb, mac(2), 7), 0);
	assert_int_equal(fdb_lookup(fdb, mac(3), 0), 6);
	fdb_destroy(fdb);
}

static void a_full_table_forgets_the_least_recently_seen(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	for (unsigned i = 0; i < FDB_ENTRIES_MAX; i++)
		assert_true(fdb_learn(fdb, mac(i + 1), 0, 5, i));
	fdb_learn(fdb, mac(1), 0, 5, 100000); // seen again
	assert_true(fdb_learn(fdb, mac(70000), 0, 6, 100001));
	assert_int_equal(fdb_lookup(fdb, mac(1), 0), 5);
	assert_int_equal(fdb_lookup(fdb, mac(2), 0), 0);
	assert_int_equal(fdb_lookup(fdb, mac(3), 0), 5);
	unsigned n;
	struct fdb_entry *list = fdb_list(fdb, &n);
	assert_int_equal(n, FDB_ENTRIES_MAX);
	free(list);
	fdb_destroy(fdb);
}

static void a_port_that_floods_the_table_evicts_only_its_own(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	for (unsigned i = 0; i < 10; i++)
		assert_true(fdb_learn(fdb, mac(90000 + i), 0, 6, 1));
	for (unsigned i = 0; i < 3 * FDB_ENTRIES_MAX; i++)
		assert_true(fdb_learn(fdb, mac(i + 1), 0, 5, 1000 + i));
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(fdb_lookup(fdb, mac(90000 + i), 0), 6);
	// A newcomer elsewhere finds room.
	assert_true(fdb_learn(fdb, mac(95000), 0, 7, 99000));
	assert_int_equal(fdb_lookup(fdb, mac(95000), 0), 7);
	assert_int_equal(fdb_lookup(fdb, mac(3 * FDB_ENTRIES_MAX), 0), 5);
	// Stations that move count where they are.
	assert_true(fdb_learn(fdb, mac(90000), 0, 7, 99001));
	assert_true(fdb_forget_port(fdb, 5));
	assert_true(fdb_forget_port(fdb, 7));
	assert_int_equal(fdb_lookup(fdb, mac(90000), 0), 0);
	assert_int_equal(fdb_lookup(fdb, mac(90001), 0), 6);
	fdb_destroy(fdb);
}

static void the_list_is_in_order_of_vlan_and_mac(void **state)
{
	(void)state;
	struct fdb *fdb = fdb_create();
	unsigned n;
	struct fdb_entry *list = fdb_list(fdb, &n);
	assert_non_null(list);
	assert_int_equal(n, 0);
	free(list);
	fdb_learn(fdb, mac(2), 7, 1, 1);
	fdb_learn(fdb, mac(9), 0, 2, 2);
	fdb_learn(fdb, mac(1), 7, 3, 3);
	list = fdb_list(fdb, &n);
	assert_int_equal(n, 3);
	assert_int_equal(list[0].port, 2);
	assert_int_equal(list[1].port, 3);
	assert_int_equal(list[2].port, 1);
	assert_int_equal(list[1].used_ms, 3);
	free(list);
	fdb_destroy(fdb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_station_is_learned_and_follows_its_moves),
	    cmocka_unit_test(vlans_are_apart),
	    cmocka_unit_test(no_station_has_a_multicast_or_zero_address),
	    cmocka_unit_test(late_news_of_a_place_left_change_nothing),
	    cmocka_unit_test(silence_forgets),
	    cmocka_unit_test(a_port_that_goes_takes_its_stations_along),
	    cmocka_unit_test(a_full_table_forgets_the_least_recently_seen),
	    cmocka_unit_test(a_port_that_floods_the_table_evicts_only_its_own),
	    cmocka_unit_test(the_list_is_in_order_of_vlan_and_mac),
	};
	return cmocka_run_group_tests_name("fdb", tests, NULL, NULL);
}
