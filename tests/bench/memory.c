#include "tests/bench/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE	   (2ul << 20)
#define MFD_HUGE_2MB_PAGES (21u << 26) // log2 of the size, behind the flags

static int map(struct guest_memory *mem, unsigned memfd_flags, int mmap_flags)
{
	int fd = memfd_create("bench-gen", MFD_CLOEXEC | memfd_flags);
	if (fd < 0)
		return -errno;
	void *base = MAP_FAILED;
	if (ftruncate(fd, (off_t)mem->size) == 0)
		base =
		    mmap(NULL, mem->size, PROT_READ | PROT_WRITE, MAP_SHARED | mmap_flags, fd, 0);
	if (base == MAP_FAILED) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	mem->fd = fd;
	mem->base = base;
	return 0;
}

int guest_memory_create(struct guest_memory *mem, size_t size)
{
	mem->size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	mem->used = 0;
	// Without MAP_NORESERVE the mapping fails when too few huge pages are left, and not a
	// write.
	mem->huge = map(mem, MFD_HUGETLB | MFD_HUGE_2MB_PAGES, MAP_POPULATE) == 0;
	return mem->huge ? 0 : map(mem, 0, MAP_POPULATE);
}

void guest_memory_destroy(struct guest_memory *mem)
{
	if (!mem->base)
		return;
	munmap(mem->base, mem->size);
	close(mem->fd);
	mem->base = NULL;
}

void *guest_memory_alloc(struct guest_memory *mem, size_t size, size_t align)
{
	size_t start = (mem->used + align - 1) & ~(align - 1);
	if (start + size > mem->size) {
		fprintf(stderr, "bench-gen: guest memory of %zu bytes is full\n", mem->size);
		exit(2);
	}
	mem->used = start + size;
	return mem->base + start;
}
