// A guest with a virtio-net device of one queue pair.
#ifndef BENCH_PORT_VHOST_H
#define BENCH_PORT_VHOST_H

#include "tests/bench/ring.h"

struct vhost_port {
	struct ring rx;
	struct ring tx;
	bool packed;
	uint64_t features;
	int sock;
	int listener;
};

#endif
