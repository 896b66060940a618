#define _GNU_SOURCE // CPU_SET and friends
#include "datapath/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGEPAGES "/sys/kernel/mm/hugepages"
#define MB	  (1024ul * 1024)

static cpu_set_t allowed; // as at start

static bool core_in(unsigned core, const struct eal_config *config)
{
	for (unsigned i = 0; i < config->n_pmd_cores; i++) {
		if (config->pmd_cores[i] == core)
			return true;
	}
	return false;
}

bool eal_core_allowed(unsigned core)
{
	return core < CPU_SETSIZE && CPU_ISSET(core, &allowed);
}

// Cores as an operator writes them: "0-3,6".
static void cores_print(const cpu_set_t *set, char *text, size_t text_len)
{
	size_t len = 0;
	text[0] = '\0';
	for (int core = 0; core < CPU_SETSIZE && len + 1 < text_len; core++) {
		if (!CPU_ISSET(core, set))
			continue;
		int last = core;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		len += snprintf(text + len, text_len - len, "%s%d", len > 0 ? "," : "", core);
		if (last > core && len + 1 < text_len)
			len += snprintf(text + len, text_len - len, "-%d", last);
		core = last;
	}
}

static int cores_check(const struct eal_config *config, char *err, size_t err_len)
{
	char list[128];
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) {
		int rc = -errno;
		snprintf(err, err_len, "cannot read the cores that may be used: %s", strerror(-rc));
		return rc;
	}
	for (unsigned i = 0; i < config->n_pmd_cores; i++) {
		if (eal_core_allowed(config->pmd_cores[i]))
			continue;
		cores_print(&allowed, list, sizeof(list));
		snprintf(err, err_len,
			 "core %u does not exist or is not allowed: --pmd-cores may name %s",
			 config->pmd_cores[i], list);
		return -EINVAL;
	}
	return 0;
}

// Leaves only non-PMD cores in this thread's affinity, which EAL's control threads inherit. Returns
// the core for main.
static unsigned control_cores_take(const struct eal_config *config)
{
	cpu_set_t control;
	int first = -1, main_core = -1;
	CPU_ZERO(&control);
	for (int core = 0; core < CPU_SETSIZE; core++) {
		if (!CPU_ISSET(core, &allowed))
			continue;
		if (first < 0)
			first = core;
		if (core_in(core, config))
			continue;
		CPU_SET(core, &control);
		if (main_core < 0)
			main_core = core;
	}
	if (main_core < 0) {
		log_warn("the control thread shares core %d with a packet thread: leave a core out "
			 "of --pmd-cores",
			 first);
		return (unsigned)first;
	}
	sched_setaffinity(0, sizeof(control), &control);
	return (unsigned)main_core;
}

static unsigned long read_number(const char *folder, const char *name, const char *file)
{
	char path[512];
	unsigned long value = 0;
	snprintf(path, sizeof(path), "%s/%.100s/%s", folder, name, file);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lu", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

// Bytes in free hugepages of all sizes; *n_2m gets the free pages of 2 MB.
static unsigned long hugepages_free(unsigned long *n_2m)
{
	unsigned long bytes = 0;
	*n_2m = 0;
	DIR *dir = opendir(HUGEPAGES);
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		unsigned long size_kb;
		if (sscanf(e->d_name, "hugepages-%lukB", &size_kb) != 1)
			continue;
		unsigned long n = read_number(HUGEPAGES, e->d_name, "free_hugepages");
		bytes += n * size_kb * 1024;
		if (size_kb == 2048)
			*n_2m = n;
	}
	closedir(dir);
	return bytes;
}

