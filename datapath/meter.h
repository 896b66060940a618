// Meters: token buckets that METER actions bring batches of packets to. The control thread sets and
// deletes; PMDs look a meter up by its id for each batch, inside their read section. A replaced or
// deleted meter is freed after a grace period.
//
// A bucket is one word, the time at which it will be full again, counted in its own tokens
// (the generic cell rate algorithm's "theoretical arrival time", ITU-T I.371). So it refills
// without being touched, and a batch takes what it uses with one compare-and-swap of each band's
// word. All words of a meter share a cache line, which is what PMDs that share a meter contend for.
#ifndef DATAPATH_METER_H
#define DATAPATH_METER_H

#include "ctl/dp_meter.h"
#include "datapath/datapaths.h"
#include "datapath/packet.h"
#include "datapath/pmd.h"

// Where a packet's bit in a mask of a batch stands: its place in the batch.
static_assert(BURST_MAX <= 32, "masks of a batch are 32-bit words");

// What a batch asks of a meter.
struct meter_load {
	uint32_t frames[BURST_MAX]; // on the wire: more than one for a frame to be segmented
	uint32_t bytes[BURST_MAX];  // of all of them, without FCS
};

// What is to be done with a batch: masks. A packet is in one of them at most.
struct meter_verdict {
	uint32_t drop;
	uint32_t remark[DP_METER_PREC_MAX + 1]; // by how much the drop precedence rises
};

struct meter;

// By the slot of the datapath, and id. Writer: control thread.
extern struct meter *meters_published[DATAPATHS_MAX][DP_METERS_MAX + 1];

// NULL: the datapath of this slot has none with this id. PMDs, and the control thread.
static inline struct meter *meter_get(unsigned slot, uint32_t id)
{
	return id <= DP_METERS_MAX ? __atomic_load_n(&meters_published[slot][id], __ATOMIC_ACQUIRE)
				   : NULL;
}

// Measures a batch of at most BURST_MAX packets at a time of rte_rdtsc(), and counts it. That PMD,
// whose index is below PMDS_MAX.
void meter_account(struct meter *meter, unsigned pmd_index, uint64_t now_tsc,
		   const struct meter_load *load, unsigned n, struct meter_verdict *verdict);

// Control thread.
void meters_init(struct rcu *rcu);
void meters_fini(void); // no PMD runs
// Makes a meter or replaces it: buckets are full, counters zero. 0, -EINVAL for an id above
// DP_METERS_MAX, -ENOSPC when the datapath has DP_METERS_MAX, -ENOMEM.
int meter_set(unsigned slot, const struct dp_meter *config);
int meter_del(unsigned slot, uint32_t id); // 0 or -ENOENT
void meters_flush(unsigned slot);	   // deletes all that the datapath has
// The meter as it was set, with its counters; false: there is none.
bool meter_read(unsigned slot, uint32_t id, struct dp_meter *out);

#endif
