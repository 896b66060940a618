// What swctld is made of: its modules, and the event loop that they share. One thread.
#ifndef CTL_SWCTLD_DAEMON_H
#define CTL_SWCTLD_DAEMON_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct event_base;

// What the operator allows at most.
struct limits {
	unsigned rules; // learned ones too
	unsigned masks; // of megaflows
	unsigned flows; // megaflows; 0: as many as swd holds
};

struct swctld {
	struct limits limits;
	const char *run_dir;
	const char *db_path;
	const char *admin_group; // whose members may change, as the operator named it; NULL: none
	gid_t admin_gid;
	struct event_base *base;
	uint64_t started_ms;
	struct db *db;
	struct counts *counts; // NULL: there is no file for them
	struct rules *rules;
	struct groups *groups;
	struct frozen_states *frozen;
	struct meters *meters;
	struct ports *ports;
	struct fdb *fdb;
	struct megaflows *megaflows;
	struct revalidator *revalidator;
	struct datapath *datapath;
	struct rpc_server *rpc;
	struct live_traces *live_traces;
	struct pmd_settings *pmd_settings;
};

static inline uint64_t clock_read_ms(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

// CLOCK_MONOTONIC to some milliseconds, as swd's "used" times: a missed packet asks for it often.
static inline uint64_t clock_now_ms(void)
{
	return clock_read_ms(CLOCK_MONOTONIC_COARSE);
}

#endif
