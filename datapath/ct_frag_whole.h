// A datagram out of its fragments.
#ifndef DATAPATH_CT_FRAG_WHOLE_H
#define DATAPATH_CT_FRAG_WHOLE_H

#include "datapath/packet.h"

// The first fragment's headers, made those of a whole datagram, and the parts of all n, which are
// in order and complete; ct_frag_view() has seen them. It refers to their bytes but for the
// first's. 0 with *whole, -EMSGSIZE when it would be longer than a datagram can be, -ENOMEM.
int ct_frag_join(struct rte_mbuf **frags, unsigned n, struct rte_mbuf **whole);

#endif
