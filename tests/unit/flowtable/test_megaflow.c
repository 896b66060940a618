#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "flowtable/flow_table.h"
#include "flowtable/key_words.h"
#include "table.h"

static void added_flow_is_looked_up_by_every_key_that_its_mask_allows(void **state)
{
	struct fixture *f = *state;
	static const uint16_t variants[] = {0x0001, 0x8001};

	for (unsigned i = 0; i < 2; i++) {
		struct megaflow *mf = add_flow(f, 5, variants[i]);
		struct flow_match m = flow_match_of(5, variants[i]);

		assert_ptr_equal(lookup_one(f, &m.key), mf);
		m.key.tp_dst_be ^= 0xffff; // outside the mask
		m.key.tp_src_be ^= 0x0ff0;
		m.key.ipv6_dst.b[15] ^= 1;
		assert_ptr_equal(lookup_one(f, &m.key), mf);
		m.key.ipv6_dst.b[0] ^= 1; // in the mask of the second only
		assert_ptr_equal(lookup_one(f, &m.key), i == 0 ? mf : NULL);
		m.key.ipv6_dst.b[0] ^= 1;
		m.key.ip_dst_be ^= 1;
		assert_null(lookup_one(f, &m.key));
		flow_table_del(f->table, mf, NULL);
	}
}

static void key_is_masked_on_adding(void **state)
{
	struct fixture *f = *state;
	struct flow_match m = flow_match_of(5, 1);
	struct megaflow *mf = add_flow(f, 5, 1);
	struct flow_key masked;
	struct flow_match got;

	flow_key_mask(&masked, &m.key, &m.mask);
	assert_false(flow_key_equal(&masked, &m.key));
	megaflow_match(mf, &got);
	assert_memory_equal(&got.key, &masked, sizeof(masked));
	assert_memory_equal(&got.mask, &m.mask, sizeof(m.mask));
}

// A flow that looks at these lines has its own, and gives them back.
static void cold_lines_are_kept_where_the_mask_has_them(void **state)
{
	static const size_t at[] = {offsetof(struct flow_key, ct.label) + 15,
				    offsetof(struct flow_key, pkt_mark),
				    offsetof(struct flow_key, tun.id_be) + 7,
				    offsetof(struct flow_key, skb_priority),
				    offsetof(struct flow_key, tun_opts) + FLOW_TUN_OPTS_MAX - 1};
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct flow_match m = flow_match_of(5, 1), got;
		struct megaflow *mf, *other;

		((uint8_t *)&m.mask)[at[i]] = 0xf0;
		((uint8_t *)&m.key)[at[i]] = 0x12;
		assert_int_equal(flow_table_add(f->table, &m, output_to(1), &mf), 0);
		assert_non_null(mf->cold);
		megaflow_match(mf, &got);
		assert_int_equal(((uint8_t *)&got.key)[at[i]], 0x10);
		assert_true(flow_key_equal(&got.mask, &m.mask));
		assert_ptr_equal(flow_table_find(f->table, &m), mf);
		((uint8_t *)&m.key)[at[i]] = 0x22;
		assert_null(flow_table_find(f->table, &m));
		assert_int_equal(flow_table_add(f->table, &m, output_to(2), &other), 0);
		flow_table_del(f->table, other, NULL);
		flow_table_del(f->table, mf, NULL);
	}
	assert_null(add_flow(f, 5, 1)->cold);
}

static void same_masked_key_and_mask_is_refused(void **state)
{
	struct fixture *f = *state;
	struct flow_match m = flow_match_of(5, 1);
	struct megaflow *mf = add_flow(f, 5, 1), *none = NULL;

	m.key.tp_dst_be ^= 0xffff; // outside the mask
	assert_int_equal(flow_table_add(f->table, &m, output_to(6), &none), -EEXIST);
	assert_null(none);
	assert_int_equal(flow_table_n_flows(f->table), 1);
	assert_ptr_equal(flow_table_find(f->table, &m), mf);
	m.mask.tp_dst_be = 0xffff; // another mask
	assert_null(flow_table_find(f->table, &m));
	assert_int_equal(flow_table_add(f->table, &m, output_to(6), NULL), 0);
	assert_int_equal(flow_table_n_flows(f->table), 2);
	assert_int_equal(flow_table_n_masks(f->table), 2);
}

