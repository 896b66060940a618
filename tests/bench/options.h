// The command line.
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "tests/bench/port.h"

struct options {
	struct port_config port;
	struct frame_spec frames;
	const char *size; // as given
	bool random;
	bool bidir;
	bool touch;
	bool self_test;
	double rate_pps;
	double prime_pps;
	double seconds;
	double warmup_s;
	double interval_s;
	uint32_t latency_every;
	uint32_t relax_us;
	uint32_t core;
	const char *ports[PORTS_MAX];
	unsigned n_ports;
};

// Ends the program with status 2 and a line when the command line does not do; with 0 for --help.
void options_parse(struct options *o, int argc, char **argv);

// The names of the features, joined with commas, or "none".
void features_format(unsigned features, char *text, size_t len);

#endif
