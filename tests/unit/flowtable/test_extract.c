// Keys against scapy's reading of the same frames; see make_vectors.py.
#include "vector.h"

#include <netinet/in.h>
#include <stdlib.h>

#define IN_PORT	  77
#define RECIRC_ID 0xabcdef

// Extracts from a copy that ends where malloc's block ends, so that ASan sees a read past it.
static void extract_copy(const uint8_t *data, uint32_t len, struct flow_key *key,
			 struct packet_layout *layout)
{
	uint8_t *copy = malloc(len);

	assert_true(copy != NULL || len == 0);
	if (len > 0)
		memcpy(copy, data, len);
	memset(key, 0xa5, sizeof(*key));
	memset(layout, 0xa5, sizeof(*layout));
	key->in_port = IN_PORT;
	key->recirc_id = RECIRC_ID;
	flow_extract(copy, len, key, layout);
	free(copy);
}

static uint16_t eth_type_of_cut(const struct vector *v, uint32_t cut)
{
	if (cut < 14)
		return 0;
	for (unsigned i = 0; i < 2; i++)
		if (v->key.vlan[i].tpid_be != 0 && cut < 14 + 4 * (i + 1))
			return v->key.vlan[i].tpid_be;
	return cut < v->need.type ? BE16(ETH_TYPE_NONE) : v->key.eth_type_be;
}

static void cut_l2(const struct vector *v, uint32_t cut, struct flow_key *key)
{
	if (cut < 6)
		memset(&key->eth_dst, 0, sizeof(key->eth_dst));
	if (cut < 12)
		memset(&key->eth_src, 0, sizeof(key->eth_src));
	for (unsigned i = 0; i < 2; i++)
		if (cut < 14 + 4 * (i + 1))
			memset(&key->vlan[i], 0, sizeof(key->vlan[i]));
	key->eth_type_be = eth_type_of_cut(v, cut);
}

static void cut_l3(const struct vector *v, uint32_t cut, struct flow_key *key)
{
	if (cut < v->need.frag)
		key->nw_frag = 0;
	if (cut < v->need.proto)
		key->nw_proto = 0;
	if (cut >= v->need.l3)
		return;
	key->nw_tos = 0;
	key->nw_ttl = 0;
	key->ip_src_be = 0;
	key->ip_dst_be = 0;
	key->ipv6_label_be = 0;
	memset(&key->ipv6_src, 0, sizeof(key->ipv6_src));
	memset(&key->ipv6_dst, 0, sizeof(key->ipv6_dst));
	memset(&key->arp_sha, 0, sizeof(key->arp_sha));
	memset(&key->arp_tha, 0, sizeof(key->arp_tha));
}

static void cut_mpls(const struct vector *v, uint32_t cut, struct flow_key *key)
{
	if (!eth_type_is_mpls(BE16(v->key.eth_type_be)))
		return;
	for (unsigned i = 0; i < FLOW_MPLS_LABELS; i++)
		if (cut < v->need.type + 4 * (i + 1))
			key->mpls_lse_be[i] = 0;
}

static void cut_l4(const struct vector *v, uint32_t cut, struct flow_key *key)
{
	if (cut < v->need.nd)
		memset(&key->nd_target, 0, sizeof(key->nd_target));
	if (cut >= v->need.l4)
		return;
	key->tp_src_be = 0;
	key->tp_dst_be = 0;
	key->tcp_flags_be = 0;
}

// ND options: an address may be missing from a cut packet, or be there because what spoils the
// options was cut off, but it is never wrong.
static void allow_cut_option(const struct eth_addr *got, struct eth_addr *want)
{
	static const struct eth_addr none;

	if (memcmp(got, &none, sizeof(none)) == 0 || memcmp(want, &none, sizeof(none)) == 0)
		*want = *got;
}

