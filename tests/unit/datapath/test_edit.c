#include "edit_check.h"

#include <arpa/inet.h>

// The sets under test: how the switch does it, and how a reference does it on the plain bytes.
static struct action set_eth = {.u.eth = {.dst = {{2, 0, 0, 0xaa, 0, 9}},
					  .dst_mask = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
					  .src = {{0, 0, 0, 0, 0, 0x05}},
					  .src_mask = {{0, 0, 0, 0, 0, 0x0f}}}};
static struct action set_ipv4;
static struct action set_ipv6;
static struct action set_ports;

static int setup(void **state)
{
	struct action_set_ipv6 *v6 = &set_ipv6.u.ipv6;

	set_ipv4.u.ipv4 = (struct action_set_ipv4){
	    .src_be = htonl(0xc0a80000),
	    .src_mask_be = htonl(0xffff0000),
	    .dst_be = htonl(0xcb007107),
	    .dst_mask_be = htonl(0xffffffff),
	    .tos = 0x20,
	    .tos_mask = 0xfc,
	    .ttl = 17,
	    .ttl_mask = 0xff,
	};
	memset(v6->src_mask.b, 0xff, 16);
	memcpy(v6->src.b, "\xfd\x00\x12\x34\0\0\0\0\0\0\0\0\0\0\0\x77", 16);
	memset(v6->dst_mask.b, 0xff, 8);
	memcpy(v6->dst.b, "\x20\x01\x48\x60\x48\x60\x00\x01", 8);
	v6->label_be = htonl(0x12345);
	v6->label_mask_be = htonl(0xfffff);
	v6->tclass = 0x40;
	v6->tclass_mask = 0xf0;
	v6->hlimit = 9;
	v6->hlimit_mask = 0xff;
	set_ports.u.ports = (struct action_set_ports){.src_be = htons(0x1100),
						      .src_mask_be = htons(0xff00),
						      .dst_be = htons(8080),
						      .dst_mask_be = 0xffff};
	return fake_eal_init(state);
}

static void ref_ipv4(struct frame *f)
{
	uint8_t *ip = f->b + f->l3;

	ip[1] = (uint8_t)(0x20 | (ip[1] & 3));
	ip[8] = 17;
	ip[12] = 0xc0;
	ip[13] = 0xa8;
	memcpy(ip + 16, &set_ipv4.u.ipv4.dst_be, 4);
	frame_fix(f);
}

static void ref_ipv6(struct frame *f)
{
	uint8_t *ip = f->b + f->l3;

	ip[0] = 0x64;
	ip[1] = (uint8_t)((ip[1] & 0xf0) | 0x1);
	ip[2] = 0x23;
	ip[3] = 0x45;
	ip[7] = 9;
	memcpy(ip + 8, set_ipv6.u.ipv6.src.b, 16);
	memcpy(ip + 24, set_ipv6.u.ipv6.dst.b, 8);
	frame_fix(f);
}

static void ref_ports(struct frame *f)
{
	f->b[f->l4] = 0x11;
	put16(f->b + f->l4 + 2, 8080);
	frame_fix(f);
}

static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
				 IPPROTO_ICMPV6};

// Calls fn with frames of all kinds of one IP version.
static void for_frames(bool v6, void (*fn)(const struct frame *f))
{
	for (unsigned p = 0; p < RTE_DIM(protos); p++) {
		if (protos[p] == (v6 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
			continue;
		for (unsigned i = 0; i < 3 * 2 * 2; i++) {
			struct frame_spec spec = {.v6 = v6,
						  .proto = protos[p],
						  .n_tags = i % 3,
						  .extensions = v6 && i / 3 % 2,
						  .payload = i / 6 ? 31 : 200};
			struct frame f;

			frame_make(&f, &spec);
			fn(&f);
		}
	}
}

static void check_eth(const struct frame *f)
{
	struct frame after = *f;

	memcpy(after.b, "\x02\x00\x00\xaa\x00\x09", 6);
	after.b[11] = (uint8_t)((after.b[11] & 0xf0) | 5);
	check_edit(edit_set_eth, &set_eth, f, &after);
}

static void check_ipv4(const struct frame *f)
{
	struct frame after = *f;

	ref_ipv4(&after);
	check_edit(edit_set_ipv4, &set_ipv4, f, &after);
}

static void check_ipv6(const struct frame *f)
{
	struct frame after = *f;

	ref_ipv6(&after);
	check_edit(edit_set_ipv6, &set_ipv6, f, &after);
}

static void check_ports(const struct frame *f)
{
	struct frame after = *f;

	set_ports.u.ports.proto = f->proto;
	if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6)
		set_ports.u.ports.proto = IPPROTO_TCP; // then nothing happens
	else
		ref_ports(&after);
	check_edit(edit_set_ports, &set_ports, f, &after);
}

static void sets_macs_under_mask(void **state)
{
	(void)state;
	for_frames(false, check_eth);
}

static void sets_ipv4_fields_with_all_checksums_right(void **state)
{
	(void)state;
	for_frames(false, check_ipv4);
}

static void sets_ipv6_fields_with_all_checksums_right(void **state)
{
	(void)state;
	for_frames(true, check_ipv6);
}

static void sets_ports_with_checksums_right(void **state)
{
	(void)state;
	for_frames(false, check_ports);
	for_frames(true, check_ports);
}

static void leaves_udp_without_checksum_without_one(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame_spec spec = {.v6 = v6,
					  .proto = IPPROTO_UDP,
					  .no_csum = true,
					  .payload = 9};
		struct frame f;

		frame_make(&f, &spec);
		assert_int_equal(get16(f.b + f.l4 + 6), 0);
		check_ports(&f);
		if (v6)
			check_ipv6(&f);
		else
			check_ipv4(&f);
	}
}

