// A multiset of priorities whose greatest is known at once: a subtable keeps one, so that its place
// in the lookup order is right after every removal too. In pages of 256 priorities, so that however
// many there are, and in whatever order they come, little is moved for one.
#ifndef FLOWTABLE_PRIORITIES_H
#define FLOWTABLE_PRIORITIES_H

#include <stdint.h>

struct priority_count {
	uint32_t priority, count;
};

struct priority_page {
	struct priority_count *list; // ascending
	uint32_t n, room;
};

struct priorities {
	struct priority_page *pages; // ascending; none is empty
	uint32_t n, room;
};

int priorities_add(struct priorities *p, uint16_t priority);  // 0 or -ENOMEM
void priorities_del(struct priorities *p, uint16_t priority); // must be inside
void priorities_fini(struct priorities *p);

// Must not be empty.
static inline uint16_t priorities_max(const struct priorities *p)
{
	const struct priority_page *last = &p->pages[p->n - 1];

	return (uint16_t)last->list[last->n - 1].priority;
}

#endif
