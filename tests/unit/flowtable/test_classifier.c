#include "tests/unit/flowtable/of_rules.h"

#include <endian.h>
#include <malloc.h>
#include <time.h>

#define N_MANY 100000

#define TYPE  .eth_type_be = UINT16_MAX
#define PROTO .nw_proto = UINT8_MAX

static const struct of_key nothing;

static struct of_key ipv4(uint32_t src, uint32_t dst)
{
	return (struct of_key){.pkt = {.eth_type_be = htons(0x0800),
				       .ip_src_be = htonl(src),
				       .ip_dst_be = htonl(dst)}};
}

static struct of_key with_ports(uint32_t in_port, uint8_t proto, uint16_t tp_src, uint16_t tp_dst)
{
	return (struct of_key){.pkt = {.in_port = in_port,
				       .eth_type_be = htons(0x0800),
				       .nw_proto = proto,
				       .tp_src_be = htons(tp_src),
				       .tp_dst_be = htons(tp_dst)}};
}

static uint32_t prefix(unsigned len)
{
	return htonl(UINT32_MAX << (32 - len));
}

static void expect_lookup(struct classifier *c, struct of_key key, const struct test_rule *winner,
			  struct of_key looked_at)
{
	struct of_key got = {0};

	assert_ptr_equal(classifier_lookup(c, &key, &got), winner ? &winner->rule : NULL);
	assert_memory_equal(&got, &looked_at, OF_KEY_WORDS * sizeof(uint64_t));
}

// A classifier with a rule for all packets at priority 0, as most tables have.
static struct classifier *create(struct test_rule *any)
{
	struct classifier *c = classifier_create();

	assert_non_null(c);
	test_rule_add(c, any, nothing, nothing, 0);
	return c;
}

static void destroy(struct classifier *c, struct test_rule *rules, unsigned n)
{
	classifier_destroy(c);
	for (unsigned i = 0; i < n; i++)
		cls_rule_fini(&rules[i].rule);
}

static void what_is_looked_at_is_added_to_what_is_there(void **state)
{
	struct classifier *c = classifier_create();
	struct of_key mask = {.pkt = {.in_port = UINT32_MAX}}, looked_at = {.metadata_be = 7};
	struct of_key other = {.pkt = {.in_port = 9}};
	struct test_rule rule;

	(void)state;
	test_rule_add(c, &rule, nothing, mask, 1);
	assert_null(classifier_lookup(c, &other, &looked_at));
	assert_int_equal(looked_at.metadata_be, 7);
	assert_int_equal(looked_at.pkt.in_port, UINT32_MAX);
	assert_ptr_equal(classifier_lookup(c, &nothing, NULL), &rule.rule);
	destroy(c, &rule, 1);
}

static void masks_below_the_winner_are_not_looked_at(void **state)
{
	struct classifier *c = classifier_create();
	struct of_key in_port = {.pkt = {.in_port = UINT32_MAX}};
	struct of_key port = {.pkt = {.tp_dst_be = UINT16_MAX}};
	struct test_rule r[3];

	(void)state;
	test_rule_add(c, &r[0], nothing, port, 5);
	test_rule_add(c, &r[1], nothing, in_port, 10);
	expect_lookup(c, nothing, &r[1], in_port);
	// The order follows the greatest priority both ways.
	test_rule_add(c, &r[2], nothing, port, 20);
	expect_lookup(c, nothing, &r[2], port);
	classifier_del(c, &r[2].rule);
	expect_lookup(c, nothing, &r[1], in_port);
	destroy(c, r, 3);
}

