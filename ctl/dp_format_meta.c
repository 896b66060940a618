#include "ctl/dp_format_meta.h"

#include "ctl/dp_key_rows.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define GENEVE_TLV_BYTES 4

static const char *const ct_names[] = {"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"};
// From TUN_F_DF up.
static const char *const tun_names[] = {"df", "csum", "key", "oam"};

// "+new-est": the bits of the mask.
static void put_flags(struct dp_text *t, const char *const *names, unsigned n, uint32_t value,
		      uint32_t mask)
{
	for (unsigned i = 0; i < n; i++) {
		if (mask >> i & 1)
			fprintf(t->out, "%c%s", value >> i & 1 ? '+' : '-', names[i]);
	}
}

static void item_number(struct dp_text *t, const char *name, int base, uint32_t value,
			uint32_t mask, uint32_t exact)
{
	if (mask == 0)
		return;
	dp_text_open(t, name);
	fprintf(t->out, base == 16 ? "0x%" PRIx32 : "%" PRIu32, value);
	if (mask != exact)
		fprintf(t->out, "/0x%" PRIx32, mask);
	dp_text_close(t);
}

static void format_label(struct dp_text *t, const struct flow_ct *ct, const struct flow_ct *mask)
{
	if (dp_text_wild(mask->label, sizeof(mask->label)))
		return;
	dp_text_open(t, "ct_label");
	dp_text_label(t, ct->label, mask->label);
	dp_text_close(t);
}

static void tuple_rest(struct dp_text *t, const struct flow_match *match)
{
	const struct flow_key *k = &match->key, *m = &match->mask;
	dp_text_dec(t, "proto", k->ct_nw_proto, m->ct_nw_proto, UINT8_MAX);
	dp_text_dec(t, "tp_src", ntohs(k->ct.tp_src_be), ntohs(m->ct.tp_src_be), UINT16_MAX);
	dp_text_dec(t, "tp_dst", ntohs(k->ct.tp_dst_be), ntohs(m->ct.tp_dst_be), UINT16_MAX);
}

static void format_tuple(struct dp_text *t, const struct flow_match *match)
{
	const struct flow_ct *k = &match->key.ct, *m = &match->mask.ct;
	uint64_t present = dp_key_present(&match->key);
	bool rest = match->mask.ct_nw_proto || m->tp_src_be || m->tp_dst_be;
	if (present & DP_KEY_BIT(OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4) &&
	    (rest || m->nw_src_be || m->nw_dst_be)) {
		dp_text_open(t, "ct_tuple4");
		dp_text_ipv4(t, "src", k->nw_src_be, m->nw_src_be);
		dp_text_ipv4(t, "dst", k->nw_dst_be, m->nw_dst_be);
	} else if (present & DP_KEY_BIT(OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6) &&
		   (rest || !dp_text_wild(&m->ipv6_src, sizeof(m->ipv6_src)) ||
		    !dp_text_wild(&m->ipv6_dst, sizeof(m->ipv6_dst)))) {
		dp_text_open(t, "ct_tuple6");
		dp_text_ipv6(t, "src", &k->ipv6_src, &m->ipv6_src);
		dp_text_ipv6(t, "dst", &k->ipv6_dst, &m->ipv6_dst);
	} else {
		return;
	}
	tuple_rest(t, match);
	dp_text_close(t);
}

// The option at opts[at]: its header, and with its data how many bytes it has of `left`.
static unsigned tlv_bytes(const uint8_t *opts, unsigned left)
{
	unsigned n = GENEVE_TLV_BYTES + (opts[3] & 0x1f) * GENEVE_TLV_BYTES;
	return n < left ? n : left;
}

static void put_hex(struct dp_text *t, const uint8_t *bytes, unsigned n)
{
	fputs("0x", t->out);
	for (unsigned i = 0; i < n; i++)
		fprintf(t->out, "%02x", bytes[i]);
}

static void put_tlv(struct dp_text *t, const uint8_t *opt, const uint8_t *mask, unsigned n)
{
	static const uint8_t ones[FLOW_TUN_OPTS_MAX] = {[0 ... FLOW_TUN_OPTS_MAX - 1] = 0xff};
	unsigned data = n - GENEVE_TLV_BYTES;
	fprintf(t->out, "{class=0x%x,type=0x%x,len=%u", opt[0] << 8 | opt[1], opt[2], data);
	if (data > 0) {
		fputc(',', t->out);
		put_hex(t, opt + GENEVE_TLV_BYTES, data);
	}
	if (data > 0 && memcmp(mask + GENEVE_TLV_BYTES, ones, data) != 0) {
		fputc('/', t->out);
		put_hex(t, mask + GENEVE_TLV_BYTES, data);
	}
	fputc('}', t->out);
}