static void deleted_flow_is_dead_at_once_and_its_slot_waits(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 5, 1);
	struct flow_match m = flow_match_of(5, 1), got;
	uint32_t seq = mf->seq;

	assert_true(megaflow_alive(mf, seq));
	flow_table_del(f->table, mf, NULL);
	assert_false(megaflow_alive(mf, seq));
	assert_null(lookup_one(f, &m.key));
	assert_null(flow_table_find(f->table, &m));
	assert_int_equal(flow_table_n_flows(f->table), 0);

	// The reader still may hold it: contents and actions stand, and the slot is not used again.
	assert_int_equal(rcu_reclaim(f->rcu) > 0, 1);
	assert_ptr_not_equal(add_flow(f, 6, 1), mf);
	assert_int_equal(megaflow_actions(mf)->list[0].u.port, 5);
	megaflow_match(mf, &got);
	assert_true(got.key.ip_dst_be == 5);

	grace_period(f);
	assert_ptr_equal(add_flow(f, 7, 1), mf);
	assert_false(megaflow_alive(mf, seq));
	assert_false(megaflow_alive(mf, seq + 1));
	assert_true(megaflow_alive(mf, seq + 2));
}

static void replaced_actions_live_on_for_who_holds_them(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 5, 1);
	const struct flow_actions *old = megaflow_actions(mf);
	uint32_t seq = mf->seq;

	flow_table_set_actions(f->table, mf, output_to(9));
	assert_int_equal(rcu_reclaim(f->rcu) > 0, 1);
	assert_int_equal(old->list[0].u.port, 5);
	assert_int_equal(megaflow_actions(mf)->list[0].u.port, 9);
	assert_true(megaflow_alive(mf, seq));
	grace_period(f);
}

static void equal_actions_are_one_list(void **state)
{
	struct fixture *f = *state;
	struct megaflow *a = add_flow(f, 1, 1), *b = add_flow(f, 2, 1);
	const struct flow_actions *first = megaflow_actions(a);

	assert_ptr_not_equal(megaflow_actions(b), first);
	flow_table_set_actions(f->table, b, output_to(1));
	assert_ptr_equal(megaflow_actions(b), first);
	flow_table_set_actions(f->table, a, output_to(3));
	flow_table_del(f->table, a, NULL);
	grace_period(f);
	assert_ptr_equal(megaflow_actions(b), first); // still b's
	assert_int_equal(first->list[0].u.port, 1);
	flow_table_del(f->table, b, NULL);
	grace_period(f);
	assert_null(f->table->actions.table);
}

static void iteration_is_in_id_order_and_bears_changes(void **state)
{
	struct fixture *f = *state;
	struct megaflow *flows[10], *mf;
	uint32_t cursor = 0;

	assert_null(flow_table_next(f->table, &cursor));
	for (uint32_t i = 0; i < 10; i++) {
		flows[i] = add_flow(f, i, (uint16_t)(1 + i % 3));
		assert_int_equal(flows[i]->id, i);
	}
	flow_table_del(f->table, flows[4], NULL);
	for (uint32_t i = 0; i < 10; i++) {
		if (i == 4)
			continue;
		assert_ptr_equal(flow_table_next(f->table, &cursor), flows[i]);
		flow_table_del(f->table, flows[i], NULL);
	}
	mf = add_flow(f, 100, 1);
	assert_int_equal(mf->id, 10);
	assert_ptr_equal(flow_table_next(f->table, &cursor), mf);
	assert_null(flow_table_next(f->table, &cursor));
}