static int hugepages_check(unsigned mem_mb, char *err, size_t err_len)
{
	unsigned long n_free, needed = (mem_mb + 1) / 2;
	if (hugepages_free(&n_free) >= mem_mb * MB)
		return 0;
	unsigned long total = read_number(HUGEPAGES, "hugepages-2048kB", "nr_hugepages");
	unsigned long wanted = total - (n_free < total ? n_free : total) + needed;
	if (n_free == 0)
		snprintf(err, err_len,
			 "no free 2 MB hugepages: %lu needed; reserve with `sysctl "
			 "vm.nr_hugepages=%lu` (as root)",
			 needed, wanted);
	else
		snprintf(err, err_len,
			 "only %lu free 2 MB hugepages: %lu needed; reserve with `sysctl "
			 "vm.nr_hugepages=%lu` (as root) or give a smaller --mem",
			 n_free, needed, wanted);
	return -ENOMEM;
}

// EAL makes a folder in its runtime directory even when it puts nothing there: let that be one that
// goes away at once.
static int init_in_folder(int argc, char **argv)
{
	char folder[] = "/tmp/swd-eal-XXXXXX", sub[64];
	const char *value = getenv("RUNTIME_DIRECTORY");
	char *old = value ? strdup(value) : NULL;
	bool made = mkdtemp(folder) != NULL;
	if (made)
		setenv("RUNTIME_DIRECTORY", folder, 1);
	int rc = rte_eal_init(argc, argv) < 0 ? -(rte_errno ? rte_errno : EIO) : 0;
	if (made) {
		snprintf(sub, sizeof(sub), "%s/dpdk/rte", folder);
		rmdir(sub);
		snprintf(sub, sizeof(sub), "%s/dpdk", folder);
		rmdir(sub);
		rmdir(folder);
	}
	if (old)
		setenv("RUNTIME_DIRECTORY", old, 1);
	else
		unsetenv("RUNTIME_DIRECTORY");
	free(old);
	return rc;
}

// EAL writes some errors straight to stderr, whatever the log level. Returns what stderr_unmute()
// wants.
static int stderr_mute(void)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (saved >= 0 && null >= 0)
		dup2(null, STDERR_FILENO);
	if (null >= 0)
		close(null);
	return saved;
}

static void stderr_unmute(int saved)
{
	if (saved < 0)
		return;
	dup2(saved, STDERR_FILENO);
	close(saved);
}

int eal_start(const struct eal_config *config, char *err, size_t err_len)
{
	int rc = cores_check(config, err, err_len);
	if (rc == 0)
		rc = hugepages_check(config->mem_mb, err, err_len);
	if (rc < 0)
		return rc;

	char core[16], mem[16];
	bool debug = config->log_level == LOG_LEVEL_DEBUG;
	snprintf(core, sizeof(core), "%u", control_cores_take(config));
	snprintf(mem, sizeof(mem), "%u", config->mem_mb);
	// Of hardware, EAL may touch what is named: at start a PCI address that no machine has,
	// later that of each nic port (ethdev_probe.c). With --no-pci it would refuse those.
	// Single-file segments: a virtio-user device can pass on all of the memory in few regions.
	// Start-up errors are ours to tell, in one line; EAL's own lines come with --log-level
	// debug.
	char *argv[] = {"swd",
			"-a",
			"ffff:ff:1f.7",
			"--in-memory",
			"--single-file-segments",
			"--no-telemetry",
			"-l",
			core,
			"-m",
			mem,
			"--log-level",
			debug ? "*:info" : "*:emergency",
			NULL};
	int saved = debug ? -1 : stderr_mute();
	rc = init_in_folder(sizeof(argv) / sizeof(argv[0]) - 1, argv);
	stderr_unmute(saved);
	if (rc < 0) {
		snprintf(err, err_len,
			 "DPDK did not start: %s; --log-level debug shows its own words",
			 rte_strerror(-rc));
		return rc;
	}
	// Makes DPDK take the memory that all devices share while there is some: without it the
	// first device would end the program.
	uint64_t owner;
	rte_eth_dev_owner_new(&owner);
	if (!debug) {
		rte_log_set_level_pattern("*", RTE_LOG_ERR);
		// Each look at a peer that is gone would be a line; port_watch.c says it once.
		rte_log_set_level_pattern("pmd.net.virtio.driver", RTE_LOG_CRIT);
	}
	return 0;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
