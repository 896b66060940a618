#include "datapath/execute.h"

#include "datapath/edit.h"
#include "datapath/metering.h"
#include "datapath/punt.h"
#include "datapath/tx.h"

#include <errno.h>

// One packet on its way through a list of actions.
struct run {
	struct pmd *pmd;
	struct rte_mbuf *m; // NULL when it is used up
	int at;		    // the action being run
	int last_use;	    // the last one that sends the packet somewhere; -1: none does
	int last_edit;	    // the last one before last_use that changes the packet; -1: none does
	int last_recirc;    // the last one that recirculates it; -1: none does
};

// A row runs one action. Uses take the packet or a copy of it; edits may replace it, and return 0
// or -errno. METER has no row: it is for all packets at once.
struct action_row {
	void (*use)(struct run *run, const struct action *action);
	int (*edit)(struct rte_mbuf **m, const struct action *action);
};

static struct rte_mbuf *taken(struct run *run, struct rte_mbuf *m)
{
	if (unlikely(!m))
		pmd_count_drop(run->pmd, run->pmd->in_port, DROP_NO_MEMORY, 1);
	return m;
}

static struct rte_mbuf *take_copy(struct run *run, uint32_t len)
{
	struct rte_mbuf *m = taken(run, packet_copy(run->pmd->arena, run->m, len));

	if (m && !packet_is_lent(m))
		run->pmd->stats.copies++;
	return m;
}

// Whether a later action changes the packet, or one that is not known yet: of what a recirculated
// packet meets, while this one waits in a tx buffer.
static bool changes_later(const struct run *run)
{
	return run->at < run->last_edit || run->at <= run->last_recirc;
}

// The packet for a use: itself for the last one, and a lent one while its bytes stay as they are;
// otherwise a copy, or a reference, which edits respect.
static struct rte_mbuf *take(struct run *run)
{
	struct rte_mbuf *m = run->m;

	if (run->at == run->last_use) {
		run->m = NULL;
		return m;
	}
	if (packet_is_lent(m))
		return changes_later(run) ? take_copy(run, UINT32_MAX) : m;
	if (run->at < run->last_edit)
		return take_copy(run, UINT32_MAX);
	m = taken(run, rte_pktmbuf_clone(run->m, packet_pool()));
	if (likely(m))
		packet_meta_copy(packet_meta(m), packet_meta(run->m));
	return m;
}

// A part of the packet is always a copy, as whole ones share its segments.
static struct rte_mbuf *take_start(struct run *run, uint32_t len)
{
	struct rte_mbuf *m = take_copy(run, len);

	if (run->at == run->last_use) {
		packet_free(run->m);
		run->m = NULL;
	}
	return m;
}

static void use_output(struct run *run, const struct action *action)
{
	uint32_t len = packet_meta(run->m)->trunc_len;
	struct rte_mbuf *m;

	packet_meta(run->m)->trunc_len = 0;
	if (unlikely(len && len < rte_pktmbuf_pkt_len(run->m)))
		m = take_start(run, len);
	else
		m = take(run);
	if (likely(m))
		tx_add(run->pmd, action->u.port, &m, 1);
}

static void use_userspace(struct run *run, const struct action *action)
{
	// Of a lent packet, the ring gets a copy anyway.
	struct rte_mbuf *m = packet_is_lent(run->m) ? run->m : take(run);

	if (unlikely(!m))
		return;
	packet_meta(m)->is_action = true;
	packet_meta(m)->userspace = action->u.userspace;
	punt(run->pmd, m);
}

static void use_recirc(struct run *run, const struct action *action)
{
	struct pmd *pmd = run->pmd;
	struct rte_mbuf *m = take(run);
	struct packet_meta *meta;

	if (unlikely(!m))
		return;
	meta = packet_meta(m);
	if (meta->n_recirc >= RECIRC_DEPTH_MAX || pmd->n_recirc == RECIRC_LIST_MAX) {
		pmd_drop(pmd, m, DROP_RECIRC_LIMIT);
		return;
	}
	meta->n_recirc++;
	meta->recirc_id = action->u.recirc_id;
	pmd->recirc[pmd->n_recirc++] = m;
}

static int set_trunc(struct rte_mbuf **m, const struct action *action)
{
	packet_meta(*m)->trunc_len = action->u.max_len;
	return 0;
}

