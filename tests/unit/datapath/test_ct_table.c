// The table of connections, its expiry, its limits and policies, at times that the test tells.
#include "datapath/ct_table.h"

#include "datapath/ct_bucket.h"
#include "datapath/ct_expire.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_timeout.h"

#include <rte_memory.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "tests/unit/flowtable/eal.h"

#define MAX	  1000u
#define NOW	  5000u
#define LIFE	  100u
#define ALL	  UINT32_MAX
#define PMD_INDEX 3

static struct rcu *rcu;

static int up(void **state)
{
	(void)state;
	rcu = rcu_create();
	ct_timeout_init(rcu);
	ct_limit_init();
	assert_int_equal(ct_table_init(rcu, MAX, SOCKET_ID_ANY), 0);
	return ct_table_prepare();
}

static int down(void **state)
{
	(void)state;
	ct_table_fini();
	ct_limit_fini();
	rcu_destroy(rcu);
	return 0;
}

static struct ct_key key_of(uint32_t n)
{
	return (struct ct_key){.src_v4_be = htonl(0x0a000000 + n),
			       .dst_v4_be = htonl(0x0a800001),
			       .src_port_be = htons(1000),
			       .dst_port_be = htons(53),
			       .zone = 7,
			       .proto = IPPROTO_UDP,
			       .dp = 2};
}

static struct ct_conn *fresh(const struct ct_key *key, bool with_ext)
{
	struct ct_conn *conn = ct_conn_get(PMD_INDEX, with_ext);

	if (!conn)
		return NULL;
	conn->key = *key;
	conn->hash = ct_key_hash(key);
	conn->expires = NOW + LIFE;
	if (with_ext)
		ct_key_reverse(&conn->ext->reply, key);
	return conn;
}

static struct ct_conn *add(uint32_t n)
{
	struct ct_key key = key_of(n);
	struct ct_conn *conn = fresh(&key, false);

	assert_non_null(conn);
	assert_int_equal(ct_table_insert(PMD_INDEX, conn, NOW), 0);
	return conn;
}

static struct ct_found look_at(const struct ct_key *key, uint32_t now)
{
	return ct_table_find(key, ct_key_hash(key), now);
}

static struct ct_found look(uint32_t n, uint32_t now)
{
	struct ct_key key = key_of(n);

	return look_at(&key, now);
}

static void is_found_in_both_directions(void **state)
{
	struct ct_conn *conn = add(1);
	struct ct_key key = key_of(1), answer;
	struct ct_found found = look(1, NOW);

	(void)state;
	assert_ptr_equal(found.conn, conn);
	assert_int_equal(found.dir, CT_ORIG);
	ct_key_reverse(&answer, &key);
	assert_int_equal(ct_key_hash(&answer), ct_key_hash(&key));
	found = look_at(&answer, NOW);
	assert_ptr_equal(found.conn, conn);
	assert_int_equal(found.dir, CT_REPLY);
	assert_null(look(2, NOW).conn);
}

static void zones_and_datapaths_do_not_meet(void **state)
{
	struct ct_key key = key_of(1);

	(void)state;
	add(1);
	key.zone++;
	assert_null(look_at(&key, NOW).conn);
	key = key_of(1);
	key.dp++;
	assert_null(look_at(&key, NOW).conn);
	key = key_of(1);
	key.is_v6 = 1;
	assert_null(look_at(&key, NOW).conn);
}

static void a_query_and_its_answer_are_one_connection(void **state)
{
	struct ct_key key = key_of(1), answer, other;
	struct ct_conn *conn;

	(void)state;
	key.proto = IPPROTO_ICMP;
	key.src_port_be = htons(0x0800); // an identifier that looks like a type
	key.dst_port_be = htons(CT_ICMP(8, 0));
	conn = fresh(&key, false);
	assert_int_equal(ct_table_insert(PMD_INDEX, conn, NOW), 0);
	ct_key_reverse(&answer, &key);
	assert_int_equal(answer.dst_port_be, htons(CT_ICMP(0, 0)));
	assert_int_equal(answer.src_port_be, key.src_port_be);
	assert_int_equal(look_at(&answer, NOW).dir, CT_REPLY);
	other = key; // a query from the other end
	other.src_v4_be = key.dst_v4_be;
	other.dst_v4_be = key.src_v4_be;
	assert_null(look_at(&other, NOW).conn);
}

