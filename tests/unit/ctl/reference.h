// The reference interpreter of the OpenFlow pipeline: plain, slow, and written from the
// specifications (OpenFlow 1.3.5; ovs-actions(7) and ovs-fields(7) where they say more) without
// a look at the translator that it is there to judge. Walks rules one by one and changes a packet
// by one action after the other. NORMAL is not in it.
#ifndef TESTS_UNIT_CTL_REFERENCE_H
#define TESTS_UNIT_CTL_REFERENCE_H

#include "tests/unit/ctl/model.h"

#include "ctl/of_flow.h"
#include "ctl/of_group.h"

#define REF_TABLES	  8
#define REF_DEPTH_MAX	  64
#define REF_RESUBMITS_MAX 4096
#define REF_STACK_MAX	  64
#define REF_SET_MAX	  64 // actions of the action set
#define REF_EVENTS_MAX	  512
#define REF_LEARNED_MAX	  64
#define REF_RULES_MAX	  400
#define REF_CHOICES_MAX	  32

struct ref_rule {
	struct of_match match;
	const struct of_actions *actions;
	unsigned no; // 0 to REF_RULES_MAX - 1
	uint16_t priority;
	uint8_t table;
};

struct ref_port {
	uint32_t no;
	bool up;
};

struct ref_switch {
	const struct ref_rule *rules[REF_TABLES][REF_RULES_MAX]; // by priority, the highest first
	unsigned n_rules[REF_TABLES];
	const struct of_group *groups; // by id
	unsigned n_groups;
	const struct ref_port *ports; // by no
	unsigned n_ports;
};

// Where a hash decides (select groups, multipath, bundle), any outcome is right that the
// documents allow, as long as it is always the same for packets whose hashed fields are the same.
// So the outcomes are handed in: the i-th decision takes choice[i] of radix[i] ones.
struct ref_choices {
	unsigned n; // that the last run came to
	unsigned choice[REF_CHOICES_MAX], radix[REF_CHOICES_MAX];
};

// The next combination; false after the last.
bool ref_choices_next(struct ref_choices *choices);

enum ref_event_kind { REF_OUTPUT, REF_METER };

struct ref_event {
	enum ref_event_kind kind;
	uint32_t no;	  // of the port or meter
	uint32_t max_len; // bytes; 0: whole
	struct model packet;
};

// A list, in order, of what becomes of a packet.
struct ref_events {
	unsigned n;
	struct ref_event list[REF_EVENTS_MAX];
};

struct ref_learned {
	struct of_flow flow; // actions: of `actions`
	union {
		struct of_actions list;
		uint64_t room[256];
	} actions;
};

struct ref_result {
	struct ref_events events;
	// The documents do not say what happens, or the switch cannot know what it would need
	// to: nothing can be compared.
	const char *unclear; // why; NULL: it is clear
	bool dropped;	     // by the limits of resubmit
	bool copy_expired;   // a copy's TTL ran out
	bool expired;	     // its TTL ran out: what would have come later has not happened
	unsigned n_rules;
	unsigned rules[REF_RULES_MAX]; // that it met: numbers, each once
	unsigned n_learned;
	struct ref_learned learned[REF_LEARNED_MAX];
};

void ref_run(const struct ref_switch *sw, uint32_t in_port, const struct model *packet,
	     struct ref_choices *choices, struct ref_result *result);

bool ref_events_equal(const struct ref_events *a, const struct ref_events *b);
void ref_events_print(FILE *out, const struct ref_events *events);

#endif
