// swd: the data plane. Starts the parts in order, runs the event loop, stops them in reverse order.
#include "datapath/capabilities.h"
#include "datapath/ct.h"
#include "datapath/ct_table.h"
#include "datapath/eal.h"
#include "datapath/meter.h"
#include "datapath/options.h"
#include "datapath/packet.h"
#include "datapath/pmd.h"
#include "datapath/port.h"
#include "datapath/port_watch.h"
#include "datapath/server.h"
#include "datapath/trace.h"
#include "datapath/upcall.h"
#include "flowtable/isa.h"
#include "flowtable/megaflow.h"
#include "flowtable/rcu.h"
#include "memif/memif.h"
#include "vhost/reconnect.h"

#include <event2/event.h>
#include <systemd/sd-daemon.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MB	      (1024ull * 1024)
#define PACKETS_MIN   8192u
#define PACKETS_MAX   (1u << 20)
#define PACKET_BYTES  (sizeof(struct rte_mbuf) + PACKET_PRIV_SIZE + RTE_MBUF_DEFAULT_BUF_SIZE + 64)
#define FLOW_BYTES    512u	 // a megaflow with its share of buckets and counters, roughly
#define CT_BYTES      160u	 // a connection with its share of buckets
#define EMC_ENTRIES   8192u	 // of a PMD
#define SIGNATURES    (1u << 21) // of a PMD, at most: a million flows find room
#define RECLAIM_US    50000
#define MEASURE_S     1
#define SERVER_SOCKET "datapath.sock"

struct swd {
	struct options options;
	struct rcu *rcu;
	struct flow_table *flows;
	struct event_base *base;
	struct event *on_term, *on_int, *on_reclaim, *on_measure;
	struct server *server;
	char err[512]; // one line: why the start failed
};

static int run_dir_prepare(struct swd *swd)
{
	const char *dir = swd->options.run_dir;
	struct stat st;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		int rc = -errno;
		snprintf(swd->err, sizeof(swd->err),
			 "cannot make run dir %.200s: %s: name another with --run-dir", dir,
			 strerror(-rc));
		return rc;
	}
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		snprintf(swd->err, sizeof(swd->err), "run dir %.200s is not a folder", dir);
		return -ENOTDIR;
	}
	if (access(dir, W_OK | X_OK) < 0) {
		int rc = -errno;
		snprintf(swd->err, sizeof(swd->err),
			 "run dir %.200s: %s: run swd as its owner or name another with --run-dir",
			 dir, strerror(-rc));
		return rc;
	}
	return 0;
}

// Guests' memory regions, kick and call events: a few file descriptors each.
static void fd_limit_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

// EAL's threads have what this one has.
static int rights_begin(struct swd *swd)
{
	port_sockets_default(swd->options.vhost_owner, swd->options.vhost_group);
	return capabilities_keep(swd->err, sizeof(swd->err));
}

static int eal_begin(struct swd *swd)
{
	const struct eal_config config = {.pmd_cores = swd->options.pmd_cores,
					  .n_pmd_cores = swd->options.n_pmd_cores,
					  .mem_mb = swd->options.mem_mb,
					  .log_level = swd->options.log_level};
	return eal_start(&config, swd->err, sizeof(swd->err));
}

// Half of the memory goes to packets, a quarter at most to megaflows; the rest is for caches and
// rings.
static int memory_begin(struct swd *swd)
{
	uint64_t bytes = swd->options.mem_mb * MB;
	uint64_t n_packets = RTE_MIN(RTE_MAX(bytes / 2 / PACKET_BYTES, PACKETS_MIN), PACKETS_MAX);
	uint64_t max_flows = RTE_MIN(bytes / 4 / FLOW_BYTES, swd->options.max_flows);
	if (packet_pool_create((unsigned)n_packets) && (swd->rcu = rcu_create()) &&
	    (swd->flows = flow_table_create(swd->rcu, (uint32_t)max_flows, SOCKET_ID_ANY)))
		return 0;
	snprintf(swd->err, sizeof(swd->err), "--mem %u is not enough: give more",
		 swd->options.mem_mb);
	return -ENOMEM;
}

// Where memory is short, a PMD's signature cache takes a 64th of it.
static uint32_t signature_entries(const struct swd *swd)
{
	uint64_t bytes = swd->options.mem_mb * MB / 64;

	return rte_align32prevpow2((uint32_t)RTE_MIN(bytes / sizeof(uint32_t), SIGNATURES));
}

