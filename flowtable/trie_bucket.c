#include "flowtable/trie_bucket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_STEP 2 // buckets are many and small: nearly no room is spare

static size_t bucket_bytes(unsigned words, unsigned room)
{
	return sizeof(struct trie_bucket) + (size_t)room * (1 + words) * sizeof(uint32_t);
}

struct trie_bucket *trie_bucket_create(unsigned words, unsigned room)
{
	struct trie_bucket *b = malloc(bucket_bytes(words, room));

	if (b)
		*b = (struct trie_bucket){.room = (uint16_t)room};
	return b;
}

static bool same_value(const struct trie_bucket *b, unsigned words, unsigned i, trie_value value)
{
	return trie_bucket_value(b, words, i) == value;
}

unsigned trie_bucket_find(const struct trie_bucket *b, unsigned words, trie_value value,
			  unsigned len)
{
	unsigned n = trie_bucket_n(b);

	for (unsigned i = 0; i < n; i++) {
		if (trie_bucket_len(b, words, i) == len && same_value(b, words, i, value))
			return i;
	}
	return n;
}

static int resize(struct trie_bucket **b, unsigned words, unsigned room)
{
	bool is_new = !*b;
	struct trie_bucket *moved = realloc(*b, bucket_bytes(words, room));

	if (!moved)
		return -ENOMEM;
	if (is_new)
		moved->n = 0;
	moved->room = (uint16_t)room;
	*b = moved;
	return 0;
}

int trie_bucket_put(struct trie_bucket **b, unsigned words, trie_value value, unsigned len)
{
	unsigned n = trie_bucket_n(*b);
	uint32_t *cell;

	if ((!*b || n == (*b)->room) && resize(b, words, n + ROOM_STEP) != 0)
		return -ENOMEM;
	cell = &(*b)->cells[n * (1 + words)];
	*cell++ = len << TRIE_COUNT_BITS | 1;
	for (unsigned i = 0; i < words; i++)
		*cell++ = (uint32_t)(value >> (TRIE_BITS - 32 * (i + 1)));
	(*b)->n++;
	return 0;
}

int trie_bucket_count_up(struct trie_bucket *b, unsigned words, unsigned i)
{
	uint32_t *cell = &b->cells[i * (1 + words)];

	if ((*cell & TRIE_COUNT_MAX) == TRIE_COUNT_MAX)
		return -ENOMEM;
	++*cell;
	return 0;
}

bool trie_bucket_count_down(struct trie_bucket **b, unsigned words, unsigned i)
{
	size_t cell_bytes = (1 + words) * sizeof(uint32_t);
	uint32_t *cell = &(*b)->cells[i * (1 + words)];

	if ((--*cell & TRIE_COUNT_MAX) > 0)
		return false;
	(*b)->n--;
	memmove(cell, &(*b)->cells[(*b)->n * (1 + words)], cell_bytes);
	if ((*b)->n == 0) {
		free(*b);
		*b = NULL;
	} else if ((*b)->room >= (*b)->n + 2 * ROOM_STEP) {
		(void)resize(b, words, (*b)->n + ROOM_STEP); // without memory it stays large
	}
	return true;
}

void trie_bucket_copy(struct trie_bucket *to, const struct trie_bucket *from, unsigned words,
		      unsigned i)
{
	memcpy(&to->cells[to->n * (1 + words)], &from->cells[i * (1 + words)],
	       (1 + words) * sizeof(uint32_t));
	to->n++;
}
