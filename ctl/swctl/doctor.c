#define _GNU_SOURCE // struct ucred
#include "ctl/swctl/doctor.h"

#include "ctl/swctl/client.h"
#include "ctl/swctl/complain.h"
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"
#include "ctl/swctl/session.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS	  500	 // between two looks at what moves
#define TIMEOUT_S 7	 // for an answer of swctld, which waits 5 s for swd; --timeout may say less
#define RULES_MAX 100000 // that are looked at one by one

// What a check cannot do without.
enum need { NEED_NOTHING, NEED_SWCTLD, NEED_SWD };

static const struct {
	const char *name;
	enum need need;
	void (*run)(struct doctor *d);
} checks[] = {
    {"daemons", NEED_NOTHING, doctor_check_daemons},	 // run, connected, of one version
    {"sockets", NEED_NOTHING, doctor_check_sockets},	 // run dir and sockets: who may
    {"hugepages", NEED_NOTHING, doctor_check_hugepages}, // per node and size
    {"links", NEED_SWD, doctor_check_links},		 // ports that are down, and why
    {"guest-memory", NEED_SWD, doctor_check_memory},	 // shared; its pages
    {"features", NEED_SWD, doctor_check_features},	 // negotiated against wanted
    {"mtu", NEED_SWD, doctor_check_mtu},		 // of ports that send to each other
    {"cores", NEED_SWD, doctor_check_cores},		 // of PMDs: isolated, shared, busy
    {"queues", NEED_SWD, doctor_check_queues},		 // stopped, stuck, not polled
    {"drops", NEED_SWD, doctor_check_drops},		 // that go on now
    {"limits", NEED_SWD, doctor_check_limits},		 // flows, masks, buffers
    {"rules", NEED_SWCTLD, doctor_check_rules},		 // with ports that are gone
    {"database", NEED_SWCTLD, doctor_check_database},	 // writable, with room
};

static const struct {
	const char *method;
	bool moves; // two looks at it tell more than one
} facts[FACTS] = {
    [FACT_SHOW] = {"show", true},	 [FACT_VERSION] = {"version", false},
    [FACT_PORTS] = {"port.list", false}, [FACT_GUESTS] = {"port.guests", true},
    [FACT_DROPS] = {"drops", true},	 [FACT_PMDS] = {"pmd.show", false},
    [FACT_DATAPATH] = {"dp.show", true}, [FACT_REBALANCE] = {"pmd.rebalance", false},
    [FACT_RULES] = {"flow.dump", false},
};

static const char *const levels[DOCTOR_LEVELS] = {"ok", "skipped", "hint", "warning", "problem"};

const char *doctor_level_name(enum doctor_level level)
{
	return levels[level];
}

// Findings.

static json_t *text_json(const char *fmt, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof(text), fmt, args);
	json_t *json = json_string(text);
	return json ? json : json_string("?"); // not UTF-8
}

void doctor_find(struct doctor *d, enum doctor_level level, const char *about, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	json_t *text = text_json(fmt, args);
	va_end(args);
	json_array_append_new(d->findings,
			      json_pack("{s:s, s:s, s:s, s:o}", "check", d->check, "level",
					levels[level], "about", about, "text", text));
}

void doctor_mend(struct doctor *d, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	json_object_set_new(json_array_get(d->findings, json_array_size(d->findings) - 1), "mend",
			    text_json(fmt, args));
	va_end(args);
}

bool doctor_found(const struct doctor *d)
{
	size_t i;
	const json_t *finding;
	json_array_foreach (d->findings, i, finding) {
		if (strcmp(field_text(finding, "check"), d->check) == 0 &&
		    strcmp(field_text(finding, "level"), levels[DOCTOR_OK]) != 0)
			return true;
	}
	return false;
}

unsigned doctor_count(const struct doctor *d, enum doctor_level level)
{
	unsigned n = 0;
	size_t i;
	const json_t *finding;
	json_array_foreach (d->findings, i, finding) {
		n += strcmp(field_text(finding, "level"), levels[level]) == 0;
	}
	return n;
}

const json_t *doctor_list(const json_t *fact, const char *name)
{
	return json_object_get(fact, name);
}

const json_t *doctor_member(const json_t *list, const char *key, const char *text)
{
	size_t i;
	const json_t *member;
	json_array_foreach (list, i, member) {
		if (strcmp(field_text(member, key), text) == 0)
			return member;
	}
	return NULL;
}

bool doctor_daemon_proc(const struct doctor *d, const struct doctor_daemon *daemon,
			struct proc *proc)
{
	return daemon->pid > 0 && proc_read(d->root, daemon->pid, proc);
}

// Looking.

// Who listens there. Connecting and closing again does nothing to either daemon.
static struct doctor_daemon look_at_daemon(const char *run_dir, const char *name, int type)
{
	struct doctor_daemon daemon = {0};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if ((size_t)snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", run_dir, name) >=
	    sizeof(un.sun_path)) {
		daemon.err = -ENAMETOOLONG;
		return daemon;
	}
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	// One with a full backlog is alive.
	if (fd < 0 || (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0 && errno != EAGAIN))
		daemon.err = -errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0)
		daemon.pid = peer.pid;
	if (fd >= 0)
		close(fd);
	return daemon;
}

