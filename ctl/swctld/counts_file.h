// The file behind counts.h: a header, then a record for each place of a megaflow, then those of
// rules.
#ifndef CTL_SWCTLD_COUNTS_FILE_H
#define CTL_SWCTLD_COUNTS_FILE_H

#include "ctl/swctld/counts.h"

#include <stddef.h>

enum counts_kind { COUNTS_FLOWS, COUNTS_RULES, COUNTS_N_KINDS };

struct counts_record {
	uint64_t id; // 0: free
	struct counted counted;
};

// One that is to be written, if n_redo reaches it.
struct counts_redo {
	uint32_t kind, place;
	struct counted counted;
};

struct counts_header {
	char magic[8];
	uint64_t owner, token;
	uint32_t room[COUNTS_N_KINDS]; // records that have memory
	uint32_t n_redo;
	uint32_t flows_missing; // megaflows have its token, and no record
	struct counts_redo redo[COUNTS_STAGED_MAX];
};

struct counts_by_id {
	uint64_t id;
	uint32_t place;
	bool taken;
};

struct counts {
	int fd;
	struct counts_header *header;
	struct counts_record *records[COUNTS_N_KINDS];
	uint32_t n_staged;
	uint32_t free_rule;	// a list of places, through counted.packets; 0: none
	uint64_t full_until_ms; // no attempt to grow before
	bool told_full;
	struct counts_by_id *by_id; // while rules resume
	size_t n_by_id;
};

// Opens or makes the file, and maps it. 0 or -errno.
int counts_file_open(struct counts *c, const char *path, uid_t uid);
void counts_file_close(struct counts *c);
// Whether what it holds can be used; then all its records have memory.
bool counts_file_is_sound(struct counts *c);
// As a new one: without a record.
int counts_file_reset(struct counts *c, uint64_t owner);
// A new token, and no megaflow. 0 or -errno.
int counts_file_forget_flows(struct counts *c);
// Memory for the record at `place`, and some behind it. 0 or -errno.
int counts_file_grow(struct counts *c, enum counts_kind kind, uint32_t place);

#endif