static void check_cut(const struct vector *v, uint32_t cut)
{
	struct packet_layout layout, want_layout = v->layout;
	struct flow_key key, want = v->key;

	want.in_port = IN_PORT;
	want.recirc_id = RECIRC_ID;
	cut_l2(v, cut, &want);
	cut_l3(v, cut, &want);
	cut_mpls(v, cut, &want);
	cut_l4(v, cut, &want);
	if (cut < v->need.l3)
		want_layout.l3_ofs = LAYOUT_NONE;
	if (cut < v->need.l4)
		want_layout.l4_ofs = LAYOUT_NONE;

	extract_copy(v->bytes, cut, &key, &layout);
	if (v->need.nd != 0 && cut < v->len) {
		allow_cut_option(&key.arp_sha, &want.arp_sha);
		allow_cut_option(&key.arp_tha, &want.arp_tha);
	}
	if (memcmp(&key, &want, FLOW_KEY_HOT_BYTES) != 0 ||
	    memcmp(&layout, &want_layout, sizeof(layout)) != 0)
		print_error("vector \"%s\", first %u of %u bytes\n", v->name, cut, v->len);
	assert_memory_equal(&key, &want, FLOW_KEY_HOT_BYTES);
	assert_memory_equal(&layout, &want_layout, sizeof(layout));
	// Cold lines are not touched.
	for (unsigned i = FLOW_KEY_HOT_BYTES; i < sizeof(key); i++)
		assert_int_equal(((const uint8_t *)&key)[i], 0xa5);
}

static void key_is_what_scapy_reads(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_VECTORS; i++)
		check_cut(&vectors[i], vectors[i].len);
}

static void cut_packet_gives_a_key_of_what_is_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_VECTORS; i++)
		for (uint32_t cut = 0; cut < vectors[i].len; cut++)
			check_cut(&vectors[i], cut);
}

static void layout_may_be_null(void **state)
{
	(void)state;
	struct flow_key with, without;
	struct packet_layout layout;

	memset(&with, 0, sizeof(with));
	memset(&without, 0, sizeof(without));
	flow_extract(vectors[0].bytes, vectors[0].len, &with, &layout);
	flow_extract(vectors[0].bytes, vectors[0].len, &without, NULL);
	assert_memory_equal(&with, &without, sizeof(with));
}

// Every vector with each byte changed to a few values: nothing is read past the end, and the layout
// stays inside.
static void changed_bytes_never_read_past_the_end(void **state)
{
	(void)state;
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct packet_layout layout;
	struct flow_key key;
	uint8_t bytes[512];

	for (unsigned i = 0; i < N_VECTORS; i++) {
		const struct vector *v = &vectors[i];

		assert_true(v->len <= sizeof(bytes));
		memcpy(bytes, v->bytes, v->len);
		for (uint32_t ofs = 12; ofs < v->len; ofs++) {
			for (unsigned j = 0; j < sizeof(values); j++) {
				bytes[ofs] = values[j];
				extract_copy(bytes, v->len, &key, &layout);
				assert_true(layout.l3_ofs == LAYOUT_NONE || layout.l3_ofs < v->len);
				assert_true(layout.l4_ofs == LAYOUT_NONE || layout.l4_ofs < v->len);
			}
			bytes[ofs] = v->bytes[ofs];
		}
	}
}

// A frame of 64 KiB whose IPv6 chain runs to the end: the walk ends, and the layout's 16 bits hold.
static void longest_chain_stays_in_the_layout(void **state)
{
	(void)state;
	const struct vector *v = vector_named("IPv6 eight extension headers");
	uint32_t len = 65535 + 54, ofs = 54;
	uint8_t *frame = calloc(1, len);
	struct packet_layout layout;
	struct flow_key key;

	assert_non_null(frame);
	memcpy(frame, v->bytes, ofs);
	frame[18] = frame[19] = 0xff; // payload length
	for (unsigned i = 0; i < 8; i++, ofs += 2048) {
		frame[ofs] = i < 7 ? IPPROTO_DSTOPTS : IPPROTO_UDP;
		frame[ofs + 1] = 255;
	}
	extract_copy(frame, len, &key, &layout);
	assert_int_equal(key.nw_proto, IPPROTO_UDP);
	assert_int_equal(layout.l4_ofs, 54 + 8 * 2048);
	free(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_is_what_scapy_reads),
	    cmocka_unit_test(cut_packet_gives_a_key_of_what_is_there),
	    cmocka_unit_test(layout_may_be_null),
	    cmocka_unit_test(changed_bytes_never_read_past_the_end),
	    cmocka_unit_test(longest_chain_stays_in_the_layout),
	};

	return cmocka_run_group_tests_name("extract", tests, NULL, NULL);
}
