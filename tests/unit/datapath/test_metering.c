// METER actions on packets.
#include "datapath/metering.h"

#include "datapath/edit.h"
#include "datapath/execute.h"
#include "datapath/meter.h"
#include "datapath/tx.h"
#include "frames.h"
#include "pmd_fixture.h"

#include <linux/virtio_net.h>

#define ID 3
#define METER(id)                                        \
	{                                                \
		.type = ACTION_METER, .u.meter_id = (id) \
	}

static int up(void **state)
{
	int err = fixture_up(state);

	meters_init(fx.rcu);
	return err;
}

static int down(void **state)
{
	meters_fini();
	return fixture_down(state);
}

// A meter of packets that lets `burst` pass before its one band acts. No client may set a rate of
// 0; here it keeps a test that is held up from getting another packet through.
static void set(uint32_t id, uint32_t burst, struct dp_meter_band band)
{
	struct dp_meter config = {.id = id, .n_bands = 1, .bands = {band}};

	config.bands[0].rate = 0;
	config.bands[0].burst = burst;
	assert_int_equal(meter_set(0, &config), 0);
}

static const struct dp_meter_band drop = {.type = OVS_METER_BAND_TYPE_DROP};

static struct dp_meter_band remark(uint8_t prec_level)
{
	return (struct dp_meter_band){.type = SWD_METER_BAND_TYPE_DSCP_REMARK,
				      .prec_level = prec_level};
}

static uint64_t packets_of(uint32_t id)
{
	struct dp_meter meter;

	assert_true(meter_read(0, id, &meter));
	return meter.packets;
}

// Runs actions on n packets of port 1, whose transport ports number them, and frees the actions.
static void run(struct flow_actions *actions, unsigned n)
{
	struct rte_mbuf *pkts[BURST_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct flow_key key;

		pkts[i] = packet_udp((uint16_t)i, 100);
		packet_meta(pkts[i])->in_port = 1;
		flow_extract(rte_pktmbuf_mtod(pkts[i], uint8_t *), 100, &key,
			     &packet_meta(pkts[i])->layout);
	}
	execute(fx.pmd, actions, pkts, n);
	tx_flush(fx.pmd);
	flow_actions_free(actions);
}

static void what_exceeds_a_drop_band_is_dropped_and_counted(void **state)
{
	(void)state;
	set(ID, 20, drop);
	run(ACTIONS(METER(ID), OUTPUT(2)), 32);
	assert_int_equal(drops_of(1, DROP_METER), 12);
	for (unsigned i = 0; i < 20; i++) { // the first ones, in their order
		struct rte_mbuf *m = fake_port_sent(&fx.ports[2]);

		assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[35], i);
		rte_pktmbuf_free(m);
	}
	assert_sent(2, 0);
	assert_int_equal(packets_of(ID), 32);
}

static void a_meter_is_for_what_comes_after_it(void **state)
{
	(void)state;
	set(ID, 5, drop);
	run(ACTIONS(OUTPUT(2), METER(ID), SET_DST(0x22), OUTPUT(3)), 32);
	assert_sent(2, 32);
	assert_sent(3, 5);
	assert_int_equal(drops_of(1, DROP_METER), 27);
}

static void a_second_meter_sees_what_the_first_let_pass(void **state)
{
	(void)state;
	set(ID, 10, drop);
	set(ID + 1, 4, drop);
	run(ACTIONS(METER(ID), METER(ID + 1), OUTPUT(2)), 32);
	assert_int_equal(packets_of(ID + 1), 10);
	assert_sent(2, 4);
}

static void a_list_without_output_is_measured_too(void **state)
{
	(void)state;
	set(ID, 10, drop);
	run(ACTIONS(METER(ID)), 32);
	assert_int_equal(packets_of(ID), 32);
	assert_int_equal(drops_of(1, DROP_METER), 22);
	assert_int_equal(drops_of(1, DROP_FLOW_DROP), 10);
}

static void packets_of_a_deleted_meter_pass(void **state)
{
	(void)state;
	set(ID, 1, drop);
	run(ACTIONS(METER(ID), OUTPUT(2)), 32);
	assert_sent(2, 1);
	assert_int_equal(meter_del(0, ID), 0);
	run(ACTIONS(METER(ID), OUTPUT(2)), 32);
	assert_sent(2, 32);
}

