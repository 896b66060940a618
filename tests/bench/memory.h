// A guest's memory: one memfd that the switch maps too.
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPA_BASE 0x100000000ull // where the guest thinks that its memory begins

struct guest_memory {
	uint8_t *base;
	size_t size;
	size_t used;
	int fd;
	bool huge;
	size_t cut; // bytes from which on it is told as a second region; 0: it is one
};

// In 2 MB pages where there are enough of them, else in ordinary ones. Zeroed. 0 or -errno.
int guest_memory_create(struct guest_memory *mem, size_t size);
void guest_memory_destroy(struct guest_memory *mem);

// align is a power of two. Ends the program when create() was told too small a size.
void *guest_memory_alloc(struct guest_memory *mem, size_t size, size_t align);

static inline uint64_t guest_memory_gpa(const struct guest_memory *mem, const void *at)
{
	return GPA_BASE + (uint64_t)((const uint8_t *)at - mem->base);
}

static inline void *guest_memory_at(const struct guest_memory *mem, uint64_t gpa)
{
	return mem->base + (gpa - GPA_BASE);
}

#endif
