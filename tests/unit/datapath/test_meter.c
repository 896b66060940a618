// Meters against a clock that the test turns.
#include "datapath/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>

#include "tests/unit/flowtable/eal.h"

#define ID 7

static struct rcu *rcu;

static int up(void **state)
{
	(void)state;
	rcu = rcu_create();
	meters_init(rcu);
	return 0;
}

static int down(void **state)
{
	(void)state;
	meters_fini();
	rcu_destroy(rcu);
	return 0;
}

static struct meter *set(struct dp_meter config)
{
	config.id = ID;
	assert_int_equal(meter_set(0, &config), 0);
	return meter_get(0, ID);
}

static struct dp_meter_band drop(uint32_t rate, uint32_t burst)
{
	return (
	    struct dp_meter_band){.type = OVS_METER_BAND_TYPE_DROP, .rate = rate, .burst = burst};
}

static struct dp_meter_band remark(uint32_t rate, uint32_t burst, uint8_t prec_level)
{
	return (struct dp_meter_band){.type = SWD_METER_BAND_TYPE_DSCP_REMARK,
				      .rate = rate,
				      .burst = burst,
				      .prec_level = prec_level};
}

static struct meter_load frames(unsigned n, uint32_t bytes)
{
	struct meter_load load;

	for (unsigned i = 0; i < n; i++) {
		load.frames[i] = 1;
		load.bytes[i] = bytes;
	}
	return load;
}

struct tally {
	uint64_t dropped, remarked, passed;
};

// Offers n frames of `bytes` bytes at each of `turns` times, evenly over `seconds` from *tsc on.
static struct tally offer(struct meter *meter, uint64_t *tsc, double seconds, unsigned turns,
			  unsigned n, uint32_t bytes)
{
	uint64_t start = *tsc, cycles = (uint64_t)(seconds * (double)rte_get_tsc_hz());
	const struct meter_load load = frames(n, bytes);
	struct tally tally = {0};

	for (unsigned i = 1; i <= turns; i++) {
		struct meter_verdict verdict;
		unsigned dropped, remarked;

		*tsc = start + (uint64_t)((unsigned __int128)cycles * i / turns);
		meter_account(meter, 0, *tsc, &load, n, &verdict);
		dropped = (unsigned)__builtin_popcount(verdict.drop);
		remarked = (unsigned)__builtin_popcount(verdict.remark[1] | verdict.remark[2] |
							verdict.remark[3]);
		tally.dropped += dropped;
		tally.remarked += remarked;
		tally.passed += n - dropped - remarked;
	}
	return tally;
}

static void wants_within_a_percent(double got, double want)
{
	if (got < want * 0.99 || got > want * 1.01)
		fail_msg("%.0f is not within 1 %% of %.0f", got, want);
}

// Empties the buckets, so that the burst is not in what follows.
static void empty(struct meter *meter, uint64_t *tsc)
{
	struct meter_load load = frames(32, 9000);
	struct meter_verdict verdict;

	do {
		meter_account(meter, 0, *tsc, &load, 32, &verdict);
	} while (verdict.drop != UINT32_MAX);
}

static void a_rate_of_packets_is_kept(void **state)
{
	static const uint32_t rates[] = {1, 100, 1000, 12345, 1000000, 4000000};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rates); i++) {
		struct meter *meter =
		    set((struct dp_meter){.n_bands = 1, .bands = {drop(rates[i], 0)}});
		uint64_t tsc = rte_rdtsc();
		double seconds = rates[i] < 1000 ? 1000.0 / rates[i] : 1;

		empty(meter, &tsc);
		wants_within_a_percent((double)offer(meter, &tsc, seconds, 200000, 32, 64).passed,
				       rates[i] * seconds);
	}
}

static void a_rate_of_kilobits_is_kept_at_both_layers(void **state)
{
	static const uint32_t rates[] = {100, 1000, 100000, 10000000, 40000000};

	(void)state;
	for (unsigned i = 0; i < 2 * RTE_DIM(rates); i++) {
		bool l1 = i % 2;
		uint32_t rate = rates[i / 2], bytes = 1000 + (l1 ? DP_METER_L1_BYTES : 0);
		struct meter *meter =
		    set((struct dp_meter){.flags = DP_METER_KBPS | (l1 ? DP_METER_L1 : 0),
					  .n_bands = 1,
					  .bands = {drop(rate, 0)}});
		uint64_t tsc = rte_rdtsc();
		double seconds = rate < 10000 ? 100 : 1;

		empty(meter, &tsc);
		wants_within_a_percent(
		    (double)offer(meter, &tsc, seconds, 300000, 32, 1000).passed * bytes * 8,
		    rate * 1000.0 * seconds);
	}
}

