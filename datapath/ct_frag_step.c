#include "datapath/ct_frag_step.h"

#include "datapath/ct_execute.h"

#include <errno.h>

#define EXPIRE_BURST 64
#define NESTED_MAX   16 // each takes room on the stack

static struct ct_frags *tables[CT_DPS_MAX]; // writer: control thread
static __thread unsigned n_nested;	    // actions ct that fragments at hand came out of

int ct_frags_prepare(uint8_t dp)
{
	struct ct_frags *frags;

	if (tables[dp])
		return 0;
	frags = ct_frags_create();
	if (!frags)
		return -ENOMEM;
	// A PMD that sees it sees what is in it.
	__atomic_store_n(&tables[dp], frags, __ATOMIC_RELEASE);
	return 0;
}

void ct_frags_fini(void)
{
	for (unsigned dp = 0; dp < CT_DPS_MAX; dp++) {
		ct_frags_destroy(tables[dp]);
		tables[dp] = NULL;
	}
}

struct ct_frags *ct_frags_of(uint8_t dp)
{
	return __atomic_load_n(&tables[dp], __ATOMIC_ACQUIRE);
}

// Each at the port that it came in at.
static void drop_all(struct pmd *pmd, struct ct_frag_result *result, enum drop_reason reason)
{
	for (unsigned i = 0; i < result->n; i++)
		pmd_count_drop(pmd, packet_meta(result->frags[i])->in_port, reason, 1);
	packet_free_bulk(result->frags, result->n);
}

static void go_on_all(const struct ct_go_on *go_on, struct ct_frag_result *result)
{
	n_nested++;
	for (unsigned at = 0; at < result->n; at += BURST_MAX)
		go_on->run(go_on->arg, result->frags + at,
			   RTE_MIN(result->n - at, (unsigned)BURST_MAX));
	n_nested--;
}

// What is dropped of the whole is counted once, and not for each fragment.
static void track_whole(struct pmd *pmd, const struct action_ct *ct, struct ct_frag_result *result,
			const struct ct_go_on *go_on)
{
	if (ct_execute(pmd, ct, &result->whole, 1) == 0) {
		pmd_count_drop(pmd, pmd->in_port, DROP_FRAGMENT_REST, result->n - 1);
		packet_free_bulk(result->frags, result->n);
	} else if (ct_frag_release(result) < 0) {
		drop_all(pmd, result, DROP_ACTION_INVALID);
	} else {
		go_on_all(go_on, result);
	}
}

bool ct_frag_step(struct pmd *pmd, const struct action_ct *ct, uint8_t dp, struct rte_mbuf **m,
		  const struct ct_go_on *go_on)
{
	struct ct_frags *frags = ct_frags_of(dp);
	struct ct_frag_result result;

	if (!frags || !go_on || n_nested == NESTED_MAX)
		return false;
	switch (ct_frag_add(frags, m, ct->zone, pmd->now_ms, &result)) {
	case CT_FRAG_HELD:
		return true;
	case CT_FRAG_DROP:
		drop_all(pmd, &result, result.reason);
		return true;
	case CT_FRAG_COMPLETE:
		track_whole(pmd, ct, &result, go_on);
		return true;
	case CT_FRAG_WHOLE:
	case CT_FRAG_INVALID:
	default:
		return false;
	}
}

static void drop_late(struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pmd_pool_count_drop(packet_meta(pkts[i])->in_port, DROP_FRAGMENT_TIMEOUT, 1);
	packet_free_bulk(pkts, n);
}

void ct_frags_tick(uint64_t now_ms)
{
	struct rte_mbuf *pkts[EXPIRE_BURST];
	unsigned n;

	for (unsigned dp = 0; dp < CT_DPS_MAX; dp++) {
		while (tables[dp] &&
		       (n = ct_frags_expire(tables[dp], now_ms, pkts, EXPIRE_BURST)) > 0)
			drop_late(pkts, n);
	}
}

void ct_frags_forget(uint8_t dp)
{
	struct rte_mbuf *pkts[EXPIRE_BURST];
	unsigned n;

	if (!tables[dp])
		return;
	while ((n = ct_frags_purge(tables[dp], pkts, EXPIRE_BURST)) > 0)
		drop_late(pkts, n);
}
