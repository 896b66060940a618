// A multiset of priorities whose greatest is known at once: a subtable keeps one, so that its place
// in the lookup order is right after every removal too.
#ifndef FLOWTABLE_PRIORITIES_H
#define FLOWTABLE_PRIORITIES_H

#include <stdint.h>

struct priority_count {
	uint32_t priority, count;
};

struct priorities {
	struct priority_count *list; // ascending
	uint32_t n, room;
};

int priorities_add(struct priorities *p, uint32_t priority);  // 0 or -ENOMEM
void priorities_del(struct priorities *p, uint32_t priority); // must be inside
void priorities_fini(struct priorities *p);

// Must not be empty.
static inline uint32_t priorities_max(const struct priorities *p)
{
	return p->list[p->n - 1].priority;
}

#endif
