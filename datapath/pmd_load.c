// How busy each PMD has been of late, and which queues made it so.
#include "datapath/pmd_private.h"

// Of the clock, for all PMDs: one that sleeps does not count, and queues bring the load of this
// time along to one that has just started.
static struct load_window all;

// The part's busy cycles of a PMD, which its queues share as their measured bursts do.
struct part {
	uint64_t busy;
	uint64_t sampled;
};

static void measure_pmd(struct pmd *pmd, struct part *part)
{
	part->busy = load_window_gain(&pmd->busy, tally_read(&pmd->stats.busy_cycles));
	load_window_add(&pmd->busy, part->busy);
}

void pmd_load_init(void)
{
	all = (struct load_window){.seen = rte_rdtsc()};
}

uint64_t pmd_load_all(void)
{
	return load_window_sum(&all);
}

void pmd_load_measure(void)
{
	struct part parts[PMDS_MAX] = {{0}};
	unsigned cursor = 0;
	struct rxq *rxq;

	load_window_add(&all, load_window_gain(&all, rte_rdtsc()));
	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		measure_pmd(pmd, &parts[pmd->index]);
	for (unsigned i = 0; (rxq = pmd_pool_rxq(i)); i++) {
		rxq->gained = load_window_gain(&rxq->load, tally_read(&rxq->sampled_cycles));
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

	load_window_turn(&all);
	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		load_window_turn(&pmd->busy);
	for (unsigned i = 0; (rxq = pmd_pool_rxq(i)); i++)
		load_window_turn(&rxq->load);
}
