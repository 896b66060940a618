// Edits of what goes along with a packet (packet_meta()->flow), not of its bytes: marks, the hash
// and the tunnel that it is looked up with, or leaves with, next. As edit.h's, they return 0.
#ifndef DATAPATH_EXECUTE_META_H
#define DATAPATH_EXECUTE_META_H

#include "datapath/packet.h"

int meta_set_trunc(struct rte_mbuf **m, const struct action *action);
int meta_set_mark(struct rte_mbuf **m, const struct action *action);
int meta_set_priority(struct rte_mbuf **m, const struct action *action);
int meta_clear_ct(struct rte_mbuf **m, const struct action *action);
int meta_set_tunnel(struct rte_mbuf **m, const struct action *action);
// The dp_hash. It stays the same over restarts, so that connections keep to their paths.
int meta_set_hash(struct rte_mbuf **m, const struct action *action);

#endif
