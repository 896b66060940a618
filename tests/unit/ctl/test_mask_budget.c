// The number of masks stays bounded, whatever is asked for.
#include "ctl/swctld/flow_ops.h"
#include "ctl/swctld/mask_budget.h"

#include "tests/unit/ctl/random_flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX 128

static int setup(void **state)
{
	*state = mask_budget_create(MAX);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	mask_budget_destroy(*state);
	return 0;
}

// Bits of a TCP packet's source address and destination port, as an attacker chooses them.
static void ask(struct flow_match *match, struct flow_key *key, uint32_t in_port, unsigned src_bits,
		unsigned port_bits)
{
	struct flow_key mask = {
	    .in_port = UINT32_MAX,
	    .recirc_id = UINT32_MAX,
	    .eth_type_be = UINT16_MAX,
	    .nw_frag = NW_FRAG_ANY | NW_FRAG_LATER,
	    .ip_src_be = src_bits ? htonl(~0u << (32 - src_bits)) : 0,
	    .tp_dst_be = htons((uint16_t)(0xffff0000 >> port_bits)),
	};
	memset(key, 0, sizeof(*key));
	key->in_port = in_port;
	key->eth_type_be = htons(0x0800);
	key->nw_proto = 6;
	key->ip_src_be = htonl(0x0a000001);
	key->tp_dst_be = htons(80);
	assert_int_equal(flow_mask_canonical(match, &mask, key), 0);
}

static bool fit_and_take(struct mask_budget *b, struct flow_match *match,
			 const struct flow_key *key)
{
	bool fits = mask_budget_fit(b, match, key, flow_mask_canonical);
	if (fits)
		mask_budget_take(b, match);
	return fits;
}

static void expect_fitted(const struct flow_match *match, const struct flow_match *asked,
			  const struct flow_key *key)
{
	struct flow_match canonical;
	struct flow_key masked;
	assert_true(flow_mask_covers(&match->mask, &asked->mask));
	flow_key_mask(&masked, key, &match->mask);
	assert_true(flow_key_equal(&masked, &match->key));
	assert_int_equal(flow_match_canonical(&canonical, match), 0);
	assert_memory_equal(&canonical, match, sizeof(canonical));
}

static void while_there_is_room_masks_stay_as_they_are(void **state)
{
	struct mask_budget *b = *state;
	struct flow_match match, asked;
	struct flow_key key;
	for (unsigned i = 0; i < 20; i++) {
		ask(&match, &key, 1, i, i % 16);
		asked = match;
		assert_true(fit_and_take(b, &match, &key));
		assert_memory_equal(&match, &asked, sizeof(match));
		assert_int_equal(mask_budget_count(b), i + 1);
	}
}

static void a_mask_in_use_is_always_to_be_had(void **state)
{
	struct mask_budget *b = *state;
	struct flow_match first, match;
	struct flow_key key;
	ask(&first, &key, 1, 13, 3);
	assert_true(fit_and_take(b, &first, &key));
	for (unsigned i = 0; i < 8 * 33 * 17; i++) {
		ask(&match, &key, 1 + i % 8, i / 8 % 33, i / 8 / 33);
		fit_and_take(b, &match, &key);
	}
	ask(&match, &key, 9, 13, 3);
	assert_true(fit_and_take(b, &match, &key));
	assert_true(flow_key_equal(&match.mask, &first.mask));
}

// A new mask, when masks are no longer taken as they come.
static void expect_coarse(const struct flow_key *mask)
{
	assert_int_equal(__builtin_popcount(mask->ip_src_be) % 8, 0);
	assert_true(mask->tp_dst_be == 0 || mask->tp_dst_be == UINT16_MAX);
}

// The attack of the paper: every prefix of one field with every prefix of another.
static void a_port_that_asks_for_all_prefixes_gets_few_masks(void **state)
{
	struct mask_budget *b = *state;
	struct flow_match match, asked;
	struct flow_key key;
	for (unsigned i = 0; i < 33 * 17; i++) {
		ask(&match, &key, 1, i % 33, i / 33);
		asked = match;
		unsigned before = mask_budget_count(b);
		assert_true(fit_and_take(b, &match, &key));
		expect_fitted(&match, &asked, &key);
		if (mask_budget_count(b) > before && before >= MAX * 3 / 16)
			expect_coarse(&match.mask);
	}
	assert_true(mask_budget_count(b) <= MAX / 2);
}

static void one_port_leaves_room_for_others(void **state)
{
	struct mask_budget *b = *state;
	struct flow_match match, asked;
	struct flow_key key;
	for (unsigned i = 0; i < 33 * 17; i++) {
		ask(&match, &key, 1, i % 33, i / 33);
		fit_and_take(b, &match, &key);
	}
	// As they are: masks that port 1 did not ask for.
	unsigned before = mask_budget_count(b);
	for (unsigned i = 0; i < 4; i++) {
		ask(&match, &key, 2, 9 + i, 0);
		match.mask.nw_tos = UINT8_MAX;
		asked = match;
		assert_true(fit_and_take(b, &match, &key));
		assert_memory_equal(&match, &asked, sizeof(match));
	}
	assert_int_equal(mask_budget_count(b), before + 4);
}