// Tries all ports: for one of them the sum comes out as 0, which UDP writes as 0xffff.
static void writes_udp_checksum_zero_as_ffff(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 9};
	struct action action = set_ports;
	unsigned n_ffff = 0;
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	action.u.ports = (struct action_set_ports){.dst_mask_be = 0xffff, .proto = IPPROTO_UDP};
	for (uint32_t port = 0; port < 65536; port++) {
		struct frame after = f;

		action.u.ports.dst_be = htons((uint16_t)port);
		put16(after.b + after.l4 + 2, port);
		frame_fix(&after);
		if (get16(after.b + after.l4 + 6) != 0xffff)
			continue;
		n_ffff++;
		check_edit(edit_set_ports, &action, &f, &after);
	}
	assert_int_equal(n_ffff, 1);
}

static void keeps_a_wrong_checksum_wrong(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 40};
	struct frame f, after;
	struct rte_mbuf *m;

	(void)state;
	frame_make(&f, &spec);
	f.b[f.len - 1] ^= 1; // damaged on the way
	after = f;
	ref_ipv4(&after);
	m = packet_of(&f, 512);
	assert_int_equal(edit_set_ipv4(&m, &set_ipv4), 0);
	assert_memory_not_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, f.l4 + 16),
				after.b + f.l4 + 16, 2);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, f.l3), after.b + f.l3, 20);
	rte_pktmbuf_free(m);
}

// A guest that leaves the checksum to the device puts the pseudo header's sum there.
static void keeps_a_checksum_that_is_left_to_the_receiver_partial(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 40};
	struct frame f, after;
	struct rte_mbuf *m;

	(void)state;
	frame_make(&f, &spec);
	put16(f.b + f.l4 + 16, sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
	after = f;
	ref_ports(&after);
	ref_ipv4(&after);
	put16(after.b + after.l4 + 16,
	      sum_bytes(pseudo_sum(&after, after.len - after.l4), NULL, 0));
	set_ports.u.ports.proto = IPPROTO_TCP;
	m = packet_of(&f, 512);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f.l4, .csum_offset = 16};
	assert_int_equal(edit_set_ipv4(&m, &set_ipv4), 0);
	assert_int_equal(edit_set_ports(&m, &set_ports), 0);
	assert_bytes(m, after.b, after.len);
	rte_pktmbuf_free(m);
}

// The checksum of a first fragment covers bytes that are in later ones.
static void sets_first_fragments_by_difference(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 200};
	struct frame whole, first, after;

	(void)state;
	frame_make(&whole, &spec);
	first = whole;
	first.len = first.l4 + 64;
	put16(first.b + first.l3 + 2, 20 + 64);
	put16(first.b + first.l3 + 6, 0x2000); // more fragments
	frame_fix_ipv4(&first);

	after = whole;
	ref_ipv4(&after);
	memcpy(after.b + after.l3 + 2, first.b + first.l3 + 2, 6);
	frame_fix_ipv4(&after);
	after.b[after.l3 + 8] = 17;
	after.len = first.len;
	frame_fix_ipv4(&after);
	check_edit(edit_set_ipv4, &set_ipv4, &first, &after);

	after = whole;
	ref_ports(&after);
	memcpy(after.b + after.l3, first.b + first.l3, 20);
	after.len = first.len;
	set_ports.u.ports.proto = IPPROTO_UDP;
	check_edit(edit_set_ports, &set_ports, &first, &after);
}

