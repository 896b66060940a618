// How long 200,000 megaflows take to be made, and to be checked after changes. Not a test: run it
// on a machine that does nothing else. swd is played and costs nothing. A number after its name is
// how often to check them all, for a profiler.
#include "ctl/swctld/revalidate.h"

#include "tests/unit/ctl/fake_swd.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>

#define N_MEGAFLOWS 200000
#define N_PORTS	    32
#define N_STATIONS  1000

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct eth_addr station(unsigned n)
{
	return (struct eth_addr){{0x52, 0x54, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

// Packet i: ports first, then stations, then TCP ports.
static struct flow_key packet(unsigned i)
{
	unsigned in_port = i % N_PORTS, to = i / N_PORTS % N_STATIONS;
	return (struct flow_key){.in_port = 1 + in_port,
				 .eth_src = station(in_port),
				 .eth_dst = station(to),
				 .eth_type_be = htons(0x0800),
				 .ip_src_be = htonl(0x0a000000 + in_port),
				 .ip_dst_be = htonl(0x0a010000 + to),
				 .nw_proto = IPPROTO_TCP,
				 .nw_ttl = 64,
				 .tp_src_be = htons(1000),
				 .tp_dst_be = htons((uint16_t)(i / (N_PORTS * N_STATIONS)))};
}

// An access list, then where stations are, in four tables.
static char *pipeline(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	for (unsigned i = 1; i <= N_PORTS; i++)
		fprintf(out, "flow add in_port=%u,actions=load:%u->NXM_NX_REG0[],goto_table:1\n", i,
			i);
	for (unsigned i = 0; i < 10; i++)
		fprintf(out, "flow add table=1,priority=9,tcp,tp_dst=%u,actions=goto_table:2\n", i);
	for (unsigned i = 0; i < 500; i++)
		fprintf(out, "flow add table=1,priority=20,ip,nw_src=10.9.%u.0/24,actions=drop\n",
			i % 250);
	for (unsigned i = 0; i < N_STATIONS; i++)
		fprintf(out,
			"flow add table=2,dl_dst=52:54:00:00:%02x:%02x,"
			"actions=load:%u->NXM_NX_REG1[],goto_table:3\n",
			i >> 8, i & 255, 1 + i % N_PORTS);
	fprintf(out, "flow add table=3,actions=mod_vlan_vid:7,output:NXM_NX_REG1[]\n");
	fclose(out);
	return text;
}

// swd answers what it was sent since.
static void answer(struct megaflows *m, unsigned from)
{
	for (; from < fake_swd.n_sent; from++) {
		struct known_flow *f = megaflows_by_id(m, fake_swd.sent[from % FAKE_SENT_MAX].id);
		if (f)
			megaflows_switch_end(m, f);
	}
}

// Until all are right under the present state.
static void finish(struct control *c, const char *what)
{
	struct megaflows *m = c->d.megaflows;
	uint64_t newest = 0;
	unsigned n_sent = fake_swd.n_sent, n_answered = n_sent, n_turns = 0;
	double started = now_s();
	for (struct known_flow *f = megaflows_first(m); f; f = f->next)
		newest = f->gen > newest ? f->gen : newest;
	while (megaflows_first(m)->gen <= newest) {
		revalidate_now(c->d.revalidator);
		answer(m, n_answered);
		n_answered = fake_swd.n_sent;
		n_turns++;
	}
	printf("%-58s %6.0f ms in %3u turns, %u messages\n", what, (now_s() - started) * 1e3,
	       n_turns, fake_swd.n_sent - n_sent);
}

static void make_megaflows(struct control *c, const char *what)
{
	double started = now_s();
	for (unsigned i = 0; i < N_MEGAFLOWS; i++) {
		struct flow_key key = packet(i);
		fake_miss(&c->d, &key);
	}
	double took = now_s() - started;
	printf("%s: %u megaflows, %u masks; %.2f us a miss (%.0f a second)\n", what,
	       megaflows_count(c->d.megaflows), mask_budget_count(megaflows_masks(c->d.megaflows)),
	       took * 1e6 / N_MEGAFLOWS, N_MEGAFLOWS / took);
}

static void change(struct control *c, const char *lines, const char *what)
{
	struct rules_change changed = control_change(c, lines);
	revalidate_rules_changed(c->d.revalidator, &changed);
	finish(c, what);
}

static struct control *start(void)
{
	struct control *c;
	control_setup((void **)&c);
	fake_swd_reset();
	c->d.base = event_base_new();
	c->d.revalidator = revalidator_create(&c->d);
	control_ports(c, N_PORTS);
	return c;
}

static void end(struct control *c)
{
	revalidator_destroy(c->d.revalidator);
	event_base_free(c->d.base);
	control_teardown((void **)&c);
}

static void measure_pipeline(int n_times)
{
	struct control *c = start();
	char *rules = pipeline();
	control_change(c, "flow delete");
	control_change(c, rules);
	make_megaflows(c, "four tables");
	for (int i = 0; i < n_times; i++) {
		revalidate_all(c->d.revalidator);
		finish(c, "all of them, nothing has changed");
	}
	change(c, "flow add table=77,udp,actions=drop", "a rule in a table that nobody visits");
	change(c, "flow add table=1,priority=30,udp,actions=drop", "a rule that none can meet");
	change(c, "flow add table=2,dl_dst=52:54:00:00:00:05,actions=drop",
	       "a rule that 1 of 1000 meets");
	change(c, "flow add table=3,actions=mod_vlan_vid:8,output:NXM_NX_REG1[]",
	       "other actions for all");
	free(rules);
	end(c);
}

static void measure_normal(void)
{
	struct control *c = start();
	for (unsigned i = 0; i < N_STATIONS; i++)
		fdb_learn(c->d.fdb, station(i), 0, 1 + i % N_PORTS, clock_now_ms());
	control_change(c,
		       "flow add priority=1,tcp,actions=resubmit(,1),NORMAL\n"
		       "flow add table=1,tcp,actions=learn(table=2,hard_timeout=1,eth_type=0x800,"
		       "nw_proto=6,NXM_OF_TCP_DST[])");
	make_megaflows(c, "NORMAL");
	revalidate_all(c->d.revalidator);
	finish(c, "all of them, nothing has changed");
	revalidate_macs_changed(c->d.revalidator);
	finish(c, "learned addresses changed");
	end(c);
}

int main(int argc, char **argv)
{
	measure_pipeline(argc > 1 ? atoi(argv[1]) : 1);
	measure_normal();
	return 0;
}
