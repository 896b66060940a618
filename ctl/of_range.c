#include "ctl/of_range.h"

#include "ctl/of_text.h"

#include <string.h>

bool of_range_text(const char *text, size_t len, uint16_t *first, uint16_t *last)
{
	const char *dash = memchr(text, '-', len);
	uint64_t low, high;
	if (!dash)
		return false;
	size_t low_len = (size_t)(dash - text);
	if (!of_text_u64(text, low_len, UINT16_MAX, &low) ||
	    !of_text_u64(dash + 1, len - low_len - 1, UINT16_MAX, &high))
		return false;
	*first = (uint16_t)low;
	*last = (uint16_t)high;
	return low <= high;
}

void of_range_split(struct of_range *range, uint16_t first, uint16_t last)
{
	uint32_t at = first;
	range->n = 0;
	while (at <= last) {
		// The largest block that starts here and ends in the range.
		uint32_t size = at ? at & -at : 1u << 16;
		while (at + size - 1 > last)
			size /= 2;
		range->parts[range->n].value = (uint16_t)at;
		range->parts[range->n].mask = (uint16_t) ~(size - 1);
		range->n++;
		at += size;
	}
}

static void place_set(struct of_match *match, const struct of_range *range, unsigned part)
{
	struct of_subfield sf = of_field_whole((enum of_field_id)range->field);
	of_subfield_set(&sf, &match->key, range->parts[part].value);
	of_subfield_set(&sf, &match->mask, range->parts[part].mask);
}

unsigned of_flow_n_variants(const struct of_flow *flow)
{
	unsigned n = 1;
	for (unsigned i = 0; i < flow->n_ranges; i++)
		n *= flow->ranges[i].n;
	return n;
}

void of_flow_variant(const struct of_flow *flow, unsigned i, struct of_match *match)
{
	*match = flow->match;
	for (unsigned r = 0; r < flow->n_ranges; r++) {
		place_set(match, &flow->ranges[r], i % flow->ranges[r].n);
		i /= flow->ranges[r].n;
	}
}
