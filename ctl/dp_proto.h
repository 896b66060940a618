// The datapath protocol: Linux's openvswitch netlink families over a SOCK_SEQPACKET Unix socket.
//
// A datagram holds one or more messages: nlmsghdr, genlmsghdr, ovs_header, attributes. nlmsg_type
// is the family, a fixed number here since there is no generic-netlink controller. Requests with
// NLM_F_ACK get NLMSG_ERROR with 0; a refused one gets NLMSG_ERROR with -errno, and
// NLMSGERR_ATTR_MSG (text) and NLMSGERR_ATTR_OFFS (the attribute at fault, from the start of the
// message) behind the header of the request (NLM_F_CAPPED). Dumps (NLM_F_DUMP) end with NLMSG_DONE.
// Replies carry the request's nlmsg_seq. Upcalls have nlmsg_seq 0. A connection that sends what
// cannot be a message is closed.
//
// Versions: genlmsghdr.version of each message is the sender's DP_PROTO_VERSION. swd refuses a
// request of another with -EPROTONOSUPPORT, and says its own; who asks compares that of the answer
// to SWD_CMD_INFO_GET, its first request. The version grows when a message changes its meaning.
// What is only added does not let it grow: attributes that a side does not know are ignored, but in
// keys and actions, where they are refused by name, and commands are refused with -EOPNOTSUPP. The
// headers, NLMSG_ERROR and its attributes stay as they are in all versions.
//
// Datapaths: ovs_header.dp_ifindex says which one. The first, DP_IFINDEX, is swctld's: it is always
// there, has the name DP_NAME, and a request with dp_ifindex 0 is for it, but for two: such a dump
// of datapaths lists the others (with DP_IFINDEX it alone), and a port's NAME is looked for in all.
// Others are made with OVS_DP_CMD_NEW, for Open vSwitch; their numbers are never used again. What
// is said below holds for the first one; others are as OVS's dpif-netlink expects the kernel's.
#ifndef CTL_DP_PROTO_H
#define CTL_DP_PROTO_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <stdint.h>

#define DP_IFINDEX	 1
#define DP_NAME		 "swd"
#define DP_DATAGRAM_MAX	 65536 // bytes; both sides' receive buffer
#define DP_PROTO_VERSION 1

// nlmsg_type. Below 16 is netlink's own (NLMSG_MIN_TYPE).
enum dp_family {
	DP_FAMILY_DATAPATH =
	    0x20, // OVS_DP_CMD_GET; OVS_DP_CMD_SET with OVS_DP_ATTR_UPCALL_PID: not 0: send upcalls
		  // to this connection (-EBUSY when another has them), 0: no more. NEW, DEL, SET
		  // with USER_FEATURES and PER_CPU_PIDS: others
	DP_FAMILY_VPORT,    // OVS_VPORT_CMD_NEW, SET, DEL, GET (and dump)
	DP_FAMILY_FLOW,	    // OVS_FLOW_CMD_NEW, SET, DEL, GET (and dump)
	DP_FAMILY_PACKET,   // OVS_PACKET_CMD_EXECUTE from us; MISS and ACTION from swd
	DP_FAMILY_METER,    // OVS_METER_CMD_FEATURES, SET, GET (and dump), DEL
	DP_FAMILY_CT_LIMIT, // OVS_CT_LIMIT_CMD_SET, DEL, GET: struct ovs_zone_limit[] in ZONE_LIMIT
	DP_FAMILY_SWD,	    // SWD_CMD_*
};

// Datapaths that are made with NEW. USER_FEATURES that are not built are refused with -EOPNOTSUPP
// (built: UNALIGNED, VPORT_PIDS, DISPATCH_UPCALL_PER_CPU). A pid is a connection's
// SWD_INFO_ATTR_CLIENT_ID. Misses need not be executed. The local port is a tap with the datapath's
// name. DEL takes ports, flows and meters along.
enum swd_dp_attr {		   // beside OVS_DP_ATTR_*, above what the kernel has
	SWD_DP_ATTR_NO_LOCAL = 32, // no payload, NEW only: without a local port
	__SWD_DP_ATTR_MAX,
};
#define SWD_DP_ATTR_MAX (__SWD_DP_ATTR_MAX - 1)

