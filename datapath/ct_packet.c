#include "datapath/ct_packet.h"

#include "datapath/ct_csum.h"
#include "datapath/ct_steps.h"
#include "datapath/ip_view.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define IPV4_PLAIN    0x45 // no options
#define ICMP_HDR_LEN  8
#define L4_GOOD	      RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define L4_BAD	      RTE_MBUF_F_RX_L4_CKSUM_BAD
#define QUOTED_LEN    8 // of a transport header, which an ICMP error has at least (RFC 792)
#define TCP_WORD_SIZE 4

// Where the headers are.
struct view {
	uint8_t *l3;
	uint32_t l4_ofs;
	uint32_t room; // bytes behind l4_ofs in the first segment
};

static bool has_flag(const struct rte_mbuf *m, uint64_t mask, uint64_t flag)
{
	return (m->ol_flags & mask) == flag;
}

static bool is_fragment(const struct rte_ipv4_hdr *ip)
{
	return ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | 0x1fff);
}

// The addresses, and how many bytes the packet has behind its IP header. False: cut off, damaged,
// or a fragment.
static bool read_ipv4(struct ct_packet *p, const struct view *v)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)v->l3;
	uint32_t l3_ofs = (uint32_t)(v->l3 - rte_pktmbuf_mtod(p->m, uint8_t *));
	uint32_t hdr_len = (ip->version_ihl & 0xfu) * 4, total = rte_be_to_cpu_16(ip->total_length);

	if (unlikely(is_fragment(ip) || total < v->l4_ofs - l3_ofs ||
		     total > p->m->pkt_len - l3_ofs))
		return false;
	if (!has_flag(p->m, RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD) &&
	    !ct_csum_is_right(likely(hdr_len == sizeof *ip) ? ct_csum_ipv4(ip)
							    : ct_csum_add(0, ip, hdr_len)))
		return false;
	p->key.src_v4_be = ip->src_addr;
	p->key.dst_v4_be = ip->dst_addr;
	p->key.proto = ip->next_proto_id;
	p->l4_len = total - (v->l4_ofs - l3_ofs);
	return true;
}

static bool read_ipv6(struct ct_packet *p, const struct view *v, uint8_t proto)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)v->l3;
	uint32_t l3_ofs = (uint32_t)(v->l3 - rte_pktmbuf_mtod(p->m, uint8_t *));
	uint32_t total = rte_be_to_cpu_16(ip->payload_len) + (uint32_t)sizeof *ip;

	if (unlikely(total < v->l4_ofs - l3_ofs || total > p->m->pkt_len - l3_ofs))
		return false;
	memcpy(&p->key.src, ip->src_addr, sizeof p->key.src);
	memcpy(&p->key.dst, ip->dst_addr, sizeof p->key.dst);
	p->key.is_v6 = true;
	p->key.proto = proto;
	p->l4_len = total - (v->l4_ofs - l3_ofs);
	return true;
}

// With options, extension headers, protocols that extraction does not know, or headers that are
// not in the first segment yet.
static __rte_noinline bool read_ip_slow(struct ct_packet *p, struct view *v)
{
	struct ip_view ip = {0};

	if (ip_view(&p->m, &ip) <= 0 || ip.is_fragment || !ip.l4)
		return false;
	v->l3 = ip.l3;
	v->l4_ofs = (uint32_t)(ip.l4 - rte_pktmbuf_mtod(p->m, uint8_t *));
	v->room = ip.l4_len;
	return ip.is_v6 ? read_ipv6(p, v, ip.proto) : read_ipv4(p, v);
}

// By what extraction has found, where the transport header is right behind the IP header and in
// the first segment with all its options.
static bool read_ip(struct ct_packet *p, struct view *v)
{
	const struct packet_layout *layout = &packet_meta(p->m)->layout;
	uint32_t l3 = layout->l3_ofs, l4 = layout->l4_ofs, data_len = p->m->data_len;
	uint8_t proto;

	if (unlikely(l4 == LAYOUT_NONE || data_len < l4 + sizeof(struct rte_tcp_hdr)))
		return read_ip_slow(p, v);
	v->l3 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, l3);
	v->l4_ofs = l4;
	v->room = data_len - l4;
	if (likely(v->l3[0] == IPV4_PLAIN && l4 - l3 == sizeof(struct rte_ipv4_hdr)))
		return read_ipv4(p, v);
	proto = ((const struct rte_ipv6_hdr *)v->l3)->proto;
	if (v->l3[0] >> 4 == 6 && l4 - l3 == sizeof(struct rte_ipv6_hdr))
		return read_ipv6(p, v, proto);
	return read_ip_slow(p, v);
}

