// How many masks megaflows may have, whatever rules and traffic: the cost of a lookup in swd grows
// with them, and hostile traffic chooses among all unions of what translation looked at (Csikor et
// al., "Tuple Space Explosion", CoNEXT 2019; CVE-2019-25076).
//
// A megaflow stays right when its mask gets more bits: it holds for fewer packets. So a
// translation's mask is taken as it is while there is room. From then on addresses are cut at few
// prefix lengths and other fields are taken whole, of which there are few combinations; then a mask
// in use that has all the bits, or every bit of the packet's kind. A port that has brought many
// masks is the first not to bring more: it may have as many as are left for all others.
#ifndef CTL_SWCTLD_MASK_BUDGET_H
#define CTL_SWCTLD_MASK_BUDGET_H

#include "flowtable/key.h"

#define MASKS_MAX_DEFAULT 128
#define MASKS_MAX_LEAST	  96   // its last part holds all bits of each kind of packet: 33 masks
#define MASKS_MAX_LIMIT	  1024 // swd's

struct mask_budget;

struct mask_budget *mask_budget_create(unsigned max);
void mask_budget_destroy(struct mask_budget *b);

// What a match, made for the packet `key`, is for swd once it went through the protocol. 0 or
// -EINVAL.
typedef int (*mask_canonical_fn)(struct flow_match *out, const struct flow_key *mask,
				 const struct flow_key *key);

// Gives the (canonical) match of a new megaflow, made for the packet `key`, a mask within the
// budget. false: there is none; the megaflow must not be installed.
bool mask_budget_fit(struct mask_budget *b, struct flow_match *match, const struct flow_key *key,
		     mask_canonical_fn canonical);
// A megaflow has the mask now; or has it no longer.
void mask_budget_take(struct mask_budget *b, const struct flow_match *match);
void mask_budget_give(struct mask_budget *b, const struct flow_match *match);
unsigned mask_budget_count(const struct mask_budget *b);
unsigned mask_budget_max(const struct mask_budget *b);

#endif
