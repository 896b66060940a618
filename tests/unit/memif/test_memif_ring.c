// Frames through rings, and what a peer may do to a ring.
#include "tests/unit/memif/wires.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#define LOG2_SIZE 6
#define SIZE	  (1u << LOG2_SIZE)

static const struct memif_layout small = {1, 1, LOG2_SIZE, 256}, usual = {1, 1, LOG2_SIZE, 2048};

static uint8_t byte_of(uint32_t i, uint32_t seed)
{
	return (uint8_t)(i * 7 + seed);
}

// A frame of segments of seg_len bytes at most.
static struct rte_mbuf *frame(uint32_t len, uint32_t seed, uint32_t seg_len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool()), *last = m;
	assert_non_null(m);
	for (uint32_t i = 0; i < len; i++) {
		if (last->data_len == seg_len) {
			last->next = rte_pktmbuf_alloc(packet_pool());
			last = last->next;
			m->nb_segs++;
		}
		rte_pktmbuf_mtod(last, uint8_t *)[last->data_len++] = byte_of(i, seed);
	}
	m->pkt_len = len;
	return m;
}

static void is_frame(const struct rte_mbuf *m, uint32_t len, uint32_t seed)
{
	uint8_t bytes[FRAME_MAX];
	assert_int_equal(rte_pktmbuf_pkt_len(m), len);
	assert_int_equal(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
	const uint8_t *read = rte_pktmbuf_read(m, 0, len, bytes);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(read[i], byte_of(i, seed));
}

static void send_one(struct memif_ring *tx, uint32_t len, uint32_t seed, uint32_t seg_len)
{
	struct rte_mbuf *m = frame(len, seed, seg_len);
	assert_int_equal(memif_ring_tx(tx, &m, 1), 1);
	rte_pktmbuf_free(m);
}

static void receive_one(struct memif_ring *rx, uint32_t len, uint32_t seed)
{
	struct rte_mbuf *m;
	assert_int_equal(memif_ring_rx(rx, &m, 1), 1);
	is_frame(m, len, seed);
	rte_pktmbuf_free(m);
}

// Both directions, each of another kind of ring.
static void both_ways(const struct wires *w,
		      void (*check)(struct memif_ring *tx, struct memif_ring *rx))
{
	check(&w->client->tx[0], &w->server->rx[0]);
	check(&w->server->tx[0], &w->client->rx[0]);
}

static void pass_any_length(struct memif_ring *tx, struct memif_ring *rx)
{
	static const uint32_t lens[] = {14,   15,   60,	  64,	255,  256,	257,
					1514, 2047, 2048, 2049, 9014, FRAME_MAX};
	for (uint32_t i = 0; i < 20 * RTE_DIM(lens); i++) {
		uint32_t len = lens[i % RTE_DIM(lens)];
		send_one(tx, len, i, i % 3 == 0 ? 100 : 2048);
		receive_one(rx, len, i);
	}
}

static void frames_of_any_length_arrive_as_they_were(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct wires w = wires_make(i ? &usual : &small);
		both_ways(&w, pass_any_length);
		wires_unmake(&w);
	}
}

static void pass_bursts(struct memif_ring *tx, struct memif_ring *rx)
{
	struct rte_mbuf *sent[SIZE + 1], *got[BURST_MAX];
	for (uint32_t lap = 0; lap < 5; lap++) {
		for (uint32_t i = 0; i <= SIZE; i++)
			sent[i] = frame(60 + i, i, 2048);
		assert_int_equal(memif_ring_tx(tx, sent, SIZE + 1), SIZE); // and no more
		assert_int_equal(memif_ring_tx(tx, sent + SIZE, 1), 0);
		rte_pktmbuf_free_bulk(sent, SIZE + 1);
		for (uint32_t i = 0; i < SIZE; i += BURST_MAX) {
			assert_int_equal(memif_ring_rx(rx, got, BURST_MAX), BURST_MAX);
			for (uint32_t j = 0; j < BURST_MAX; j++)
				is_frame(got[j], 60 + i + j, i + j);
			rte_pktmbuf_free_bulk(got, BURST_MAX);
		}
		assert_int_equal(memif_ring_rx(rx, got, BURST_MAX), 0);
		send_one(tx, 60, 0, 2048); // so that laps begin elsewhere
		receive_one(rx, 60, 0);
	}
}

