// What a port makes of the frames that it receives.
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "tests/bench/frames.h"
#include "tests/bench/histogram.h"

#define SAMPLE_EVERY 1024 // frames; one of them is compared byte for byte

struct checker {
	const struct frame_pool *sent; // the peer's
	uint32_t fixed_len;	       // of all frames; 0 when they differ
	bool each;		       // looks into every frame
	uint32_t until_sample;
	uint64_t received;
	uint64_t bytes;
	uint64_t bad_length;
	uint64_t bad_content;
	uint64_t foreign;
	uint64_t sampled;
	struct histogram latency; // in TSC ticks
};

// touch: looks into every frame even where nothing asks for it.
void checker_init(struct checker *c, const struct frame_pool *sent, bool latency, bool touch);

// Begins to count anew what belongs to a phase.
void checker_reset(struct checker *c);

// n frames of the right, fixed length into which nobody looked. n <= until_sample.
static inline void checker_plain(struct checker *c, uint32_t n)
{
	c->until_sample -= n;
	c->received += n;
	c->bytes += (uint64_t)n * c->fixed_len;
}

static inline bool checker_is_plain(const struct checker *c, uint32_t len)
{
	return !c->each && len == c->fixed_len && c->until_sample > 0;
}

// A frame; hdr is its virtio header. `head` bytes of header and frame lie at hdr, the rest of a
// frame of `len` bytes behind them when it is whole.
void checker_look(struct checker *c, const uint8_t *hdr, uint32_t head, uint32_t len);

// True when the next frame is one to be handed over whole.
static inline bool checker_wants_whole(const struct checker *c)
{
	return c->until_sample == 0;
}

#endif
