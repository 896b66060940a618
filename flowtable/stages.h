// Staged lookup: tells from few of a packet's fields that no rule of a subtable matches it.
//
// A subtable's mask is cut in up to four stages, from outer to inner: metadata, L2, L3, L4. Each
// stage but the last keeps the hashes of the rules' keys up to and with it. A packet whose hash is
// not there matches none of the rules, and that was learned without the inner stages' fields, which
// so need not be in its megaflow's mask: a rule for one TCP port leaves UDP's megaflows without
// ports. Two keys with one hash only cost such bits, never a wrong answer.
//
// Source: Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.3.
#ifndef FLOWTABLE_STAGES_H
#define FLOWTABLE_STAGES_H

#include "flowtable/hash_counts.h"
#include "flowtable/key.h"

#define STAGES_EARLY 3 // all but the last, which is the subtable itself

// The mask's bits up to and with the stage, and the hashes of the rules' keys in them.
struct stage {
	struct flow_key mask;
	struct hash_counts hashes;
	bool line2;
};

struct stages {
	struct stage early[STAGES_EARLY];
	unsigned n; // of `early`: stages in which the mask has no bits are left out
};

void stages_init(struct stages *s, const struct flow_key *mask);
void stages_fini(struct stages *s);
int stages_add(struct stages *s, const struct flow_key *key);  // a rule's; 0 or -ENOMEM
void stages_del(struct stages *s, const struct flow_key *key); // must be inside
// The bits that tell that no rule matches the key, or NULL: it takes the whole mask to tell.
const struct flow_key *stages_stop(const struct stages *s, const struct flow_key *key);

#endif
