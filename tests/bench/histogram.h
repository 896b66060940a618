// A log-linear histogram: values up to 2^48 in steps of less than one percent.
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7
#define HISTOGRAM_STEPS	    (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS   ((48 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t n;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_reset(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

// The value below or at which `share` (0 to 1) of the values lie: the upper end of its step.
uint64_t histogram_quantile(const struct histogram *h, double share);

#endif
