#include "tests/unit/ctl/dp_random.h"

#include <errno.h>

// A match whose parse gives this error at the attribute that `at` is, or which is fine (err 0).
static void expect(const struct nlmsghdr *nlh, int err, const struct nlattr *at, const char *word)
{
	struct flow_match match;
	memset(&error, 0, sizeof(error));
	int rc = dp_match_parse(top(nlh, OVS_FLOW_ATTR_KEY), top(nlh, OVS_FLOW_ATTR_MASK), &match,
				&error);
	if (rc != err)
		fail_msg("%d where %d is right: %s", rc, err, error.text);
	if (err == 0)
		return;
	assert_non_null(strstr(error.text, word));
	if (at != NULL)
		assert_int_equal(offset_of(error.attr), offset_of(at));
}

static struct nlattr *tail(struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload_tail(nlh);
}

static struct nlattr *begin_key(struct nlmsghdr *nlh)
{
	static const struct ovs_key_ethernet eth = {.eth_src = {2}};
	struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_KEY);
	mnl_attr_put(nlh, OVS_KEY_ATTR_ETHERNET, sizeof(eth), &eth);
	return nest;
}

static void put_type(struct nlmsghdr *nlh, uint16_t type)
{
	mnl_attr_put_u16(nlh, OVS_KEY_ATTR_ETHERTYPE, htons(type));
}

static void a_mask_without_vlan_means_untagged_as_in_the_kernel(void **state)
{
	(void)state;
	struct flow_match match;
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	put_type(nlh, 0x1234);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_MASK);
	put_type(nlh, 0xffff);
	mnl_attr_nest_end(nlh, nest);
	assert_int_equal(dp_match_parse(top(nlh, OVS_FLOW_ATTR_KEY), top(nlh, OVS_FLOW_ATTR_MASK),
					&match, &error),
			 0);
	assert_int_equal(match.mask.vlan[0].tci_be, UINT16_MAX);
	assert_int_equal(match.mask.vlan[1].tci_be, UINT16_MAX);
	assert_int_equal(match.mask.in_port, 0);
}

static void lengths_that_are_wrong_are_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		uint16_t type, len;
		const char *name;
	} rows[] = {
	    {OVS_KEY_ATTR_IN_PORT, 4, "IN_PORT"},
	    {OVS_KEY_ATTR_RECIRC_ID, 4, "RECIRC_ID"},
	    {OVS_KEY_ATTR_VLAN, 2, "VLAN"},
	    {OVS_KEY_ATTR_ETHERTYPE, 2, "ETHERTYPE"},
	    {OVS_KEY_ATTR_IPV4, 12, "IPV4"},
	    {OVS_KEY_ATTR_IPV6, 40, "IPV6"},
	    {OVS_KEY_ATTR_ARP, 24, "ARP"},
	    {OVS_KEY_ATTR_TCP, 4, "TCP"},
	    {OVS_KEY_ATTR_TCP_FLAGS, 2, "TCP_FLAGS"},
	    {OVS_KEY_ATTR_UDP, 4, "UDP"},
	    {OVS_KEY_ATTR_SCTP, 4, "SCTP"},
	    {OVS_KEY_ATTR_ICMP, 2, "ICMP"},
	    {OVS_KEY_ATTR_ICMPV6, 2, "ICMPV6"},
	    {OVS_KEY_ATTR_ND, 28, "ND"},
	};
	static const char zeros[64];
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint16_t len = 0; len <= 48; len++) {
			if (len == rows[i].len)
				continue;
			struct nlmsghdr *nlh = begin();
			struct nlattr *nest = begin_key(nlh);
			struct nlattr *bad = tail(nlh);
			mnl_attr_put(nlh, rows[i].type, len, zeros);
			mnl_attr_nest_end(nlh, nest);
			expect(nlh, -EINVAL, bad, rows[i].name);
		}
	}
}

