#include "flowtable/trie_bucket.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_STEP 8 // buckets are many: little room is spare

static uint8_t *values_of(struct trie_bucket *b)
{
	return (uint8_t *)&b->runs[b->run_room];
}

static uint32_t *counts_of(const struct trie_bucket *b, unsigned bytes)
{
	return (uint32_t *)(trie_bucket_values(b) + (size_t)b->room * bytes);
}

// As `b`, with other room. NULL: no memory.
static struct trie_bucket *copy(const struct trie_bucket *b, unsigned bytes, unsigned room,
				unsigned run_room)
{
	struct trie_bucket *c = malloc(sizeof(*c) + run_room * sizeof(c->runs[0]) +
				       (size_t)room * (bytes + sizeof(uint32_t)));

	if (!c)
		return NULL;
	*c = (struct trie_bucket){.room = (uint16_t)room, .run_room = (uint16_t)run_room};
	if (!b)
		return c;
	c->n = b->n;
	c->n_runs = b->n_runs;
	memcpy(c->runs, b->runs, b->n_runs * sizeof(b->runs[0]));
	memcpy(values_of(c), trie_bucket_values(b), (size_t)b->n * bytes);
	memcpy(counts_of(c, bytes), counts_of(b, bytes), b->n * sizeof(uint32_t));
	return c;
}

static int make_room(struct trie_bucket **b, unsigned bytes, bool new_run)
{
	unsigned n = *b ? (*b)->n : 0, n_runs = (*b ? (*b)->n_runs : 0) + new_run;
	struct trie_bucket *grown;

	if (*b && n < (*b)->room && n_runs <= (*b)->run_room)
		return 0;
	grown = copy(*b, bytes, n + ROOM_STEP, n_runs);
	if (!grown)
		return -ENOMEM;
	free(*b);
	*b = grown;
	return 0;
}

// Where a prefix stands in a bucket, or would.
struct spot {
	unsigned run, at;
	bool has_run, is_inside;
};

static struct spot find(const struct trie_bucket *b, unsigned bytes, trie_value value, unsigned len)
{
	struct spot s = {0};
	const uint8_t *values;
	unsigned n;

	if (!b)
		return s;
	for (; s.run < b->n_runs && b->runs[s.run].len < len; s.run++)
		s.at += b->runs[s.run].n;
	if (s.run == b->n_runs || b->runs[s.run].len != len)
		return s;
	s.has_run = true;
	n = b->runs[s.run].n;
	values = trie_bucket_values(b) + (size_t)s.at * bytes;
	unsigned place = trie_bucket_place(values, bytes, n, value);
	s.is_inside = place < n && trie_bucket_load(values, bytes, place) == value;
	s.at += place;
	return s;
}

static void store(uint8_t *to, unsigned bytes, trie_value value)
{
	uint32_t word = (uint32_t)(value >> (TRIE_BITS - 32));

	if (bytes == sizeof(word))
		memcpy(to, &word, sizeof(word));
	else
		memcpy(to, &value, sizeof(value));
}

int trie_bucket_add(struct trie_bucket **bucket, unsigned bytes, trie_value value, unsigned len,
		    uint32_t count)
{
	struct spot s = find(*bucket, bytes, value, len);
	struct trie_bucket *b;
	unsigned behind;
	uint8_t *to;

	if (s.is_inside) {
		counts_of(*bucket, bytes)[s.at] += count;
		return 0;
	}
	if (make_room(bucket, bytes, !s.has_run) != 0)
		return -ENOMEM;
	b = *bucket;
	if (!s.has_run) {
		memmove(&b->runs[s.run + 1], &b->runs[s.run],
			(b->n_runs++ - s.run) * sizeof(b->runs[0]));
		b->runs[s.run] = (struct trie_run){.len = (uint8_t)len};
	}
	b->runs[s.run].n++;
	behind = b->n++ - s.at;
	to = values_of(b) + (size_t)s.at * bytes;
	memmove(to + bytes, to, (size_t)behind * bytes);
	store(to, bytes, value);
	memmove(&counts_of(b, bytes)[s.at + 1], &counts_of(b, bytes)[s.at],
		behind * sizeof(uint32_t));
	counts_of(b, bytes)[s.at] = count;
	return 0;
}

static void shrink(struct trie_bucket **b, unsigned bytes)
{
	struct trie_bucket *c = NULL;

	if ((*b)->n > 0) {
		if ((*b)->room <= (*b)->n + 2 * ROOM_STEP)
			return;
		c = copy(*b, bytes, (*b)->n + ROOM_STEP, (*b)->n_runs);
		if (!c)
			return; // it stays large
	}
	free(*b);
	*b = c;
}

