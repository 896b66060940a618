// What a counter has gained of late: in the last few parts of time, each as long as somebody likes,
// and in the one that has begun.
#ifndef DATAPATH_LOAD_H
#define DATAPATH_LOAD_H

#include <stdint.h>

#define LOAD_PARTS 10

struct load_window {
	uint64_t seen; // the counter when the last part ended
	uint64_t parts[LOAD_PARTS + 1];
	unsigned at; // the part that has begun
};

static inline void load_window_add(struct load_window *window, uint64_t gained)
{
	window->parts[window->at] += gained;
}

// Ends the part that has begun, and forgets the oldest.
static inline void load_window_turn(struct load_window *window)
{
	window->at = (window->at + 1) % (LOAD_PARTS + 1);
	window->parts[window->at] = 0;
}

// What the counter has gained since the last call.
static inline uint64_t load_window_gain(struct load_window *window, uint64_t counter)
{
	uint64_t gained = counter - window->seen;

	window->seen = counter;
	return gained;
}

static inline uint64_t load_window_sum(const struct load_window *window)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= LOAD_PARTS; i++)
		sum += window->parts[i];
	return sum;
}

#endif
