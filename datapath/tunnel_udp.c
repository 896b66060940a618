#include "datapath/tunnel_row.h"

#include "datapath/csum.h"
#include "datapath/offload.h"

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_jhash.h>
#include <rte_udp.h>

#define CSUM_OFS       offsetof(struct rte_udp_hdr, dgram_cksum)
#define TUNNEL_LEN_MIN 8u // VXLAN's header, or Geneve's without options
// The dynamic ports, as RFC 7348 (section 5) and RFC 8926 (section 3.3) want them.
#define SRC_PORT_MIN   49152u
#define SRC_PORTS      16384u
#define IPV4_ADDRS_OFS offsetof(struct rte_ipv4_hdr, src_addr)
#define IPV6_ADDRS_OFS offsetof(struct rte_ipv6_hdr, src_addr)

// Of an outer IP header and len bytes of UDP behind it.
static uint16_t pseudo_sum(const uint8_t *ip, bool v6, uint32_t len)
{
	uint32_t sum = RTE_BE16(IPPROTO_UDP) + rte_cpu_to_be_16((uint16_t)len);

	sum += v6 ? rte_raw_cksum(ip + IPV6_ADDRS_OFS, 2 * sizeof(struct in6))
		  : rte_raw_cksum(ip + IPV4_ADDRS_OFS, 2 * sizeof(uint32_t));
	return csum_fold(sum);
}

// The sender left the outer checksum to us: there is none yet.
static bool is_partial(const struct tunnel_popped *p)
{
	const struct packet_offload *offload = &packet_meta(p->m)->offload;

	return (p->m->ol_flags & PACKET_OFFLOAD) && offload->csum_start == p->l4_ofs;
}

bool tunnel_udp_pop(struct tunnel_popped *p)
{
	const struct rte_udp_hdr *udp = (const void *)tunnel_read(p, p->l4_ofs, sizeof *udp);
	uint32_t len;

	if (unlikely(!udp))
		return false;
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (unlikely(len < sizeof *udp || p->l4_ofs + len > p->m->pkt_len))
		return false;
	packet_cut(p->m, p->l4_ofs + len);
	p->tun.tp_src_be = udp->src_port;
	p->tun.tp_dst_be = udp->dst_port;
	if (udp->dgram_cksum != 0) {
		p->tun.flags |= TUN_F_CSUM;
		p->csum_asked = !is_partial(p);
		p->csum = pseudo_sum(rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l3_ofs),
				     p->v6, len);
	}
	p->reason = DROP_TUNNEL_HEADER;
	return true;
}

static bool proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

// The ports at ofs as one word, 0 without any. All fragments of a packet shall take one way.
static uint32_t ports_at(const struct rte_mbuf *m, uint32_t ofs, uint8_t proto, bool fragment)
{
	uint32_t word = 0;
	const void *at;

	if (fragment || !proto_has_ports(proto))
		return 0;
	at = rte_pktmbuf_read(m, ofs, sizeof word, &word);
	if (at && at != &word)
		memcpy(&word, at, sizeof word);
	return word;
}

static uint32_t ipv4_hash(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ip, uint32_t l4_ofs)
{
	bool fragment = (ip->fragment_offset & RTE_BE16(0x3fff)) || l4_ofs == LAYOUT_NONE;

	return rte_jhash_3words(ip->src_addr, ip->dst_addr,
				ports_at(m, l4_ofs, ip->next_proto_id, fragment),
				ip->next_proto_id);
}

static uint32_t ipv6_hash(const struct rte_mbuf *m, const struct rte_ipv6_hdr *ip, uint32_t l4_ofs)
{
	uint32_t addrs[8], hash; // aligned, as rte_jhash() wants them

	memcpy(addrs, ip->src_addr, sizeof addrs);
	hash = rte_jhash(addrs, sizeof addrs, ip->proto);
	return rte_jhash_1word(ports_at(m, l4_ofs, ip->proto, l4_ofs == LAYOUT_NONE), hash);
}

static uint32_t l2_hash(const struct rte_mbuf *m, uint32_t inner)
{
	uint32_t room[4]; // aligned, as rte_jhash() wants it
	const void *at = rte_pktmbuf_read(m, inner, FRAME_MIN, room);

	if (at && at != room)
		memcpy(room, at, FRAME_MIN);
	return at ? rte_jhash(room, FRAME_MIN, 0) : 0;
}

// Of the flow that the packet behind len bytes of outer headers belongs to.
static uint32_t inner_hash(struct rte_mbuf *m, uint32_t len)
{
	struct packet_layout layout = packet_meta(m)->layout;
	uint32_t l4_ofs = layout.l4_ofs == LAYOUT_NONE ? LAYOUT_NONE : len + layout.l4_ofs;
	uint8_t room[sizeof(struct rte_ipv6_hdr)];
	const uint8_t *at = NULL;

	if (layout.l3_ofs != LAYOUT_NONE)
		at = rte_pktmbuf_read(m, len + layout.l3_ofs, sizeof(struct rte_ipv4_hdr), room);
	if (at && at[0] >> 4 == 4)
		return ipv4_hash(m, (const void *)at, l4_ofs);
	if (at && at[0] >> 4 == 6)
		at = rte_pktmbuf_read(m, len + layout.l3_ofs, sizeof room, room);
	if (at && at[0] >> 4 == 6)
		return ipv6_hash(m, (const void *)at, l4_ofs);
	return l2_hash(m, len);
}

static bool udp_fits(const uint8_t *l4, uint32_t len)
{
	(void)l4;
	return len >= sizeof(struct rte_udp_hdr) + TUNNEL_LEN_MIN;
}

// A checksum that is not 0 in the header asks for the packet's own. IPv6 has always one.
static void udp_finish(struct tunnel_pushed *p, struct rte_mbuf *m)
{
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, p->l4_ofs);
	uint32_t len = m->pkt_len - p->l4_ofs, hash = inner_hash(m, p->push->header_len);

	udp->src_port = rte_cpu_to_be_16((uint16_t)(SRC_PORT_MIN + hash % SRC_PORTS));
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)len);
	if (udp->dgram_cksum == 0 && !p->v6)
		return;
	udp->dgram_cksum =
	    pseudo_sum(rte_pktmbuf_mtod_offset(m, const uint8_t *, FRAME_MIN), p->v6, len);
	offload_checksum_write(m, p->l4_ofs, CSUM_OFS);
}

const struct tunnel_carrier tunnel_udp = {.proto = IPPROTO_UDP,
					  .has_ports = true,
					  .fits = udp_fits,
					  .finish = udp_finish};
