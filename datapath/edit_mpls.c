// Label stack entries (RFC 3032) stand behind Ethernet header and VLAN tags, as in the kernel's
// datapath. 802.3 frames have no EtherType that could say so.
#include "datapath/edit.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <string.h>

#define LSE_LEN	     4u
#define ETH_TYPE_MIN 0x600
#define ETH_TYPE_TEB 0x6558 // transparent Ethernet bridging: a frame follows
#define ETH_TYPE_LEN 2u

// Where the outermost entry of *m is, whose headers are made writable; *ofs is its place in the
// frame. NULL with -EINVAL or -ENOMEM in *err.
static uint8_t *outermost(struct rte_mbuf **m, uint32_t *ofs, int *err)
{
	*err = packet_pull_headers(m);
	if (*err)
		return NULL;
	if (!eth_type_is_mpls(edit_eth_type(*m, ofs)) ||
	    rte_pktmbuf_data_len(*m) < *ofs + LSE_LEN) {
		*err = -EINVAL;
		return NULL;
	}
	return rte_pktmbuf_mtod_offset(*m, uint8_t *, *ofs);
}

int edit_push_mpls(struct rte_mbuf **m, const struct action *action)
{
	const struct action_push_mpls *push = &action->u.push_mpls;
	uint8_t *frame;
	uint32_t ofs;
	int err = packet_pull_headers(m);

	if (err)
		return err;
	if (edit_eth_type(*m, &ofs) < ETH_TYPE_MIN)
		return -EINVAL;
	frame = edit_insert(m, ofs, LSE_LEN);
	if (!frame)
		return -ENOMEM;
	memcpy(frame + ofs - ETH_TYPE_LEN, &push->eth_type_be, ETH_TYPE_LEN);
	memcpy(frame + ofs, &push->lse_be, LSE_LEN);
	return 0;
}

int edit_pop_mpls(struct rte_mbuf **m, const struct action *action)
{
	uint32_t ofs;
	int err;

	if (!outermost(m, &ofs, &err))
		return err;
	if (packet_meta(*m)->no_eth && action->u.eth_type_be == RTE_BE16(ETH_TYPE_TEB))
		return edit_pop_mpls_to_eth(m);
	err = edit_remove(*m, ofs, LSE_LEN);
	if (err)
		return err;
	memcpy(rte_pktmbuf_mtod_offset(*m, uint8_t *, ofs - ETH_TYPE_LEN), &action->u.eth_type_be,
	       ETH_TYPE_LEN);
	return 0;
}

int edit_set_mpls(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_mpls *set = &action->u.mpls;
	uint32_t ofs, lse_be;
	int err;
	uint8_t *at = outermost(m, &ofs, &err);

	if (!at)
		return err;
	memcpy(&lse_be, at, LSE_LEN);
	lse_be = (lse_be & ~set->mask_be) | set->lse_be;
	memcpy(at, &lse_be, LSE_LEN);
	return 0;
}

int edit_dec_mpls_ttl(struct rte_mbuf **m, const struct action *action)
{
	uint32_t ofs;
	int err;
	uint8_t *at = outermost(m, &ofs, &err);

	(void)action;
	if (!at)
		return err;
	if (at[3] <= 1)
		return -ETIME;
	at[3]--;
	return 0;
}