static void a_mask_is_counted_until_its_last_megaflow_has_gone(void **state)
{
	struct mask_budget *b = *state;
	struct flow_match match, other;
	struct flow_key key;
	ask(&match, &key, 1, 8, 0);
	ask(&other, &key, 2, 8, 0);
	mask_budget_take(b, &match);
	mask_budget_take(b, &other);
	assert_int_equal(mask_budget_count(b), 1);
	mask_budget_give(b, &match);
	assert_int_equal(mask_budget_count(b), 1);
	mask_budget_give(b, &other);
	assert_int_equal(mask_budget_count(b), 0);
	mask_budget_give(b, &other); // never counted: without effect
	assert_int_equal(mask_budget_count(b), 0);
}

static void what_one_port_gives_back_it_may_bring_again(void **state)
{
	struct mask_budget *b = *state;
	struct flow_match match, asked;
	struct flow_key key;
	for (unsigned round = 0; round < 5; round++) {
		struct flow_match taken[MAX];
		unsigned n = 0;
		for (unsigned i = 0; i < 20; i++) {
			ask(&match, &key, 1, i + 5, 2);
			asked = match;
			assert_true(fit_and_take(b, &match, &key));
			assert_memory_equal(&match, &asked, sizeof(match));
			taken[n++] = match;
		}
		while (n > 0)
			mask_budget_give(b, &taken[--n]);
		assert_int_equal(mask_budget_count(b), 0);
	}
}

// Any bits of any packet.
static void random_mask(struct flow_key *mask)
{
	uint8_t *bytes = (uint8_t *)mask;
	memset(mask, 0, sizeof(*mask));
	for (unsigned i = 0; i < offsetof(struct flow_key, ct_zone); i++) {
		if (random_one_in(6))
			bytes[i] = (uint8_t)random_below(256);
	}
	for (unsigned i = FLOW_KEY_LINE; i < sizeof(*mask); i++) {
		if (random_one_in(10))
			bytes[i] = (uint8_t)random_below(256);
	}
	mask->ipv6_label_be &= htonl(0xfffff);
	mask->tcp_flags_be &= htons(0xfff);
	mask->in_port = mask->recirc_id = UINT32_MAX;
	mask->eth_type_be = UINT16_MAX;
	mask->nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
}

// So the last resort, every bit of the packet, fits into the smallest budget's last part.
static void all_bits_of_each_kind_of_packet_are_few_masks(void **state)
{
	(void)state;
	struct mask_budget *b = mask_budget_create(MASKS_MAX_LIMIT);
	struct flow_key key, all;
	struct flow_match match;
	memset(&all, 0xff, sizeof(all));
	for (unsigned i = 0; i < 50000; i++) {
		random_key(&key);
		if (random_one_in(8)) {
			struct flow_key label = {.vlan = {key.vlan[0], key.vlan[1]}};
			label.eth_type_be = htons(0x8847);
			label.mpls_lse_be[0] = htonl(random_one_in(2) ? MPLS_BOS : 0);
			key = label;
		}
		assert_int_equal(flow_mask_canonical(&match, &all, &key), 0);
		mask_budget_take(b, &match);
	}
	assert_true(mask_budget_count(b) > 10);
	assert_true(mask_budget_count(b) <= MASKS_MAX_LEAST * 3 / 8); // what coarse ones leave
	mask_budget_destroy(b);
}

struct stress {
	struct mask_budget *b;
	struct flow_match *taken;
	unsigned n, refused;
};

static void take_random(struct stress *s)
{
	struct flow_key key, mask;
	struct flow_match match, asked;
	random_key(&key);
	random_mask(&mask);
	if (flow_mask_canonical(&match, &mask, &key) < 0)
		return;
	asked = match;
	if (!fit_and_take(s->b, &match, &key)) {
		s->refused++;
		return;
	}
	expect_fitted(&match, &asked, &key);
	s->taken[s->n++] = match;
}

static void give_random(struct stress *s)
{
	unsigned i = random_below(s->n);
	mask_budget_give(s->b, &s->taken[i]);
	s->taken[i] = s->taken[--s->n];
}

static void random_masks_of_random_packets_never_exceed_the_budget(void **state)
{
	(void)state;
	static const unsigned maxima[] = {MASKS_MAX_LEAST, MASKS_MAX_DEFAULT, MASKS_MAX_LIMIT};
	for (unsigned m = 0; m < 3; m++) {
		struct stress s = {.b = mask_budget_create(maxima[m]),
				   .taken = calloc(40000, sizeof(struct flow_match))};
		for (unsigned i = 0; i < 40000; i++) {
			if (s.n > 0 && random_below(100) < (i / 5000 % 2 ? 70 : 20))
				give_random(&s);
			else
				take_random(&s);
			assert_true(mask_budget_count(s.b) <= maxima[m]);
		}
		assert_int_equal(s.refused, 0);
		while (s.n > 0)
			give_random(&s);
		assert_int_equal(mask_budget_count(s.b), 0);
		mask_budget_destroy(s.b);
		free(s.taken);
	}
}

#define WITH_BUDGET(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_BUDGET(while_there_is_room_masks_stay_as_they_are),
	    WITH_BUDGET(a_mask_in_use_is_always_to_be_had),
	    WITH_BUDGET(a_port_that_asks_for_all_prefixes_gets_few_masks),
	    WITH_BUDGET(one_port_leaves_room_for_others),
	    WITH_BUDGET(a_mask_is_counted_until_its_last_megaflow_has_gone),
	    WITH_BUDGET(what_one_port_gives_back_it_may_bring_again),
	    cmocka_unit_test(all_bits_of_each_kind_of_packet_are_few_masks),
	    cmocka_unit_test(random_masks_of_random_packets_never_exceed_the_budget),
	};
	return cmocka_run_group_tests_name("mask_budget", tests, NULL, NULL);
}
