// Which frame a port sends next, and when.
#ifndef BENCH_SOURCE_H
#define BENCH_SOURCE_H

#include "tests/bench/frames.h"

#include <x86intrin.h>

// Frames that are sent at once to catch up with the rate; where the generator sleeps in between, it
// has more to catch up with.
#define LATE_MAX	 256
#define LATE_MAX_RELAXED 1024

struct source {
	const struct frame_pool *pool;
	uint32_t first; // the frames first to first + n - 1 are sent
	uint32_t n;
	uint32_t next;
	bool random;
	uint64_t seed;
	uint32_t stamp_every; // 0: no time stamps
	uint32_t until_stamp;
	uint32_t late_max;
	uint64_t budget; // frames that may still be sent
	uint64_t start;	 // of the rate, in TSC ticks
	double per_tick; // frames; 0: as fast as it goes
	uint64_t due_sent;
	uint64_t late;
};

// pps 0: as fast as it goes.
void source_start(struct source *s, uint32_t first, uint32_t n, uint64_t budget, double pps,
		  double tsc_hz);

// How many of at most max frames are due now.
static inline uint32_t source_due(struct source *s, uint32_t max, uint64_t now)
{
	uint64_t due = max;
	if (s->per_tick > 0) {
		uint64_t by_now = (uint64_t)((double)(now - s->start) * s->per_tick);
		due = by_now - s->due_sent;
		if (due > s->late_max) {
			s->late += due - s->late_max;
			s->due_sent += due - s->late_max;
			due = s->late_max;
		}
	}
	due = due < s->budget ? due : s->budget;
	return due < max ? (uint32_t)due : max;
}

static inline void source_sent(struct source *s, uint32_t n)
{
	s->budget -= n;
	s->due_sent += n;
}

static inline uint32_t source_next(struct source *s)
{
	if (s->random) {
		s->seed = s->seed * 6364136223846793005ull + 1442695040888963407ull;
		return s->first + (uint32_t)((s->seed >> 32) * s->n >> 32);
	}
	uint32_t frame = s->next++;
	if (s->next == s->first + s->n)
		s->next = s->first;
	return frame;
}

static inline bool source_stamps(struct source *s)
{
	if (__builtin_expect(s->stamp_every == 0 || --s->until_stamp > 0, 1))
		return false;
	s->until_stamp = s->stamp_every;
	return true;
}

// Copies a frame with its virtio header to `hdr` and stamps it.
void source_stamp(const struct source *s, uint32_t frame, uint8_t *hdr);

#endif
