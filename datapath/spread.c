#include "datapath/spread.h"

#define N 64 // PMDs at most

static uint16_t least_loaded(const unsigned *load, uint64_t running)
{
	uint16_t best = SPREAD_NOBODY;

	for (uint16_t i = 0; i < N; i++) {
		if ((running >> i & 1) && (best == SPREAD_NOBODY || load[i] < load[best]))
			best = i;
	}
	return best;
}

static uint16_t most_loaded(const unsigned *load)
{
	uint16_t best = 0;

	for (uint16_t i = 1; i < N; i++) {
		if (load[i] > load[best])
			best = i;
	}
	return best;
}

static void move_one(uint16_t *owner, unsigned n, uint16_t from, uint16_t to)
{
	while (n-- > 0) {
		if (owner[n] == from) {
			owner[n] = to;
			return;
		}
	}
}

void spread_queues(uint16_t *owner, unsigned n, uint64_t running)
{
	unsigned load[N] = {0};

	for (unsigned i = 0; i < n; i++) {
		if (owner[i] < N && (running >> owner[i] & 1))
			load[owner[i]]++;
		else
			owner[i] = SPREAD_NOBODY;
	}
	if (!running)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (owner[i] == SPREAD_NOBODY) {
			owner[i] = least_loaded(load, running);
			load[owner[i]]++;
		}
	}
	for (;;) {
		uint16_t from = most_loaded(load);
		uint16_t to = least_loaded(load, running);

		if (load[from] <= load[to] + 1)
			return;
		move_one(owner, n, from, to);
		load[from]--;
		load[to]++;
	}
}
