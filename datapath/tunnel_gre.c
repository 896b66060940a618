#include "datapath/tunnel_row.h"

#include "datapath/offload.h"

#include <netinet/in.h>
#include <rte_byteorder.h>

#define FLAG_CSUM     0x8000
#define FLAG_KEY      0x2000
#define FLAG_SEQ      0x1000
#define BASE_LEN      4u
#define FIELD_LEN     4u // of checksum (and what was the offset), key, sequence number: in this order
#define TYPE_ETHERNET 0x6558

static uint16_t be16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t header_len(uint16_t flags)
{
	return BASE_LEN +
	       FIELD_LEN * (!!(flags & FLAG_CSUM) + !!(flags & FLAG_KEY) + !!(flags & FLAG_SEQ));
}

// Version 0, and nothing of what RFC 2784 took out of RFC 1701.
static bool flags_are_known(uint16_t flags)
{
	return (flags & ~(FLAG_CSUM | FLAG_KEY | FLAG_SEQ)) == 0;
}

bool tunnel_gre_pop(struct tunnel_popped *p, unsigned options)
{
	const uint8_t *at = tunnel_read(p, p->l4_ofs, BASE_LEN);
	uint16_t flags, type;
	uint32_t key_be;

	(void)options;
	p->reason = DROP_TUNNEL_HEADER;
	if (unlikely(!at))
		return false;
	flags = be16_at(at);
	if (unlikely(!flags_are_known(flags)))
		return false;
	type = be16_at(at + 2);
	if (unlikely(type != TYPE_ETHERNET)) {
		p->reason = DROP_TUNNEL_PROTOCOL;
		p->l3_type = type;
		if (!tunnel_is_l3(type))
			return false;
		p->reason = DROP_TUNNEL_HEADER;
	}
	at = tunnel_read(p, p->l4_ofs, header_len(flags));
	if (unlikely(!at))
		return false;
	if (flags & FLAG_KEY) {
		memcpy(&key_be, at + (flags & FLAG_CSUM ? BASE_LEN + FIELD_LEN : BASE_LEN),
		       sizeof key_be);
		p->tun.id_be = rte_cpu_to_be_64(rte_be_to_cpu_32(key_be));
		p->tun.flags |= TUN_F_KEY;
	}
	if (flags & FLAG_CSUM) {
		p->tun.flags |= TUN_F_CSUM;
		p->csum_asked = true;
	}
	p->header_len = p->l4_ofs + header_len(flags);
	return true;
}

static bool gre_fits(const uint8_t *l4, uint32_t len)
{
	return len >= BASE_LEN && flags_are_known(be16_at(l4)) &&
	       (be16_at(l4 + 2) == TYPE_ETHERNET || tunnel_is_l3(be16_at(l4 + 2))) &&
	       len == header_len(be16_at(l4));
}

static void gre_begin(struct tunnel_pushed *p, unsigned n)
{
	if (be16_at(p->header + p->l4_ofs) & FLAG_SEQ)
		p->seq = tunnel_port_take_seq(p->push->tnl_port, n);
}

static void gre_finish(struct tunnel_pushed *p, struct rte_mbuf *m)
{
	uint8_t *gre = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_ofs);
	uint16_t flags = be16_at(gre);
	uint32_t seq_be;

	if (flags & FLAG_SEQ) {
		seq_be = rte_cpu_to_be_32(p->seq++);
		memcpy(gre + header_len(flags) - FIELD_LEN, &seq_be, sizeof seq_be);
	}
	if (flags & FLAG_CSUM) {
		memset(gre + BASE_LEN, 0, FIELD_LEN);
		offload_checksum_write(m, p->l4_ofs, BASE_LEN);
	}
}

const struct tunnel_carrier tunnel_gre = {.proto = IPPROTO_GRE,
					  .fits = gre_fits,
					  .begin = gre_begin,
					  .finish = gre_finish};
