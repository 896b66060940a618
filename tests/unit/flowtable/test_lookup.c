// A reader's lookup as a whole, on every instruction set that this machine has.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "flowtable/flow_reader.h"
#include "flowtable/flow_table.h"
#include "table.h"

#define FOREACH_ISA(isa)                                    \
	for (enum isa isa = ISA_PLAIN; isa < N_ISAS; isa++) \
		if (isa_supported(isa))

static struct lookup_stats stats;

static void lookup(struct fixture *f, enum isa isa, const struct flow_key *keys, unsigned n,
		   struct megaflow **flows)
{
	stats = (struct lookup_stats){0};
	for (unsigned i = 0; i < n; i++)
		flows[i] = (struct megaflow *)0x40;
	bool cold = false;
	for (unsigned i = 0; i < n; i++)
		cold |= keys[i].cold != 0;
	if (cold)
		lookup_rows[isa]->lookup_cold(f->caches, keys, n, flows, &stats);
	else
		lookup_rows[isa]->lookup(f->caches, keys, n, flows, &stats);
	assert_int_equal(stats.repeats + stats.emc_hits + stats.signature_hits +
			     stats.megaflow_hits + stats.misses,
			 n);
}

// Caches that know nothing yet.
static void forget(struct fixture *f)
{
	flow_reader_destroy(f->caches);
	f->caches = flow_reader_create(f->table, 256, 1024, SOCKET_ID_ANY);
	assert_non_null(f->caches);
}

// Random masks, flows and keys. Mask m asks for the last byte of ip_dst to be m, so that no key
// matches two.

#define N_MASKS 40u
#define N_FLOWS 4000u

static unsigned seed = 1;

static uint32_t random32(void)
{
	return (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
}

static void random_mask(struct flow_key *mask, uint32_t m)
{
	memset(mask, 0, sizeof(*mask));
	mask->in_port = m % 8 == 0 ? 0 : m % 8 == 1 ? 0xff : UINT32_MAX;
	mask->ip_dst_be = __builtin_bswap32((0xffffff00u << m % 16) | 0xff);
	mask->ip_src_be = m % 3 ? UINT32_MAX : 0;
	mask->eth_type_be = 0xffff;
	mask->tp_src_be = (uint16_t)m;
	mask->dp_hash = m % 5 ? 0 : 0x80000000;
	if (m % 4 == 0)
		memset(&mask->ipv6_dst, 0xff, m % 16);
	if (m % 16 == 0)
		mask->ipv6_label_be = 0x00ff0000;
	if (m % 7 == 2)
		mask->tun.id_be = UINT64_MAX;
	if (m % 7 == 3)
		mask->ct.label[m % 16] = 1;
	if (m % 7 == 4)
		mask->tun_opts[m] = 0xff;
}

// Few values, so that keys meet.
static void random_key(struct flow_key *key)
{
	static const uint32_t ports[] = {0, 1, 2, 1000, PORT_LISTS - 1, PORT_LISTS, 70000};
	bool v6 = random32() % 2;

	memset(key, 0, FLOW_KEY_HOT_BYTES);
	memset(&key->ct, (int)random32() % 2, sizeof(*key) - FLOW_KEY_HOT_BYTES);
	key->cold = random32() % 2 ? random32() % (FLOW_COLD_ALL + 1) : 0;
	key->in_port = ports[random32() % 7];
	key->ip_dst_be = __builtin_bswap32((random32() % 4) << 24 | random32() % N_MASKS);
	key->ip_src_be = random32() % 2;
	key->eth_type_be = __builtin_bswap16(v6 ? 0x86dd : 0x0800);
	key->tp_src_be = (uint16_t)(random32() % 4);
	key->dp_hash = random32() % 2 << 31;
	if (v6) {
		key->ipv6_dst.b[3] = random32() % 2;
		key->ipv6_label_be = (random32() % 2) << 16;
	}
}

static struct megaflow *search(struct fixture *f, const struct flow_key *key)
{
	struct megaflow *mf;
	struct flow_key whole;
	uint32_t cursor = 0;

	flow_key_whole(&whole, key);
	while ((mf = flow_table_next(f->table, &cursor))) {
		struct flow_match match;

		megaflow_match(mf, &match);
		if (flow_key_equal_masked(&whole, &match.key, &match.mask))
			return mf;
	}
	return NULL;
}

static void add_random_flow(struct fixture *f)
{
	struct flow_match match;

	random_key(&match.key);
	flow_key_whole(&match.key, &match.key);
	random_mask(&match.mask, __builtin_bswap32(match.key.ip_dst_be) & 0xff);

	int err = flow_table_add(f->table, &match, output_to(1), NULL);

	assert_true(err == 0 || err == -EEXIST);
}

static void every_instruction_set_agrees_with_a_linear_search(void **state)
{
	struct fixture *f = *state;
	static struct flow_key keys[64];
	struct megaflow *expected[64], *flows[64];
	unsigned n_found = 0;

	for (unsigned i = 0; i < N_FLOWS; i++)
		add_random_flow(f);
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + random32() % 64;

		for (unsigned i = 0; i < n; i++) {
			if (i > 0 && random32() % 4 == 0)
				keys[i] = keys[i - 1];
			else
				random_key(&keys[i]);
			keys[i].in_port = keys[0].in_port;
			expected[i] = search(f, &keys[i]);
			n_found += expected[i] != NULL;
		}
		FOREACH_ISA(isa)
		{
			for (unsigned again = 0; again < 2;
			     again++) { // caches know nothing, then all
				if (round % 16 == 0 && !again)
					forget(f);
				lookup(f, isa, keys, n, flows);
				for (unsigned i = 0; i < n; i++)
					assert_ptr_equal(flows[i], expected[i]);
			}
		}
		for (uint32_t cursor = random32() % N_FLOWS, i = 0; i < 20; i++) {
			struct megaflow *mf = flow_table_next(f->table, &cursor);

			if (mf)
				flow_table_del(f->table, mf, NULL);
			add_random_flow(f);
		}
		grace_period(f); // so that slots are used again, and hints are stale
	}
	assert_in_range(n_found, 200, 200 * 64);
}