// Vports: of the first datapath, OVS_VPORT_ATTR_TYPE is OVS_VPORT_TYPE_NETDEV; our kind and options
// stand in OVS_VPORT_ATTR_OPTIONS, as nested SWD_VPORT_ATTR_*; names may be up to 63 bytes. Others
// have the kernel's types, too: INTERNAL is a tap of that name, NETDEV without KIND the interface
// of that name, GRE, VXLAN and GENEVE ports without a device. Numbers and names are one space over
// all datapaths. NAME wins over PORT_NO.
enum swd_vport_attr {
	SWD_VPORT_ATTR_UNSPEC,
	SWD_VPORT_ATTR_KIND,	// string: "vhost-user", "dpdk"
	SWD_VPORT_ATTR_OPTION,	// string "KEY=VALUE", repeated
	SWD_VPORT_ATTR_LINK_UP, // u8; answers only, as all below
	SWD_VPORT_ATTR_REASON,	// string: why the link is down
	SWD_VPORT_ATTR_DETAIL,	// string: the kind's own words
	SWD_VPORT_ATTR_N_RXQ,	// u16
	SWD_VPORT_ATTR_N_TXQ,	// u16
	SWD_VPORT_ATTR_MTU,	// u16
	SWD_VPORT_ATTR_MAC,	// 6 bytes
	SWD_VPORT_ATTR_DROP,	// nested SWD_DROP_ATTR_*, repeated, one per reason that is not zero
	__SWD_VPORT_ATTR_MAX,
};
#define SWD_VPORT_ATTR_MAX (__SWD_VPORT_ATTR_MAX - 1)

enum swd_drop_attr {
	SWD_DROP_ATTR_UNSPEC,
	SWD_DROP_ATTR_REASON,  // string: the reason's name
	SWD_DROP_ATTR_TEXT,    // string: what it means
	SWD_DROP_ATTR_PACKETS, // u64
	__SWD_DROP_ATTR_MAX,
};
#define SWD_DROP_ATTR_MAX (__SWD_DROP_ATTR_MAX - 1)

// Flows: KEY and MASK (absent mask: exact match) name a flow: masked key and mask together. NEW is
// refused with -EEXIST when it is there, unless NLM_F_REPLACE says to set its actions. SET sets
// actions. DEL without KEY deletes all. GET, dump and DEL answer with KEY, MASK, ACTIONS, STATS,
// USED (ms of CLOCK_MONOTONIC, absent when never), TCP_FLAGS.

// Actions: the kernel's, see dp_actions.h, and those of Open vSwitch 3.1's userspace datapath,
// which the kernel's header lacks.
enum dp_userspace_action {
	// struct dp_action_tunnel_push, of whose header only header_len bytes are sent. The kernel
	// has given this number to DEC_TTL since. The length tells them apart: nothing that is
	// built of DEC_TTL is so long.
	DP_ACTION_TUNNEL_PUSH = 23,
	DP_ACTION_TUNNEL_POP = 24, // u32: the tunnel's port
	DP_ACTION_DROP = 25,	   // u32: why, as datapath/drop.h says; the list ends there
	DP_ACTION_LB_OUTPUT = 26,  // refused
};

// OVS_TUNNEL_ATTR_EXTENSION of VXLAN, beside the kernel's OVS_VXLAN_EXT_GBP: a flag.
#define DP_VXLAN_EXT_GPE 8

// A header that is ready, to be put before the packet.
struct dp_action_tunnel_push {
	uint32_t tnl_port;
	uint32_t out_port;
	uint32_t header_len; // bytes
	uint32_t tnl_type;
	uint8_t header[512];
};

// OVS_ACTION_ATTR_HASH's hash_alg beside OVS_HASH_ALG_L4: the same for both directions.
#define DP_HASH_ALG_SYM_L4 1

// OVS_ACTION_ATTR_ADD_MPLS's tun_flags, a name that not every kernel header has: the entry goes
// behind the Ethernet header, as with PUSH_MPLS.
#define DP_MPLS_L3_FLAG 1