// The meter's copy: what was sent before stays as it was.
static void a_remark_changes_no_packet_that_went_out_before(void **state)
{
	struct frame f;
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 100};
	struct flow_actions *actions = ACTIONS(OUTPUT(2), METER(ID), OUTPUT(3));
	struct rte_mbuf *m;
	struct flow_key key;

	(void)state;
	set(ID, 1, remark(1));
	run(ACTIONS(METER(ID), OUTPUT(4)), 1); // the burst
	assert_sent(4, 1);
	frame_make(&f, &spec);
	f.b[f.l3 + 1] = 10 << 2;
	frame_fix(&f);
	m = packet_make(f.b, f.len);
	packet_meta(m)->in_port = 1;
	flow_extract(f.b, f.len, &key, &packet_meta(m)->layout);
	execute(fx.pmd, actions, &m, 1);
	tx_flush(fx.pmd);
	flow_actions_free(actions);
	m = fake_port_sent(&fx.ports[2]);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.len);
	rte_pktmbuf_free(m);
	m = fake_port_sent(&fx.ports[3]);
	f.b[f.l3 + 1] = 12 << 2;
	frame_fix(&f);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.len);
	rte_pktmbuf_free(m);
}

// What a DSCP becomes, by RFC 2597's table.
static uint8_t raised(uint8_t dscp, unsigned prec_level)
{
	static const uint8_t classes[4][3] = {{10, 12, 14},
					      {18, 20, 22},
					      {26, 28, 30},
					      {34, 36, 38}};

	for (unsigned c = 0; c < 4; c++) {
		for (unsigned p = 0; p < 3; p++) {
			if (classes[c][p] == dscp)
				return classes[c][RTE_MIN(p + prec_level, 2u)];
		}
	}
	return dscp;
}

static void tos_put(struct frame *f, uint8_t tos)
{
	if (f->v6) {
		f->b[f->l3] = (uint8_t)(0x60 | tos >> 4);
		f->b[f->l3 + 1] = (uint8_t)(tos << 4 | (f->b[f->l3 + 1] & 0xf));
	} else {
		f->b[f->l3 + 1] = tos;
	}
	frame_fix(f);
}

static void a_remark_raises_the_precedence_of_each_dscp(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256 * 3 * 2 * 3; i++) {
		uint8_t tos = (uint8_t)i;
		unsigned level = i / 256 % 3 + 1;
		struct frame_spec spec = {.v6 = i / 768 % 2,
					  .n_tags = i / 1536,
					  .proto = IPPROTO_UDP,
					  .payload = 50};
		struct frame f;
		struct flow_key key;
		struct rte_mbuf *m;

		frame_make(&f, &spec);
		tos_put(&f, tos);
		m = packet_make(f.b, f.len);
		flow_extract(f.b, f.len, &key, &packet_meta(m)->layout);
		assert_int_equal(edit_raise_precedence(&m, level), 0);
		tos_put(&f, (uint8_t)(raised(tos >> 2, level) << 2 | (tos & 3)));
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.len);
		rte_pktmbuf_free(m);
	}
}

static void a_remark_leaves_other_packets_alone(void **state)
{
	static const uint8_t arp[60] = {[12] = 8, [13] = 6}, cut[20] = {[12] = 8, [14] = 0x45};
	struct rte_mbuf *m;

	(void)state;
	m = packet_make(arp, sizeof arp);
	assert_int_equal(edit_raise_precedence(&m, 1), 0);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), arp, sizeof arp);
	rte_pktmbuf_free(m);
	m = packet_make(cut, sizeof cut);
	assert_int_equal(edit_raise_precedence(&m, 1), 0);
	rte_pktmbuf_free(m);
}

static void a_frame_to_be_segmented_counts_as_its_segments(void **state)
{
	struct flow_actions *actions = ACTIONS(METER(ID), OUTPUT(2));
	struct rte_mbuf *m = packet_udp(1, 1454);
	struct dp_meter now;

	(void)state;
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload = (struct packet_offload){.csum_offset = 16,
							  .gso_size = 500,
							  .gso_headers = 54,
							  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4};
	fx.ports[2].port.tx_offloads = PORT_TX_CSUM | PORT_TX_TSO4;
	set(ID, 100, drop);
	execute(fx.pmd, actions, &m, 1);
	tx_flush(fx.pmd);
	flow_actions_free(actions);
	assert_true(meter_read(0, ID, &now));
	assert_int_equal(now.packets, 3);
	assert_int_equal(now.bytes, 1454 + 2 * 54);
	assert_sent(2, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_exceeds_a_drop_band_is_dropped_and_counted),
	    T(a_meter_is_for_what_comes_after_it),
	    T(a_second_meter_sees_what_the_first_let_pass),
	    T(a_list_without_output_is_measured_too),
	    T(packets_of_a_deleted_meter_pass),
	    T(a_remark_changes_no_packet_that_went_out_before),
	    T(a_remark_raises_the_precedence_of_each_dscp),
	    T(a_remark_leaves_other_packets_alone),
	    T(a_frame_to_be_segmented_counts_as_its_segments),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