// Telnet is refused, all else goes: only TCP's packets need to be told apart by their ports, and
// by few bits of them.
static void ports_are_looked_at_for_the_rules_protocol_only(void **state)
{
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key no_ports = {.pkt = {TYPE, PROTO}}, type = {.pkt = {TYPE}};
	struct of_key mask = {.pkt = {TYPE, PROTO, .tp_dst_be = UINT16_MAX}};
	struct of_key ten_bits = {.pkt = {TYPE, PROTO, .tp_dst_be = htons(0xffc0)}};
	struct of_key arp = {.pkt = {.eth_type_be = htons(0x0806), .nw_proto = 6}};

	(void)state;
	test_rule_add(c, &r[1], with_ports(0, 6, 0, 23), mask, 50);
	expect_lookup(c, with_ports(1, 1, 8, 0), &r[0], no_ports);
	expect_lookup(c, with_ports(1, 17, 5000, 23), &r[0], no_ports);
	expect_lookup(c, with_ports(1, 6, 5000, 80), &r[0], ten_bits);
	expect_lookup(c, with_ports(1, 6, 5000, 23), &r[1], mask);
	expect_lookup(c, arp, &r[0], type);
	destroy(c, r, 2);
}

static void a_rule_of_one_in_port_costs_the_others_nothing(void **state)
{
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key mask = {.pkt = {.in_port = UINT32_MAX, TYPE, PROTO, .tp_src_be = UINT16_MAX}};
	struct of_key in_port = {.pkt = {.in_port = UINT32_MAX}};

	(void)state;
	test_rule_add(c, &r[1], with_ports(1, 6, 5001, 0), mask, 50);
	expect_lookup(c, with_ports(2, 6, 5001, 80), &r[0], in_port);
	expect_lookup(c, with_ports(1, 6, 5001, 80), &r[1], mask);
	destroy(c, r, 2);
}

static void a_register_costs_no_bit_of_the_packet(void **state)
{
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key mask = {.pkt = {TYPE, .ip_dst_be = UINT32_MAX}, .reg_be = {[3] = UINT32_MAX}};
	struct of_key reg = {.reg_be = {[3] = UINT32_MAX}}, key = ipv4(0, 5);

	(void)state;
	key.reg_be[3] = htonl(1);
	test_rule_add(c, &r[1], key, mask, 50);
	expect_lookup(c, key, &r[1], mask);
	key.reg_be[3] = htonl(2);
	expect_lookup(c, key, &r[0], reg);
	destroy(c, r, 2);
}

static void a_rule_for_one_host_leaves_others_addresses_wide(void **state)
{
	static const struct {
		uint32_t dst;
		unsigned len; // of what is looked at
	} others[] = {{0xc0a80101, 1}, {0x0b000001, 8}, {0x0a000101, 24}, {0x0a000000, 32}};
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key mask = {.pkt = {TYPE, .ip_dst_be = UINT32_MAX}};

	(void)state;
	test_rule_add(c, &r[1], ipv4(0, 0x0a000001), mask, 50);
	for (unsigned i = 0; i < 4; i++) {
		struct of_key wide = {.pkt = {TYPE, .ip_dst_be = prefix(others[i].len)}};

		expect_lookup(c, ipv4(0x01020304, others[i].dst), &r[0], wide);
	}
	expect_lookup(c, ipv4(0, 0x0a000001), &r[1], mask);
	destroy(c, r, 2);
}

// A routing table: the longest prefix wins, and longer ones are told off by as many bits as the
// nearest shares.
static void routes_are_told_apart_by_as_few_bits_as_can_be(void **state)
{
	struct test_rule r[4];
	struct classifier *c = create(&r[0]);

	(void)state;
	test_rule_add(c, &r[1], ipv4(0, 0x0a000000),
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(8)}}, 8);
	test_rule_add(c, &r[2], ipv4(0, 0x0a010000),
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(16)}}, 16);
	test_rule_add(c, &r[3], ipv4(0, 0x0a010200),
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(24)}}, 24);
	expect_lookup(c, ipv4(0, 0x0a010203), &r[3],
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(24)}});
	expect_lookup(c, ipv4(0, 0x0a010303), &r[2],
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(24)}});
	expect_lookup(c, ipv4(0, 0x0a018001), &r[2],
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(17)}});
	expect_lookup(c, ipv4(0, 0x0a800001), &r[1],
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(9)}});
	expect_lookup(c, ipv4(0, 0xc0000001), &r[0],
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(1)}});
	destroy(c, r, 4);
}