static void what_is_below_the_rate_passes_whole(void **state)
{
	struct meter *meter = set((struct dp_meter){.n_bands = 1, .bands = {drop(100000, 32)}});
	uint64_t tsc = rte_rdtsc();

	(void)state;
	assert_int_equal(offer(meter, &tsc, 1, 3000, 32, 64).dropped, 0);
}

static void a_burst_passes_at_once_and_no_more(void **state)
{
	struct meter *meter = set((struct dp_meter){.n_bands = 1, .bands = {drop(1000, 50)}});
	uint64_t tsc = rte_rdtsc();

	(void)state;
	assert_int_equal(offer(meter, &tsc, 0, 4, 32, 64).passed, 50);
	// A part of it is back after a while, all and no more after a long time.
	assert_int_equal(offer(meter, &tsc, 0.0245, 1, 32, 64).passed, 25);
	tsc += 3600 * rte_get_tsc_hz();
	assert_int_equal(offer(meter, &tsc, 0, 4, 32, 64).passed, 50);
	// Without a burst: a second's worth.
	meter = set((struct dp_meter){.n_bands = 1, .bands = {drop(1000, 0)}});
	assert_int_equal(offer(meter, &tsc, 0, 100, 32, 64).passed, 1000);
}

static void a_frame_that_is_longer_than_the_bucket_passes_at_the_rate(void **state)
{
	// 1 Mbit/s, 8 kbit: frames of 72 kbit.
	struct meter *meter =
	    set((struct dp_meter){.flags = DP_METER_KBPS, .n_bands = 1, .bands = {drop(1000, 8)}});
	uint64_t tsc = rte_rdtsc();

	(void)state;
	wants_within_a_percent((double)offer(meter, &tsc, 720, 100000, 1, 9000).passed, 10000);
}

static void frames_to_be_segmented_count_as_what_they_become(void **state)
{
	struct meter *meter = set((struct dp_meter){.n_bands = 1, .bands = {drop(1000, 90)}});
	struct meter_load load = {.frames = {45, 45, 45}, .bytes = {65000, 65000, 65000}};
	struct meter_verdict verdict;
	struct dp_meter now;

	(void)state;
	meter_account(meter, 0, rte_rdtsc(), &load, 3, &verdict);
	assert_int_equal(verdict.drop, 1 << 2);
	assert_true(meter_read(0, ID, &now));
	assert_int_equal(now.packets, 135);
	assert_int_equal(now.bands[0].packets, 45);
	assert_int_equal(now.bands[0].bytes, 65000);
}

// Bands are given in no order: what is between the rates is remarked, what is above is dropped.
static void the_highest_band_that_is_exceeded_acts(void **state)
{
	struct meter *meter =
	    set((struct dp_meter){.n_bands = 3,
				  .bands = {drop(20000, 100), remark(5000, 100, 1),
					    remark(10000, 100, 2)}});
	uint64_t tsc = rte_rdtsc();
	struct dp_meter now;
	struct tally tally;

	(void)state;
	tally = offer(meter, &tsc, 10, 10000, 30, 100); // 30,000 a second
	wants_within_a_percent((double)tally.passed, 50000);
	wants_within_a_percent((double)tally.remarked, 150000);
	wants_within_a_percent((double)tally.dropped, 100000);
	assert_true(meter_read(0, ID, &now));
	assert_int_equal(now.packets, 300000);
	assert_int_equal(now.bytes, 30000000);
	assert_int_equal(now.bands[0].packets, tally.dropped);
	wants_within_a_percent((double)now.bands[1].packets, 50000);
	wants_within_a_percent((double)now.bands[2].packets, 100000);
	assert_int_equal(now.bands[2].bytes, now.bands[2].packets * 100);
}

static void a_meter_without_bands_counts_only(void **state)
{
	struct meter *meter = set((struct dp_meter){.n_bands = 0});
	uint64_t tsc = rte_rdtsc();
	struct dp_meter now;

	(void)state;
	assert_int_equal(offer(meter, &tsc, 1, 100, 32, 64).passed, 3200);
	assert_true(meter_read(0, ID, &now));
	assert_int_equal(now.packets, 3200);
}

#define THREADS	     4
#define SHARED_RATE  1000000
#define SHARED_BURST 1000000 // a second: so long, none of them may have its turn

