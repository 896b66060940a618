#include "datapath/edit.h"

#include <errno.h>
#include <rte_arp.h>
#include <rte_ether.h>
#include <string.h>

#define ETHER_TYPE_RARP 0x8035

static void mac_set(struct rte_ether_addr *addr, const struct eth_addr *value,
		    const struct eth_addr *mask)
{
	for (unsigned i = 0; i < sizeof value->b; i++)
		addr->addr_bytes[i] = (uint8_t)((addr->addr_bytes[i] & ~mask->b[i]) | value->b[i]);
}

int edit_set_arp(struct rte_mbuf **m, const struct action *action)
{
	static const uint8_t ether_ipv4[] = {0, 1, 8, 0, 6, 4};
	const struct action_set_arp *set = &action->u.arp;
	struct rte_arp_hdr *arp;
	uint32_t ofs;
	uint16_t type;
	int err = packet_pull_headers(m);

	if (err)
		return err;
	type = edit_l3_type(*m, &ofs);
	if ((type != RTE_ETHER_TYPE_ARP && type != ETHER_TYPE_RARP) ||
	    rte_pktmbuf_data_len(*m) < ofs + sizeof *arp)
		return -EINVAL;
	arp = rte_pktmbuf_mtod_offset(*m, struct rte_arp_hdr *, ofs);
	if (memcmp(arp, ether_ipv4, sizeof ether_ipv4) != 0)
		return -EINVAL;
	arp->arp_opcode = (uint16_t)((arp->arp_opcode & ~set->op_mask_be) | set->op_be);
	arp->arp_data.arp_sip = (arp->arp_data.arp_sip & ~set->sip_mask_be) | set->sip_be;
	arp->arp_data.arp_tip = (arp->arp_data.arp_tip & ~set->tip_mask_be) | set->tip_be;
	mac_set(&arp->arp_data.arp_sha, &set->sha, &set->sha_mask);
	mac_set(&arp->arp_data.arp_tha, &set->tha, &set->tha_mask);
	return 0;
}
