#include "flowtable/priorities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The index of the first entry that is not below.
static uint32_t lower_bound(const struct priorities *p, uint32_t priority)
{
	uint32_t low = 0, high = p->n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (p->list[middle].priority < priority)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int priorities_add(struct priorities *p, uint32_t priority)
{
	uint32_t at = lower_bound(p, priority);
	if (at < p->n && p->list[at].priority == priority) {
		p->list[at].count++;
		return 0;
	}
	if (p->n == p->room) {
		uint32_t room = p->room ? p->room * 2 : 4;
		void *list = realloc(p->list, room * sizeof(p->list[0]));
		if (!list)
			return -ENOMEM;
		p->list = list;
		p->room = room;
	}
	memmove(&p->list[at + 1], &p->list[at], (p->n - at) * sizeof(p->list[0]));
	p->list[at] = (struct priority_count){priority, 1};
	p->n++;
	return 0;
}

void priorities_del(struct priorities *p, uint32_t priority)
{
	uint32_t at = lower_bound(p, priority);
	if (--p->list[at].count > 0)
		return;
	p->n--;
	memmove(&p->list[at], &p->list[at + 1], (p->n - at) * sizeof(p->list[0]));
}

void priorities_fini(struct priorities *p)
{
	free(p->list);
	*p = (struct priorities){0};
}
