#include "datapath/tunnel_row.h"

#include <netinet/in.h>

const struct tunnel_row tunnel_rows[N_TUNNEL_TYPES] = {
    [TUNNEL_VXLAN] = {.proto = IPPROTO_UDP, .pop = tunnel_vxlan_pop},
    [TUNNEL_GENEVE] = {.proto = IPPROTO_UDP, .pop = tunnel_geneve_pop},
    [TUNNEL_GRE] = {.proto = IPPROTO_GRE, .pop = tunnel_gre_pop},
};