static void a_translated_one_is_found_by_its_reply_tuple_only(void **state)
{
	struct ct_key key = key_of(1), answer, plain_answer;
	struct ct_conn *conn = fresh(&key, true), *second, *third;

	(void)state;
	conn->ext->reply.dst_v4_be = htonl(0xc0000201);
	conn->ext->nat = CT_NAT_SRC;
	assert_int_equal(ct_table_insert(PMD_INDEX, conn, NOW), 0);
	answer = conn->ext->reply;
	assert_int_equal(look_at(&key, NOW).dir, CT_ORIG);
	assert_ptr_equal(look_at(&answer, NOW).conn, conn);
	assert_int_equal(look_at(&answer, NOW).dir, CT_REPLY);
	ct_key_reverse(&plain_answer, &key);
	assert_null(look_at(&plain_answer, NOW).conn);
	// Its reply tuple is nobody else's.
	key = key_of(2);
	second = fresh(&key, true);
	second->ext->reply = answer;
	assert_int_equal(ct_table_insert(PMD_INDEX, second, NOW), -EADDRINUSE);
	// Not even of one that NAT would let be as it is.
	ct_key_reverse(&key, &answer);
	third = fresh(&key, true);
	third->ext->nat = CT_NAT_SRC;
	assert_int_equal(ct_table_insert(PMD_INDEX, third, NOW), -EADDRINUSE);
	second->ext->reply.dst_port_be++;
	assert_int_equal(ct_table_insert(PMD_INDEX, second, NOW), 0);
	assert_true(ct_table_remove(conn, NOW));
	assert_null(look_at(&answer, NOW).conn);
	assert_null(look(1, NOW).conn);
	assert_non_null(look(2, NOW).conn);
}

static void one_tuple_has_one_connection(void **state)
{
	struct ct_key key = key_of(1), answer;
	struct ct_conn *conn = fresh(&key, false);

	(void)state;
	add(1);
	assert_int_equal(ct_table_insert(PMD_INDEX, conn, NOW), -EEXIST);
	ct_key_reverse(&answer, &key);
	conn->key = answer;
	assert_int_equal(ct_table_insert(PMD_INDEX, conn, NOW), -EEXIST);
	ct_conn_put(PMD_INDEX, conn);
	assert_int_equal(ct_table_count(2), 1);
}

static void an_expired_one_is_not_found_and_makes_room(void **state)
{
	struct ct_conn *conn = add(1), *second;
	struct ct_key key = key_of(1);

	(void)state;
	assert_non_null(look(1, NOW + LIFE - 1).conn);
	assert_null(look(1, NOW + LIFE).conn);
	second = fresh(&key, false);
	second->expires = NOW + 2 * LIFE;
	assert_int_equal(ct_table_insert(PMD_INDEX, second, NOW + LIFE), 0);
	assert_ptr_equal(look(1, NOW + LIFE).conn, second);
	assert_int_equal(ct_expire_sweep(NOW + LIFE, ALL, ALL), 1);
	assert_true(conn->flags & CT_REMOVED);
	assert_ptr_equal(look(1, NOW + LIFE).conn, second);
}

// All that was counted down comes back.
static void slots_come_back_after_a_grace_period(void **state)
{
	int reader = rcu_reader_add(rcu);
	struct ct_key key = key_of(MAX);

	(void)state;
	rcu_online(rcu, reader);
	for (uint32_t i = 0; i < MAX; i++)
		add(i);
	assert_null(fresh(&key, false));
	assert_int_equal(ct_table_count(2), MAX);
	assert_int_equal(ct_expire_sweep(NOW + LIFE, ALL, ALL), MAX);
	assert_int_equal(ct_table_count(2), 0);
	rcu_reclaim(rcu);
	assert_null(fresh(&key, false)); // the reader may still look at one
	rcu_quiescent(rcu, reader);
	rcu_reclaim(rcu);
	for (uint32_t i = 0; i < MAX; i++)
		add(i);
	rcu_offline(rcu, reader);
	rcu_reader_del(rcu, reader);
}

