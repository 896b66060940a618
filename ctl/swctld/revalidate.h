// Keeping megaflows right: each is translated again after what it was made from has changed.
//
// The state that translation reads has a generation, which grows with each change. Work is done in
// short turns of the event loop that start at once after a change, so that changes that come
// together are done together and nobody waits long.
#ifndef CTL_SWCTLD_REVALIDATE_H
#define CTL_SWCTLD_REVALIDATE_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/flow_ops.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/rules.h"

struct revalidator;

struct revalidator *revalidator_create(struct swctld *d);
void revalidator_destroy(struct revalidator *r);

// Ports changed, or anything: concerns all megaflows.
void revalidate_all(struct revalidator *r);
// Rules or groups changed: concerns those that may have met them.
void revalidate_rules_changed(struct revalidator *r, const struct rules_change *change);
// A port's link came or went: concerns those that asked for it.
void revalidate_links_changed(struct revalidator *r);
// A first turn before it returns: a small table is then right before the user has the reply.
void revalidate_now(struct revalidator *r);
// Learned addresses changed: concerns those that NORMAL made.
void revalidate_macs_changed(struct revalidator *r);
// Goes on with what is stale, if anything is.
void revalidate_resume(struct revalidator *r);
// swd has answered: goes on if that was waited for.
void revalidate_answered(struct revalidator *r);
// After a restart: what recently used megaflows tell of who is where.
void revalidate_learn_again(struct revalidator *r);

// Translates under the present state. `learn`: NORMAL learns the packet's source, and the result
// has the rules that it teaches, for revalidate_learn(); otherwise nothing is learned.
int revalidate_translate(struct revalidator *r, const struct flow_key *key, bool learn,
			 struct xlate_result *result);
// Adds the rules that a packet teaches, when nobody needs the result's rules any more: they may go.
void revalidate_learn(struct revalidator *r, struct xlate_result *result);
// Packets of `f` have passed: what they teach is learned again.
void revalidate_teach(struct revalidator *r, const struct known_flow *f);
// Makes `f` what a translation under the present state gave, and sends it when swd's differs or
// `force`. 0, or an error of outbox_put or -ENOMEM; then it stays stale.
int revalidate_apply(struct revalidator *r, struct known_flow *f, const struct xlate_result *result,
		     const struct encoded_actions *actions, bool force);

#endif
