#include "datapath/edit.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <string.h>

#define ETH_ADDRS_LEN 12
#define VLAN_LEN      4
#define TAGS_MAX      2

static bool is_private(const struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

static int replace_by_copy(struct rte_mbuf **m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(*m, packet_pool(), 0, UINT32_MAX);

	if (!copy)
		return -ENOMEM;
	*packet_meta(copy) = *packet_meta(*m);
	rte_pktmbuf_free(*m);
	*m = copy;
	return 0;
}

int edit_prepare(struct rte_mbuf **m)
{
	uint32_t need = RTE_MIN(rte_pktmbuf_pkt_len(*m), HEADERS_MAX);

	if (likely(is_private(*m) && rte_pktmbuf_data_len(*m) >= need))
		return 0;
	return replace_by_copy(m);
}

static uint16_t be16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool is_tag(const struct rte_mbuf *m, uint32_t ofs)
{
	uint16_t tpid;

	if (rte_pktmbuf_data_len(m) < ofs + VLAN_LEN)
		return false;
	tpid = be16_at(rte_pktmbuf_mtod_offset(m, const uint8_t *, ofs));
	return tpid == 0x8100 || tpid == 0x88a8 || tpid == 0x9100; // as extraction has them
}

static unsigned count_tags(const struct rte_mbuf *m)
{
	unsigned n = 0;

	while (n < TAGS_MAX && is_tag(m, ETH_ADDRS_LEN + n * VLAN_LEN))
		n++;
	return n;
}

uint16_t edit_eth_type(const struct rte_mbuf *m, uint32_t *ofs)
{
	uint32_t at = ETH_ADDRS_LEN + count_tags(m) * VLAN_LEN;

	*ofs = at + 2;
	if (rte_pktmbuf_data_len(m) < *ofs)
		return 0;
	return be16_at(rte_pktmbuf_mtod_offset(m, const uint8_t *, at));
}

int edit_set_eth(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_eth *set = &action->u.eth;
	uint8_t *dst, *src;
	int err = edit_prepare(m);

	if (err)
		return err;
	dst = rte_pktmbuf_mtod(*m, uint8_t *);
	src = dst + sizeof set->dst.b;
	for (unsigned i = 0; i < sizeof set->dst.b; i++) {
		dst[i] = (uint8_t)((dst[i] & ~set->dst_mask.b[i]) | set->dst.b[i]);
		src[i] = (uint8_t)((src[i] & ~set->src_mask.b[i]) | set->src.b[i]);
	}
	return 0;
}

// Headers behind the tags move by delta bytes.
static void layout_shift(struct rte_mbuf *m, int delta)
{
	struct packet_layout *layout = &packet_meta(m)->layout;

	if (layout->l3_ofs != LAYOUT_NONE)
		layout->l3_ofs = (uint16_t)(layout->l3_ofs + delta);
	if (layout->l4_ofs != LAYOUT_NONE)
		layout->l4_ofs = (uint16_t)(layout->l4_ofs + delta);
	// A port that left work to the sender (checksum, segmentation) has said where the headers
	// are.
	if (m->l2_len)
		m->l2_len = (uint64_t)(m->l2_len + delta) & 0x7f;
}

int edit_push_vlan(struct rte_mbuf **m, const struct action *action)
{
	const struct vlan_tag *tag = &action->u.vlan;
	uint16_t tci_be =
	    tag->tci_be & (uint16_t)~RTE_BE16(VLAN_CFI); // our mark of presence, no bit of the wire
	uint8_t *frame;
	int err = edit_prepare(m);

	if (err)
		return err;
	if (count_tags(*m) == TAGS_MAX)
		return -EINVAL;
	if (rte_pktmbuf_headroom(*m) < VLAN_LEN) {
		err = replace_by_copy(m); // with fresh headroom
		if (err)
			return err;
	}
	frame = (uint8_t *)rte_pktmbuf_prepend(*m, VLAN_LEN);
	if (!frame)
		return -ENOMEM;
	memmove(frame, frame + VLAN_LEN, ETH_ADDRS_LEN);
	memcpy(frame + ETH_ADDRS_LEN, &tag->tpid_be, sizeof tag->tpid_be);
	memcpy(frame + ETH_ADDRS_LEN + 2, &tci_be, sizeof tci_be);
	layout_shift(*m, VLAN_LEN);
	return 0;
}

int edit_pop_vlan(struct rte_mbuf **m, const struct action *action)
{
	uint8_t *frame;
	int err = edit_prepare(m);

	(void)action;
	if (err)
		return err;
	if (!is_tag(*m, ETH_ADDRS_LEN))
		return 0;
	if (rte_pktmbuf_data_len(*m) < ETH_ADDRS_LEN + VLAN_LEN + 2)
		return -EINVAL; // less than an Ethernet header would be left
	frame = rte_pktmbuf_mtod(*m, uint8_t *);
	memmove(frame + VLAN_LEN, frame, ETH_ADDRS_LEN);
	rte_pktmbuf_adj(*m, VLAN_LEN);
	layout_shift(*m, -VLAN_LEN);
	return 0;
}

void edit_truncate(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m;
	uint32_t left = len;
	uint16_t n_segs = 1;

	if (len >= rte_pktmbuf_pkt_len(m))
		return;
	while (left > seg->data_len) {
		left -= seg->data_len;
		seg = seg->next;
		n_segs++;
	}
	seg->data_len = (uint16_t)left;
	rte_pktmbuf_free(seg->next); // the rest of the chain, if any
	seg->next = NULL;
	m->nb_segs = n_segs;
	m->pkt_len = len;
}
