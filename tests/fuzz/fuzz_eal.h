// For targets that make packets as the datapath's unit tests do.
#ifndef TESTS_FUZZ_FUZZ_EAL_H
#define TESTS_FUZZ_FUZZ_EAL_H

#include "tests/unit/datapath/fake_port.h"

#include <stdlib.h>

static inline void fuzz_eal_end(void)
{
	eal_teardown(NULL);
}

static inline int fuzz_eal_begin(void)
{
	assert_int_equal(setenv("CMOCKA_TEST_ABORT", "1", 1), 0);
	assert_int_equal(atexit(fuzz_eal_end), 0);
	return fake_eal_init(NULL);
}

#endif