static void an_attribute_that_leaves_its_nest_is_refused(void **state)
{
	(void)state;
	for (int change = -4; change <= 40; change++) {
		struct nlmsghdr *nlh = begin();
		struct nlattr *nest = begin_key(nlh);
		struct nlattr *bad = tail(nlh);
		put_type(nlh, 0x1234);
		mnl_attr_nest_end(nlh, nest);
		if (change == 0)
			continue;
		bad->nla_len = (uint16_t)(bad->nla_len + change);
		// The two bytes of padding belong to the nest, but are no part of a value.
		struct flow_match match;
		int rc = dp_match_parse(nest, NULL, &match, &error);
		assert_int_equal(rc, -EINVAL);
		assert_ptr_equal(error.attr, bad);
		if (change > 2)
			assert_non_null(strstr(error.text, "are left"));
	}
}

static void stray_bytes_and_doubles_and_strangers_are_refused(void **state)
{
	(void)state;
	struct flow_match match;
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	put_type(nlh, 0x1234);
	memset(tail(nlh), 0, 4);
	nlh->nlmsg_len += 4;
	mnl_attr_nest_end(nlh, nest);
	nest->nla_len = (uint16_t)(nest->nla_len - 1);
	assert_int_equal(dp_match_parse(nest, NULL, &match, &error), -EINVAL);
	assert_non_null(strstr(error.text, "stray"));

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x1234);
	struct nlattr *bad = tail(nlh);
	put_type(nlh, 0x1234);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "ETHERTYPE is there twice");

	nlh = begin();
	nest = begin_key(nlh);
	bad = tail(nlh);
	mnl_attr_put_u32(nlh, 200, 0);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "200 is unknown");
}

static void headers_must_fit_the_kind_of_packet(void **state)
{
	(void)state;
	static const struct ovs_key_ipv4 ip = {.ipv4_proto = IPPROTO_TCP};
	static const struct ovs_key_udp udp;
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	put_type(nlh, 0x0800);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, nest, "IPV4 is missing");

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x0800);
	mnl_attr_put(nlh, OVS_KEY_ATTR_IPV4, sizeof(ip), &ip);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, nest, "TCP is missing");

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x86dd);
	struct nlattr *bad = tail(nlh);
	mnl_attr_put(nlh, OVS_KEY_ATTR_IPV4, sizeof(ip), &ip);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "IPV4 does not belong");

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x1234);
	bad = tail(nlh);
	mnl_attr_put(nlh, OVS_KEY_ATTR_UDP, sizeof(udp), &udp);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "UDP does not belong");

	nlh = begin();
	nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_KEY);
	mnl_attr_put_u32(nlh, OVS_KEY_ATTR_IN_PORT, 1);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, nest, "ETHERNET is missing");
}

// A type and no addresses: no Ethernet header, both ways.
static void a_key_without_ethernet_is_of_a_packet_without_it(void **state)
{
	struct flow_key key = {.in_port = 3,
			       .recirc_id = 9,
			       .eth_type_be = htons(0x0800),
			       .nw_proto = 47,
			       .nw_frag = NW_NO_ETH},
			mask = {.in_port = UINT32_MAX,
				.recirc_id = UINT32_MAX,
				.eth_type_be = UINT16_MAX,
				.nw_frag = NW_NO_ETH},
			origin;
	struct flow_match match;
	(void)state;
	memset(mask.vlan, 0, sizeof(mask.vlan));
	mask.vlan[0].tci_be = mask.vlan[1].tci_be = UINT16_MAX;
	for (unsigned with_mask = 0; with_mask < 2; with_mask++) {
		struct nlmsghdr *nlh = begin();
		dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &key, NULL);
		if (with_mask)
			dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_MASK, &key, &mask);
		assert_int_equal(dp_match_parse(top(nlh, OVS_FLOW_ATTR_KEY),
						top(nlh, OVS_FLOW_ATTR_MASK), &match, &error),
				 0);
		assert_int_equal(match.key.nw_frag, NW_NO_ETH);
		assert_true(match.mask.nw_frag & NW_NO_ETH);
		assert_int_equal(match.mask.eth_src.b[0], 0);
		if (with_mask)
			assert_memory_equal(&match.mask, &mask, sizeof(mask));
		const struct nlattr *attr;
		mnl_attr_for_each_nested (attr, top(nlh, OVS_FLOW_ATTR_KEY))
			assert_int_not_equal(mnl_attr_get_type(attr), OVS_KEY_ATTR_ETHERNET);
		assert_int_equal(dp_key_parse_origin(top(nlh, OVS_FLOW_ATTR_KEY), &origin, &error),
				 0);
		assert_int_equal(origin.nw_frag, NW_NO_ETH);
		assert_int_equal(origin.eth_type_be, htons(0x0800));
	}
	key.nw_frag = 0;
	struct nlmsghdr *nlh = begin();
	dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &key, NULL);
	assert_int_equal(dp_key_parse_origin(top(nlh, OVS_FLOW_ATTR_KEY), &origin, &error), 0);
	assert_int_equal(origin.nw_frag, 0);
}