// Hosts next to the packet's destination, in rules below the winner: not even the trie that they
// share with the winner's better shows them.
static void prefixes_of_masks_that_are_not_searched_cost_nothing(void **state)
{
	struct test_rule r[4];
	struct classifier *c = create(&r[0]);
	struct of_key in_port = {.pkt = {.in_port = UINT32_MAX}};

	(void)state;
	test_rule_add(c, &r[1], ipv4(0, 0xc0a80000),
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(16)}}, 50);
	test_rule_add(c, &r[2], nothing, in_port, 40);
	test_rule_add(c, &r[3], ipv4(0, 0x0a000001),
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(32)}}, 30);
	expect_lookup(c, ipv4(0, 0x0a000003), &r[2],
		      (struct of_key){
			  .pkt = {.in_port = UINT32_MAX, TYPE, .ip_dst_be = prefix(1)}});
	destroy(c, r, 4);
}

static void ipv6_prefixes_are_as_ipv4s(void **state)
{
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key mask = {.pkt = {TYPE, .ipv6_dst = {{[0 ... 15] = 0xff}}}};
	struct of_key wide = {.pkt = {TYPE, .ipv6_dst = {{[0 ... 7] = 0xff, [8] = 0xc0}}}};
	struct of_key key = {.pkt = {.eth_type_be = htons(0x86dd), .ipv6_dst = {{0xfd}}}};

	(void)state;
	key.pkt.ipv6_dst.b[15] = 1;
	test_rule_add(c, &r[1], key, mask, 50);
	expect_lookup(c, key, &r[1], mask);
	key.pkt.ipv6_dst.b[8] = 0x40;
	expect_lookup(c, key, &r[0], wide);
	destroy(c, r, 2);
}

static void a_mask_with_a_gap_is_looked_at_whole(void **state)
{
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key mask = {.pkt = {TYPE, .ip_dst_be = htonl(0xff0000ff)}};

	(void)state;
	test_rule_add(c, &r[1], ipv4(0, 0x0a000001), mask, 50);
	expect_lookup(c, ipv4(0, 0x0a777701), &r[1], mask);
	expect_lookup(c, ipv4(0, 0xc0000001), &r[0], mask);
	destroy(c, r, 2);
}

// Of two fields that both tell, the one of which fewer bits must be added.
static void the_field_that_tells_by_fewer_bits_is_looked_at(void **state)
{
	struct test_rule r[2];
	struct classifier *c = create(&r[0]);
	struct of_key mask = {.pkt = {TYPE, .ip_src_be = UINT32_MAX, .ip_dst_be = UINT32_MAX}};

	(void)state;
	test_rule_add(c, &r[1], ipv4(0x0a000001, 0x0a000002), mask, 50);
	expect_lookup(c, ipv4(0x0a000003, 0xc0000000), &r[0],
		      (struct of_key){.pkt = {TYPE, .ip_dst_be = prefix(1)}});
	expect_lookup(c, ipv4(0xc0000000, 0x0a000003), &r[0],
		      (struct of_key){.pkt = {TYPE, .ip_src_be = prefix(1)}});
	destroy(c, r, 2);
}

