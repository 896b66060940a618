// TFTP (RFC 1350): the server answers a request from another port.
#include "datapath/ct_alg.h"

#include "datapath/ct_payload.h"

#include <rte_udp.h>

enum { OPCODE_RRQ = 1, OPCODE_WRQ = 2 };

static bool is_request(const struct ct_packet *p)
{
	uint8_t opcode[2];

	if (p->key.proto != IPPROTO_UDP || p->dir != CT_ORIG ||
	    ct_payload_read(p, sizeof(struct rte_udp_hdr), opcode, sizeof opcode) != sizeof opcode)
		return false;
	return opcode[0] == 0 && (opcode[1] == OPCODE_RRQ || opcode[1] == OPCODE_WRQ);
}

int ct_alg_tftp_run(struct ct_packet *p, bool translated, uint32_t now)
{
	struct ct_announced a;

	(void)translated;
	if (!is_request(p))
		return 0;
	ct_announced_ends(p, &a);
	a.real_port_be = p->conn->key.src_port_be;
	a.seen_port_be = p->conn->ext->reply.dst_port_be;
	ct_alg_expect(p, &a, false, now);
	return 0;
}