static void sets_no_ports_in_later_fragments(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 60};
	struct frame f, after;

	(void)state;
	frame_make(&f, &spec);
	put16(f.b + f.l3 + 6, 0x2007);
	frame_fix_ipv4(&f);
	set_ports.u.ports.proto = IPPROTO_TCP;
	check_edit(edit_set_ports, &set_ports, &f, &f);

	after = f;
	ref_ipv4(&after);
	memcpy(after.b + after.l4, f.b + f.l4, f.len - f.l4);
	check_edit(edit_set_ipv4, &set_ipv4, &f, &after);
}

static void sets_no_ports_in_later_ipv6_fragments(void **state)
{
	struct frame_spec spec = {.v6 = true, .proto = IPPROTO_UDP, .payload = 60};
	struct frame f, after;

	(void)state;
	frame_make(&f, &spec);
	// The first 8 bytes behind the IPv6 header become a fragment header.
	f.b[f.l3 + 6] = IPPROTO_FRAGMENT;
	memcpy(f.b + f.l4, "\x11\0\x01\x01\0\0\0\1", 8);
	set_ports.u.ports.proto = IPPROTO_UDP;
	check_edit(edit_set_ports, &set_ports, &f, &f);
	after = f;
	ref_ipv6(&after);
	memcpy(after.b + after.l4, f.b + f.l4, f.len - f.l4);
	check_edit(edit_set_ipv6, &set_ipv6, &f, &after);
}

// RFC 8200, 8.1: with segments left, the pseudo header holds the last address of the routing
// header.
static void leaves_the_destination_of_source_routed_packets_out_of_the_sum(void **state)
{
	struct frame_spec spec = {.v6 = true, .proto = IPPROTO_UDP, .payload = 60};
	struct action action = {0};
	struct frame f, after;

	(void)state;
	frame_make(&f, &spec);
	memmove(f.b + f.l4 + 24, f.b + f.l4, f.len - f.l4);
	memset(f.b + f.l4, 0, 24);
	f.b[f.l4] = IPPROTO_UDP;
	f.b[f.l4 + 1] = 2; // 24 bytes
	f.b[f.l4 + 3] = 1; // segments left
	f.b[f.l3 + 6] = IPPROTO_ROUTING;
	f.len += 24;
	put16(f.b + f.l3 + 4, f.len - f.l3 - 40);
	memset(action.u.ipv6.dst_mask.b, 0xff, 16);
	memset(action.u.ipv6.dst.b, 0x3f, 16);
	after = f;
	memset(after.b + after.l3 + 24, 0x3f, 16);
	check_edit(edit_set_ipv6, &action, &f, &after);
}

static void leaves_truncated_packets_alone(void **state)
{
	const struct {
		edit_fn edit;
		const struct action *action;
		bool v6;
	} edits[] = {{edit_set_ipv4, &set_ipv4, false},
		     {edit_set_ports, &set_ports, false},
		     {edit_set_ipv6, &set_ipv6, true},
		     {edit_set_ports, &set_ports, true},
		     {edit_pop_vlan, NULL, false}};

	(void)state;
	for (unsigned e = 0; e < RTE_DIM(edits); e++) {
		for (unsigned p = 0; p < RTE_DIM(protos); p++) {
			struct frame_spec spec = {.v6 = edits[e].v6,
						  .proto = protos[p],
						  .n_tags = 1,
						  .extensions = edits[e].v6,
						  .payload = 8};
			struct frame f;

			frame_make(&f, &spec);
			set_ports.u.ports.proto = protos[p];
			check_truncated(edits[e].edit, edits[e].action, &f);
		}
	}
}

static void frame_put_dest_options(struct frame *f, unsigned n)
{
	static const uint8_t option[8] = {IPPROTO_DSTOPTS, 0, 1, 4};
	uint8_t *ext = f->b + f->l3 + 40;

	memmove(ext + 8 * n, ext, f->len - (f->l3 + 40));
	for (unsigned i = 0; i < n; i++)
		memcpy(ext + 8 * i, option, sizeof option);
	ext[8 * (n - 1)] = f->b[f->l3 + 6];
	f->b[f->l3 + 6] = IPPROTO_DSTOPTS;
	put16(f->b + f->l3 + 4, get16(f->b + f->l3 + 4) + 8 * n);
	f->l4 += 8 * n;
	f->len += 8 * n;
}

