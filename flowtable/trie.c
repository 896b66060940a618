#include "flowtable/trie.h"

#include "flowtable/trie_bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifndef SPLIT_ABOVE
#define SPLIT_ABOVE 64 // prefixes in a bucket
#endif
#define MERGE_BELOW (SPLIT_ABOVE / 2) // prefixes in a node's three buckets

// All prefixes below agree in the first `depth` bits, and part in the next: those with a one there
// are at edge[1].
struct trie_node {
	struct trie_edge edge[2];
	trie_value prefix; // bits from `depth` on are zero
	unsigned depth;
} __attribute__((aligned(64)));

void trie_init(struct trie *t, unsigned value_bytes)
{
	*t = (struct trie){.value_bytes = value_bytes};
}

static bool bit_of(trie_value value, unsigned i)
{
	uint64_t word = (uint64_t)(i < 64 ? value >> 64 : value);

	return word >> (63 - i % 64) & 1;
}

static void lens_add(struct trie_lens *lens, unsigned len)
{
	lens->bits[(len - 1) / 64] |= 1ull << (len - 1) % 64;
}

static struct trie_lens node_lens(const struct trie_node *node)
{
	struct trie_lens lens = node->edge[0].lens;

	for (unsigned i = 0; i < TRIE_BITS / 64; i++)
		lens.bits[i] |= node->edge[1].lens.bits[i];
	return lens;
}

static void edge_count_lens(struct trie_edge *e)
{
	e->lens = e->node ? node_lens(e->node) : (struct trie_lens){0};
	for (unsigned i = 0; e->bucket && i < e->bucket->n_runs; i++)
		lens_add(&e->lens, e->bucket->runs[i].len);
}

// The way to the edge in whose bucket a prefix belongs. Nodes' depths ascend.
struct path {
	struct trie_edge *edges[TRIE_BITS + 1];
	unsigned n;
};

// `bytes` is known to the compiler.
static inline __attribute__((always_inline)) void
descend(const struct trie *t, unsigned bytes, trie_value value, unsigned len, struct path *path)
{
	const struct trie_edge *e = &t->root;

	path->n = 0;
	for (;;) {
		const struct trie_node *node = e->node;

		path->edges[path->n++] = (struct trie_edge *)e;
		if (!node || len <= node->depth ||
		    trie_common_bits_in(bytes, value, node->prefix) < node->depth)
			return;
		e = &node->edge[bit_of(value, node->depth)];
	}
}

static struct trie_edge *find_edge(struct trie *t, trie_value value, unsigned len,
				   struct path *path)
{
	if (t->value_bytes == sizeof(uint32_t))
		descend(t, sizeof(uint32_t), value, len, path);
	else
		descend(t, sizeof(trie_value), value, len, path);
	return path->edges[path->n - 1];
}

// The longest prefix that is at an edge; that of its node, if there is, is one.
static trie_value longest(const struct trie_edge *e, unsigned bytes, unsigned *len)
{
	trie_value value = trie_bucket_longest(e->bucket, bytes, len);

	if (!e->node || e->node->depth <= *len)
		return value;
	*len = e->node->depth;
	return e->node->prefix;
}

// The first bit in which two prefixes at the edge part; TRIE_BITS: each is the start of another.
// Whichever two part first, one of them parts there from the longest.
static unsigned parting_bit(const struct trie_edge *e, unsigned bytes, trie_value value,
			    unsigned len)
{
	unsigned first = trie_bucket_parting_bit(e->bucket, bytes, value, len), common;

	if (!e->node)
		return first;
	common = trie_common_bits(value, e->node->prefix);
	return common < len && common < e->node->depth && common < first ? common : first;
}

// Cuts a full bucket in two, if its prefixes part. A matter of speed only: without memory it stays.
static void split(struct trie_edge *e, unsigned bytes)
{
	unsigned len;
	trie_value value = longest(e, bytes, &len);
	unsigned depth = parting_bit(e, bytes, value, len);
	struct trie_bucket *to[3] = {0};
	struct trie_node *node;

	if (depth == TRIE_BITS)
		return;
	node = aligned_alloc(_Alignof(struct trie_node), sizeof(*node));
	if (!node || trie_bucket_split(e->bucket, bytes, depth, to) != 0) {
		for (unsigned i = 0; i < 3; i++)
			free(to[i]);
		free(node);
		return;
	}
	*node = (struct trie_node){.prefix = trie_leading_bits(value, depth), .depth = depth};
	if (e->node)
		node->edge[bit_of(e->node->prefix, depth)].node = e->node;
	for (unsigned side = 0; side < 2; side++) {
		node->edge[side].bucket = to[side];
		edge_count_lens(&node->edge[side]);
	}
	free(e->bucket);
	e->bucket = to[2];
	e->node = node;
}

int trie_add(struct trie *t, trie_value value, unsigned len)
{
	struct path path;
	struct trie_edge *e = find_edge(t, value, len, &path);

	if (trie_bucket_add(&e->bucket, t->value_bytes, value, len, 1) != 0)
		return -ENOMEM;
	for (unsigned i = 0; i < path.n; i++)
		lens_add(&path.edges[i]->lens, len);
	if (e->bucket->n > SPLIT_ABOVE)
		split(e, t->value_bytes);
	return 0;
}

static bool edge_is_empty(const struct trie_edge *e)
{
	return !e->node && !e->bucket;
}