static void train_of_one_key_is_looked_up_once(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 3, 1), *flows[64];
	static struct flow_key keys[64];

	FOREACH_ISA(isa)
	{
		for (unsigned i = 0; i < 64; i++)
			keys[i] = flow_match_of(3, 1).key;
		lookup(f, isa, keys, 64, flows);
		for (unsigned i = 0; i < 64; i++)
			assert_ptr_equal(flows[i], mf);
		assert_int_equal(stats.repeats, 63);
		assert_int_equal(stats.megaflow_hits, 1);

		keys[40].ipv6_dst.b[15] ^= 1; // a difference in line 2
		keys[20].tp_dst_be ^= 1;
		lookup(f, isa, keys, 64, flows);
		assert_int_equal(stats.repeats, 59);
		for (unsigned i = 0; i < 64; i++)
			keys[i] = flow_match_of(3 + FLOW_PORTS, 1).key;
		lookup(f, isa, keys, 64, flows);
		assert_int_equal(stats.misses, 64);
		assert_null(flows[63]);
	}
}

static void key_goes_from_the_masks_to_the_caches(void **state)
{
	struct fixture *f = *state;
	struct megaflow *mf = add_flow(f, 1, 1), *found;
	struct flow_key key = flow_match_of(1, 1).key;

	FOREACH_ISA(isa)
	{
		forget(f);
		for (unsigned i = 0; i < 3; i++) { // one mask needs no cache
			lookup(f, isa, &key, 1, &found);
			assert_int_equal(stats.megaflow_hits, 1);
			assert_int_equal(stats.masks_tried, 1);
		}

		struct megaflow *other = add_flow(f, 1 + FLOW_PORTS, 3);

		lookup(f, isa, &key, 1, &found);
		assert_int_equal(stats.megaflow_hits, 1);
		f->caches->lists[1]->n_passed = 1; // not the burst that asks the first mask
		lookup(f, isa, &key, 1, &found);
		assert_int_equal(stats.megaflow_hits, 1);
		lookup(f, isa, &key, 1, &found);
		assert_int_equal(stats.emc_hits, 1);
		assert_int_equal(stats.masks_tried, 0);
		f->caches->emc->poor = true;
		lookup(f, isa, &key, 1, &found);
		assert_int_equal(stats.signature_hits, 1);
		assert_ptr_equal(found, mf);
		flow_table_del(f->table, other, NULL);
		grace_period(f);
	}
}

