// TUNNEL_PUSH and TUNNEL_POP in a list of actions. A frame that is still to be segmented is cut
// before it gets a header, as each segment has its own: the rest of the list is run on segments
// then, in order with the other packets, a burst at a time.
#include "datapath/execute_run.h"

#include "datapath/gso_burst.h"
#include "datapath/offload.h"
#include "datapath/tunnel.h"

// What is to be pushed before packets, and the rest of the list, which they go through then.
struct way {
	struct gso_burst burst;
	const struct run *run;
	const struct action *push;
	const struct action *rest;
	unsigned n_rest; // entries
};

static void way_run(struct gso_burst *burst)
{
	const struct way *way = container_of(burst, struct way, burst);
	unsigned n = tunnel_push(burst->pmd, &way->push->u.tunnel_push, burst->pkts, burst->n);

	if (n > 0)
		run_list(burst->pmd, way->rest, way->n_rest, burst->pkts, n,
			 way->run->is_told || way->run->is_sent);
}

// A part of a frame is segmented no more.
static bool is_to_be_cut(struct rte_mbuf *m)
{
	uint32_t trunc_len = packet_meta(m)->trunc_len;

	return unlikely(packet_is_gso(m)) && (trunc_len == 0 || trunc_len >= m->pkt_len);
}

static bool any_is_to_be_cut(struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (is_to_be_cut(pkts[i]))
			return true;
	return false;
}

static void push_in_segments(const struct run *run, const struct action *action,
			     struct rte_mbuf **pkts, unsigned n)
{
	const struct action *list = action - run->at, *last = &list[run->last];
	struct way way = {.burst = {.pmd = run->pmd, .take = way_run},
			  .run = run,
			  .push = action,
			  .rest = action + action_entries(action)};

	way.n_rest = (unsigned)(last + action_entries(last) - way.rest);
	for (unsigned i = 0; i < n; i++) {
		if (is_to_be_cut(pkts[i]))
			gso_burst_cut(&way.burst, pkts[i]);
		else
			gso_burst_add(&way.burst, pkts[i]);
	}
	gso_burst_end(&way.burst);
}

unsigned run_tunnel_push(struct run *run, const struct action *action, struct rte_mbuf **pkts,
			 unsigned n)
{
	if (unlikely(any_is_to_be_cut(pkts, n))) {
		push_in_segments(run, action, pkts, n);
		return 0;
	}
	return tunnel_push(run->pmd, &action->u.tunnel_push, pkts, n);
}

unsigned run_tunnel_pop(struct run *run, const struct action *action, struct rte_mbuf **pkts,
			unsigned n)
{
	struct rte_mbuf *popped[BURST_MAX];
	unsigned n_popped = 0, kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m;

		run->m = pkts[i];
		m = run_take(run, ACTION_MARKS | ACTION_LEAVES);
		if (likely(m))
			popped[n_popped++] = m;
		if (!run->m)
			continue;
		packet_meta(run->m)->trunc_len = 0; // it was for the packet that went in
		pkts[kept++] = run->m;
	}
	tunnel_pop(run->pmd, action->u.port, popped, n_popped);
	return kept;
}