static void a_full_ring_takes_no_more_and_loses_nothing(void **state)
{
	(void)state;
	struct wires w = wires_make(&usual);
	both_ways(&w, pass_bursts);
	wires_unmake(&w);
}

static void starve(struct memif_ring *tx, struct memif_ring *rx)
{
	static struct rte_mbuf *all[4096];
	struct rte_mbuf *m;
	unsigned n = 0;
	send_one(tx, 60, 1, 2048);
	send_one(tx, 5000, 2, 2048);
	while (n < RTE_DIM(all) && (all[n] = rte_pktmbuf_alloc(packet_pool())))
		n++;
	assert_int_equal(memif_ring_rx(rx, &m, 1), 0);
	rte_pktmbuf_free(all[--n]);
	receive_one(rx, 60, 1);
	assert_int_equal(memif_ring_rx(rx, &m, 1), 0); // it takes three
	rte_pktmbuf_free_bulk(all, n);
	receive_one(rx, 5000, 2);
}

static void frames_wait_while_there_are_no_packet_buffers(void **state)
{
	(void)state;
	struct wires w = wires_make(&usual);
	both_ways(&w, starve);
	wires_unmake(&w);
}

// Whatever the sender wrote: descriptors of these lengths and flags from where the receiver is.
static void lie(struct memif_ring *rx, const uint32_t (*descs)[2], uint16_t n)
{
	struct memif_shared_ring *shared = rx->shared;
	uint16_t *index = rx->client ? &shared->tail : &shared->head;
	for (uint16_t i = 0; i < n; i++) {
		struct memif_desc *desc = &shared->desc[(rx->pos + i) % SIZE];
		desc->length = descs[i][0];
		desc->flags = (uint16_t)descs[i][1];
	}
	*index = (uint16_t)(rx->pos + n);
}

static void drop_malformed(struct memif_ring *tx, struct memif_ring *rx)
{
	static const uint32_t short_one[][2] = {{13, 0}}, empty[][2] = {{0, 0}},
			      empty_chain[][2] = {{0, MEMIF_DESC_NEXT}, {0, 0}},
			      endless[][2] = {{60, MEMIF_DESC_NEXT}, {60, MEMIF_DESC_NEXT}};
	uint32_t too_long[6][2];
	struct rte_mbuf *m;
	for (unsigned i = 0; i < 6; i++) {
		too_long[i][0] = 2048;
		too_long[i][1] = i < 5 ? MEMIF_DESC_NEXT : 0;
	}
	const struct {
		const uint32_t (*descs)[2];
		uint16_t n;
	} rows[] = {{short_one, 1},
		    {empty, 1},
		    {empty_chain, 2},
		    {endless, 2},
		    {(const uint32_t(*)[2])too_long, 6}};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		uint16_t pos = rx->pos;
		lie(rx, rows[i].descs, rows[i].n);
		assert_int_equal(memif_ring_rx(rx, &m, 1), 0);
		assert_int_equal(rx->n_malformed, i + 1);
		assert_int_equal(rx->pos, (uint16_t)(pos + rows[i].n)); // given back
		assert_int_equal(rx->fault, MEMIF_FAULT_NONE);
	}
	// It goes on where the liar had come to.
	tx->pos = rx->pos;
	send_one(tx, 60, 5, 2048);
	receive_one(rx, 60, 5);
}

static void malformed_frames_are_counted_and_the_ring_goes_on(void **state)
{
	(void)state;
	struct wires w = wires_make(&usual);
	for (unsigned i = 0; i < SIZE; i++) // so that a client's descriptors may be filled
		w.client->tx[0].shared->desc[i].length = 2048;
	both_ways(&w, drop_malformed);
	wires_unmake(&w);
}

