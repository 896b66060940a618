// Checks "daemons" and "sockets": both run, talk, are of one version, and let in whom they should.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name, *socket, *start;
	size_t offset; // in struct doctor, of its struct doctor_daemon
} daemons[] = {
    {"swd", "datapath.sock",
     "start it: `systemctl start swd`, or `swd --pmd-cores LIST --run-dir %s`; one line of its log "
     "says what keeps it from starting",
     offsetof(struct doctor, swd)},
    {"swctld", "control.sock",
     "start it: `systemctl start swctld`, or `swctld --run-dir %s --db FILE`; one line of its log "
     "says what keeps it from starting",
     offsetof(struct doctor, swctld)},
};

static const struct doctor_daemon *daemon_of(const struct doctor *d, size_t i)
{
	return (const void *)((const char *)d + daemons[i].offset);
}

static void group_print(gid_t gid, char *text, size_t len)
{
	const struct group *group = getgrgid(gid);
	if (group)
		snprintf(text, len, "%s", group->gr_name);
	else
		snprintf(text, len, "%u", gid);
}

// "root:swd".
static void owners_print(const struct stat *st, char *text, size_t len)
{
	const struct passwd *user = getpwuid(st->st_uid);
	char uid[16], group[40];
	snprintf(uid, sizeof(uid), "%u", st->st_uid);
	group_print(st->st_gid, group, sizeof(group));
	snprintf(text, len, "%s:%s", user ? user->pw_name : uid, group);
}

// Only a group that lets its members in is worth joining.
static void mend_refused(struct doctor *d, const struct stat *st)
{
	char group[40];
	mode_t needed = S_ISSOCK(st->st_mode) ? S_IRGRP | S_IWGRP : S_IXGRP;
	group_print(st->st_gid, group, sizeof(group));
	if (st->st_gid != 0 && (st->st_mode & needed) == needed)
		doctor_mend(d, "run this as root, or join the group: usermod -aG %s USER", group);
	else
		doctor_mend(d, "run this as root, or start the daemon with --group GROUP and join "
			       "that group: usermod -aG GROUP USER");
}

static bool swctld_has_swd(const struct doctor *d)
{
	return json_is_true(
	    json_object_get(json_object_get(d->now[FACT_SHOW], "swd"), "connected"));
}

// Another control daemon, which the checks do not ask.
static bool open_vswitch_runs(const struct doctor *d)
{
	for (size_t i = 0; i < d->threads.n; i++) {
		if (strcmp(d->threads.list[i].name, "ovs-vswitchd") == 0)
			return true;
	}
	return false;
}

static void find_other_in_charge(struct doctor *d)
{
	doctor_find(d, DOCTOR_WARNING, "swctld",
		    "it does not run; ovs-vswitchd does, which `ovs-appctl dpctl/show` asks");
	doctor_mend(d, "where that is meant, swctld may run beside it for the checks that are "
		       "skipped here: `systemctl start swctld`");
}

static void find_refused(struct doctor *d, size_t i, int err)
{
	const char *name = daemons[i].name, *file = daemons[i].socket;
	char owners[80];
	struct stat st;
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", d->run_dir, file);
	if (err == -ENOENT) {
		doctor_find(d, DOCTOR_PROBLEM, name, "it does not run: %s is not there", path);
	} else if (err == -ECONNREFUSED) {
		doctor_find(d, DOCTOR_PROBLEM, name,
			    "it does not run: %s is left from one that was killed", path);
	} else if (err == -EACCES && (stat(path, &st) == 0 || stat(d->run_dir, &st) == 0)) {
		owners_print(&st, owners, sizeof(owners));
		doctor_find(d, DOCTOR_PROBLEM, name, "you may not connect: %s is %s, mode %04o",
			    S_ISSOCK(st.st_mode) ? path : d->run_dir, owners, st.st_mode & 07777);
		mend_refused(d, &st);
		return;
	} else {
		doctor_find(d, DOCTOR_PROBLEM, name, "cannot connect to %s: %s", path,
			    strerror(-err));
		doctor_mend(d, "look at the path: is --run-dir right?");
		return;
	}
	doctor_mend(d, daemons[i].start, d->run_dir);
}

static void check_daemon(struct doctor *d, size_t i)
{
	const struct doctor_daemon *daemon = daemon_of(d, i);
	bool is_swctld = daemon == &d->swctld;
	if (daemon->err < 0) {
		// What is not for us may be for swctld all the same.
		if (is_swctld && daemon->err == -ENOENT && d->swd.err == 0 && open_vswitch_runs(d))
			find_other_in_charge(d);
		else if (is_swctld || !swctld_has_swd(d))
			find_refused(d, i, daemon->err);
	} else if (is_swctld && !d->now[FACT_SHOW]) {
		doctor_find(d, DOCTOR_PROBLEM, "swctld", "it runs (pid %d) and does not answer: %s",
			    (int)daemon->pid, d->refusals[FACT_SHOW]);
		doctor_mend(d, "its log tells what it waits for; `systemctl restart swctld` costs "
			       "no packet of an established flow");
	}
}

