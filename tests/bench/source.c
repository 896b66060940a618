#include "tests/bench/source.h"

#include <string.h>

void source_start(struct source *s, uint32_t first, uint32_t n, uint64_t budget, double pps,
		  double tsc_hz)
{
	s->first = first;
	s->n = n;
	s->next = first;
	s->budget = budget;
	s->per_tick = pps / tsc_hz;
	s->start = __rdtsc();
	s->due_sent = 0;
	s->late = 0;
	s->until_stamp = s->stamp_every;
}

void source_stamp(const struct source *s, uint32_t frame, uint8_t *hdr)
{
	const struct frame_pool *pool = s->pool;
	struct frame_tag *tag =
	    (struct frame_tag *)(hdr + VNET_HDR_LEN + frame_tag_offset(&pool->spec));
	memcpy(hdr, frame_pool_hdr(pool, frame), pool->refs[frame].len);
	tag->stamped = 1;
	tag->tsc = __rdtsc();
}
