// DPDK's environment layer: its start with swd's rules (no PCI device touched, no file left,
// control threads kept off the PMD cores), with errors that an operator can act on.
#ifndef DATAPATH_EAL_H
#define DATAPATH_EAL_H

#include "ctl/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eal_config {
	const unsigned *pmd_cores;
	unsigned n_pmd_cores;
	unsigned mem_mb;
	enum log_level log_level;
};

// Binds the calling thread, and EAL's threads, to cores that are no PMD cores where there are such.
// 0 or -errno with one line in err; after an error the process should end.
int eal_start(const struct eal_config *config, char *err, size_t err_len);
void eal_stop(void);

// Whether this process might run on the core when it started: unlike sched_getaffinity() now, since
// eal_start() moved it.
bool eal_core_allowed(unsigned core);

#endif
