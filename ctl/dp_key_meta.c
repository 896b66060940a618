#include "ctl/dp_key_meta.h"

#include "ctl/dp_tunnel.h"

#include <string.h>

#define CT_STATE_ALL                                                               \
	(CT_STATE_NEW | CT_STATE_ESTABLISHED | CT_STATE_RELATED | CT_STATE_REPLY | \
	 CT_STATE_INVALID | CT_STATE_TRACKED | CT_STATE_SRC_NAT | CT_STATE_DST_NAT)

// Numbers of this machine's order on both sides.
#define NUMBER_ROW(name, wire_field, key_field)                                                 \
	void dp_##name##_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire) \
	{                                                                                       \
		(void)is_mask;                                                                  \
		wire->wire_field = key->key_field;                                              \
	}                                                                                       \
	const char *dp_##name##_get(const union dp_key_wire *wire, bool is_mask,                \
				    struct flow_key *key)                                       \
	{                                                                                       \
		(void)is_mask;                                                                  \
		key->key_field = wire->wire_field;                                              \
		return NULL;                                                                    \
	}

NUMBER_ROW(dp_hash, u32, dp_hash)
NUMBER_ROW(skb_priority, u32, skb_priority)
NUMBER_ROW(skb_mark, u32, pkt_mark)
NUMBER_ROW(ct_zone, u16, ct_zone)
NUMBER_ROW(ct_mark, u32, ct_mark)

void dp_ct_state_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->u32 = key->ct_state;
}

const char *dp_ct_state_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	if (!is_mask && wire->u32 & ~(uint32_t)CT_STATE_ALL)
		return "there are bits that no state has";
	key->ct_state = wire->u32 & CT_STATE_ALL;
	return NULL;
}

void dp_ct_labels_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	memcpy(wire->bytes, key->ct.label, sizeof(key->ct.label));
}

const char *dp_ct_labels_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	memcpy(key->ct.label, wire->bytes, sizeof(key->ct.label));
	return NULL;
}

void dp_ct_tuple_ipv4_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	struct ovs_key_ct_tuple_ipv4 *tuple = &wire->ct_ipv4;
	(void)is_mask;
	tuple->ipv4_src = key->ct.nw_src_be;
	tuple->ipv4_dst = key->ct.nw_dst_be;
	tuple->src_port = key->ct.tp_src_be;
	tuple->dst_port = key->ct.tp_dst_be;
	tuple->ipv4_proto = key->ct_nw_proto;
}

const char *dp_ct_tuple_ipv4_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	const struct ovs_key_ct_tuple_ipv4 *tuple = &wire->ct_ipv4;
	(void)is_mask;
	key->ct.nw_src_be = tuple->ipv4_src;
	key->ct.nw_dst_be = tuple->ipv4_dst;
	key->ct.tp_src_be = tuple->src_port;
	key->ct.tp_dst_be = tuple->dst_port;
	key->ct_nw_proto = tuple->ipv4_proto;
	return NULL;
}

void dp_ct_tuple_ipv6_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	struct ovs_key_ct_tuple_ipv6 *tuple = &wire->ct_ipv6;
	(void)is_mask;
	memcpy(tuple->ipv6_src, &key->ct.ipv6_src, sizeof(key->ct.ipv6_src));
	memcpy(tuple->ipv6_dst, &key->ct.ipv6_dst, sizeof(key->ct.ipv6_dst));
	tuple->src_port = key->ct.tp_src_be;
	tuple->dst_port = key->ct.tp_dst_be;
	tuple->ipv6_proto = key->ct_nw_proto;
}

const char *dp_ct_tuple_ipv6_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	const struct ovs_key_ct_tuple_ipv6 *tuple = &wire->ct_ipv6;
	(void)is_mask;
	memcpy(&key->ct.ipv6_src, tuple->ipv6_src, sizeof(key->ct.ipv6_src));
	memcpy(&key->ct.ipv6_dst, tuple->ipv6_dst, sizeof(key->ct.ipv6_dst));
	key->ct.tp_src_be = tuple->src_port;
	key->ct.tp_dst_be = tuple->dst_port;
	key->ct_nw_proto = tuple->ipv6_proto;
	return NULL;
}

bool dp_tunnel_row_put(struct nlmsghdr *nlh, size_t room, const struct flow_key *key,
		       const struct flow_key *mask)
{
	static const struct flow_tunnel none;
	const struct flow_key *from = mask != NULL ? mask : key;
	if (memcmp(&from->tun, &none, sizeof(none)) == 0)
		return true;
	if (mask == NULL)
		return dp_tunnel_put(nlh, room, OVS_KEY_ATTR_TUNNEL, &key->tun, key->tun_opts);
	return dp_tunnel_put_mask(nlh, room, OVS_KEY_ATTR_TUNNEL, &mask->tun, mask->tun_opts,
				  key->tun.opts_len);
}

int dp_tunnel_row_get(const struct nlattr *attr, bool is_mask, struct flow_key *key,
		      struct dp_error *error)
{
	return dp_tunnel_parse(attr, is_mask, &key->tun, key->tun_opts, error);
}

void dp_tunnel_row_exact(const struct flow_key *key, struct flow_key *mask)
{
	memset(&mask->tun, 0xff, offsetof(struct flow_tunnel, unused));
	mask->tun.flags = TUN_F_DF | TUN_F_CSUM | TUN_F_KEY | TUN_F_OAM;
	memset(mask->tun_opts, 0xff, key->tun.opts_len);
}
