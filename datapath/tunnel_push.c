#include "datapath/tunnel_row.h"

#include "datapath/edit.h"
#include "datapath/offload.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define IP_LEN_MAX 65535u

static const struct tunnel_carrier *const carriers[] = {&tunnel_udp, &tunnel_gre};

// Identifications of packets that may be fragmented on their way (RFC 6864): PMDs' never meet.
static struct {
	uint16_t n;
} __rte_cache_aligned ids[PMDS_MAX];

static const struct tunnel_carrier *carrier_of(uint8_t proto)
{
	for (unsigned i = 0; i < RTE_DIM(carriers); i++)
		if (carriers[i]->proto == proto)
			return carriers[i];
	return NULL;
}

// Where the carrier is in a header, and which. False: it is no header that can be pushed.
static bool header_look(const uint8_t *header, uint32_t len, struct tunnel_pushed *p)
{
	const struct rte_ipv4_hdr *v4 = (const void *)(header + FRAME_MIN);
	const struct rte_ipv6_hdr *v6 = (const void *)(header + FRAME_MIN);
	uint16_t type;

	if (len < FRAME_MIN + sizeof *v4 || len > TUNNEL_OUTER_MAX)
		return false;
	type = (uint16_t)(header[FRAME_MIN - 2] << 8 | header[FRAME_MIN - 1]);
	p->v6 = type == RTE_ETHER_TYPE_IPV6;
	if ((!p->v6 && type != RTE_ETHER_TYPE_IPV4) || header[FRAME_MIN] >> 4 != (p->v6 ? 6 : 4) ||
	    (!p->v6 && v4->ihl * 4u != sizeof *v4))
		return false;
	p->l4_ofs = FRAME_MIN + (uint32_t)(p->v6 ? sizeof *v6 : sizeof *v4);
	if (len <= p->l4_ofs)
		return false;
	p->carrier = carrier_of(p->v6 ? v6->proto : v4->next_proto_id);
	return p->carrier;
}

int tunnel_header_check(const uint8_t *header, uint32_t len)
{
	struct tunnel_pushed p;

	if (!header_look(header, len, &p))
		return -EINVAL;
	return p.carrier->fits(header + p.l4_ofs, len - p.l4_ofs) ? 0 : -EINVAL;
}

// What an earlier TRUNC and the sender left to do.
static int inner_finish(struct rte_mbuf **m)
{
	struct packet_meta *meta = packet_meta(*m);

	if (unlikely(meta->trunc_len)) {
		if (meta->trunc_len < (*m)->pkt_len) // of a part, nothing is left to do
			(*m)->ol_flags &= ~PACKET_OFFLOAD;
		packet_cut(*m, meta->trunc_len);
		meta->trunc_len = 0;
	}
	if (likely(!((*m)->ol_flags & PACKET_OFFLOAD)))
		return 0;
	return packet_is_gso(*m) ? -EINVAL : offload_checksum(m);
}

static uint8_t *segment_put(struct rte_mbuf **m, uint32_t len)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(packet_pool());

	if (unlikely(!head))
		return NULL;
	packet_meta_copy(packet_meta(head), packet_meta(*m));
	rte_pktmbuf_append(head, (uint16_t)len);
	if (unlikely(rte_pktmbuf_chain(head, *m) < 0)) {
		rte_pktmbuf_free(head);
		return NULL;
	}
	*m = head;
	return rte_pktmbuf_mtod(head, uint8_t *);
}

// len bytes before the packet, contiguous: where it has room before its bytes and nobody else
// refers to them, or in a segment of their own. NULL without memory.
static uint8_t *room_put(struct rte_mbuf **m, uint32_t len)
{
	bool shared = !RTE_MBUF_DIRECT(*m) || rte_mbuf_refcnt_read(*m) > 1;
	struct rte_mbuf *own;

	if (likely(!shared && rte_pktmbuf_headroom(*m) >= len))
		return (uint8_t *)rte_pktmbuf_prepend(*m, (uint16_t)len);
	own = packet_own(*m);
	if (unlikely(!own))
		return NULL;
	if (own != *m) {
		*m = own;
		return room_put(m, len);
	}
	return segment_put(m, len);
}

static void ip_finish(const struct pmd *pmd, const struct tunnel_pushed *p, struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, FRAME_MIN);
	struct rte_ipv4_hdr *v4 = (void *)ip;
	struct rte_ipv6_hdr *v6 = (void *)ip;

	if (p->v6) {
		v6->payload_len = rte_cpu_to_be_16((uint16_t)(m->pkt_len - p->l4_ofs));
		return;
	}
	v4->total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len - FRAME_MIN));
	if (!(v4->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))
		v4->packet_id =
		    rte_cpu_to_be_16((uint16_t)(ids[pmd->index].n++ * PMDS_MAX + pmd->index));
	v4->hdr_checksum = 0;
	v4->hdr_checksum = rte_ipv4_cksum(v4);
}

// As a packet that has just come in at the tunnel's way out: nothing is known of it yet.
static void meta_begin(const struct tunnel_pushed *p, struct packet_meta *meta)
{
	meta->in_port = p->push->out_port < PORTS_MAX ? p->push->out_port : 0;
	meta->layout.l3_ofs = FRAME_MIN;
	meta->layout.l4_ofs = p->carrier->has_ports ? (uint16_t)p->l4_ofs : LAYOUT_NONE;
	flow_meta_clear(&meta->flow);
}

// Of a packet without an Ethernet header: what stands in its place.
static int stand_in_remove(struct rte_mbuf *m)
{
	struct packet_layout *layout = &packet_meta(m)->layout;

	if (rte_pktmbuf_data_len(m) < FRAME_MIN)
		return -EINVAL;
	if (layout->l3_ofs != LAYOUT_NONE)
		layout->l3_ofs -= FRAME_MIN;
	if (layout->l4_ofs != LAYOUT_NONE)
		layout->l4_ofs -= FRAME_MIN;
	packet_meta(m)->no_eth = false;
	return edit_remove(m, 0, FRAME_MIN);
}

static int push_one(const struct pmd *pmd, struct tunnel_pushed *p, struct rte_mbuf **m)
{
	uint32_t len = p->push->header_len;
	uint8_t *header;
	int err = inner_finish(m);

	if (unlikely(packet_meta(*m)->no_eth && !err))
		err = stand_in_remove(*m);
	if (unlikely(err))
		return err;
	if (unlikely((*m)->pkt_len + len > FRAME_MIN + IP_LEN_MAX))
		return -EINVAL;
	header = room_put(m, len);
	if (unlikely(!header))
		return -ENOMEM;
	memcpy(header, p->header, len);
	ip_finish(pmd, p, *m);
	p->carrier->finish(p, *m);
	meta_begin(p, packet_meta(*m));
	return 0;
}

unsigned tunnel_push(struct pmd *pmd, const struct action_tunnel_push *push, struct rte_mbuf **pkts,
		     unsigned n)
{
	struct tunnel_pushed p = {.push = push, .header = action_tunnel_header(push)};
	unsigned kept = 0;

	if (unlikely(!header_look(p.header, push->header_len, &p))) { // not checked before
		pmd_count_drop(pmd, pmd->in_port, DROP_ACTION_INVALID, n);
		packet_free_bulk(pkts, n);
		return 0;
	}
	if (p.carrier->begin)
		p.carrier->begin(&p, n);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		int err = push_one(pmd, &p, &m);

		if (likely(!err))
			pkts[kept++] = m;
		else
			pmd_drop(pmd, m, err == -ENOMEM ? DROP_NO_MEMORY : DROP_ACTION_INVALID);
	}
	return kept;
}
