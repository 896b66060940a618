// Ports: where packets come in and go out. A port kind is a row of functions; the port table maps
// numbers to ports.
//
// The control thread creates and destroys; PMDs look up by number inside their RCU read section.
#ifndef DATAPATH_PORT_H
#define DATAPATH_PORT_H

#include "datapath/drop.h"
#include "datapath/packet.h"
#include "flowtable/rcu.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PORTS_MAX	 1024 // numbers 1 to PORTS_MAX - 1; 0 is not used
#define PORT_QUEUES_MAX	 16
#define PORT_NAME_MAX	 64
#define PORT_OPTION_MAX	 512 // bytes of an option's value
#define PORT_OPTIONS_MAX 16

struct port;
struct ethdev_kind;

// Options as an operator wrote them: KEY=VALUE.
struct port_option {
	char key[32];
	char value[PORT_OPTION_MAX];
};

struct port_config {
	char name[PORT_NAME_MAX];
	char kind[16]; // of ctl/port_kinds.h
	unsigned n_options;
	struct port_option options[PORT_OPTIONS_MAX];
};

// What an operator sees.
struct port_status {
	bool link_up;
	char reason[160]; // why the link is down, or is up but not at its best; else empty
	char detail[160]; // kind's own words: socket path and role, or driver and devargs
	uint16_t n_rxq;	  // queues that can be polled now
	uint16_t n_txq;
	uint16_t mtu;	// 0: unknown
	uint8_t mac[6]; // zero: unknown
};

// How far a guest has come; as enum swd_guest_stage of ctl/dp_proto.h.
enum port_guest_stage {
	PORT_GUEST_ABSENT,
	PORT_GUEST_CONNECTED,
	PORT_GUEST_DRIVER,
	PORT_GUEST_MEMORY,
	PORT_GUEST_RUNS,
};

// A guest as swd sees it.
struct port_guest {
	enum port_guest_stage stage;
	uint64_t offered;
	// In the last stage only.
	uint64_t features;
	uint64_t mem_bytes, page_bytes, mem_inode;
	unsigned n_queues;
	struct port_guest_queue {
		uint16_t index, size, position;
		uint32_t ready;
		bool blank;
	} queues[PORT_QUEUES_MAX];
};

// What a port kind must do.
struct port_kind {
	const char *name;
	bool hidden; // not for operators: it has no row in ctl/port_kinds.h, and no options
	// Of a kind that port_ethdev.c runs: datapath/ethdev_kind.h. NULL: another.
	const struct ethdev_kind *ethdev;
	// Opens the device; the options are of their types (port_options_check()). Sets port->priv,
	// n_rxq, n_txq. 0 or -errno with one line in err (err_len bytes) that names the thing and
	// the mend. Control thread.
	int (*open)(struct port *port, const struct port_config *config, char *err, size_t err_len);
	// No PMD uses the port any more. Control thread.
	void (*close)(struct port *port);
	// Receives up to n packets (at most BURST_MAX): mbufs from packet_pool(), or lent ones from
	// `arena`, which is empty. Never called for one queue by two PMDs at a time.
	uint16_t (*rx)(struct port *port, uint16_t queue, struct packet_arena *arena,
		       struct rte_mbuf **pkts, uint16_t n);
	// Nobody refers any more to what the last rx() of this queue lent. Called once after each
	// rx() that returned packets, by the same PMD in the same round. NULL: the kind lends
	// nothing.
	void (*rx_done)(struct port *port, uint16_t queue);
	// Whether tx() copies what it sends, so that lent packets may be given to it.
	bool tx_copies;
	// Sends; the first `returned` packets are sent, and freed unless lent; the caller keeps the
	// others. Packets may be multi-segment. A kind whose queue is shared by several PMDs locks
	// inside. `pmd_index` chooses the queue. *reason says why the rest was refused (enum
	// drop_reason). Offloads beyond port->tx_offloads are not asked for, but for a change at
	// this moment: such a packet is refused.
	uint16_t (*tx)(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
		       int *reason);
	void (*status)(struct port *port, struct port_status *status); // control thread
	void (*guest)(struct port *port, struct port_guest *guest);    // control thread; NULL: none
	// Adds the frames that were lost since open() before rx() or after tx() saw them, by enum
	// drop_reason. Control thread. NULL: none.
	void (*losses)(struct port *port, uint64_t *drops);
};

// Work that a port takes from the sender of a packet (packet.h, struct packet_offload).
enum port_offload {
	PORT_TX_CSUM = 1 << 0, // partial TCP and UDP checksums
	PORT_TX_TSO4 = 1 << 1, // TCP over IPv4 still to be segmented
	PORT_TX_TSO6 = 1 << 2,
	PORT_TX_TSO_ECN = 1 << 3, // such segments with CWR set
	PORT_TX_PLAIN = 1 << 4,	  // all this only for packets that offload_is_plain()
};

