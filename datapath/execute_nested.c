// Actions with lists in them. A list gets the packets that take its branch: themselves where the
// outer list ends there, and otherwise copies, as far as it changes anything. Lists nest at most
// ACTIONS_DEPTH_MAX deep, so the stack is bounded.
#include "datapath/execute_run.h"

#include "datapath/offload.h"

// A list, and the packets that go through it.
struct branch {
	const struct action *list;
	unsigned n_entries;
	unsigned traits;
	unsigned n;
	struct rte_mbuf *pkts[BURST_MAX];
};

static void branch_init(struct branch *branch, const struct action *list, unsigned n_entries)
{
	branch->list = list;
	branch->n_entries = n_entries;
	branch->traits = actions_traits(list, n_entries);
	branch->n = 0;
}

// Puts run->m into the branch, unless the branch does nothing to anybody.
static void branch_take(struct run *run, struct branch *branch)
{
	struct rte_mbuf *m;

	if (!(branch->traits & (ACTION_SENDS | ACTION_ACTS)))
		return;
	m = run_take(run, branch->traits);
	if (likely(m))
		branch->pkts[branch->n++] = m;
	// TRUNC was for the packet that went in.
	if (run->m && run->m != m)
		packet_meta(run->m)->trunc_len = 0;
}

static void branch_run(const struct run *run, struct branch *branch)
{
	bool is_copy = run->at < run->last;

	if (branch->n > 0)
		run_list(run->pmd, branch->list, branch->n_entries, branch->pkts, branch->n,
			 is_copy || run->is_told || run->is_sent);
}

unsigned run_clone(struct run *run, const struct action *action, struct rte_mbuf **pkts, unsigned n)
{
	struct branch branch;
	unsigned kept = 0;

	branch_init(&branch, action + 1, action->n_more);
	for (unsigned i = 0; i < n; i++) {
		run->m = pkts[i];
		branch_take(run, &branch);
		if (run->m)
			pkts[kept++] = run->m;
	}
	branch_run(run, &branch);
	return kept;
}

// xorshift64 (Marsaglia, "Xorshift RNGs", 2003): samples need no more.
static uint32_t random_u32(void)
{
	static __thread uint64_t state;

	if (unlikely(state == 0))
		state = rte_rdtsc() | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

static bool is_sampled(uint32_t probability)
{
	return probability == UINT32_MAX || random_u32() < probability;
}

unsigned run_sample(struct run *run, const struct action *action, struct rte_mbuf **pkts,
		    unsigned n)
{
	struct branch branch;
	unsigned kept = 0;

	branch_init(&branch, action + 1, action->n_more);
	for (unsigned i = 0; i < n; i++) {
		run->m = pkts[i];
		if (is_sampled(action->u.probability))
			branch_take(run, &branch);
		if (run->m)
			pkts[kept++] = run->m;
	}
	branch_run(run, &branch);
	return kept;
}

// Of a frame that is still to be segmented, what stands on the wire counts.
static uint32_t wire_len(struct rte_mbuf *m)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;

	return packet_is_gso(m) ? (uint32_t)offload->gso_headers + offload->gso_size
				: rte_pktmbuf_pkt_len(m);
}

unsigned run_check_pkt_len(struct run *run, const struct action *action, struct rte_mbuf **pkts,
			   unsigned n)
{
	const struct action_check_pkt_len *check = &action->u.check_pkt_len;
	const struct action *list = action + 1;
	struct branch greater, other;
	unsigned kept = 0;

	branch_init(&greater, list, check->n_greater);
	branch_init(&other, list + check->n_greater, action->n_more - check->n_greater);
	for (unsigned i = 0; i < n; i++) {
		run->m = pkts[i];
		branch_take(run, wire_len(run->m) > check->pkt_len ? &greater : &other);
		if (run->m)
			pkts[kept++] = run->m;
	}
	branch_run(run, &greater);
	branch_run(run, &other);
	return kept;
}