static void a_mask_may_have_no_bits_where_the_key_has_no_header(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 2; set++) {
		const struct ovs_key_ipv4 ip = {.ipv4_dst = set};
		struct nlmsghdr *nlh = begin();
		struct nlattr *nest = begin_key(nlh);
		put_type(nlh, 0x86dd);
		const struct ovs_key_ipv6 ip6 = {.ipv6_proto = 59};
		mnl_attr_put(nlh, OVS_KEY_ATTR_IPV6, sizeof(ip6), &ip6);
		mnl_attr_nest_end(nlh, nest);
		nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_MASK);
		put_type(nlh, 0xffff);
		struct nlattr *bad = tail(nlh);
		mnl_attr_put(nlh, OVS_KEY_ATTR_IPV4, sizeof(ip), &ip);
		mnl_attr_nest_end(nlh, nest);
		expect(nlh, set ? -EINVAL : 0, bad, "IPV4's mask is set");
	}
}

static void a_mask_of_ports_needs_an_exact_protocol(void **state)
{
	(void)state;
	struct flow_key key = {.eth_type_be = htons(0x0800), .nw_proto = IPPROTO_TCP};
	struct flow_key mask = {.eth_type_be = UINT16_MAX, .tp_dst_be = UINT16_MAX};
	struct nlmsghdr *nlh = begin();
	dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &key, NULL);
	dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_MASK, &key, &mask);
	expect(nlh, -EINVAL, NULL, "TCP's mask is set");
	mask.nw_proto = UINT8_MAX;
	nlh = begin();
	dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &key, NULL);
	dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_MASK, &key, &mask);
	expect(nlh, 0, NULL, NULL);
}

// VLAN and ETHERTYPE of a tag with its ENCAP, which is left open.
static struct nlattr *put_tag(struct nlmsghdr *nlh, uint16_t tpid, uint16_t tci)
{
	put_type(nlh, tpid);
	mnl_attr_put_u16(nlh, OVS_KEY_ATTR_VLAN, htons(tci));
	return mnl_attr_nest_start(nlh, OVS_KEY_ATTR_ENCAP);
}

