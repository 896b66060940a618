#include "tests/bench/run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define CONTACT_PAUSE_S 0.005
#define DRAIN_QUIET_S	0.1  // without a frame: nothing is under way any more
#define DRAIN_LOOK_S	1e-3 // of it at most at a time: where all stood still, the switch did too
#define TICK_S		0.2  // how often it is asked whether the switch is alive
#define TICK_PRIME_S	0.01 // all flows may be through before their time
#define PRIME_LATE_S	5    // for a switch that takes them more slowly

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static double clock_seconds(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double tsc_hz_measure(void)
{
	double t0 = clock_seconds(CLOCK_MONOTONIC_RAW);
	uint64_t c0 = __rdtsc();
	while (clock_seconds(CLOCK_MONOTONIC_RAW) - t0 < 0.05)
		;
	uint64_t c1 = __rdtsc();
	return (double)(c1 - c0) / (clock_seconds(CLOCK_MONOTONIC_RAW) - t0);
}

static int switch_check(const struct run *run)
{
	if (interrupted && !run->may_stop) {
		fprintf(stderr, "bench-gen: interrupted\n");
		return -EINTR;
	}
	for (unsigned i = 0; i < run->n_ports; i++) {
		const struct port *p = &run->ports[i];
		if (!p->kind->alive(p)) {
			fprintf(stderr, "bench-gen: the switch hung up on %s\n", run->o.ports[i]);
			return -EPIPE;
		}
	}
	return 0;
}

// Polls all ports; those send whose source has a budget.
static inline uint32_t poll_ports(struct run *run, uint64_t now)
{
	uint32_t did = 0;
	for (unsigned i = 0; i < run->n_ports; i++) {
		struct port *p = &run->ports[i];
		did += p->kind->rx(p);
		did += p->kind->tx(p, now); // without a budget it still takes back, and kicks
	}
	run->polls++;
	run->idle_polls += did == 0;
	if (did == 0 && run->o.relax_us > 0)
		nanosleep(&(struct timespec){.tv_nsec = run->o.relax_us * 1000l}, NULL);
	return did;
}

static bool budgets_spent(const struct run *run)
{
	for (unsigned i = 0; i < run->n_ports; i++) {
		if (run->ports[i].source.budget > 0)
			return false;
	}
	return true;
}

static void interval_print(const struct run *run)
{
	printf("interval %.6f %.6f", clock_seconds(CLOCK_MONOTONIC),
	       clock_seconds(CLOCK_THREAD_CPUTIME_ID));
	for (unsigned i = 0; i < run->n_ports; i++)
		printf(" %" PRIu64 " %" PRIu64, run->ports[i].counts.sent,
		       run->ports[i].check.received);
	putchar('\n');
	fflush(stdout);
}

// Polls until the time is over or all budgets are spent. tick_s: how often else is looked after.
static int poll_for(struct run *run, double seconds, double tick_s)
{
	uint64_t now = __rdtsc();
	uint64_t end = now + (uint64_t)(seconds * run->tsc_hz);
	uint64_t tick = now;
	for (; now < end; now = __rdtsc()) {
		poll_ports(run, now);
		if (now < tick)
			continue;
		tick = now + (uint64_t)(tick_s * run->tsc_hz);
		if (run->telling)
			interval_print(run);
		int rc = switch_check(run);
		if (rc < 0)
			return rc;
		if (budgets_spent(run) || interrupted)
			break;
	}
	return 0;
}

static bool all_received(const struct run *run)
{
	for (unsigned i = 0; i < run->n_ports; i++) {
		if (run->ports[i].counts.sent != run->ports[i].peer->check.received)
			return false;
	}
	return true;
}

// Until everything that was sent has come, or nothing comes any more.
static void drain(struct run *run)
{
	uint64_t enough = (uint64_t)(DRAIN_QUIET_S * run->tsc_hz);
	uint64_t longest = (uint64_t)(DRAIN_LOOK_S * run->tsc_hz);
	uint64_t quiet = 0;
	for (unsigned i = 0; i < run->n_ports; i++)
		run->ports[i].source.budget = 0;
	while (!all_received(run) && quiet < enough) {
		uint64_t began = __rdtsc();
		uint32_t did = poll_ports(run, began);
		uint64_t took = __rdtsc() - began;
		quiet = did > 0 ? 0 : quiet + (took < longest ? took : longest);
	}
}

// What the kernel took away and what it worked for us, so far: to be subtracted from what it will
// be.
static void kernel_read(struct run *run)
{
	struct rusage usage = {0};
	getrusage(RUSAGE_THREAD, &usage);
	run->preempted = usage.ru_nivcsw - run->preempted;
	run->system_s =
	    (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec * 1e-6 - run->system_s;
}

static void counts_reset(struct run *run)
{
	run->polls = 0;
	run->idle_polls = 0;
	for (unsigned i = 0; i < run->n_ports; i++) {
		struct port *p = &run->ports[i];
		memset(&p->counts, 0, sizeof(p->counts));
		checker_reset(&p->check);
	}
}

static void counts_keep(struct run *run, uint64_t began)
{
	run->seconds = (double)(__rdtsc() - began) / run->tsc_hz;
	kernel_read(run);
	for (unsigned i = 0; i < run->n_ports; i++) {
		const struct port *p = &run->ports[i];
		run->windows[i].received = p->check.received;
		run->windows[i].bytes = p->check.bytes;
		run->counts[i] = p->counts;
		run->late[i] = run_sends(run, i) ? p->source.late : 0;
	}
}

// Sends for some time, then drains.
static int phase(struct run *run, double seconds, double pps, double tick_s)
{
	counts_reset(run);
	run->preempted = 0;
	run->system_s = 0;
	kernel_read(run);
	uint64_t began = __rdtsc();
	for (unsigned i = 0; i < run->n_ports; i++) {
		struct source *s = &run->ports[i].source;
		source_start(s, 0, s->pool->n, run_sends(run, i) ? UINT64_MAX : 0, pps,
			     run->tsc_hz);
	}
	int rc = poll_for(run, seconds, tick_s);
	counts_keep(run, began);
	uint64_t polls = run->polls, idle_polls = run->idle_polls;
	drain(run);
	run->polls = polls;
	run->idle_polls = idle_polls;
	return rc;
}

// All flows once.
static int prime(struct run *run)
{
	double pps = run->o.prime_pps;
	uint32_t n = run->o.frames.n_flows;
	counts_reset(run);
	for (unsigned i = 0; i < run->n_ports; i++)
		source_start(&run->ports[i].source, 0, n, run_sends(run, i) ? n : 0, pps,
			     run->tsc_hz);
	double began = clock_seconds(CLOCK_MONOTONIC);
	int rc = poll_for(run, n / pps + PRIME_LATE_S, TICK_PRIME_S);
	double ended = clock_seconds(CLOCK_MONOTONIC);
	run->primed_s = ended - began;
	if (run->o.interval_s > 0)
		printf("primed %.6f %.6f\n", began, ended);
	drain(run);
	for (unsigned i = 0; i < run->n_ports; i++) {
		run->primed_sent += run->ports[i].counts.sent;
		run->primed_received += run->ports[i].check.received;
	}
	return rc;
}

// Port i sends one frame of its pool, announcements included.
static void send_one(struct run *run, unsigned i, uint32_t frame)
{
	source_start(&run->ports[i].source, frame, 1, 1, 0, run->tsc_hz);
}

static bool all_arrived(const struct run *run)
{
	for (unsigned i = 0; i < run->n_ports; i++) {
		if (run_sends(run, i) && run->ports[i].peer->check.received == 0)
			return false;
	}
	return true;
}

// The first frames of a flow go by way of a switch's control plane, which may cut super-frames.
static void contact_forgive(struct run *run)
{
	for (unsigned i = 0; i < run->n_ports; i++)
		run->ports[i].check.bad_length = run->ports[i].check.bad_content = 0;
}

// Announces MACs and sends slowly until something has come through each way.
static int contact(struct run *run)
{
	uint64_t end = __rdtsc() + (uint64_t)(run->o.port.timeout_s * run->tsc_hz);
	while (__rdtsc() < end) {
		for (unsigned i = 0; i < run->n_ports; i++)
			send_one(run, i, run->ports[i].pool.n);
		int rc = poll_for(run, CONTACT_PAUSE_S, TICK_S);
		for (unsigned i = 0; rc == 0 && i < run->n_ports; i++) {
			if (run_sends(run, i))
				send_one(run, i, 0);
		}
		if (rc == 0)
			rc = poll_for(run, CONTACT_PAUSE_S, TICK_S);
		if (rc < 0)
			return rc;
		if (all_arrived(run)) {
			drain(run);
			contact_forgive(run);
			return 0;
		}
	}
	for (unsigned i = 0; i < run->n_ports; i++) {
		if (run_sends(run, i) && run->ports[i].peer->check.received == 0)
			fprintf(stderr, "bench-gen: nothing from %s came out at %s in %g s\n",
				run->o.ports[i], run->o.ports[i ^ 1], run->o.port.timeout_s);
	}
	return -ETIMEDOUT;
}

static const struct port_kind *kind_of(const char *text, const char **target)
{
	static const struct port_kind *const kinds[] = {&port_vhost, &port_vhost_listen, &port_bare,
							&port_tap, &port_packet};
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i]->prefix);
		if (strncmp(text, kinds[i]->prefix, len) == 0 && text[len] == ':') {
			*target = text + len + 1;
			return kinds[i];
		}
	}
	return NULL;
}