// What a transport protocol's checksum covers beside its packet.
static uint64_t pseudo_header(const struct ct_packet *p)
{
	uint64_t sum = rte_cpu_to_be_16(p->key.proto) + rte_cpu_to_be_16((uint16_t)p->l4_len);

	sum += ct_csum_eight(p->key.src.b) + ct_csum_eight(p->key.src.b + 8);
	return sum + ct_csum_eight(p->key.dst.b) + ct_csum_eight(p->key.dst.b + 8);
}

static bool vouched_for(struct rte_mbuf *m, uint32_t l4_ofs)
{
	// The guest has left it to who takes the packet: there is nothing to check yet.
	if ((m->ol_flags & PACKET_OFFLOAD) && packet_meta(m)->offload.csum_start == l4_ofs)
		return true;
	return has_flag(m, RTE_MBUF_F_RX_L4_CKSUM_MASK, L4_GOOD);
}

// What is found right is not summed again when the packet comes by once more.
static bool checksum_is_right(struct ct_packet *p, bool has_pseudo_header)
{
	uint64_t sum = 0;

	if (vouched_for(p->m, p->l4_ofs))
		return true;
	if (has_flag(p->m, RTE_MBUF_F_RX_L4_CKSUM_MASK, L4_BAD))
		return false;
	if (has_pseudo_header)
		sum = pseudo_header(p);
	if (!ct_csum_is_right(ct_csum_add_mbuf(sum, p->m, p->l4_ofs, p->l4_len)))
		return false;
	p->m->ol_flags |= L4_GOOD;
	return true;
}

static bool ports_are_set(struct ct_key *key, uint16_t src_be, uint16_t dst_be)
{
	key->src_port_be = src_be;
	key->dst_port_be = dst_be;
	return src_be != 0 && dst_be != 0;
}

static bool read_tcp(struct ct_packet *p, const uint8_t *l4, uint32_t room)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)l4;
	uint32_t len;

	if (room < sizeof *tcp)
		return false;
	len = (tcp->data_off >> 4) * TCP_WORD_SIZE;
	if (len < sizeof *tcp || len > room)
		return false;
	p->tcp_hdr_len = (uint8_t)len;
	return ports_are_set(&p->key, tcp->src_port, tcp->dst_port) && checksum_is_right(p, true);
}

static bool read_udp(struct ct_packet *p, const uint8_t *l4, uint32_t room)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)l4;
	uint32_t len;

	if (room < sizeof *udp)
		return false;
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (len < sizeof *udp || len > p->l4_len)
		return false;
	if (!ports_are_set(&p->key, udp->src_port, udp->dst_port))
		return false;
	return (udp->dgram_cksum == 0 && !p->key.is_v6) || checksum_is_right(p, true);
}

static bool read_query(const uint8_t *icmp, struct ct_key *key)
{
	memcpy(&key->src_port_be, icmp + 4, sizeof key->src_port_be);
	key->dst_port_be = rte_cpu_to_be_16(CT_ICMP(icmp[0], 0));
	return icmp[1] == 0; // the code
}

static bool read_icmp(struct ct_packet *p, const uint8_t *l4, uint32_t room)
{
	if (room < ICMP_HDR_LEN || !checksum_is_right(p, p->key.is_v6))
		return false;
	if (ct_icmp_reverse(p->key.is_v6, l4[0]) >= 0)
		return read_query(l4, &p->key);
	return ct_icmp_error_read(l4, room, p);
}

static bool read_l4(struct ct_packet *p, const struct view *v)
{
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, v->l4_ofs);
	uint32_t room = RTE_MIN(v->room, p->l4_len);

	switch (p->key.proto) {
	case IPPROTO_TCP:
		return read_tcp(p, l4, room);
	case IPPROTO_UDP:
		return read_udp(p, l4, room);
	case IPPROTO_ICMP:
		return p->key.is_v6 || read_icmp(p, l4, room);
	case IPPROTO_ICMPV6:
		return !p->key.is_v6 || read_icmp(p, l4, room);
	default:
		return true; // known by its addresses
	}
}

