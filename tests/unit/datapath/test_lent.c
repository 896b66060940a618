// Lent packets on their way through the switch: whole at the other end, and used by nobody once
// they are given back.
#include "datapath/forward.h"

#include "fake_guest.h"
#include "pmd_fixture.h"

#define LEN 1000

static int guest_up(void **state)
{
	if (fixture_up(state) != 0)
		return -1;
	guest.n_done = 0;
	guest.head_copy = HEAD_COPY;
	for (uint32_t no = 1; no <= FIXTURE_PORTS; no++)
		fx.ports[no].port.kind = &guest_kind;
	fx.ports[4].port.kind = &fake_kind; // takes no lent packets
	fx.poll.rx = guest_rx;
	fx.poll.rx_done = guest_rx_done;
	return 0;
}

// A frame whose payload says which it is.
static struct rte_mbuf *frame(uint8_t id, uint32_t len)
{
	struct rte_mbuf *m = packet_udp(id, len);
	uint8_t *bytes = rte_pktmbuf_mtod(m, uint8_t *);

	for (uint32_t i = 42; i < len; i++)
		bytes[i] = (uint8_t)(id + i * 7);
	return m;
}

static void wants_bytes(const struct rte_mbuf *m, const uint8_t *bytes, uint32_t len)
{
	uint8_t room[2048];

	assert_non_null(m);
	assert_false(packet_is_lent(m));
	assert_int_equal(rte_pktmbuf_pkt_len(m), len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, len, room), bytes, len);
}

// What port `no` sent next is frame `id`, its first len bytes, with this first byte.
static void wants_frame(uint32_t no, uint8_t id, uint32_t len, uint8_t first)
{
	struct rte_mbuf *m = fake_port_sent(&fx.ports[no]), *want = frame(id, LEN);
	uint8_t *bytes = rte_pktmbuf_mtod(want, uint8_t *);

	bytes[0] = first;
	wants_bytes(m, bytes, len);
	rte_pktmbuf_free(want);
	rte_pktmbuf_free(m);
}

static void forward(unsigned n)
{
	unsigned done = guest.n_done;

	for (unsigned i = 0; i < n; i++)
		receive(frame((uint8_t)i, LEN));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), n);
	assert_int_equal(guest.n_done, done + 1);
}

static void one_output_carries_all_bytes(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	forward(32);
	for (uint8_t i = 0; i < 32; i++)
		wants_frame(2, i, LEN, 2);
	assert_int_equal(fx.pmd->stats.copies, 32);
	assert_int_equal(fx.pmd->ports[2].tx_bytes, 32 * LEN);
	assert_int_equal(fx.pmd->ports[1].rx_bytes, 32 * LEN);
}

static void a_port_that_keeps_packets_gets_its_own(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(4)));
	forward(32);
	for (uint8_t i = 0; i < 32; i++)
		wants_frame(4, i, LEN, 2);
	assert_int_equal(fx.pmd->stats.copies, 32);
}

static void several_outputs_all_carry_all_bytes(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(4), OUTPUT(3), OUTPUT(2)));
	forward(8);
	for (uint8_t i = 0; i < 8; i++) {
		for (uint32_t no = 2; no <= 4; no++)
			wants_frame(no, i, LEN, 2);
		wants_frame(2, i, LEN, 2);
	}
	assert_int_equal(fx.pmd->stats.copies, 32);
}

static void a_change_between_outputs_leaves_the_earlier_alone(void **state)
{
	(void)state;
	install(0, 0,
		ACTIONS(OUTPUT(2), SET_DST(0x22), OUTPUT(3), OUTPUT(4), SET_DST(0x44), OUTPUT(2)));
	forward(16);
	for (uint8_t i = 0; i < 16; i++) {
		wants_frame(2, i, LEN, 2);
		wants_frame(2, i, LEN, 0x44);
		wants_frame(3, i, LEN, 0x22);
		wants_frame(4, i, LEN, 0x22);
	}
}