// In OVS_ACTION_ATTR_DEC_TTL, OVS_DEC_TTL_ATTR_ACTION must be empty: the packet whose TTL is used
// up ends there. What the kernel does not have stands beside it:
enum swd_dec_ttl_attr {
	SWD_DEC_TTL_ATTR_MPLS =
	    0x100, // flag: the TTL of the outermost label stack entry, not that of IP
};

// OVS_KEY_ATTR_ND_EXTENSIONS in a set: Open vSwitch's struct of this name, which the kernel's
// header lacks.
struct dp_key_nd_extensions {
	uint32_t nd_reserved;	 // big-endian; R, S and O are the uppermost bits
	uint8_t nd_options_type; // of the first option
};

// Meters: SET makes a meter or replaces it, with all buckets full and all counters at zero. Each
// band is a token bucket of BURST (0: what RATE gives in a second) that refills at RATE; a packet
// passes while anything is left in it, so that frames longer than the bucket pass, too, and the
// rate stays right. The band with the highest rate among those exceeded acts. A frame counts its
// bytes without FCS, with L1 24 more (preamble, FCS and gap); one that is still to be segmented
// counts as the frames it becomes. GET, dump and DEL answer with all of it, and with counters:
// STATS of the meter, STATS of what each band acted on. A flow or packet with a METER that is not
// there is refused with -ENOENT. When a meter is deleted that megaflows still name, their packets
// pass unmetered, until the control side changes them.
enum swd_meter_attr {			 // beside OVS_METER_ATTR_*, above what the kernel has
	SWD_METER_ATTR_L1 = 32,		 // no payload: count a frame's bytes at layer 1
	SWD_METER_ATTR_DURATION_MS = 33, // u64: since SET; answers only
	__SWD_METER_ATTR_MAX,
};
#define SWD_METER_ATTR_MAX (__SWD_METER_ATTR_MAX - 1)

enum swd_band_attr {		       // beside OVS_BAND_ATTR_*
	SWD_BAND_ATTR_PREC_LEVEL = 32, // u8, 1 to 3: of DSCP_REMARK
	__SWD_BAND_ATTR_MAX,
};
#define SWD_BAND_ATTR_MAX (__SWD_BAND_ATTR_MAX - 1)

// OVS_BAND_ATTR_TYPE, beside OVS_METER_BAND_TYPE_DROP. DSCP_REMARK raises the drop precedence of
// an assured-forwarding DSCP (RFC 2597) by PREC_LEVEL, to 3 at most; other packets pass as they
// are (OpenFlow 1.3.5, section 5.7.1).
enum swd_meter_band_type {
	SWD_METER_BAND_TYPE_DSCP_REMARK = 32,
};

// The extra family.
enum swd_cmd {
	SWD_CMD_UNSPEC,
	SWD_CMD_INFO_GET,  // one answer, SWD_INFO_ATTR_*
	SWD_CMD_PMD_GET,   // dump, one answer a PMD, SWD_PMD_ATTR_*; queues that found no room in
			   // it follow in further answers, of CORE, NUMA and RXQ alone
	SWD_CMD_TRACE_SET, // starts a trace, with PORT_NO, COUNT and TIME_MS of SWD_TRACE_ATTR_*
	SWD_CMD_TRACE,	   // from swd: a traced packet, or the end of the trace
	SWD_CMD_PMD_SET,   // all the pool's settings, SWD_PMD_SET_ATTR_*: what is absent is as
			   // when swd starts. What is refused changes nothing
	SWD_CMD_PMD_REBALANCE, // moves queues by their load; one answer, SWD_REBALANCE_ATTR_*
	SWD_CMD_GUEST_GET,     // dump, one answer a port that has a guest's side, SWD_GUEST_ATTR_*
	SWD_CMD_SUBSCRIBE,     // this connection is sent OVS_VPORT_CMD_NEW, SET and DEL of the
			       // datapath in the header, 0: of all but the first. What it does not
			       // read is lost, and it gets one NLMSG_ERROR with -ENOBUFS for it
	SWD_CMD_CT_GET,	       // dump, of the datapath in the header and, if there is one, of ZONE:
			       // one answer a connection, SWD_CT_ATTR_*
	SWD_CMD_CT_DEL,	       // ends connections: with TUPLE_ORIG (and ZONE) that one, or -ENOENT;
			       // with ZONE those of it; otherwise all of the datapath
	SWD_CMD_CT_STATS_GET,  // one answer, SWD_CT_STATS_ATTR_*
	SWD_CMD_CT_SET,	       // what is there of SWD_CT_STATS_ATTR_LIMIT and TCP_SEQ_CHK
	SWD_CMD_CT_POLICY_SET, // makes or replaces a timeout policy, SWD_CT_POLICY_ATTR_*
	SWD_CMD_CT_POLICY_GET, // one answer, with ID; dump: all of the datapath
	SWD_CMD_CT_POLICY_DEL, // with ID
	SWD_CMD_CT_FRAG_GET,   // one answer: how fragments are held in front of connection
			       // tracking, SWD_CT_FRAG_ATTR_*; dump: one for each DATAGRAM of which
			       // fragments wait
	SWD_CMD_CT_FRAG_SET,   // what is there of HELD_MAX, and of ENABLED and MIN_SIZE
};

