#include "datapath/ct_payload.h"

#include "datapath/csum.h"
#include "datapath/ip_view.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>

uint32_t ct_payload_read(const struct ct_packet *p, uint32_t hdr_len, uint8_t *to, uint32_t room)
{
	uint32_t ofs = p->l4_ofs + hdr_len, n = RTE_MIN(room, p->l4_len - hdr_len);
	const void *at;

	if (p->l4_len <= hdr_len || ofs + n > rte_pktmbuf_pkt_len(p->m))
		return 0;
	at = rte_pktmbuf_read(p->m, ofs, n, to);
	if (at && at != to)
		memcpy(to, at, n);
	return at ? n : 0;
}

// All of it in one segment of the switch's own, and nothing behind the IP packet.
static int make_plain(struct ct_packet *p)
{
	uint32_t end = p->l4_ofs + p->l4_len;
	struct rte_mbuf *own = packet_own(p->m);

	if (!own)
		return -ENOMEM;
	p->m = own;
	if ((!RTE_MBUF_DIRECT(own) || rte_mbuf_refcnt_read(own) > 1 || own->nb_segs > 1) &&
	    packet_replace(&p->m))
		return -ENOMEM;
	if (p->m->nb_segs > 1 || end > p->m->data_len)
		return -EMSGSIZE;
	rte_pktmbuf_trim(p->m, (uint16_t)(p->m->data_len - end));
	return 0;
}

// The IP header says how long the packet is. False: that can't be.
static bool ip_len_add(uint8_t *l3, int32_t more)
{
	bool is_v6 = l3[0] >> 4 == 6;
	uint8_t *field = l3 + (is_v6 ? offsetof(struct rte_ipv6_hdr, payload_len)
				     : offsetof(struct rte_ipv4_hdr, total_length));
	struct rte_ipv4_hdr *v4 = (struct rte_ipv4_hdr *)l3;
	uint16_t from = csum_word(field), to;
	int32_t len = rte_be_to_cpu_16(from) + more;

	if (len < 0 || len > UINT16_MAX)
		return false;
	to = rte_cpu_to_be_16((uint16_t)len);
	memcpy(field, &to, sizeof to);
	if (!is_v6)
		v4->hdr_checksum = csum_update(v4->hdr_checksum, csum_delta(&from, &to, sizeof to));
	return true;
}

// The length is in the pseudo header. What its sender left to complete is no more than that.
static void checksum_update(struct ct_packet *p, uint32_t len_before, uint16_t sum_before)
{
	uint16_t from = rte_cpu_to_be_16((uint16_t)len_before);
	uint16_t to = rte_cpu_to_be_16((uint16_t)p->l4_len);
	const struct packet_offload *offload = &packet_meta(p->m)->offload;
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(p->m, struct rte_tcp_hdr *, p->l4_ofs);
	uint32_t delta = csum_delta(&from, &to, sizeof to);

	if ((p->m->ol_flags & PACKET_OFFLOAD) && offload->csum_start == p->l4_ofs) {
		tcp->cksum = (uint16_t)~csum_update((uint16_t)~tcp->cksum, delta);
		return;
	}
	delta += (uint16_t)~sum_before + (uint32_t)rte_raw_cksum(tcp, p->l4_len);
	tcp->cksum = csum_update(tcp->cksum, delta);
}

static int resize(struct ct_packet *p, uint8_t *at, uint32_t old_len, uint32_t new_len)
{
	uint32_t behind =
	    (uint32_t)(rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->m->data_len) - (at + old_len));

	if (new_len > old_len && !rte_pktmbuf_append(p->m, (uint16_t)(new_len - old_len)))
		return -EMSGSIZE;
	memmove(at + new_len, at + old_len, behind);
	if (new_len < old_len)
		rte_pktmbuf_trim(p->m, (uint16_t)(old_len - new_len));
	return 0;
}

int ct_payload_replace(struct ct_packet *p, uint32_t at, uint32_t old_len, const void *text,
		       uint32_t new_len)
{
	uint32_t ofs = p->l4_ofs + p->tcp_hdr_len + at, len_before = p->l4_len;
	int32_t more = (int32_t)new_len - (int32_t)old_len;
	uint16_t sum_before;
	uint8_t *l3, *place;
	int err;

	if (at + old_len > p->l4_len - p->tcp_hdr_len)
		return -EINVAL;
	err = make_plain(p);
	if (err)
		return err;
	l3 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, packet_meta(p->m)->layout.l3_ofs);
	place = rte_pktmbuf_mtod_offset(p->m, uint8_t *, ofs);
	sum_before = rte_raw_cksum(rte_pktmbuf_mtod_offset(p->m, void *, p->l4_ofs), p->l4_len);
	if (more > (int32_t)rte_pktmbuf_tailroom(p->m) || !ip_len_add(l3, more))
		return -EMSGSIZE;
	err = resize(p, place, old_len, new_len);
	if (err)
		return err;
	memcpy(place, text, new_len);
	p->l4_len += (uint32_t)more;
	checksum_update(p, len_before, sum_before);
	return 0;
}
