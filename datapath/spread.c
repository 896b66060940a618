#include "datapath/spread.h"

#include <stddef.h>

#define N SPREAD_PMDS

static bool may_own_any(const struct spread_pmd *pmd)
{
	return pmd->running && !pmd->isolated;
}

static bool is_far(int queue_node, const struct spread_pmd *pmd)
{
	return queue_node >= 0 && pmd->numa_node >= 0 && queue_node != pmd->numa_node;
}

bool spread_crosses(const struct spread_queue *queue, const struct spread_pmd *pmds)
{
	return queue->owner < N && is_far(queue->numa_node, &pmds[queue->owner]);
}

// The least loaded PMD for queues of a node: a far one only when no other is there.
static uint16_t least_loaded(const uint64_t *load, const struct spread_pmd *pmds, int node)
{
	uint16_t best = SPREAD_NOBODY;

	for (uint16_t i = 0; i < N; i++) {
		bool far = is_far(node, &pmds[i]);
		bool best_far = best != SPREAD_NOBODY && is_far(node, &pmds[best]);

		if (!may_own_any(&pmds[i]) || (best != SPREAD_NOBODY && far && !best_far))
			continue;
		if (best == SPREAD_NOBODY || (best_far && !far) || load[i] < load[best])
			best = i;
	}
	return best;
}

static bool is_pinned(const struct spread_queue *queue, const struct spread_pmd *pmds)
{
	return queue->pin < N && pmds[queue->pin].running;
}

static bool keeps_owner(const struct spread_queue *queue, const struct spread_pmd *pmds)
{
	return queue->owner < N && may_own_any(&pmds[queue->owner]);
}

// Whether a PMD on the queue's node may take it from one that is far.
static bool could_be_near(const struct spread_queue *queue, const struct spread_pmd *pmds)
{
	if (!spread_crosses(queue, pmds))
		return false;
	for (unsigned i = 0; i < N; i++) {
		if (may_own_any(&pmds[i]) && !is_far(queue->numa_node, &pmds[i]))
			return true;
	}
	return false;
}

// The PMD with the most among those not in `done`, or SPREAD_NOBODY.
static uint16_t most_loaded(const uint64_t *load, uint64_t done)
{
	uint16_t best = SPREAD_NOBODY;

	for (uint16_t i = 0; i < N; i++) {
		if (!(done >> i & 1) && load[i] > 0 &&
		    (best == SPREAD_NOBODY || load[i] > load[best]))
			best = i;
	}
	return best;
}

// A queue and the PMD that it could go to.
struct move {
	struct spread_queue *queue; // NULL: none
	uint16_t to;
	uint64_t gain;
};

// What the more loaded of two PMDs loses when `load` goes from the one to the other.
static uint64_t gain_of(uint64_t from, uint64_t to, uint64_t load)
{
	uint64_t after = from - load > to + load ? from - load : to + load;

	return after < from ? from - after : 0;
}

// The best move away from a PMD; of equal ones that of the last queue. With `counted` each queue
// weighs 1.
static struct move best_move(struct spread_queue *queues, unsigned n, const struct spread_pmd *pmds,
			     const uint64_t *load, uint16_t from, bool counted)
{
	struct move best = {.queue = NULL};
	uint16_t to = SPREAD_NOBODY;
	int node = 0;
	bool known = false;

	for (unsigned i = n; i-- > 0;) {
		struct spread_queue *queue = &queues[i];
		uint64_t gain;

		if (queue->owner != from || is_pinned(queue, pmds))
			continue;
		if (!known || queue->numa_node != node) {
			node = queue->numa_node;
			to = least_loaded(load, pmds, node);
			known = true;
		}
		if (to == SPREAD_NOBODY || to == from)
			continue;
		gain = gain_of(load[from], load[to], counted ? 1 : queue->load);
		if (gain > best.gain)
			best = (struct move){.queue = queue, .to = to, .gain = gain};
	}
	return best;
}

// Moves queues from the most loaded PMDs for as long as that gains `step`.
static void level(struct spread_queue *queues, unsigned n, const struct spread_pmd *pmds,
		  uint64_t *load, uint64_t step, bool counted)
{
	uint64_t done = 0;
	uint16_t from;

	while ((from = most_loaded(load, done)) != SPREAD_NOBODY) {
		struct move move = best_move(queues, n, pmds, load, from, counted);
		uint64_t weight;

		if (!move.queue || move.gain < step) {
			done |= UINT64_C(1) << from;
			continue;
		}
		weight = counted ? 1 : move.queue->load;
		load[from] -= weight;
		load[move.to] += weight;
		move.queue->owner = move.to;
		done = 0;
	}
}

void spread_queues(struct spread_queue *queues, unsigned n, const struct spread_pmd *pmds,
		   bool even)
{
	uint64_t load[N] = {0};

	for (unsigned i = 0; i < n; i++) {
		if (is_pinned(&queues[i], pmds))
			queues[i].owner = queues[i].pin;
		else if (!keeps_owner(&queues[i], pmds) ||
			 (even && could_be_near(&queues[i], pmds)))
			queues[i].owner = SPREAD_NOBODY;
		if (queues[i].owner != SPREAD_NOBODY)
			load[queues[i].owner]++;
	}
	for (unsigned i = 0; i < n; i++) {
		if (queues[i].owner != SPREAD_NOBODY)
			continue;
		queues[i].owner = least_loaded(load, pmds, queues[i].numa_node);
		if (queues[i].owner != SPREAD_NOBODY)
			load[queues[i].owner]++;
	}
	if (even)
		level(queues, n, pmds, load, 1, true);
}

static void load_sum(const struct spread_queue *queues, unsigned n, uint64_t *load)
{
	for (unsigned i = 0; i < n; i++) {
		if (queues[i].owner < N)
			load[queues[i].owner] += queues[i].load;
	}
}

unsigned spread_rebalance(struct spread_queue *queues, unsigned n, const struct spread_pmd *pmds,
			  uint64_t step)
{
	uint64_t load[N] = {0};
	unsigned n_moved = 0;

	load_sum(queues, n, load);
	for (unsigned i = 0; i < n; i++)
		queues[i].before = queues[i].owner;
	level(queues, n, pmds, load, step ? step : 1, false);
	for (unsigned i = 0; i < n; i++)
		n_moved += queues[i].owner != queues[i].before;
	return n_moved;
}

uint64_t spread_busiest(const struct spread_queue *queues, unsigned n)
{
	uint64_t load[N] = {0}, most = 0;

	load_sum(queues, n, load);
	for (unsigned i = 0; i < N; i++)
		most = load[i] > most ? load[i] : most;
	return most;
}
