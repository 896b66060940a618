#include "datapath/tunnel_row.h"

#include <rte_byteorder.h>
#include <rte_udp.h>

#define GENEVE_LEN	8u
#define VERSION_SHIFT	6
#define OPTS_WORDS_MASK 0x3f
#define OPT_WORDS_MASK	0x1f // in the last byte of an option's header
#define OPT_HEADER_LEN	4u
#define WORD		4u
#define FLAG_OAM	0x80
#define TYPE_ETHERNET	0x6558

// Whether options fill len bytes, neither more nor less.
static bool options_fit(const uint8_t *opts, uint32_t len)
{
	while (len > 0) {
		uint32_t n = OPT_HEADER_LEN + (opts[OPT_HEADER_LEN - 1] & OPT_WORDS_MASK) * WORD;

		if (n > len)
			return false;
		opts += n;
		len -= n;
	}
	return true;
}

static bool options_keep(struct tunnel_popped *p, uint32_t ofs, uint32_t len)
{
	struct flow_meta *meta;
	const uint8_t *opts;

	if (len == 0)
		return true;
	opts = len <= FLOW_TUN_OPTS_MAX ? tunnel_read(p, ofs, len) : NULL;
	if (!opts || !options_fit(opts, len))
		return false;
	meta = &packet_meta(p->m)->flow;
	flow_meta_use(meta, FLOW_COLD_OPTS);
	memcpy(meta->tun_opts, opts, len);
	memset(meta->tun_opts + len, 0, FLOW_TUN_OPTS_MAX - len);
	p->tun.opts_len = (uint8_t)len;
	return true;
}

bool tunnel_geneve_pop(struct tunnel_popped *p, unsigned options)
{
	const uint8_t *at;
	uint32_t ofs, opts_len;

	(void)options;
	if (!tunnel_udp_pop(p))
		return false;
	ofs = p->l4_ofs + (uint32_t)sizeof(struct rte_udp_hdr);
	at = tunnel_read(p, ofs, GENEVE_LEN);
	if (unlikely(!at || at[0] >> VERSION_SHIFT != 0))
		return false;
	if (unlikely((at[2] << 8 | at[3]) != TYPE_ETHERNET)) {
		p->reason = DROP_TUNNEL_PROTOCOL;
		return false;
	}
	opts_len = (at[0] & OPTS_WORDS_MASK) * WORD;
	p->tun.id_be = rte_cpu_to_be_64((uint64_t)at[4] << 16 | (uint64_t)at[5] << 8 | at[6]);
	p->tun.flags |= TUN_F_KEY;
	if (at[1] & FLAG_OAM)
		p->tun.flags |= TUN_F_OAM;
	p->header_len = ofs + GENEVE_LEN + opts_len;
	return options_keep(p, ofs + GENEVE_LEN, opts_len);
}
