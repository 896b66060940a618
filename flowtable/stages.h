// Staged lookup: tells from few of a packet's fields that no rule of a subtable matches it.
//
// A subtable's mask is cut in up to four stages, from outer to inner: metadata, L2, L3, L4
// (cls_mask.h). Each stage but the last keeps the hashes of the rules' keys up to and with it. A
// packet whose hash is not there matches none of the rules, and that was learned without the inner
// stages' fields, which so need not be in its megaflow's mask: a rule for one TCP port leaves UDP's
// megaflows without ports. Two keys with one hash only cost such bits, never a wrong answer.
//
// Source: Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.3.
#ifndef FLOWTABLE_STAGES_H
#define FLOWTABLE_STAGES_H

#include "flowtable/cls_mask.h"
#include "flowtable/hash_counts.h"

struct stages {
	struct hash_counts early[CLS_STAGES - 1]; // without the last one of the mask's
};

// A rule's hashes, of which there are n_stages (cls_mask_hashes()). 0 or -ENOMEM.
int stages_add(struct stages *s, unsigned n_stages, const uint32_t *hashes);
void stages_del(struct stages *s, unsigned n_stages, const uint32_t *hashes); // must be inside
void stages_fini(struct stages *s);

#endif