// So many random keys under the masks of a port, `share` of 4 under the first; how many the caches
// got.
static uint64_t cached_of(struct fixture *f, enum isa isa, unsigned share)
{
	static struct flow_key keys[64];
	struct megaflow *flows[64];
	uint64_t n_cached = 0;

	for (uint32_t n = 0; n < 3000; n++) {
		for (unsigned i = 0; i < 64; i++) {
			keys[i] = flow_match_of((i % 4 < share ? 1 : 2) * FLOW_PORTS, 1).key;
			keys[i].ip_src_be = n % 8;
			keys[i].tp_dst_be = (uint16_t)i;
		}
		lookup(f, isa, keys, 64, flows);
		for (unsigned i = 0; i < 64; i++)
			assert_non_null(flows[i]);
		if (n >= 2900)
			n_cached += stats.emc_hits + stats.signature_hits;
	}
	return n_cached;
}

static void first_mask_is_asked_before_the_caches_while_it_has_most_keys(void **state)
{
	struct fixture *f = *state;

	add_flow(f, FLOW_PORTS, 1);
	add_flow(f, 2 * FLOW_PORTS, 2);
	FOREACH_ISA(isa)
	{
		forget(f);
		assert_in_range(cached_of(f, isa, 4), 0, 0);
		assert_in_range(cached_of(f, isa, 2), 100 * 64 * 9 / 10, 100 * 64);
		assert_in_range(cached_of(f, isa, 4), 0, 0);
	}
}

// The masks that port 1's list names, in order.
static unsigned list_of(const struct fixture *f, uint32_t port, uint16_t *variants)
{
	const struct ranked_list *list = f->caches->lists[port];

	for (uint32_t i = 0; list && i < list->n; i++)
		variants[i] = list->entries[i].table->mask.tp_src_be;
	return list ? list->n : 0;
}

static void hot_mask_moves_first_and_gives_way_to_a_hotter_one(void **state)
{
	struct fixture *f = *state;
	static struct flow_key keys[64];
	struct megaflow *flows[64];
	uint16_t order[8];
	uint32_t tick = 0;

	for (uint16_t m = 1; m <= 8; m++)
		add_flow(f, m * FLOW_PORTS, m);
	FOREACH_ISA(isa)
	{
		static const uint16_t hot[] = {7, 4, 8};

		forget(f);
		for (unsigned turn = 0; turn < 3; turn++) {
			// So many hits that any order could be outrun, even after long.
			for (unsigned n = 0; n < 4000; n++) {
				for (unsigned i = 0; i < 64; i++) {
					keys[i] = flow_match_of(hot[turn] * FLOW_PORTS, 1).key;
					keys[i].tp_dst_be = (uint16_t)++tick;
					keys[i].ip_src_be = tick;
				}
				lookup(f, isa, keys, 64, flows);
			}
			assert_int_equal(list_of(f, 0, order), 8);
			assert_int_equal(order[0], hot[turn]);
		}
	}
}

static void list_of_a_port_names_no_mask_of_others(void **state)
{
	struct fixture *f = *state;
	struct megaflow *a = add_flow(f, 1, 1), *b = add_flow(f, 1 + FLOW_PORTS, 2);
	struct megaflow *c = add_flow(f, 2, 2), *d = add_flow(f, 2 + FLOW_PORTS, 3);
	uint16_t list[4];

	assert_int_equal(list_of(f, 1, list), 2);
	assert_true(list[0] == 1 && list[1] == 2);
	assert_int_equal(list_of(f, 2, list), 2);
	assert_true(list[0] == 2 && list[1] == 3);
	assert_null(f->caches->lists[3]);
	forget(f); // another reader finds the same
	assert_int_equal(list_of(f, 1, list), 2);
	assert_true(list[0] == 1 && list[1] == 2);

	flow_table_del(f->table, b, NULL); // mask 2 lives on, but at port 2 only
	assert_int_equal(list_of(f, 1, list), 1);
	assert_int_equal(list[0], 1);
	flow_table_del(f->table, a, NULL);
	assert_null(f->caches->lists[1]);
	assert_int_equal(list_of(f, 2, list), 2);
	flow_table_del(f->table, c, NULL);
	flow_table_del(f->table, d, NULL);
	assert_null(f->caches->lists[2]);
	grace_period(f);
}