static void a_sweep_is_bounded_and_goes_on_where_it_ended(void **state)
{
	unsigned gone = 0;

	(void)state;
	for (uint32_t i = 0; i < MAX; i++)
		add(i);
	assert_int_equal(ct_expire_sweep(NOW + LIFE, ALL, 10), 10);
	assert_true(ct_expire_sweep(NOW + LIFE, 100, ALL) <= 100);
	for (unsigned i = 0; i < 11; i++)
		gone += ct_expire_sweep(NOW + LIFE, 100, ALL);
	for (uint32_t i = 0; i < MAX; i++)
		assert_null(look(i, NOW).conn);
	(void)gone;
}

static void what_lives_on_is_looked_at_again_later(void **state)
{
	struct ct_conn *conn = add(1);

	(void)state;
	conn->expires = NOW + 3 * LIFE; // a packet came: nothing else is told
	assert_int_equal(ct_expire_sweep(NOW + LIFE, ALL, ALL), 0);
	assert_int_equal(ct_expire_sweep(NOW + 3 * LIFE - 1, ALL, ALL), 0);
	assert_int_equal(ct_expire_sweep(NOW + 3 * LIFE, ALL, ALL), 1);
}

static void a_life_that_is_cut_short_ends_soon(void **state)
{
	struct ct_conn *conn = add(1);

	(void)state;
	ct_timeout_changed(conn, CT_TIMEOUT_TCP_ESTABLISHED, NOW + 100000);
	ct_expire_sweep(NOW + LIFE, ALL, ALL); // now it is to be looked at far in the future
	ct_timeout_changed(conn, CT_TIMEOUT_TCP_CLOSE, NOW + 2 * LIFE);
	assert_int_equal(ct_expire_sweep(NOW + 2 * LIFE, ALL, ALL), 1);
}

static void who_removes_twice_removes_once(void **state)
{
	struct ct_conn *conn = add(1);

	(void)state;
	assert_true(ct_table_remove(conn, NOW));
	assert_false(ct_table_remove(conn, NOW));
	assert_int_equal(ct_expire_sweep(NOW, ALL, ALL), 1);
	assert_int_equal(ct_expire_sweep(NOW, ALL, ALL), 0);
	rcu_reclaim(rcu);
	assert_int_equal(ct_table_count(2), 0);
	assert_null(ct_table_slot(conn->id));
}

#define BUCKETS	  256u // of MAX connections: a power of two, four places a connection at least
#define OVERFLOWS 64u  // buckets a round, each with more connections than it has places

// Whichever buckets overflow, one after the other: what is chained behind them serves all.
static void buckets_that_overflow_in_turn_do_not_use_the_table_up(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 4 * BUCKETS / OVERFLOWS; round++) {
		uint32_t n_in[BUCKETS] = {0}, n_full = 0;

		for (uint32_t n = 0; n_full < OVERFLOWS; n++) {
			struct ct_key key = key_of(n);
			uint32_t at = ct_key_hash(&key) % BUCKETS;

			if (at / OVERFLOWS != round % (BUCKETS / OVERFLOWS) || n_in[at] > CT_PLACES)
				continue;
			add(n);
			n_full += ++n_in[at] > CT_PLACES;
		}
		ct_expire_sweep(NOW + LIFE, ALL, ALL);
		rcu_reclaim(rcu);
		ct_table_grow();
		rcu_reclaim(rcu);
	}
}

static enum ct_refusal enter(uint32_t n)
{
	struct ct_key key = key_of(n);
	struct ct_conn *conn = fresh(&key, false);
	enum ct_refusal refusal = ct_limit_enter(PMD_INDEX, conn);

	if (refusal == CT_ADMITTED)
		assert_int_equal(ct_table_insert(PMD_INDEX, conn, NOW), 0);
	else
		ct_conn_put(PMD_INDEX, conn);
	return refusal;
}

static uint32_t zone_count(int32_t zone)
{
	uint32_t limit, n;

	ct_limit_get(2, zone, &limit, &n);
	return n;
}

static void a_zone_has_no_more_than_its_limit(void **state)
{
	(void)state;
	assert_int_equal(enter(0), CT_ADMITTED); // before there is a limit: counted all the same
	assert_int_equal(ct_limit_set(2, 7, 3), 0);
	ct_limit_count(2);
	ct_limit_count(2); // once all the same
	assert_int_equal(zone_count(7), 1);
	assert_int_equal(enter(1), CT_ADMITTED);
	assert_int_equal(enter(2), CT_ADMITTED);
	assert_int_equal(enter(3), CT_ZONE_FULL);
	assert_int_equal(zone_count(7), 3);
	ct_table_remove(look(1, NOW).conn, NOW);
	assert_int_equal(zone_count(7), 2);
	assert_int_equal(enter(3), CT_ADMITTED);
	ct_limit_del(2, 7);
	assert_int_equal(enter(4), CT_ADMITTED);
}

