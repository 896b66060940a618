// What ct_execute() calls of ICMP errors, NAT and application protocols, in this order.
#ifndef DATAPATH_CT_STEPS_H
#define DATAPATH_CT_STEPS_H

#include "datapath/ct_packet.h"
#include "datapath/ct_table.h"

struct action_ct;
struct pmd;

// ct_icmp_error.c. p->key has the outer addresses, zone and dp; `icmp` is len bytes of an ICMP or
// ICMPv6 error with its header. True: p->key is that of the connection which it is about, in the
// error's own direction, and p->is_related is set.
bool ct_icmp_error_read(const uint8_t *icmp, uint32_t len, struct ct_packet *p);

// ct_nat.c
// Chooses the next reply tuple for a connection that is about to be inserted: sets conn->ext->reply
// and ->nat. *attempt is 0 at first and its own. 0, or -ENOSPC: no (further) one is free.
int ct_nat_choose(struct ct_conn *conn, const struct action_ct *ct, uint32_t *attempt);
// Rewrites the packet (p->m) as its connection says, an ICMP error's inner packet too, and sets
// OVS_CS_F_SRC_NAT or DST_NAT in p->state. 0 or -errno: the packet is dropped.
int ct_nat_apply(struct ct_packet *p);

// ct_alg.c
// Whether this packet's tuple was expected: fills conn->ext->master, mark, label and, where its
// master has NAT, reply and nat. True: RELATED.
bool ct_alg_expected(const struct ct_packet *p, struct ct_ext *ext, struct ct_conn *conn, bool take,
		     uint32_t now);
// A packet of a control connection, after its state was updated and NAT applied: reads expectations
// out of it. `translated`: ct_nat_apply() has rewritten its header just now, so addresses in its
// payload and sequence numbers are rewritten too, once a zone. 0 or -errno: the packet is dropped.
int ct_alg_run(struct ct_packet *p, bool translated, uint32_t now);
// The connection is gone: so are its expectations. Control thread.
void ct_alg_forget(struct ct_conn *conn);

#endif
