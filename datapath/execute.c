#include "datapath/execute_run.h"

#include "datapath/ct_execute.h"
#include "datapath/edit.h"
#include "datapath/execute_meta.h"
#include "datapath/metering.h"
#include "datapath/punt.h"
#include "datapath/tx.h"

#include <errno.h>

// A row runs one action, in one of three ways. Uses take the packet or a copy of it; edits may
// replace it, and return 0 or -errno; batches have all packets at once, and return how many are
// left, which stand first in pkts.
struct action_row {
	void (*use)(struct run *run, const struct action *action);
	int (*edit)(struct rte_mbuf **m, const struct action *action);
	unsigned (*batch)(struct run *run, const struct action *action, struct rte_mbuf **pkts,
			  unsigned n);
	unsigned traits; // ACTION_*
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
		tally_add(&run->pmd->stats.copies, 1);
	return m;
}

struct rte_mbuf *run_take(struct run *run, unsigned traits)
{
	struct rte_mbuf *m = run->m;

	if (run->at == run->last) {
		run->m = NULL;
		return m;
	}
	if (packet_is_lent(m)) {
		bool stays = run->at >= run->last_change &&
			     !(traits & (ACTION_CHANGES | ACTION_MARKS | ACTION_LEAVES));

		return stays ? m : take_copy(run, UINT32_MAX);
	}
	if (run->at < run->last_change || traits & ACTION_CHANGES)
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

	if (run->at == run->last) {
		packet_free(run->m);
		run->m = NULL;
	}
	return m;
}

// What a TRUNC before the action leaves of the packet.
static struct rte_mbuf *take_truncated(struct run *run)
{
	uint32_t len = packet_meta(run->m)->trunc_len;

	packet_meta(run->m)->trunc_len = 0;
	if (unlikely(len && len < rte_pktmbuf_pkt_len(run->m)))
		return take_start(run, len);
	return run_take(run, 0);
}

static void use_output(struct run *run, const struct action *action)
{
	struct rte_mbuf *m = take_truncated(run);

	if (unlikely(!m))
		return;
	if (likely(!packet_meta(m)->no_eth))
		tx_add(run->pmd, action->u.port, &m, 1);
	else
		pmd_drop(run->pmd, m, DROP_ACTION_INVALID); // no port takes such
}

// Of a lent packet, the ring gets a copy anyway.
static struct rte_mbuf *take_punted(struct run *run)
{
	struct rte_mbuf *m = run->m;

	if (!packet_is_lent(m) || packet_meta(m)->trunc_len)
		return take_truncated(run);
	if (run->at == run->last)
		run->m = NULL;
	return m;
}

static void use_userspace(struct run *run, const struct action *action)
{
	struct rte_mbuf *m = take_punted(run);

	if (unlikely(!m))
		return;
	packet_meta(m)->is_action = true;
	packet_meta(m)->userspace = action->u.userspace;
	punt(run->pmd, m);
}

