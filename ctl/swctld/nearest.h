// The rule of a table that came nearest to being taken for a packet: what a trace tells of.
#ifndef CTL_SWCTLD_NEAREST_H
#define CTL_SWCTLD_NEAREST_H

#include "ctl/of_field.h"
#include "ctl/swctld/rule.h"
#include "flowtable/classifier.h"

struct nearest {
	const struct rule *rule; // NULL: there is none
	bool matches;		 // it does, and is of lower priority
	enum of_field_id field;	 // otherwise: the first one it differs in
};

// Of the rules that would have been preferred to `winner` (NULL: none won) had they matched, the
// one that differs in the fewest fields; among those, the one that agrees in the most, and then the
// one of the highest priority. Where none would have been preferred, the next one that matches,
// too.
struct nearest nearest_find(const struct classifier *c, const struct of_key *key,
			    const struct rule *winner);

// As flows have it ("nw_dst").
const char *nearest_field_name(enum of_field_id field);

#endif
