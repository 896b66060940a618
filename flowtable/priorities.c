#include "flowtable/priorities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT 8

static uint32_t page_number(const struct priority_page *page)
{
	return page->list[0].priority >> PAGE_SHIFT;
}

// The index of the first page that is not below.
static uint32_t page_place(const struct priorities *p, uint32_t number)
{
	uint32_t low = 0, high = p->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (page_number(&p->pages[middle]) < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The same in a page.
static uint32_t place(const struct priority_page *page, uint32_t priority)
{
	uint32_t low = 0, high = page->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (page->list[middle].priority < priority)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(void *list_ptr, uint32_t n, uint32_t *room, size_t size)
{
	void **list = list_ptr;
	uint32_t wanted = *room ? *room * 2 : 1;
	void *grown;

	if (n < *room)
		return 0;
	grown = realloc(*list, wanted * size);
	if (!grown)
		return -ENOMEM;
	*list = grown;
	*room = wanted;
	return 0;
}

static int page_add(struct priority_page *page, uint32_t priority)
{
	uint32_t at = place(page, priority);

	if (at < page->n && page->list[at].priority == priority) {
		page->list[at].count++;
		return 0;
	}
	if (make_room(&page->list, page->n, &page->room, sizeof(page->list[0])) != 0)
		return -ENOMEM;
	memmove(&page->list[at + 1], &page->list[at], (page->n - at) * sizeof(page->list[0]));
	page->list[at] = (struct priority_count){priority, 1};
	page->n++;
	return 0;
}

int priorities_add(struct priorities *p, uint16_t priority)
{
	uint32_t number = priority >> PAGE_SHIFT, at = page_place(p, number);
	struct priority_page page = {0};

	if (at < p->n && page_number(&p->pages[at]) == number)
		return page_add(&p->pages[at], priority);
	if (make_room(&p->pages, p->n, &p->room, sizeof(p->pages[0])) != 0 ||
	    page_add(&page, priority) != 0)
		return -ENOMEM;
	memmove(&p->pages[at + 1], &p->pages[at], (p->n - at) * sizeof(p->pages[0]));
	p->pages[at] = page;
	p->n++;
	return 0;
}

void priorities_del(struct priorities *p, uint16_t priority)
{
	uint32_t page_at = page_place(p, priority >> PAGE_SHIFT);
	struct priority_page *page = &p->pages[page_at];
	uint32_t at = place(page, priority);

	if (--page->list[at].count > 0)
		return;
	page->n--;
	memmove(&page->list[at], &page->list[at + 1], (page->n - at) * sizeof(page->list[0]));
	if (page->n > 0)
		return;
	free(page->list);
	p->n--;
	memmove(page, page + 1, (p->n - page_at) * sizeof(*page));
}

void priorities_fini(struct priorities *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		free(p->pages[i].list);
	free(p->pages);
	*p = (struct priorities){0};
}