// More copies than the arena has heads.
static void copies_past_the_arena_are_the_switch_s_own(void **state)
{
	struct action list[20];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(list); i += 2) {
		list[i] = (struct action)SET_DST((uint8_t)i);
		list[i + 1] = (struct action)OUTPUT(2);
	}
	install(0, 0, actions_of(list, RTE_DIM(list)));
	forward(32);
	for (uint8_t i = 0; i < 32; i++)
		for (uint8_t j = 0; j < RTE_DIM(list); j += 2)
			wants_frame(2, i, LEN, j);
}

static void tags_go_on_and_off_between_outputs(void **state)
{
	struct action push = {.type = ACTION_PUSH_VLAN,
			      .u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x1007)}};
	struct action pop = {.type = ACTION_POP_VLAN};
	uint8_t tagged[LEN + 4];
	struct rte_mbuf *m;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), push, OUTPUT(3), pop, OUTPUT(4), push, pop, OUTPUT(2)));
	forward(1);
	wants_frame(2, 0, LEN, 2);
	wants_frame(2, 0, LEN, 2);
	wants_frame(4, 0, LEN, 2);
	m = frame(0, LEN);
	memcpy(tagged, rte_pktmbuf_mtod(m, uint8_t *), 12);
	memcpy(tagged + 12, "\x81\x00\x00\x07", 4);
	memcpy(tagged + 16, rte_pktmbuf_mtod(m, uint8_t *) + 12, LEN - 12);
	rte_pktmbuf_free(m);
	m = fake_port_sent(&fx.ports[3]);
	wants_bytes(m, tagged, LEN + 4);
	rte_pktmbuf_free(m);
}

static void truncation_cuts_one_output_only(void **state)
{
	const uint32_t lens[] = {14, 60, 127, 128, 129, 500, LEN - 1, LEN, LEN + 1};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(lens); i++) {
		struct megaflow *flow = install(0, 0,
						ACTIONS(OUTPUT(2), TRUNC(lens[i]), OUTPUT(3),
							OUTPUT(4), TRUNC(lens[i]), OUTPUT(2)));

		forward(2);
		for (uint8_t id = 0; id < 2; id++) {
			wants_frame(2, id, LEN, 2);
			wants_frame(2, id, RTE_MIN(lens[i], LEN), 2);
			wants_frame(3, id, RTE_MIN(lens[i], LEN), 2);
			wants_frame(4, id, LEN, 2);
		}
		flow_table_del(fx.flows, flow, NULL);
	}
}

static void what_recirculates_does_not_change_what_waits(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), RECIRC(5), OUTPUT(3), RECIRC(6)));
	install(5, 0, ACTIONS(SET_DST(0x55), OUTPUT(2), SET_DST(0x56), OUTPUT(4)));
	install(6, 0, ACTIONS(SET_DST(0x66), OUTPUT(3)));
	forward(4);
	for (uint8_t i = 0; i < 4; i++) {
		wants_frame(2, i, LEN, 2);
		wants_frame(3, i, LEN, 2);
	}
	for (uint8_t i = 0; i < 4; i++) {
		wants_frame(2, i, LEN, 0x55);
		wants_frame(4, i, LEN, 0x56);
		wants_frame(3, i, LEN, 0x66);
	}
	assert_int_equal(fx.pmd->stats.recirculations, 8);
}

static void what_goes_up_is_a_copy(void **state)
{
	struct action up = {.type = ACTION_USERSPACE, .u.userspace = {.pid = 9}};
	struct rte_mbuf *m, *want;

	(void)state;
	forward(2); // a miss
	install(0, 0, ACTIONS(up, SET_DST(0x22), up, OUTPUT(2)));
	forward(1);
	wants_frame(2, 0, LEN, 0x22);
	for (uint8_t i = 0; i < 4; i++) {
		want = frame(i < 2 ? i : 0, LEN);
		if (i == 3)
			*rte_pktmbuf_mtod(want, uint8_t *) = 0x22;
		assert_int_equal(upcall_drain(&m, 1, true), 1);
		wants_bytes(m, rte_pktmbuf_mtod(want, uint8_t *), LEN);
		assert_int_equal(packet_meta(m)->is_action, i >= 2);
		assert_int_equal(packet_meta(m)->in_port, 1);
		assert_int_equal(packet_meta(m)->layout.l4_ofs, 34);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(want);
	}
	assert_int_equal(fx.pmd->stats.copies, 5);
}