struct sharer {
	struct meter *meter;
	unsigned index;
	uint64_t end_tsc, last_tsc, n, passed;
};

// Returns how many frames passed.
static unsigned share_once(struct sharer *sharer, uint64_t tsc)
{
	const struct meter_load load = frames(32, 64);
	struct meter_verdict verdict;
	unsigned passed;

	meter_account(sharer->meter, sharer->index, tsc, &load, 32, &verdict);
	passed = 32 - (unsigned)__builtin_popcount(verdict.drop);
	sharer->last_tsc = tsc;
	sharer->n += 32;
	sharer->passed += passed;
	return passed;
}

static void *share(void *arg)
{
	struct sharer *sharer = arg;

	do {
		share_once(sharer, rte_rdtsc());
	} while (sharer->last_tsc < sharer->end_tsc);
	return NULL;
}

static void threads_share_a_meter_and_its_rate(void **state)
{
	uint64_t start = rte_rdtsc(), last = 0, n = 0, passed = 0;
	struct meter *meter =
	    set((struct dp_meter){.n_bands = 1, .bands = {drop(SHARED_RATE, SHARED_BURST)}});
	struct sharer sharers[THREADS];
	pthread_t threads[THREADS];
	struct dp_meter now;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		sharers[i] = (struct sharer){.meter = meter,
					     .index = i,
					     .end_tsc = start + rte_get_tsc_hz() / 2};
		assert_int_equal(pthread_create(&threads[i], NULL, share, &sharers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		last = RTE_MAX(last, sharers[i].last_tsc);
	}
	// Whoever waited long for its last turn left what had come in since.
	while (share_once(&sharers[0], last) > 0)
		;
	for (unsigned i = 0; i < THREADS; i++) {
		n += sharers[i].n;
		passed += sharers[i].passed;
	}
	wants_within_a_percent((double)passed, SHARED_BURST + SHARED_RATE * (double)(last - start) /
								  (double)rte_get_tsc_hz());
	assert_true(meter_read(0, ID, &now));
	assert_int_equal(now.packets, n);
	assert_int_equal(now.packets - now.bands[0].packets, passed);
}

static void meters_are_set_replaced_and_deleted(void **state)
{
	struct dp_meter config = {.id = ID, .n_bands = 1, .bands = {drop(1, 1)}}, now;
	uint64_t tsc = rte_rdtsc();

	(void)state;
	assert_null(meter_get(0, ID));
	assert_int_equal(meter_del(0, ID), -ENOENT);
	assert_false(meter_read(0, ID, &now));
	assert_int_equal(meter_set(0, &config), 0);
	offer(meter_get(0, ID), &tsc, 0, 1, 32, 64);
	config.bands[0].rate = 2;
	assert_int_equal(meter_set(0, &config), 0);
	assert_true(meter_read(0, ID, &now));
	assert_int_equal(now.bands[0].rate, 2);
	assert_int_equal(now.packets, 0);
	assert_int_equal(meter_del(0, ID), 0);
	assert_null(meter_get(0, ID));
	assert_null(meter_get(0, UINT32_MAX));
	config.id = DP_METERS_MAX + 1;
	assert_int_equal(meter_set(0, &config), -EINVAL);
}

static void meters_are_bounded(void **state)
{
	struct dp_meter config = {.n_bands = 1, .bands = {drop(1, 1)}};

	(void)state;
	for (config.id = 0; config.id < DP_METERS_MAX; config.id++)
		assert_int_equal(meter_set(0, &config), 0);
	assert_int_equal(meter_set(0, &config), -ENOSPC);
	config.id = 3;
	assert_int_equal(meter_set(0, &config), 0); // replaced
	assert_int_equal(meter_del(0, 9), 0);
	config.id = DP_METERS_MAX;
	assert_int_equal(meter_set(0, &config), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_rate_of_packets_is_kept),
	    T(a_rate_of_kilobits_is_kept_at_both_layers),
	    T(what_is_below_the_rate_passes_whole),
	    T(a_burst_passes_at_once_and_no_more),
	    T(a_frame_that_is_longer_than_the_bucket_passes_at_the_rate),
	    T(frames_to_be_segmented_count_as_what_they_become),
	    T(the_highest_band_that_is_exceeded_acts),
	    T(a_meter_without_bands_counts_only),
	    T(threads_share_a_meter_and_its_rate),
	    T(meters_are_set_replaced_and_deleted),
	    T(meters_are_bounded),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