static void nesting_of_tags_is_checked(void **state)
{
	(void)state;
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	struct nlattr *outer = put_tag(nlh, 0x88a8, 0x1001);
	struct nlattr *inner = put_tag(nlh, 0x8100, 0x1002);
	struct nlattr *third = put_tag(nlh, 0x8100, 0x1003);
	mnl_attr_nest_end(nlh, third);
	mnl_attr_nest_end(nlh, inner);
	mnl_attr_nest_end(nlh, outer);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EOPNOTSUPP, third, "third");

	nlh = begin();
	nest = begin_key(nlh);
	struct nlattr *bad = tail(nlh);
	mnl_attr_put_u16(nlh, OVS_KEY_ATTR_VLAN, htons(0x1001));
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "VLAN without ENCAP");

	nlh = begin();
	nest = begin_key(nlh);
	outer = mnl_attr_nest_start(nlh, OVS_KEY_ATTR_ENCAP);
	mnl_attr_nest_end(nlh, outer);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, outer, "ENCAP without VLAN");

	nlh = begin();
	nest = begin_key(nlh);
	outer = put_tag(nlh, 0x8100, 0x1001);
	bad = tail(nlh);
	mnl_attr_put_u32(nlh, OVS_KEY_ATTR_IN_PORT, 1);
	mnl_attr_nest_end(nlh, outer);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "IN_PORT does not belong in ENCAP");

	nlh = begin();
	nest = begin_key(nlh);
	bad = tail(nlh);
	static const struct ovs_key_ipv4 ip;
	mnl_attr_put(nlh, OVS_KEY_ATTR_IPV4, sizeof(ip), &ip);
	outer = put_tag(nlh, 0x8100, 0x1001);
	mnl_attr_nest_end(nlh, outer);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "IPV4 stands beside ENCAP");
}

static void values_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	struct nlattr *encap = put_tag(nlh, 0x8100, 0x0001);
	mnl_attr_nest_end(nlh, encap);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, NULL, "0x1000");

	nlh = begin();
	nest = begin_key(nlh);
	encap = put_tag(nlh, 0x0800, 0x1001);
	mnl_attr_nest_end(nlh, encap);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, NULL, "0x0800 of a VLAN tag");

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x0100);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, NULL, "is a length");

	static const struct ovs_key_ipv4 ip = {.ipv4_frag = 3};
	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x0800);
	mnl_attr_put(nlh, OVS_KEY_ATTR_IPV4, sizeof(ip), &ip);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, NULL, "fragment type");
}

static void what_is_not_built_is_taken_only_where_it_says_nothing(void **state)
{
	(void)state;
	static const struct {
		uint32_t value, mask;
		bool has_mask, masked;
		int err;
	} rows[] = {
	    {0, 0, false, false, 0},	     {7, 0, false, false, -EOPNOTSUPP},
	    {7, 0, true, false, 0},	     {7, 0, true, true, 0},
	    {7, 1, true, true, -EOPNOTSUPP}, {0, UINT32_MAX, true, true, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlmsghdr *nlh = begin();
		struct nlattr *nest = begin_key(nlh);
		struct nlattr *bad = tail(nlh);
		mnl_attr_put_u32(nlh, OVS_KEY_ATTR_PACKET_TYPE, rows[i].value);
		mnl_attr_nest_end(nlh, nest);
		if (rows[i].has_mask) {
			nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_MASK);
			if (rows[i].masked)
				mnl_attr_put_u32(nlh, OVS_KEY_ATTR_PACKET_TYPE, rows[i].mask);
			mnl_attr_nest_end(nlh, nest);
		}
		expect(nlh, rows[i].err, bad, "PACKET_TYPE is not built");
	}
}

// A key, or with is_mask a mask beside an empty one, with this in its TUNNEL.
static void expect_tunnel(bool is_mask, const void *attrs, size_t len, int err, const char *word)
{
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	if (is_mask) {
		mnl_attr_nest_end(nlh, nest);
		nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_MASK);
	}
	mnl_attr_put(nlh, OVS_KEY_ATTR_TUNNEL, len, attrs);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, err, NULL, word);
}

#define ATTR(len, type, ...) (len) + 4, 0, (type), 0, __VA_ARGS__
#define TTL		     ATTR(1, OVS_TUNNEL_KEY_ATTR_TTL, 64, 0, 0, 0)
#define DST		     ATTR(4, OVS_TUNNEL_KEY_ATTR_IPV4_DST, 10, 0, 0, 1)

