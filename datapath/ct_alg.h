// Application protocols that announce connections on their control connection: what they share.
#ifndef DATAPATH_CT_ALG_H
#define DATAPATH_CT_ALG_H

#include "datapath/ct_packet.h"

// Where the sender of a control packet waits for a connection from its peer: as itself and as the
// peer knows it.
struct ct_announced {
	struct in6 real, seen;
	uint16_t real_port_be, seen_port_be;
};

// `real` and `seen` of the packet's sender.
void ct_announced_ends(const struct ct_packet *p, struct ct_announced *a);

// Expects what was announced. Where addresses are translated and the port is taken, another
// seen_port_be is chosen if it may be. 0, or -EADDRINUSE: nothing is expected.
int ct_alg_expect(const struct ct_packet *p, struct ct_announced *a, bool may_choose, uint32_t now);

// One a protocol. A packet of its control connection; `translated`: addresses in its header were
// rewritten, so those in its payload are to be. 0 or -errno: it is to be dropped.
int ct_alg_ftp_run(struct ct_packet *p, bool translated, uint32_t now);
int ct_alg_tftp_run(struct ct_packet *p, bool translated, uint32_t now);

#endif