static void key_of_a_port_meets_masks_that_ask_for_none(void **state)
{
	struct fixture *f = *state;
	struct flow_match m = flow_match_of(5, 1);
	struct megaflow *mf, *found;

	m.mask.in_port = 0;
	assert_int_equal(flow_table_add(f->table, &m, output_to(1), &mf), 0);
	FOREACH_ISA(isa)
	{
		for (uint32_t port = 0; port < 2 * PORT_LISTS; port += 100) {
			m.key.in_port = port;
			lookup(f, isa, &m.key, 1, &found);
			assert_ptr_equal(found, mf);
		}
	}
	flow_table_del(f->table, mf, NULL);
	lookup(f, ISA_PLAIN, &m.key, 1, &found);
	assert_null(found);
	assert_int_equal(stats.masks_tried, 0);
}

// Many flows of many masks at many ports come and go: lists grow and shrink, stay right, and their
// memory comes back.
static void lists_follow_thousands_of_flows(void **state)
{
	enum { PORTS = 50, MASKS = 60 };
	static struct megaflow *flows[PORTS][MASKS];
	struct fixture *f = *state;
	struct flow_table_memory before, full, after;

	flow_table_memory(f->table, &before);
	for (uint32_t m = 0; m < MASKS; m++) {
		for (uint32_t p = 0; p < PORTS; p++) {
			struct flow_match match = flow_match_of(p, (uint16_t)(m + 1));

			match.key.in_port = p;
			assert_int_equal(flow_table_add(f->table, &match, output_to(m),
							&flows[p][m]),
					 0);
		}
	}
	flow_table_memory(f->table, &full);
	assert_true(full.bucket_bytes > before.bucket_bytes + PORTS * MASKS * 16);
	for (uint32_t m = 0; m < MASKS; m++) {
		for (uint32_t p = 0; p < PORTS; p++) {
			uint16_t list[MASKS];
			unsigned n;

			flow_table_del(f->table, flows[p][m], NULL);
			n = list_of(f, p, list);
			// Idle masks may stay, but no more than others do.
			assert_in_range(n, MASKS - m - 1, 2 * (MASKS - m - 1));
		}
		grace_period(f);
		assert_int_equal(flow_table_n_masks(f->table), MASKS - m - 1);
	}
	flow_table_memory(f->table, &after);
	assert_int_equal(after.bucket_bytes, before.bucket_bytes);
}

static void caches_are_accounted_and_sizes_checked(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes = flow_reader_memory_bytes(f->caches);

	assert_in_range(bytes, 256 * 128 + 1024 * 4, 256 * 160 + 1024 * 4 + 16384);
	assert_null(flow_reader_create(f->table, 100, 1024, SOCKET_ID_ANY));
	assert_null(flow_reader_create(f->table, 256, 100, SOCKET_ID_ANY));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, table_setup, table_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_instruction_set_agrees_with_a_linear_search),
	    TEST(train_of_one_key_is_looked_up_once),
	    TEST(key_goes_from_the_masks_to_the_caches),
	    TEST(first_mask_is_asked_before_the_caches_while_it_has_most_keys),
	    TEST(hot_mask_moves_first_and_gives_way_to_a_hotter_one),
	    TEST(list_of_a_port_names_no_mask_of_others),
	    TEST(key_of_a_port_meets_masks_that_ask_for_none),
	    TEST(lists_follow_thousands_of_flows),
	    TEST(caches_are_accounted_and_sizes_checked),
	};

	return cmocka_run_group_tests_name("lookup", tests, eal_setup, eal_teardown);
}