// What a peer may write that ends it.
struct hostility {
	const char *name;
	void (*act)(struct memif_shared_ring *shared);
	enum memif_fault fault;
};

static void run_head(struct memif_shared_ring *s)
{
	s->head = SIZE + 1;
}
static void run_head_back(struct memif_shared_ring *s)
{
	s->head = UINT16_MAX;
}
static void run_tail(struct memif_shared_ring *s)
{
	s->tail = SIZE + 1;
}
static void run_tail_back(struct memif_shared_ring *s)
{
	s->tail = 32768;
}
static void name_region(struct memif_shared_ring *s)
{
	s->head = 1, s->desc[0].region = 1;
}
static void name_far_region(struct memif_shared_ring *s)
{
	s->head = 1, s->desc[0].region = UINT16_MAX;
}
static void leave_region(struct memif_shared_ring *s)
{
	s->head = 1, s->desc[0].offset = UINT32_MAX;
}
static void end_beyond(struct memif_shared_ring *s)
{
	s->head = 1, s->desc[0].length = 1u << 20;
}
static void wrap_around(struct memif_shared_ring *s)
{
	s->head = 1;
	s->desc[0].offset = UINT32_MAX - 15;
	s->desc[0].length = 16 + 60;
}
static void lie_in_chain(struct memif_shared_ring *s)
{
	s->head = 2;
	s->desc[0].length = 60;
	s->desc[0].flags = MEMIF_DESC_NEXT;
	s->desc[1].region = 9;
}
static void offer_no_room(struct memif_shared_ring *s)
{
	s->head = 1, s->desc[0].length = 0;
}
static void fill_beyond(struct memif_shared_ring *s)
{
	s->tail = 1, s->desc[0].length = 2049;
}

static void end(const struct hostility *h, struct memif_ring *ring, bool is_rx,
		struct memif_wire *wire)
{
	struct rte_mbuf *m = frame(60, 1, 2048);
	unsigned in_use = rte_mempool_in_use_count(packet_pool());
	struct rte_mbuf *got;
	h->act(ring->shared);
	for (unsigned i = 0; i < 2; i++) { // and so it stays
		assert_int_equal(is_rx ? memif_ring_rx(ring, &got, 1) : memif_ring_tx(ring, &m, 1),
				 0);
		if (memif_wire_fault(wire) != h->fault)
			fail_msg("%s: \"%s\"", h->name, memif_fault_text(memif_wire_fault(wire)));
	}
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), in_use - 1);
}

static void a_peer_that_breaks_a_rule_ends_its_link(void **state)
{
#define H(act, fault)                          \
	{                                      \
#act, act, MEMIF_FAULT_##fault \
	}
	static const struct hostility
	    to_server_rx[] = {H(run_head, INDEX),      H(run_head_back, INDEX),
			      H(name_region, REGION),  H(name_far_region, REGION),
			      H(leave_region, BUFFER), H(end_beyond, BUFFER),
			      H(wrap_around, BUFFER),  H(lie_in_chain, REGION)},
	    to_server_tx[] = {H(run_head, INDEX),     H(run_head_back, INDEX),
			      H(name_region, REGION), H(leave_region, BUFFER),
			      H(end_beyond, BUFFER),  H(wrap_around, BUFFER),
			      H(offer_no_room, EMPTY)},
	    to_client_rx[] = {H(run_tail, INDEX), H(run_tail_back, INDEX), H(fill_beyond, BUFFER)},
	    to_client_tx[] = {H(run_tail, INDEX), H(run_tail_back, INDEX)};
	static const struct {
		const struct hostility *rows;
		unsigned n;
		bool server, rx;
	} tables[] = {{to_server_rx, RTE_DIM(to_server_rx), true, true},
		      {to_server_tx, RTE_DIM(to_server_tx), true, false},
		      {to_client_rx, RTE_DIM(to_client_rx), false, true},
		      {to_client_tx, RTE_DIM(to_client_tx), false, false}};
	(void)state;
	for (unsigned t = 0; t < RTE_DIM(tables); t++) {
		for (unsigned i = 0; i < tables[t].n; i++) {
			struct wires w = wires_make(&usual);
			struct memif_wire *wire = tables[t].server ? w.server : w.client;
			end(&tables[t].rows[i], tables[t].rx ? &wire->rx[0] : &wire->tx[0],
			    tables[t].rx, wire);
			wires_unmake(&w);
		}
	}
}

