#include "ctl/swctld/counts_file.h"

#include "ctl/account.h"
#include "ctl/swctld/flow_ids.h"
#include "ctl/swctld/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES ((size_t)16384)
#define GROW_RECORDS ((uint32_t)16384)

static const char magic[8] = "swcount1";

static_assert(sizeof(struct counts_header) <= HEADER_BYTES, "the header has room");
static_assert(sizeof(struct counts_record) == 24, "records of two versions are of one size");

// Multiples of GROW_RECORDS, so that growth ends within.
#define FLOWS_MAX (1u << FLOW_IDS_PLACE_BITS)
#define RULES_MAX ((RULES_MAX_LIMIT / GROW_RECORDS + 1) * GROW_RECORDS)

static const uint32_t max_records[COUNTS_N_KINDS] = {FLOWS_MAX, RULES_MAX};

// How many stand before those of a kind, and in all.
static const uint32_t records_before[COUNTS_N_KINDS + 1] = {0, FLOWS_MAX, FLOWS_MAX + RULES_MAX};

static size_t offset_of(enum counts_kind kind)
{
	return HEADER_BYTES + records_before[kind] * sizeof(struct counts_record);
}

// A page that is written to for the first time when there is no memory for it ends the process:
// each is asked for before.
static int reserve(const struct counts *c, size_t offset, size_t bytes)
{
	int err;
	do {
		err = posix_fallocate(c->fd, (off_t)offset, (off_t)bytes);
	} while (err == EINTR);
	return -err;
}

// Nobody else may have a part in it, and nothing but a file of ours is taken for it.
static bool is_ours(int fd, uid_t uid)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == uid &&
	       (st.st_mode & 077) == 0;
}

static int open_or_make(const char *path, uid_t uid)
{
	uid_t owner = uid == ACCOUNT_NONE ? geteuid() : uid;
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && is_ours(fd, owner))
		return fd;
	if (fd >= 0)
		close(fd);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fchown(fd, uid, (gid_t)-1) == 0)
		return fd;
	int err = -errno;
	close(fd);
	unlink(path);
	return err;
}

int counts_file_open(struct counts *c, const char *path, uid_t uid)
{
	c->fd = open_or_make(path, uid);
	if (c->fd < 0)
		return c->fd;
	int err = reserve(c, 0, HEADER_BYTES);
	char *memory = MAP_FAILED;
	if (!err)
		memory = mmap(NULL, offset_of(COUNTS_N_KINDS), PROT_READ | PROT_WRITE, MAP_SHARED,
			      c->fd, 0);
	if (!err && memory == MAP_FAILED)
		err = -errno;
	if (err) {
		close(c->fd);
		return err;
	}
	c->header = (struct counts_header *)(void *)memory;
	for (enum counts_kind k = 0; k < COUNTS_N_KINDS; k++)
		c->records[k] = (struct counts_record *)(void *)(memory + offset_of(k));
	return 0;
}

void counts_file_close(struct counts *c)
{
	munmap(c->header, offset_of(COUNTS_N_KINDS));
	close(c->fd);
}

bool counts_file_is_sound(struct counts *c)
{
	const struct counts_header *h = c->header;
	if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->token == 0 ||
	    h->n_redo > COUNTS_STAGED_MAX)
		return false;
	for (enum counts_kind k = 0; k < COUNTS_N_KINDS; k++) {
		if (h->room[k] > max_records[k] ||
		    (h->room[k] > 0 &&
		     reserve(c, offset_of(k), h->room[k] * sizeof(struct counts_record)) < 0))
			return false;
	}
	return true;
}

static int token_make(struct counts_header *h)
{
	uint64_t token;
	if (getrandom(&token, sizeof(token), 0) != sizeof(token))
		return -EIO;
	h->token = token | 1; // 0 is none
	return 0;
}

int counts_file_reset(struct counts *c, uint64_t owner)
{
	struct counts_header *h = c->header;
	memset(h, 0, sizeof(*h));
	if (ftruncate(c->fd, HEADER_BYTES) < 0)
		return -errno;
	int err = token_make(h);
	if (err)
		return err;
	h->owner = owner;
	memcpy(h->magic, magic, sizeof(magic));
	return 0;
}

int counts_file_forget_flows(struct counts *c)
{
	struct counts_header *h = c->header;
	for (uint32_t place = 0; place < h->room[COUNTS_FLOWS]; place++)
		c->records[COUNTS_FLOWS][place].id = 0;
	int err = token_make(h);
	if (!err)
		h->flows_missing = 0;
	return err;
}

int counts_file_grow(struct counts *c, enum counts_kind kind, uint32_t place)
{
	uint32_t room = c->header->room[kind];
	uint32_t wanted = (place / GROW_RECORDS + 1) * GROW_RECORDS;
	if (wanted > max_records[kind])
		return -EFBIG;
	int err = reserve(c, offset_of(kind) + room * sizeof(struct counts_record),
			  (wanted - room) * sizeof(struct counts_record));
	if (!err)
		c->header->room[kind] = wanted;
	return err;
}
