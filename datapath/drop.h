// Drop reasons: every packet that does not leave is counted under one, per port and per PMD.
#ifndef DATAPATH_DROP_H
#define DATAPATH_DROP_H

// name (in counters, JSON and docs), what it means. The port charged is the input port unless
// the text says "output".
#define DROP_REASONS(X)                                                                            \
	X(FLOW_DROP, "flow-drop", "the flow says drop")                                            \
	X(UPCALL_RING_FULL, "upcall-ring-full",                                                    \
	  "more misses than the port's ring to the control side holds")                            \
	X(NO_CONTROLLER, "no-controller", "a miss while no control daemon is attached")            \
	X(UPCALL_TOO_BIG, "upcall-too-big", "a miss too large to hand to the control side")        \
	X(MALFORMED, "malformed",                                                                  \
	  "shorter than an Ethernet header, or longer than the switch takes")                      \
	X(NO_PORT, "no-such-port", "the flow outputs to a port that is gone")                      \
	X(PORT_DOWN, "port-down", "output port has no peer or no link")                            \
	X(TX_FULL, "tx-full", "output port's queue is full: its reader is too slow")               \
	X(MTU, "mtu", "longer than the output port takes")                                         \
	X(NO_MEMORY, "no-memory", "no packet buffer to copy into, or too few left to keep a miss") \
	X(ACTION_INVALID, "action-invalid",                                                        \
	  "an action does not fit the packet (a set or a third tag)")                              \
	X(RECIRC_LIMIT, "recirculation-limit", "recirculated too often")

enum drop_reason {
#define X(id, name, text) DROP_##id,
	DROP_REASONS(X)
#undef X
	    N_DROP_REASONS
};

const char *drop_reason_name(enum drop_reason reason);
const char *drop_reason_text(enum drop_reason reason);

#endif