static void what_is_dropped_is_given_back(void **state)
{
	struct action set = {.type = ACTION_SET_IPV6};

	(void)state;
	upcall_set_attached(false);
	forward(3);
	assert_int_equal(drops_of(1, DROP_NO_CONTROLLER), 3);
	install(0, 1, ACTIONS(set, OUTPUT(2)));
	install(0, 3, flow_actions_alloc(0));
	receive(frame(1, LEN));
	receive(frame(3, LEN));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 2);
	assert_int_equal(drops_of(1, DROP_FLOW_DROP) + drops_of(1, DROP_ACTION_INVALID), 2);
	fx.ports[2].room = 0;
	fx.ports[4].room = 0;
	install(5, 0, ACTIONS(OUTPUT(2), OUTPUT(4), OUTPUT(77)));
	install(0, 2, ACTIONS(RECIRC(5)));
	receive(frame(2, LEN));
	receive(packet_make("short", 5));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 2);
	assert_int_equal(guest.n_done, 3);
	assert_int_equal(drops_of(2, DROP_TX_FULL), 1);
	assert_int_equal(drops_of(4, DROP_TX_FULL), 1);
	assert_int_equal(drops_of(1, DROP_NO_PORT), 1);
	assert_int_equal(drops_of(1, DROP_MALFORMED), 1);
	receive(packet_make("short", 5)); // alone
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
	assert_int_equal(guest.n_done, 4);
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 0); // nothing: nothing to give back
	assert_int_equal(guest.n_done, 4);
}

static void a_copy_that_finds_no_buffer_is_counted(void **state)
{
	static struct rte_mbuf *hoard[4096];
	unsigned n = 0;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(4), OUTPUT(77)));
	receive(frame(0, LEN));
	while ((hoard[n] = rte_pktmbuf_alloc(packet_pool())))
		n++;
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
	rte_pktmbuf_free_bulk(hoard, n);
	assert_int_equal(drops_of(1, DROP_NO_MEMORY), 1);
	assert_int_equal(fx.pmd->ports[4].tx_packets, 0);
	assert_int_equal(fx.pmd->ports[4].tx_bytes, 0);
}

// IPv6 with extension headers, whose ports lie past what was copied to the head at first.
static void headers_past_the_head_are_pulled(void **state)
{
	uint8_t bytes[400] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60};
	uint8_t *ext = bytes + 54;

	(void)state;
	bytes[18] = (sizeof bytes - 54) >> 8;
	bytes[19] = (uint8_t)(sizeof bytes - 54);
	bytes[20] = 60; // destination options, of 160 bytes
	ext[0] = 17;
	ext[1] = 19;
	ext[160 + 1] = 77; // UDP source port
	for (unsigned i = 230; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	install(0, 77, ACTIONS(SET_DST(0x22), OUTPUT(2)));
	for (guest.head_copy = 60; guest.head_copy <= HEAD_COPY; guest.head_copy += 4) {
		struct rte_mbuf *m;

		receive(packet_make_cut(bytes, sizeof bytes, 90));
		assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
		m = fake_port_sent(&fx.ports[2]);
		bytes[0] = 0x22;
		wants_bytes(m, bytes, sizeof bytes);
		bytes[0] = 2;
		rte_pktmbuf_free(m);
	}
}

