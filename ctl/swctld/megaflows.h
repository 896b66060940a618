// The megaflows that swd holds as far as swctld knows: what each was made from, and what it has
// counted.
//
// A megaflow was right under generation `gen` of the state (rules, ports, learned addresses). They
// stand in one list in the order of their generations, so that the first one tells whether any is
// stale.
#ifndef CTL_SWCTLD_MEGAFLOWS_H
#define CTL_SWCTLD_MEGAFLOWS_H

#include "ctl/swctld/counts.h"
#include "ctl/swctld/flow_ids.h"
#include "ctl/swctld/mask_budget.h"
#include "ctl/swctld/translate.h"

// The rules that a megaflow's packets count for, each with a reference.
struct known_rules {
	unsigned n;
	struct rule *list[];
};

struct megaflows;

// Counters of a megaflow as swd told them.
struct flow_reading {
	uint64_t packets, bytes;
	uint64_t used_ms; // CLOCK_MONOTONIC; 0: never
	uint64_t at_ms;	  // when it was asked for
};

// What swd calls a megaflow by (OVS_FLOW_ATTR_UFID): ours, and which.
struct flow_ufid {
	uint64_t token; // of the swctld that made it, and of those that go on with its counts
	uint32_t id, pad;
};

struct known_flow {
	struct flow_match match;
	// A line: what each dump and the walk behind it look at.
	struct known_flow *next;
	struct flow_reading last;
	uint64_t created_ms;
	struct known_rules *rules; // whose the counters are; NULL: no rule's
	uint32_t round;		   // of the last dump that held it
	bool adopted : 1;	   // of an earlier swctld, and not yet translated: counts for
				   // no rule before
	bool absent : 1;	   // swd does not have it: to be sent even if it has not changed
	bool seen : 1;		   // in a dump
	bool leaving : 1;	   // deletion was sent
	bool aside : 1;		   // not in the list
	bool switching : 1;
	bool used_normal : 1;
	bool learns : 1; // its packets refresh what learn() taught
	// The rest.
	struct known_rules *next_rules; // whose they are from the answer that `switching` awaits
	struct known_flow *prev;
	uint64_t gen; // 0: of a time before ours
	uint64_t sent_ms;
	char *actions; // as OVS_ACTION_ATTR_* attributes
	uint32_t id;   // nlmsg_seq of messages about it: errors and final counters carry it
	unsigned n_sent;
	uint16_t actions_len;
	uint16_t normal_vlan; // where NORMAL learned, and what
	struct eth_addr normal_mac;
	uint8_t n_frozen; // states that it recirculates to (frozen.h)
	uint32_t frozen[XLATE_FROZEN_MAX];
	struct dependences on;
};

static_assert(offsetof(struct known_flow, next_rules) ==
		  offsetof(struct known_flow, next) + FLOW_KEY_LINE,
	      "what a dump looks at is one cache line");

struct megaflows *megaflows_create(unsigned max_masks, struct frozen_states *frozen);
void megaflows_destroy(struct megaflows *m);

// What the megaflows have counted is kept in `counts` from now on; those that an earlier swctld
// left there have their numbers. Before the first is added. false when out of memory.
bool megaflows_keep_counts(struct megaflows *m, struct counts *counts);
// One that swd has and an earlier swctld made: with its number, and in `last` what was counted of
// it. NULL: none of that name is in the counts, or out of memory.
struct known_flow *megaflows_resume(struct megaflows *m, const struct flow_ufid *ufid,
				    const struct flow_match *match, uint64_t now_ms);
// All that swd has were shown: those that it has not are gone.
void megaflows_resumed(struct megaflows *m);

struct known_flow *megaflows_find(const struct megaflows *m, const struct flow_match *match);
// Also finds those that are leaving.
struct known_flow *megaflows_by_id(const struct megaflows *m, uint32_t id);
void megaflows_ufid(const struct megaflows *m, const struct known_flow *f, struct flow_ufid *ufid);
// NULL also for one of another swctld, or of an earlier one that was not resumed.
struct known_flow *megaflows_by_ufid(const struct megaflows *m, const struct flow_ufid *ufid);
// A new one, with generation 0 at the head of the list. NULL when out of memory.
struct known_flow *megaflows_add(struct megaflows *m, const struct flow_match *match,
				 uint64_t now_ms);
// Its deletion was sent: only megaflows_by_id finds it until megaflows_forget.
void megaflows_leave(struct megaflows *m, struct known_flow *f);
void megaflows_forget(struct megaflows *m, struct known_flow *f);
// The connection is gone: no more answers to wait for.
void megaflows_forget_leaving(struct megaflows *m);
// Was found right under generation `gen`, not below any other's. Moves it to the end of the list.
void megaflows_stamp(struct megaflows *m, struct known_flow *f, uint64_t gen);
// Not right any more: to the head of the list.
void megaflows_outdate(struct megaflows *m, struct known_flow *f);

// What it goes on from is not known yet: out of the list, until all that stand aside come back to
// its head.
void megaflows_put_aside(struct megaflows *m, struct known_flow *f);
void megaflows_take_back(struct megaflows *m);

// In the order of generations.
struct known_flow *megaflows_first(const struct megaflows *m);
unsigned megaflows_count(const struct megaflows *m);
// Other rules decide over it now: what it counted up to the answer of a change that was sent is the
// former rules'. Takes `rules` over.
void megaflows_switch_begin(struct megaflows *m, struct known_flow *f, struct known_rules *rules);
void megaflows_switch_end(struct megaflows *m, struct known_flow *f);
// No answers will come any more.
void megaflows_switch_end_all(struct megaflows *m);
// How many came in by this port.
unsigned megaflows_count_port(const struct megaflows *m, uint32_t in_port);
// Its actions recirculate to these states now.
void megaflows_refer(struct megaflows *m, struct known_flow *f, const uint32_t *frozen, unsigned n);
// The masks that they have.
struct mask_budget *megaflows_masks(const struct megaflows *m);
// Answers that swd owes. Senders stop at the bound, since swd keeps only so many bytes for who does
// not read them.
#define MEGAFLOWS_AWAITED_MAX 4000
unsigned megaflows_n_awaited(const struct megaflows *m);
bool megaflows_may_await(const struct megaflows *m);

// A translation's rules. *rules is NULL for none; false when out of memory.
bool known_rules_make(struct known_rules **rules, struct rule *const *list, unsigned n);
void known_rules_free(struct known_rules *rules);
bool known_rules_same(const struct known_rules *rules, struct rule *const *list, unsigned n);

// Takes a copy of encoded actions. 0 or -ENOMEM.
int known_flow_set_actions(struct known_flow *f, const void *actions, uint16_t len);
bool known_flow_same_actions(const struct known_flow *f, const void *actions, uint16_t len);
// What a reading adds to the last one, which it replaces. A reading that is older than the last
// gives nothing. Counters that went back were started again.
struct flow_reading known_flow_account(struct known_flow *f, const struct flow_reading *reading);
// When it last did something.
uint64_t known_flow_used_ms(const struct known_flow *f);

#endif
