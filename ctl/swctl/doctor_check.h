// What the checks of `swctl doctor` share: the facts that they look at, and their findings. A check
// is a function and a row of the table in doctor.c.
#ifndef CTL_SWCTL_DOCTOR_CHECK_H
#define CTL_SWCTL_DOCTOR_CHECK_H

#include "ctl/swctl/proc.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_SKIPPED, // could not be looked at
	DOCTOR_HINT,	// it works, and could be faster
	DOCTOR_WARNING, // it works in part, or waits for something
	DOCTOR_PROBLEM,
	DOCTOR_LEVELS,
};

// What swctld was asked.
enum doctor_fact {
	FACT_SHOW,
	FACT_VERSION,
	FACT_PORTS,
	FACT_GUESTS,
	FACT_DROPS,
	FACT_PMDS,
	FACT_DATAPATH,
	FACT_REBALANCE,
	FACT_RULES,
	FACTS,
};

// One that listens at a socket of the run dir.
struct doctor_daemon {
	int err;   // of connecting; 0: it listens
	pid_t pid; // 0: not known
};

// All that a look at the host and the switch gave. JSON of what was not answered is NULL.
struct doctor {
	const char *root; // of /proc and /sys; "" on a host
	const char *run_dir;
	struct doctor_daemon swctld, swd;
	json_t *now[FACTS], *before[FACTS];
	char refusals[FACTS][256]; // why there is no answer
	double seconds;		   // between both looks
	struct proc_threads threads, threads_before;
	json_t *findings;  // {"check", "level", "about", "text", "mend"}
	const char *check; // the running one's name
};

// Checks. Each says one thing at least.
void doctor_check_daemons(struct doctor *d);
void doctor_check_sockets(struct doctor *d);
void doctor_check_hugepages(struct doctor *d);
void doctor_check_links(struct doctor *d);
void doctor_check_memory(struct doctor *d);
void doctor_check_features(struct doctor *d);
void doctor_check_mtu(struct doctor *d);
void doctor_check_cores(struct doctor *d);
void doctor_check_queues(struct doctor *d);
void doctor_check_drops(struct doctor *d);
void doctor_check_limits(struct doctor *d);
void doctor_check_rules(struct doctor *d);
void doctor_check_database(struct doctor *d);

// A finding about something ("vm1", "node 0"; "" for the whole), and then its mend, where it has
// one.
void doctor_find(struct doctor *d, enum doctor_level level, const char *about, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void doctor_mend(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Whether the running check has found more than what is well.
bool doctor_found(const struct doctor *d);
unsigned doctor_count(const struct doctor *d, enum doctor_level level);
const char *doctor_level_name(enum doctor_level level);

// Lists of facts, and the member of a list whose `key` is `text`, or NULL.
const json_t *doctor_list(const json_t *fact, const char *name);
const json_t *doctor_member(const json_t *list, const char *key, const char *text);
// swd's process, or that of swctld, with its rights. false: not known.
bool doctor_daemon_proc(const struct doctor *d, const struct doctor_daemon *daemon,
			struct proc *proc);

// What was found, with colours when `colour`. 0 or -ENOMEM.
void doctor_print(const struct doctor *d, bool colour, FILE *out);
json_t *doctor_json(const struct doctor *d); // to be freed; NULL: out of memory

#endif
