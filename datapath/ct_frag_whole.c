#include "datapath/ct_frag_whole.h"

#include "datapath/csum.h"
#include "datapath/ct_frag.h"
#include "datapath/ct_frag_view.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

#define FRAGMENT_OFS_FIELD 2u // in IPv6's fragment header

static void make_whole_ipv4(uint8_t *l3, uint32_t len)
{
	struct rte_ipv4_hdr *hdr = (struct rte_ipv4_hdr *)l3, from = *hdr;

	hdr->total_length = rte_cpu_to_be_16((uint16_t)len);
	hdr->fragment_offset &= rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	hdr->hdr_checksum =
	    csum_update(from.hdr_checksum, csum_delta(&from.total_length, &hdr->total_length, 6));
}

// The fragment header stays, and says that it is the only one (RFC 6946).
static void make_whole_ipv6(uint8_t *l3, uint8_t *frag_hdr, uint32_t len)
{
	struct rte_ipv6_hdr *hdr = (struct rte_ipv6_hdr *)l3;

	hdr->payload_len = rte_cpu_to_be_16((uint16_t)(len - sizeof *hdr));
	memset(frag_hdr + FRAGMENT_OFS_FIELD, 0, 2);
}

static int make_whole(struct rte_mbuf *m, const struct ct_frag_view *first)
{
	uint32_t len = rte_pktmbuf_pkt_len(m) - first->l3_ofs;
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, first->l3_ofs);

	if (len > UINT16_MAX + (first->is_v6 ? sizeof(struct rte_ipv6_hdr) : 0))
		return -EMSGSIZE;
	if (first->is_v6)
		make_whole_ipv6(l3, rte_pktmbuf_mtod_offset(m, uint8_t *, first->frag_ofs), len);
	else
		make_whole_ipv4(l3, len);
	return 0;
}

// A part's bytes, and nothing before or behind.
static struct rte_mbuf *part_refer(struct rte_mbuf **frag)
{
	struct ct_frag_view view;
	struct rte_mbuf *m;
	uint32_t behind;

	if (ct_frag_view(frag, &view) <= 0)
		return NULL;
	m = rte_pktmbuf_clone(*frag, packet_pool());
	if (!m)
		return NULL;
	rte_pktmbuf_adj(m, view.part_ofs); // in the first segment
	behind = rte_pktmbuf_pkt_len(m) - view.len;
	if (behind > 0 && rte_pktmbuf_trim(m, (uint16_t)behind) < 0) {
		rte_pktmbuf_free(m); // padding in a segment of its own: nobody makes that
		return NULL;
	}
	return m;
}

int ct_frag_join(struct rte_mbuf **frags, unsigned n, struct rte_mbuf **whole)
{
	struct ct_frag_view first;
	struct rte_mbuf *m = NULL;
	int err = -ENOMEM;

	if (ct_frag_view(&frags[0], &first) > 0)
		m = rte_pktmbuf_copy(frags[0], packet_pool(), 0, first.part_ofs + first.len);
	if (!m)
		return -ENOMEM;
	packet_meta_copy(packet_meta(m), packet_meta(frags[0]));
	for (unsigned i = 1; i < n; i++) {
		struct rte_mbuf *part = part_refer(&frags[i]);

		if (!part)
			goto fail;
		if (rte_pktmbuf_chain(m, part) < 0) {
			rte_pktmbuf_free(part);
			goto fail;
		}
	}
	err = make_whole(m, &first);
	if (err)
		goto fail;
	*whole = m;
	return 0;
fail:
	rte_pktmbuf_free(m);
	return err;
}

// What tracking may have changed in the headers of a datagram.
struct change {
	struct flow_meta meta;
	uint8_t addrs[2 * sizeof(struct in6)];
	uint32_t l4_ofs, l4_len;
	uint8_t l4[HEADERS_MAX];
};

static uint32_t addrs_ofs(const struct ct_frag_view *view)
{
	return view->l3_ofs + (view->is_v6 ? offsetof(struct rte_ipv6_hdr, src_addr)
					   : offsetof(struct rte_ipv4_hdr, src_addr));
}

static uint32_t addrs_len(const struct ct_frag_view *view)
{
	return view->is_v6 ? 2 * sizeof(struct in6) : 2 * sizeof(uint32_t);
}

static void addrs_set(struct rte_mbuf *m, const struct ct_frag_view *view, const uint8_t *addrs)
{
	uint8_t *at = rte_pktmbuf_mtod_offset(m, uint8_t *, addrs_ofs(view));
	struct rte_ipv4_hdr *hdr;

	if (!view->is_v6) {
		hdr = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, view->l3_ofs);
		hdr->hdr_checksum =
		    csum_update(hdr->hdr_checksum, csum_delta(at, addrs, addrs_len(view)));
	}
	memcpy(at, addrs, addrs_len(view));
}

// The bytes that edits reach: those of the headers.
static bool change_read(struct rte_mbuf *whole, const struct ct_frag_view *first,
			struct change *change)
{
	uint32_t end = RTE_MIN(first->part_ofs + first->len, HEADERS_MAX);
	const void *at;

	flow_meta_copy(&change->meta, &packet_meta(whole)->flow);
	change->l4_ofs = first->part_ofs;
	change->l4_len = end > first->part_ofs ? end - first->part_ofs : 0;
	at = rte_pktmbuf_read(whole, addrs_ofs(first), addrs_len(first), change->addrs);
	if (at && at != change->addrs)
		memcpy(change->addrs, at, addrs_len(first));
	if (!at || change->l4_len == 0)
		return at;
	at = rte_pktmbuf_read(whole, change->l4_ofs, change->l4_len, change->l4);
	if (at && at != change->l4)
		memcpy(change->l4, at, change->l4_len);
	return at;
}

// Bytes that `whole` has if nothing has made it longer or shorter.
static uint32_t whole_len(struct ct_frag_result *result)
{
	struct ct_frag_view first, view;

	if (ct_frag_view(&result->frags[0], &first) <= 0)
		return 0;
	if (ct_frag_view(&result->frags[result->n - 1], &view) <= 0)
		return 0;
	return first.part_ofs + view.start + view.len;
}

static void fragment_set(struct rte_mbuf **m, const struct change *change, bool is_first)
{
	struct ct_frag_view view;

	flow_meta_copy(&packet_meta(*m)->flow, &change->meta);
	if (ct_frag_view(m, &view) <= 0)
		return; // never
	addrs_set(*m, &view, change->addrs);
	if (is_first)
		memcpy(rte_pktmbuf_mtod_offset(*m, void *, change->l4_ofs), change->l4,
		       change->l4_len);
}

int ct_frag_release(struct ct_frag_result *result)
{
	struct ct_frag_view first;
	struct change change;
	bool fits = rte_pktmbuf_pkt_len(result->whole) == whole_len(result) &&
		    ct_frag_view(&result->frags[0], &first) > 0 &&
		    change_read(result->whole, &first, &change);

	packet_free(result->whole); // so that the fragments' bytes are their own again
	result->whole = NULL;
	for (unsigned i = 0; fits && i < result->n; i++)
		fragment_set(&result->frags[i], &change, i == 0);
	return fits ? 0 : -EMSGSIZE;
}
