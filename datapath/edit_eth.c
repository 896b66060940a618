// Packets without an Ethernet header. One stands in its place all the same, with addresses of zero
// and the EtherType of what follows, so that all else finds headers where it always does:
// packet_meta()->no_eth says that it is none.
#include "datapath/edit.h"

#include <errno.h>
#include <rte_ether.h>
#include <string.h>

#define ETH_ADDRS_LEN 12u
#define ETH_HEADER    14u
#define LSE_LEN	      4u
#define ETH_TYPE_MIN  0x600

int edit_pop_eth(struct rte_mbuf **m, const struct action *action)
{
	uint32_t ofs;
	int err = packet_pull_headers(m);

	(void)action;
	if (err)
		return err;
	// Tags have no place in a packet without it, and 802.3 no type.
	if (packet_meta(*m)->no_eth || edit_eth_type(*m, &ofs) < ETH_TYPE_MIN || ofs != ETH_HEADER)
		return -EINVAL;
	memset(rte_pktmbuf_mtod(*m, void *), 0, ETH_ADDRS_LEN);
	packet_meta(*m)->no_eth = true;
	return 0;
}

int edit_push_eth(struct rte_mbuf **m, const struct action *action)
{
	const struct action_push_eth *push = &action->u.push_eth;
	uint8_t *frame;
	int err = packet_pull_headers(m);

	if (err)
		return err;
	if (!packet_meta(*m)->no_eth)
		return -EINVAL;
	frame = rte_pktmbuf_mtod(*m, uint8_t *);
	memcpy(frame, push->dst.b, sizeof push->dst);
	memcpy(frame + sizeof push->dst, push->src.b, sizeof push->src);
	packet_meta(*m)->no_eth = false;
	return 0;
}

int edit_add_mpls(struct rte_mbuf **m, const struct action *action)
{
	const struct action_push_mpls *push = &action->u.push_mpls;
	uint8_t *frame;
	int err;

	if (packet_meta(*m)->no_eth)
		return edit_push_mpls(m, action);
	err = packet_pull_headers(m);
	if (err)
		return err;
	frame = edit_insert(m, 0, ETH_HEADER + LSE_LEN);
	if (!frame)
		return -ENOMEM;
	memset(frame, 0, ETH_ADDRS_LEN);
	memcpy(frame + ETH_ADDRS_LEN, &push->eth_type_be, sizeof push->eth_type_be);
	memcpy(frame + ETH_HEADER, &push->lse_be, LSE_LEN);
	packet_meta(*m)->no_eth = true;
	return 0;
}

int edit_pop_mpls_to_eth(struct rte_mbuf **m)
{
	int err;

	// What is left must be a frame.
	if (rte_pktmbuf_data_len(*m) < ETH_HEADER + LSE_LEN + FRAME_MIN)
		return -EINVAL;
	err = edit_remove(*m, 0, ETH_HEADER + LSE_LEN);
	if (!err)
		packet_meta(*m)->no_eth = false;
	return err;
}
