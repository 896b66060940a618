// Checks "limits", "rules" and "database": the control side.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>

#define NEAR_PERCENT   90 // of a limit
#define BUFFERS_LEFT   8  // percent of packet buffers, at least
#define DISK_LOW_MB    64
#define DISK_FULL_MB   1
#define GONE_RULES_MAX 3 // that are named

static bool is_near(long long n, long long limit)
{
	return limit > 0 && n * 100 >= limit * NEAR_PERCENT;
}

static long long growth(const struct doctor *d, enum doctor_fact fact, const char *key)
{
	return field_count(d->now[fact], key) - field_count(d->before[fact], key);
}

// Of all control daemons, which share the limit.
static long long flows_of(const json_t *dp)
{
	return field_count(dp, field_present(dp, "all_flows") ? "all_flows" : "flows");
}

static void check_flows(struct doctor *d)
{
	const json_t *dp = d->now[FACT_DATAPATH], *show = d->now[FACT_SHOW];
	long long flows = flows_of(dp), max_flows = field_count(dp, "max_flows");
	long long masks = field_count(show, "masks"), max_masks = field_count(show, "max_masks");
	long long refused = growth(d, FACT_SHOW, "not_installed");
	if (is_near(flows, max_flows)) {
		doctor_find(d, DOCTOR_WARNING, "megaflows", "%lld of %lld at most", flows,
			    max_flows);
		doctor_mend(d, "start swd with a larger --max-flows (and --mem), or write rules "
			       "that look at fewer fields");
	}
	if (is_near(masks, max_masks)) {
		doctor_find(d, DOCTOR_HINT, "masks", "%lld of %lld at most: megaflows get narrower",
			    masks, max_masks);
		doctor_mend(d, "rules that match the same fields share a mask");
	}
	if (refused > 0) {
		doctor_find(d, DOCTOR_WARNING, "megaflows",
			    "%lld packets in %.1f s found no room for theirs", refused, d->seconds);
		doctor_mend(d, "start swd with a larger --max-flows (and --mem)");
	}
}

static void check_upcalls(struct doctor *d)
{
	const char *reason;
	json_t *count;
	long long lost = growth(d, FACT_DATAPATH, "lost");
	if (lost > 0) {
		doctor_find(d, DOCTOR_WARNING, "misses",
			    "%lld in %.1f s did not reach swctld: it does not keep up", lost,
			    d->seconds);
		doctor_mend(d, "give swctld a core of its own; wider rules miss less");
	}
	json_object_foreach (json_object_get(d->now[FACT_SHOW], "failed"), reason, count) {
		const json_t *before = json_object_get(d->before[FACT_SHOW], "failed");
		long long n = (long long)json_integer_value(count) - field_count(before, reason);
		if (n <= 0)
			continue;
		doctor_find(d, DOCTOR_WARNING, "rules", "%lld packets in %.1f s were dropped: %s",
			    n, d->seconds, reason);
		doctor_mend(d, "swctl trace shows where; swctld's log may name the rule");
	}
}

static void check_buffers(struct doctor *d)
{
	const json_t *dp = d->now[FACT_DATAPATH];
	long long total = field_count(dp, "pool_total"), left = field_count(dp, "pool_free");
	if (total == 0 || left * 100 >= total * BUFFERS_LEFT)
		return;
	doctor_find(d, DOCTOR_WARNING, "buffers", "%lld of %lld packet buffers are left", left,
		    total);
	doctor_mend(d, "start swd with a larger --mem");
}

void doctor_check_limits(struct doctor *d)
{
	const json_t *dp = d->now[FACT_DATAPATH], *show = d->now[FACT_SHOW];
	check_flows(d);
	check_upcalls(d);
	check_buffers(d);
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "",
			    "%lld of %lld megaflows, %lld of %lld masks, %lld of %lld buffers free",
			    flows_of(dp), field_count(dp, "max_flows"), field_count(show, "masks"),
			    field_count(show, "max_masks"), field_count(dp, "pool_free"),
			    field_count(dp, "pool_total"));
}

