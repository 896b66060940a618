#include "datapath/tunnel_row.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

bool tunnel_is_l3(uint16_t eth_type)
{
	return eth_type == ETH_P_IP || eth_type == ETH_P_IPV6 || eth_type == ETH_P_MPLS_UC ||
	       eth_type == ETH_P_MPLS_MC;
}

const struct tunnel_row tunnel_rows[N_TUNNEL_TYPES] = {
    [TUNNEL_VXLAN] = {.proto = IPPROTO_UDP, .pop = tunnel_vxlan_pop},
    [TUNNEL_GENEVE] = {.proto = IPPROTO_UDP, .pop = tunnel_geneve_pop},
    [TUNNEL_GRE] = {.proto = IPPROTO_GRE, .pop = tunnel_gre_pop},
};
