// Outer headers are read from private memory only, each field once the packet is known to have it.
// IP says how long the packet is: what is behind is padding and goes first.
//
// The outer checksum is compared last, over the inner frame as it will be when it is complete:
// a sender may have left its checksum to others and computed the outer one for the finished frame
// (Linux: "local checksum offload"). A finished segment and its pseudo header sum to zero, so what
// the segment adds is the complement of the pseudo header's sum, which stands in the field.
#include "datapath/tunnel_row.h"

#include "datapath/csum.h"
#include "datapath/edit.h"
#include "datapath/kernel_frame.h"
#include "datapath/offload.h"

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define TAGS_LEN	  8u
#define CSUM_RIGHT	  0xffff
#define IPV4_FRAGMENT	  RTE_BE16(0x3fff) // offset, or more to come
#define IPV6_TCLASS_SHIFT 20
#define IPV6_EXT_LEN_MIN  8u

// Ports that are ends of tunnels. Writer: control thread, relaxed; seq: PMDs.
static struct {
	uint8_t type; // enum tunnel_type
	uint8_t options;
	uint32_t seq; // GRE: the next
} ports[PORTS_MAX];

void tunnel_port_set(uint32_t port_no, enum tunnel_type type, unsigned options)
{
	__atomic_store_n(&ports[port_no].seq, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ports[port_no].options, (uint8_t)options, __ATOMIC_RELAXED);
	__atomic_store_n(&ports[port_no].type, (uint8_t)type, __ATOMIC_RELAXED);
}

uint32_t tunnel_port_take_seq(uint32_t port_no, unsigned n)
{
	if (unlikely(port_no >= PORTS_MAX))
		return 0;
	return __atomic_fetch_add(&ports[port_no].seq, n, __ATOMIC_RELAXED);
}

const uint8_t *tunnel_read(struct tunnel_popped *p, uint32_t ofs, uint32_t len)
{
	uint32_t end = ofs + len;

	if (unlikely(end > RTE_MIN(p->m->pkt_len, TUNNEL_OUTER_MAX)))
		return NULL;
	if (unlikely(p->m->data_len < end && packet_is_lent(p->m)))
		packet_pull_headers(&p->m); // stays the same packet
	if (unlikely(p->m->data_len < end && packet_replace(&p->m))) {
		p->reason = DROP_NO_MEMORY;
		return NULL;
	}
	return rte_pktmbuf_mtod_offset(p->m, const uint8_t *, ofs);
}

static bool ipv4_read(struct tunnel_popped *p)
{
	const struct rte_ipv4_hdr *ip = (const void *)tunnel_read(p, p->l3_ofs, sizeof *ip);
	uint32_t header, len;

	if (!ip || ip->version != 4)
		return false;
	header = ip->ihl * 4u;
	len = rte_be_to_cpu_16(ip->total_length);
	if (header < sizeof *ip || len < header || len > p->m->pkt_len - p->l3_ofs)
		return false;
	ip = (const void *)tunnel_read(p, p->l3_ofs, header);
	if (!ip)
		return false;
	if (rte_raw_cksum(ip, header) != CSUM_RIGHT) {
		p->reason = DROP_TUNNEL_CHECKSUM;
		return false;
	}
	if (ip->fragment_offset & IPV4_FRAGMENT) {
		p->reason = DROP_TUNNEL_FRAGMENT;
		return false;
	}
	p->tun.src_be = ip->src_addr;
	p->tun.dst_be = ip->dst_addr;
	p->tun.tos = ip->type_of_service;
	p->tun.ttl = ip->time_to_live;
	p->proto = ip->next_proto_id;
	p->l4_ofs = p->l3_ofs + header;
	packet_cut(p->m, p->l3_ofs + len);
	return true;
}