// Label stack entries stand where addresses do: what is looked at are bits of the key, whatever
// they mean.
static void labels_and_addresses_do_not_disturb_each_other(void **state)
{
	struct test_rule r[4];
	struct classifier *c = create(&r[0]);
	struct of_key label_mask = {.pkt = {TYPE, .mpls_lse_be = {htonl(0xfffff000)}}};
	struct of_key host_mask = {.pkt = {TYPE, .ip_src_be = UINT32_MAX}};
	struct of_key label = {
	    .pkt = {.eth_type_be = htons(0x8847), .mpls_lse_be = {htonl(100 << 12 | 64)}}};
	struct of_key arp = ipv4(0x0a000001, 0), host = ipv4(0x0a000001, 0), key;

	(void)state;
	arp.pkt.eth_type_be = htons(0x0806);
	test_rule_add(c, &r[1], label, label_mask, 50);
	test_rule_add(c, &r[2], host, host_mask, 40);
	test_rule_add(c, &r[3], arp, host_mask, 40);
	key = label;
	key.pkt.mpls_lse_be[0] |= htonl(0x1ff); // a TTL, and the bottom of the stack
	expect_lookup(c, key, &r[1], label_mask);
	expect_lookup(c, host, &r[2], host_mask);
	expect_lookup(c, arp, &r[3], host_mask);
	// No rule has this label, but a host has this address.
	key = host;
	key.pkt.eth_type_be = htons(0x8847);
	struct of_key looked_at = {0}, other = key;
	assert_ptr_equal(classifier_lookup(c, &key, &looked_at), &r[0].rule);
	assert_int_equal(looked_at.pkt.eth_type_be, UINT16_MAX);
	other.pkt.mpls_lse_be[0] ^= ~looked_at.pkt.mpls_lse_be[0];
	assert_ptr_equal(classifier_lookup(c, &other, NULL), &r[0].rule);
	destroy(c, r, 4);
}

static void find_wants_the_same_match_and_priority(void **state)
{
	struct classifier *c = classifier_create();
	struct of_key mask = {.pkt = {.in_port = UINT32_MAX}, .metadata_be = 1};
	struct of_key key = {.pkt = {.in_port = 3}};
	struct test_rule a, b, same;

	(void)state;
	test_rule_add(c, &a, key, mask, 1);
	test_rule_init(&same, &key, &mask, 2);
	assert_null(classifier_find(c, &a.match, 2));
	assert_null(classifier_find_same(c, &same.rule));
	test_rule_add(c, &b, key, mask, 2);
	assert_ptr_equal(classifier_find(c, &a.match, 1), &a.rule);
	assert_ptr_equal(classifier_find(c, &a.match, 2), &b.rule);
	assert_ptr_equal(classifier_find_same(c, &same.rule), &b.rule);
	assert_true(cls_rule_same(&same.rule, &b.rule));
	assert_false(cls_rule_same(&same.rule, &a.rule));
	struct of_match other = a.match;
	other.key.pkt.in_port = 4;
	assert_null(classifier_find(c, &other, 1));
	other = a.match;
	other.mask.pkt.nw_ttl = 255;
	assert_null(classifier_find(c, &other, 1));
	assert_int_equal(classifier_n_rules(c), 2);
	assert_int_equal(classifier_n_masks(c), 1);
	classifier_del(c, &a.rule);
	assert_null(a.rule.subtable);
	assert_null(classifier_find(c, &a.match, 1));
	classifier_del(c, &b.rule);
	assert_int_equal(classifier_n_rules(c) + classifier_n_masks(c), 0);
	cls_rule_fini(&same.rule);
	cls_rule_fini(&a.rule);
	destroy(c, &b, 1);
}

static void a_rule_gives_its_match_back(void **state)
{
	struct test_rule *rules = near_rules(200, 200);

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct of_match match;

		cls_rule_match(&rules[i].rule, &match);
		assert_true(of_key_equal(&match.key, &rules[i].match.key));
		assert_true(of_key_equal(&match.mask, &rules[i].match.mask));
		assert_int_equal(cls_match_bytes(&match.mask) % 8, 0);
		assert_true(cls_rule_matches(&rules[i].rule, &match.key));
	}
	test_rules_free(rules, 200);
}

