#include "datapath/execute.h"

#include "datapath/edit.h"
#include "datapath/tx.h"
#include "datapath/upcall.h"

#include <errno.h>

// One packet on its way through a list of actions.
struct run {
	struct pmd *pmd;
	struct rte_mbuf *m; // NULL when it is used up
	int at;		    // the action being run
	int last_use;	    // the last one that sends the packet somewhere; -1: none does
	int last_edit;	    // the last one before last_use that changes the packet; -1: none does
};

// A row runs one action. Uses take the packet or a copy of it; edits may replace it, and return 0
// or -errno.
struct action_row {
	void (*use)(struct run *run, const struct action *action);
	int (*edit)(struct rte_mbuf **m, const struct action *action);
};

// The packet for a use: itself for the last one; a reference when no later edit could reach its
// bytes; or a copy.
static struct rte_mbuf *take(struct run *run)
{
	struct rte_mbuf *m = run->m;

	if (run->at == run->last_use) {
		run->m = NULL;
		return m;
	}
	if (run->at < run->last_edit)
		m = rte_pktmbuf_copy(run->m, packet_pool(), 0, UINT32_MAX);
	else
		m = rte_pktmbuf_clone(run->m, packet_pool());
	if (unlikely(!m)) {
		pmd_count_drop(run->pmd, run->pmd->in_port, DROP_NO_MEMORY, 1);
		return NULL;
	}
	*packet_meta(m) = *packet_meta(run->m);
	return m;
}

static void use_output(struct run *run, const struct action *action)
{
	uint32_t len = packet_meta(run->m)->trunc_len;
	struct rte_mbuf *m;

	packet_meta(run->m)->trunc_len = 0;
	m = take(run);
	if (unlikely(!m))
		return;
	if (len)
		edit_truncate(m, len);
	tx_add(run->pmd, action->u.port, &m, 1);
}

static void use_userspace(struct run *run, const struct action *action)
{
	struct rte_mbuf *m = take(run);
	enum drop_reason reason;

	if (unlikely(!m))
		return;
	packet_meta(m)->is_action = true;
	packet_meta(m)->userspace = action->u.userspace;
	if (likely(upcall_enqueue(run->pmd->rxq, m, &reason)))
		run->pmd->upcall_queued = true;
	else
		pmd_drop(run->pmd, m, reason);
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
    [ACTION_OUTPUT] = {.use = use_output},	   [ACTION_USERSPACE] = {.use = use_userspace},
    [ACTION_RECIRC] = {.use = use_recirc},	   [ACTION_TRUNC] = {.edit = set_trunc},
    [ACTION_PUSH_VLAN] = {.edit = edit_push_vlan}, [ACTION_POP_VLAN] = {.edit = edit_pop_vlan},
    [ACTION_SET_ETH] = {.edit = edit_set_eth},	   [ACTION_SET_IPV4] = {.edit = edit_set_ipv4},
    [ACTION_SET_IPV6] = {.edit = edit_set_ipv6},   [ACTION_SET_PORTS] = {.edit = edit_set_ports},
};

// Whether an action changes bytes that an earlier use may still refer to. TRUNC only changes
// lengths, on the mbuf's own side.
static bool changes_bytes(const struct action *action)
{
	return rows[action->type].edit && action->type != ACTION_TRUNC;
}

static void plan(const struct flow_actions *actions, struct run *run)
{
	run->last_use = actions->n - 1;
	while (run->last_use >= 0 && !rows[actions->list[run->last_use].type].use)
		run->last_use--;
	run->last_edit = run->last_use;
	while (run->last_edit >= 0 && !changes_bytes(&actions->list[run->last_edit]))
		run->last_edit--;
}

static void run_actions(struct run *run, const struct flow_actions *actions)
{
	for (run->at = 0; run->at <= run->last_use; run->at++) {
		const struct action *action = &actions->list[run->at];
		const struct action_row *row = &rows[action->type];
		int err;

		if (row->use) {
			row->use(run, action);
			continue;
		}
		err = row->edit(&run->m, action);
		if (unlikely(err)) {
			pmd_drop(run->pmd, run->m,
				 err == -ENOMEM ? DROP_NO_MEMORY : DROP_ACTION_INVALID);
			return;
		}
	}
}

void execute_plain(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
		   unsigned n)
{
	if (likely(actions->n == 1)) {
		tx_add(pmd, actions->list[0].u.port, pkts, n);
		return;
	}
	pmd_count_drop(pmd, pmd->in_port, DROP_FLOW_DROP, n);
	rte_pktmbuf_free_bulk(pkts, n);
}

void execute(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
	     unsigned n)
{
	struct run run = {.pmd = pmd};

	if (!execute_needs_meta(actions)) {
		execute_plain(pmd, actions, pkts, n);
		return;
	}
	plan(actions, &run);
	if (unlikely(run.last_use < 0)) {
		pmd_count_drop(pmd, pmd->in_port, DROP_FLOW_DROP, n);
		rte_pktmbuf_free_bulk(pkts, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		run.m = pkts[i];
		run_actions(&run, actions);
	}
}