// Whether a node parts nothing, or too few.
static bool is_needless(const struct trie_edge *e)
{
	const struct trie_edge *a = &e->node->edge[0], *b = &e->node->edge[1];

	if (edge_is_empty(a) || edge_is_empty(b))
		return true;
	return !a->node && !b->node &&
	       a->bucket->n + b->bucket->n + trie_bucket_n(e->bucket) < MERGE_BELOW;
}

// Takes out a needless node. Without memory it stays.
static void merge(struct trie_edge *e, unsigned bytes)
{
	struct trie_node *node = e->node;
	struct trie_bucket *from[3] = {node->edge[0].bucket, node->edge[1].bucket, e->bucket};
	struct trie_bucket *all = NULL;

	for (unsigned i = 0; i < 3; i++) {
		if (from[i] && trie_bucket_add_all(&all, bytes, from[i]) != 0) {
			free(all);
			return;
		}
	}
	for (unsigned i = 0; i < 3; i++)
		free(from[i]);
	e->node = node->edge[0].node ? node->edge[0].node : node->edge[1].node;
	e->bucket = all;
	free(node);
}

void trie_del(struct trie *t, trie_value value, unsigned len)
{
	struct path path;
	struct trie_edge *e = find_edge(t, value, len, &path);

	if (!trie_bucket_del(&e->bucket, t->value_bytes, value, len))
		return;
	while (path.n-- > 0) {
		e = path.edges[path.n];
		if (e->node && is_needless(e))
			merge(e, t->value_bytes);
		edge_count_lens(e);
	}
}

static bool has_nodes_below(const struct trie_node *node)
{
	return node->edge[0].node || node->edge[1].node;
}

void trie_fini(struct trie *t)
{
	while (t->root.node) {
		struct trie_edge *e = &t->root;

		while (has_nodes_below(e->node))
			e = &e->node->edge[e->node->edge[0].node ? 0 : 1];
		free(e->node->edge[0].bucket);
		free(e->node->edge[1].bucket);
		free(e->node);
		e->node = NULL;
	}
	free(t->root.bucket);
	trie_init(t, t->value_bytes);
}

// Of a lookup: the lengths that are still open, and what is known of the others.
struct search {
	struct trie_lens open;
	struct trie_result *result;
};

static bool is_done(const struct search *s)
{
	return (s->open.bits[0] | s->open.bits[1]) == 0;
}

// No prefix of these lengths matches, and it takes so many bits to tell.
static void settle(struct search *s, const struct trie_lens *lens, unsigned n_bits)
{
	for (unsigned w = 0; w < TRIE_BITS / 64; w++) {
		uint64_t bits = lens->bits[w] & s->open.bits[w];

		s->open.bits[w] &= ~bits;
		for (; bits; bits &= bits - 1) {
			unsigned len = w * 64 + (unsigned)__builtin_ctzll(bits) + 1;

			s->result->need_bits[len] = (uint8_t)n_bits;
		}
	}
}

static inline void look_in_bucket(struct search *s, const struct trie_bucket *b, unsigned bytes,
				  trie_value value)
{
	const uint8_t *values = trie_bucket_values(b);

	for (unsigned i = 0; i < b->n_runs; i++) {
		unsigned len = b->runs[i].len, n = b->runs[i].n;

		if (trie_lens_has(&s->open, len)) {
			unsigned common = trie_bucket_common_bits(values, bytes, n, value);

			s->open.bits[(len - 1) / 64] &= ~(1ull << (len - 1) % 64);
			if (common >= len)
				lens_add(&s->result->matches, len);
			s->result->need_bits[len] = (uint8_t)(common < len ? common + 1 : len);
		}
		values += (size_t)n * bytes;
	}
}

// The same for the prefixes below a node that the value parts from, also for lengths that its
// edge's bucket has: what shares more bits counts.
static void settle_below(struct search *s, const struct trie_node *node, unsigned n_bits)
{
	struct trie_lens lens = node_lens(node), open = s->open;

	for (unsigned w = 0; w < TRIE_BITS / 64; w++) {
		for (uint64_t bits = lens.bits[w] & ~open.bits[w]; bits; bits &= bits - 1) {
			unsigned len = w * 64 + (unsigned)__builtin_ctzll(bits) + 1;

			if (s->result->need_bits[len] < n_bits)
				s->result->need_bits[len] = (uint8_t)n_bits;
		}
	}
	settle(s, &lens, n_bits);
}

// Goes down as far as the value does, and looks about on the way back: what is further down shares
// more bits with the value, so the first answer for a length is its last.
static inline __attribute__((always_inline)) void
lookup(const struct trie *t, unsigned bytes, trie_value value, struct trie_result *result)
{
	struct search s = {.open = t->root.lens, .result = result};
	const struct trie_node *node;
	const struct trie_edge *e;
	struct path path;

	descend(t, bytes, value, TRIE_BITS + 1, &path);
	e = path.edges[--path.n];
	if (e->bucket)
		look_in_bucket(&s, e->bucket, bytes, value);
	if (e->node)
		settle_below(&s, e->node, trie_common_bits_in(bytes, value, e->node->prefix) + 1);
	while (path.n > 0 && !is_done(&s)) {
		const struct trie_edge *above = path.edges[--path.n];

		node = above->node;
		settle(&s, &node->edge[e == &node->edge[0]].lens, node->depth + 1);
		e = above;
		if (e->bucket)
			look_in_bucket(&s, e->bucket, bytes, value);
	}
}

void trie_lookup(const struct trie *t, trie_value value, struct trie_result *result)
{
	result->matches = (struct trie_lens){0};
	if (t->value_bytes == sizeof(uint32_t))
		lookup(t, sizeof(uint32_t), value, result);
	else
		lookup(t, sizeof(trie_value), value, result);
}
