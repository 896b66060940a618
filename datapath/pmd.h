// The pool of poll-mode threads: one per core, each a registered non-EAL thread, each with its own
// caches and counters.
#ifndef DATAPATH_PMD_H
#define DATAPATH_PMD_H

#include "ctl/dp_proto.h"
#include "datapath/drop.h"
#include "datapath/load.h"
#include "datapath/port.h"
#include "flowtable/lookup.h"
#include "flowtable/megaflow.h"

#include <rte_ring.h>

#define PMDS_MAX 64

// Per PMD and port. Writer: the PMD.
struct port_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t drops[N_DROP_REASONS];
} __rte_cache_aligned;

// A receive queue and its bounded ring of misses to the control thread. Producer: the one PMD that
// polls the queue. Consumer: the control thread.
struct rxq {
	struct port *port;
	uint16_t queue;
	uint16_t pmd_index; // who polls it; control thread's knowledge
	int16_t numa_node;  // of the buffers, when the queues were last spread; the same
	bool crosses;	    // that node and the PMD's differ; the same
	struct rte_ring *upcalls;
	uint64_t sampled_cycles; // of the bursts whose stages are measured; writer: the PMD
	struct load_window load; // busy cycles; control thread's own, as the next
	uint64_t gained;
};

// Where a PMD's time goes.
enum pmd_stage {
	PMD_STAGE_RX,
	PMD_STAGE_EXTRACT,
	PMD_STAGE_LOOKUP,
	PMD_STAGE_ACTIONS, // group and execute
	PMD_STAGE_TX,	   // flush, and giving back what was lent
	N_PMD_STAGES
};

// All u64. Writer: the PMD.
struct pmd_stats {
	uint64_t iterations, busy_iterations;
	uint64_t busy_cycles, idle_cycles;
	uint64_t rx_packets, rx_bursts;
	uint64_t recirculations;
	uint64_t
	    copies; // of a packet's payload: into one of the switch's own, or by the output port
	struct lookup_stats lookup;
	// Measured on a sample of the bursts: divide by stage_packets.
	uint64_t stage_packets;
	uint64_t stage_cycles[N_PMD_STAGES];
	uint64_t sleeps, sleep_cycles; // neither busy nor idle
};

struct pmd_info { // for `swctl pmd show`
	unsigned core;
	unsigned index;
	int numa_node;
	bool isolated;
	uint64_t recent_busy, recent_all; // cycles of the last LOAD_PARTS seconds or so
	struct pmd_stats stats;
};

// What the pool works on.
struct pmd_pool_config {
	struct rcu *rcu;
	struct flow_table *flows;
	uint32_t emc_entries, signature_entries; // powers of two
};

// How the pool is to run. Replaced whole.
struct pmd_settings {
	unsigned n_cores; // 0: those that the pool was started with
	unsigned n_isolated;
	unsigned cores[PMDS_MAX];
	unsigned isolated[PMDS_MAX]; // these poll pinned queues only
	unsigned n_pins;
	struct swd_pmd_pin pins[SWD_PMD_PINS_MAX];
	unsigned idle_us;     // a PMD sleeps after so long without a packet; 0: never
	unsigned sleep_us;    // so long at a time: what a packet may wait
	unsigned rebalance_s; // queues are moved by their load so often; 0: never
};

// All of these: control thread.
int pmd_pool_init(const struct pmd_pool_config *config);
// Makes the pool run on exactly these cores: starts what is missing, stops what is too many,
// spreads the queues. -EINVAL for a core that does not exist or is not allowed, with one line in
// err; then nothing changes.
int pmd_pool_set_cores(const unsigned *cores, unsigned n, char *err, size_t err_len);
// Makes it run as `settings` say. -EINVAL also for settings that do not fit together; then nothing
// changes.
int pmd_pool_set(const struct pmd_settings *settings, char *err, size_t err_len);
const struct pmd_settings *pmd_pool_settings(void);
// Spreads a port's queues over the running PMDs; traffic on other queues does not stop.
int pmd_pool_add_port(struct port *port);
// Takes a port's queues away; returns when no PMD polls them and no packet of theirs waits in a
// miss ring.
void pmd_pool_del_port(struct port *port);
void pmd_pool_fini(void);

bool pmd_pool_info(unsigned i, struct pmd_info *info); // i-th running PMD; false past the end
// Regularly, about each second: measures loads, and moves queues where the settings want that.
void pmd_pool_measure(uint64_t now_ms);
// Rxqs, for upcall draining and `pmd show`. NULL past the end.
struct rxq *pmd_pool_rxq(unsigned i);
// Sums over all PMDs, running and past.
void pmd_pool_port_counters(uint32_t port_no, struct port_counters *sum);
void pmd_pool_port_counters_reset(uint32_t port_no); // when a port number is used anew
// What was counted under numbers of ports that are gone, or of no port.
void pmd_pool_gone_counters(struct port_counters *sum);
// Counts what the control thread drops itself, of packets that a port received.
void pmd_pool_count_drop(uint32_t port_no, enum drop_reason reason, uint64_t n);
uint64_t pmd_pool_cache_bytes(void);

// Hands a packet with actions to a PMD, which runs them as if the packet had just matched. Takes
// both over (the actions are freed on the control thread later). meta->in_port, recirc_id and
// no_eth must be set; layout is extracted anew. -ENOBUFS when the ring is full (both are freed
// then, and the drop is the caller's to count).
int pmd_pool_inject(struct rte_mbuf *m, struct flow_actions *actions);
// Frees what injected packets left behind. Called regularly from the event loop.
void pmd_pool_reclaim(void);

#endif
