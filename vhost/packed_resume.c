#include "vhost/packed_resume.h"

#include "vhost/packed_desc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MAX 100 // while the driver writes, what was seen may fit together only the next time

// The ring at one moment. A slot's age is counted from the one that the driver writes next, which
// is the oldest: the larger, the newer.
struct look {
	struct vring_packed_desc *ring;
	uint16_t *flags;
	unsigned size;
	unsigned oldest; // slot
	unsigned n_past; // slots up to the newest used buffer's end; all after them are available
};

static bool avail_bit(uint16_t flags)
{
	return flags & PACKED_AVAIL;
}

static bool is_used(uint16_t flags)
{
	return avail_bit(flags) == !!(flags & PACKED_USED);
}

static unsigned slot_at(const struct look *l, unsigned age)
{
	return (l->oldest + age) % l->size;
}

static void flags_read(const struct look *l, uint16_t *flags)
{
	for (unsigned i = 0; i < l->size; i++)
		flags[i] = __atomic_load_n(&l->ring[i].flags, __ATOMIC_ACQUIRE);
}

// Whoever writes a slot leaves the driver's wrap counter in it, which changes once in the ring:
// where the driver is. 0 or -EINVAL.
static int oldest_find(struct look *l)
{
	unsigned n_edges = 0;

	l->oldest = 0;
	for (unsigned i = 1; i < l->size; i++) {
		if (avail_bit(l->flags[i]) == avail_bit(l->flags[i - 1]))
			continue;
		l->oldest = i;
		n_edges++;
	}
	return n_edges > 1 ? -EINVAL : 0;
}

// How many slots a used buffer stands for.
static unsigned used_slots(const struct look *l, unsigned age)
{
	uint64_t addr = __atomic_load_n(&l->ring[slot_at(l, age)].addr, __ATOMIC_RELAXED);
	unsigned n = PACKED_IS_SLOTS(addr) ? (uint16_t)addr : 1;

	return n > 0 && n <= l->size - age ? n : 1;
}

static void past_find(struct look *l)
{
	l->n_past = 0;
	for (unsigned age = l->size; age-- > 0;) {
		if (!is_used(l->flags[slot_at(l, age)]))
			continue;
		l->n_past = age + used_slots(l, age);
		return;
	}
}

// How many slots an available buffer has, and its id.
static unsigned chain_slots(const struct look *l, unsigned age, uint16_t *id)
{
	unsigned n = 1;

	while (l->flags[slot_at(l, age + n - 1)] & VRING_DESC_F_NEXT && age + n < l->n_past)
		n++;
	*id = l->ring[slot_at(l, age + n - 1)].id;
	return n;
}

// The buffer at `age` goes back without a byte. Returns its slots; what makes it visible is left in
// *word.
static unsigned give_back(const struct look *l, unsigned age, uint64_t *word)
{
	unsigned slot = slot_at(l, age), n;
	unsigned wrap = avail_bit(l->flags[slot]) ? PACKED_AVAIL | PACKED_USED : 0;
	uint16_t id = l->ring[slot].id;

	if (is_used(l->flags[slot]))
		n = used_slots(l, age);
	else
		n = chain_slots(l, age, &id);
	if (n > 1)
		l->ring[slot].addr = PACKED_SLOTS(n);
	*word = PACKED_WORD(0, id, wrap);
	return n;
}

static void word_store(const struct look *l, unsigned age, uint64_t word)
{
	uint64_t *words = (uint64_t *)&l->ring[slot_at(l, age)];

	// What was written before it is seen first: the rest of the burst, for its first buffer.
	__atomic_store_n(&words[1], word, __ATOMIC_RELEASE);
}

static void burst_end(const struct look *l)
{
	unsigned first = 0, age;
	uint64_t held, word;

	while (first < l->n_past && is_used(l->flags[slot_at(l, first)]))
		first += used_slots(l, first);
	if (first >= l->n_past)
		return;
	for (age = first + give_back(l, first, &held); age < l->n_past;) {
		unsigned n = give_back(l, age, &word);

		word_store(l, age, word);
		age += n;
	}
	word_store(l, first, held);
}

// False when the driver has written meanwhile, or what is there does not fit together.
static bool look(struct look *l, uint16_t *again)
{
	flags_read(l, l->flags);
	if (oldest_find(l) < 0)
		return false;
	past_find(l);
	flags_read(l, again);
	return memcmp(l->flags, again, l->size * sizeof(*again)) == 0;
}

static uint16_t position_of(const struct look *l)
{
	unsigned slot = slot_at(l, l->n_past);
	bool wrap = avail_bit(l->flags[slot]);

	// Nothing is available: the slot still has the counter of the round before.
	if (l->n_past == l->size)
		wrap = !wrap;
	return (uint16_t)(slot | (wrap ? PACKED_WRAP : 0));
}

int packed_resume(struct vring_packed_desc *ring, uint16_t size, uint16_t *position)
{
	uint16_t *flags = size ? calloc(2 * (size_t)size, sizeof(*flags)) : NULL;
	struct look l = {.ring = ring, .flags = flags, .size = size};
	int rc = -EINVAL;

	if (!flags)
		return -ENOMEM;
	for (unsigned i = 0; i < LOOKS_MAX && rc < 0; i++) {
		if (look(&l, flags + size))
			rc = 0;
	}
	if (rc == 0) {
		burst_end(&l);
		*position = position_of(&l);
	}
	free(flags);
	return rc;
}