// A TCP header's options, or what an ICMP error quotes, may go on behind the first segment.
static bool wants_more(const struct ct_packet *p, const struct view *v)
{
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, v->l4_ofs);

	if (likely(v->room >= p->l4_len || v->room < sizeof(struct rte_tcp_hdr) || !p->m->next))
		return false;
	if (p->key.proto == IPPROTO_TCP)
		return (uint32_t)(l4[offsetof(struct rte_tcp_hdr, data_off)] >> 4) * TCP_WORD_SIZE >
		       v->room;
	return ct_key_is_icmp(&p->key) && ct_icmp_reverse(p->key.is_v6, l4[0]) < 0;
}

bool ct_packet_read(struct ct_packet *p, uint8_t dp, uint16_t zone)
{
	struct view v;

	memset(&p->key, 0, sizeof p->key);
	p->key.dp = dp & (CT_DPS_MAX - 1);
	p->key.zone = zone;
	p->is_related = false;
	p->tcp_hdr_len = 0;
	if (unlikely(!read_ip(p, &v)))
		return false;
	if (unlikely(wants_more(p, &v)) && !read_ip_slow(p, &v))
		return false;
	p->l4_ofs = (uint16_t)v.l4_ofs;
	if (unlikely(!read_l4(p, &v)))
		return false;
	p->hash = ct_key_hash(&p->key);
	return true;
}

// Quoted packets.

static bool quoted_ports(const uint8_t *l4, uint32_t len, struct ct_key *key)
{
	const struct rte_udp_hdr *ports = (const struct rte_udp_hdr *)l4; // TCP's stand there too

	if (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP)
		return len >= QUOTED_LEN && ports_are_set(key, ports->src_port, ports->dst_port);
	if (key->proto == (key->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return len >= QUOTED_LEN && ct_icmp_reverse(key->is_v6, l4[0]) >= 0 &&
		       read_query(l4, key);
	return true;
}

static bool quoted_ipv4(const uint8_t *at, uint32_t len, struct ct_key *key, uint32_t *l4_ofs)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;

	if (len < sizeof *ip || at[0] >> 4 != 4 || is_fragment(ip))
		return false;
	*l4_ofs = (at[0] & 0xfu) * 4;
	key->src_v4_be = ip->src_addr;
	key->dst_v4_be = ip->dst_addr;
	key->proto = ip->next_proto_id;
	return *l4_ofs >= sizeof *ip && *l4_ofs <= len;
}

// Over the extension headers that may stand before a transport header (RFC 8200, section 4).
static bool quoted_skip(const uint8_t *at, uint32_t len, struct ct_key *key, uint32_t *ofs)
{
	for (unsigned i = 0; i < IPV6_EXT_HEADERS_MAX; i++) {
		if (key->proto != IPPROTO_HOPOPTS && key->proto != IPPROTO_ROUTING &&
		    key->proto != IPPROTO_DSTOPTS)
			return key->proto != IPPROTO_FRAGMENT;
		if (len - *ofs < 8)
			return false;
		key->proto = at[*ofs];
		*ofs += (at[*ofs + 1] + 1u) * 8;
		if (*ofs > len)
			return false;
	}
	return false;
}

static bool quoted_ipv6(const uint8_t *at, uint32_t len, struct ct_key *key, uint32_t *l4_ofs)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)at;

	if (len < sizeof *ip || at[0] >> 4 != 6)
		return false;
	memcpy(&key->src, ip->src_addr, sizeof key->src);
	memcpy(&key->dst, ip->dst_addr, sizeof key->dst);
	key->is_v6 = true;
	key->proto = ip->proto;
	*l4_ofs = sizeof *ip;
	return quoted_skip(at, len, key, l4_ofs);
}

bool ct_packet_quoted(bool is_v6, const uint8_t *ip, uint32_t len, struct ct_key *key,
		      uint32_t *l4_ofs)
{
	memset(&key->src, 0, sizeof key->src);
	memset(&key->dst, 0, sizeof key->dst);
	key->src_port_be = key->dst_port_be = 0;
	key->is_v6 = false;
	if (!(is_v6 ? quoted_ipv6 : quoted_ipv4)(ip, len, key, l4_ofs))
		return false;
	return quoted_ports(ip + *l4_ofs, len - *l4_ofs, key);
}