// Connections. OVS_CT_ATTR_TIMEOUT of the action ct is a policy's id in decimal digits.
enum swd_ct_attr {
	SWD_CT_ATTR_UNSPEC,
	SWD_CT_ATTR_ZONE,	  // u16
	SWD_CT_ATTR_TUPLE_ORIG,	  // struct swd_ct_tuple
	SWD_CT_ATTR_TUPLE_REPLY,  // the same
	SWD_CT_ATTR_TUPLE_MASTER, // the same: of the connection that it is related to
	SWD_CT_ATTR_ID,		  // u32
	SWD_CT_ATTR_MARK,	  // u32
	SWD_CT_ATTR_LABELS,	  // 16 bytes, as OVS_KEY_ATTR_CT_LABELS
	SWD_CT_ATTR_TIMEOUT,	  // u32: seconds that are left
	SWD_CT_ATTR_TCP,	  // struct swd_ct_tcp
	SWD_CT_ATTR_HELPER,	  // string
	__SWD_CT_ATTR_MAX,
};
#define SWD_CT_ATTR_MAX (__SWD_CT_ATTR_MAX - 1)

struct swd_ct_tuple {
	uint8_t src[16], dst[16]; // IPv4: the first four bytes, zeros behind them
	uint16_t src_port_be;	  // ICMP: the identifier
	uint16_t dst_port_be;	  // ICMP: type << 8 | code, in network order
	uint8_t proto;
	uint8_t is_v6;
	uint16_t unused; // zero
};

struct swd_ct_tcp {	  // by direction: 0 original, 1 reply
	uint8_t state[2]; // Open vSwitch's enum ct_dpif_tcp_state
	uint8_t wscale[2];
	uint8_t flags[2]; // Open vSwitch's enum ct_dpif_tcp_flags
};

enum swd_ct_stats_attr {
	SWD_CT_STATS_ATTR_UNSPEC,
	SWD_CT_STATS_ATTR_COUNT,       // u32: connections of the datapath
	SWD_CT_STATS_ATTR_LIMIT,       // u32: of the datapath; 0: none but the table's size
	SWD_CT_STATS_ATTR_TCP_SEQ_CHK, // u8: whether TCP's sequence numbers are checked
	SWD_CT_STATS_ATTR_MAX_CONNS,   // u32: of all datapaths, as all below
	SWD_CT_STATS_ATTR_BYTES,       // u64: memory in use
	SWD_CT_STATS_ATTR_TRACKED,     // u64: packets
	SWD_CT_STATS_ATTR_INVALID,     // u64: of them
	SWD_CT_STATS_ATTR_OPENED,      // u64: connections
	__SWD_CT_STATS_ATTR_MAX,
};
#define SWD_CT_STATS_ATTR_MAX (__SWD_CT_STATS_ATTR_MAX - 1)

// Id 0 is the datapath's default one.
enum swd_ct_policy_attr {
	SWD_CT_POLICY_ATTR_UNSPEC,
	SWD_CT_POLICY_ATTR_ID,	    // u32
	SWD_CT_POLICY_ATTR_SECONDS, // nested: u32 by enum swd_ct_timeout; what is absent is default
	__SWD_CT_POLICY_ATTR_MAX,
};
#define SWD_CT_POLICY_ATTR_MAX (__SWD_CT_POLICY_ATTR_MAX - 1)