static void find_gone(struct doctor *d, const json_t *rule)
{
	long long port = json_integer_value(json_array_get(json_object_get(rule, "gone"), 0));
	char about[32];
	snprintf(about, sizeof(about), "port %lld", port);
	doctor_find(d, DOCTOR_WARNING, about, "it is gone, and a rule names it: %s",
		    field_text(rule, "flow"));
	doctor_mend(d, "add the port again under its old name, or delete the rule: swctl --strict "
		       "del-flows MATCH");
}

void doctor_check_rules(struct doctor *d)
{
	const json_t *rule, *rules = doctor_list(d->now[FACT_RULES], "rules");
	unsigned n = 0;
	size_t i;
	if (!rules) {
		doctor_find(d, DOCTOR_SKIPPED, "", "%s",
			    *d->refusals[FACT_RULES] ? d->refusals[FACT_RULES]
						     : "there are too many to look at each");
		return;
	}
	json_array_foreach (rules, i, rule) {
		if (json_object_get(rule, "gone") && n++ < GONE_RULES_MAX)
			find_gone(d, rule);
	}
	if (n > GONE_RULES_MAX)
		doctor_find(d, DOCTOR_WARNING, "",
			    "%u more rules name ports that are gone: swctl dump-flows --names",
			    n - GONE_RULES_MAX);
	if (json_array_size(rules) == 0) {
		doctor_find(d, DOCTOR_WARNING, "", "there are none: every packet is dropped");
		doctor_mend(d, "swctl add-flow priority=0,actions=NORMAL");
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "%zu, all with ports that are there",
			    json_array_size(rules));
}

// SQLite writes to the file and, beside it, to its log.
static const char *find_unwritable(const struct proc *swctld, const char *db, const char *folder)
{
	struct stat st;
	if (stat(db, &st) == 0 && !proc_may(swctld, &st, 2))
		return db;
	if (stat(folder, &st) == 0 && !proc_may(swctld, &st, 3))
		return folder;
	return NULL;
}

static void check_space(struct doctor *d, const char *db, const struct statvfs *fs)
{
	unsigned long long mb = (unsigned long long)fs->f_bavail * fs->f_frsize >> 20;
	if (fs->f_flag & ST_RDONLY) {
		doctor_find(d, DOCTOR_PROBLEM, db, "its file system is read-only");
		doctor_mend(d, "mount it writable again; until then changes are refused");
	} else if (mb < DISK_LOW_MB) {
		doctor_find(d, mb < DISK_FULL_MB ? DOCTOR_PROBLEM : DOCTOR_WARNING, db,
			    "%llu MB are left on its disk: changes are refused when it is full",
			    mb);
		doctor_mend(d, "make room there");
	} else {
		doctor_find(d, DOCTOR_OK, db, "%llu MB are left on its disk", mb);
	}
}

// As swctld sees the file, which may have a file system of its own.
static void path_of_swctld(const struct doctor *d, const char *db, char path[PATH_MAX])
{
	struct stat st;
	int len = d->swctld.pid > 0 ? snprintf(path, PATH_MAX, "%s/proc/%d/root%s", d->root,
					       (int)d->swctld.pid, db)
				    : 0;
	if (len <= 0 || len >= PATH_MAX || stat(path, &st) < 0)
		snprintf(path, PATH_MAX, "%s", db);
}

void doctor_check_database(struct doctor *d)
{
	const char *db = field_text(json_object_get(d->now[FACT_SHOW], "swctld"), "db");
	char path[PATH_MAX], room[PATH_MAX];
	struct statvfs fs;
	struct proc swctld;
	path_of_swctld(d, db, path);
	memcpy(room, path, sizeof(room));
	const char *folder = dirname(room), *unwritable = NULL;
	if (doctor_daemon_proc(d, &d->swctld, &swctld))
		unwritable = find_unwritable(&swctld, path, folder);
	if (unwritable) {
		doctor_find(d, DOCTOR_PROBLEM, db, "swctld (user %u) may not write to %s",
			    swctld.uid, unwritable);
		doctor_mend(d, "chown it to that user");
	}
	if (statvfs(folder, &fs) == 0)
		check_space(d, db, &fs);
	else
		doctor_find(d, DOCTOR_SKIPPED, db, "%s: %s", folder, strerror(errno));
}