static void grows_to_200000_flows_and_back(void **state)
{
	enum { N = 200000 };
	struct fixture *f = *state;
	struct flow_table_memory empty, full, emptied;
	struct flow_counters *counters = flow_counters_create(f->table, SOCKET_ID_ANY);
	uint32_t cursor = 0, n = 0;
	struct megaflow *mf;

	assert_non_null(counters);
	flow_table_memory(f->table, &empty);
	for (uint32_t i = 0; i < N; i++) {
		add_flow(f, i, 1);
		if (i % 1000 == 0)
			grace_period(f);
	}
	assert_int_equal(flow_table_n_flows(f->table), N);
	assert_int_equal(flow_table_n_masks(f->table), 1);
	for (uint32_t i = 0; i < N; i++) {
		struct flow_match m = flow_match_of(i, 1);

		mf = lookup_one(f, &m.key);
		assert_non_null(mf);
		assert_int_equal(megaflow_actions(mf)->list[0].u.port, i);
	}
	grace_period(f);
	flow_table_memory(f->table, &full);
	assert_in_range(full.slab_bytes - empty.slab_bytes, N * sizeof(struct megaflow), N * 400);
	assert_in_range(full.bucket_bytes - empty.bucket_bytes, N * 12, N * 48);
	assert_in_range(full.counter_bytes - empty.counter_bytes, N * 24, N * 40);

	while ((mf = flow_table_next(f->table, &cursor))) {
		flow_table_del(f->table, mf, NULL);
		n++;
	}
	assert_int_equal(n, N);
	grace_period(f);
	flow_table_memory(f->table, &emptied);
	assert_int_equal(emptied.bucket_bytes, empty.bucket_bytes);
	assert_int_equal(emptied.slab_bytes, full.slab_bytes); // type-stable
	assert_int_equal(flow_table_n_masks(f->table), 0);
}

// As many flows come as go, for long: what deleted entries leave behind (overflow counts, say) does
// not add up.
static void churn_leaves_nothing_behind(void **state)
{
	enum { N = 1000, TURNS = 60 };
	struct fixture *f = *state;
	static struct megaflow *flows[N];

	for (uint32_t turn = 0; turn < TURNS; turn++) {
		for (uint32_t i = 0; i < N; i++) {
			if (turn > 0)
				flow_table_del(f->table, flows[i], NULL);
			flows[i] = add_flow(f, turn * N + i, 1);
		}
		grace_period(f);
	}
	for (uint32_t i = 0; i < N; i++) {
		struct flow_match m = flow_match_of((TURNS - 1) * N + i, 1);

		assert_ptr_equal(lookup_one(f, &m.key), flows[i]);
		if (i > 0) // so that the subtable stays
			flow_table_del(f->table, flows[i], NULL);
	}

	const struct bucket_array *a = f->table->by_id[0]->array;
	uint32_t n_overflow = 0, displaced = UINT32_MAX;

	// What is left is the one flow, which may stand some buckets behind its own.
	for (uint32_t i = 0; i <= a->mask; i++) {
		n_overflow += a->buckets[i].overflow;
		for (unsigned e = 0; e < BUCKET_ENTRIES; e++)
			if (a->buckets[i].mf[e] == flows[0])
				displaced = (i - flows[0]->hash) & a->mask;
	}
	assert_int_equal(n_overflow, displaced);
}

static void limit_of_flows_is_kept_and_freed_slots_come_back(void **state)
{
	struct fixture *f = *state;
	struct flow_table *small = flow_table_create(f->rcu, 3, SOCKET_ID_ANY);
	struct megaflow *mf[3];
	struct flow_match m;

	assert_int_equal(flow_table_max_flows(small), 3);
	for (uint32_t i = 0; i < 3; i++) {
		m = flow_match_of(i, 1);
		assert_int_equal(flow_table_add(small, &m, output_to(i), &mf[i]), 0);
	}
	m = flow_match_of(3, 2);
	assert_int_equal(flow_table_add(small, &m, output_to(3), NULL), -ENOSPC);
	assert_int_equal(flow_table_n_masks(small), 1);
	flow_table_del(small, mf[1], NULL);
	assert_int_equal(flow_table_add(small, &m, output_to(3), NULL), -ENOSPC);
	rcu_quiescent(f->rcu, f->reader); // add reclaims by itself
	assert_int_equal(flow_table_add(small, &m, output_to(3), NULL), 0);
	rcu_offline(f->rcu, f->reader);
	flow_table_destroy(small);
	rcu_online(f->rcu, f->reader);
}

