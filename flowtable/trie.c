#include "flowtable/trie.h"

#include "flowtable/trie_bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT_ABOVE 16 // prefixes in a bucket
#define MERGE_BELOW 9  // prefixes in a node's three buckets

// All prefixes below agree in the first `depth` bits, and part in the next: those with a one there
// are at edge[1].
struct trie_node {
	struct trie_edge edge[2];
	trie_value prefix; // bits from `depth` on are zero
	unsigned depth;
};

void trie_init(struct trie *t, unsigned value_words)
{
	*t = (struct trie){.value_words = value_words};
}

static bool bit_of(trie_value value, unsigned i)
{
	return value >> (TRIE_BITS - 1 - i) & 1;
}

static trie_value leading_bits(trie_value value, unsigned n)
{
	return n == 0 ? 0 : value >> (TRIE_BITS - n) << (TRIE_BITS - n);
}

static void lens_add(struct trie_lens *lens, unsigned len)
{
	lens->bits[(len - 1) / 64] |= 1ull << (len - 1) % 64;
}

static void lens_merge(struct trie_lens *acc, const struct trie_lens *lens)
{
	acc->bits[0] |= lens->bits[0];
	acc->bits[1] |= lens->bits[1];
}

static struct trie_lens node_lens(const struct trie_node *node)
{
	struct trie_lens lens = node->edge[0].lens;

	lens_merge(&lens, &node->edge[1].lens);
	return lens;
}

static void edge_count_lens(struct trie_edge *e, unsigned words)
{
	e->lens = e->node ? node_lens(e->node) : (struct trie_lens){0};
	for (unsigned i = 0; i < trie_bucket_n(e->bucket); i++)
		lens_add(&e->lens, trie_bucket_len(e->bucket, words, i));
}

// The way to the edge in whose bucket a prefix belongs. Nodes' depths ascend.
struct path {
	struct trie_edge *edges[TRIE_BITS + 1];
	unsigned n;
};

static struct trie_edge *descend(struct trie *t, trie_value value, unsigned len, struct path *path)
{
	struct trie_edge *e = &t->root;

	path->n = 0;
	for (;;) {
		struct trie_node *node = e->node;

		path->edges[path->n++] = e;
		if (!node || len <= node->depth ||
		    trie_common_bits(value, node->prefix) < node->depth)
			return e;
		e = &node->edge[bit_of(value, node->depth)];
	}
}

// The longest prefix that is at an edge; that of its node, if there is, is one.
static trie_value longest(const struct trie_edge *e, unsigned words, unsigned *len)
{
	trie_value value = e->node ? e->node->prefix : 0;

	*len = e->node ? e->node->depth : 0;
	for (unsigned i = 0; i < trie_bucket_n(e->bucket); i++) {
		unsigned other = trie_bucket_len(e->bucket, words, i);

		if (other <= *len)
			continue;
		*len = other;
		value = trie_bucket_value(e->bucket, words, i);
	}
	return value;
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

// The first bit in which two prefixes at the edge part; TRIE_BITS: each is the start of another.
// Whichever two part first, one of them parts there from the longest.
static unsigned parting_bit(const struct trie_edge *e, unsigned words, trie_value value,
			    unsigned len)
{
	unsigned first = TRIE_BITS, common;

	for (unsigned i = 0; i < trie_bucket_n(e->bucket); i++) {
		common = trie_common_bits(value, trie_bucket_value(e->bucket, words, i));
		if (common < min(len, trie_bucket_len(e->bucket, words, i)))
			first = min(first, common);
	}
	if (e->node) {
		common = trie_common_bits(value, e->node->prefix);
		if (common < min(len, e->node->depth))
			first = min(first, common);
	}
	return first;
}

// Where a prefix of an edge's bucket goes when a node is put there: 0 or 1: to that edge of it; 2:
// stays.
static unsigned side_of(const struct trie_bucket *b, unsigned words, unsigned i, unsigned depth)
{
	if (trie_bucket_len(b, words, i) <= depth)
		return 2;
	return bit_of(trie_bucket_value(b, words, i), depth);
}

static int deal_out(const struct trie_bucket *b, unsigned words, unsigned depth,
		    struct trie_bucket *to[3])
{
	unsigned n[3] = {0};

	for (unsigned i = 0; i < b->n; i++)
		n[side_of(b, words, i, depth)]++;
	for (unsigned side = 0; side < 3; side++) {
		to[side] = n[side] ? trie_bucket_create(words, n[side]) : NULL;
		if (n[side] == 0 || to[side])
			continue;
		while (side-- > 0)
			free(to[side]);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < b->n; i++)
		trie_bucket_copy(to[side_of(b, words, i, depth)], b, words, i);
	return 0;
}

// Cuts a full bucket in two, if its prefixes part. A matter of speed only: without memory it stays.
static void split(struct trie_edge *e, unsigned words)
{
	unsigned len;
	trie_value value = longest(e, words, &len);
	unsigned depth = parting_bit(e, words, value, len);
	struct trie_bucket *to[3];
	struct trie_node *node;

	if (depth == TRIE_BITS)
		return;
	node = aligned_alloc(_Alignof(struct trie_node), sizeof(*node));
	if (!node)
		return;
	if (deal_out(e->bucket, words, depth, to) != 0) {
		free(node);
		return;
	}
	*node = (struct trie_node){.prefix = leading_bits(value, depth), .depth = depth};
	if (e->node)
		node->edge[bit_of(e->node->prefix, depth)].node = e->node;
	for (unsigned side = 0; side < 2; side++) {
		node->edge[side].bucket = to[side];
		edge_count_lens(&node->edge[side], words);
	}
	free(e->bucket);
	e->bucket = to[2];
	e->node = node;
}

int trie_add(struct trie *t, trie_value value, unsigned len)
{
	unsigned words = t->value_words;
	struct path path;
	struct trie_edge *e = descend(t, value, len, &path);
	unsigned at = trie_bucket_find(e->bucket, words, value, len);

	if (at < trie_bucket_n(e->bucket))
		return trie_bucket_count_up(e->bucket, words, at);
	if (trie_bucket_put(&e->bucket, words, value, len) != 0)
		return -ENOMEM;
	for (unsigned i = 0; i < path.n; i++)
		lens_add(&path.edges[i]->lens, len);
	if (e->bucket->n > SPLIT_ABOVE)
		split(e, words);
	return 0;
}

static bool edge_is_empty(const struct trie_edge *e)
{
	return !e->node && !e->bucket;
}

// Takes out a node that parts few prefixes, or none. Without memory it stays.
static void merge(struct trie_edge *e, unsigned words)
{
	struct trie_node *node = e->node;
	struct trie_bucket *from[3], *all = NULL;
	unsigned n = 0;

	if (!node)
		return;
	for (unsigned i = 0; i < 3; i++) {
		from[i] = i < 2 ? node->edge[i].bucket : e->bucket;
		n += trie_bucket_n(from[i]);
	}
	if (!edge_is_empty(&node->edge[0]) && !edge_is_empty(&node->edge[1]) &&
	    (node->edge[0].node || node->edge[1].node || n >= MERGE_BELOW))
		return;
	if (n > 0 && !(all = trie_bucket_create(words, n)))
		return;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < trie_bucket_n(from[i]); j++)
			trie_bucket_copy(all, from[i], words, j);
		free(from[i]);
	}
	e->node = node->edge[0].node ? node->edge[0].node : node->edge[1].node;
	e->bucket = all;
	free(node);
}

