#include "vhost/mem_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct mapping {
	void *addr;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int refuse(char *err, size_t err_len, const char *fmt,
							...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(err, err_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

static bool wraps(uint64_t start, uint64_t size)
{
	return start > UINT64_MAX - size;
}

static int check_numbers(const struct mem_region *r, unsigned i, char *err, size_t err_len)
{
	if (r->size == 0)
		return refuse(err, err_len, "region %u is empty", i);
	if (wraps(r->offset, r->size) || wraps(r->guest_addr, r->size) ||
	    wraps(r->user_addr, r->size))
		return refuse(err, err_len, "region %u of %#" PRIx64 " bytes goes past 2^64", i,
			      r->size);
	return 0;
}

static int check_overlaps(const struct mem_region *regions, unsigned n, char *err, size_t err_len)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < i; j++) {
			const struct mem_region *a = &regions[i], *b = &regions[j];
			if (a->guest_addr < b->guest_addr + b->size &&
			    b->guest_addr < a->guest_addr + a->size)
				return refuse(err, err_len, "regions %u and %u overlap", j, i);
		}
	}
	return 0;
}

// Maps what librte_vhost will map: the file from its start, in whole pages of its file system.
static int map_region(const struct mem_region *r, int fd, unsigned i, struct mapping *m, char *err,
		      size_t err_len)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return refuse(err, err_len, "the file of region %u: %s", i, strerror(errno));
	uint64_t end = r->offset + r->size;
	// Others (a /dev/dax) have no size to compare with.
	if (S_ISREG(st.st_mode) && end > (uint64_t)st.st_size)
		return refuse(err, err_len,
			      "region %u ends at %#" PRIx64 " of a file of %#" PRIx64 " bytes", i,
			      end, (uint64_t)st.st_size);
	uint64_t page = (uint64_t)st.st_blksize;
	uint64_t size = page ? (end + page - 1) & ~(page - 1) : 0;
	if (size < end)
		return refuse(err, err_len, "region %u of %#" PRIx64 " bytes goes past 2^64", i,
			      r->size);
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		int rc = -errno;
		refuse(err, err_len, "region %u of %#" PRIx64 " bytes: %s", i, r->size,
		       strerror(errno));
		return rc;
	}
	*m = (struct mapping){addr, size};
	return 0;
}

// All at once: each alone may fit where all together do not.
static int map_all(const struct mem_region *regions, const int *fds, unsigned n, char *err,
		   size_t err_len)
{
	struct mapping mappings[MESSAGE_FDS_MAX] = {{0}};
	unsigned mapped = 0;
	int rc = 0;
	while (mapped < n && rc == 0) {
		rc = map_region(&regions[mapped], fds[mapped], mapped, &mappings[mapped], err,
				err_len);
		if (rc == 0)
			mapped++;
	}
	while (mapped-- > 0)
		munmap(mappings[mapped].addr, mappings[mapped].size);
	return rc;
}

int mem_table_check(const struct mem_region *regions, const int *fds, unsigned n, char *err,
		    size_t err_len)
{
	if (n == 0 || n > MESSAGE_FDS_MAX)
		return refuse(err, err_len, "%u regions instead of 1 to %u", n, MESSAGE_FDS_MAX);
	int rc = 0;
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = check_numbers(&regions[i], i, err, err_len);
	if (rc == 0)
		rc = check_overlaps(regions, n, err, err_len);
	return rc == 0 ? map_all(regions, fds, n, err, err_len) : rc;
}

int mem_table_check_message(const struct message *m, char *err, size_t err_len)
{
	struct mem_region regions[MESSAGE_FDS_MAX] = {0};
	int fds[MESSAGE_FDS_MAX] = {0};
	unsigned n = m->mem.n_regions;
	if (n > MESSAGE_FDS_MAX)
		return mem_table_check(regions, fds, n, err, err_len);
	size_t size = offsetof(struct message, mem.regions) - offsetof(struct message, mem) +
		      n * sizeof(regions[0]);
	if (m->size < size)
		return refuse(err, err_len, "%u regions do not fit into %" PRIu32 " bytes", n,
			      m->size);
	if ((unsigned)m->n_fds != n)
		return refuse(err, err_len, "%u regions with %d files", n, m->n_fds);
	memcpy(regions, m->mem.regions, n * sizeof(regions[0]));
	memcpy(fds, m->fds, n * sizeof(fds[0]));
	return mem_table_check(regions, fds, n, err, err_len);
}