// Over extension headers that say nothing to us: Linux's ip6gre has destination options.
static bool ipv6_extensions_skip(struct tunnel_popped *p)
{
	for (unsigned i = 0; i < IPV6_EXT_HEADERS_MAX &&
			     (p->proto == IPPROTO_HOPOPTS || p->proto == IPPROTO_DSTOPTS);
	     i++) {
		const uint8_t *ext = tunnel_read(p, p->l4_ofs, IPV6_EXT_LEN_MIN);

		if (!ext)
			return false;
		p->proto = ext[0];
		p->l4_ofs += (ext[1] + 1u) * IPV6_EXT_LEN_MIN;
	}
	if (p->proto == IPPROTO_FRAGMENT)
		p->reason = DROP_TUNNEL_FRAGMENT;
	return p->proto != IPPROTO_FRAGMENT;
}

static bool ipv6_read(struct tunnel_popped *p)
{
	const struct rte_ipv6_hdr *ip = (const void *)tunnel_read(p, p->l3_ofs, sizeof *ip);
	uint32_t len;

	if (!ip || rte_be_to_cpu_32(ip->vtc_flow) >> 28 != 6)
		return false;
	p->v6 = true;
	p->l4_ofs = p->l3_ofs + (uint32_t)sizeof *ip;
	len = rte_be_to_cpu_16(ip->payload_len);
	if (len > p->m->pkt_len - p->l4_ofs)
		return false;
	memcpy(&p->tun.ipv6_src, ip->src_addr, sizeof p->tun.ipv6_src);
	memcpy(&p->tun.ipv6_dst, ip->dst_addr, sizeof p->tun.ipv6_dst);
	p->tun.tos = (uint8_t)(rte_be_to_cpu_32(ip->vtc_flow) >> IPV6_TCLASS_SHIFT);
	p->tun.ttl = ip->hop_limits;
	p->proto = ip->proto;
	packet_cut(p->m, p->l4_ofs + len);
	return ipv6_extensions_skip(p);
}

static bool outer_read(struct tunnel_popped *p)
{
	if (packet_meta(p->m)->no_eth ||
	    !tunnel_read(p, 0, RTE_MIN(p->m->pkt_len, FRAME_MIN + TAGS_LEN)))
		return false;
	switch (edit_eth_type(p->m, &p->l3_ofs)) {
	case RTE_ETHER_TYPE_IPV4:
		return ipv4_read(p);
	case RTE_ETHER_TYPE_IPV6:
		return ipv6_read(p);
	default:
		return false;
	}
}

// What who received the outer packet vouched for, its checksums, says nothing of the inner one.
#define VOUCHED (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)

// An Ethernet header that only stands in the place of one (edit_eth.c) is kept for a packet
// without.
static uint32_t cut_len(const struct tunnel_popped *p)
{
	return p->l3_type ? p->header_len - FRAME_MIN : p->header_len;
}

// The outer checksum is not about it. Others may refer to the outer header's bytes.
static bool eth_stand_in(struct tunnel_popped *p)
{
	uint16_t type_be = rte_cpu_to_be_16(p->l3_type);
	uint8_t *frame;

	if (unlikely(packet_pull_headers(&p->m))) {
		p->reason = DROP_NO_MEMORY;
		return false;
	}
	frame = rte_pktmbuf_mtod(p->m, uint8_t *);
	memset(frame, 0, FRAME_MIN - sizeof type_be);
	memcpy(frame + FRAME_MIN - sizeof type_be, &type_be, sizeof type_be);
	packet_meta(p->m)->no_eth = true;
	p->csum += (uint16_t)~type_be;
	return true;
}

// What the sender left to do of the frame that is left; the bytes that it is about stay together.
static bool offload_move(struct tunnel_popped *p)
{
	struct packet_offload *offload = &packet_meta(p->m)->offload;
	uint32_t end;

	if (likely(!(p->m->ol_flags & PACKET_OFFLOAD)))
		return true;
	if (offload->csum_start < p->header_len) { // of the outer headers
		p->m->ol_flags &= ~PACKET_OFFLOAD;
		return true;
	}
	offload->csum_start = (uint16_t)(offload->csum_start - cut_len(p));
	end = (uint32_t)offload->csum_start + offload->csum_offset + (uint32_t)sizeof(uint16_t);
	p->reason = DROP_MALFORMED;
	if (offload->gso_size > 0 || offload->csum_start < FRAME_MIN || offload->csum_start % 2 ||
	    end > RTE_MIN(p->m->pkt_len, HEADERS_MAX))
		return false;
	return tunnel_read(p, 0, end) != NULL;
}

