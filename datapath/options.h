// swd's command line.
#ifndef DATAPATH_OPTIONS_H
#define DATAPATH_OPTIONS_H

#include "ctl/log.h"
#include "datapath/pmd.h"

#include <limits.h>
#include <sys/types.h>

#define OPTIONS_MEM_MIN 64u // MB

struct options {
	char run_dir[PATH_MAX];
	unsigned pmd_cores[PMDS_MAX];
	unsigned n_pmd_cores;
	unsigned mem_mb;
	unsigned max_flows;
	unsigned ct_connections; // 0: by the memory
	gid_t group;		 // who may use the datapath's socket; ACCOUNT_NONE: swd's own user
	uid_t vhost_owner;	 // of sockets for guests; ACCOUNT_NONE: swd's own
	gid_t vhost_group;
	unsigned other_ports_from; // the first number of ports that are not swctld's
	unsigned upcall_rate;	   // misses a second and port; 0: without end
	char isa[16];		   // "auto", or the name of one that is supported
	enum log_level log_level;
	bool help, version; // asked for: the rest is not looked at
};

// Reads the command line. 0 or -EINVAL with one line in err.
int options_parse(struct options *o, int argc, char **argv, char *err, size_t err_len);
void options_usage(void); // to stdout

#endif