struct port {
	uint32_t no;
	uint16_t n_rxq; // queues that PMDs poll, fixed while open
	uint16_t n_txq;
	// What tx takes: bytes without FCS and VLAN tags; of GSO, a segment. Writer: the kind,
	// relaxed, at any time.
	uint32_t max_frame;
	uint32_t tx_offloads; // PORT_TX_*; writer: the kind, relaxed, at any time
	int16_t numa_node; // of its buffers, -1: not known; writer: the kind, relaxed, at any time
	uint32_t serial;   // from 1 on, of all ports that there ever were: numbers and memory are
			   // used again
	const struct port_kind *kind;
	void *priv;
	struct trace *trace; // published; NULL: its packets are not traced. Writer: control thread
	struct port_config config;
};

// Whom the socket file of a port that listens belongs to: its options owner= and group=, else these
// (ctl/account.h; ACCOUNT_NONE: swd's own). Control thread.
void port_sockets_default(uid_t uid, gid_t gid);
// Whether these options do, before there is a socket; and giving it. 0 or -errno with one line in
// err.
int port_socket_check(const struct port_config *config, bool listens, char *err, size_t err_len);
int port_socket_give(const struct port_config *config, const char *path, char *err, size_t err_len);

// The table. Control thread, but for port_get().
void ports_init(struct rcu *rcu);
// Opens and publishes a port under number `no` (0: the lowest free). -EEXIST for a name or number
// in use, -EINVAL for a bad option or kind, others from the kind; one line in err. The caller then
// hands it to the PMD pool.
int port_add(uint32_t no, const struct port_config *config, struct port **out, char *err,
	     size_t err_len);
bool port_name_ok(const char *name); // as one of a port, or of what ports are named after
bool port_number_is_free(uint32_t no);
// Keeps the highest free number from ports. 0 or -ENOSPC.
int port_number_reserve(uint32_t *no);
void port_number_release(uint32_t no);
// Unpublishes, waits until no PMD holds it, closes and frees. The pool must have dropped its queues
// before.
void port_del(struct port *port);
struct port *port_find(const char *name);
struct port *port_next(uint32_t *cursor); // in number order; NULL at the end
void ports_ending(void);		  // swd ends: what is closed from now on was not deleted
void ports_fini(void);			  // closes all
bool ports_are_ending(void);		  // control thread
// Returns when no PMD holds anything that it read from a port before the call. Any thread that is
// not a PMD and holds no lock that a PMD may wait for.
void ports_synchronize(void);

extern struct port *ports_published[PORTS_MAX]; // writer: control thread
// What ports that are gone had lost by their kind's losses(), and when they were closed. Control
// thread.
extern uint64_t ports_gone_drops[N_DROP_REASONS];

// How many PMDs may send: above the highest index of a running one. A kind that gives each its own
// queue needs no lock while this is not more than its queues. Writer: the PMD pool, which raises it
// and waits for a grace period before it starts a PMD, and lowers it after one has ended.
extern unsigned ports_n_senders;

static inline struct port *port_get(uint32_t no)
{
	return no < PORTS_MAX ? __atomic_load_n(&ports_published[no], __ATOMIC_ACQUIRE) : NULL;
}

// Kinds, one row each.
extern const struct port_kind port_kind_vhost;	// vhost/port_vhost.c
extern const struct port_kind port_kind_memif;	// memif/port_memif.c
extern const struct port_kind port_kind_ring;	// datapath/port_ring.c
extern const struct port_kind port_kind_tunnel; // datapath/port_tunnel.c
extern const struct port_kind port_kind_dpdk;	// datapath/kind_dpdk.c, as the others
extern const struct port_kind port_kind_af_packet, port_kind_af_xdp, port_kind_pcap, port_kind_tap;
extern const struct port_kind port_kind_pf_ring, port_kind_nic;
extern const struct port_kind port_kind_virtio_user, port_kind_bond, port_kind_null;

// One log line that starts with the port's name. Any thread but a PMD per packet.
void port_log_info(const struct port *port, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void port_log_warn(const struct port *port, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// Helpers for kinds. An option's value as it was written, else the fallback of its row in
// ctl/port_kinds.c, else NULL; whether that is `word`; that as a number, else 0.
const char *port_option(const struct port_config *config, const char *key);
bool port_option_is(const struct port_config *config, const char *key, const char *word);
unsigned port_option_number(const struct port_config *config, const char *key);
// Kind and options against the rows of ctl/port_kinds.c. 0 or -EINVAL with one line in err.
int port_options_check(const struct port_config *config, char *err, size_t err_len);

#endif
