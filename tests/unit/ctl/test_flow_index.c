// Megaflows by match, and the memory that they stand in.
#include "ctl/swctld/flow_index.h"
#include "ctl/swctld/flow_pool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { N = 20000 };

static struct flow_match *matches;
static bool inside[N];

static int setup(void **state)
{
	(void)state;
	matches = aligned_alloc(64, N * sizeof(matches[0]));
	memset(matches, 0, N * sizeof(matches[0]));
	memset(inside, 0, sizeof(inside));
	for (uint32_t i = 0; i < N; i++) {
		// Two of one key, under two masks.
		matches[i].key.ip_src_be = i / 2;
		matches[i].mask.ip_src_be = UINT32_MAX;
		matches[i].mask.nw_tos = i % 2 ? UINT8_MAX : 0;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(matches);
	return 0;
}

static void check_all(const struct flow_index *index)
{
	unsigned n = 0;
	for (unsigned i = 0; i < N; i++) {
		struct flow_match same = matches[i];
		assert_ptr_equal(flow_index_find(index, &same), inside[i] ? &matches[i] : NULL);
		n += inside[i];
	}
	assert_int_equal(index->n, n);
}

static void what_was_added_is_found_until_it_is_deleted(void **state)
{
	struct flow_index index = {.n = 0};
	(void)state;
	assert_null(flow_index_find(&index, &matches[0]));
	srandom(1);
	for (unsigned round = 0; round < 5 * N; round++) {
		unsigned i = (unsigned)random() % N;
		if (inside[i])
			flow_index_del(&index, &matches[i]);
		else
			assert_int_equal(flow_index_add(&index, &matches[i]), 0);
		inside[i] = !inside[i];
		if (round % N == 0)
			check_all(&index);
	}
	check_all(&index);
	flow_index_fini(&index);
}

static void pieces_do_not_overlap_and_come_again(void **state)
{
	enum { PIECES = 1000, BYTES = 200 };
	static unsigned char *pieces[PIECES];
	struct flow_pool pool;
	(void)state;
	flow_pool_init(&pool, BYTES);
	for (unsigned i = 0; i < PIECES; i++) {
		pieces[i] = flow_pool_take(&pool);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 64, 0);
		memset(pieces[i], (int)i & 0xff, BYTES);
	}
	for (unsigned i = 0; i < PIECES; i++) {
		for (unsigned b = 0; b < BYTES; b++)
			assert_int_equal(pieces[i][b], i & 0xff);
	}
	unsigned char *last = pieces[PIECES - 1];
	flow_pool_give(&pool, last);
	assert_ptr_equal(flow_pool_take(&pool), last);
	flow_pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_was_added_is_found_until_it_is_deleted, setup,
					    teardown),
	    cmocka_unit_test(pieces_do_not_overlap_and_come_again),
	};
	return cmocka_run_group_tests_name("flow_index", tests, NULL, NULL);
}