static bool strip(struct tunnel_popped *p)
{
	// All of the inner Ethernet header too, in one piece.
	const uint8_t *frame = tunnel_read(p, 0, p->header_len + (p->l3_type ? 0 : FRAME_MIN));

	if (unlikely(!frame))
		return false;
	if (p->csum_asked)
		p->csum += rte_raw_cksum(frame + p->l4_ofs, p->header_len - p->l4_ofs);
	rte_pktmbuf_adj(p->m, (uint16_t)cut_len(p));
	p->m->ol_flags &= ~(uint64_t)VOUCHED;
	if (unlikely(p->l3_type && !eth_stand_in(p)))
		return false;
	return offload_move(p);
}

// As it will be when what the sender left to do is done.
static uint32_t finished_sum(struct rte_mbuf *m)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;
	uint32_t field = (uint32_t)offload->csum_start + offload->csum_offset;

	return offload_sum(m, 0) + (uint16_t)~offload_sum(m, offload->csum_start) +
	       (uint16_t)~csum_word(rte_pktmbuf_mtod_offset(m, const void *, field));
}

// Whether the inner frame was begun only, by a sender of this host who did not tell. Then meta says
// so.
static bool is_begun(struct rte_mbuf *m)
{
	return (m->ol_flags & PACKET_OFFLOAD) ||
	       kernel_frame_look(m, FRAME_MAX) == KERNEL_FRAME_PARTIAL;
}

static bool csum_holds(struct tunnel_popped *p)
{
	struct rte_mbuf *m = p->m;

	if (!p->csum_asked) {
		is_begun(m);
		return true;
	}
	if (!(m->ol_flags & PACKET_OFFLOAD) && csum_fold(p->csum + offload_sum(m, 0)) == CSUM_RIGHT)
		return true;
	if (is_begun(m) && csum_fold(p->csum + finished_sum(m)) == CSUM_RIGHT)
		return true;
	p->reason = DROP_TUNNEL_CHECKSUM;
	return false;
}

static bool pop(struct tunnel_popped *p, const struct tunnel_row *row, unsigned options)
{
	uint32_t trunc_len = packet_meta(p->m)->trunc_len;

	if (unlikely(trunc_len))
		packet_cut(p->m, trunc_len);
	// What was known of the outer packet, its connection above all, is not the inner one's.
	flow_meta_clear(&packet_meta(p->m)->flow);
	return outer_read(p) && p->proto == row->proto && row->pop(p, options) && strip(p) &&
	       csum_holds(p);
}

static void go_on(struct pmd *pmd, uint32_t port_no, struct tunnel_popped *p)
{
	struct packet_meta *meta = packet_meta(p->m);

	if (unlikely(meta->n_recirc >= RECIRC_DEPTH_MAX || pmd->n_recirc == RECIRC_LIST_MAX)) {
		pmd_drop(pmd, p->m, DROP_RECIRC_LIMIT);
		return;
	}
	flow_meta_use(&meta->flow, FLOW_COLD_TUN);
	meta->flow.tun = p->tun;
	meta->trunc_len = 0;
	meta->in_port = port_no;
	meta->recirc_id = 0;
	meta->n_recirc++;
	pmd->recirc[pmd->n_recirc++] = p->m;
}

void tunnel_pop(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n)
{
	uint8_t type = port_no < PORTS_MAX ? __atomic_load_n(&ports[port_no].type, __ATOMIC_RELAXED)
					   : TUNNEL_NONE;
	const struct tunnel_row *row = &tunnel_rows[type];
	unsigned options;

	if (unlikely(type == TUNNEL_NONE)) {
		pmd_count_drop(pmd, pmd->in_port, DROP_TUNNEL_PORT, n);
		packet_free_bulk(pkts, n);
		return;
	}
	options = __atomic_load_n(&ports[port_no].options, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n; i++) {
		struct tunnel_popped p = {.m = pkts[i], .reason = DROP_TUNNEL_OUTER};

		if (likely(pop(&p, row, options)))
			go_on(pmd, port_no, &p);
		else
			pmd_drop(pmd, p.m, p.reason);
	}
}
