// What has changed of the state that translation reads, and which megaflows that may concern.
//
// Each change has a generation, one above the last. A megaflow that was right under generation g
// has to be translated again only if something later concerns it: a table that its packet was
// looked up in, with a rule that can match packets of the megaflow; groups and port states, or
// learned addresses, if its translation asked for them.
#ifndef CTL_SWCTLD_CHANGES_H
#define CTL_SWCTLD_CHANGES_H

#include "ctl/swctld/rules.h"
#include "ctl/swctld/translate.h"

#define CHANGES_TOLD_MAX 1024 // rules that are remembered one by one

struct changes {
	uint64_t gen;	     // of the state now, from 1
	uint64_t all_gen;    // last change of which only that is known
	uint64_t groups_gen; // groups or port states
	uint64_t macs_gen;
	uint64_t table_gen[OF_TABLE_MAX + 1];	   // of any rule in the table
	uint64_t table_many_gen[OF_TABLE_MAX + 1]; // of more rules than were told
	uint64_t forgotten_gen;			   // up to here rules were told and are forgotten
	uint64_t n_told;
	struct changes_told {
		uint64_t gen;
		uint8_t table;
		struct flow_match match; // of the rule, its packet's part
	} told[CHANGES_TOLD_MAX];	 // a ring
};

void changes_init(struct changes *c);
void changes_all(struct changes *c);
void changes_rules(struct changes *c, const struct rules_change *change);
void changes_groups(struct changes *c);
void changes_macs(struct changes *c);
// Whether anything later than `gen` may concern a megaflow.
bool changes_concern(const struct changes *c, uint64_t gen, const struct flow_match *match,
		     const struct dependences *on);

#endif
