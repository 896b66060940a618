// One poll-mode thread's state, as the packet's way and the pool share it. Nobody else includes
// this.
#ifndef DATAPATH_PMD_PRIVATE_H
#define DATAPATH_PMD_PRIVATE_H

#include "datapath/pmd.h"
#include "datapath/trace.h"
#include "flowtable/tally.h"

#include <pthread.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_ring_elem.h>

#define RECIRC_LIST_MAX	 1024 // recirculated packets per received burst, copies included
#define INJECT_RING_SIZE 512  // packets from the control thread that wait or run

// What the loop needs of a receive queue, side by side.
struct rxq_poll {
	uint16_t (*rx)(struct port *port, uint16_t queue, struct packet_arena *arena,
		       struct rte_mbuf **pkts, uint16_t n);
	void (*rx_done)(struct port *port, uint16_t queue); // or NULL
	struct port *port;
	struct rxq *rxq;
	uint32_t port_no;
	uint16_t queue;
};

// The queues of one PMD. Published by the control thread, replaced whole, never changed.
struct rxq_set {
	unsigned n;
	struct rxq_poll polls[];
};

// Packets on their way to one output port, collected over a burst.
struct tx_buffer {
	struct port *port; // valid while n > 0, which is never past the burst
	uint64_t bytes;
	uint64_t ol_flags; // of all, ORed
	uint16_t n;
	struct rte_mbuf *pkts[BURST_MAX];
} __rte_cache_aligned;

// Packets taken together.
struct packet_sum {
	uint64_t bytes;
	uint64_t ol_flags; // of all, ORed
	uint32_t len_max;  // of the longest
};

// A burst on its way: parallel arrays, one place a packet.
struct burst {
	struct rte_mbuf *pkts[BURST_MAX];
	struct megaflow *flows[BURST_MAX];
	struct packet_layout layouts[BURST_MAX];
	bool recirculated; // meta holds recirc_id and n_recirc already
	struct flow_key keys[BURST_MAX];
};

struct inject {
	struct rte_mbuf *m;
	struct flow_actions *actions;
};

struct pmd {
	// Line 0: where things are. Writer: control thread, before the thread starts.
	struct flow_table *flows;
	struct flow_reader *reader;
	struct flow_counters *flow_counters;
	struct port_counters *ports; // [PORTS_MAX]; contents: the PMD
	struct tx_buffer *tx;	     // [PORTS_MAX]; contents: the PMD
	struct rte_ring *inject;     // producer: control thread; consumer: the PMD; struct inject
	struct rte_ring
	    *inject_done; // producer: the PMD; consumer: control thread; struct flow_actions *
	struct rcu *rcu;

	// Line 1. Writer: control thread, while the PMD runs.
	const struct rxq_set *rxqs __rte_cache_aligned; // published
	const struct classify_ops *classify;		// constant
	struct rxq *inject_rxq; // its miss ring takes what injected packets send up; constant
	int rcu_id;		// constant
	int wake_fd;	// eventfd: written when the PMD may sleep and has something to do; constant
	uint16_t index; // constant; below PMDS_MAX
	uint16_t core;	// constant
	int16_t numa_node; // constant
	bool stop;
	bool may_wait;	     // the processor can wait for a write to memory; constant
	uint32_t sleep_us;   // how long it sleeps at a time when idle
	uint32_t wakes;	     // counts pmd_wake()
	uint64_t tsc_per_ms; // constant
	uint64_t idle_tsc;   // it sleeps after so many idle cycles; 0: never

	// Line 2: the packet at hand. Writer: the PMD, as all below.
	uint64_t now_ms __rte_cache_aligned; // CLOCK_MONOTONIC, coarse
	uint64_t now_tsc;		     // when now_ms was read
	struct trace_record *trace;	     // of the packet at hand; NULL: it is not traced
	struct rxq *rxq;		     // whose misses these are
	uint32_t in_port;		     // of all packets of the burst; below PORTS_MAX
	bool upcall_queued;
	uint16_t n_dirty; // tx buffers in use
	uint16_t n_recirc, recirc_head;
	bool timing;		    // the burst at hand is one of those whose stages are measured
	uint8_t n_untimed;	    // bursts until the next one is
	uint8_t untimed_next;	    // how n_untimed was last chosen
	struct packet_arena *arena; // constant; contents: the PMD
	uint64_t stage_tsc;	    // when the stage at hand began

	// Lines 3 to 5; read by the control thread.
	struct pmd_stats stats __rte_cache_aligned;
	uint64_t sample_tsc; // when the burst at hand began, when that is measured

	struct burst burst __rte_cache_aligned;
	uint16_t dirty[PORTS_MAX];
	struct rte_mbuf *recirc[RECIRC_LIST_MAX];

