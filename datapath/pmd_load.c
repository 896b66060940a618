// How busy each PMD has been of late, and which queues made it so.
#include "datapath/pmd_private.h"

static uint64_t read_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

// The part's busy cycles of a PMD, which its queues share as their measured bursts do.
struct part {
	uint64_t busy;
	uint64_t sampled;
};

static void measure_pmd(struct pmd *pmd, struct part *part)
{
	uint64_t busy = read_counter(&pmd->stats.busy_cycles);
	uint64_t all =
	    busy + read_counter(&pmd->stats.idle_cycles) + read_counter(&pmd->stats.sleep_cycles);

	part->busy = load_window_gain(&pmd->busy, busy);
	load_window_add(&pmd->busy, part->busy);
	load_window_add(&pmd->all, load_window_gain(&pmd->all, all));
}

void pmd_load_measure(void)
{
	struct part parts[PMDS_MAX] = {{0}};
	unsigned cursor = 0;
	struct rxq *rxq;

	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		measure_pmd(pmd, &parts[pmd->index]);
	for (unsigned i = 0; (rxq = pmd_pool_rxq(i)); i++) {
		rxq->gained = load_window_gain(&rxq->load, read_counter(&rxq->sampled_cycles));
		if (rxq->pmd_index < PMDS_MAX)
			parts[rxq->pmd_index].sampled += rxq->gained;
	}
	for (unsigned i = 0; (rxq = pmd_pool_rxq(i)); i++) {
		const struct part *part =
		    rxq->pmd_index < PMDS_MAX ? &parts[rxq->pmd_index] : &(struct part){0};
		double share = part->sampled ? (double)rxq->gained / (double)part->sampled : 0;

		load_window_add(&rxq->load, (uint64_t)(share * (double)part->busy));
	}
}

void pmd_load_turn(void)
{
	unsigned cursor = 0;
	struct rxq *rxq;

	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor)) {
		load_window_turn(&pmd->busy);
		load_window_turn(&pmd->all);
	}
	for (unsigned i = 0; (rxq = pmd_pool_rxq(i)); i++)
		load_window_turn(&rxq->load);
}
