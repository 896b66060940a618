#include "datapath/pmd_private.h"

#include "datapath/ring.h"

#include <errno.h>

int inject_init(struct pmd *pmd)
{
	pmd->inject = ring_create(sizeof(struct inject), INJECT_RING_SIZE, pmd->numa_node);
	pmd->inject_done =
	    ring_create(sizeof(struct flow_actions *), INJECT_RING_SIZE, pmd->numa_node);
	return pmd->inject && pmd->inject_done ? 0 : -ENOMEM;
}

void inject_reclaim(struct pmd *pmd)
{
	void *actions;

	while (rte_ring_sc_dequeue(pmd->inject_done, &actions) == 0) {
		flow_actions_free(actions);
		pmd->n_injected--;
	}
}

void inject_fini(struct pmd *pmd)
{
	if (pmd->inject_done)
		inject_reclaim(pmd);
	ring_destroy(pmd->inject);
	ring_destroy(pmd->inject_done);
}

int pmd_pool_inject(struct rte_mbuf *m, struct flow_actions *actions)
{
	struct inject inject = {.m = m, .actions = actions};
	struct pmd *pmd = pmd_pool_of_port(packet_meta(m)->in_port);

	if (pmd && pmd->n_injected == INJECT_RING_SIZE)
		inject_reclaim(pmd);
	// Counted until reclaimed, so that the way back has room for all.
	if (!pmd || pmd->n_injected == INJECT_RING_SIZE) {
		rte_pktmbuf_free(m);
		flow_actions_free(actions);
		return -ENOBUFS;
	}
	pmd->n_injected++;
	port_counters_use(packet_meta(m)->in_port);
	rte_ring_sp_enqueue_elem(pmd->inject, &inject, sizeof inject);
	if (pmd_may_sleep(pmd))
		pmd_wake(pmd);
	return 0;
}

void pmd_pool_reclaim(void)
{
	unsigned cursor = 0;

	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		inject_reclaim(pmd);
}
