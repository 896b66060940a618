// What the tests of memif share.
#ifndef TESTS_UNIT_MEMIF_TEST_H
#define TESTS_UNIT_MEMIF_TEST_H

#include "datapath/packet.h"

#include <rte_eal.h>

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int eal_begin(void)
{
	char *argv[] = {"test", "--no-pci",    "--no-huge",	 "--no-shconf",
			"-m",	"64",	       "--no-telemetry", "-l",
			"0",	"--log-level", "*:emergency",	 NULL};
	return rte_eal_init(RTE_DIM(argv) - 1, argv) >= 0 && packet_pool_create(2048) ? 0 : -1;
}

static inline void says(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("\"%s\" does not say \"%s\"", text, word);
	assert_null(strchr(text, '\n'));
}

static inline unsigned n_files(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

// Not more than n stay. Some are closed by a thread of their own, and the last of the test before
// may have been still open when n was counted.
static inline void await_files(unsigned n)
{
	for (unsigned i = 0; i < 5000 && n_files() > n; i++)
		usleep(1000);
	assert_in_range(n_files(), 0, n);
}

#endif