// By their definitions, bit by bit.
static void within_and_overlap_are_as_defined(void **state)
{
	struct test_rule *rules = near_rules(150, 150);
	unsigned n_within = 0, n_overlap = 0;

	(void)state;
	for (unsigned i = 0; i < 150 * 150; i++) {
		const struct test_rule *r = &rules[i / 150];
		const struct of_match *m = &rules[i % 150].match;
		struct of_key both;
		bool within = of_mask_covers(&r->match.mask, &m->mask) &&
			      of_key_equal_masked(&r->match.key, &m->key, &m->mask);
		bool overlaps;

		of_key_mask(&both, &r->match.mask, &m->mask);
		overlaps = of_key_equal_masked(&r->match.key, &m->key, &both);
		assert_int_equal(cls_rule_is_within(&r->rule, m), within);
		assert_int_equal(cls_rule_overlaps(&r->rule, m), overlaps);
		n_within += within;
		n_overlap += overlaps;
	}
	assert_true(n_within > 150 && n_overlap > n_within);
	test_rules_free(rules, 150);
}

struct seen {
	unsigned n, stop_at;
};

static bool count_rule(struct cls_rule *rule, void *arg)
{
	struct seen *seen = arg;
	struct test_rule *r = (struct test_rule *)((char *)rule - offsetof(struct test_rule, rule));

	assert_true(r->inside);
	r->inside = false; // not twice
	return ++seen->n != seen->stop_at;
}

static void each_shows_every_rule_once_until_told_to_stop(void **state)
{
	struct test_rule *rules = near_rules(300, 20);
	struct classifier *c = classifier_create();
	struct seen seen = {.stop_at = 5};

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		rules[i].inside = !classifier_find_same(c, &rules[i].rule);
		if (rules[i].inside)
			assert_int_equal(classifier_add(c, &rules[i].rule), 0);
	}
	classifier_each(c, count_rule, &seen);
	assert_int_equal(seen.n, 5);
	for (unsigned i = 0; i < 300; i++)
		rules[i].inside = rules[i].rule.subtable;
	seen = (struct seen){0};
	classifier_each(c, count_rule, &seen);
	assert_int_equal(seen.n, classifier_n_rules(c));
	classifier_destroy(c);
	test_rules_free(rules, 300);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// As a rule is kept in a rules store: without its match.
struct small_rule {
	struct cls_rule rule;
	uint64_t words[4];
};

