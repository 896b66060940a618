#include "datapath/meter.h"

#include "flowtable/tally.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKENS_A_UNIT 1000	   // bits of a kbit; a packet is as many
#define MULT_SHIFT    48	   // of a bucket's tokens a cycle
#define COST_MAX      (1ull << 32) // more than any packet's tokens

// Of one PMD and meter; whole lines, of as many bands as the meter has.
struct meter_counters {
	uint64_t packets, bytes;
	struct {
		uint64_t packets, bytes;
	} bands[];
};

struct band {
	uint64_t mult;	// tokens a cycle, << MULT_SHIFT
	uint64_t limit; // tokens of the full bucket
	uint8_t place;	// in config.bands
	uint8_t type;	// of enum ovs_meter_band_type, or ours
	uint8_t prec_level;
};

struct meter {
	// Constant.
	unsigned n_bands;
	uint32_t flags;			       // enum dp_meter_flags
	size_t counters_bytes;		       // of one PMD
	struct band bands[DP_METER_BANDS_MAX]; // the highest rate first
	struct dp_meter config;
	uint64_t created_ms;
	// When each bucket is full again, in its tokens. Writers: PMDs.
	uint64_t full_at[DP_METER_BANDS_MAX] __rte_cache_aligned;
	// [PMDS_MAX] of struct meter_counters; writer of each: its PMD.
	char counters[] __rte_cache_aligned;
};

static_assert(sizeof(uint64_t[DP_METER_BANDS_MAX]) == RTE_CACHE_LINE_SIZE,
	      "PMDs contend for one line");

struct meter *meters_published[DATAPATHS_MAX][DP_METERS_MAX + 1];

static struct {
	struct rcu *rcu;
	unsigned n[DATAPATHS_MAX];
} meters;

static struct meter_counters *counters_of(struct meter *meter, unsigned pmd_index)
{
	return (struct meter_counters *)(meter->counters + pmd_index * meter->counters_bytes);
}

// Time as a bucket's tokens, modulo 2^64.
static inline uint64_t tokens_at(const struct band *band, uint64_t tsc)
{
	return (uint64_t)((unsigned __int128)tsc * band->mult >> MULT_SHIFT);
}

// Which packets of the batch exceed the band. The others take their tokens.
static uint32_t band_account(const struct band *band, uint64_t *full_at, uint64_t now_tsc,
			     const uint32_t *costs, unsigned n)
{
	uint64_t now = tokens_at(band, now_tsc), old = __atomic_load_n(full_at, __ATOMIC_RELAXED);
	uint32_t exceeded, all = n == 32 ? UINT32_MAX : (1u << n) - 1;
	uint64_t used;

	do {
		used = old - now;
		if (used > band->limit + COST_MAX)
			used = 0; // it was full before now
		exceeded = 0;
		for (unsigned i = 0; i < n; i++) {
			if (used < band->limit)
				used += costs[i];
			else
				exceeded |= 1u << i;
		}
		if (exceeded == all)
			return all;
	} while (unlikely(!__atomic_compare_exchange_n(full_at, &old, now + used, false,
						       __ATOMIC_RELAXED, __ATOMIC_RELAXED)));
	return exceeded;
}

static void count(uint64_t *packets, uint64_t *bytes, const struct meter_load *load, uint32_t mask)
{
	uint64_t n_frames = 0, n_bytes = 0;

	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctz(mask);

		n_frames += load->frames[i];
		n_bytes += load->bytes[i];
	}
	tally_add(packets, n_frames);
	tally_add(bytes, n_bytes);
}

static void costs_of(const struct meter *meter, struct meter_load *load, unsigned n,
		     uint32_t *costs)
{
	for (unsigned i = 0; i < n; i++) {
		if (meter->flags & DP_METER_L1)
			load->bytes[i] += load->frames[i] * DP_METER_L1_BYTES;
		costs[i] = meter->flags & DP_METER_KBPS ? load->bytes[i] * 8
							: load->frames[i] * TOKENS_A_UNIT;
	}
}

void meter_account(struct meter *meter, unsigned pmd_index, uint64_t now_tsc,
		   const struct meter_load *load, unsigned n, struct meter_verdict *verdict)
{
	struct meter_counters *counters = counters_of(meter, pmd_index);
	struct meter_load counted = *load;
	uint32_t costs[BURST_MAX], taken = 0;

	*verdict = (struct meter_verdict){0};
	costs_of(meter, &counted, n, costs);
	count(&counters->packets, &counters->bytes, &counted, n == 32 ? UINT32_MAX : (1u << n) - 1);
	for (unsigned i = 0; i < meter->n_bands; i++) {
		const struct band *band = &meter->bands[i];
		uint32_t exceeded = band_account(band, &meter->full_at[i], now_tsc, costs, n);
		uint32_t acts = exceeded & ~taken;

		if (likely(!acts))
			continue;
		taken |= acts;
		count(&counters->bands[band->place].packets, &counters->bands[band->place].bytes,
		      &counted, acts);
		if (band->type == OVS_METER_BAND_TYPE_DROP)
			verdict->drop |= acts;
		else
			verdict->remark[band->prec_level] |= acts;
	}
}

