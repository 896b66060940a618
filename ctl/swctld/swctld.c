// swctld, the control daemon: rules, translation of missed packets, durable state.
#include "ctl/account.h"
#include "ctl/log.h"
#include "ctl/privileges.h"
#include "ctl/swctld/counts.h"
#include "ctl/swctld/daemon.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/disk_clock.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/live_trace.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/meters.h"
#include "ctl/swctld/pmd_settings.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rpc_server.h"
#include "ctl/swctld/rules.h"
#include "ctl/swctld/tick.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static const char usage[] =
    "usage: swctld --run-dir DIR --db FILE [--user USER[:GROUP]] [--group GROUP]\n"
    "              [--admin-group GROUP] [--max-rules N] [--max-masks N] [--max-flows N]\n"
    "              [--log-level LEVEL]\n"
    "The control daemon of the switch: rules, translation of missed packets, durable state.\n"
    "\n"
    "  --run-dir DIR         where swd serves datapath.sock, and swctld will serve control.sock\n"
    "  --db FILE             ports, rules and settings; made when it is not there\n"
    "  --user USER[:GROUP]   become that user once control.sock is there, without a capability\n"
    "  --group GROUP         whose members may use control.sock, to read (default: the admin\n"
    "                        group)\n"
    "  --admin-group GROUP   whose members may change things, too, as root and swctld's own\n"
    "                        user may; where --group is another, they must be in both\n"
    "  --max-rules N         rules at most, learned ones too (default: 1000000)\n"
    "  --max-masks N         masks of megaflows at most, whatever rules and traffic (default: "
    "128)\n"
    "  --max-flows N         megaflows at most (default: as many as swd holds)\n"
    "  --log-level LEVEL     error, warn, info (default) or debug\n"
    "  --help, --version\n";

#define LOG_DELAY_MS 20
#define MMAP_BYTES   (1 << 20) // a reply so long gives its memory back when it is gone

struct options {
	const char *run_dir, *db, *user, *group, *admin_group;
	struct limits limits;
	enum log_level level;
};

enum {
	OPT_RUN_DIR = 256,
	OPT_DB,
	OPT_USER,
	OPT_GROUP,
	OPT_ADMIN_GROUP,
	OPT_MAX_RULES,
	OPT_MAX_MASKS,
	OPT_MAX_FLOWS,
	OPT_LOG_LEVEL,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
    {"run-dir", required_argument, NULL, OPT_RUN_DIR},
    {"db", required_argument, NULL, OPT_DB},
    {"user", required_argument, NULL, OPT_USER},
    {"group", required_argument, NULL, OPT_GROUP},
    {"admin-group", required_argument, NULL, OPT_ADMIN_GROUP},
    {"max-rules", required_argument, NULL, OPT_MAX_RULES},
    {"max-masks", required_argument, NULL, OPT_MAX_MASKS},
    {"max-flows", required_argument, NULL, OPT_MAX_FLOWS},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static void bad_usage(const char *text)
{
	fprintf(stderr, "swctld: %s; swctld --help shows the options\n", text);
	exit(1);
}

static unsigned parse_limit(const char *option, const char *value, unsigned min, unsigned max)
{
	char text[128], *end;
	unsigned long n = strtoul(value, &end, 10);
	if (*value >= '0' && *value <= '9' && *end == '\0' && n >= min && n <= max)
		return (unsigned)n;
	snprintf(text, sizeof(text), "%s %.40s: must be %u to %u", option, value, min, max);
	bad_usage(text);
	return 0;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int opt;
	char text[128];
	opterr = 0; // its messages are told here, with the program's name
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (opt == OPT_RUN_DIR)
			o->run_dir = optarg;
		else if (opt == OPT_DB)
			o->db = optarg;
		else if (opt == OPT_USER)
			o->user = optarg;
		else if (opt == OPT_GROUP)
			o->group = optarg;
		else if (opt == OPT_ADMIN_GROUP)
			o->admin_group = optarg;
		else if (opt == OPT_MAX_RULES)
			o->limits.rules = parse_limit("--max-rules", optarg, 1, RULES_MAX_LIMIT);
		else if (opt == OPT_MAX_MASKS)
			o->limits.masks =
			    parse_limit("--max-masks", optarg, MASKS_MAX_LEAST, MASKS_MAX_LIMIT);
		else if (opt == OPT_MAX_FLOWS)
			o->limits.flows = parse_limit("--max-flows", optarg, 1, UINT32_MAX);
		else if (opt == OPT_HELP)
			exit(fputs(usage, stdout) < 0);
		else if (opt == OPT_VERSION)
			exit(puts("swctld " SWD_VERSION) < 0);
		else if (opt != OPT_LOG_LEVEL) {
			snprintf(text, sizeof(text), "%.40s: unknown, or its value is missing",
				 argv[optind - 1]);
			bad_usage(text);
		} else if (!log_level_parse(optarg, &o->level)) {
			snprintf(text, sizeof(text),
				 "--log-level %.40s: none of error, warn, info, debug", optarg);
			bad_usage(text);
		}
	}
	if (optind < argc) {
		snprintf(text, sizeof(text), "\"%.40s\": not an option", argv[optind]);
		bad_usage(text);
	}
	if (!o->run_dir || !o->db)
		bad_usage(o->run_dir ? "--db FILE is missing" : "--run-dir DIR is missing");
}

