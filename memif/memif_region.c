#define _GNU_SOURCE // memfd_create, seals
#include "memif/memif_region.h"

#include "datapath/memory_guard.h"
#include "datapath/stranger_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(int rc, const char *what, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s: %s", what, strerror(-rc));
	return rc;
}

static int map(struct memif_region *region, uint64_t size, size_t mapped, int fd, char *err,
	       size_t err_len)
{
	void *addr = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED)
		return refuse(-errno, "a region cannot be mapped", err, err_len);
	int guard = memory_guard_add(addr, mapped, NULL);
	if (guard < 0) {
		munmap(addr, mapped);
		return refuse(guard, "a region cannot be guarded", err, err_len);
	}
	*region = (struct memif_region){
	    .addr = addr, .size = size, .mapped = mapped, .fd = -1, .guard = guard};
	return 0;
}

int memif_region_create(struct memif_region *region, uint64_t size, char *err, size_t err_len)
{
	int fd = memfd_create("memif", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return refuse(-errno, "no memory file", err, err_len);
	int rc = ftruncate(fd, (off_t)size) < 0 ||
			 fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0
		     ? refuse(-errno, "no memory file", err, err_len)
		     : map(region, size, size, fd, err, err_len);
	if (rc < 0)
		close(fd);
	else
		region->fd = fd;
	return rc;
}

static int check(int fd, uint64_t size, size_t *mapped, char *err, size_t err_len)
{
	struct stat st;
	// First, for it asks nobody: on a file of another kind even fstat() may wait for its owner.
	if (fcntl(fd, F_GET_SEALS) < 0) {
		snprintf(err, err_len, "a region whose file is not memory (memfd)");
		return -EINVAL;
	}
	if (fstat(fd, &st) < 0)
		return refuse(-errno, "a region's file", err, err_len);
	if (size == 0 || size > MEMIF_LINK_BYTES_MAX || size > (uint64_t)st.st_size) {
		snprintf(err, err_len,
			 "a region of %" PRIu64 " bytes in a file of %" PRIu64
			 " (the most is %llu)",
			 size, (uint64_t)st.st_size, MEMIF_LINK_BYTES_MAX);
		return -EINVAL;
	}
	uint64_t page = (uint64_t)st.st_blksize; // what munmap() of huge pages wants
	*mapped = page ? (size + page - 1) / page * page : size;
	return 0;
}

int memif_region_map(struct memif_region *region, uint64_t size, int fd, char *err, size_t err_len)
{
	size_t mapped = 0;
	int rc = check(fd, size, &mapped, err, err_len);
	if (rc == 0)
		rc = map(region, size, mapped, fd, err, err_len);
	stranger_fd_close(fd);
	return rc;
}

void memif_region_close(struct memif_region *region)
{
	memory_guard_del(region->guard);
	munmap(region->addr, region->mapped);
	if (region->fd >= 0)
		close(region->fd);
}

bool memif_region_lost(const struct memif_region *region)
{
	return memory_guard_lost(region->guard);
}
