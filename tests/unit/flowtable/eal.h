// DPDK for a unit test: ordinary memory, no devices, no root, nothing left behind.
#ifndef TESTS_UNIT_FLOWTABLE_EAL_H
#define TESTS_UNIT_FLOWTABLE_EAL_H

#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char eal_dir[] = "/tmp/swd-unit-XXXXXX";

// EAL takes --no-huge only without --in-memory, and then wants a runtime directory: one of our own.
// One lcore, but on any processor: threads of a test must not share one while others idle.
static int eal_setup(void **state)
{
	char lcores[32];
	char *argv[] = {"test", "--no-pci", "--no-huge", "--no-shconf", "--no-telemetry",
			"-m",	"512",	    "--lcores",	 lcores,	"--log-level=error"};

	(void)state;
	snprintf(lcores, sizeof(lcores), "0@(0-%ld)", sysconf(_SC_NPROCESSORS_ONLN) - 1);
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
