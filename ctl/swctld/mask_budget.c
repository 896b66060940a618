#include "ctl/swctld/mask_budget.h"

#include "flowtable/key_words.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define PORTS 1024 // numbers, as ports.h; others share 0's place

// Parts of the budget, in eighths.
#define NATURAL_PART 3 // masks as translation gave them
#define COARSE_PART  5 // and with few steps

#define IPV4_STEP 8  // bits
#define IPV6_STEP 32 // bits

struct used_mask {
	struct flow_key mask;
	UT_hash_handle hh;
	uint32_t owner; // the port that brought it
	uint32_t n_flows;
};

struct mask_budget {
	unsigned max;
	struct used_mask *by_mask;
	struct used_mask *found; // last; or NULL
	unsigned n_brought[PORTS];
};

struct mask_budget *mask_budget_create(unsigned max)
{
	struct mask_budget *b = calloc(1, sizeof(*b));
	if (b)
		b->max = max;
	return b;
}

void mask_budget_destroy(struct mask_budget *b)
{
	struct used_mask *used, *tmp;
	if (!b)
		return;
	HASH_ITER (hh, b->by_mask, used, tmp) {
		// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): cannot follow the links
		HASH_DEL(b->by_mask, used);
		free(used);
	}
	free(b);
}

unsigned mask_budget_count(const struct mask_budget *b)
{
	return HASH_COUNT(b->by_mask);
}

unsigned mask_budget_max(const struct mask_budget *b)
{
	return b->max;
}

// Keyed, since senders choose among masks.
static unsigned mask_hash(const struct flow_key *mask)
{
	return flow_key_hash(mask, 0);
}

static struct used_mask *find(struct mask_budget *b, const struct flow_key *mask)
{
	struct used_mask *used;
	if (b->found && flow_key_equal(&b->found->mask, mask))
		return b->found;
	HASH_FIND_BYHASHVALUE(hh, b->by_mask, mask, sizeof(*mask), mask_hash(mask), used);
	b->found = used;
	return used;
}

static uint32_t port_place(const struct flow_match *match)
{
	return match->key.in_port < PORTS ? match->key.in_port : 0;
}

// Without memory the mask is not counted: the budget is exceeded before forwarding stops.
void mask_budget_take(struct mask_budget *b, const struct flow_match *match)
{
	struct used_mask *used = find(b, &match->mask);
	if (!used) {
		used = aligned_alloc(_Alignof(struct used_mask), sizeof(*used));
		if (!used)
			return;
		memset(used, 0, sizeof(*used));
		used->mask = match->mask;
		used->owner = port_place(match);
		b->n_brought[used->owner]++;
		HASH_ADD_BYHASHVALUE(hh, b->by_mask, mask, sizeof(used->mask),
				     mask_hash(&used->mask), used);
	}
	used->n_flows++;
}

void mask_budget_give(struct mask_budget *b, const struct flow_match *match)
{
	struct used_mask *used = find(b, &match->mask);
	if (!used || --used->n_flows > 0)
		return;
	b->n_brought[used->owner]--;
	HASH_DEL(b->by_mask, used);
	b->found = NULL;
	free(used);
}

// Whether a port may bring one more mask while fewer than `part` eighths of the budget are in use.
static bool has_room(const struct mask_budget *b, const struct flow_match *match, unsigned part)
{
	unsigned limit = b->max * part / 8, count = mask_budget_count(b);
	return count < limit && b->n_brought[port_place(match)] <= limit - count;
}

// All bits of a step in which, or below which, a bit is set.
static void round_bits(uint8_t *bytes, unsigned size, unsigned step_bits)
{
	unsigned last = 0, step = step_bits / 8;
	for (unsigned i = 0; i < size; i++) {
		if (bytes[i])
			last = i + 1;
	}
	memset(bytes, 0xff, (last + step - 1) / step * step);
}

#define WHOLE(member) \
	round_bits((uint8_t *)&mask->member, sizeof(mask->member), 8 * sizeof(mask->member))
#define STEPS(member, step) round_bits((uint8_t *)&mask->member, sizeof(mask->member), step)

static void make_coarse(struct flow_key *mask)
{
	WHOLE(eth_dst);
	WHOLE(eth_src);
	for (unsigned i = 0; i < 2; i++) {
		// That there is no tag is all to know of it.
		if (mask->vlan[i].tci_be & ~htons(VLAN_CFI))
			WHOLE(vlan[i]);
	}
	STEPS(ip_src_be, IPV4_STEP);
	STEPS(ip_dst_be, IPV4_STEP);
	WHOLE(nw_proto);
	WHOLE(nw_tos);
	WHOLE(nw_ttl);
	WHOLE(tp_src_be);
	WHOLE(tp_dst_be);
	if (mask->tcp_flags_be)
		mask->tcp_flags_be = htons(0x0fff);
	STEPS(ipv6_src, IPV6_STEP);
	STEPS(ipv6_dst, IPV6_STEP);
	WHOLE(nd_target);
	WHOLE(arp_sha);
	WHOLE(arp_tha);
	if (mask->ipv6_label_be)
		mask->ipv6_label_be = htonl(0xfffff);
}

static unsigned n_bits(const struct flow_key *mask)
{
	const key_word *words = key_words(mask);
	unsigned n = 0;
	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		n += (unsigned)__builtin_popcountll(words[i]);
	return n;
}

// The mask in use with the fewest bits that has all of this one's.
static bool fit_used(const struct mask_budget *b, struct flow_match *match,
		     const struct flow_key *key, mask_canonical_fn canonical)
{
	const struct used_mask *best = NULL;
	struct flow_match made, best_made;
	unsigned best_bits = 0;
	for (const struct used_mask *used = b->by_mask; used; used = used->hh.next) {
		if (!flow_mask_covers(&used->mask, &match->mask))
			continue;
		unsigned bits = n_bits(&used->mask);
		if ((best && bits >= best_bits) || canonical(&made, &used->mask, key) < 0 ||
		    !flow_key_equal(&made.mask, &used->mask))
			continue;
		best = used;
		best_bits = bits;
		best_made = made;
	}
	if (best)
		*match = best_made;
	return best != NULL;
}

bool mask_budget_fit(struct mask_budget *b, struct flow_match *match, const struct flow_key *key,
		     mask_canonical_fn canonical)
{
	struct flow_key mask = match->mask, all;
	struct flow_match coarse;
	if (find(b, &match->mask) || has_room(b, match, NATURAL_PART))
		return true;
	make_coarse(&mask);
	if (canonical(&coarse, &mask, key) == 0 &&
	    (find(b, &coarse.mask) || has_room(b, match, COARSE_PART))) {
		*match = coarse;
		return true;
	}
	if (fit_used(b, match, key, canonical))
		return true;
	memset(&all, 0xff, sizeof(all));
	// What looks at no tunnel and no label goes on without: that costs each of its lookups.
	if (!(flow_mask_uses(&match->mask) & FLOW_COLD_ALL))
		memset(&all.ct, 0, sizeof(all) - FLOW_KEY_HOT_BYTES);
	if (canonical(match, &all, key) < 0)
		return false;
	return find(b, &match->mask) || mask_budget_count(b) < b->max;
}
