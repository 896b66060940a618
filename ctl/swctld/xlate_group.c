// Groups (OpenFlow 1.3.5, 5.6), multipath and bundle: which of several ways a packet takes.
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"

#include <math.h>

#define WATCH_DEPTH_MAX	 16   // groups that watch groups
#define WATCHED_MAX	 4096 // buckets of watched groups that one packet looks at
#define HRW_LINKS_MAX	 64   // more by iterated hash
#define LIVE_BUCKET_NONE (-1)

static bool group_is_live(struct xlate *x, uint32_t id, unsigned depth);

static bool bucket_is_live(struct xlate *x, const struct of_bucket *bucket, unsigned depth)
{
	bool watches_group = bucket->watch_group != UINT32_MAX;
	if (!bucket->watch_port && !watches_group)
		return true;
	if (bucket->watch_port && xlate_port_is_up(x->ctx, bucket->watch_port))
		return true;
	return watches_group && depth < WATCH_DEPTH_MAX &&
	       group_is_live(x, bucket->watch_group, depth + 1);
}

// Groups that watch groups have more ways among them than can be walked: past a bound none is live.
static bool group_is_live(struct xlate *x, uint32_t id, unsigned depth)
{
	const struct group *group = groups_find(x->ctx->groups, id);
	for (unsigned i = 0; group && i < group->of.n_buckets; i++) {
		if (x->n_watched == WATCHED_MAX)
			return false;
		x->n_watched++;
		if (bucket_is_live(x, &group->of.buckets[i], depth))
			return true;
	}
	return false;
}

static int first_live(struct xlate *x, const struct of_group *group)
{
	for (unsigned i = 0; i < group->n_buckets; i++) {
		if (bucket_is_live(x, &group->buckets[i], 0))
			return (int)i;
	}
	return LIVE_BUCKET_NONE;
}

// Weighted rendezvous hashing: each bucket draws a number from the packet's hash and its own id,
// and the best one for its weight wins. A bucket that comes or goes moves only its own share.
// Source: Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005.
static int best_live(struct xlate *x, const struct of_group *group, uint32_t hash)
{
	int best = LIVE_BUCKET_NONE;
	double best_score = 0;
	for (unsigned i = 0; i < group->n_buckets; i++) {
		const struct of_bucket *bucket = &group->buckets[i];
		if (bucket->weight == 0 || !bucket_is_live(x, bucket, 0))
			continue;
		double draw = (xlate_hash_u32(bucket->id, hash) + 0.5) / 4294967296.0;
		double score = bucket->weight / -log(draw);
		if (score > best_score) {
			best = (int)i;
			best_score = score;
		}
	}
	return best;
}

static int selected(struct xlate *x, const struct of_group *group)
{
	static const struct of_key none;
	uint32_t basis = xlate_hash_u32((uint32_t)(group->selection_param >> 32),
					(uint32_t)group->selection_param);
	if (of_key_equal(&group->hash_fields, &none))
		return best_live(x, group, xlate_hash_fields(x, OF_HASH_SYMMETRIC_L4, basis));
	return best_live(x, group, xlate_hash_masked(x, &group->hash_fields, basis));
}

// A bucket's actions are an action set, run on a copy of the packet.
static void run_bucket(struct xlate *x, const struct of_bucket *bucket)
{
	struct xlate_state saved = x->now;
	if (!xlate_may_nest(x))
		return;
	x->depth++;
	x->n_nested++;
	x->n_copies++;
	x->n_resubmits++;
	if (bucket->actions)
		xlate_as_action_set(x, bucket->actions->records, bucket->actions->n_bytes);
	x->n_copies--;
	x->n_nested--;
	x->depth--;
	xlate_freeze_end(x, false);
	x->now = saved;
	x->exits = x->dead = false;
}

static void run_chosen(struct xlate *x, const struct of_group *group, int chosen)
{
	if (chosen == LIVE_BUCKET_NONE) {
		xlate_note(x, "group %u: no live bucket", group->id);
		return;
	}
	xlate_note(x, "bucket %u", group->buckets[chosen].id);
	run_bucket(x, &group->buckets[chosen]);
}