// Connections may take an eighth of the memory, when they come; a quarter where that is asked for.
static int ct_begin(struct swd *swd)
{
	uint64_t bytes = swd->options.mem_mb * MB, max_conns = bytes / 8 / CT_BYTES;
	if (swd->options.ct_connections > 0)
		max_conns = RTE_MIN(bytes / 4 / CT_BYTES, swd->options.ct_connections);
	int rc = ct_init(swd->rcu, (uint32_t)max_conns);
	if (rc < 0)
		snprintf(swd->err, sizeof(swd->err), "no memory to track %u connections",
			 (unsigned)max_conns);
	return rc;
}

static void ct_end(struct swd *swd)
{
	(void)swd;
	ct_fini();
}

static int pool_begin(struct swd *swd)
{
	const struct pmd_pool_config config = {.rcu = swd->rcu,
					       .flows = swd->flows,
					       .emc_entries = EMC_ENTRIES,
					       .signature_entries = signature_entries(swd)};
	ports_init(swd->rcu);
	meters_init(swd->rcu);
	traces_init(swd->rcu);
	int rc = pmd_pool_init(&config);
	if (rc < 0)
		snprintf(swd->err, sizeof(swd->err), "cannot set up the packet threads: %s",
			 strerror(-rc));
	return rc;
}

static int cores_begin(struct swd *swd)
{
	return pmd_pool_set_cores(swd->options.pmd_cores, swd->options.n_pmd_cores, swd->err,
				  sizeof(swd->err));
}

static int upcall_begin(struct swd *swd)
{
	int rc = upcall_init();
	if (rc < 0)
		snprintf(swd->err, sizeof(swd->err), "cannot set up upcalls: %s", strerror(-rc));
	upcall_set_rate(swd->options.upcall_rate);
	return rc;
}

static void reclaim(evutil_socket_t fd, short events, void *arg)
{
	struct swd *swd = arg;
	(void)fd;
	(void)events;
	pmd_pool_reclaim();
	ct_turn(server_now_ms());
	rcu_reclaim(swd->rcu);
}

static void measure(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	pmd_pool_measure(server_now_ms());
}

static void stop(evutil_socket_t signal_no, short events, void *arg)
{
	struct swd *swd = arg;
	(void)events;
	log_info("stopping on %s", strsignal((int)signal_no));
	event_base_loopbreak(swd->base);
}

static int loop_begin(struct swd *swd)
{
	const struct timeval interval = {.tv_usec = RECLAIM_US}, each_s = {.tv_sec = MEASURE_S};
	swd->base = event_base_new();
	if (!swd->base)
		goto fail;
	swd->on_term = evsignal_new(swd->base, SIGTERM, stop, swd);
	swd->on_int = evsignal_new(swd->base, SIGINT, stop, swd);
	swd->on_reclaim = event_new(swd->base, -1, EV_PERSIST, reclaim, swd);
	swd->on_measure = event_new(swd->base, -1, EV_PERSIST, measure, swd);
	if (swd->on_term && swd->on_int && swd->on_reclaim && swd->on_measure &&
	    event_add(swd->on_term, NULL) == 0 && event_add(swd->on_int, NULL) == 0 &&
	    event_add(swd->on_reclaim, &interval) == 0 && event_add(swd->on_measure, &each_s) == 0)
		return 0;
fail:
	snprintf(swd->err, sizeof(swd->err), "cannot set up the event loop: %s", strerror(errno));
	return -ENOMEM;
}

static int ports_begin(struct swd *swd)
{
	int rc = port_watch_start(swd->base);
	if (rc == 0)
		rc = memif_start(swd->base);
	if (rc == 0)
		rc = reconnect_start(swd->base);
	if (rc < 0)
		snprintf(swd->err, sizeof(swd->err), "cannot set up ports: %s", strerror(-rc));
	return rc;
}

static int server_begin(struct swd *swd)
{
	char path[PATH_MAX + sizeof(SERVER_SOCKET) + 1];
	snprintf(path, sizeof(path), "%s/" SERVER_SOCKET, swd->options.run_dir);
	const struct server_config config = {.base = swd->base,
					     .path = path,
					     .group = swd->options.group,
					     .flows = swd->flows,
					     .other_ports_from = swd->options.other_ports_from};
	swd->server = server_start(&config, swd->err, sizeof(swd->err));
	return swd->server ? 0 : -EIO;
}

