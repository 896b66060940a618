#include "ctl/swctld/huge_memory.h"

#include <stdint.h>
#include <sys/mman.h>

// Kernels before 6.7 place a mapping at any page: of more than is needed, what is aligned stays.
static void *map_aligned(size_t bytes)
{
	size_t room = bytes + HUGE_MEMORY_PAGE;
	char *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	size_t before = -(uintptr_t)at & (HUGE_MEMORY_PAGE - 1);
	if (before)
		munmap(at, before);
	munmap(at + before + bytes, room - before - bytes);
	return at + before;
}

// mmap(2) rounds a length up to whole pages; munmap(2) of a part must start at one.
static size_t whole_pages(size_t bytes)
{
	return (bytes + 4095) & ~(size_t)4095;
}

void *huge_memory_take(size_t bytes)
{
	void *memory = map_aligned(whole_pages(bytes));
	// A kernel without huge pages has small ones.
	if (memory && bytes >= HUGE_MEMORY_PAGE)
		madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

void huge_memory_give(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, whole_pages(bytes));
}