static void zones_without_a_limit_have_the_default_one(void **state)
{
	uint32_t limit, n;

	(void)state;
	assert_int_equal(ct_limit_set(2, -1, 1), 0);
	assert_int_equal(enter(1), CT_ADMITTED);
	assert_int_equal(enter(2), CT_ZONE_FULL);
	assert_int_equal(ct_limit_set(2, 7, 2), 0);
	assert_int_equal(enter(2), CT_ADMITTED);
	assert_int_equal(enter(3), CT_ZONE_FULL);
	ct_limit_del(2, 7);
	assert_false(ct_limit_get(2, 7, &limit, &n));
	assert_int_equal(limit, 1);
	assert_int_equal(n, 2);
}

static void a_datapath_has_no_more_than_its_limit(void **state)
{
	(void)state;
	ct_limit_set_dp(2, 2);
	assert_int_equal(enter(1), CT_ADMITTED);
	assert_int_equal(enter(2), CT_ADMITTED);
	assert_int_equal(enter(3), CT_DP_FULL);
	ct_limit_set_dp(2, CT_UNLIMITED);
	assert_int_equal(enter(3), CT_ADMITTED);
	// Not counted each time, and exact all the same.
	ct_limit_set_dp(2, 900);
	for (uint32_t n = 4; n <= 900; n++)
		assert_int_equal(enter(n), CT_ADMITTED);
	assert_int_equal(enter(901), CT_DP_FULL);
	ct_limit_set_dp(2, 100000);
	assert_int_equal(enter(901), CT_ADMITTED);
	ct_limit_set_dp(2, 901); // whatever was left of the limit before
	assert_int_equal(enter(902), CT_DP_FULL);
	ct_limit_set_dp(2, 990);
	assert_int_equal(enter(902), CT_ADMITTED);
	ct_limit_set_dp(2, CT_UNLIMITED);
	for (uint32_t n = 903; n <= 990; n++)
		assert_int_equal(enter(n), CT_ADMITTED);
	ct_limit_set_dp(2, 990);
	assert_int_equal(enter(991), CT_DP_FULL);
}

static void policies_are_each_datapaths_own(void **state)
{
	struct ct_policy policy = {.id = 9, .present = 1 << CT_TIMEOUT_UDP_FIRST}, got;
	uint32_t cursor = 0;

	(void)state;
	policy.seconds[CT_TIMEOUT_UDP_FIRST] = 5;
	assert_int_equal(ct_timeout_index(2, 9), 2);
	assert_int_equal(ct_timeout_set(2, &policy), 0);
	assert_int_not_equal(ct_timeout_index(2, 9), 2);
	assert_int_equal(ct_timeout_index(3, 9), 3);
	assert_true(ct_timeout_get(2, 9, &got));
	assert_int_equal(got.seconds[CT_TIMEOUT_UDP_FIRST], 5);
	assert_int_equal(got.seconds[CT_TIMEOUT_ICMP_REPLY], 30);
	assert_true(ct_timeout_next(2, &cursor, &got));
	assert_int_equal(got.id, 0);
	assert_true(ct_timeout_next(2, &cursor, &got));
	assert_int_equal(got.id, 9);
	assert_false(ct_timeout_next(2, &cursor, &got));
	policy.seconds[CT_TIMEOUT_UDP_FIRST] = UINT32_MAX;
	assert_int_equal(ct_timeout_set(2, &policy), -EINVAL);
}

static void connections_of_a_deleted_policy_get_the_default_one(void **state)
{
	struct ct_policy policy = {.id = 9};
	struct ct_conn *conn = add(1);
	uint16_t index;

	(void)state;
	assert_int_equal(ct_timeout_set(2, &policy), 0);
	index = ct_timeout_index(2, 9);
	conn->policy = index;
	assert_int_equal(ct_timeout_del(2, 9), 0);
	assert_int_equal(ct_timeout_del(2, 9), -ENOENT);
	rcu_reclaim(rcu);
	ct_timeout_settle();
	assert_int_equal(conn->policy, 2);
	assert_int_equal(ct_timeout_set(3, &policy), 0); // its row is used again
	assert_int_equal(ct_timeout_index(3, 9), index);
}

