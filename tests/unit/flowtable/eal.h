// DPDK for a unit test: ordinary memory, no devices, no root, nothing left behind.
#ifndef TESTS_UNIT_FLOWTABLE_EAL_H
#define TESTS_UNIT_FLOWTABLE_EAL_H

#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char eal_dir[] = "/tmp/swd-unit-XXXXXX";

// EAL takes --no-huge only without --in-memory, and then wants a runtime directory: one of our own.
static int eal_setup(void **state)
{
	char *argv[] = {"test", "--no-pci", "--no-huge", "--no-shconf", "--no-telemetry",
			"-m",	"512",	    "-l",	 "0",		"--log-level=error"};

	(void)state;
	if (!mkdtemp(eal_dir) || setenv("RUNTIME_DIRECTORY", eal_dir, 1) != 0)
		return -1;
	return rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])), argv) < 0 ? -1 : 0;
}

static int eal_teardown(void **state)
{
	char path[64];

	(void)state;
	rte_eal_cleanup();
	snprintf(path, sizeof(path), "%s/dpdk/rte", eal_dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/dpdk", eal_dir);
	rmdir(path);
	return rmdir(eal_dir);
}

#endif
