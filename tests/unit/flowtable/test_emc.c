#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "flowtable/emc_hot.h"
#include "table.h"

#define N_ENTRIES 1024

static struct emc *emc;

static int emc_setup(void **state)
{
	emc = emc_create(N_ENTRIES, SOCKET_ID_ANY);
	return emc ? table_setup(state) : -1;
}

static int emc_teardown(void **state)
{
	emc_destroy(emc);
	return table_teardown(state);
}

static struct megaflow *find(const struct flow_key *key, uint32_t hash)
{
	struct megaflow *mf = NULL;

	uint64_t missed = emc_lookup(emc, key, &hash, 1, &mf);

	assert_int_equal(missed, mf ? 0 : 1);
	return mf;
}

static void inserted_key_hits_and_only_it(void **state)
{
	struct megaflow *mf = add_flow(*state, 1, 1);
	struct flow_key key = flow_match_of(1, 1).key, other;
	uint32_t hash = flow_key_hash(&key, 0);

	assert_null(find(&key, hash));
	emc_insert(emc, &key, hash, mf);
	assert_ptr_equal(find(&key, hash), mf);
	// The same hash, another key: every byte counts, line 2 as well.
	for (unsigned i = 0; i < FLOW_KEY_HOT_BYTES; i++) {
		other = key;
		((uint8_t *)&other)[i] ^= 1;
		assert_null(find(&other, hash));
	}
}

// Keys have no cold lines here: another packet's may be others.
static void megaflow_that_looks_at_cold_lines_stays_out(void **state)
{
	struct fixture *f = *state;
	struct flow_match match = flow_match_of(1, 1);
	struct megaflow *mf;

	match.mask.tun.id_be = UINT64_MAX;
	assert_int_equal(flow_table_add(f->table, &match, output_to(1), &mf), 0);
	emc_insert(emc, &match.key, 42, mf);
	assert_null(find(&match.key, 42));
}

static void dead_megaflow_misses_at_once(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1);
	struct flow_key key = flow_match_of(1, 1).key;

	emc_insert(emc, &key, 42, mf);
	flow_table_del(f->table, mf, NULL);
	assert_null(find(&key, 42));
}

static void reused_slot_misses(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1);
	struct flow_key key = flow_match_of(1, 1).key;

	emc_insert(emc, &key, 42, mf);
	flow_table_del(f->table, mf, NULL);
	grace_period(f);
	assert_ptr_equal(add_flow(f, 2, 1), mf);
	assert_null(find(&key, 42));
	emc_insert(emc, &key, 42, mf);
	assert_ptr_equal(find(&key, 42), mf);
}

static void dead_megaflow_is_not_inserted(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1);
	struct flow_key key = flow_match_of(1, 1).key;

	flow_table_del(f->table, mf, NULL); // while this reader held it
	emc_insert(emc, &key, 42, mf);
	assert_null(find(&key, 42));
	grace_period(f);
	assert_ptr_equal(add_flow(f, 2, 1), mf);
	assert_null(find(&key, 42));
}

static void inserting_again_replaces(void **state)
{
	struct megaflow *a = add_flow(*state, 1, 1), *b = add_flow(*state, 2, 2);
	struct flow_key key = flow_match_of(1, 1).key;

	emc_insert(emc, &key, 42, a);
	emc_insert(emc, &key, 42, b);
	assert_ptr_equal(find(&key, 42), b);
	flow_table_del(((struct fixture *)*state)->table, b, NULL);
	assert_null(find(&key, 42)); // no older copy behind it
}

static void keys_of_one_set_live_side_by_side(void **state)
{
	struct megaflow *mf = add_flow(*state, 1, 1);
	struct flow_key keys[EMC_WAYS + 1];
	unsigned n_found = 0;

	for (uint32_t i = 0; i <= EMC_WAYS; i++) {
		keys[i] = flow_match_of(i, 1).key;
		if (i < EMC_WAYS)
			emc_insert(emc, &keys[i], 9, mf); // even with one hash
	}
	for (uint32_t i = 0; i < EMC_WAYS; i++)
		assert_ptr_equal(find(&keys[i], 9), mf);
	emc_insert(emc, &keys[EMC_WAYS], 9, mf);
	for (uint32_t i = 0; i <= EMC_WAYS; i++)
		n_found += find(&keys[i], 9) != NULL;
	assert_int_equal(n_found, EMC_WAYS);
	assert_ptr_equal(find(&keys[EMC_WAYS], 9), mf); // the newest is there
}