// Packets with these numbers of tags lose them all, so that the head gets shorter and has to be
// filled up again.
static void a_pile_of_tags_comes_off(void **state)
{
	struct action list[42];
	uint8_t bytes[600];

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		list[i] = (struct action){.type = ACTION_POP_VLAN};
	list[20] = (struct action)OUTPUT(2);
	list[40] = (struct action)SET_DST(0x22);
	list[41] = (struct action)OUTPUT(3);
	install(0, 0, actions_of(list, RTE_DIM(list)));
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 3);
	bytes[0] = 2;
	for (unsigned i = 0; i < 39; i++)
		memcpy(bytes + 12 + 4 * i, "\x81\x00\x00\x01", 4);
	for (unsigned round = 0; round < 2; round++) { // heads and segments are used again
		uint8_t want[600];
		struct rte_mbuf *m;

		receive(packet_make_cut(bytes, sizeof bytes, 150));
		assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
		m = fake_port_sent(&fx.ports[2]);
		memcpy(want, bytes, 12);
		memcpy(want + 12, bytes + 12 + 80, sizeof bytes - 80 - 12);
		wants_bytes(m, want, sizeof bytes - 80);
		rte_pktmbuf_free(m);
		m = fake_port_sent(&fx.ports[3]);
		want[0] = 0x22;
		memcpy(want + 12, bytes + 12 + 156, sizeof bytes - 156 - 12);
		wants_bytes(m, want, sizeof bytes - 156);
		rte_pktmbuf_free(m);
		forward(1); // leaves no trace of the former in heads and segments
		wants_frame(2, 0, LEN, 2);
		wants_frame(3, 0, LEN, 0x22);
	}
}

// Flows of every kind in one burst, and the order within each flow.
static void flows_mix(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	install(0, 1, ACTIONS(OUTPUT(2)));
	install(0, 2, ACTIONS(OUTPUT(3), SET_DST(0x22), OUTPUT(4)));
	install(0, 3, ACTIONS(TRUNC(100), OUTPUT(2)));
	for (uint8_t i = 0; i < 32; i++)
		receive(frame(i % 4, LEN));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 32);
	for (unsigned i = 0; i < 8; i++)
		wants_frame(2, 1, LEN, 2);
	for (unsigned i = 0; i < 8; i++) {
		wants_frame(3, 2, LEN, 2);
		wants_frame(4, 2, LEN, 0x22);
		wants_frame(2, 3, 100, 2);
		assert_int_equal(upcall_drain(&m, 1, true), 1);
		rte_pktmbuf_free(m);
	}
}

static void own_packets_go_the_same_way(void **state)
{
	(void)state;
	fx.poll.rx = fake_rx;
	fx.poll.rx_done = NULL;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(4), RECIRC(5), SET_DST(0x22), OUTPUT(3)));
	install(5, 0, ACTIONS(SET_DST(0x55), TRUNC(200), OUTPUT(3), OUTPUT(2)));
	for (uint8_t i = 0; i < 8; i++)
		receive(frame(i, LEN));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 8);
	for (uint8_t i = 0; i < 8; i++) {
		wants_frame(2, i, LEN, 2);
		wants_frame(4, i, LEN, 2);
		wants_frame(3, i, LEN, 0x22);
	}
	for (uint8_t i = 0; i < 8; i++) {
		wants_frame(3, i, 200, 0x55);
		wants_frame(2, i, LEN, 0x55);
	}
}

static void stages_are_measured_on_a_sample(void **state)
{
	struct pmd_stats *stats = &fx.pmd->stats;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	for (unsigned i = 0; i < 100; i++) {
		forward(4);
		assert_sent(2, 4);
		forward_rx(fx.pmd, &fx.poll); // nothing there
	}
	// One burst in 10 to 25.
	assert_in_range(stats->stage_packets, 4 * 4, 10 * 4);
	for (unsigned i = 0; i < N_PMD_STAGES; i++)
		assert_true(stats->stage_cycles[i] > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, guest_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(one_output_carries_all_bytes),
	    T(a_port_that_keeps_packets_gets_its_own),
	    T(several_outputs_all_carry_all_bytes),
	    T(a_change_between_outputs_leaves_the_earlier_alone),
	    T(copies_past_the_arena_are_the_switch_s_own),
	    T(tags_go_on_and_off_between_outputs),
	    T(truncation_cuts_one_output_only),
	    T(what_recirculates_does_not_change_what_waits),
	    T(what_goes_up_is_a_copy),
	    T(what_is_dropped_is_given_back),
	    T(a_copy_that_finds_no_buffer_is_counted),
	    T(headers_past_the_head_are_pulled),
	    T(a_pile_of_tags_comes_off),
	    T(flows_mix),
	    T(own_packets_go_the_same_way),
	    T(stages_are_measured_on_a_sample),
	};

	return run_on_each_isa(tests, RTE_DIM(tests));
}