static void use_recirc(struct run *run, const struct action *action)
{
	struct pmd *pmd = run->pmd;
	struct rte_mbuf *m = run_take(run, ACTION_MARKS | ACTION_LEAVES);
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

static void use_drop(struct run *run, const struct action *action)
{
	pmd_drop(run->pmd, run->m, drop_reason_of_code(action->u.drop_code));
	run->m = NULL;
}

static unsigned run_meter(struct run *run, const struct action *action, struct rte_mbuf **pkts,
			  unsigned n)
{
	return metering_run(run->pmd, action->u.meter_id, pkts, n);
}

// What stands behind an action, for packets that come out of it beside the batch.
struct rest {
	const struct run *run;
	const struct action *list;
};

static void run_rest(void *arg, struct rte_mbuf **pkts, unsigned n)
{
	const struct rest *rest = arg;
	const struct run *run = rest->run;

	run_list(run->pmd, rest->list, (unsigned)(run->end - rest->list), pkts, n,
		 run->is_told || run->is_sent);
}

static unsigned run_ct(struct run *run, const struct action *action, struct rte_mbuf **pkts,
		       unsigned n)
{
	struct rest rest = {.run = run, .list = action + action_entries(action)};
	const struct ct_go_on go_on = {.run = run_rest, .arg = &rest};

	return ct_execute_all(run->pmd, &action->u.ct, pkts, n, &go_on);
}

// clang-format off
#define EDIT(fn) {.edit = fn, .traits = ACTION_CHANGES}
#define META(fn) {.edit = fn, .traits = ACTION_MARKS}
// clang-format on

static const struct action_row rows[N_ACTION_TYPES] = {
    [ACTION_OUTPUT] = {.use = use_output, .traits = ACTION_SENDS},
    [ACTION_USERSPACE] = {.use = use_userspace, .traits = ACTION_SENDS},
    [ACTION_RECIRC] = {.use = use_recirc, .traits = ACTION_SENDS | ACTION_MARKS | ACTION_LEAVES},
    [ACTION_DROP] = {.use = use_drop, .traits = ACTION_SENDS},
    [ACTION_TRUNC] = META(meta_set_trunc),
    [ACTION_SET_MARK] = META(meta_set_mark),
    [ACTION_SET_PRIORITY] = META(meta_set_priority),
    [ACTION_SET_TUNNEL] = META(meta_set_tunnel),
    [ACTION_HASH] = META(meta_set_hash),
    [ACTION_CT] = {.batch = run_ct, .traits = ACTION_ACTS | ACTION_CHANGES | ACTION_MARKS},
    [ACTION_CT_CLEAR] = META(meta_clear_ct),
    [ACTION_PUSH_VLAN] = EDIT(edit_push_vlan),
    [ACTION_POP_VLAN] = EDIT(edit_pop_vlan),
    [ACTION_SET_ETH] = EDIT(edit_set_eth),
    [ACTION_SET_IPV4] = EDIT(edit_set_ipv4),
    [ACTION_SET_IPV6] = EDIT(edit_set_ipv6),
    [ACTION_SET_PORTS] = EDIT(edit_set_ports),
    [ACTION_PUSH_MPLS] = EDIT(edit_push_mpls),
    [ACTION_POP_MPLS] = EDIT(edit_pop_mpls),
    [ACTION_SET_MPLS] = EDIT(edit_set_mpls),
    [ACTION_DEC_MPLS_TTL] = EDIT(edit_dec_mpls_ttl),
    [ACTION_SET_ARP] = EDIT(edit_set_arp),
    [ACTION_SET_ND] = EDIT(edit_set_nd),
    [ACTION_SET_ND_EXT] = EDIT(edit_set_nd_ext),
    [ACTION_SET_ICMP] = EDIT(edit_set_icmp),
    [ACTION_DEC_TTL] = EDIT(edit_dec_ttl),
    [ACTION_PUSH_ETH] = EDIT(edit_push_eth),
    [ACTION_POP_ETH] = EDIT(edit_pop_eth),
    [ACTION_ADD_MPLS] = EDIT(edit_add_mpls),
    [ACTION_METER] = {.batch = run_meter, .traits = ACTION_ACTS | ACTION_CHANGES},
    [ACTION_CLONE] = {.batch = run_clone, .traits = ACTION_NESTS},
    [ACTION_SAMPLE] = {.batch = run_sample, .traits = ACTION_NESTS},
    [ACTION_CHECK_PKT_LEN] = {.batch = run_check_pkt_len, .traits = ACTION_NESTS},
    [ACTION_TUNNEL_PUSH] = {.batch = run_tunnel_push, .traits = ACTION_CHANGES | ACTION_MARKS},
    [ACTION_TUNNEL_POP] = {.batch = run_tunnel_pop,
			   .traits = ACTION_SENDS | ACTION_MARKS | ACTION_LEAVES},
};

unsigned actions_traits(const struct action *list, unsigned n)
{
	unsigned traits = 0;

	for (unsigned i = 0; i < n;) {
		unsigned own = rows[list[i].type].traits;

		traits |= own;
		i += own & ACTION_NESTS ? 1 : action_entries(&list[i]);
	}
	return traits;
}

unsigned action_traits(const struct action *action)
{
	unsigned traits = rows[action->type].traits;

	return likely(!(traits & ACTION_NESTS))
		   ? traits
		   : traits | actions_traits(action + 1, action->n_more);
}

static enum drop_reason reason_of(int err)
{
	return err == -ENOMEM  ? DROP_NO_MEMORY
	       : err == -ETIME ? DROP_TTL_EXCEEDED
			       : DROP_ACTION_INVALID;
}

// Whether a packet that comes to this action is surely sent somewhere.
static bool sends_always(const struct action *action, unsigned traits)
{
	return traits & ACTION_SENDS && action->type != ACTION_SAMPLE &&
	       action->type != ACTION_CHECK_PKT_LEN;
}

static void plan(struct run *run, const struct action *list, unsigned n)
{
	int change = -1;
	bool is_sent = false;

	run->last = run->last_change = -1;
	for (unsigned i = 0; i < n; i += action_entries(&list[i])) {
		unsigned traits = action_traits(&list[i]);

		// Lists within change copies of their own, but for the last action's.
		if ((traits & (ACTION_CHANGES | ACTION_NESTS)) == ACTION_CHANGES)
			change = (int)i;
		if (traits & (ACTION_SENDS | ACTION_ACTS)) {
			run->last = (int)i;
			run->last_change =
			    traits & (ACTION_CHANGES | ACTION_LEAVES) ? (int)i : change;
			run->is_sent = is_sent;
		}
		is_sent = is_sent || sends_always(&list[i], traits);
		if (list[i].type == ACTION_DROP)
			return;
	}
}

// Runs the actions from run->at to before `end` on run->m.
static void run_actions(struct run *run, const struct action *list, int end)
{
	for (; run->at < end; run->at += (int)action_entries(&list[run->at])) {
		const struct action *action = &list[run->at];
		const struct action_row *row = &rows[action->type];
		int err;

		if (row->use) {
			row->use(run, action);
			if (unlikely(!run->m))
				return;
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
static unsigned run_stretch(struct run *run, const struct action *list, int from, int end,
			    struct rte_mbuf **pkts, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		run->m = pkts[i];
		run->at = from;
		run_actions(run, list, end);
		if (run->m)
			pkts[kept++] = run->m;
	}
	return kept;
}

// The place of the first action from `at` on that has all packets at once, or `end`.
static int batch_find(const struct action *list, int at, int end)
{
	while (at < end && !rows[list[at].type].batch)
		at += (int)action_entries(&list[at]);
	return at;
}

static unsigned run_all(struct run *run, const struct action *list, struct rte_mbuf **pkts,
			unsigned n)
{
	int at = 0, end = run->last + 1;

	while (at < end && n > 0) {
		int batch = batch_find(list, at, end);

		if (batch > at)
			n = run_stretch(run, list, at, batch, pkts, n);
		if (batch >= end)
			break;
		run->at = batch;
		n = rows[list[batch].type].batch(run, &list[batch], pkts, n);
		at = batch + (int)action_entries(&list[batch]);
	}
	return n;
}

void run_list(struct pmd *pmd, const struct action *list, unsigned n_entries,
	      struct rte_mbuf **pkts, unsigned n, bool is_told)
{
	struct run run = {.pmd = pmd, .end = list + n_entries, .is_told = is_told};

	plan(&run, list, n_entries);
	n = run_all(&run, list, pkts, n);
	if (likely(n == 0))
		return;
	if (!is_told && !run.is_sent)
		pmd_count_drop(pmd, pmd->in_port, DROP_FLOW_DROP, n);
	packet_free_bulk(pkts, n);
}

void execute(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
	     unsigned n)
{
	run_list(pmd, actions->list, actions->n, pkts, n, false);
}
