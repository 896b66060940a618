// A port of the generator: a guest's end of the wire.
#ifndef BENCH_PORT_H
#define BENCH_PORT_H

#include "tests/bench/check.h"
#include "tests/bench/source.h"

#define PORTS_MAX 16
#define BURST	  64 // frames that a port sends or receives at a time

enum {
	FEATURE_MRG = 1 << 0,
	FEATURE_PACKED = 1 << 1,
	FEATURE_INORDER = 1 << 2,
	FEATURE_EVENT = 1 << 3,
	FEATURE_INDIRECT = 1 << 4,
	FEATURE_CSUM = 1 << 5,
	FEATURE_TSO = 1 << 6,
};

// How frames lie in descriptors; a number is the bytes of a descriptor.
#define TX_LAYOUT_ONE 0
#define TX_LAYOUT_TWO 1

struct port_config {
	unsigned features;
	uint32_t ring;
	uint32_t tx_layout;
	uint32_t rx_buffer;
	bool latency;
	double timeout_s;
};

struct port_counts {
	uint64_t sent;
	uint64_t refills;
	uint64_t starved;
	uint64_t rx_polls;
	uint64_t rx_full;
	uint64_t kicks;
};

struct port {
	const struct port_kind *kind;
	const char *target; // what stands behind the kind's name
	unsigned index;
	struct port *peer;
	struct frame_pool pool;
	struct source source;
	struct checker check;
	struct port_counts counts;
	struct guest_memory mem;
	void *priv;
};

struct port_kind {
	const char *prefix;
	// Makes rings, if any, and the pool; listens where it is to. Errors: 0 or -errno, text in
	// err.
	int (*open)(struct port *port, const struct port_config *config,
		    const struct frame_spec *spec, char *err, size_t err_len);
	// Waits for the switch.
	int (*connect)(struct port *port, const struct port_config *config, char *err,
		       size_t err_len);
	// Sends what is due of source: returns how many frames. At most BURST.
	uint32_t (*tx)(struct port *port, uint64_t now);
	// Hands what came to check: returns how many buffers or frames. At most BURST.
	uint32_t (*rx)(struct port *port);
	bool (*alive)(const struct port *port);
	void (*close)(struct port *port);
};

extern const struct port_kind port_vhost, port_vhost_listen, port_bare, port_tap, port_packet;

#endif
