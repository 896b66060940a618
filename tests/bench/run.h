// A run: what the ports do, one phase after the other.
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "tests/bench/options.h"

struct window { // of a direction, in the time in which it was sent
	uint64_t received;
	uint64_t bytes;
};

struct run {
	struct options o;
	struct port ports[PORTS_MAX];
	unsigned n_ports;
	double tsc_hz;
	bool telling;  // of each interval
	bool may_stop; // at a signal: there is something to report
	// Of the last phase.
	double seconds;
	uint64_t polls;
	uint64_t idle_polls;
	long preempted;			  // times that the kernel took the core away
	double system_s;		  // of the generator's time, in the kernel
	struct window windows[PORTS_MAX]; // by receiving port
	struct port_counts counts[PORTS_MAX];
	uint64_t late[PORTS_MAX];
	// Of --prime.
	uint64_t primed_sent;
	uint64_t primed_received;
	double primed_s; // without the drain
};

// Opens the ports. Errors: -errno, and a line is on stderr.
int run_open(struct run *run);

// Connects, and goes through all phases.
int run_go(struct run *run);

void run_close(struct run *run);

static inline bool run_sends(const struct run *run, unsigned port)
{
	return run->o.bidir || port % 2 == 0;
}

#endif