static void server_end(struct swd *swd)
{
	ports_ending(); // datapaths take their ports along
	server_stop(swd->server);
}

static void loop_end(struct swd *swd)
{
	if (swd->on_measure)
		event_free(swd->on_measure);
	if (swd->on_reclaim)
		event_free(swd->on_reclaim);
	if (swd->on_int)
		event_free(swd->on_int);
	if (swd->on_term)
		event_free(swd->on_term);
	if (swd->base)
		event_base_free(swd->base);
}

static void upcall_end(struct swd *swd)
{
	(void)swd;
	upcall_fini();
}

static void pool_end(struct swd *swd)
{
	(void)swd;
	pmd_pool_fini();
	meters_fini();
}

static void ports_end(struct swd *swd)
{
	(void)swd;
	uint32_t cursor = 0;
	for (struct port *port; (port = port_next(&cursor)) != NULL;)
		pmd_pool_del_port(port);
	ports_fini();
	reconnect_stop();
	memif_stop();
	port_watch_stop();
}

static void memory_end(struct swd *swd)
{
	if (swd->flows)
		flow_table_destroy(swd->flows);
	if (swd->rcu)
		rcu_destroy(swd->rcu);
}

static void eal_end(struct swd *swd)
{
	(void)swd;
	eal_stop();
}

// Parts in the order of their start; `end` undoes `begin`, also one that failed half-way where
// `partial` says so.
static const struct part {
	int (*begin)(struct swd *swd);
	void (*end)(struct swd *swd);
	bool partial;
} parts[] = {
    {rights_begin, NULL, false},       {run_dir_prepare, NULL, false},
    {eal_begin, eal_end, false},       {memory_begin, memory_end, true},
    {ct_begin, ct_end, false},	       {upcall_begin, upcall_end, false},
    {pool_begin, pool_end, false},     {cores_begin, NULL, false},
    {loop_begin, loop_end, true},      {ports_begin, ports_end, true},
    {server_begin, server_end, false},
};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

static void end_parts(struct swd *swd, size_t n)
{
	while (n-- > 0) {
		if (parts[n].end)
			parts[n].end(swd);
	}
}

static int begin_parts(struct swd *swd)
{
	for (size_t i = 0; i < N_PARTS; i++) {
		int rc = parts[i].begin(swd);
		if (rc == 0)
			continue;
		end_parts(swd, i + parts[i].partial);
		return rc;
	}
	return 0;
}

static void run(struct swd *swd)
{
	uint32_t max_flows = flow_table_max_flows(swd->flows), max_conns = ct_table_max();
	if (max_flows < swd->options.max_flows)
		log_info("--mem %u has room for %u megaflows", swd->options.mem_mb, max_flows);
	if (max_conns < swd->options.ct_connections)
		log_info("--mem %u has room for %u tracked connections", swd->options.mem_mb,
			 max_conns);
	log_info("instruction set of the packet code: %s%s", isa_name(isa_current()),
		 strcmp(swd->options.isa, "auto") == 0 ? " (--isa auto)" : "");
	printf("swd: ready\n");
	fflush(stdout);
	sd_notify(0, "READY=1");
	event_base_dispatch(swd->base);
	sd_notify(0, "STOPPING=1");
}

int main(int argc, char **argv)
{
	static struct swd swd;
	log_init("swd", LOG_LEVEL_INFO);
	int rc = options_parse(&swd.options, argc, argv, swd.err, sizeof(swd.err));
	if (rc < 0)
		goto fail;
	if (swd.options.help) {
		options_usage();
		return 0;
	}
	if (swd.options.version) {
		printf("swd %s\n", SWD_VERSION);
		return 0;
	}
	log_init("swd", swd.options.log_level);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); // a limit on file size is an error to report, not an end
	fd_limit_raise();

	isa_set(swd.options.isa); // before anything asks which
	rc = begin_parts(&swd);
	if (rc < 0)
		goto fail;
	run(&swd);
	end_parts(&swd, N_PARTS);
	return 0;

fail:
	log_error("%s", swd.err);
	return 1;
}
