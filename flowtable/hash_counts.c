#include "flowtable/hash_counts.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_MIN 4

static int resize(struct hash_counts *h, uint32_t room)
{
	struct hash_counts moved = {.n = h->n, .room = room};

	moved.list = calloc(room, sizeof(*moved.list));
	if (!moved.list)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->room; i++) {
		if (h->list[i].count > 0)
			moved.list[hash_counts_place(&moved, h->list[i].hash)] = h->list[i];
	}
	free(h->list);
	*h = moved;
	return 0;
}

int hash_counts_add(struct hash_counts *h, uint32_t hash)
{
	struct hash_count *c;

	if (h->n >= h->room / 4 * 3) {
		int err = resize(h, h->room ? h->room + h->room / 2 : ROOM_MIN);

		if (err)
			return err;
	}
	c = &h->list[hash_counts_place(h, hash)];
	h->n += c->count == 0;
	c->hash = hash;
	c->count++;
	return 0;
}

// How far a place is behind another, going round.
static uint32_t distance(const struct hash_counts *h, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + h->room - from;
}

// Moves back those that a free place would part from where their search starts.
static void close_gap(struct hash_counts *h, uint32_t gap)
{
	for (uint32_t at = gap;;) {
		at = at + 1 == h->room ? 0 : at + 1;
		if (h->list[at].count == 0)
			return;
		if (distance(h, hash_counts_start(h, h->list[at].hash), at) < distance(h, gap, at))
			continue;
		h->list[gap] = h->list[at];
		h->list[at].count = 0;
		gap = at;
	}
}

void hash_counts_del(struct hash_counts *h, uint32_t hash)
{
	uint32_t at = hash_counts_place(h, hash);

	if (--h->list[at].count > 0)
		return;
	h->n--;
	close_gap(h, at);
	if (h->n == 0)
		hash_counts_fini(h);
	else if (h->room > ROOM_MIN && h->n < h->room / 4)
		(void)resize(h, h->room / 2); // without memory it stays large
}

void hash_counts_fini(struct hash_counts *h)
{
	free(h->list);
	*h = (struct hash_counts){0};
}