// In the order of Open vSwitch's userspace conntrack, which has these.
enum swd_ct_timeout {
	SWD_CT_TIMEOUT_UNSPEC,
	SWD_CT_TIMEOUT_TCP_SYN_SENT,
	SWD_CT_TIMEOUT_TCP_SYN_RECV,
	SWD_CT_TIMEOUT_TCP_ESTABLISHED,
	SWD_CT_TIMEOUT_TCP_FIN_WAIT,
	SWD_CT_TIMEOUT_TCP_TIME_WAIT,
	SWD_CT_TIMEOUT_TCP_CLOSE,
	SWD_CT_TIMEOUT_UDP_FIRST,
	SWD_CT_TIMEOUT_UDP_SINGLE,
	SWD_CT_TIMEOUT_UDP_MULTIPLE,
	SWD_CT_TIMEOUT_ICMP_FIRST,
	SWD_CT_TIMEOUT_ICMP_REPLY,
	__SWD_CT_TIMEOUT_MAX,
};
#define SWD_CT_TIMEOUT_MAX (__SWD_CT_TIMEOUT_MAX - 1)

enum swd_ct_frag_attr {
	SWD_CT_FRAG_ATTR_UNSPEC,
	SWD_CT_FRAG_ATTR_IPV4,	   // nested SWD_CT_FRAG_IP_ATTR_*
	SWD_CT_FRAG_ATTR_IPV6,	   // the same
	SWD_CT_FRAG_ATTR_HELD,	   // u32: fragments that wait
	SWD_CT_FRAG_ATTR_HELD_MAX, // u32
	SWD_CT_FRAG_ATTR_DATAGRAM, // struct swd_ct_frag_datagram
	SWD_CT_FRAG_ATTR_STATE,	   // string, as Open vSwitch names it
	__SWD_CT_FRAG_ATTR_MAX,
};
#define SWD_CT_FRAG_ATTR_MAX (__SWD_CT_FRAG_ATTR_MAX - 1)

enum swd_ct_frag_ip_attr {
	SWD_CT_FRAG_IP_ATTR_UNSPEC,
	SWD_CT_FRAG_IP_ATTR_ENABLED,  // u8: fragments wait; 0: each goes on as invalid
	SWD_CT_FRAG_IP_ATTR_MIN_SIZE, // u32: bytes of an IP packet that is not the last fragment
	SWD_CT_FRAG_IP_ATTR_COUNTERS, // struct swd_ct_frag_counters
	__SWD_CT_FRAG_IP_ATTR_MAX,
};
#define SWD_CT_FRAG_IP_ATTR_MAX (__SWD_CT_FRAG_IP_ATTR_MAX - 1)

struct swd_ct_frag_counters { // fragments
	uint64_t accepted, completed, expired, too_small, overlapped, purged;
};

struct swd_ct_frag_datagram {
	uint8_t src[16], dst[16]; // IPv4: the first four bytes, zeros behind them
	uint32_t recirc_id;
	uint32_t id_be;
	uint32_t n_fragments;
	uint16_t zone;
	uint8_t proto; // 0 with IPv6
	uint8_t is_v6;
};

