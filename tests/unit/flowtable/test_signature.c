#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "flowtable/flow_table.h"
#include "flowtable/signature_hot.h"
#include "table.h"

#define N_ENTRIES 256

static struct signature_cache *cache;

static int signature_setup(void **state)
{
	cache = signature_cache_create(N_ENTRIES, TABLE_FLOWS, SOCKET_ID_ANY);
	return cache ? table_setup(state) : -1;
}

static int signature_teardown(void **state)
{
	signature_cache_destroy(cache);
	return table_teardown(state);
}

static struct megaflow *find(struct fixture *f, const struct flow_key *key, uint32_t hash)
{
	struct megaflow *mf = NULL;
	uint64_t missed = signature_lookup(cache, f->table->slots.slabs, key, &hash, 1, &mf);

	assert_int_equal(missed, mf ? 0 : 1);
	return mf;
}

static void hint_is_followed_only_where_the_megaflow_matches(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1);
	struct flow_key key = flow_match_of(1, 1).key;

	assert_null(find(f, &key, 42));
	signature_insert(cache, 42, mf);
	assert_ptr_equal(find(f, &key, 42), mf);
	key.tp_dst_be ^= 1; // outside the mask
	assert_ptr_equal(find(f, &key, 42), mf);
	key.ip_dst_be ^= 1;
	assert_null(find(f, &key, 42));
}

static void stale_hint_is_never_followed(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1);
	struct flow_key key = flow_match_of(1, 1).key, other = flow_match_of(2, 3).key;

	signature_insert(cache, 42, mf);
	flow_table_del(f->table, mf, NULL);
	assert_null(find(f, &key, 42));
	grace_period(f);
	assert_ptr_equal(add_flow(f, 2, 3), mf); // the slot lives again, with another mask
	assert_null(find(f, &key, 42));
	assert_ptr_equal(find(f, &other, 42), mf);
}

static void new_hint_replaces_the_one_of_its_signature(void **state)
{
	struct fixture *f = *state;
	struct megaflow *a = add_flow(f, 1, 1), *b = add_flow(f, 2, 1);
	struct flow_key key = flow_match_of(2, 1).key;
	unsigned n_used = 0;

	signature_insert(cache, 42, a);
	signature_insert(cache, 42, b);
	assert_ptr_equal(find(f, &key, 42), b);
	for (unsigned i = 0; i < SIGNATURE_WAYS; i++)
		n_used += signature_bucket_of(cache, 42)->entries[i] != 0;
	assert_int_equal(n_used, 1);
}

static void full_bucket_gives_up_one_hint_for_another(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf[SIGNATURE_WAYS + 1];
	unsigned n_found = 0;

	for (uint32_t i = 0; i <= SIGNATURE_WAYS; i++) {
		mf[i] = add_flow(f, i, 1);
		signature_insert(cache, (i + 1) << 24 | 5, mf[i]);
	}
	for (uint32_t i = 0; i <= SIGNATURE_WAYS; i++) {
		struct flow_key key = flow_match_of(i, 1).key;

		n_found += find(f, &key, (i + 1) << 24 | 5) == mf[i];
	}
	assert_int_equal(n_found, SIGNATURE_WAYS);
}

static void free_entries_are_no_hints(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1); // id 0
	struct flow_key key = flow_match_of(1, 1).key;

	assert_int_equal(mf->id, 0);
	assert_null(find(f, &key, 0));
	signature_insert(cache, 0, mf);
	assert_ptr_equal(find(f, &key, 0), mf);
}

static void ids_take_as_many_bits_as_they_need(void **state)
{
	static const struct {
		uint32_t max_flows, id_mask;
	} rows[] = {
	    {16, 0xf}, {17, 0x1f}, {1 << 20, 0xfffff}, {1 << 24, 0xffffff}, {UINT32_MAX, 0xffffff}};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct signature_cache *c =
		    signature_cache_create(16, rows[i].max_flows, SOCKET_ID_ANY);

		assert_non_null(c);
		assert_int_equal(c->id_mask, rows[i].id_mask);
		signature_cache_destroy(c);
	}
	assert_null(signature_cache_create(0, 16, SOCKET_ID_ANY));
	assert_null(signature_cache_create(8, 16, SOCKET_ID_ANY));
	assert_null(signature_cache_create(1000, 16, SOCKET_ID_ANY));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, signature_setup, signature_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(hint_is_followed_only_where_the_megaflow_matches),
	    TEST(stale_hint_is_never_followed),
	    TEST(new_hint_replaces_the_one_of_its_signature),
	    TEST(full_bucket_gives_up_one_hint_for_another),
	    TEST(free_entries_are_no_hints),
	    TEST(ids_take_as_many_bits_as_they_need),
	};

	return cmocka_run_group_tests_name("signature", tests, eal_setup, eal_teardown);
}
