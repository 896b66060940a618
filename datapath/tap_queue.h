// The descriptors of a net_tap device's queues, for what its driver does not do.
#ifndef DATAPATH_TAP_QUEUE_H
#define DATAPATH_TAP_QUEUE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;

// As rte_eth_tx_burst(), for frames of any length: the driver sends none that is longer than an MTU
// of 1504. The caller holds the queue. PMDs.
uint16_t tap_queue_send(uint16_t ethdev, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
// The name that the interface of a queue has now, in whatever network namespace. false: it is not
// to be had, or not one to be shown, for a container's people may have chosen it. Any thread.
bool tap_queue_iface(int fd, char name[IFNAMSIZ]);

#endif