static void a_tunnel_that_makes_no_sense_is_refused(void **state)
{
	(void)state;
	static const struct {
		uint8_t attrs[64], len;
		bool is_mask;
		int err;
		const char *word;
	} rows[] = {
	    {{TTL, DST}, 16, false, 0, NULL},
	    {{DST}, 8, false, -EINVAL, "no TTL"},
	    {{DST}, 8, true, 0, NULL},
	    {{TTL, DST, DST}, 24, false, -EINVAL, "twice"},
	    {{TTL, ATTR(3, OVS_TUNNEL_KEY_ATTR_IPV4_DST, 1, 2, 3, 0)},
	     16,
	     false,
	     -EINVAL,
	     "3 bytes"},
	    {{TTL, ATTR(4, OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT, 0, 0, 0, 0)},
	     16,
	     false,
	     -EINVAL,
	     "DONT"},
	    {{TTL, ATTR(3, OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS, 1, 2, 3, 0)},
	     16,
	     false,
	     -EINVAL,
	     "multiple"},
	    {{ATTR(4, OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS, 1, 2, 3, 0)}, 8, true, -EINVAL, "longer"},
	    {{TTL,
	      ATTR(0, OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS, ATTR(0, OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS, 0))},
	     16,
	     false,
	     -EINVAL,
	     "Geneve and of VXLAN"},
	    {{TTL, ATTR(8, OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS, ATTR(4, 7, 0, 0, 0, 0))},
	     20,
	     false,
	     -EINVAL,
	     "GBP"},
	    {{TTL, ATTR(0, OVS_TUNNEL_KEY_ATTR_ERSPAN_OPTS, 0)},
	     12,
	     false,
	     -EOPNOTSUPP,
	     "not built"},
	    {{TTL, ATTR(0, 63, 0)}, 12, false, -EINVAL, "unknown"},
	    {{TTL, 99, 0, 1, 0}, 12, false, -EINVAL, "99 bytes"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_tunnel(rows[i].is_mask, rows[i].attrs, rows[i].len, rows[i].err,
			      rows[i].word);
	uint8_t long_opts[8 + 4 + FLOW_TUN_OPTS_MAX + 4] = {TTL, FLOW_TUN_OPTS_MAX + 8, 0,
							    OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS};
	expect_tunnel(false, long_opts, sizeof(long_opts), -EOPNOTSUPP, "124 are built");
}

static void ct_rows_follow_the_type_and_their_values(void **state)
{
	(void)state;
	static const struct ovs_key_ct_tuple_ipv6 tuple = {.ipv6_proto = 6};
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh), *bad = tail(nlh);
	mnl_attr_put_u32(nlh, OVS_KEY_ATTR_CT_STATE, 0x100);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "CT_STATE");
	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x1234);
	bad = tail(nlh);
	mnl_attr_put(nlh, OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6, sizeof(tuple), &tuple);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "CT_ORIG_TUPLE_IPV6 does not belong");
}

// A key of EtherType 0x8847 with so many label stack entries, of which those with bit 0x100 say
// that they are the last.
static struct nlattr *put_labels(struct nlmsghdr *nlh, const uint32_t *lse, unsigned n)
{
	struct ovs_key_mpls mpls[4];
	struct nlattr *nest = begin_key(nlh), *attr;
	put_type(nlh, 0x8847);
	for (unsigned i = 0; i < n; i++)
		mpls[i].mpls_lse = htonl(lse[i]);
	attr = tail(nlh);
	mnl_attr_put(nlh, OVS_KEY_ATTR_MPLS, n * sizeof(mpls[0]), mpls);
	mnl_attr_nest_end(nlh, nest);
	return attr;
}

