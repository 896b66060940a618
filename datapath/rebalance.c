#include "datapath/rebalance.h"

#include "ctl/log.h"

#include <errno.h>
#include <stdlib.h>

#define STEP	   (RXQS_LOAD_FULL / 100) // a move that gains less is not worth it
#define GAIN_LEAST (RXQS_LOAD_FULL / 10)  // below that nothing moves by itself

static uint64_t last_ms;

int rebalance_plan_make(struct rebalance_plan *plan)
{
	struct spread_pmd pmds[PMDS_MAX];

	*plan = (struct rebalance_plan){0};
	plan->places = rxqs_places(&plan->n);
	if (!plan->places)
		return -ENOMEM;
	rxqs_pmds(pmd_pool_running(), pmds);
	plan->busiest_before = spread_busiest(plan->places, plan->n);
	plan->n_moves = spread_rebalance(plan->places, plan->n, pmds, STEP);
	plan->busiest_after = spread_busiest(plan->places, plan->n);
	return 0;
}

void rebalance_plan_fini(struct rebalance_plan *plan)
{
	free(plan->places);
}

int rebalance_apply(const struct rebalance_plan *plan)
{
	int err = plan->n_moves ? rxqs_move(plan->places) : 0;

	if (!err)
		rxqs_keep_loads();
	return err;
}

static void rebalance_by_itself(void)
{
	struct rebalance_plan plan;

	if (rebalance_plan_make(&plan) < 0)
		return;
	if (plan.n_moves && plan.busiest_before - plan.busiest_after >= GAIN_LEAST &&
	    rebalance_apply(&plan) == 0)
		log_info("rebalanced: %u queue%s moved; the busiest core goes from %.1f %% to "
			 "%.1f %%",
			 plan.n_moves, plan.n_moves == 1 ? "" : "s",
			 (double)plan.busiest_before * 100 / RXQS_LOAD_FULL,
			 (double)plan.busiest_after * 100 / RXQS_LOAD_FULL);
	rebalance_plan_fini(&plan);
}

void rebalance_when_due(uint64_t now_ms)
{
	uint64_t every_ms = (uint64_t)pmd_pool_settings()->rebalance_s * 1000;

	if (!every_ms) {
		last_ms = now_ms;
		return;
	}
	if (now_ms - last_ms < every_ms)
		return;
	last_ms = now_ms;
	rebalance_by_itself();
}

void rebalance_reset(void)
{
	last_ms = 0;
}
