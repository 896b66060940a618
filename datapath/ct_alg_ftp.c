// FTP: data connections to the client (active) and to the server (passive).
#include "datapath/ct_alg.h"

#include "datapath/ct_ftp_text.h"
#include "datapath/ct_payload.h"

#include <rte_byteorder.h>
#include <rte_tcp.h>

// Only its own address, as one of both knows it: or the peer would be sent to attack another (RFC
// 2577, section 3).
static bool is_own_addr(const struct ct_packet *p, const struct ftp_endpoint *e,
			const struct ct_announced *a)
{
	uint32_t len = p->key.is_v6 ? sizeof(struct in6) : sizeof(uint32_t);

	if (!e->has_addr)
		return true;
	return e->is_v6 == p->key.is_v6 &&
	       (memcmp(&e->addr, &a->real, len) == 0 || memcmp(&e->addr, &a->seen, len) == 0);
}

static bool announced_read(const struct ct_packet *p, struct ftp_endpoint *e,
			   struct ct_announced *a)
{
	uint8_t text[FTP_LINE_MAX];
	uint32_t len = ct_payload_read(p, p->tcp_hdr_len, text, sizeof text);
	bool found =
	    p->dir == CT_ORIG ? ftp_command_parse(text, len, e) : ftp_reply_parse(text, len, e);

	if (!found)
		return false;
	ct_announced_ends(p, a);
	a->real_port_be = a->seen_port_be = rte_cpu_to_be_16(e->port);
	return is_own_addr(p, e, a);
}

static uint32_t seq_of(const struct ct_packet *p)
{
	const struct rte_tcp_hdr *tcp =
	    rte_pktmbuf_mtod_offset(p->m, const struct rte_tcp_hdr *, p->l4_ofs);

	return rte_be_to_cpu_32(tcp->sent_seq);
}

static int endpoint_rewrite(struct ct_packet *p, const struct ftp_endpoint *from,
			    const struct ct_announced *a)
{
	uint32_t addr_len = p->key.is_v6 ? sizeof(struct in6) : sizeof(uint32_t), len;
	struct ftp_endpoint to = *from;
	char text[FTP_TEXT_MAX];
	int err;

	to.addr = a->seen;
	to.port = rte_be_to_cpu_16(a->seen_port_be);
	if (to.port == from->port &&
	    (!from->has_addr || memcmp(&to.addr, &from->addr, addr_len) == 0))
		return 0;
	len = ftp_endpoint_format(&to, text);
	err = ct_payload_replace(p, from->at, from->len, text, len);
	if (!err && len != from->len)
		ct_seq_moved(p->conn, p->dir, seq_of(p), (int32_t)len - (int32_t)from->len);
	return err;
}

int ct_alg_ftp_run(struct ct_packet *p, bool translated, uint32_t now)
{
	struct ftp_endpoint e;
	struct ct_announced a;
	int err = 0;

	if (p->key.proto != IPPROTO_TCP)
		return 0;
	if (announced_read(p, &e, &a) && ct_alg_expect(p, &a, translated, now) == 0 && translated)
		err = endpoint_rewrite(p, &e, &a);
	if (!err && translated)
		err = ct_seq_adjust(p);
	return err;
}
