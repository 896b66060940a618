#include "datapath/edit.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <string.h>

#define ETH_ADDRS_LEN 12
#define VLAN_LEN      4
#define TAGS_MAX      2

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

uint16_t edit_l3_type(const struct rte_mbuf *m, uint32_t *ofs)
{
	uint16_t type = edit_eth_type(m, ofs);
	uint16_t l3_ofs = packet_meta((struct rte_mbuf *)(uintptr_t)m)->layout.l3_ofs;

	if (type >= 0x600 || l3_ofs == LAYOUT_NONE)
		return type;
	// 802.3 with SNAP: the type stands right before what extraction has found.
	if (l3_ofs < 2 || l3_ofs > rte_pktmbuf_data_len(m))
		return 0;
	*ofs = l3_ofs;
	return be16_at(rte_pktmbuf_mtod_offset(m, const uint8_t *, l3_ofs - 2));
}

int edit_set_eth(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_eth *set = &action->u.eth;
	uint8_t *dst, *src;
	int err = packet_pull_headers(m);

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
	struct packet_meta *meta = packet_meta(m);
	struct packet_layout *layout = &meta->layout;

	if (layout->l3_ofs != LAYOUT_NONE)
		layout->l3_ofs = (uint16_t)(layout->l3_ofs + delta);
	if (layout->l4_ofs != LAYOUT_NONE)
		layout->l4_ofs = (uint16_t)(layout->l4_ofs + delta);
	if (m->ol_flags & PACKET_OFFLOAD) {
		meta->offload.csum_start = (uint16_t)(meta->offload.csum_start + delta);
		meta->offload.gso_headers = (uint16_t)(meta->offload.gso_headers + delta);
	}
}

uint8_t *edit_insert(struct rte_mbuf **m, uint32_t ofs, uint32_t len)
{
	uint8_t *frame;

	if (rte_pktmbuf_headroom(*m) < len && packet_replace(m))
		return NULL;
	frame = (uint8_t *)rte_pktmbuf_prepend(*m, (uint16_t)len);
	if (!frame)
		return NULL;
	memmove(frame, frame + len, ofs);
	layout_shift(*m, (int)len);
	return frame;
}

int edit_remove(struct rte_mbuf *m, uint32_t ofs, uint32_t len)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	// The checksum must not start in it, nor in an Ethernet header then.
	if (m->ol_flags & PACKET_OFFLOAD &&
	    packet_meta(m)->offload.csum_start < RTE_MAX(ofs, FRAME_MIN) + len)
		return -EINVAL;
	memmove(frame + len, frame, ofs);
	rte_pktmbuf_adj(m, (uint16_t)len);
	layout_shift(m, -(int)len);
	return 0;
}

int edit_push_vlan(struct rte_mbuf **m, const struct action *action)
{
	const struct vlan_tag *tag = &action->u.vlan;
	uint16_t tci_be =
	    tag->tci_be & (uint16_t)~RTE_BE16(VLAN_CFI); // our mark of presence, no bit of the wire
	uint8_t *frame;
	int err = packet_pull_headers(m);

	if (err)
		return err;
	if (count_tags(*m) == TAGS_MAX)
		return -EINVAL;
	frame = edit_insert(m, ETH_ADDRS_LEN, VLAN_LEN);
	if (!frame)
		return -ENOMEM;
	memcpy(frame + ETH_ADDRS_LEN, &tag->tpid_be, sizeof tag->tpid_be);
	memcpy(frame + ETH_ADDRS_LEN + 2, &tci_be, sizeof tci_be);
	return 0;
}

int edit_pop_vlan(struct rte_mbuf **m, const struct action *action)
{
	int err = packet_pull_headers(m);

	(void)action;
	if (err)
		return err;
	if (!is_tag(*m, ETH_ADDRS_LEN))
		return 0;
	if (rte_pktmbuf_data_len(*m) < ETH_ADDRS_LEN + VLAN_LEN + 2)
		return -EINVAL; // less than an Ethernet header would be left
	return edit_remove(*m, ETH_ADDRS_LEN, VLAN_LEN);
}