// Who runs the daemon, and whom it serves.
struct rights {
	struct account user; // whom it becomes; uid ACCOUNT_NONE: it stays who it is
	gid_t group, admin_group;
};

static int find_group(const char *option, const char *name, gid_t *gid, char *err, size_t err_len)
{
	char why[128];
	*gid = ACCOUNT_NONE;
	if (!name || account_gid(name, gid, why, sizeof(why)) == 0)
		return 0;
	snprintf(err, err_len, "%s: %s", option, why);
	return -1;
}

static int find_rights(const struct options *o, struct rights *r, char *err, size_t err_len)
{
	char why[160];
	r->user = (struct account){.uid = ACCOUNT_NONE, .gid = ACCOUNT_NONE};
	if (o->user && account_user(o->user, &r->user, why, sizeof(why)) < 0) {
		snprintf(err, err_len, "--user: %s", why);
		return -1;
	}
	if (find_group("--group", o->group, &r->group, err, err_len) < 0 ||
	    find_group("--admin-group", o->admin_group, &r->admin_group, err, err_len) < 0)
		return -1;
	if (r->group == ACCOUNT_NONE)
		r->group = r->admin_group != ACCOUNT_NONE ? r->admin_group : r->user.gid;
	return 0;
}

// The daemon may come before swd, which shares the folder.
static int make_run_dir(const char *path, const struct account *user, char *err, size_t err_len)
{
	struct stat st;
	bool made = mkdir(path, 0755) == 0;
	if ((!made && errno != EEXIST) ||
	    (made && user->uid != ACCOUNT_NONE && lchown(path, user->uid, user->gid) < 0) ||
	    stat(path, &st) < 0) {
		snprintf(err, err_len, "--run-dir %s: %s; create it or choose another", path,
			 strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(err, err_len, "--run-dir %s: not a folder; choose another", path);
		return -1;
	}
	return 0;
}

// Clients wait until run(). Before the database is made: a start that is refused leaves none.
static int start_listening(struct swctld *d, const struct rights *r, char *err, size_t err_len)
{
	d->base = event_base_new();
	if (d->base)
		d->rpc = rpc_server_start(d, r->user.uid, r->group, err, err_len);
	if (!d->rpc)
		return -1;
	// Nobody else has the run dir now.
	d->counts = counts_open(d->run_dir, r->user.uid);
	return 0;
}

// What needs root is done.
static int drop_root(const struct rights *r, char *err, size_t err_len)
{
	if (r->user.uid == ACCOUNT_NONE)
		return 0;
	return privileges_become(&r->user, err, err_len);
}

static int load_state(struct swctld *d, char *err, size_t err_len)
{
	uint64_t now_ms = clock_now_ms();
	disk_clock_start(d->db);
	int64_t wall_ms = disk_clock_ms();
	int rc = ports_load(d->ports, err, err_len);
	if (rc == 0)
		rc = pmd_settings_load(d, err, err_len);
	if (rc == 0)
		rc = groups_load(d->groups, now_ms, wall_ms, err, err_len);
	if (rc == 0)
		rc = meters_load(d->meters, now_ms, wall_ms, err, err_len);
	return rc == 0 ? rules_load(d->rules, now_ms, wall_ms, err, err_len) : rc;
}

static int start_state(struct swctld *d, char *err, size_t err_len)
{
	d->db = db_open(d->db_path, err, err_len);
	if (!d->db)
		return -1;
	snprintf(err, err_len, "out of memory");
	d->ports = ports_create(d->db);
	d->groups = groups_create(d->db);
	d->meters = meters_create(d->db);
	d->rules = rules_create(d->db, d->limits.rules);
	d->fdb = fdb_create();
	d->frozen = frozen_create();
	d->megaflows = d->frozen ? megaflows_create(d->limits.masks, d->frozen) : NULL;
	d->live_traces = live_traces_create(d);
	d->pmd_settings = pmd_settings_create();
	if (!d->live_traces || !d->pmd_settings || !d->ports || !d->groups || !d->meters ||
	    !d->rules || !d->fdb || !d->megaflows)
		return -1;
	counts_claim(d->counts, db_identity(d->db));
	rules_keep_counts(d->rules, d->counts);
	if (!megaflows_keep_counts(d->megaflows, d->counts))
		return -1;
	return load_state(d, err, err_len);
}

static void move_log(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	db_checkpoint(arg);
}

// Moving the log into the file takes its time: the reply to what made it grow goes out before.
static void on_log_grown(void *arg)
{
	static const struct timeval soon = {.tv_usec = LOG_DELAY_MS * 1000};
	struct swctld *d = arg;
	event_base_once(d->base, -1, EV_TIMEOUT, move_log, d->db, &soon);
}

static int start_services(struct swctld *d, struct tick **tick, char *err, size_t err_len)
{
	snprintf(err, err_len, "out of memory");
	db_on_log_grown(d->db, on_log_grown, d);
	d->revalidator = revalidator_create(d);
	d->datapath = d->revalidator ? datapath_create(d) : NULL;
	*tick = d->datapath ? tick_start(d) : NULL;
	return *tick ? 0 : -1;
}

static void stop(struct swctld *d, struct tick *tick)
{
	tick_stop(tick);
	datapath_destroy(d->datapath);
	revalidator_destroy(d->revalidator);
	rpc_server_stop(d->rpc);
	live_traces_destroy(d->live_traces);
	pmd_settings_destroy(d->pmd_settings);
	megaflows_destroy(d->megaflows);
	frozen_destroy(d->frozen);
	fdb_destroy(d->fdb);
	rules_destroy(d->rules);
	meters_destroy(d->meters);
	groups_destroy(d->groups);
	ports_destroy(d->ports);
	counts_close(d->counts);
	if (d->base)
		event_base_free(d->base);
	db_close(d->db);
	libevent_global_shutdown();
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	log_info("%s: ending; swd goes on with its megaflows", strsignal((int)sig));
	event_base_loopbreak(arg);
}

static int run(struct swctld *d)
{
	static const int signals[] = {SIGTERM, SIGINT};
	struct event *events[2] = {NULL, NULL};
	for (int i = 0; i < 2; i++) {
		events[i] = evsignal_new(d->base, signals[i], on_signal, d->base);
		if (events[i])
			evsignal_add(events[i], NULL);
	}
	unsigned n_ports = ports_count(d->ports), n_rules = rules_count(d->rules);
	log_info("%u port%s, %u rule%s from %s", n_ports, log_plural(n_ports), n_rules,
		 log_plural(n_rules), d->db_path);
	puts("swctld: ready");
	fflush(stdout);
	sd_notify(0, "READY=1");
	int rc = event_base_dispatch(d->base);
	for (int i = 0; i < 2; i++) {
		if (events[i])
			event_free(events[i]);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {.limits = {.rules = RULES_MAX_DEFAULT, .masks = MASKS_MAX_DEFAULT},
			    .level = LOG_LEVEL_INFO};
	struct tick *tick = NULL;
	char err[700] = "out of memory";
	parse_options(argc, argv, &o);
	log_init("swctld", o.level);
	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); // a limit on file size is an error to report, not an end
	struct swctld d = {.run_dir = o.run_dir,
			   .db_path = o.db,
			   .admin_group = o.admin_group,
			   .limits = o.limits,
			   .started_ms = clock_now_ms()};
	struct rights rights;
	int rc = find_rights(&o, &rights, err, sizeof(err));
	if (rc == 0)
		rc = make_run_dir(o.run_dir, &rights.user, err, sizeof(err));
	d.admin_gid = rights.admin_group;
	if (rc == 0)
		rc = start_listening(&d, &rights, err, sizeof(err));
	if (rc == 0)
		rc = drop_root(&rights, err, sizeof(err));
	if (rc == 0)
		rc = start_state(&d, err, sizeof(err));
	if (rc == 0)
		rc = start_services(&d, &tick, err, sizeof(err));
	if (rc == 0)
		rc = run(&d);
	else
		fprintf(stderr, "swctld: %s\n", err);
	stop(&d, tick);
	return rc ? 1 : 0;
}
