// Checksums and segmentation that a port leaves to its device.
#ifndef DATAPATH_ETHDEV_OFFLOAD_H
#define DATAPATH_ETHDEV_OFFLOAD_H

#include "datapath/port.h"

#include <rte_ethdev.h>

// What is to be asked of a device at rte_eth_dev_configure().
struct ethdev_offload {
	uint64_t tx;	  // RTE_ETH_TX_OFFLOAD_*
	uint32_t port_tx; // PORT_TX_* that the port offers then
};

// 0 in both where the device computes nothing, or where it is not to be trusted with it.
struct ethdev_offload ethdev_offload_choose(const struct rte_eth_dev_info *info,
					    const char *devargs);

// Puts what packets leave to do into the words of DPDK, for devices that take what `offload` says.
// Returns how many from the start the device takes. A packet whose headers others share is replaced
// by a copy. PMD, before rte_eth_tx_burst().
uint16_t ethdev_offload_prepare(const struct ethdev_offload *offload, uint16_t ethdev,
				uint16_t queue, struct rte_mbuf **pkts, uint16_t n);

#endif