// A dump of very many rules would keep swctld from its work.
static bool is_wanted(const struct doctor *d, enum doctor_fact fact)
{
	return fact != FACT_RULES || field_count(d->now[FACT_SHOW], "rules") <= RULES_MAX;
}

static json_t *ask(struct doctor *d, const struct swctl_options *options, enum doctor_fact fact)
{
	char path[PATH_MAX];
	struct swctl_error error;
	unsigned timeout_s =
	    options->timeout_s && options->timeout_s < TIMEOUT_S ? options->timeout_s : TIMEOUT_S;
	snprintf(path, sizeof(path), "%s/control.sock", d->run_dir);
	json_t *params = fact == FACT_REBALANCE ? json_pack("{s:b}", "dry_run", 1) : json_object();
	json_t *result = swctl_call(path, timeout_s, facts[fact].method, params, &error);
	if (!result) {
		snprintf(d->refusals[fact], sizeof(d->refusals[fact]), "%.*s",
			 (int)sizeof(d->refusals[fact]) - 1, error.text);
		json_decref(error.data);
	}
	json_decref(params);
	return result;
}

// One that is silent is asked nothing more.
static void look_first(struct doctor *d, const struct swctl_options *options)
{
	d->swctld = look_at_daemon(d->run_dir, "control.sock", SOCK_STREAM);
	d->swd = look_at_daemon(d->run_dir, "datapath.sock", SOCK_SEQPACKET);
	if (d->swctld.err == 0)
		d->now[FACT_SHOW] = ask(d, options, FACT_SHOW);
	// Who may not connect to swd learns from swctld which process it is.
	if (d->swd.pid == 0)
		d->swd.pid = (pid_t)field_count(json_object_get(d->now[FACT_SHOW], "swd"), "pid");
	for (enum doctor_fact fact = FACT_SHOW + 1; d->now[FACT_SHOW] && fact < FACTS; fact++) {
		if (is_wanted(d, fact))
			d->now[fact] = ask(d, options, fact);
	}
}

static void look_again(struct doctor *d, const struct swctl_options *options)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	d->threads_before = proc_threads_read(d->root);
	nanosleep(&pause, NULL);
	d->threads = proc_threads_read(d->root);
	clock_gettime(CLOCK_MONOTONIC, &end);
	d->seconds = (double)(end.tv_sec - start.tv_sec) +
		     (double)(end.tv_nsec - start.tv_nsec) / 1000000000;
	for (enum doctor_fact fact = 0; fact < FACTS; fact++) {
		if (!facts[fact].moves || !d->now[fact])
			continue;
		d->before[fact] = d->now[fact];
		d->now[fact] = ask(d, options, fact);
	}
}

static bool swd_answers(const struct doctor *d)
{
	return d->now[FACT_DATAPATH] != NULL;
}

// swd is asked through swctld.
static const char *why_skipped(const struct doctor *d)
{
	return d->now[FACT_SHOW] ? "swd does not answer" : "swctld does not answer";
}

static void run_checks(struct doctor *d)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		d->check = checks[i].name;
		if ((checks[i].need == NEED_SWCTLD && !d->now[FACT_SHOW]) ||
		    (checks[i].need == NEED_SWD && !swd_answers(d)))
			doctor_find(d, DOCTOR_SKIPPED, "", "%s", why_skipped(d));
		else
			checks[i].run(d);
	}
}

static void fini(struct doctor *d)
{
	for (unsigned i = 0; i < FACTS; i++) {
		json_decref(d->now[i]);
		json_decref(d->before[i]);
	}
	free(d->threads.list);
	free(d->threads_before.list);
	json_decref(d->findings);
}

static int tell(const struct doctor *d, const struct swctl_options *options)
{
	if (!options->json) {
		doctor_print(d, swctl_complain_style(stdout) == COMPLAIN_COLOUR, stdout);
		return 0;
	}
	json_t *result = doctor_json(d);
	int ret = result ? swctl_print_json(result, options, stdout) : -ENOMEM;
	json_decref(result);
	return ret;
}

int swctl_doctor(const struct swctl_options *options, int n)
{
	struct doctor d = {.root = "", .run_dir = options->run_dir, .findings = json_array()};
	if (n > 0 || options->interval_s || options->count || options->skip || options->time_s ||
	    options->force || options->n_given) {
		json_decref(d.findings);
		return session_wrong_usage_of("doctor [--json]",
					      "doctor takes no words, and only --json, --run-dir "
					      "and --timeout");
	}
	look_first(&d, options);
	if (d.swd.err == 0)
		look_again(&d, options);
	run_checks(&d);
	bool failed = tell(&d, options) < 0 || doctor_count(&d, DOCTOR_PROBLEM) > 0;
	fini(&d);
	return session_finish_output(failed ? SWCTL_FAILED : SWCTL_OK);
}
