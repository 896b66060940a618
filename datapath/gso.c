#include "datapath/gso.h"

#include "datapath/csum.h"
#include "datapath/edit.h"
#include "datapath/offload.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define LSE_LEN	     4u // of a label stack entry
#define TCP_CSUM_OFS offsetof(struct rte_tcp_hdr, cksum)

// Over the labels of an MPLS packet, up to the bottom of its stack; *l3 is moved behind them. false
// when they do not end in the first segment, or for another EtherType.
static bool labels_skip(const struct rte_mbuf *m, uint16_t eth_type, uint32_t *l3)
{
	uint32_t at = *l3;
	const uint8_t *lse;

	if (!eth_type_is_mpls(eth_type))
		return false;
	do {
		if (rte_pktmbuf_data_len(m) < at + LSE_LEN)
			return false;
		lse = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
		at += LSE_LEN;
	} while (!(lse[2] & 1));
	*l3 = at;
	return true;
}

// Whether IP of this version may start at *l3: the EtherType says so, or labels stand there and
// nothing says what is behind them but who left the frame to be cut.
static bool l3_find(const struct rte_mbuf *m, bool v6, uint32_t *l3)
{
	uint16_t eth_type = edit_eth_type(m, l3);

	return eth_type == (v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4) ||
	       labels_skip(m, eth_type, l3);
}

// The headers of m, which may lie in several segments, and where they start.
static int headers_read(struct gso *gso, struct rte_mbuf *m, const struct packet_offload *offload)
{
	uint32_t len = offload->gso_headers, l4 = offload->csum_start, l3, l3_len;
	uint8_t type = offload->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	const void *headers;

	gso->v6 = type == VIRTIO_NET_HDR_GSO_TCPV6;
	l3_len = gso->v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	if (!l3_find(m, gso->v6, &l3) || (!gso->v6 && type != VIRTIO_NET_HDR_GSO_TCPV4) ||
	    offload->csum_offset != TCP_CSUM_OFS || l4 < l3 + l3_len ||
	    len < l4 + sizeof(struct rte_tcp_hdr) || len > GSO_HEADERS_MAX || len > m->pkt_len)
		return -EINVAL;
	headers = rte_pktmbuf_read(m, 0, len, gso->headers);
	if (headers != gso->headers)
		memcpy(gso->headers, headers, len);
	if (gso->headers[l3] >> 4 != (gso->v6 ? 6 : 4) ||
	    (!gso->v6 && (gso->headers[l3] & 0xfu) * 4 != l4 - l3))
		return -EINVAL;
	gso->l3_ofs = (uint16_t)l3;
	gso->l4_ofs = (uint16_t)l4;
	return 0;
}

int gso_start(struct gso *gso, struct rte_mbuf *m)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;
	int err = headers_read(gso, m, offload);

	if (err)
		return err;
	gso->m = m;
	gso->from = m;
	gso->from_ofs = offload->gso_headers;
	gso->done = 0;
	gso->len = m->pkt_len - offload->gso_headers;
	gso->n_left = RTE_MAX(1u, (gso->len + offload->gso_size - 1) / offload->gso_size);
	return gso->n_left <= GSO_SEGS_MAX ? 0 : -EINVAL;
}

// Puts the next len bytes of the payload behind what `last`, the last segment of seg, holds.
static int payload_copy(struct gso *gso, struct rte_mbuf *seg, struct rte_mbuf *last, uint32_t len)
{
	while (len > 0) {
		uint32_t n, room = rte_pktmbuf_tailroom(last);

		while (gso->from_ofs >= gso->from->data_len) {
			gso->from_ofs -= gso->from->data_len;
			gso->from = gso->from->next;
		}
		if (room == 0) {
			last->next = rte_pktmbuf_alloc(packet_pool());
			last = last->next;
			if (!last)
				return -ENOMEM;
			seg->nb_segs++;
			continue;
		}
		n = RTE_MIN(RTE_MIN(len, room), gso->from->data_len - gso->from_ofs);
		memcpy(rte_pktmbuf_mtod_offset(last, void *, last->data_len),
		       rte_pktmbuf_mtod_offset(gso->from, const void *, gso->from_ofs), n);
		last->data_len = (uint16_t)(last->data_len + n);
		seg->pkt_len += n;
		gso->from_ofs += n;
		len -= n;
	}
	return 0;
}

static void ip_fix(const struct gso *gso, struct rte_mbuf *seg, uint32_t index)
{
	uint8_t *l3 = rte_pktmbuf_mtod_offset(seg, uint8_t *, gso->l3_ofs);
	struct rte_ipv4_hdr *v4 = (struct rte_ipv4_hdr *)l3;
	struct rte_ipv6_hdr *v6 = (struct rte_ipv6_hdr *)l3;
	uint16_t len = (uint16_t)(seg->pkt_len - gso->l3_ofs);

	if (gso->v6) {
		v6->payload_len = rte_cpu_to_be_16((uint16_t)(len - sizeof *v6));
		return;
	}
	v4->total_length = rte_cpu_to_be_16(len);
	v4->packet_id = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(v4->packet_id) + index));
	v4->hdr_checksum = 0;
	v4->hdr_checksum = rte_ipv4_cksum(v4);
}

// The checksum field holds the pseudo header's sum for the whole frame: only the length in it is
// another for a segment.
static void tcp_fix(const struct gso *gso, struct rte_mbuf *seg, uint32_t done)
{
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(seg, struct rte_tcp_hdr *, gso->l4_ofs);
	uint16_t len_before = rte_cpu_to_be_16((uint16_t)(gso->m->pkt_len - gso->l4_ofs));
	uint16_t len = rte_cpu_to_be_16((uint16_t)(seg->pkt_len - gso->l4_ofs));

	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + done);
	if (done > 0)
		tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	if (gso->done < gso->len)
		tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	tcp->cksum = csum_fold((uint32_t)tcp->cksum + (uint16_t)~len_before + len);
	offload_checksum_write(seg, gso->l4_ofs, TCP_CSUM_OFS);
}

struct rte_mbuf *gso_next(struct gso *gso)
{
	const struct packet_offload *offload = &packet_meta(gso->m)->offload;
	uint32_t done = gso->done, n = RTE_MIN(gso->len - done, (uint32_t)offload->gso_size);
	struct rte_mbuf *seg = gso->n_left > 0 ? rte_pktmbuf_alloc(packet_pool()) : NULL;

	if (!seg)
		return NULL;
	packet_meta_copy(packet_meta(seg), packet_meta(gso->m));
	memcpy(rte_pktmbuf_append(seg, offload->gso_headers), gso->headers, offload->gso_headers);
	if (payload_copy(gso, seg, seg, n) < 0) {
		rte_pktmbuf_free(seg);
		return NULL;
	}
	gso->done += n;
	ip_fix(gso, seg, done / offload->gso_size);
	tcp_fix(gso, seg, done);
	gso->n_left--;
	return seg;
}