// Traces. Once TRACE_SET is acknowledged, each of the port's next COUNT packets, when it has gone
// its way, is told to this connection in a TRACE message with the request's nlmsg_seq, and at last
// comes one with END alone: when all are told, when TIME_MS are over, or when the port is gone.
// Closing the connection ends its traces, too. A port has one trace at a time (-EBUSY); swd has 8
// (-ENOSPC). Packets that the control side sends are not traced.
enum swd_trace_attr {
	SWD_TRACE_ATTR_UNSPEC,
	SWD_TRACE_ATTR_PORT_NO,	  // u32
	SWD_TRACE_ATTR_COUNT,	  // u32: 1 to 64
	SWD_TRACE_ATTR_TIME_MS,	  // u32: 1 to 600000
	SWD_TRACE_ATTR_INDEX,	  // u32: of the packet in the trace; TRACE only, as all below
	SWD_TRACE_ATTR_FRAME_LEN, // u32: bytes of the frame
	SWD_TRACE_ATTR_FRAME,	  // up to 256 bytes of it, as it came in
	SWD_TRACE_ATTR_CUT,	  // no payload: there were more steps, actions or events
	SWD_TRACE_ATTR_STEP,	  // nested SWD_STEP_ATTR_*, repeated: a lookup
	SWD_TRACE_ATTR_EVENT,	  // nested SWD_EVENT_ATTR_*, repeated: where it went
	SWD_TRACE_ATTR_END,	  // string: why the trace has ended; no packet is in this message
	__SWD_TRACE_ATTR_MAX,
};
#define SWD_TRACE_ATTR_MAX (__SWD_TRACE_ATTR_MAX - 1)

enum swd_step_attr {
	SWD_STEP_ATTR_UNSPEC,
	SWD_STEP_ATTR_KEY,	 // nested OVS_KEY_ATTR_*: the packet's
	SWD_STEP_ATTR_FLOW_KEY,	 // nested OVS_KEY_ATTR_*: of the megaflow; absent for a miss, as
	SWD_STEP_ATTR_FLOW_MASK, // the mask
	SWD_STEP_ATTR_ACTIONS,	 // and its actions
	__SWD_STEP_ATTR_MAX,
};
#define SWD_STEP_ATTR_MAX (__SWD_STEP_ATTR_MAX - 1)

enum swd_event_attr {
	SWD_EVENT_ATTR_UNSPEC,
	SWD_EVENT_ATTR_KIND,	// u8: 0 output, 1 upcall, 2 drop
	SWD_EVENT_ATTR_PORT_NO, // u32: that sent, received, or is charged
	SWD_EVENT_ATTR_PACKETS, // u32: more than one when it was segmented
	SWD_EVENT_ATTR_REASON,	// string: of a drop
	__SWD_EVENT_ATTR_MAX,
};
#define SWD_EVENT_ATTR_MAX (__SWD_EVENT_ATTR_MAX - 1)

enum swd_info_attr {
	SWD_INFO_ATTR_UNSPEC,
	SWD_INFO_ATTR_VERSION,	      // string: swd's version
	SWD_INFO_ATTR_DPDK,	      // string: DPDK's version
	SWD_INFO_ATTR_MEMORY_KIND,    // string: "hugepages 2048 kB" or "ordinary pages"
	SWD_INFO_ATTR_MEMORY_TOTAL,   // u64 bytes, all of the heap
	SWD_INFO_ATTR_MEMORY_USED,    // u64 bytes
	SWD_INFO_ATTR_CACHE_BYTES,    // u64: the PMDs' flow caches
	SWD_INFO_ATTR_MEGAFLOW_BYTES, // u64: slabs and buckets
	SWD_INFO_ATTR_COUNTER_BYTES,  // u64
	SWD_INFO_ATTR_POOL_TOTAL,     // u32 mbufs
	SWD_INFO_ATTR_POOL_FREE,      // u32 mbufs
	SWD_INFO_ATTR_MAX_FLOWS,      // u32
	SWD_INFO_ATTR_N_FLOWS,	      // u32
	SWD_INFO_ATTR_N_MASKS,	      // u32
	SWD_INFO_ATTR_UPTIME_MS,      // u64
	SWD_INFO_ATTR_PID,	      // u32
	SWD_INFO_ATTR_ISA,	      // string: the instruction set in use, "avx512"
	SWD_INFO_ATTR_DROP, // nested SWD_DROP_ATTR_*, repeated: of packets of ports that are gone
	SWD_INFO_ATTR_CLIENT_ID, // u32: of this connection, not 0; what netlink calls its pid
	__SWD_INFO_ATTR_MAX,
};
#define SWD_INFO_ATTR_MAX (__SWD_INFO_ATTR_MAX - 1)

