#include "datapath/ct_nat_packet.h"

#include "datapath/csum.h"
#include "datapath/edit.h"
#include "datapath/ip_view.h"

#include <errno.h>
#include <rte_ip.h>

#define ICMP_HLEN   8u
#define ICMP_ID_OFS 4u

static const struct l4_csum icmp_csum = {.csum_ofs = 2}; // ICMP's and ICMPv6's

static uint32_t addr_len(bool is_v6)
{
	return is_v6 ? sizeof(struct in6) : sizeof(uint32_t);
}

static uint8_t *addr_of(uint8_t *l3, bool is_v6, bool is_dst)
{
	uint32_t ofs = is_v6 ? offsetof(struct rte_ipv6_hdr, src_addr)
			     : offsetof(struct rte_ipv4_hdr, src_addr);

	return l3 + ofs + (is_dst ? addr_len(is_v6) : 0);
}

// An address that stays is not touched: an error may come from a router on the way.
static uint32_t addr_set(uint8_t *at, const struct in6 *from, const struct in6 *to, uint32_t len)
{
	uint32_t delta;

	if (memcmp(from, to, len) == 0)
		return 0;
	delta = csum_delta(at, to, len);
	memcpy(at, to, len);
	return delta;
}

static void ipv4_csum_update(uint8_t *l3, uint32_t delta)
{
	struct rte_ipv4_hdr *hdr = (struct rte_ipv4_hdr *)l3;

	hdr->hdr_checksum = csum_update(hdr->hdr_checksum, delta);
}

// The addresses of an IP header and its checksum. *pseudo is what the transport's checksum must
// take in; the return value what sums over the header must: nothing, where it has a checksum of
// its own.
static void addrs_set(const struct ip_view *ip, const struct ct_key *from, const struct ct_key *to,
		      uint32_t *pseudo)
{
	uint32_t len = addr_len(ip->is_v6);
	uint32_t src = addr_set(addr_of(ip->l3, ip->is_v6, false), &from->src, &to->src, len);
	uint32_t dst = addr_set(addr_of(ip->l3, ip->is_v6, true), &from->dst, &to->dst, len);

	if (!ip->is_v6)
		ipv4_csum_update(ip->l3, src + dst);
	// With a routing header under way, the checksum covers the last address of that instead.
	*pseudo = src + (ip->is_routed ? 0 : dst);
}

static uint32_t word_set(uint8_t *at, uint16_t value)
{
	uint32_t delta = csum_delta(at, &value, sizeof value);

	memcpy(at, &value, sizeof value);
	return delta;
}