// Two PMDs that insert the same tuples, one that removes them, a reader that looks them up.

#define RACERS 3
#define ROUNDS 20000u
#define TUPLES 64u

static bool race_over;

struct racer {
	pthread_t thread;
	unsigned pmd_index;
	int reader;
	uint64_t inserted;
};

static void race_insert(struct racer *racer, uint32_t n)
{
	struct ct_key key = key_of(n);
	struct ct_conn *conn = ct_conn_get(racer->pmd_index, n % 2);

	if (!conn)
		return;
	conn->key = key;
	conn->hash = ct_key_hash(&key);
	conn->expires = NOW + LIFE;
	if (n % 2) {
		ct_key_reverse(&conn->ext->reply, &key);
		conn->ext->reply.dst_v4_be = htonl(0xc0000200 + n);
	}
	if (ct_table_insert(racer->pmd_index, conn, NOW) == 0)
		racer->inserted++;
	else
		ct_conn_put(racer->pmd_index, conn);
}

static void *race(void *arg)
{
	struct racer *racer = arg;

	rcu_online(rcu, racer->reader);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t n = (i * 7 + racer->pmd_index) % TUPLES;
		struct ct_found found = look(n, NOW);
		struct ct_key key = key_of(n);

		if (!found.conn)
			race_insert(racer, n);
		else if (!ct_key_equal(&found.conn->key, &key))
			abort(); // it was used anew while we looked
		else if (i % 3 == 0)
			ct_table_remove(found.conn, NOW);
		rcu_quiescent(rcu, racer->reader);
	}
	rcu_offline(rcu, racer->reader);
	__atomic_store_n(&race_over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void threads_leave_each_tuple_at_most_one_connection(void **state)
{
	struct racer racers[RACERS];
	uint64_t gone = 0, inserted = 0, left = 0;

	(void)state;
	race_over = false;
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){.pmd_index = i, .reader = rcu_reader_add(rcu)};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	while (!__atomic_load_n(&race_over, __ATOMIC_ACQUIRE)) {
		gone += ct_expire_sweep(NOW, ALL, ALL);
		rcu_reclaim(rcu);
	}
	for (unsigned i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		rcu_reader_del(rcu, racers[i].reader);
		inserted += racers[i].inserted;
	}
	gone += ct_expire_sweep(NOW, ALL, ALL);
	for (uint32_t id = 0; id < ct_table_slots(); id++) {
		struct ct_conn *conn = ct_table_slot(id);

		left += conn && !ct_conn_is_removed(conn);
	}
	assert_int_equal(inserted, gone + left);
	assert_true(left <= TUPLES);
	for (uint32_t n = 0; n < TUPLES; n++) {
		struct ct_found found = look(n, NOW);

		if (found.conn)
			assert_true(ct_table_remove(found.conn, NOW));
		assert_null(look(n, NOW).conn); // there is no second one behind it
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(is_found_in_both_directions),
	    TEST(zones_and_datapaths_do_not_meet),
	    TEST(a_query_and_its_answer_are_one_connection),
	    TEST(a_translated_one_is_found_by_its_reply_tuple_only),
	    TEST(one_tuple_has_one_connection),
	    TEST(an_expired_one_is_not_found_and_makes_room),
	    TEST(slots_come_back_after_a_grace_period),
	    TEST(a_sweep_is_bounded_and_goes_on_where_it_ended),
	    TEST(what_lives_on_is_looked_at_again_later),
	    TEST(a_life_that_is_cut_short_ends_soon),
	    TEST(who_removes_twice_removes_once),
	    TEST(buckets_that_overflow_in_turn_do_not_use_the_table_up),
	    TEST(a_zone_has_no_more_than_its_limit),
	    TEST(zones_without_a_limit_have_the_default_one),
	    TEST(a_datapath_has_no_more_than_its_limit),
	    TEST(policies_are_each_datapaths_own),
	    TEST(connections_of_a_deleted_policy_get_the_default_one),
	    TEST(threads_leave_each_tuple_at_most_one_connection),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