static const struct action_row rows[N_ACTION_TYPES] = {
    [ACTION_OUTPUT] = {.use = use_output},
    [ACTION_USERSPACE] = {.use = use_userspace},
    [ACTION_RECIRC] = {.use = use_recirc},
    [ACTION_TRUNC] = {.edit = set_trunc},
    [ACTION_PUSH_VLAN] = {.edit = edit_push_vlan},
    [ACTION_POP_VLAN] = {.edit = edit_pop_vlan},
    [ACTION_SET_ETH] = {.edit = edit_set_eth},
    [ACTION_SET_IPV4] = {.edit = edit_set_ipv4},
    [ACTION_SET_IPV6] = {.edit = edit_set_ipv6},
    [ACTION_SET_PORTS] = {.edit = edit_set_ports},
    [ACTION_PUSH_MPLS] = {.edit = edit_push_mpls},
    [ACTION_POP_MPLS] = {.edit = edit_pop_mpls},
    [ACTION_SET_MPLS] = {.edit = edit_set_mpls},
    [ACTION_DEC_MPLS_TTL] = {.edit = edit_dec_mpls_ttl},
    [ACTION_SET_ARP] = {.edit = edit_set_arp},
    [ACTION_SET_ND] = {.edit = edit_set_nd},
    [ACTION_SET_ND_EXT] = {.edit = edit_set_nd_ext},
    [ACTION_SET_ICMP] = {.edit = edit_set_icmp},
    [ACTION_DEC_TTL] = {.edit = edit_dec_ttl},
};

static enum drop_reason reason_of(int err)
{
	return err == -ENOMEM  ? DROP_NO_MEMORY
	       : err == -ETIME ? DROP_TTL_EXCEEDED
			       : DROP_ACTION_INVALID;
}

// Whether an action changes bytes that an earlier use may still refer to. TRUNC only says how many
// of them the next one takes.
static bool changes_bytes(const struct action *action)
{
	return action->type == ACTION_METER ||
	       (rows[action->type].edit && action->type != ACTION_TRUNC);
}

static void plan(const struct flow_actions *actions, struct run *run)
{
	run->last_use = run->last_edit = run->last_recirc = -1;
	for (int i = 0; i < actions->n; i++) {
		if (rows[actions->list[i].type].use)
			run->last_use = i;
		if (actions->list[i].type == ACTION_RECIRC)
			run->last_recirc = i;
	}
	for (int i = 0; i < run->last_use; i++) {
		if (changes_bytes(&actions->list[i]))
			run->last_edit = i;
	}
}

// Runs the actions from run->at to before `end` on run->m.
static void run_actions(struct run *run, const struct flow_actions *actions, int end)
{
	for (; run->at < end; run->at++) {
		const struct action *action = &actions->list[run->at];
		const struct action_row *row = &rows[action->type];
		int err;

		if (row->use) {
			row->use(run, action);
			continue;
		}
		err = row->edit(&run->m, action);
		if (unlikely(err)) {
			pmd_drop(run->pmd, run->m, reason_of(err));
			run->m = NULL;
			return;
		}
	}
}

// The same on each packet. Returns how many are left; they stand first in pkts.
static unsigned run_stretch(struct run *run, const struct flow_actions *actions, int from, int end,
			    struct rte_mbuf **pkts, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		run->m = pkts[i];
		run->at = from;
		run_actions(run, actions, end);
		if (run->m)
			pkts[kept++] = run->m;
	}
	return kept;
}

// The place of the first METER from `at` on, or `end`.
static int meter_find(const struct flow_actions *actions, int at, int end)
{
	while (at < end && actions->list[at].type != ACTION_METER)
		at++;
	return at;
}

// A list that sends nothing anywhere: its meters measure all the same.
static void drop_all(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
		     unsigned n)
{
	int end = actions->n;

	for (int at = meter_find(actions, 0, end); at < end; at = meter_find(actions, at + 1, end))
		n = metering_run(pmd, actions->list[at].u.meter_id, pkts, n);
	pmd_count_drop(pmd, pmd->in_port, DROP_FLOW_DROP, n);
	packet_free_bulk(pkts, n);
}

void execute(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
	     unsigned n)
{
	struct run run = {.pmd = pmd};
	int at = 0, end, meter;

	plan(actions, &run);
	if (unlikely(run.last_use < 0)) {
		drop_all(pmd, actions, pkts, n);
		return;
	}
	end = run.last_use + 1;
	while ((meter = meter_find(actions, at, end)) < end) {
		n = run_stretch(&run, actions, at, meter, pkts, n);
		n = metering_run(pmd, actions->list[meter].u.meter_id, pkts, n);
		at = meter + 1;
	}
	run_stretch(&run, actions, at, end, pkts, n);
}
