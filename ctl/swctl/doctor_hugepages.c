// Check "hugepages": what each node has, and whether swd could start, or has what it wants.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"
#include "ctl/swctl/host.h"

#include <stdlib.h>
#include <string.h>

#define POOLS_MAX   32
#define SWD_MEM_MB  512 // that swd takes unless --mem says otherwise
#define KB_OF_2M    2048
#define MB	    (1024LL * 1024)
#define HEAP_TIGHT  95 // percent
#define RESERVATION "/sys/kernel/mm/hugepages/hugepages-%lukB/resv_hugepages"

static const char *size_name(unsigned long size_kb, char text[24])
{
	if (size_kb % (1024 * 1024) == 0)
		snprintf(text, 24, "%lu GB", size_kb / 1024 / 1024);
	else if (size_kb % 1024 == 0)
		snprintf(text, 24, "%lu MB", size_kb / 1024);
	else
		snprintf(text, 24, "%lu kB", size_kb);
	return text;
}

// Nodes without any are told once there is one with.
static void list_pools(struct doctor *d, const struct host_hugepages *pools, unsigned n)
{
	char about[32], size[24];
	for (unsigned i = 0; i < n; i++) {
		char promised[64] = "";
		if (pools[i].total <= 0)
			continue;
		long long reserved = host_number(d->root, RESERVATION, pools[i].size_kb);
		snprintf(about, sizeof(about), "node %u", pools[i].node);
		if (reserved > 0)
			snprintf(promised, sizeof(promised), " (%lld of all nodes are promised)",
				 reserved);
		doctor_find(d, DOCTOR_OK, about, "%lld pages of %s, %lld free%s", pools[i].total,
			    size_name(pools[i].size_kb, size), pools[i].free, promised);
	}
}

// Pages that are promised count as free, and are not.
static long long free_bytes(struct doctor *d, const struct host_hugepages *pools, unsigned n)
{
	long long bytes = 0;
	for (unsigned i = 0; i < n; i++)
		bytes += pools[i].free * (long long)pools[i].size_kb * 1024;
	for (unsigned i = 0; i < n; i++) {
		bool first = true;
		for (unsigned j = 0; j < i; j++)
			first &= pools[j].size_kb != pools[i].size_kb;
		long long reserved = host_number(d->root, RESERVATION, pools[i].size_kb);
		if (first && reserved > 0)
			bytes -= reserved * (long long)pools[i].size_kb * 1024;
	}
	return bytes;
}

static long long total_of_2m(const struct host_hugepages *pools, unsigned n)
{
	long long total = 0;
	for (unsigned i = 0; i < n; i++)
		total += pools[i].size_kb == KB_OF_2M ? pools[i].total : 0;
	return total;
}

static void check_start(struct doctor *d, const struct host_hugepages *pools, unsigned n)
{
	long long mb = free_bytes(d, pools, n) / MB;
	if (mb >= SWD_MEM_MB)
		return;
	long long missing = (SWD_MEM_MB - (mb > 0 ? mb : 0) + 1) / 2;
	doctor_find(d, DOCTOR_PROBLEM, "swd",
		    "it is not running, and %lld MB are free where it takes %d MB (--mem)",
		    mb > 0 ? mb : 0, SWD_MEM_MB);
	doctor_mend(d,
		    "sysctl vm.nr_hugepages=%lld (and in /etc/sysctl.d for the next boot), or a "
		    "smaller --mem",
		    total_of_2m(pools, n) + missing);
}

static bool node_has_free(const struct host_hugepages *pools, unsigned n, long long node)
{
	bool any = false;
	for (unsigned i = 0; i < n; i++)
		any |= pools[i].node == node && pools[i].total > 0;
	return any;
}

// A PMD on a node without pages has its caches on another.
static void check_nodes(struct doctor *d, const struct host_hugepages *pools, unsigned n)
{
	const json_t *pmd, *pmds = doctor_list(d->now[FACT_PMDS], "pmds");
	unsigned long long told = 0; // a bit a node
	char about[32];
	size_t i;
	json_array_foreach (pmds, i, pmd) {
		long long node = field_count(pmd, "numa");
		if (node < 0 || node > 63 || told >> node & 1 || node_has_free(pools, n, node))
			continue;
		told |= 1ULL << node;
		snprintf(about, sizeof(about), "node %lld", node);
		doctor_find(d, DOCTOR_WARNING, about,
			    "the packet thread on core %lld is there, and the node has no pages",
			    field_count(pmd, "core"));
		doctor_mend(d,
			    "echo N > "
			    "/sys/devices/system/node/node%lld/hugepages/hugepages-2048kB/"
			    "nr_hugepages, then restart swd",
			    node);
	}
}

static void check_heap(struct doctor *d)
{
	const json_t *dp = d->now[FACT_DATAPATH];
	struct field_buf total, used;
	long long all = field_count(dp, "memory_total"), taken = field_count(dp, "memory_used");
	if (!dp)
		return;
	const char *kind = field_text(dp, "memory_kind");
	field_bytes(all, &total);
	field_bytes(taken, &used);
	if (strncmp(kind, "hugepages", strlen("hugepages")) != 0) {
		doctor_find(d, DOCTOR_WARNING, "swd", "its memory is of %s", kind);
		doctor_mend(d, "start it with hugepages: each packet's way is shorter");
	} else if (taken * 100 > all * HEAP_TIGHT) {
		doctor_find(d, DOCTOR_WARNING, "swd", "%s of its %s are in use", used.text,
			    total.text);
		doctor_mend(d, "restart it with a larger --mem: ports and flows to come may be "
			       "refused");
	} else {
		doctor_find(d, DOCTOR_OK, "swd", "it has %s of %s, %s in use", total.text, kind,
			    used.text);
	}
}

void doctor_check_hugepages(struct doctor *d)
{
	struct host_hugepages pools[POOLS_MAX];
	unsigned n = host_hugepages_list(d->root, pools, POOLS_MAX);
	list_pools(d, pools, n);
	if (d->swd.err < 0 && !d->now[FACT_DATAPATH])
		check_start(d, pools, n);
	check_nodes(d, pools, n);
	check_heap(d);
	if (!doctor_member(d->findings, "check", d->check))
		doctor_find(d, DOCTOR_SKIPPED, "", "the kernel tells nothing of them");
}