static bool is_query(const struct ip_view *ip)
{
	return ip->proto == (ip->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static bool has_ports(const struct ct_key *key)
{
	return key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP;
}

// What the tuple's ports are in this packet: -EINVAL when they are cut off.
static int ports_ofs(const struct ip_view *ip, const struct ct_key *key)
{
	if (is_query(ip))
		return ip->l4_len >= ICMP_HLEN ? (int)ICMP_ID_OFS : -EINVAL;
	if (!has_ports(key))
		return 0;
	return ip->l4_len >= 4 ? 0 : -EINVAL;
}

static uint32_t ports_set(const struct ip_view *ip, const struct ct_key *from,
			  const struct ct_key *to)
{
	uint32_t delta = 0;

	if (!has_ports(from) && !is_query(ip))
		return 0;
	if (from->src_port_be != to->src_port_be)
		delta += word_set(ip->l4 + ports_ofs(ip, from), to->src_port_be);
	if (from->dst_port_be != to->dst_port_be && !is_query(ip))
		delta += word_set(ip->l4 + 2, to->dst_port_be);
	return delta;
}

static const struct l4_csum *csum_row(const struct ip_view *ip)
{
	return ip->proto == IPPROTO_ICMP && !ip->is_v6 ? &icmp_csum : l4_csum_of(ip);
}

static bool is_own(const struct ip_view *ip, const struct ct_key *key)
{
	return ip->is_v6 == key->is_v6 && ip->proto == key->proto && ip->l4 && !ip->is_later &&
	       ports_ofs(ip, key) >= 0;
}

// IPv4's ICMP has no pseudo header.
static uint32_t pseudo_of(const struct ip_view *ip, uint32_t delta)
{
	return ip->proto == IPPROTO_ICMP && !ip->is_v6 ? 0 : delta;
}

static int packet_set(struct rte_mbuf *m, const struct ip_view *ip, const struct ct_key *from,
		      const struct ct_key *to)
{
	const struct l4_csum *row = csum_row(ip);
	uint32_t pseudo;

	if (!is_own(ip, from) || !l4_csum_reachable(ip, row))
		return -EINVAL;
	addrs_set(ip, from, to, &pseudo);
	l4_csum_update(m, ip, row, pseudo_of(ip, pseudo));
	if (row)
		l4_csum_update_inside(m, ip, row, ports_set(ip, from, to));
	return 0;
}

// The checksum in a quoted header, if it was quoted: with the sum that it has, not with what was
// left to complete, as it has been on the wire. Returns what sums over it must take in.
static uint32_t quoted_csum_update(const struct ip_view *ip, const struct l4_csum *row,
				   uint32_t delta)
{
	uint16_t csum;

	if (!row || ip->l4_len < row->csum_ofs + 2u)
		return 0;
	csum = csum_word(ip->l4 + row->csum_ofs);
	if (row->zero_is_none && csum == 0)
		return 0;
	csum = csum_update(csum, delta);
	if (row->zero_is_none && csum == 0)
		csum = 0xffff;
	return word_set(ip->l4 + row->csum_ofs, csum);
}

// Returns what the error's checksum must take in.
static uint32_t quoted_set(const struct ip_view *ip, const struct ct_key *from,
			   const struct ct_key *to)
{
	uint32_t len = addr_len(ip->is_v6), pseudo, ports, delta;
	uint8_t before[2 * sizeof(struct in6)], *addrs = addr_of(ip->l3, ip->is_v6, false);
	uint16_t ip_csum = 0;

	memcpy(before, addrs, 2 * len);
	if (!ip->is_v6)
		ip_csum = ((const struct rte_ipv4_hdr *)ip->l3)->hdr_checksum;
	addrs_set(ip, from, to, &pseudo);
	delta = csum_delta(before, addrs, 2 * len);
	if (!ip->is_v6)
		delta += csum_delta(&ip_csum, &((struct rte_ipv4_hdr *)ip->l3)->hdr_checksum, 2);
	ports = ports_set(ip, from, to);
	return delta + ports + quoted_csum_update(ip, csum_row(ip), pseudo_of(ip, pseudo) + ports);
}

static int error_set(struct rte_mbuf *m, const struct ip_view *ip, const struct ct_key *from,
		     const struct ct_key *to)
{
	const struct l4_csum *row = csum_row(ip);
	struct ct_key quoted_from, quoted_to;
	struct ip_view quoted = {0};
	uint32_t pseudo;

	ct_key_reverse(&quoted_from, from);
	ct_key_reverse(&quoted_to, to);
	if (!is_query(ip) || ip->is_later || !ip->l4 || ip->l4_len < ICMP_HLEN ||
	    ip_view_quoted(ip->l4 + ICMP_HLEN, ip->l4_len - ICMP_HLEN, ip->is_v6, &quoted) < 0 ||
	    !is_own(&quoted, from))
		return -EINVAL;
	addrs_set(ip, from, to, &pseudo);
	l4_csum_update(m, ip, row, pseudo_of(ip, pseudo));
	l4_csum_update_inside(m, ip, row, quoted_set(&quoted, &quoted_from, &quoted_to));
	return 0;
}

int ct_nat_packet(struct rte_mbuf **m, const struct ct_key *from, const struct ct_key *to,
		  bool is_error)
{
	struct ip_view ip = {0};
	int found;

	if (ct_key_equal(from, to))
		return 0;
	found = ip_view(m, &ip);
	if (found <= 0)
		return found < 0 ? found : -EINVAL;
	return is_error ? error_set(*m, &ip, from, to) : packet_set(*m, &ip, from, to);
}