enum swd_pmd_attr {
	SWD_PMD_ATTR_UNSPEC,
	SWD_PMD_ATTR_CORE,	 // u32
	SWD_PMD_ATTR_NUMA,	 // s32
	SWD_PMD_ATTR_ITERATIONS, // u64, as all counters below
	SWD_PMD_ATTR_BUSY_ITERATIONS,
	SWD_PMD_ATTR_BUSY_CYCLES,
	SWD_PMD_ATTR_IDLE_CYCLES,
	SWD_PMD_ATTR_RX_PACKETS,
	SWD_PMD_ATTR_RX_BURSTS,
	SWD_PMD_ATTR_RECIRCULATIONS,
	SWD_PMD_ATTR_COPIES,  // of packets' payload
	SWD_PMD_ATTR_REPEATS, // lookups, by where they were answered: the packet before
	SWD_PMD_ATTR_EMC_HITS,
	SWD_PMD_ATTR_SIGNATURE_HITS,
	SWD_PMD_ATTR_MEGAFLOW_HITS, // walking the masks
	SWD_PMD_ATTR_MISSES,
	SWD_PMD_ATTR_MASKS_TRIED,   // by all walks
	SWD_PMD_ATTR_STAGE_PACKETS, // a sample, of which the next ones are the cycles
	SWD_PMD_ATTR_RX_CYCLES,
	SWD_PMD_ATTR_EXTRACT_CYCLES,
	SWD_PMD_ATTR_LOOKUP_CYCLES,
	SWD_PMD_ATTR_ACTIONS_CYCLES,
	SWD_PMD_ATTR_TX_CYCLES,
	SWD_PMD_ATTR_RXQ, // nested SWD_RXQ_ATTR_*, repeated
	SWD_PMD_ATTR_SLEEPS,
	SWD_PMD_ATTR_SLEEP_CYCLES, // neither busy nor idle
	SWD_PMD_ATTR_RECENT_BUSY,  // u64 cycles, of the last ten seconds or so
	SWD_PMD_ATTR_RECENT_ALL,   // u64 cycles: busy, idle and asleep
	SWD_PMD_ATTR_INDEX,	   // u32; a port's N_TXQ queues are taken by this modulo N_TXQ
	SWD_PMD_ATTR_ISOLATED,	   // u8: 1 when it polls pinned queues only
	__SWD_PMD_ATTR_MAX,
};
#define SWD_PMD_ATTR_MAX (__SWD_PMD_ATTR_MAX - 1)

enum swd_rxq_attr {
	SWD_RXQ_ATTR_UNSPEC,
	SWD_RXQ_ATTR_PORT_NO,	// u32
	SWD_RXQ_ATTR_PORT_NAME, // string
	SWD_RXQ_ATTR_QUEUE,	// u16
	SWD_RXQ_ATTR_WAITING,	// u32: misses in its ring
	SWD_RXQ_ATTR_BUSY,	// u64: its part of RECENT_BUSY
	SWD_RXQ_ATTR_PIN,	// u32: the core that it is pinned to; absent: none
	SWD_RXQ_ATTR_NUMA,	// s32: of its buffers, -1: not known
	__SWD_RXQ_ATTR_MAX,
};
#define SWD_RXQ_ATTR_MAX (__SWD_RXQ_ATTR_MAX - 1)

// What swd sees of a guest, of vhost-user ports.
enum swd_guest_attr {
	SWD_GUEST_ATTR_UNSPEC,
	SWD_GUEST_ATTR_PORT_NO,	   // u32
	SWD_GUEST_ATTR_STAGE,	   // u8, enum swd_guest_stage
	SWD_GUEST_ATTR_OFFERED,	   // u64: feature bits of virtio
	SWD_GUEST_ATTR_FEATURES,   // u64: those that the driver has taken; in stage RUNS, as below
	SWD_GUEST_ATTR_MEM_BYTES,  // u64
	SWD_GUEST_ATTR_PAGE_BYTES, // u64: of the smallest pages of its memory
	SWD_GUEST_ATTR_MEM_INODE,  // u64: of the file of its first region
	SWD_GUEST_ATTR_QUEUE,	   // nested SWD_GUEST_QUEUE_ATTR_*, repeated: of each vring in use
	__SWD_GUEST_ATTR_MAX,
};
#define SWD_GUEST_ATTR_MAX (__SWD_GUEST_ATTR_MAX - 1)

