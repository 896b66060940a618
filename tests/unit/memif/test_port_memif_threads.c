// The "memif" kind while poll-mode threads are in it.
#define _GNU_SOURCE // affinity
#include "datapath/port.h"
#include "memif/memif.h"
#include "memif/memif_conn.h"
#include "memif/memif_link.h"
#include "tests/unit/memif/memif_test.h"

#include <event2/event.h>

#include <pthread.h>
#include <rte_lcore.h>
#include <stdlib.h>

#define N_FRAMES 50000u // of each sender, at least

static char folder[] = "/tmp/test-memif-threads-XXXXXX";
static char path_option[80];
static struct event_base *base;
static struct rcu *rcu;
static struct port *server, *client;
static cpu_set_t cores; // all, of which EAL takes one for this thread

static struct port *add(const char *name, const char *role)
{
	char err[256] = "";
	struct port *port = NULL;
	struct port_config c = {.kind = "memif",
				.n_options = 2,
				.options = {{.key = "path"}, {.key = "role"}}};
	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.options[0].value, sizeof(c.options[0].value), "%s", path_option);
	snprintf(c.options[1].value, sizeof(c.options[1].value), "%s", role);
	if (port_add(0, &c, &port, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return port;
}

static void join(void)
{
	struct port_status status = {0};
	for (unsigned i = 0; i < 1000 && !status.link_up; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		client->kind->status(client, &status);
	}
	assert_true(status.link_up);
}

// A PMD: sends frames that carry its number and a count, and receives; until it is told to end.
struct pmd {
	pthread_t thread;
	struct port *to, *from;
	unsigned index;
	int reader;
	uint64_t n_rounds, n_sent, n_received;
	uint32_t n_wanted; // 0: until stop
	bool stop;
};

static void pmd_send(struct pmd *pmd)
{
	struct rte_mbuf *pkts[BURST_MAX];
	int reason;
	if (rte_pktmbuf_alloc_bulk(packet_pool(), pkts, BURST_MAX) < 0)
		return;
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		uint32_t words[] = {pmd->index, (uint32_t)pmd->n_sent + i};
		memset(rte_pktmbuf_append(pkts[i], 60), 0, 60);
		memcpy(rte_pktmbuf_mtod_offset(pkts[i], void *, 20), words, sizeof(words));
	}
	uint16_t n = pmd->to->kind->tx(pmd->to, pmd->index, pkts, BURST_MAX, &reason);
	packet_free_bulk(pkts + n, BURST_MAX - n);
	__atomic_store_n(&pmd->n_sent, pmd->n_sent + n, __ATOMIC_RELAXED);
}

static void *pmd_run(void *arg)
{
	struct pmd *pmd = arg;
	pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores);
	rte_thread_register();
	rcu_online(rcu, pmd->reader);
	while (!__atomic_load_n(&pmd->stop, __ATOMIC_RELAXED) &&
	       (!pmd->n_wanted || pmd->n_sent < pmd->n_wanted)) {
		struct rte_mbuf *pkts[BURST_MAX];
		if (pmd->to)
			pmd_send(pmd);
		if (pmd->from) {
			uint16_t n = pmd->from->kind->rx(pmd->from, 0, NULL, pkts, BURST_MAX);
			packet_free_bulk(pkts, n);
			pmd->n_received += n;
		}
		rcu_quiescent(rcu, pmd->reader);
		__atomic_store_n(&pmd->n_rounds, pmd->n_rounds + 1, __ATOMIC_RELAXED);
		if (pmd->n_rounds % 64 == 0) // processors may be fewer than threads
			sched_yield();
	}
	rcu_offline(rcu, pmd->reader);
	rte_thread_unregister();
	return NULL;
}

static void pmd_start(struct pmd *pmd)
{
	pmd->reader = rcu_reader_add(rcu);
	assert_int_equal(pthread_create(&pmd->thread, NULL, pmd_run, pmd), 0);
}

static void pmd_end(struct pmd *pmd)
{
	__atomic_store_n(&pmd->stop, true, __ATOMIC_RELAXED);
	pthread_join(pmd->thread, NULL);
	rcu_reader_del(rcu, pmd->reader);
}