static int port_open(struct run *run, unsigned i)
{
	struct port *p = &run->ports[i];
	struct frame_spec spec = run->o.frames;
	char err[256] = "out of memory";
	spec.from = i;
	spec.to = i ^ 1;
	p->index = i;
	p->peer = &run->ports[i ^ 1];
	p->kind = kind_of(run->o.ports[i], &p->target);
	if (!p->kind) {
		fprintf(stderr,
			"bench-gen: %s is no port: vhost:, vhost-listen:, tap: or packet:\n",
			run->o.ports[i]);
		return -EINVAL;
	}
	run->n_ports = i + 1;
	int rc = p->kind->open(p, &run->o.port, &spec, err, sizeof(err));
	if (rc < 0) {
		fprintf(stderr, "bench-gen: %s: %s\n", run->o.ports[i], err);
		return rc;
	}
	p->source.pool = &p->pool;
	p->source.random = run->o.random;
	p->source.late_max = run->o.relax_us > 0 ? LATE_MAX_RELAXED : LATE_MAX;
	p->source.seed = i + 1;
	p->source.stamp_every = run->o.latency_every;
	return 0;
}

int run_open(struct run *run)
{
	int rc = 0;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (unsigned i = 0; rc == 0 && i < run->o.n_ports; i++)
		rc = port_open(run, i);
	for (unsigned i = 0; rc == 0 && i < run->n_ports; i++)
		checker_init(&run->ports[i].check, &run->ports[i].peer->pool,
			     run->o.latency_every > 0, run->o.touch);
	return rc;
}

static int connect_ports(struct run *run)
{
	for (unsigned i = 0; i < run->n_ports; i++) {
		struct port *p = &run->ports[i];
		char err[256] = "failed";
		if (!p->kind->connect)
			continue;
		int rc = p->kind->connect(p, &run->o.port, err, sizeof(err));
		if (rc < 0) {
			fprintf(stderr, "bench-gen: %s: %s\n", run->o.ports[i], err);
			return rc;
		}
	}
	return 0;
}

int run_go(struct run *run)
{
	int rc = connect_ports(run);
	if (rc < 0)
		return rc;
	run->tsc_hz = tsc_hz_measure();
	rc = contact(run);
	if (rc == 0 && run->o.prime_pps > 0)
		rc = prime(run);
	if (rc == 0)
		rc = phase(run, run->o.warmup_s, run->o.rate_pps, TICK_S);
	run->telling = run->o.interval_s > 0;
	run->may_stop = true;
	if (rc == 0)
		rc = phase(run, run->o.seconds, run->o.rate_pps,
			   run->telling ? run->o.interval_s : TICK_S);
	return rc;
}

void run_close(struct run *run)
{
	for (unsigned i = 0; i < run->n_ports; i++)
		run->ports[i].kind->close(&run->ports[i]);
}