static void format_options(struct dp_text *t, const uint8_t *opts, const uint8_t *mask,
			   unsigned len)
{
	dp_text_open(t, "geneve");
	for (unsigned at = 0, n; at + GENEVE_TLV_BYTES <= len; at += n) {
		n = tlv_bytes(opts + at, len - at);
		put_tlv(t, opts + at, mask + at, n);
	}
	dp_text_close(t);
}

static void format_gbp(struct dp_text *t, const struct flow_tunnel *tun,
		       const struct flow_tunnel *mask)
{
	if (!mask->gbp_id_be && !mask->gbp_flags)
		return;
	dp_text_open(t, "vxlan");
	dp_text_open(t, "gbp");
	dp_text_dec(t, "id", ntohs(tun->gbp_id_be), ntohs(mask->gbp_id_be), UINT16_MAX);
	dp_text_hex(t, "flags", tun->gbp_flags, mask->gbp_flags, UINT8_MAX);
	dp_text_close(t);
	dp_text_close(t);
}

static void format_id(struct dp_text *t, const struct flow_tunnel *tun,
		      const struct flow_tunnel *mask)
{
	if (!mask->id_be)
		return;
	dp_text_sep(t);
	fprintf(t->out, "tun_id=0x%" PRIx64, __builtin_bswap64(tun->id_be));
	if (mask->id_be != UINT64_MAX)
		fprintf(t->out, "/0x%" PRIx64, __builtin_bswap64(mask->id_be));
}

void dp_format_tunnel(struct dp_text *t, const struct flow_tunnel *tun, const uint8_t *opts,
		      const struct flow_tunnel *mask, const uint8_t *opts_mask)
{
	format_id(t, tun, mask);
	dp_text_ipv4(t, "src", tun->src_be, mask->src_be);
	dp_text_ipv4(t, "dst", tun->dst_be, mask->dst_be);
	dp_text_ipv6(t, "ipv6_src", &tun->ipv6_src, &mask->ipv6_src);
	dp_text_ipv6(t, "ipv6_dst", &tun->ipv6_dst, &mask->ipv6_dst);
	dp_text_hex(t, "tos", tun->tos, mask->tos, UINT8_MAX);
	dp_text_dec(t, "ttl", tun->ttl, mask->ttl, UINT8_MAX);
	dp_text_dec(t, "tp_src", ntohs(tun->tp_src_be), ntohs(mask->tp_src_be), UINT16_MAX);
	dp_text_dec(t, "tp_dst", ntohs(tun->tp_dst_be), ntohs(mask->tp_dst_be), UINT16_MAX);
	format_gbp(t, tun, mask);
	if (mask->opts_len && tun->opts_len)
		format_options(t, opts, opts_mask, tun->opts_len);
	if (!mask->flags)
		return;
	dp_text_open(t, "flags");
	put_flags(t, tun_names, sizeof(tun_names) / sizeof(tun_names[0]), tun->flags, mask->flags);
	dp_text_close(t);
}

void dp_format_meta(struct dp_text *t, const struct flow_match *match)
{
	const struct flow_key *k = &match->key, *m = &match->mask;
	if (!dp_key_has_rare(m))
		return;
	item_number(t, "dp_hash", 16, k->dp_hash, m->dp_hash, UINT32_MAX);
	item_number(t, "skb_priority", 16, k->skb_priority, m->skb_priority, UINT32_MAX);
	if (!dp_text_wild(&m->tun, sizeof(m->tun))) {
		dp_text_open(t, "tunnel");
		dp_format_tunnel(t, &k->tun, k->tun_opts, &m->tun, m->tun_opts);
		dp_text_close(t);
	}
	item_number(t, "skb_mark", 16, k->pkt_mark, m->pkt_mark, UINT32_MAX);
	if (m->ct_state) {
		dp_text_open(t, "ct_state");
		put_flags(t, ct_names, sizeof(ct_names) / sizeof(ct_names[0]), k->ct_state,
			  m->ct_state);
		dp_text_close(t);
	}
	item_number(t, "ct_zone", 10, k->ct_zone, m->ct_zone, UINT16_MAX);
	item_number(t, "ct_mark", 16, k->ct_mark, m->ct_mark, UINT32_MAX);
	format_label(t, &k->ct, &m->ct);
	format_tuple(t, match);
}