static void limit_of_masks_is_kept(void **state)
{
	struct fixture *f = *state;
	struct megaflow *last = NULL;
	struct flow_match m;

	for (uint16_t i = 0; i < MASKS_MAX; i++)
		last = add_flow(f, i, i);
	assert_int_equal(flow_table_n_masks(f->table), MASKS_MAX);
	for (uint16_t i = 0; i < MASKS_MAX; i++) {
		m = flow_match_of(i, i);
		assert_non_null(lookup_one(f, &m.key));
	}
	m = flow_match_of(5000, 0x8001);
	assert_int_equal(flow_table_add(f->table, &m, output_to(7), NULL), -ENOSPC);
	assert_int_equal(flow_table_n_flows(f->table), MASKS_MAX);
	flow_table_del(f->table, last, NULL);
	assert_int_equal(flow_table_n_masks(f->table), MASKS_MAX - 1);
	assert_int_equal(flow_table_add(f->table, &m, output_to(7), NULL), 0);
	assert_ptr_equal(lookup_one(f, &m.key), flow_table_find(f->table, &m));
}

// Keys made to collide, by one who knows the secret: a product with zero is zero, whatever the
// other half of the word. The table takes some, tells them apart, and then says no: what a lookup
// costs stays bounded.
static void colliding_hashes_are_refused_at_a_bound(void **state)
{
	struct fixture *f = *state;
	uint32_t n_added = 0, hash = 0, minus_low;
	struct flow_match m;

	memset(&m, 0, sizeof(m));
	memset(&m.mask.ipv6_src, 0xff, 16);
	minus_low = -(uint32_t)key_hash_secret.word[LINE_WORDS];
	memcpy(m.key.ipv6_src.b, &minus_low, sizeof(minus_low));
	for (uint32_t i = 0; i < 1000; i++) {
		memcpy(m.key.ipv6_src.b + 4, &i, sizeof(i));
		if (i == 0)
			hash = flow_key_hash(&m.key, 0);
		assert_int_equal(flow_key_hash(&m.key, 0), hash);

		int err = flow_table_add(f->table, &m, output_to(i), NULL);
		const struct megaflow *mf = lookup_one(f, &m.key);

		assert_true(err == 0 || err == -ENOSPC);
		n_added += err == 0;
		if (err) {
			assert_null(mf);
			continue;
		}
		assert_int_equal(megaflow_actions(mf)->list[0].u.port, i);
	}
	assert_in_range(n_added, BUCKET_ENTRIES, BUCKET_ENTRIES * PROBE_MAX);
	assert_int_equal(flow_table_n_flows(f->table), n_added);
	add_flow(f, 1, 1);
}

// More keys for one bucket than its neighbourhood holds, in a table that is fairly full: a larger
// array parts them.
static void crowded_bucket_makes_the_table_grow(void **state)
{
	struct fixture *f = *state;
	const uint32_t n_flows = 3 * 64, n_crowd = BUCKET_ENTRIES * PROBE_MAX + 1;
	uint32_t n_added = 0;
	struct flow_match m;

	memset(&m, 0, sizeof(m));
	m.mask.ip_dst_be = UINT32_MAX;
	for (uint32_t i = 0; n_added < n_crowd; i++) {
		m.key.ip_dst_be = i;
		// Even at the end there are not more than 128 buckets.
		if (flow_key_hash_masked(&m.key, &m.mask, 0) % 128 >= 2)
			continue;
		if (n_added == 0) {
			struct flow_match other = m;
			for (uint32_t n = 1; n <= n_flows - n_crowd; n++) {
				other.key.ip_dst_be = UINT32_MAX - n;
				assert_int_equal(flow_table_add(f->table, &other, output_to(n),
								NULL),
						 0);
			}
		}
		assert_int_equal(flow_table_add(f->table, &m, output_to(1), NULL), 0);
		n_added++;
	}
}

static void counters_sum_over_pmds_and_survive_them(void **state)
{
	struct fixture *f = *state;
	struct flow_counters *a = flow_counters_create(f->table, SOCKET_ID_ANY);
	struct megaflow *mf = add_flow(f, 1, 1), *other = add_flow(f, 2, 1);
	struct flow_counters *b = flow_counters_create(f->table, SOCKET_ID_ANY);
	struct flow_counters *c = flow_counters_create(f->table, SOCKET_ID_ANY);
	struct flow_stats stats;

	flow_table_stats(f->table, mf, &stats);
	assert_true(stats.packets == 0 && stats.bytes == 0 && stats.used_ms == 0);
	flow_counters_add(a, mf, 1, 100, 5000, 0x02);
	flow_counters_add(b, mf, 2, 200, 7000, 0x10);
	flow_counters_add(c, mf, 4, 400, 6000, 0x01);
	flow_counters_add(a, mf, 8, 800, 5001, 0x02);
	for (unsigned i = 0; i < 4; i++) {
		flow_table_stats(f->table, mf, &stats);
		assert_int_equal(stats.packets, 15);
		assert_int_equal(stats.bytes, 1500);
		assert_int_equal(stats.used_ms, 7000);
		assert_int_equal(stats.tcp_flags, 0x13);
		flow_table_stats(f->table, other, &stats);
		assert_int_equal(stats.packets, 0);
		flow_counters_destroy(f->table, i == 0 ? b : i == 1 ? a : i == 2 ? c : NULL);
	}
	flow_table_del(f->table, mf, &stats);
	assert_int_equal(stats.packets, 15);
}