static void check_connection(struct doctor *d)
{
	if (!d->now[FACT_SHOW] || d->swd.err < 0 || swctld_has_swd(d))
		return;
	// swctld's line ends with the mend.
	const char *why = d->refusals[FACT_DATAPATH], *mend = strstr(why, "; ");
	doctor_find(d, DOCTOR_PROBLEM, "swd", "swctld is not connected to it: %.*s",
		    (int)(mend ? mend - why : (long)strlen(why)), why);
	doctor_mend(d, "%s",
		    mend ? mend + 2
			 : "its log and swctld's tell more; `systemctl restart swd` when it hangs: "
			   "its guests reconnect");
}

static void check_versions(struct doctor *d)
{
	const json_t *v = d->now[FACT_VERSION];
	const char *ctl = field_text(v, "swctld"), *dp = field_text(v, "swd");
	if (!v || (strcmp(ctl, SWD_VERSION) == 0 && (!*dp || strcmp(dp, SWD_VERSION) == 0)))
		return;
	doctor_find(d, DOCTOR_WARNING, "versions", "swctl %s, swctld %s, swd %s", SWD_VERSION, ctl,
		    *dp ? dp : "not known");
	doctor_mend(d, "restart what is older than its program: `systemctl restart swctld`, then "
		       "`systemctl restart swd` (swd's guests reconnect)");
}

void doctor_check_daemons(struct doctor *d)
{
	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++)
		check_daemon(d, i);
	check_connection(d);
	check_versions(d);
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "swd and swctld run, version %s", SWD_VERSION);
}

static void check_run_dir(struct doctor *d)
{
	struct stat st;
	if (stat(d->run_dir, &st) < 0) {
		doctor_find(d, DOCTOR_PROBLEM, "run dir", "%s: %s", d->run_dir, strerror(errno));
		doctor_mend(d, "start swd, which makes it, or name it with --run-dir");
	} else if (!S_ISDIR(st.st_mode)) {
		doctor_find(d, DOCTOR_PROBLEM, "run dir", "%s is no folder", d->run_dir);
		doctor_mend(d, "name the folder of swd's sockets with --run-dir");
	} else if (st.st_mode & S_IWOTH) {
		doctor_find(d, DOCTOR_PROBLEM, "run dir",
			    "anyone may put a socket of theirs into %s (mode %04o)", d->run_dir,
			    st.st_mode & 07777);
		doctor_mend(d, "chmod o-w %s", d->run_dir);
	}
}

static void check_socket(struct doctor *d, const char *name)
{
	char path[PATH_MAX], owners[80];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", d->run_dir, name);
	if (lstat(path, &st) < 0)
		return; // check "daemons" tells
	owners_print(&st, owners, sizeof(owners));
	if (!S_ISSOCK(st.st_mode)) {
		doctor_find(d, DOCTOR_PROBLEM, name, "%s is no socket", path);
		doctor_mend(d, "remove it, and start the daemon again");
	} else if (st.st_mode & S_IWOTH) {
		doctor_find(d, DOCTOR_PROBLEM, name, "anyone may change the switch: %s is %s, %04o",
			    path, owners, st.st_mode & 07777);
		doctor_mend(d, "chmod o-rwx %s", path);
	} else {
		doctor_find(d, DOCTOR_OK, name, "for %s, mode %04o", owners, st.st_mode & 07777);
	}
}

// swctld may be a user of its own.
static void check_swctld_rights(struct doctor *d)
{
	char path[PATH_MAX], at[PATH_MAX];
	struct proc proc;
	if (swctld_has_swd(d) || !doctor_daemon_proc(d, &d->swctld, &proc))
		return;
	snprintf(path, sizeof(path), "%s/datapath.sock", d->run_dir);
	if (proc_may_connect(&proc, path, at))
		return;
	doctor_find(d, DOCTOR_PROBLEM, "datapath.sock",
		    "swctld (pid %d, user %u) may not connect: %s is in the way", (int)proc.pid,
		    proc.uid, at);
	if (strcmp(at, path) == 0)
		doctor_mend(d, "start swd with --group GROUP, one of that user's, or both daemons "
			       "as one user");
	else
		doctor_mend(d,
			    "let that user through: chmod o+x %s, or give it to a group of "
			    "that user",
			    at);
}

void doctor_check_sockets(struct doctor *d)
{
	check_run_dir(d);
	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++)
		check_socket(d, daemons[i].socket);
	check_swctld_rights(d);
	if (!doctor_member(d->findings, "check", d->check))
		doctor_find(d, DOCTOR_SKIPPED, "", "there are none in %s", d->run_dir);
}
