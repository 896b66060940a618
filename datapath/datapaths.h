// Datapaths: each with ports, flows and meters of its own, and who controls it. The first one is
// swctld's and is always there; others come and go as Open vSwitch's dpif makes them. Port numbers
// are one space: what a PMD does needs to know nothing of datapaths, but where state is kept per
// datapath.
#ifndef DATAPATH_DATAPATHS_H
#define DATAPATH_DATAPATHS_H

#include "datapath/pmd.h"

#include <net/if.h>

#define DATAPATHS_MAX 16

struct datapath {
	uint32_t ifindex; // as in ovs_header; of no other one while swd runs
	unsigned slot;	  // below DATAPATHS_MAX; used again
	char name[IFNAMSIZ];
	uint32_t features; // OVS_DP_F_*
	// The port number that stands for "no port" in keys of its flows; 0: of the first one. So
	// flows of two datapaths never meet in the tables.
	uint32_t none_no;
	uint32_t n_ports, n_flows;
	uint64_t n_missed; // given to its handlers, or lost on the way
	// With OVS_DP_F_DISPATCH_UPCALL_PER_CPU: connections that get upcalls, by PMD modulo n.
	unsigned n_pids;
	uint32_t pids[PMDS_MAX];
};

// The slot of the datapath that has a port of this number, or has it as none_no. Writer: control
// thread. Readers: any; a PMD that has the port may rely on it.
extern uint8_t datapath_slots[PORTS_MAX];

// All of these: control thread.
// 0, -EEXIST, or -ENOSPC: there are DATAPATHS_MAX, or no port number is free.
int datapath_create(const char *name, struct datapath **out);
void datapath_destroy(struct datapath *dp); // has no port any more; not the first one
struct datapath *datapath_by_ifindex(uint32_t ifindex);
struct datapath *datapath_by_name(const char *name);
struct datapath *datapath_at(unsigned slot);	     // or NULL
struct datapath *datapath_of_port(uint32_t port_no); // or the first one
struct datapath *datapath_next(unsigned *cursor);    // in order of slots; NULL at the end
void datapath_port_take(const struct datapath *dp, uint32_t port_no); // it is dp's from now on
// Whether another datapath has a port of this number, or has it as none_no.
bool datapath_number_is_anothers(const struct datapath *dp, uint32_t port_no);

// Whether a port is there with this number, and is the datapath's.
static inline bool datapath_has_port(const struct datapath *dp, uint32_t port_no)
{
	return port_get(port_no) != NULL && datapath_slots[port_no] == dp->slot;
}

static inline bool datapath_is_first(const struct datapath *dp)
{
	return dp->ifindex == DP_IFINDEX;
}

#endif