static void labels_end_at_the_bottom_of_the_stack(void **state)
{
	(void)state;
	static const struct {
		uint32_t lse[3];
		unsigned n;
		int err;
		const char *word;
	} rows[] = {
	    {{0x10140}, 1, 0, NULL},
	    {{0x10040, 0x20140}, 2, 0, NULL},
	    {{0x10040}, 1, 0, NULL}, // cut off
	    {{0x10140, 0x20140}, 2, -EINVAL, "behind the bottom"},
	    {{0x10040, 0x20040, 0x30140}, 3, -EOPNOTSUPP, "MPLS has 3 entries: 2 are built"},
	    {{0}, 0, -EINVAL, "MPLS has 0 bytes"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlmsghdr *nlh = begin();
		struct nlattr *attr = put_labels(nlh, rows[i].lse, rows[i].n);
		struct flow_match match;
		expect(nlh, rows[i].err, attr, rows[i].word);
		if (rows[i].err != 0)
			continue;
		assert_int_equal(dp_match_parse(top(nlh, OVS_FLOW_ATTR_KEY), NULL, &match, NULL),
				 0);
		for (unsigned k = 0; k < FLOW_MPLS_LABELS; k++) {
			assert_int_equal(match.key.mpls_lse_be[k], htonl(rows[i].lse[k]));
			assert_int_equal(match.mask.mpls_lse_be[k], UINT32_MAX);
		}
	}
}

static void labels_and_addresses_do_not_mix(void **state)
{
	(void)state;
	static const struct ovs_key_ipv4 ip;
	static const uint8_t odd[6];
	struct nlmsghdr *nlh = begin();
	struct nlattr *nest = begin_key(nlh);
	put_type(nlh, 0x8848);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, nest, "MPLS is missing");

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x8848);
	struct nlattr *bad = tail(nlh);
	mnl_attr_put(nlh, OVS_KEY_ATTR_IPV4, sizeof(ip), &ip);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "IPV4 does not belong");

	nlh = begin();
	nest = begin_key(nlh);
	put_type(nlh, 0x8848);
	bad = tail(nlh);
	mnl_attr_put(nlh, OVS_KEY_ATTR_MPLS, sizeof(odd), odd);
	mnl_attr_nest_end(nlh, nest);
	expect(nlh, -EINVAL, bad, "MPLS has 6 bytes");
}

// The mask of labels needs a type that is exact, as that of every header does.
static void a_mask_of_labels_needs_an_exact_type(void **state)
{
	(void)state;
	static const uint32_t lse = 0x10140;
	for (unsigned exact = 0; exact < 2; exact++) {
		const struct ovs_key_mpls mpls[2] = {{htonl(0xfffff000)}, {0}};
		struct nlmsghdr *nlh = begin();
		put_labels(nlh, &lse, 1);
		struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_FLOW_ATTR_MASK);
		put_type(nlh, exact ? 0xffff : 0xfff0);
		struct nlattr *bad = tail(nlh);
		mnl_attr_put(nlh, OVS_KEY_ATTR_MPLS, sizeof(mpls), mpls);
		mnl_attr_nest_end(nlh, nest);
		expect(nlh, exact ? 0 : -EINVAL, bad, "MPLS's mask is set");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_mask_without_vlan_means_untagged_as_in_the_kernel),
	    cmocka_unit_test(lengths_that_are_wrong_are_refused_by_name),
	    cmocka_unit_test(an_attribute_that_leaves_its_nest_is_refused),
	    cmocka_unit_test(stray_bytes_and_doubles_and_strangers_are_refused),
	    cmocka_unit_test(headers_must_fit_the_kind_of_packet),
	    cmocka_unit_test(a_key_without_ethernet_is_of_a_packet_without_it),
	    cmocka_unit_test(a_mask_may_have_no_bits_where_the_key_has_no_header),
	    cmocka_unit_test(a_mask_of_ports_needs_an_exact_protocol),
	    cmocka_unit_test(nesting_of_tags_is_checked),
	    cmocka_unit_test(values_that_cannot_be_are_refused),
	    cmocka_unit_test(labels_end_at_the_bottom_of_the_stack),
	    cmocka_unit_test(labels_and_addresses_do_not_mix),
	    cmocka_unit_test(a_mask_of_labels_needs_an_exact_type),
	    cmocka_unit_test(what_is_not_built_is_taken_only_where_it_says_nothing),
	    cmocka_unit_test(a_tunnel_that_makes_no_sense_is_refused),
	    cmocka_unit_test(ct_rows_follow_the_type_and_their_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