void xlate_group(struct xlate *x, uint32_t id)
{
	const struct group *found = groups_find(x->ctx->groups, id);
	x->result->on.groups = true;
	if (!found) {
		xlate_note(x, "group %u: there is none", id);
		return;
	}
	const struct of_group *group = &found->of;
	if (group->type == OF_GROUP_SELECT) {
		int chosen = selected(x, group);
		if (!x->freezing) // otherwise it is chosen when the packet has come round
			run_chosen(x, group, chosen);
	} else if (group->type == OF_GROUP_FF) {
		run_chosen(x, group, first_live(x, group));
	} else {
		for (unsigned i = 0; i < group->n_buckets && xlate_goes_on(x); i++)
			run_bucket(x, &group->buckets[i]);
	}
}

// The highest random weight, Thaler and Ravishankar 1998.
static uint32_t highest_weight(uint32_t hash, uint32_t n_links)
{
	uint32_t best = 0, best_weight = 0;
	for (uint32_t link = 0; link < n_links; link++) {
		uint32_t weight = xlate_hash_u32(link, hash);
		if (link == 0 || weight > best_weight) {
			best = link;
			best_weight = weight;
		}
	}
	return best;
}

// Draws from `range` until a link comes, which at least every second draw is.
static uint32_t iterated(uint32_t hash, uint32_t n_links, uint32_t range)
{
	uint32_t mask = n_links > 1 ? UINT32_MAX >> __builtin_clz(n_links - 1) : 0, link, i = 0;
	bool is_fit = range >= n_links && range / 2 <= n_links;
	do {
		uint32_t draw = xlate_hash_u32(i++, hash);
		// cppcheck-suppress zerodiv // it is at least n_links
		link = is_fit ? draw % range : draw & mask;
	} while (link >= n_links);
	return link;
}

static uint32_t link_of(const struct of_act_multipath *mp, uint32_t hash)
{
	switch ((enum of_multipath_algorithm)mp->algorithm) {
	case OF_MP_HASH_THRESHOLD:
		return (uint32_t)((uint64_t)hash * mp->n_links >> 32);
	case OF_MP_HRW:
		return mp->n_links <= HRW_LINKS_MAX ? highest_weight(hash, mp->n_links)
						    : iterated(hash, mp->n_links, 0);
	case OF_MP_ITER_HASH:
		return iterated(hash, mp->n_links, mp->arg);
	default:
		return hash % mp->n_links;
	}
}

void xlate_multipath(struct xlate *x, const struct of_act_multipath *mp)
{
	uint32_t hash = xlate_hash_fields(x, mp->fields, mp->basis);
	if (!x->freezing)
		xlate_set(x, &mp->dst, link_of(mp, hash), of_value_ones(mp->dst.n_bits));
}

static uint32_t first_up(const struct xlate *x, const struct of_act_bundle *bundle)
{
	for (uint32_t i = 0; i < bundle->n_members; i++) {
		if (xlate_port_is_up(x->ctx, bundle->members[i]))
			return bundle->members[i];
	}
	return 0;
}

static uint32_t member_by_hash(struct xlate *x, const struct of_act_bundle *bundle)
{
	uint32_t hash = xlate_hash_fields(x, bundle->fields, bundle->basis), best = 0;
	uint32_t best_weight = 0;
	for (uint32_t i = 0; i < bundle->n_members; i++) {
		uint32_t weight = xlate_hash_u32(i, hash);
		if (!xlate_port_is_up(x->ctx, bundle->members[i]) ||
		    (best && weight <= best_weight))
			continue;
		best = bundle->members[i];
		best_weight = weight;
	}
	return best;
}

#define OFPP_NONE 0xffff

void xlate_bundle(struct xlate *x, const struct of_act_bundle *bundle)
{
	uint32_t port =
	    bundle->algorithm == OF_BUNDLE_HRW ? member_by_hash(x, bundle) : first_up(x, bundle);
	x->result->on.groups = true; // port states decide
	if (x->freezing)
		return;
	if (bundle->dst.n_bits)
		xlate_set(x, &bundle->dst, port ? port : OFPP_NONE,
			  of_value_ones(bundle->dst.n_bits));
	else if (port && port != x->now.key.pkt.in_port)
		xlate_output(x, port, 0);
}