static void line_2_is_read_only_where_a_key_has_one(void **state)
{
	struct megaflow *mf = add_flow(*state, 1, 1);
	struct flow_key v6 = flow_match_of(1, 1).key, v4 = v6;

	v4.eth_type_be = __builtin_bswap16(0x0800);
	memset(&v4.ipv6_src, 0, sizeof(v4) - offsetof(struct flow_key, ipv6_src));
	emc_insert(emc, &v6, 42, mf);
	assert_null(find(&v4, 42));
	emc_insert(emc, &v4, 42, mf);
	assert_ptr_equal(find(&v4, 42), mf);
	assert_ptr_equal(find(&v6, 42), mf);
}

// Thousands of keys more than there are entries, then few again.
static void thrashed_cache_is_left_alone_and_comes_back(void **state)
{
	unsigned n_wanted = 0;

	(void)state;
	assert_true(emc_wanted(emc));
	for (unsigned i = 0; i < EMC_WINDOW; i += 32)
		emc_judge(emc, 32, 28);
	for (unsigned i = 0; i < 32 * EMC_SAMPLE_EVERY; i++)
		n_wanted += emc_wanted(emc);
	assert_int_equal(n_wanted, 32);
	for (unsigned i = 0; i < EMC_WINDOW; i += 32)
		emc_judge(emc, 32, 31);
	assert_true(emc_wanted(emc) && emc_wanted(emc));
}

static void burst_sets_hits_and_returns_misses(void **state)
{
	static struct flow_key keys[64];
	struct megaflow *mf[64], *flows[64], *const untouched = (struct megaflow *)0x40;
	uint64_t todo = 0xffff0000f0f0ff0f, inserted = 0x0ff0ff00ff0f0ff0;
	uint32_t hashes[64];

	for (uint32_t i = 0; i < 64; i++) {
		mf[i] = add_flow(*state, i, 1);
		keys[i] = flow_match_of(i, 1).key;
		hashes[i] = i | i << 16;
		flows[i] = untouched;
		if (inserted >> i & 1)
			emc_insert(emc, &keys[i], hashes[i], mf[i]);
	}
	assert_true(emc_lookup(emc, keys, hashes, todo, flows) == (todo & ~inserted));
	for (uint32_t i = 0; i < 64; i++)
		assert_ptr_equal(flows[i], (todo & inserted) >> i & 1 ? mf[i] : untouched);
}

static void most_of_half_its_size_fits(void **state)
{
	unsigned n_found = 0;

	for (uint32_t i = 0; i < N_ENTRIES / 2; i++) {
		struct flow_key key = flow_match_of(i, 1).key;

		emc_insert(emc, &key, flow_key_hash(&key, 0), add_flow(*state, i, 1));
	}
	for (uint32_t i = 0; i < N_ENTRIES / 2; i++) {
		struct flow_key key = flow_match_of(i, 1).key;

		n_found += find(&key, flow_key_hash(&key, 0)) != NULL;
	}
	assert_in_range(n_found, N_ENTRIES / 2 * 85 / 100, N_ENTRIES / 2);
}

static void size_must_be_a_power_of_two(void **state)
{
	(void)state;
	assert_null(emc_create(0, SOCKET_ID_ANY));
	assert_null(emc_create(1000, SOCKET_ID_ANY));
	assert_in_range(emc->bytes, N_ENTRIES * 128, N_ENTRIES * 192);

	assert_null(emc_create(EMC_WAYS / 2, SOCKET_ID_ANY));

	struct emc *one = emc_create(EMC_WAYS, SOCKET_ID_ANY);

	assert_non_null(one);
	emc_destroy(one);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, emc_setup, emc_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(inserted_key_hits_and_only_it),
	    TEST(megaflow_that_looks_at_cold_lines_stays_out),
	    TEST(dead_megaflow_misses_at_once),
	    TEST(reused_slot_misses),
	    TEST(dead_megaflow_is_not_inserted),
	    TEST(inserting_again_replaces),
	    TEST(keys_of_one_set_live_side_by_side),
	    TEST(line_2_is_read_only_where_a_key_has_one),
	    TEST(thrashed_cache_is_left_alone_and_comes_back),
	    TEST(burst_sets_hits_and_returns_misses),
	    TEST(most_of_half_its_size_fits),
	    TEST(size_must_be_a_power_of_two),
	};

	return cmocka_run_group_tests_name("emc", tests, eal_setup, eal_teardown);
}