static void reused_slot_starts_at_zero_on_all_pmds(void **state)
{
	struct fixture *f = *state;
	struct flow_counters *gone = flow_counters_create(f->table, SOCKET_ID_ANY);
	struct flow_counters *here = flow_counters_create(f->table, SOCKET_ID_ANY);
	struct megaflow *mf = add_flow(f, 1, 1), *again;
	struct flow_stats stats;

	flow_counters_add(gone, mf, 1, 100, 5000, 0x02);
	flow_counters_add(here, mf, 1, 100, 5000, 0x02);
	flow_counters_destroy(f->table, gone);
	flow_table_del(f->table, mf, &stats);
	assert_int_equal(stats.packets, 2);
	flow_counters_add(here, mf, 1, 100, 5000, 0x02); // a packet still in flight
	grace_period(f);
	again = add_flow(f, 2, 1);
	assert_ptr_equal(again, mf);
	flow_table_stats(f->table, again, &stats);
	assert_true(stats.packets == 0 && stats.bytes == 0 && stats.used_ms == 0);
	assert_int_equal(stats.tcp_flags, 0);
	flow_counters_add(here, again, 3, 300, 8000, 0);
	flow_table_stats(f->table, again, &stats);
	assert_int_equal(stats.packets, 3);
}

static void counters_have_room_for_every_flow(void **state)
{
	enum { N = 20000 };
	struct fixture *f = *state;
	struct flow_counters *first = flow_counters_create(f->table, SOCKET_ID_ANY), *second = NULL;
	struct flow_table_memory before, after;
	uint32_t cursor = 0;
	struct megaflow *mf;

	flow_table_memory(f->table, &before);
	for (uint32_t i = 0; i < N; i++) {
		if (i == N / 2)
			second = flow_counters_create(f->table, SOCKET_ID_ANY);
		add_flow(f, i, 1);
	}
	flow_table_memory(f->table, &after);
	assert_in_range(after.counter_bytes - before.counter_bytes, 2 * N * 24, 2 * N * 48);
	while ((mf = flow_table_next(f->table, &cursor))) {
		struct flow_stats stats;

		flow_counters_add(first, mf, 1, mf->id, 1, 0);
		flow_counters_add(second, mf, 1, mf->id, 1, 0);
		flow_table_stats(f->table, mf, &stats);
		assert_int_equal(stats.packets, 2);
		assert_int_equal(stats.bytes, 2 * mf->id);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, table_setup, table_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(added_flow_is_looked_up_by_every_key_that_its_mask_allows),
	    TEST(key_is_masked_on_adding),
	    TEST(cold_lines_are_kept_where_the_mask_has_them),
	    TEST(same_masked_key_and_mask_is_refused),
	    TEST(deleted_flow_is_dead_at_once_and_its_slot_waits),
	    TEST(replaced_actions_live_on_for_who_holds_them),
	    TEST(equal_actions_are_one_list),
	    TEST(iteration_is_in_id_order_and_bears_changes),
	    TEST(grows_to_200000_flows_and_back),
	    TEST(churn_leaves_nothing_behind),
	    TEST(limit_of_flows_is_kept_and_freed_slots_come_back),
	    TEST(limit_of_masks_is_kept),
	    TEST(colliding_hashes_are_refused_at_a_bound),
	    TEST(crowded_bucket_makes_the_table_grow),
	    TEST(counters_sum_over_pmds_and_survive_them),
	    TEST(reused_slot_starts_at_zero_on_all_pmds),
	    TEST(counters_have_room_for_every_flow),
	};

	return cmocka_run_group_tests_name("megaflow", tests, eal_setup, eal_teardown);
}