bool trie_bucket_del(struct trie_bucket **bucket, unsigned bytes, trie_value value, unsigned len)
{
	struct trie_bucket *b = *bucket;
	struct spot s = find(b, bytes, value, len);
	uint32_t *count = &counts_of(b, bytes)[s.at];
	uint8_t *at = values_of(b) + (size_t)s.at * bytes;
	unsigned behind = b->n - s.at - 1;

	if (--*count > 0)
		return false;
	memmove(at, at + bytes, (size_t)behind * bytes);
	memmove(count, count + 1, behind * sizeof(*count));
	b->n--;
	if (--b->runs[s.run].n == 0)
		memmove(&b->runs[s.run], &b->runs[s.run + 1],
			(--b->n_runs - s.run) * sizeof(b->runs[0]));
	shrink(bucket, bytes);
	return true;
}

int trie_bucket_add_all(struct trie_bucket **b, unsigned bytes, const struct trie_bucket *from)
{
	const uint32_t *count = counts_of(from, bytes);
	unsigned at = 0;

	for (unsigned i = 0; i < from->n_runs; i++) {
		for (unsigned end = at + from->runs[i].n; at < end; at++) {
			trie_value v = trie_bucket_load(trie_bucket_values(from), bytes, at);

			if (trie_bucket_add(b, bytes, v, from->runs[i].len, *count++) != 0)
				return -ENOMEM;
		}
	}
	return 0;
}

// How a run goes to the sides of a bit: n[i] to to[i] (trie_bucket_split()).
static void deal_out(const struct trie_run *run, const uint8_t *values, unsigned bytes,
		     unsigned bit, unsigned n[3])
{
	trie_value first = trie_leading_bits(trie_bucket_load(values, bytes, 0), bit);
	trie_value first_one = first | (trie_value)1 << (TRIE_BITS - 1 - bit);
	bool ends = run->len <= bit;

	n[0] = ends ? 0 : trie_bucket_place(values, bytes, run->n, first_one);
	n[1] = ends ? 0 : run->n - n[0];
	n[2] = ends ? run->n : 0;
}

// Puts n of a run, from `at` on, behind all that is there; there is room.
static void append(struct trie_bucket *to, const struct trie_bucket *from, unsigned bytes,
		   unsigned at, unsigned n, uint8_t len)
{
	memcpy(values_of(to) + (size_t)to->n * bytes, trie_bucket_values(from) + (size_t)at * bytes,
	       (size_t)n * bytes);
	memcpy(counts_of(to, bytes) + to->n, counts_of(from, bytes) + at, n * sizeof(uint32_t));
	to->runs[to->n_runs++] = (struct trie_run){.n = (uint16_t)n, .len = len};
	to->n += (uint16_t)n;
}

int trie_bucket_split(const struct trie_bucket *b, unsigned bytes, unsigned bit,
		      struct trie_bucket *to[3])
{
	const uint8_t *values = trie_bucket_values(b);
	unsigned n[3], sum[3] = {0}, at = 0;

	for (unsigned i = 0; i < b->n_runs; at += b->runs[i++].n) {
		deal_out(&b->runs[i], values + (size_t)at * bytes, bytes, bit, n);
		for (unsigned side = 0; side < 3; side++)
			sum[side] += n[side];
	}
	for (unsigned side = 0; side < 3; side++) {
		if (sum[side] == 0)
			continue;
		to[side] = copy(NULL, bytes, sum[side] + ROOM_STEP, b->n_runs);
		if (!to[side])
			return -ENOMEM;
	}
	at = 0;
	for (unsigned i = 0; i < b->n_runs; i++) {
		deal_out(&b->runs[i], values + (size_t)at * bytes, bytes, bit, n);
		for (unsigned side = 0; side < 3; at += n[side++]) {
			if (n[side] > 0)
				append(to[side], b, bytes, at, n[side], b->runs[i].len);
		}
	}
	return 0;
}

trie_value trie_bucket_longest(const struct trie_bucket *b, unsigned bytes, unsigned *len)
{
	*len = b->runs[b->n_runs - 1].len;
	return trie_bucket_load(trie_bucket_values(b), bytes, b->n - 1u);
}

unsigned trie_bucket_parting_bit(const struct trie_bucket *b, unsigned bytes, trie_value value,
				 unsigned len)
{
	const uint8_t *values = trie_bucket_values(b);
	unsigned at = 0, first = TRIE_BITS;

	for (unsigned i = 0; i < b->n_runs; at += b->runs[i++].n) {
		unsigned both = b->runs[i].len < len ? b->runs[i].len : len;
		// In a run that ascends, the ends are the farthest.
		unsigned ends[2] = {at, at + b->runs[i].n - 1};

		for (unsigned j = 0; j < 2; j++) {
			trie_value other = trie_bucket_load(values, bytes, ends[j]);
			unsigned common = trie_common_bits(value, other);

			if (common < both && common < first)
				first = common;
		}
	}
	return first;
}