static void senders_that_share_a_queue_lose_nothing(void **state)
{
	uint32_t next[2] = {0};
	struct pmd pmds[2] = {{.to = client, .index = 0, .n_wanted = N_FRAMES},
			      {.to = client, .index = 1, .n_wanted = N_FRAMES}};
	(void)state;
	ports_n_senders = 2;
	for (unsigned i = 0; i < 2; i++)
		pmd_start(&pmds[i]);
	while (next[0] < N_FRAMES || next[1] < N_FRAMES) {
		struct rte_mbuf *pkts[BURST_MAX];
		uint16_t n = server->kind->rx(server, 0, NULL, pkts, BURST_MAX);
		for (uint16_t i = 0; i < n; i++) {
			uint32_t words[2];
			memcpy(words, rte_pktmbuf_mtod_offset(pkts[i], void *, 20), sizeof(words));
			assert_true(words[0] < 2);
			assert_int_equal(words[1], next[words[0]]++); // in order, each once
		}
		packet_free_bulk(pkts, n);
		if (n == 0)
			sched_yield();
	}
	for (unsigned i = 0; i < 2; i++)
		pmd_end(&pmds[i]);
}

static void senders_that_may_meet_take_turns(void **state)
{
	struct memif_link *link = client->priv;
	struct pmd pmd = {.to = client, .n_wanted = 1};
	(void)state;
	ports_n_senders = 2;
	rte_spinlock_lock(&link->wire->tx[0].lock);
	pmd_start(&pmd);
	usleep(20000);
	uint64_t n_sent = __atomic_load_n(&pmd.n_sent, __ATOMIC_RELAXED);
	rte_spinlock_unlock(&link->wire->tx[0].lock);
	pmd_end(&pmd);
	assert_int_equal(n_sent, 0);
	ports_n_senders = 1; // alone, it does not look at the lock
	rte_spinlock_lock(&link->wire->tx[0].lock);
	pmd_send(&pmd);
	assert_true(pmd.n_sent > n_sent);
	rte_spinlock_unlock(&link->wire->tx[0].lock);
}

static void a_link_goes_and_comes_while_a_pmd_is_in_it(void **state)
{
	struct pmd pmd = {.to = server, .from = server};
	(void)state;
	pmd_start(&pmd);
	for (unsigned i = 0; i < 100; i++) {
		port_del(client);
		event_base_loop(base, EVLOOP_NONBLOCK);
		client = add("client", "client");
		join();
		uint64_t before = __atomic_load_n(&pmd.n_rounds, __ATOMIC_RELAXED);
		while (__atomic_load_n(&pmd.n_rounds, __ATOMIC_RELAXED) < before + 2)
			sched_yield(); // it is in the new one
	}
	pmd_end(&pmd);
}

static void *close_server(void *arg)
{
	struct memif_link *link = server->priv;
	memif_conn_close(link->conn, "test");
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELAXED);
	return NULL;
}

// This thread plays the PMD, another one the control thread.
static void a_link_stays_until_no_pmd_is_in_it(void **state)
{
	struct memif_link *link = server->priv;
	struct memif_wire *wire = link->wire;
	struct rte_mbuf *m;
	pthread_t thread;
	bool gone = false;
	(void)state;
	int reader = rcu_reader_add(rcu);
	rcu_online(rcu, reader);
	assert_int_equal(pthread_create(&thread, NULL, close_server, &gone), 0);
	while (__atomic_load_n(&link->wire, __ATOMIC_RELAXED))
		sched_yield();
	usleep(20000);
	bool held = !__atomic_load_n(&gone, __ATOMIC_RELAXED);
	if (held)
		assert_int_equal(memif_ring_rx(&wire->rx[0], &m, 1), 0);
	rcu_offline(rcu, reader);
	pthread_join(thread, NULL);
	rcu_reader_del(rcu, reader);
	assert_true(held);
}

static int setup(void **state)
{
	(void)state;
	server = add("server", "server");
	client = add("client", "client");
	join();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ports_fini();
	return 0;
}

static int start(void **state)
{
	(void)state;
	if (sched_getaffinity(0, sizeof(cores), &cores) < 0 || eal_begin() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path_option, sizeof(path_option), "%s/memif.sock", folder);
	base = event_base_new();
	rcu = rcu_create();
	ports_init(rcu);
	return base && rcu ? memif_start(base) : -1;
}

static int stop(void **state)
{
	(void)state;
	memif_stop();
	event_base_free(base);
	rcu_destroy(rcu);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(senders_that_share_a_queue_lose_nothing, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(senders_that_may_meet_take_turns, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_link_stays_until_no_pmd_is_in_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_link_goes_and_comes_while_a_pmd_is_in_it, setup,
					    teardown),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
