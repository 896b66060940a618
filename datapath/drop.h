// Drop reasons: every packet that does not leave is counted under one, per port and per PMD.
#ifndef DATAPATH_DROP_H
#define DATAPATH_DROP_H

#include <stdbool.h>
#include <stdint.h>

// name (in counters, JSON and docs), the port charged, what it means.
#define DROP_REASONS(X)                                                                            \
	X(FLOW_DROP, "flow-drop", INPUT, "the flow says drop")                                     \
	X(UPCALL_RING_FULL, "upcall-ring-full", INPUT,                                             \
	  "more misses than the port's ring to the control side holds")                            \
	X(NO_CONTROLLER, "no-controller", INPUT, "a miss while no control daemon is attached")     \
	X(UPCALL_TOO_BIG, "upcall-too-big", INPUT, "a miss too large to hand to the control side") \
	X(UPCALL_LOST, "upcall-lost", INPUT,                                                       \
	  "a miss on its way when the control daemon or the port went away")                       \
	X(MALFORMED, "malformed", INPUT,                                                           \
	  "shorter than an Ethernet header, longer than the switch takes, or with a checksum or "  \
	  "segmentation to complete that does not fit it")                                         \
	X(NO_PORT, "no-such-port", INPUT, "the flow outputs to a port that is gone")               \
	X(PORT_DOWN, "port-down", OUTPUT, "output port has no peer or no link")                    \
	X(TX_FULL, "tx-full", OUTPUT, "output port's queue is full: its reader is too slow")       \
	X(MTU, "mtu", OUTPUT, "longer than the output port takes")                                 \
	X(DEVICE_MISSED, "device-missed", INPUT,                                                   \
	  "lost before the switch saw it: the device's or the kernel's ring was full")             \
	X(DEVICE_RX_ERROR, "device-rx-error", INPUT, "the device received it with an error")       \
	X(DEVICE_TX_ERROR, "device-tx-error", OUTPUT, "the device took it and did not send it")    \
	X(CUT_OFF, "cut-off", INPUT,                                                               \
	  "longer than the kernel's ring has room for, a sender's unsegmented frame: turn that "   \
	  "off with `ethtool -K IFACE tso off gso off` at the sender's interface")                 \
	X(NO_MEMORY, "no-memory", INPUT,                                                           \
	  "no packet buffer to copy into, or too few left to keep a miss")                         \
	X(ACTION_INVALID, "action-invalid", INPUT,                                                 \
	  "an action does not fit the packet (a set, a third tag, a label to pop)")                \
	X(RECIRC_LIMIT, "recirculation-limit", INPUT, "recirculated too often")                    \
	X(TTL_EXCEEDED, "ttl-exceeded", INPUT, "its TTL or hop limit is used up")                  \
	X(METER, "meter", INPUT, "more than a drop band of the flow's meter lets pass")            \
	X(FRAGMENT_OVERLAP, "fragment-overlap", INPUT,                                             \
	  "a fragment that overlaps or contradicts another of its datagram, or the datagram is "   \
	  "too long; all of it is dropped")                                                        \
	X(FRAGMENT_TIMEOUT, "fragment-timeout", INPUT,                                             \
	  "a fragment to be tracked whose datagram did not become whole in time")                  \
	X(FRAGMENT_REST, "fragment-rest", INPUT,                                                   \
	  "the other fragments of a datagram that was dropped when it was tracked: it counts "     \
	  "once, under that reason")                                                               \
	X(CT_FULL, "ct-full", INPUT,                                                               \
	  "its connection finds no room: give swd more with --ct-connections, or NAT more "        \
	  "addresses and ports")                                                                   \
	X(CT_LIMIT, "ct-limit", INPUT,                                                             \
	  "its zone, or its datapath, has as many connections as its limit allows")                \
	/* Open vSwitch's, by the code of its action drop (drop_reason_of_code()). */              \
	X(XLATE_BRIDGE, "xlate-no-bridge", INPUT, "Open vSwitch: no bridge has its port")          \
	X(XLATE_DEPTH, "xlate-recursion", INPUT, "Open vSwitch: its rules recurse too deep")       \
	X(XLATE_RESUBMITS, "xlate-resubmits", INPUT, "Open vSwitch: its rules resubmit too often") \
	X(XLATE_STACK, "xlate-stack", INPUT, "Open vSwitch: its rules push too much")              \
	X(XLATE_RECIRC, "xlate-no-recirculation", INPUT,                                           \
	  "Open vSwitch: what it was recirculated with is gone")                                   \
	X(XLATE_RECIRC_CONFLICT, "xlate-recirculation-conflict", INPUT,                            \
	  "Open vSwitch: its rules recirculate it where they may not")                             \
	X(XLATE_MPLS, "xlate-mpls-labels", INPUT, "Open vSwitch: more MPLS labels than it knows")  \
	X(XLATE_TUNNEL, "xlate-tunnel-metadata", INPUT,                                            \
	  "Open vSwitch: tunnel options that cannot be")                                           \
	X(XLATE_PACKET_TYPE, "xlate-packet-type", INPUT,                                           \
	  "Open vSwitch: an action does not fit its packet type")                                  \
	X(XLATE_CONGESTION, "xlate-congestion", INPUT,                                             \
	  "Open vSwitch: congestion that the sender cannot be told of (RFC 6040)")                 \
	X(XLATE_DISABLED, "xlate-forwarding-disabled", INPUT,                                      \
	  "Open vSwitch: forwarding is disabled on its port")

enum drop_reason {
#define X(id, name, side, text) DROP_##id,
	DROP_REASONS(X)
#undef X
	    N_DROP_REASONS
};

const char *drop_reason_name(enum drop_reason reason);
const char *drop_reason_text(enum drop_reason reason);
// Of OVS_ACTION_ATTR_DROP's code, Open vSwitch 3.1's enum xlate_error; FLOW_DROP for 0 and for
// codes of later versions.
enum drop_reason drop_reason_of_code(uint32_t code);
// Charged to the port that should have sent, rather than to the one that received.
bool drop_reason_is_output(enum drop_reason reason);

#endif
