// A database in a folder of its own, gone afterwards.
#ifndef TESTS_UNIT_CTL_STATE_FIXTURE_H
#define TESTS_UNIT_CTL_STATE_FIXTURE_H

#include "ctl/swctld/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct state {
	char dir[64], path[96];
	struct db *db;
};

static inline void state_open(struct state *s)
{
	char err[512];
	s->db = db_open(s->path, err, sizeof(err));
	if (!s->db)
		fail_msg("%s", err);
}

static inline void state_reopen(struct state *s)
{
	db_close(s->db);
	state_open(s);
}

static inline int state_setup(void **arg)
{
	struct state *s = calloc(1, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/swctld-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/db", s->dir);
	state_open(s);
	*arg = s;
	return 0;
}

static inline int state_teardown(void **arg)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	struct state *s = *arg;
	char path[128];
	db_close(s->db);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", s->path, suffixes[i]);
		unlink(path);
	}
	rmdir(s->dir);
	free(s);
	return 0;
}

// As on a disk with `bytes` more of room in any file; RLIM_INFINITY ends it.
static inline void disk_room(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static inline rlim_t wal_size(const struct state *s)
{
	char path[128];
	struct stat st;
	snprintf(path, sizeof(path), "%s-wal", s->path);
	return stat(path, &st) < 0 ? 0 : (rlim_t)st.st_size;
}

#endif