void trie_del(struct trie *t, trie_value value, unsigned len)
{
	unsigned words = t->value_words;
	struct path path;
	struct trie_edge *e = descend(t, value, len, &path);
	unsigned at = trie_bucket_find(e->bucket, words, value, len);

	if (!trie_bucket_count_down(&e->bucket, words, at))
		return;
	while (path.n-- > 0) {
		merge(path.edges[path.n], words);
		edge_count_lens(path.edges[path.n], words);
	}
}

static bool node_has_below(const struct trie_node *node)
{
	return node->edge[0].node || node->edge[1].node;
}

void trie_fini(struct trie *t)
{
	while (t->root.node) {
		struct trie_edge *e = &t->root;

		while (node_has_below(e->node))
			e = &e->node->edge[e->node->edge[0].node ? 0 : 1];
		free(e->node->edge[0].bucket);
		free(e->node->edge[1].bucket);
		free(e->node);
		e->node = NULL;
	}
	free(t->root.bucket);
	trie_init(t, t->value_words);
}

// For all lengths of the set: it takes at least so many bits to tell that no prefix matches.
static void raise_needs(struct trie_result *result, const struct trie_lens *lens, unsigned n_bits)
{
	for (unsigned w = 0; w < 2; w++) {
		for (uint64_t bits = lens->bits[w]; bits; bits &= bits - 1) {
			uint8_t *need =
			    &result->need_bits[w * 64 + (unsigned)__builtin_ctzll(bits) + 1];

			if (*need < n_bits)
				*need = (uint8_t)n_bits;
		}
	}
}

static inline void look_in_bucket(struct trie_result *result, const struct trie_bucket *b,
				  unsigned words, trie_value value)
{
	for (unsigned i = 0; i < b->n; i++) {
		unsigned len = trie_bucket_len(b, words, i);
		unsigned common = trie_common_bits(value, trie_bucket_value(b, words, i));

		if (common >= len)
			lens_add(&result->matches, len);
		else if (result->need_bits[len] <= common)
			result->need_bits[len] = (uint8_t)(common + 1);
	}
}

// `words` is known to the compiler.
static inline __attribute__((always_inline)) void
lookup(const struct trie *t, unsigned words, trie_value value, struct trie_result *result)
{
	const struct trie_edge *e = &t->root;

	for (;;) {
		const struct trie_node *node = e->node;
		struct trie_lens below;
		unsigned common;
		bool side;

		if (e->bucket)
			look_in_bucket(result, e->bucket, words, value);
		if (!node)
			return;
		common = trie_common_bits(value, node->prefix);
		if (common < node->depth) {
			below = node_lens(node);
			raise_needs(result, &below, common + 1);
			return;
		}
		side = bit_of(value, node->depth);
		raise_needs(result, &node->edge[!side].lens, node->depth + 1);
		e = &node->edge[side];
	}
}

void trie_lookup(const struct trie *t, trie_value value, struct trie_result *result)
{
	result->matches = (struct trie_lens){0};
	memset(result->need_bits, 0, sizeof(result->need_bits));
	if (t->value_words == 1)
		lookup(t, 1, value, result);
	else
		lookup(t, 4, value, result);
}