	// Control thread's own.
	pthread_t thread __rte_cache_aligned;
	uint32_t n_injected;	 // packets given to the PMD and not yet reclaimed
	struct load_window busy; // cycles
};

static_assert(offsetof(struct pmd, rxqs) == 1 * RTE_CACHE_LINE_SIZE, "line 0: constants");
static_assert(offsetof(struct pmd, now_ms) == 2 * RTE_CACHE_LINE_SIZE, "line 1: control thread");
static_assert(offsetof(struct pmd, stats) == 3 * RTE_CACHE_LINE_SIZE, "line 2: burst state");
static_assert(offsetof(struct pmd, burst) == 6 * RTE_CACHE_LINE_SIZE, "lines 3 to 5: statistics");
static_assert(offsetof(struct pmd, thread) % RTE_CACHE_LINE_SIZE == 0, "control thread's own");
static_assert(PORTS_MAX <= UINT16_MAX, "the dirty list holds port numbers");
static_assert(sizeof(struct port_counters) % RTE_CACHE_LINE_SIZE == 0, "whole lines per port");

// Counts n packets of a port under a reason. That PMD.
static inline void pmd_count_drop(struct pmd *pmd, uint32_t port_no, enum drop_reason reason,
				  unsigned n)
{
	tally_add(&pmd->ports[port_no].drops[reason], n);
	if (unlikely(pmd->trace))
		trace_drop(pmd->trace, port_no, reason, n);
}

// Frees a packet and charges its input port. That PMD.
static inline void pmd_drop(struct pmd *pmd, struct rte_mbuf *m, enum drop_reason reason)
{
	pmd_count_drop(pmd, pmd->in_port, reason, 1);
	packet_free(m);
}

// Ends a stage of the burst at hand. That PMD.
static inline void pmd_stage_end(struct pmd *pmd, enum pmd_stage stage)
{
	uint64_t now;

	if (likely(!pmd->timing))
		return;
	now = rte_rdtsc();
	tally_add(&pmd->stats.stage_cycles[stage], now - pmd->stage_tsc);
	pmd->stage_tsc = now;
}

// pmd_thread.c. Control thread.
struct pmd_config {
	const struct pmd_pool_config *pool;
	unsigned index;
	unsigned core;
	struct rxq *inject_rxq;
};
// A PMD with caches and counters, without a thread. NULL with one line in err.
struct pmd *pmd_create(const struct pmd_config *config, char *err, size_t err_len);
void pmd_destroy(struct pmd *pmd); // its flow counters are folded into the table's
// Starts its thread on its core; it serves from then on. 0, -EINVAL (core), -errno; one line in
// err.
int pmd_start(struct pmd *pmd, char *err, size_t err_len);
void pmd_stop(struct pmd *pmd); // runs what was injected, then ends; returns when it has ended
// After a change that a PMD must see that may be asleep.
void pmd_wake(struct pmd *pmd);
bool pmd_may_sleep(const struct pmd *pmd);
// From now on: sleep_us at a time after idle_us without a packet; 0: never.
void pmd_set_idle(struct pmd *pmd, unsigned idle_us, unsigned sleep_us);
extern const struct rxq_set pmd_no_rxqs;

// inject.c. Control thread.
int inject_init(struct pmd *pmd);
void inject_fini(struct pmd *pmd); // the PMD has ended
void inject_reclaim(struct pmd *pmd);

// pmd.c. Control thread.
struct pmd *
pmd_pool_of_port(uint32_t port_no); // which runs a port's injected packets; NULL when none runs
uint64_t pmd_pool_running(void);    // a bit per index
struct pmd *pmd_pool_at(unsigned index);     // or NULL; index below PMDS_MAX
struct pmd *pmd_pool_next(unsigned *cursor); // running PMDs, by index; NULL at the end
struct pmd *pmd_pool_on_core(unsigned core); // or NULL

// pmd_settings.c. Control thread.
// Whether settings fit together for a pool on these cores: 0, or -EINVAL with one line in err.
int pmd_settings_check(const struct pmd_settings *settings, const unsigned *cores, unsigned n_cores,
		       char *err, size_t err_len);
bool pmd_settings_isolates(const struct pmd_settings *settings, unsigned core);
// The core that a queue is pinned to, or -1.
int pmd_settings_pin(const struct pmd_settings *settings, uint32_t port_no, uint16_t queue);

// pmd_load.c. Control thread.
void pmd_load_init(void);
void pmd_load_measure(void); // up to now
void pmd_load_turn(void);    // ends a part of the windows
uint64_t pmd_load_all(void); // cycles of a core in the time of the windows

// counters.c. Control thread.
void port_counters_fold(const struct pmd *pmd); // keeps the counters of a PMD that has ended
void port_counters_use(uint32_t port_no);	// something may be counted under it from now on

#endif
