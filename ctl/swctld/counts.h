// What rules and megaflows have counted, in a file of the run dir that is mapped into memory: it
// outlives swctld, however that ends, and the next one goes on with it.
//
// Beside what each rule has counted stands how much of each megaflow's counters in swd is in it, so
// that the next swctld adds the rest, and nothing twice. What one reading changes is staged, and
// takes effect as a whole: a swctld that is killed in between leaves a list of what was to be
// written, which the next one writes.
//
// All take a NULL for the counts, and do nothing then. Where the file cannot grow, a rule or
// megaflow is not in it, and counts in memory only.
#ifndef CTL_SWCTLD_COUNTS_H
#define CTL_SWCTLD_COUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNTS_FILE	  "swctld.counts"
#define COUNTS_STAGED_MAX 257 // rules that count one packet, and its megaflow

struct counts;

struct counted {
	uint64_t packets, bytes;
};

// The file in this folder, which belongs to `uid` (ACCOUNT_NONE: who runs swctld). NULL, with a
// line in the log, when there can be none.
struct counts *counts_open(const char *run_dir, uid_t uid);
void counts_close(struct counts *c); // the file stays
// Rules by these ids are those of the database `owner`: what another's have counted is forgotten.
void counts_claim(struct counts *c, uint64_t owner);
// Of the swctlds that share the file, in their megaflows' UFIDs. 0: there is no file.
uint64_t counts_token(const struct counts *c);

// What a rule had counted, and its place for the calls below. false: it is not in the file.
bool counts_rule_resume(struct counts *c, int64_t id, uint32_t *place, struct counted *counted);
// All have been asked for: the others are gone.
void counts_rules_resumed(struct counts *c);
// *place 0: it has none yet.
void counts_rule_stage(struct counts *c, uint32_t *place, int64_t id, struct counted counted);
void counts_rule_gone(struct counts *c, uint32_t *place);

// The megaflows in the file, by their ids (flow_ids.h), in the order of their places: start with
// *cursor 0. 0 at the end.
uint32_t counts_flow_next(const struct counts *c, uint32_t *cursor);
bool counts_flow_find(const struct counts *c, uint32_t id, struct counted *counted);
void counts_flow_add(struct counts *c, uint32_t id); // has counted nothing yet
void counts_flow_gone(struct counts *c, uint32_t id);
void counts_flow_stage(struct counts *c, uint32_t id, struct counted counted);

// What was staged is in the file. Before the file's list is full, at COUNTS_STAGED_MAX.
void counts_commit(struct counts *c);

#endif
