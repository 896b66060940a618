// A region: memory that both ends of a memif map. The client makes it; the server gets its file and
// trusts nothing of it.
#ifndef MEMIF_REGION_H
#define MEMIF_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMIF_LINK_BYTES_MAX (1ull << 30) // of all regions of a link

struct memif_region {
	uint8_t *addr;
	uint64_t size; // bytes that may be used
	size_t mapped;
	int fd; // of one of our own, else -1
	int guard;
};

// All: control thread; 0 or -errno with one line in err.

// Makes one of `size` zero bytes in a file that nobody can make shorter.
int memif_region_create(struct memif_region *region, uint64_t size, char *err, size_t err_len);
// Maps the peer's file, which is taken over and closed. Only a file of memory (memfd, tmpfs,
// hugetlbfs) of at least `size` bytes: others may let a reader wait for their owner.
int memif_region_map(struct memif_region *region, uint64_t size, int fd, char *err, size_t err_len);
// Nobody uses it any more.
void memif_region_close(struct memif_region *region);
// The peer has taken the memory away; zeros are in its place.
bool memif_region_lost(const struct memif_region *region);

#endif
