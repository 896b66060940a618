#include "ctl/dp_tunnel.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_put.h"

#include <errno.h>
#include <linux/openvswitch.h>
#include <string.h>

#define GBP_ID_MASK	 0x0000ffffu // of OVS_VXLAN_EXT_GBP
#define GBP_FLAGS_SHIFT	 16
#define GENEVE_TLV_BYTES 4    // of an option's header; its data comes in units of as many
#define OPTS_LEN_EXACT	 0xff // in masks

static const struct tunnel_row {
	uint16_t type;
	uint8_t len;	 // bytes at `offset`; 0: the attribute is there or not
	uint8_t flag;	 // of TUN_F_*, that says that it is there
	uint16_t offset; // into struct flow_tunnel
	const char *name;
} rows[] = {
#define AT(field) sizeof(((struct flow_tunnel *)0)->field), 0, offsetof(struct flow_tunnel, field)
    {OVS_TUNNEL_KEY_ATTR_ID, sizeof(uint64_t), TUN_F_KEY, offsetof(struct flow_tunnel, id_be),
     "ID"},
    {OVS_TUNNEL_KEY_ATTR_IPV4_SRC, AT(src_be), "IPV4_SRC"},
    {OVS_TUNNEL_KEY_ATTR_IPV4_DST, AT(dst_be), "IPV4_DST"},
    {OVS_TUNNEL_KEY_ATTR_IPV6_SRC, AT(ipv6_src), "IPV6_SRC"},
    {OVS_TUNNEL_KEY_ATTR_IPV6_DST, AT(ipv6_dst), "IPV6_DST"},
    {OVS_TUNNEL_KEY_ATTR_TOS, AT(tos), "TOS"},
    {OVS_TUNNEL_KEY_ATTR_TTL, AT(ttl), "TTL"},
    {OVS_TUNNEL_KEY_ATTR_DONT_FRAGMENT, 0, TUN_F_DF, 0, "DONT_FRAGMENT"},
    {OVS_TUNNEL_KEY_ATTR_CSUM, 0, TUN_F_CSUM, 0, "CSUM"},
    {OVS_TUNNEL_KEY_ATTR_TP_SRC, AT(tp_src_be), "TP_SRC"},
    {OVS_TUNNEL_KEY_ATTR_TP_DST, AT(tp_dst_be), "TP_DST"},
    {OVS_TUNNEL_KEY_ATTR_OAM, 0, TUN_F_OAM, 0, "OAM"},
#undef AT
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool row_is_set(const struct tunnel_row *row, const struct flow_tunnel *tun)
{
	static const uint8_t zeros[sizeof(struct in6)];
	const uint8_t *bytes = (const uint8_t *)tun + row->offset;
	return tun->flags & row->flag || (row->len > 0 && memcmp(bytes, zeros, row->len) != 0);
}

static bool gbp_put(struct nlmsghdr *nlh, size_t room, const struct flow_tunnel *tun)
{
	uint32_t gbp = __builtin_bswap16(tun->gbp_id_be) | (uint32_t)tun->gbp_flags
							       << GBP_FLAGS_SHIFT;
	if (gbp == 0)
		return true;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS);
	if (nest == NULL || !dp_put_u32(nlh, room, OVS_VXLAN_EXT_GBP, gbp))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct flow_tunnel *tun,
		bool is_mask, const uint8_t *opts, unsigned opts_len)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, type);
	if (nest == NULL)
		return false;
	for (unsigned i = 0; i < N_ROWS; i++) {
		const struct tunnel_row *row = &rows[i];
		bool always = !is_mask && row->type == OVS_TUNNEL_KEY_ATTR_TTL;
		if ((always || row_is_set(row, tun)) &&
		    !dp_put(nlh, room, row->type, row->len, (const uint8_t *)tun + row->offset))
			goto no_room;
	}
	if (tun->opts_len > 0 &&
	    !dp_put(nlh, room, OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS, opts_len, opts))
		goto no_room;
	if (!gbp_put(nlh, room, tun))
		goto no_room;
	mnl_attr_nest_end(nlh, nest);
	return true;
no_room:
	mnl_attr_nest_cancel(nlh, nest);
	return false;
}

bool dp_tunnel_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct flow_tunnel *tun,
		   const uint8_t *opts)
{
	return put(nlh, room, type, tun, false, opts, tun->opts_len);
}

bool dp_tunnel_put_mask(struct nlmsghdr *nlh, size_t room, uint16_t type,
			const struct flow_tunnel *mask, const uint8_t *opts, uint8_t opts_len)
{
	return put(nlh, room, type, mask, true, opts, opts_len);
}

static const struct tunnel_row *row_find(uint16_t type)
{
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}

