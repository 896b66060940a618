// Rules and keys for the classifier's tests: random ones out of small domains, so that they meet
// and share prefixes, and a list of rules that is searched by comparing all.
#ifndef TESTS_UNIT_FLOWTABLE_OF_RULES_H
#define TESTS_UNIT_FLOWTABLE_OF_RULES_H

#include "flowtable/classifier.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct test_rule {
	struct of_match match;
	struct cls_rule rule;
	uint64_t words[OF_KEY_WORDS];
	bool inside;
};

static uint64_t of_rules_state = 88172645463325252ull;

static inline unsigned below(unsigned n)
{
	of_rules_state ^= of_rules_state << 13;
	of_rules_state ^= of_rules_state >> 7;
	of_rules_state ^= of_rules_state << 17;
	return (unsigned)((of_rules_state >> 20) % n);
}

static inline bool one_in(unsigned n)
{
	return below(n) == 0;
}

// One of few addresses, with a few of its bits changed: many of its prefixes are others' too.
static inline uint32_t near_address(void)
{
	static const uint32_t bases[] = {0x0a000000, 0x0a0001ff, 0x0a800000, 0xc0a80101, 0};
	uint32_t a = bases[below(5)];

	for (unsigned n = below(3); n > 0; n--)
		a ^= 1u << below(32);
	return htonl(a);
}

static inline uint16_t near_port(void)
{
	static const uint16_t bases[] = {0, 80, 443, 8080, 0x8000};
	uint16_t p = bases[below(5)];

	if (one_in(2))
		p ^= (uint16_t)(1u << below(16));
	return htons(p);
}

static inline struct in6 near_in6(void)
{
	struct in6 a = {{0xfd}};

	a.b[7] = (uint8_t)below(2);
	a.b[15] = (uint8_t)below(3);
	for (unsigned n = below(3); n > 0; n--)
		a.b[below(16)] ^= (uint8_t)(1u << below(8));
	return a;
}

static inline void near_key(struct of_key *k)
{
	static const uint16_t types[] = {0x0800, 0x0800, 0x86dd, 0x0806, 0x8847};
	struct flow_key *p = &k->pkt;

	memset(k, 0, sizeof(*k));
	p->in_port = 1 + below(3);
	p->eth_dst.b[5] = (uint8_t)below(3);
	p->vlan[0].tci_be = htons((uint16_t)(one_in(2) ? 0 : 0x1000 | below(3)));
	p->eth_type_be = htons(types[below(5)]);
	p->ip_src_be = near_address();
	p->ip_dst_be = near_address();
	p->nw_proto = one_in(2) ? 6 : 17;
	p->nw_ttl = (uint8_t)(63 + below(2));
	p->tp_src_be = near_port();
	p->tp_dst_be = near_port();
	p->tcp_flags_be = htons((uint16_t)below(4));
	p->ipv6_src = near_in6();
	p->ipv6_dst = near_in6();
	p->arp_tha.b[5] = (uint8_t)below(2);
	p->ipv6_label_be = htonl(below(2));
	p->ct_mark = below(2);
	p->ct.label[15] = (uint8_t)below(2);
	p->tun.id_be = htobe64(below(2));
	p->tun_opts[FLOW_TUN_OPTS_MAX - 1] = (uint8_t)below(2);
	k->metadata_be = htobe64(below(3));
	k->reg_be[0] = htonl(below(2));
	k->reg_be[15] = htonl(below(3));
}

// Mostly prefixes, of lengths that many rules share.
static inline void near_mask_bytes(void *field, unsigned n_bytes)
{
	static const uint8_t eighths[] = {1, 2, 4, 5, 6, 7, 8, 8, 8};
	unsigned len = n_bytes * eighths[below(9)];
	uint8_t *b = field;

	if (one_in(3))
		len = 1 + below(n_bytes * 8);
	for (unsigned i = 0; i < len; i++)
		b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (one_in(6))
		b[below(n_bytes)] ^= (uint8_t)(1u << below(8));
}

#define NEAR_MASK(field, rate) \
	if (one_in(rate))      \
	near_mask_bytes(&(field), sizeof(field))
#define WHOLE_MASK(field, rate) \
	if (one_in(rate))       \
	memset(&(field), 0xff, sizeof(field))