// Control side.

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int by_rate(const void *a, const void *b)
{
	const struct band *x = a, *y = b;

	if (x->mult != y->mult)
		return x->mult < y->mult ? 1 : -1;
	return x->place < y->place ? -1 : 1;
}

static void bands_fill(struct meter *meter, const struct dp_meter *config)
{
	uint64_t now = rte_rdtsc();

	for (unsigned i = 0; i < config->n_bands; i++) {
		const struct dp_meter_band *from = &config->bands[i];
		unsigned __int128 a_second = (unsigned __int128)from->rate * TOKENS_A_UNIT;

		meter->bands[i] = (struct band){
		    .mult = (uint64_t)((a_second << MULT_SHIFT) / rte_get_tsc_hz()),
		    .limit = (uint64_t)(from->burst ? from->burst : from->rate) * TOKENS_A_UNIT,
		    .place = (uint8_t)i,
		    .type = (uint8_t)from->type,
		    .prec_level = from->prec_level,
		};
	}
	qsort(meter->bands, config->n_bands, sizeof(meter->bands[0]), by_rate);
	for (unsigned i = 0; i < config->n_bands; i++)
		meter->full_at[i] = tokens_at(&meter->bands[i], now);
}

static struct meter *meter_create(const struct dp_meter *config)
{
	size_t counters_bytes =
	    RTE_ALIGN_CEIL(sizeof(struct meter_counters) +
			       config->n_bands * sizeof(((struct meter_counters *)NULL)->bands[0]),
			   (size_t)RTE_CACHE_LINE_SIZE);
	size_t bytes = sizeof(struct meter) + PMDS_MAX * counters_bytes;
	struct meter *meter = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);

	if (!meter)
		return NULL;
	memset(meter, 0, bytes);
	meter->n_bands = config->n_bands;
	meter->flags = config->flags;
	meter->counters_bytes = counters_bytes;
	meter->config = *config;
	meter->created_ms = now_ms();
	bands_fill(meter, config);
	return meter;
}

static void meter_free(void *meter)
{
	free(meter);
}

static void publish(unsigned slot, uint32_t id, struct meter *meter)
{
	struct meter *old = meters_published[slot][id];

	__atomic_store_n(&meters_published[slot][id], meter, __ATOMIC_RELEASE);
	if (old)
		rcu_retire(meters.rcu, meter_free, old);
}

int meter_set(unsigned slot, const struct dp_meter *config)
{
	struct meter *meter;

	if (config->id > DP_METERS_MAX)
		return -EINVAL;
	if (!meters_published[slot][config->id] && meters.n[slot] == DP_METERS_MAX)
		return -ENOSPC;
	meter = meter_create(config);
	if (!meter)
		return -ENOMEM;
	meters.n[slot] += !meters_published[slot][config->id];
	publish(slot, config->id, meter);
	return 0;
}

int meter_del(unsigned slot, uint32_t id)
{
	if (!meter_get(slot, id))
		return -ENOENT;
	publish(slot, id, NULL);
	meters.n[slot]--;
	return 0;
}

void meters_flush(unsigned slot)
{
	for (uint32_t id = 0; id <= DP_METERS_MAX && meters.n[slot] > 0; id++)
		meter_del(slot, id);
}

bool meter_read(unsigned slot, uint32_t id, struct dp_meter *out)
{
	struct meter *meter = meter_get(slot, id);

	if (!meter)
		return false;
	*out = meter->config;
	out->packets = out->bytes = 0;
	out->duration_ms = now_ms() - meter->created_ms;
	for (unsigned b = 0; b < out->n_bands; b++)
		out->bands[b].packets = out->bands[b].bytes = 0;
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		const struct meter_counters *counters = counters_of(meter, i);

		out->packets += tally_read(&counters->packets);
		out->bytes += tally_read(&counters->bytes);
		for (unsigned b = 0; b < out->n_bands; b++) {
			out->bands[b].packets += tally_read(&counters->bands[b].packets);
			out->bands[b].bytes += tally_read(&counters->bands[b].bytes);
		}
	}
	return true;
}

void meters_init(struct rcu *rcu)
{
	meters.rcu = rcu;
}

void meters_fini(void)
{
	for (unsigned slot = 0; slot < DATAPATHS_MAX; slot++) {
		for (uint32_t id = 0; id <= DP_METERS_MAX && meters.n[slot] > 0; id++) {
			meters.n[slot] -= meters_published[slot][id] != NULL;
			free(meters_published[slot][id]);
			meters_published[slot][id] = NULL;
		}
	}
}