static int opts_get(const struct nlattr *attr, bool is_mask, struct flow_tunnel *tun, uint8_t *opts,
		    struct dp_error *error)
{
	uint16_t len = dp_attr_len(attr);
	if (len > FLOW_TUN_OPTS_MAX)
		return dp_error_set(error, attr, -EOPNOTSUPP,
				    "GENEVE_OPTS has %u bytes: %u are built", len,
				    FLOW_TUN_OPTS_MAX);
	if (len % GENEVE_TLV_BYTES != 0)
		return dp_error_set(error, attr, -EINVAL,
				    "GENEVE_OPTS has %u bytes where a multiple of %u is right", len,
				    GENEVE_TLV_BYTES);
	tun->opts_len = is_mask ? OPTS_LEN_EXACT : (uint8_t)len;
	memcpy(opts, dp_attr_payload(attr), len);
	return 0;
}

static int gbp_get(const struct nlattr *nest, struct flow_tunnel *tun, struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	dp_attr_iter_nest(&it, nest);
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		if (dp_attr_type(attr) != OVS_VXLAN_EXT_GBP ||
		    !dp_attr_has_len(attr, sizeof(uint32_t)))
			return dp_error_set(error, attr, -EINVAL, "VXLAN_OPTS: no GBP of 4 bytes");
		uint32_t gbp = mnl_attr_get_u32(attr);
		tun->gbp_id_be = __builtin_bswap16(gbp & GBP_ID_MASK);
		tun->gbp_flags = gbp >> GBP_FLAGS_SHIFT & UINT8_MAX;
	}
	return rc;
}

static int attr_get(const struct nlattr *attr, bool is_mask, struct flow_tunnel *tun, uint8_t *opts,
		    struct dp_error *error)
{
	uint16_t type = dp_attr_type(attr);
	const struct tunnel_row *row = row_find(type);
	if (type == OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS)
		return opts_get(attr, is_mask, tun, opts, error);
	if (type == OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS)
		return gbp_get(attr, tun, error);
	if (row == NULL)
		return type == OVS_TUNNEL_KEY_ATTR_PAD
			   ? 0
			   : dp_error_set(error, attr, -EOPNOTSUPP,
					  "tunnel attribute %u is not built", type);
	if (!dp_attr_has_len(attr, row->len))
		return dp_error_set(error, attr, -EINVAL,
				    "the tunnel's %s has %u bytes where %u are right", row->name,
				    dp_attr_len(attr), row->len);
	memcpy((uint8_t *)tun + row->offset, dp_attr_payload(attr), row->len);
	tun->flags |= row->flag;
	return 0;
}

#define BIT(type) (1ULL << (type))

static int nest_check(const struct nlattr *nest, bool is_mask, uint64_t seen,
		      struct dp_error *error)
{
	const uint64_t both_opts =
	    BIT(OVS_TUNNEL_KEY_ATTR_GENEVE_OPTS) | BIT(OVS_TUNNEL_KEY_ATTR_VXLAN_OPTS);
	const uint64_t both_dst =
	    BIT(OVS_TUNNEL_KEY_ATTR_IPV4_DST) | BIT(OVS_TUNNEL_KEY_ATTR_IPV6_DST);
	if (is_mask)
		return 0;
	if (!(seen & BIT(OVS_TUNNEL_KEY_ATTR_TTL)))
		return dp_error_set(error, nest, -EINVAL, "the tunnel has no TTL");
	if ((seen & both_opts) == both_opts)
		return dp_error_set(error, nest, -EINVAL,
				    "a tunnel with options of Geneve and of VXLAN");
	if ((seen & both_dst) == both_dst)
		return dp_error_set(error, nest, -EINVAL,
				    "a tunnel with an IPv4 and an IPv6 destination");
	return 0;
}

int dp_tunnel_parse(const struct nlattr *nest, bool is_mask, struct flow_tunnel *tun,
		    uint8_t opts[FLOW_TUN_OPTS_MAX], struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	uint64_t seen = 0;
	int rc;
	memset(tun, 0, sizeof(*tun));
	memset(opts, 0, FLOW_TUN_OPTS_MAX);
	dp_attr_iter_nest(&it, nest);
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		uint16_t type = dp_attr_type(attr);
		if (type > OVS_TUNNEL_KEY_ATTR_MAX)
			return dp_error_set(error, attr, -EINVAL, "tunnel attribute %u is unknown",
					    type);
		if (seen & BIT(type))
			return dp_error_set(error, attr, -EINVAL,
					    "tunnel attribute %u is there twice", type);
		seen |= BIT(type);
		rc = attr_get(attr, is_mask, tun, opts, error);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? rc : nest_check(nest, is_mask, seen, error);
}

int dp_tunnel_check_set(const struct nlattr *nest, const struct flow_tunnel *tun,
			const uint8_t *opts, struct dp_error *error)
{
	unsigned at = 0;
	if (!flow_tunnel_is_set(tun))
		return dp_error_set(error, nest, -EINVAL, "the tunnel has no destination");
	while (at < tun->opts_len)
		at += GENEVE_TLV_BYTES + (opts[at + 3] & 0x1f) * GENEVE_TLV_BYTES;
	if (at != tun->opts_len)
		return dp_error_set(error, nest, -EINVAL, "the last option of GENEVE_OPTS is cut");
	return 0;
}
