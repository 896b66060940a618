// Memory of megabytes in which megaflows are looked up at random: asked from the kernel in huge
// pages, where it has such (madvise(2), MADV_HUGEPAGE), so that a new one costs no page fault for
// each few of them and a search no walk through page tables.
#ifndef CTL_SWCTLD_HUGE_MEMORY_H
#define CTL_SWCTLD_HUGE_MEMORY_H

#include <stddef.h>

#define HUGE_MEMORY_PAGE ((size_t)2 * 1024 * 1024)

// Zeroed, aligned to a page. NULL when out of memory. Any thread.
void *huge_memory_take(size_t bytes);
void huge_memory_give(void *memory, size_t bytes); // NULL, 0: nothing

#endif
