// Check "cores": whether each poll-mode thread has its core to itself, and enough of it.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"
#include "ctl/swctl/host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX	 4096 // bytes of a list of cores
#define CORES_MAX	 1024 // that Linux numbers
#define OVERLOAD_PERCENT 95
#define UNEVEN_PERCENT	 25 // of the busiest core, that rebalancing would save
#define ITS_OWN_PERCENT	 90 // of its core, that a thread that never sleeps should get
#define CPU		 "/sys/devices/system/cpu"

static const json_t *pmds_of(const struct doctor *d)
{
	return doctor_list(d->now[FACT_PMDS], "pmds");
}

static bool is_pmd_core(const struct doctor *d, long long core)
{
	size_t i;
	const json_t *pmd;
	json_array_foreach (pmds_of(d), i, pmd) {
		if (field_count(pmd, "core") == core)
			return true;
	}
	return false;
}

static void append_core(char *text, size_t len, unsigned core)
{
	size_t used = strlen(text);
	snprintf(text + used, len - used, "%s%u", used ? "," : "", core);
}

static void check_isolated(struct doctor *d)
{
	char isolated[LIST_MAX], tickless[LIST_MAX], shared[128] = "", ticking[128] = "";
	const json_t *pmd;
	size_t i;
	host_line(d->root, isolated, sizeof(isolated), CPU "/isolated");
	host_line(d->root, tickless, sizeof(tickless), CPU "/nohz_full");
	json_array_foreach (pmds_of(d), i, pmd) {
		unsigned core = (unsigned)field_count(pmd, "core");
		if (!host_list_has(isolated, core))
			append_core(shared, sizeof(shared), core);
		else if (!host_list_has(tickless, core))
			append_core(ticking, sizeof(ticking), core);
	}
	if (*shared) {
		doctor_find(d, DOCTOR_WARNING, shared,
			    "the kernel may run other threads on what packets need");
		doctor_mend(d,
			    "boot with isolcpus=%s nohz_full=%s rcu_nocbs=%s, or keep all others "
			    "off (systemd's CPUAffinity=)",
			    shared, shared, shared);
	}
	if (*ticking) {
		doctor_find(d, DOCTOR_HINT, ticking, "the kernel's clock interrupts there");
		doctor_mend(d, "boot with nohz_full=%s rcu_nocbs=%s", ticking, ticking);
	}
}

static bool is_pmd(const struct doctor *d, const struct proc_thread *t)
{
	return t->pid == d->swd.pid && strncmp(t->name, "pmd-c", strlen("pmd-c")) == 0;
}

// Ticks that a thread has had between both looks.
static unsigned long ticks_since(const struct doctor *d, const struct proc_thread *t)
{
	const struct proc_thread *before = proc_threads_find(&d->threads_before, t);
	return before && t->ticks > before->ticks ? t->ticks - before->ticks : 0;
}

static double percent_of_look(const struct doctor *d, unsigned long ticks)
{
	return 100.0 * (double)ticks / ((double)sysconf(_SC_CLK_TCK) * d->seconds);
}

// Whether the host has a core without a packet thread.
static bool core_is_left(const struct doctor *d)
{
	char online[LIST_MAX];
	if (!host_line(d->root, online, sizeof(online), CPU "/online"))
		return true;
	for (unsigned core = 0; core < CORES_MAX; core++) {
		if (host_list_has(online, core) && !is_pmd_core(d, core))
			return true;
	}
	return false;
}

static void check_intruder(struct doctor *d, const struct proc_thread *t)
{
	char about[32];
	unsigned long ticks = ticks_since(d, t);
	if (ticks == 0 || t->of_kernel || is_pmd(d, t) || !is_pmd_core(d, t->core))
		return;
	bool left = core_is_left(d);
	snprintf(about, sizeof(about), "%d", t->core);
	doctor_find(d, DOCTOR_WARNING, about, "%s (thread %d) takes %.0f %% of the packets' core%s",
		    t->name, (int)t->tid, percent_of_look(d, ticks),
		    !left && t->pid == d->swd.pid ? ": no core is left for swd's control threads"
						  : "");
	if (left)
		doctor_mend(d, "keep it off: taskset -pc CORES %d, or isolate the core",
			    (int)t->tid);
	else
		doctor_mend(d,
			    "all cores are the packets': leave core %d out of the list of swctl "
			    "pmd set --cores",
			    t->core);
}

static bool may_sleep(const struct doctor *d)
{
	return field_count(json_object_get(d->now[FACT_PMDS], "settings"), "idle_us") > 0;
}

static const json_t *pmd_on(const struct doctor *d, long long core)
{
	const json_t *pmd;
	size_t i;
	json_array_foreach (pmds_of(d), i, pmd) {
		if (field_count(pmd, "core") == core)
			return pmd;
	}
	return NULL;
}