static void follows_as_many_extension_headers_as_extraction(void **state)
{
	const struct frame_spec spec = {.v6 = true, .proto = IPPROTO_TCP, .payload = 20};
	struct frame f;
	struct rte_mbuf *m;

	(void)state;
	frame_make(&f, &spec);
	frame_put_dest_options(&f, IPV6_EXT_HEADERS_MAX);
	m = packet_of(&f, 512);
	assert_int_equal(packet_meta(m)->layout.l4_ofs, f.l4);
	rte_pktmbuf_free(m);
	check_ipv6(&f);

	frame_put_dest_options(&f, 1);
	m = packet_of(&f, 512);
	assert_int_equal(packet_meta(m)->layout.l4_ofs, LAYOUT_NONE);
	assert_int_equal(edit_set_ipv6(&m, &set_ipv6), -EINVAL);
	assert_bytes(m, f.b, f.len);
	rte_pktmbuf_free(m);
}

// Sets that change no address need no checksum: where it is cut off, what lies there is not the
// packet's. The bytes behind are those that an update by nothing would turn to zeros.
static void sets_other_fields_when_the_checksum_is_cut_off(void **state)
{
	struct action tos = {.u.ipv4 = {.tos = 0x20, .tos_mask = 0xfc}};
	struct action hlimit = {.u.ipv6 = {.hlimit = 9, .hlimit_mask = 0xff}};
	uint8_t tail[64];

	(void)state;
	memset(tail, 0xff, sizeof tail);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct frame_spec spec = {.v6 = v6, .proto = IPPROTO_TCP, .payload = 8};
		struct rte_mbuf *m;
		struct frame f;

		frame_make(&f, &spec);
		f.len = f.l4 + 8;
		m = packet_of(&f, 512);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, f.len), tail, sizeof tail);
		assert_int_equal(v6 ? edit_set_ipv6(&m, &hlimit) : edit_set_ipv4(&m, &tos), 0);
		assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, f.len), tail,
				    sizeof tail);
		rte_pktmbuf_free(m);
	}
}

// The header says that it is 60 bytes long, and ends before.
static void leaves_headers_longer_than_the_packet_alone(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 100};
	struct frame f;
	uint8_t tail[256];

	(void)state;
	frame_make(&f, &spec);
	f.b[f.l3] = 0x4f;
	set_ports.u.ports.proto = IPPROTO_UDP;
	for (uint32_t len = f.l3 + 20; len < f.l3 + 68; len++) {
		struct rte_mbuf *m = packet_cut_off(&f, len, tail);

		assert_int_equal(edit_set_ports(&m, &set_ports), -EINVAL);
		assert_int_equal(edit_set_ipv4(&m, &set_ipv4), -EINVAL);
		assert_bytes(m, f.b, len);
		rte_pktmbuf_free(m);
	}
}

// An address must not change when the checksum that covers it is out of reach.
static void refuses_addresses_when_the_checksum_is_cut_off(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 8};
	struct rte_mbuf *m;
	struct frame f;
	uint8_t tail[256];

	(void)state;
	frame_make(&f, &spec);
	m = packet_cut_off(&f, f.l4 + 17, tail);
	assert_int_equal(edit_set_ipv4(&m, &set_ipv4), -EINVAL);
	rte_pktmbuf_free(m);
	m = packet_cut_off(&f, f.l4 + 18, tail);
	assert_int_equal(edit_set_ipv4(&m, &set_ipv4), 0);
	rte_pktmbuf_free(m);
}

static void refuses_ip_sets_on_other_packets(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	m = packet_of(&f, 512);
	assert_int_equal(edit_set_ipv6(&m, &set_ipv6), -EINVAL);
	assert_bytes(m, f.b, f.len);
	rte_pktmbuf_free(m);
	put16(f.b + 12, 0x0806);
	m = packet_of(&f, 512);
	assert_int_equal(edit_set_ipv4(&m, &set_ipv4), -EINVAL);
	assert_int_equal(edit_set_ports(&m, &set_ports), 0);
	assert_bytes(m, f.b, f.len);
	rte_pktmbuf_free(m);
}