// A server may write where a client's buffers are said to be: the client knows better.
static void a_client_believes_nobody_where_its_buffers_are(void **state)
{
	(void)state;
	struct wires w = wires_make(&usual);
	struct memif_ring *rx = &w.client->rx[0];
	send_one(&w.server->tx[0], 60, 3, 2048);
	rx->shared->desc[0].offset = UINT32_MAX;
	rx->shared->desc[0].region = 77;
	receive_one(rx, 60, 3);
	assert_int_equal(rx->shared->desc[0].region, 0); // and says so
	wires_unmake(&w);
}

// Any bytes, at any moment, from a peer that does not care: nothing beyond its own link breaks.
static void scribbles_harm_nobody(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned round = 0; round < 300; round++) {
		struct wires w = wires_make(&usual);
		struct memif_wire *wire = round % 2 ? w.client : w.server;
		uint8_t *base = wire->regions.regions[0].addr;
		for (unsigned i = 0; i < 60 && !memif_wire_fault(wire); i++) {
			struct rte_mbuf *m[2] = {frame(60, 1, 2048), frame(3000, 1, 2048)},
					*got[BURST_MAX];
			size_t at = (size_t)random() % memif_ring_bytes(LOG2_SIZE) * 2;
			wire->rx[0].shared->head = (uint16_t)(wire->rx[0].pos + random() % SIZE);
			wire->rx[0].shared->tail = (uint16_t)(wire->rx[0].pos + random() % SIZE);
			for (unsigned n = 0; n < 3; n++)
				base[at + n] = (uint8_t)random();
			rte_pktmbuf_free_bulk(got, memif_ring_rx(&wire->rx[0], got, BURST_MAX));
			memif_ring_tx(&wire->tx[0], m, 2);
			rte_pktmbuf_free_bulk(m, 2);
		}
		wires_unmake(&w);
	}
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

static void a_receiver_that_sleeps_is_woken_once_a_burst(void **state)
{
	(void)state;
	struct wires w = wires_make(&usual);
	struct memif_ring *tx = &w.server->tx[0];
	struct rte_mbuf *m[2] = {frame(60, 1, 2048), frame(60, 2, 2048)};
	uint64_t count;
	int fd = w.client->rx[0].kick_fd; // does not block
	read(fd, &count, sizeof(count));  // that of its check
	assert_int_equal(memif_ring_tx(tx, m, 2), 2);
	assert_int_equal(read(fd, &count, sizeof(count)), -1); // it polls
	tx->shared->flags = 0;
	assert_int_equal(memif_ring_tx(tx, m, 2), 2);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	rte_pktmbuf_free_bulk(m, 2);
	wires_unmake(&w);
}

static int setup(void **state)
{
	(void)state;
	return eal_begin();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_of_any_length_arrive_as_they_were),
	    cmocka_unit_test(a_full_ring_takes_no_more_and_loses_nothing),
	    cmocka_unit_test(frames_wait_while_there_are_no_packet_buffers),
	    cmocka_unit_test(malformed_frames_are_counted_and_the_ring_goes_on),
	    cmocka_unit_test(a_peer_that_breaks_a_rule_ends_its_link),
	    cmocka_unit_test(a_client_believes_nobody_where_its_buffers_are),
	    cmocka_unit_test(scribbles_harm_nobody),
	    cmocka_unit_test(a_receiver_that_sleeps_is_woken_once_a_burst),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
