// What two PMDs do to one connection at once: each end's packets come through one of them.
#include "ct_fixture.h"

#include "datapath/ct_payload.h"
#include "datapath/ct_proto.h"

#include <pthread.h>
#include <sched.h>

#define ISN_A  1000u
#define ISN_B  5000000u
#define ROUNDS 3000u

// A segment of a connection, as the table finds it.
static void segment_make(struct ct_packet *p, const struct tcp_spec *spec, struct ct_conn *conn)
{
	struct frame f = tcp(spec);

	*p = (struct ct_packet){.m = mbuf_of(&f)};
	assert_true(ct_packet_read(p, 0, CT_ZONE));
	p->conn = conn;
	p->dir = spec->from_b ? CT_REPLY : CT_ORIG;
}

static struct ct_conn *opened(void)
{
	const struct tcp_spec steps[] = {
	    {.flags = F_SYN, .seq = ISN_A},
	    {.from_b = true, .flags = F_SYN | F_ACK, .seq = ISN_B, .ack = ISN_A + 1},
	    {.flags = F_ACK, .seq = ISN_A + 1, .ack = ISN_B + 1},
	    {.from_b = true, .flags = F_ACK, .seq = ISN_B + 1, .ack = ISN_A + 1},
	};

	for (unsigned i = 0; i < RTE_DIM(steps); i++)
		assert_int_not_equal(track(&ct_commit, tcp(&steps[i])), INV | TRK);
	return ct_table_slot(0);
}

// A thread that lets a segment through again and again, in rounds.
static struct sender {
	struct ct_packet p;
	uint32_t now;
	uint32_t round, begun, done; // atomic
	bool stop;		     // atomic: of a round
} sender;

static uint32_t get(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void await(const uint32_t *word, uint32_t value)
{
	while (get(word) != value)
		sched_yield();
}

static void *sender_main(void *arg)
{
	(void)arg;
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		await(&sender.round, round);
		set(&sender.begun, round);
		do
			ct_proto_tcp.update(&sender.p, sender.now, false);
		while (!__atomic_load_n(&sender.stop, __ATOMIC_ACQUIRE));
		set(&sender.done, round);
	}
	return NULL;
}

static void round_begin(uint32_t round)
{
	__atomic_store_n(&sender.stop, false, __ATOMIC_RELAXED);
	set(&sender.round, round);
	await(&sender.begun, round);
	// Not always at the same place of the other's way.
	for (volatile uint32_t i = 0; i < round % 64; i++)
		;
}

static void round_end(uint32_t round)
{
	__atomic_store_n(&sender.stop, true, __ATOMIC_RELEASE);
	await(&sender.done, round);
}

// What a connection is before each round.
static void conn_reset(struct ct_conn *conn, const struct ct_conn *as)
{
	memcpy(conn->tcp, as->tcp, sizeof conn->tcp);
	conn->timeout = as->timeout;
	conn->expires = as->expires;
}

static void a_reset_counts_whatever_the_other_end_sends_meanwhile(void **state)
{
	const struct tcp_spec rst_spec = {.flags = F_RST, .seq = ISN_A + 1};
	const struct tcp_spec data = {
	    .from_b = true, .flags = F_ACK, .seq = ISN_B + 1, .ack = ISN_A + 1, .payload = 100};
	struct ct_conn *conn = opened(), as = *conn;
	struct ct_packet rst;
	uint32_t n_lost = 0;
	pthread_t thread;

	(void)state;
	sender = (struct sender){.now = ct_time(fx.pmd->now_ms) + 9};
	segment_make(&rst, &rst_spec, conn);
	segment_make(&sender.p, &data, conn);
	assert_int_equal(pthread_create(&thread, NULL, sender_main, NULL), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		conn_reset(conn, &as);
		round_begin(round);
		assert_int_equal(ct_proto_tcp.update(&rst, sender.now, false), CT_VALID);
		round_end(round);
		n_lost += conn->tcp[CT_ORIG].state != CT_TCP_TIME_WAIT ||
			  conn->tcp[CT_REPLY].state != CT_TCP_TIME_WAIT ||
			  conn->timeout != CT_TIMEOUT_TCP_CLOSE ||
			  conn->expires != ct_timeout_end(conn, CT_TIMEOUT_TCP_CLOSE, sender.now);
	}
	pthread_join(thread, NULL);
	packet_free(rst.m);
	packet_free(sender.p.m);
	assert_int_equal(n_lost, 0);
}

// Each end's numbers go forth only, while both send.
static void no_end_forgets_what_the_other_has_admitted(void **state)
{
	struct tcp_spec ack_spec = {.flags = F_ACK, .seq = ISN_A + 1, .ack = ISN_B + 1};
	const struct tcp_spec data = {
	    .from_b = true, .flags = F_ACK, .seq = ISN_B + 1, .ack = ISN_A + 1, .payload = 100};
	struct ct_conn *conn = opened(), as = *conn;
	struct ct_packet ack;
	uint32_t n_lost = 0;
	pthread_t thread;

	(void)state;
	ack_spec.win = 2 * TCP_WINDOW;
	sender = (struct sender){.now = ct_time(fx.pmd->now_ms)};
	segment_make(&ack, &ack_spec, conn);
	segment_make(&sender.p, &data, conn);
	assert_int_equal(pthread_create(&thread, NULL, sender_main, NULL), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		conn_reset(conn, &as);
		round_begin(round);
		assert_int_equal(ct_proto_tcp.update(&ack, sender.now, false), CT_VALID);
		round_end(round);
		n_lost += conn->tcp[CT_REPLY].seq_hi != ISN_B + 1 + 2 * TCP_WINDOW ||
			  conn->tcp[CT_REPLY].seq_lo != ISN_B + 101 ||
			  conn->tcp[CT_ORIG].max_win != 2 * TCP_WINDOW;
	}
	pthread_join(thread, NULL);
	packet_free(ack.m);
	packet_free(sender.p.m);
	assert_int_equal(n_lost, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ct_up, ct_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_reset_counts_whatever_the_other_end_sends_meanwhile),
	    TEST(no_end_forgets_what_the_other_has_admitted),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