static void pushes_up_to_two_tags_and_pops_them(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 20};
	struct action outer = {.u.vlan = {.tpid_be = htons(0x88a8), .tci_be = htons(0x3007)}};
	struct action inner = {.u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x7009)}};
	struct frame plain, one, two;
	struct packet_layout layout;
	struct rte_mbuf *m;

	(void)state;
	frame_make(&plain, &spec);
	spec.n_tags = 1;
	frame_make(&one, &spec);
	spec.n_tags = 2;
	frame_make(&two, &spec);
	m = packet_of(&plain, 512);
	layout = packet_meta(m)->layout;

	assert_int_equal(edit_push_vlan(&m, &inner), 0);
	assert_bytes(m, one.b, one.len);
	assert_int_equal(packet_meta(m)->layout.l3_ofs, 18);
	assert_int_equal(edit_push_vlan(&m, &outer), 0);
	assert_bytes(m, two.b, two.len);
	assert_int_equal(packet_meta(m)->layout.l4_ofs, two.l4);
	assert_int_equal(edit_push_vlan(&m, &outer), -EINVAL);
	assert_bytes(m, two.b, two.len);
	assert_int_equal(edit_pop_vlan(&m, NULL), 0);
	assert_bytes(m, one.b, one.len);
	assert_int_equal(edit_pop_vlan(&m, NULL), 0);
	assert_bytes(m, plain.b, plain.len);
	assert_memory_equal(&packet_meta(m)->layout, &layout, sizeof layout);
	assert_int_equal(edit_pop_vlan(&m, NULL), 0);
	assert_bytes(m, plain.b, plain.len);
	rte_pktmbuf_free(m);
}

// The third TPID that extraction takes for a tag's.
static void knows_tags_of_tpid_9100(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 20, .n_tags = 1};
	struct frame plain, tagged, after;
	struct rte_mbuf *m;

	(void)state;
	frame_make(&tagged, &spec);
	put16(tagged.b + 12, 0x9100);
	after = tagged;
	ref_ipv4(&after);
	check_edit(edit_set_ipv4, &set_ipv4, &tagged, &after);
	spec.n_tags = 0;
	frame_make(&plain, &spec);
	m = packet_of(&tagged, 512);
	assert_int_equal(edit_pop_vlan(&m, NULL), 0);
	assert_bytes(m, plain.b, plain.len);
	rte_pktmbuf_free(m);
}

static void pushes_a_tag_without_headroom(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 20};
	struct action push = {.u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x7009)}};
	struct frame plain, one;
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	struct flow_key key;

	(void)state;
	frame_make(&plain, &spec);
	spec.n_tags = 1;
	frame_make(&one, &spec);
	m->data_off = 0;
	memcpy(rte_pktmbuf_append(m, (uint16_t)plain.len), plain.b, plain.len);
	flow_extract(plain.b, plain.len, &key, &packet_meta(m)->layout);
	assert_int_equal(edit_push_vlan(&m, &push), 0);
	assert_bytes(m, one.b, one.len);
	rte_pktmbuf_free(m);
}

static void never_changes_bytes_that_others_refer_to(void **state)
{
	struct action push = {.u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x7009)}};
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 20, .n_tags = 1};
	const struct {
		edit_fn edit;
		const struct action *action;
	} edits[] = {{edit_set_eth, &set_eth},
		     {edit_set_ipv4, &set_ipv4},
		     {edit_set_ports, &set_ports},
		     {edit_push_vlan, &push},
		     {edit_pop_vlan, NULL}};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	set_ports.u.ports.proto = IPPROTO_UDP;
	for (unsigned i = 0; i < RTE_DIM(edits); i++)
		check_shared(edits[i].edit, edits[i].action, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(sets_macs_under_mask),
	    T(sets_ipv4_fields_with_all_checksums_right),
	    T(sets_ipv6_fields_with_all_checksums_right),
	    T(sets_ports_with_checksums_right),
	    T(leaves_udp_without_checksum_without_one),
	    T(writes_udp_checksum_zero_as_ffff),
	    T(keeps_a_wrong_checksum_wrong),
	    T(keeps_a_checksum_that_is_left_to_the_receiver_partial),
	    T(sets_first_fragments_by_difference),
	    T(sets_no_ports_in_later_fragments),
	    T(sets_no_ports_in_later_ipv6_fragments),
	    T(leaves_the_destination_of_source_routed_packets_out_of_the_sum),
	    T(leaves_truncated_packets_alone),
	    T(follows_as_many_extension_headers_as_extraction),
	    T(sets_other_fields_when_the_checksum_is_cut_off),
	    T(leaves_headers_longer_than_the_packet_alone),
	    T(refuses_addresses_when_the_checksum_is_cut_off),
	    T(refuses_ip_sets_on_other_packets),
	    T(pushes_up_to_two_tags_and_pops_them),
	    T(knows_tags_of_tpid_9100),
	    T(pushes_a_tag_without_headroom),
	    T(never_changes_bytes_that_others_refer_to),
	};

	return cmocka_run_group_tests(tests, setup, eal_teardown);
}