// A thousand masks, every priority from the greatest down: adding, finding and deleting stay quick.
static void a_hundred_thousand_rules_are_no_trouble(void **state)
{
	struct classifier *c = classifier_create();
	struct small_rule *rules = calloc(N_MANY, sizeof(*rules));
	struct of_match m = {0};
	double start = seconds();

	(void)state;
	assert_non_null(rules);
	for (unsigned i = 0; i < N_MANY; i++) {
		struct small_rule *r = &rules[i];

		m.mask.pkt.ip_dst_be = UINT32_MAX;
		m.key.pkt.ip_dst_be = htonl(i);
		m.mask.pkt.tp_src_be = i % 100 ? 0 : htons((uint16_t)(i / 100 + 1));
		assert_int_equal(cls_rule_init(&r->rule, r->words, &m,
					       (uint16_t)(UINT16_MAX - i % 65536)),
				 0);
		assert_int_equal(classifier_add(c, &r->rule), 0);
	}
	assert_int_equal(classifier_n_rules(c), N_MANY);
	for (unsigned i = 0; i < N_MANY; i += 97) {
		cls_rule_match(&rules[i].rule, &m);
		assert_ptr_equal(classifier_lookup(c, &m.key, NULL), &rules[i].rule);
		assert_ptr_equal(classifier_find(c, &m, rules[i].rule.priority), &rules[i].rule);
	}
	for (unsigned i = N_MANY; i > 0; i--) {
		classifier_del(c, &rules[i - 1].rule);
		cls_rule_fini(&rules[i - 1].rule);
	}
	assert_int_equal(classifier_n_rules(c), 0);
	assert_true(seconds() - start < 20); // 0.3 s is usual, sanitizers take longer
	classifier_destroy(c);
	free(rules);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

// An access list: hosts that differ, in networks and to ports that many rules share.
static void a_rule_takes_under_sixty_bytes_of_the_classifier(void **state)
{
	static const unsigned lens[] = {32, 32, 32, 30, 28, 26, 24, 24, 20, 16};
	struct small_rule *rules = calloc(N_MANY, sizeof(*rules));
	struct of_match m = {0};
	struct classifier *c;
	size_t before;

	(void)state;
	assert_non_null(rules);
	m.mask.pkt.eth_type_be = UINT16_MAX;
	m.mask.pkt.nw_proto = UINT8_MAX;
	m.mask.pkt.tp_dst_be = UINT16_MAX;
	for (unsigned i = 0; i < N_MANY; i++) {
		m.mask.pkt.ip_src_be = prefix(lens[i % 10]);
		m.mask.pkt.ip_dst_be = i % 10 ? prefix(24) : 0;
		m.key.pkt.ip_src_be = htonl(0x0a000000 + below(1 << 24)) & m.mask.pkt.ip_src_be;
		m.key.pkt.ip_dst_be = htonl(0xc0a80000 + below(1 << 16)) & m.mask.pkt.ip_dst_be;
		m.key.pkt.tp_dst_be = htons((uint16_t)below(1000));
		assert_int_equal(cls_rule_init(&rules[i].rule, rules[i].words, &m, 100), 0);
	}
	before = heap_bytes();
	c = classifier_create();
	for (unsigned i = 0; i < N_MANY; i++) {
		if (!classifier_find_same(c, &rules[i].rule))
			assert_int_equal(classifier_add(c, &rules[i].rule), 0);
	}
	assert_true(classifier_n_rules(c) > N_MANY * 9 / 10);
#ifndef SWD_SANITIZED // their heaps tell nothing
	print_message("%zu bytes a rule\n", (heap_bytes() - before) / classifier_n_rules(c));
	assert_true(heap_bytes() > before);
	assert_true(heap_bytes() - before < (size_t)60 * classifier_n_rules(c));
#else
	(void)before;
#endif
	classifier_destroy(c);
	for (unsigned i = 0; i < N_MANY; i++)
		cls_rule_fini(&rules[i].rule);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_looked_at_is_added_to_what_is_there),
	    cmocka_unit_test(masks_below_the_winner_are_not_looked_at),
	    cmocka_unit_test(ports_are_looked_at_for_the_rules_protocol_only),
	    cmocka_unit_test(a_rule_of_one_in_port_costs_the_others_nothing),
	    cmocka_unit_test(a_register_costs_no_bit_of_the_packet),
	    cmocka_unit_test(a_rule_for_one_host_leaves_others_addresses_wide),
	    cmocka_unit_test(routes_are_told_apart_by_as_few_bits_as_can_be),
	    cmocka_unit_test(prefixes_of_masks_that_are_not_searched_cost_nothing),
	    cmocka_unit_test(ipv6_prefixes_are_as_ipv4s),
	    cmocka_unit_test(a_mask_with_a_gap_is_looked_at_whole),
	    cmocka_unit_test(the_field_that_tells_by_fewer_bits_is_looked_at),
	    cmocka_unit_test(labels_and_addresses_do_not_disturb_each_other),
	    cmocka_unit_test(find_wants_the_same_match_and_priority),
	    cmocka_unit_test(a_rule_gives_its_match_back),
	    cmocka_unit_test(within_and_overlap_are_as_defined),
	    cmocka_unit_test(each_shows_every_rule_once_until_told_to_stop),
	    cmocka_unit_test(a_hundred_thousand_rules_are_no_trouble),
	    cmocka_unit_test(a_rule_takes_under_sixty_bytes_of_the_classifier),
	};
	return cmocka_run_group_tests_name("classifier", tests, NULL, NULL);
}
