#include "datapath/edit.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define DSCP_MASK      0xfc // in the ToS byte; the other bits are ECN's
#define PRECEDENCE_MAX 3
#define AF_CLASSES     4

// RFC 2597: class c and drop precedence p are DSCP 8 * c + 2 * p.
static uint8_t tos_raised(uint8_t tos, unsigned prec_level)
{
	unsigned dscp = tos >> 2, class = dscp >> 3, precedence = dscp >> 1 & 3;

	if (class < 1 || class > AF_CLASSES || precedence == 0 || dscp & 1)
		return tos;
	precedence = RTE_MIN(precedence + prec_level, (unsigned)PRECEDENCE_MAX);
	return (uint8_t)((class << 3 | precedence << 1) << 2 | (tos & ~DSCP_MASK));
}

static int raise_ipv4(struct rte_mbuf **m, uint32_t l3_ofs, unsigned prec_level)
{
	const struct rte_ipv4_hdr *ip =
	    rte_pktmbuf_mtod_offset(*m, const struct rte_ipv4_hdr *, l3_ofs);
	uint8_t tos = tos_raised(ip->type_of_service, prec_level);
	const struct action set = {.type = ACTION_SET_IPV4,
				   .u.ipv4 = {.tos = tos & DSCP_MASK, .tos_mask = DSCP_MASK}};

	return tos == ip->type_of_service ? 0 : edit_set_ipv4(m, &set);
}

static int raise_ipv6(struct rte_mbuf **m, uint32_t l3_ofs, unsigned prec_level)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(*m, const uint8_t *, l3_ofs);
	uint8_t old = (uint8_t)(ip[0] << 4 | ip[1] >> 4), tclass = tos_raised(old, prec_level);
	const struct action set = {.type = ACTION_SET_IPV6,
				   .u.ipv6 = {.tclass = tclass & DSCP_MASK,
					      .tclass_mask = DSCP_MASK}};

	return tclass == old ? 0 : edit_set_ipv6(m, &set);
}

int edit_raise_precedence(struct rte_mbuf **m, unsigned prec_level)
{
	int err = packet_pull_headers(m);
	uint16_t eth_type;
	uint32_t l3_ofs;

	if (err)
		return err;
	eth_type = edit_eth_type(*m, &l3_ofs);
	if (eth_type == RTE_ETHER_TYPE_IPV4 &&
	    rte_pktmbuf_data_len(*m) >= l3_ofs + sizeof(struct rte_ipv4_hdr))
		return raise_ipv4(m, l3_ofs, prec_level);
	if (eth_type == RTE_ETHER_TYPE_IPV6 &&
	    rte_pktmbuf_data_len(*m) >= l3_ofs + sizeof(struct rte_ipv6_hdr))
		return raise_ipv6(m, l3_ofs, prec_level);
	return 0;
}
