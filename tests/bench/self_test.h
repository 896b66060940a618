// The least that a switch has to do: what the rings allow, and whether the generator is faster.
#ifndef BENCH_SELF_TEST_H
#define BENCH_SELF_TEST_H

#include "tests/bench/run.h"

// Starts a thread on `core` that moves frames between the two "bare" ports, until self_test_stop().
int self_test_start(struct run *run, unsigned core);
void self_test_stop(void);

#endif
