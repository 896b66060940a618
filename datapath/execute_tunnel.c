// TUNNEL_PUSH and TUNNEL_POP in a list of actions. A frame that is still to be segmented is cut
// before it gets a header, as each segment has its own: the rest of the list is run on segments
// then, in order with the other packets, a burst at a time.
#include "datapath/execute_run.h"

#include "datapath/gso.h"
#include "datapath/offload.h"
#include "datapath/tunnel.h"

// What is to be pushed before packets, and the rest of the list, which they go through then.
struct way {
	const struct run *run;
	const struct action *push;
	const struct action *rest;
	unsigned n_rest; // entries
	unsigned n;
	struct rte_mbuf *pkts[BURST_MAX];
};

static void way_run(struct way *way)
{
	struct pmd *pmd = way->run->pmd;
	unsigned n = tunnel_push(pmd, &way->push->u.tunnel_push, way->pkts, way->n);

	if (n > 0)
		run_list(pmd, way->rest, way->n_rest, way->pkts, n,
			 way->run->is_told || way->run->is_sent);
	way->n = 0;
}

static void way_add(struct way *way, struct rte_mbuf *m)
{
	if (way->n == BURST_MAX)
		way_run(way);
	way->pkts[way->n++] = m;
}

static void add_segments(struct way *way, struct rte_mbuf *m)
{
	struct pmd *pmd = way->run->pmd;
	struct rte_mbuf *seg;
	struct gso gso;

	if (unlikely(gso_start(&gso, m) < 0)) {
		pmd_drop(pmd, m, DROP_MALFORMED);
		return;
	}
	while ((seg = gso_next(&gso))) {
		pmd->stats.copies++;
		way_add(way, seg);
	}
	pmd_count_drop(pmd, pmd->in_port, DROP_NO_MEMORY, gso.n_left);
	packet_free(m);
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
	struct way way = {.run = run, .push = action, .rest = action + action_entries(action)};

	way.n_rest = (unsigned)(last + action_entries(last) - way.rest);
	for (unsigned i = 0; i < n; i++) {
		if (is_to_be_cut(pkts[i]))
			add_segments(&way, pkts[i]);
		else
			way_add(&way, pkts[i]);
	}
	way_run(&way);
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