// A hypervisor, or a quota, takes what no other thread shows. One without queues sleeps.
static void check_share(struct doctor *d, const struct proc_thread *t)
{
	char about[32];
	double percent = percent_of_look(d, ticks_since(d, t));
	const json_t *pmd = pmd_on(d, t->core);
	if (!is_pmd(d, t) || may_sleep(d) || percent >= ITS_OWN_PERCENT ||
	    json_array_size(json_object_get(pmd, "rxqs")) == 0)
		return;
	snprintf(about, sizeof(about), "%d", t->core);
	doctor_find(d, DOCTOR_WARNING, about, "the packet thread has had %.0f %% of its core",
		    percent);
	doctor_mend(d, "look for what has the rest: a CPU quota of swd's unit, interrupts "
		       "(/proc/interrupts), a host that gives this machine less than whole cores");
}

static void check_threads(struct doctor *d)
{
	for (size_t i = 0; i < d->threads.n; i++) {
		check_intruder(d, &d->threads.list[i]);
		check_share(d, &d->threads.list[i]);
	}
}

static void check_sibling(struct doctor *d, long long core)
{
	char siblings[LIST_MAX], about[48];
	const json_t *other;
	size_t i;
	host_line(d->root, siblings, sizeof(siblings), CPU "/cpu%lld/topology/thread_siblings_list",
		  core);
	json_array_foreach (pmds_of(d), i, other) {
		long long second = field_count(other, "core");
		if (second <= core || !host_list_has(siblings, (unsigned)second))
			continue;
		snprintf(about, sizeof(about), "%lld,%lld", core, second);
		doctor_find(d, DOCTOR_WARNING, about,
			    "two packet threads are hyper-threads of one core: each is slower");
		doctor_mend(d, "swctl pmd set --cores LIST, with one of each pair that %s has",
			    CPU "/cpu*/topology/thread_siblings_list");
	}
}

static void check_frequency(struct doctor *d, long long core)
{
	char governor[64], about[32];
	if (!host_line(d->root, governor, sizeof(governor), CPU "/cpu%lld/cpufreq/scaling_governor",
		       core) ||
	    strcmp(governor, "performance") == 0)
		return;
	snprintf(about, sizeof(about), "%lld", core);
	doctor_find(d, DOCTOR_HINT, about, "its frequency governor is %s", governor);
	doctor_mend(d, "echo performance > " CPU "/cpu%lld/cpufreq/scaling_governor", core);
}

static void check_load(struct doctor *d, const json_t *pmd)
{
	char about[32];
	double busy = field_real(pmd, "busy_percent");
	const json_t *rxq, *rxqs = json_object_get(pmd, "rxqs");
	size_t i;
	snprintf(about, sizeof(about), "%lld", field_count(pmd, "core"));
	if (busy > OVERLOAD_PERCENT) {
		doctor_find(d, DOCTOR_WARNING, about, "it is at its limit: %.0f %% busy", busy);
		doctor_mend(d, "give swd more cores: swctl pmd set --cores LIST");
	}
	json_array_foreach (rxqs, i, rxq) {
		if (!json_is_true(json_object_get(rxq, "crosses")))
			continue;
		doctor_find(d, DOCTOR_HINT, about,
			    "queue %lld of %s has its buffers on another NUMA node",
			    field_count(rxq, "queue"), field_text(rxq, "port"));
		doctor_mend(d, "give swd a core of node %lld: swctl pmd set --cores LIST",
			    field_count(rxq, "numa"));
	}
}

static void check_balance(struct doctor *d)
{
	const json_t *plan = d->now[FACT_REBALANCE];
	double before = field_real(plan, "busiest_before_percent");
	double after = field_real(plan, "busiest_after_percent");
	if (!plan || before - after < UNEVEN_PERCENT)
		return;
	doctor_find(d, DOCTOR_WARNING, "",
		    "queues are spread unevenly: the busiest core is at %.0f %%, and could be at "
		    "%.0f %%",
		    before, after);
	doctor_mend(d, "swctl pmd rebalance, or swctl pmd set --rebalance-s 10");
}

void doctor_check_cores(struct doctor *d)
{
	const json_t *pmd;
	size_t i;
	check_isolated(d);
	check_threads(d);
	json_array_foreach (pmds_of(d), i, pmd) {
		check_sibling(d, field_count(pmd, "core"));
		check_frequency(d, field_count(pmd, "core"));
		check_load(d, pmd);
	}
	check_balance(d);
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "%zu packet threads have theirs to themselves",
			    json_array_size(pmds_of(d)));
}