static inline void near_mask(struct of_key *m)
{
	struct flow_key *p = &m->pkt;

	memset(m, 0, sizeof(*m));
	WHOLE_MASK(p->in_port, 4);
	WHOLE_MASK(p->eth_dst, 6);
	WHOLE_MASK(p->eth_type_be, 2);
	WHOLE_MASK(p->nw_proto, 4);
	WHOLE_MASK(p->nw_ttl, 12);
	NEAR_MASK(p->ip_src_be, 3);
	NEAR_MASK(p->ip_dst_be, 2);
	NEAR_MASK(p->tp_src_be, 5);
	NEAR_MASK(p->tp_dst_be, 3);
	NEAR_MASK(p->ipv6_src, 6);
	NEAR_MASK(p->ipv6_dst, 5);
	NEAR_MASK(m->metadata_be, 10);
	WHOLE_MASK(p->ct_mark, 12);
	WHOLE_MASK(p->ct.label, 12);
	WHOLE_MASK(p->tun.id_be, 12);
	NEAR_MASK(p->tun_opts, 12);
	WHOLE_MASK(m->reg_be[0], 12);
	NEAR_MASK(m->reg_be[15], 12);
	WHOLE_MASK(p->arp_tha, 16);
	WHOLE_MASK(p->ipv6_label_be, 16);
	if (one_in(8))
		p->vlan[0].tci_be = htons(0x1fff);
	if (one_in(8))
		p->tcp_flags_be = htons(2);
}

static inline void test_rule_init(struct test_rule *r, const struct of_key *key,
				  const struct of_key *mask, uint16_t priority)
{
	memset(r, 0, sizeof(*r));
	of_key_mask(&r->match.key, key, mask);
	r->match.mask = *mask;
	assert_true(cls_match_bytes(mask) <= sizeof(r->words));
	assert_int_equal(cls_rule_init(&r->rule, r->words, &r->match, priority), 0);
}

static inline void test_rule_add(struct classifier *c, struct test_rule *r, struct of_key key,
				 struct of_key mask, uint16_t priority)
{
	test_rule_init(r, &key, &mask, priority);
	assert_int_equal(classifier_add(c, &r->rule), 0);
	r->inside = true;
}

static inline struct test_rule *test_rules_alloc(unsigned n)
{
	struct test_rule *rules = aligned_alloc(_Alignof(struct test_rule), n * sizeof(*rules));

	assert_non_null(rules);
	return rules;
}

// `n` rules of about `n_masks` masks.
static inline struct test_rule *near_rules(unsigned n, unsigned n_masks)
{
	struct test_rule *rules = test_rules_alloc(n);

	for (unsigned i = 0; i < n; i++) {
		struct of_key key, mask;

		near_key(&key);
		near_mask(&mask);
		if (i >= n_masks)
			mask = rules[below(n_masks)].match.mask;
		test_rule_init(&rules[i], &key, &mask, (uint16_t)below(n));
	}
	return rules;
}

static inline void test_rules_free(struct test_rule *rules, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		cls_rule_fini(&rules[i].rule);
	free(rules);
}

// Those inside go, others come, but for doubles.
static inline void test_rules_toggle(struct classifier *c, struct test_rule *rules, unsigned n,
				     unsigned n_changes)
{
	for (; n_changes > 0; n_changes--) {
		struct test_rule *r = &rules[below(n)];

		if (r->inside) {
			classifier_del(c, &r->rule);
			r->inside = false;
		} else if (!classifier_find_same(c, &r->rule)) {
			assert_int_equal(classifier_add(c, &r->rule), 0);
			r->inside = true;
		}
	}
}

// A winner's priority, or -1.
static inline int linear_search(const struct test_rule *rules, unsigned n, const struct of_key *key)
{
	int best = -1;

	for (unsigned i = 0; i < n; i++) {
		const struct test_rule *r = &rules[i];

		if (r->inside && r->rule.priority > best &&
		    of_key_equal_masked(&r->match.key, key, &r->match.mask))
			best = r->rule.priority;
	}
	return best;
}

// dst's bits of the mask become src's.
static inline void overlay(struct of_key *dst, const struct of_key *src, const struct of_key *mask)
{
	uint64_t d[sizeof(*dst) / 8], s[sizeof(*dst) / 8], m[sizeof(*dst) / 8];

	memcpy(d, dst, sizeof(d));
	memcpy(s, src, sizeof(s));
	memcpy(m, mask, sizeof(m));
	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		d[i] = (d[i] & ~m[i]) | (s[i] & m[i]);
	memcpy(dst, d, sizeof(d));
}

#endif