// How far a guest has come. Each follows the one before within milliseconds.
enum swd_guest_stage {
	SWD_GUEST_ABSENT,    // nobody is connected
	SWD_GUEST_CONNECTED, // a front end is; the guest has no driver yet
	SWD_GUEST_DRIVER,    // a driver has chosen features; there is no memory yet
	SWD_GUEST_MEMORY,    // that is there; no pair of queues can be used yet
	SWD_GUEST_RUNS,
};

enum swd_guest_queue_attr {
	SWD_GUEST_QUEUE_ATTR_UNSPEC,
	SWD_GUEST_QUEUE_ATTR_INDEX,    // u16: 2q the guest's receive queue, 2q + 1 its other one
	SWD_GUEST_QUEUE_ATTR_SIZE,     // u16
	SWD_GUEST_QUEUE_ATTR_READY,    // u32: buffers that wait for swd; packed: 1 for any number
	SWD_GUEST_QUEUE_ATTR_POSITION, // u16: of the next one, which moves as swd takes them
	SWD_GUEST_QUEUE_ATTR_BLANK,    // no payload: nothing was ever written there
	__SWD_GUEST_QUEUE_ATTR_MAX,
};
#define SWD_GUEST_QUEUE_ATTR_MAX (__SWD_GUEST_QUEUE_ATTR_MAX - 1)

enum swd_pmd_set_attr {
	SWD_PMD_SET_ATTR_UNSPEC,
	SWD_PMD_SET_ATTR_CORES,	      // u32[]; absent: those of swd's command line
	SWD_PMD_SET_ATTR_ISOLATED,    // u32[]: cores that poll pinned queues only
	SWD_PMD_SET_ATTR_PINS,	      // struct swd_pmd_pin[]
	SWD_PMD_SET_ATTR_IDLE_US,     // u32: sleep after so long without a packet; 0: never
	SWD_PMD_SET_ATTR_SLEEP_US,    // u32: so long at a time
	SWD_PMD_SET_ATTR_REBALANCE_S, // u32: rebalance so often; 0: never
	__SWD_PMD_SET_ATTR_MAX,
};
#define SWD_PMD_SET_ATTR_MAX (__SWD_PMD_SET_ATTR_MAX - 1)

// A queue, whether or not its port is there, and the core that must poll it.
struct swd_pmd_pin {
	uint32_t port_no;
	uint16_t queue;
	uint16_t core;
};

#define SWD_PMD_PINS_MAX	1024
#define SWD_PMD_CORES_MAX	64
#define SWD_PMD_IDLE_US_MAX	10000000
#define SWD_PMD_SLEEP_US_MAX	10000
#define SWD_PMD_REBALANCE_S_MAX 86400
#define SWD_REBALANCE_MOVES_MAX 256

enum swd_rebalance_attr {
	SWD_REBALANCE_ATTR_UNSPEC,
	SWD_REBALANCE_ATTR_DRY_RUN, // no payload, in the request: only say what would move
	SWD_REBALANCE_ATTR_BEFORE,  // u32: load of the busiest core, 10000: all its time
	SWD_REBALANCE_ATTR_AFTER,   // u32: as reckoned
	SWD_REBALANCE_ATTR_N_MOVES, // u32
	SWD_REBALANCE_ATTR_MOVE,    // nested SWD_MOVE_ATTR_*, SWD_REBALANCE_MOVES_MAX at most
	__SWD_REBALANCE_ATTR_MAX,
};
#define SWD_REBALANCE_ATTR_MAX (__SWD_REBALANCE_ATTR_MAX - 1)

enum swd_move_attr {
	SWD_MOVE_ATTR_UNSPEC,
	SWD_MOVE_ATTR_PORT_NAME, // string
	SWD_MOVE_ATTR_QUEUE,	 // u16
	SWD_MOVE_ATTR_FROM,	 // u32: a core
	SWD_MOVE_ATTR_TO,	 // u32: a core
	SWD_MOVE_ATTR_LOAD,	 // u32, as BEFORE
	__SWD_MOVE_ATTR_MAX,
};
#define SWD_MOVE_ATTR_MAX (__SWD_MOVE_ATTR_MAX - 1)

#endif
