#include "ctl/dp_attr.h"
#include "ctl/dp_key_meta.h"
#include "ctl/dp_key_rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define VLANS_MAX	2
#define ETH_TYPE_MIN	0x0600
#define IPV6_LABEL_MASK 0x000fffff

// A nested key or mask, its ENCAPs resolved: attrs holds what stands at the top and in the
// innermost ENCAP.
struct key_nest {
	const struct nlattr *self;
	uint64_t present;				  // DP_KEY_BITs
	const struct nlattr *attrs[OVS_KEY_ATTR_MAX + 1]; // set where present
	struct {
		const struct nlattr *tpid, *tci, *encap;
	} vlan[VLANS_MAX];
	unsigned n_vlans;
};

// What no part of swd sets or reads yet: taken where it says nothing.
static const struct {
	uint16_t type;
	const char *name;
} unused_rows[] = {
    {OVS_KEY_ATTR_NSH, "NSH"},
    {OVS_KEY_ATTR_PACKET_TYPE, "PACKET_TYPE"},
    {OVS_KEY_ATTR_ND_EXTENSIONS, "ND_EXTENSIONS"},
    {OVS_KEY_ATTR_TUNNEL_INFO, "TUNNEL_INFO"},
    {OVS_KEY_ATTR_IPV6_EXTHDRS, "IPV6_EXTHDRS"},
};
#define N_UNUSED_ROWS (sizeof(unused_rows) / sizeof(unused_rows[0]))

// Each attribute of each message is looked up: by type, not by search.
static const struct dp_key_row *row_of_type[OVS_KEY_ATTR_MAX + 1];
static uint64_t unused_bits;

__attribute__((constructor)) static void index_rows(void)
{
	for (unsigned i = 0; i < dp_key_n_rows; i++)
		row_of_type[dp_key_rows[i].type] = &dp_key_rows[i];
	for (unsigned i = 0; i < N_UNUSED_ROWS; i++)
		unused_bits |= DP_KEY_BIT(unused_rows[i].type);
}

static const struct dp_key_row *row_find(uint16_t type)
{
	return row_of_type[type];
}

static const char *attr_name(uint16_t type)
{
	const struct dp_key_row *row = row_find(type);
	if (row != NULL)
		return row->name;
	for (unsigned i = 0; i < N_UNUSED_ROWS; i++) {
		if (unused_rows[i].type == type)
			return unused_rows[i].name;
	}
	return type == OVS_KEY_ATTR_VLAN ? "VLAN" : type == OVS_KEY_ATTR_ENCAP ? "ENCAP" : "?";
}

static_assert(OVS_KEY_ATTR_MAX < 64, "a bit a type");

// NULL: it is not there.
static const struct nlattr *nest_attr(const struct key_nest *nest, uint16_t type)
{
	return nest->present & DP_KEY_BIT(type) ? nest->attrs[type] : NULL;
}

static bool bytes_are_zero(const struct nlattr *attr)
{
	const uint8_t *bytes = dp_attr_payload(attr);
	for (uint16_t i = 0; i < dp_attr_len(attr); i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

static int array_check(const struct nlattr *attr, const struct dp_key_row *row,
		       struct dp_error *error)
{
	uint16_t len = dp_attr_len(attr), n = len / row->element;
	if (len == 0 || len % row->element != 0)
		return dp_error_set(error, attr, -EINVAL,
				    "%s has %u bytes where a multiple of %u is right", row->name,
				    len, row->element);
	if (len > row->len)
		return dp_error_set(error, attr, -EOPNOTSUPP, "%s has %u entries: %u are built",
				    row->name, n, row->len / row->element);
	return 0;
}

static int len_check(const struct nlattr *attr, uint16_t type, struct dp_error *error)
{
	const struct dp_key_row *row = row_find(type);
	if (row != NULL && row->element != 0)
		return array_check(attr, row, error);
	if (row != NULL && row->get_nest != NULL)
		return 0;
	size_t len = type == OVS_KEY_ATTR_VLAN ? sizeof(uint16_t) : row != NULL ? row->len : 0;
	if (len == 0 || dp_attr_has_len(attr, len))
		return 0;
	return dp_error_set(error, attr, -EINVAL, "%s has %u bytes where %zu are right",
			    attr_name(type), dp_attr_len(attr), len);
}

// Adds one level's attributes to nest->attrs.
static int level_collect(struct key_nest *nest, const struct nlattr *level, bool top,
			 struct dp_error *error)
{
	struct dp_attr_iter it;
	dp_attr_iter_nest(&it, level);
	const struct nlattr *attr;
	int rc;
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		uint16_t type = dp_attr_type(attr);
		if (type == OVS_KEY_ATTR_UNSPEC || type > OVS_KEY_ATTR_MAX)
			return dp_error_set(error, attr, -EINVAL, "key attribute %u is unknown",
					    type);
		if (nest->present & DP_KEY_BIT(type))
			return dp_error_set(error, attr, -EINVAL, "%s is there twice",
					    attr_name(type));
		const struct dp_key_row *row = row_find(type);
		if (!top && row != NULL && row->meta)
			return dp_error_set(error, attr, -EINVAL, "%s does not belong in ENCAP",
					    row->name);
		rc = len_check(attr, type, error);
		if (rc < 0)
			return rc;
		nest->attrs[type] = attr;
		nest->present |= DP_KEY_BIT(type);
	}
	return rc;
}

// What describes headers behind a tag must stand in the tag's ENCAP.
static int level_check_outer(const struct key_nest *nest, struct dp_error *error)
{
	for (unsigned i = 0; i < dp_key_n_rows; i++) {
		const struct dp_key_row *row = &dp_key_rows[i];
		if (!row->meta && nest_attr(nest, row->type) != NULL)
			return dp_error_set(error, nest->attrs[row->type], -EINVAL,
					    "%s stands beside ENCAP, not in it", row->name);
	}
	return 0;
}

#define TAG_BITS                                                               \
	(DP_KEY_BIT(OVS_KEY_ATTR_ENCAP) | DP_KEY_BIT(OVS_KEY_ATTR_ETHERTYPE) | \
	 DP_KEY_BIT(OVS_KEY_ATTR_VLAN))

static int nest_collect(struct key_nest *nest, const struct nlattr *top, struct dp_error *error)
{
	nest->self = top;
	nest->present = 0;
	nest->n_vlans = 0;
	int rc = level_collect(nest, top, true, error);
	const struct nlattr *encap;
	while (rc == 0 && (encap = nest_attr(nest, OVS_KEY_ATTR_ENCAP)) != NULL) {
		if (nest->n_vlans == VLANS_MAX)
			return dp_error_set(error, encap, -EOPNOTSUPP,
					    "ENCAP for a third VLAN tag: two are built");
		unsigned i = nest->n_vlans++;
		nest->vlan[i].encap = encap;
		nest->vlan[i].tpid = nest_attr(nest, OVS_KEY_ATTR_ETHERTYPE);
		nest->vlan[i].tci = nest_attr(nest, OVS_KEY_ATTR_VLAN);
		nest->present &= ~TAG_BITS;
		rc = level_check_outer(nest, error);
		if (rc == 0)
			rc = level_collect(nest, encap, false, error);
	}
	return rc;
}

static int row_get(const struct dp_key_row *row, const struct nlattr *attr, bool is_mask,
		   struct flow_key *key, struct dp_error *error)
{
	const union dp_key_wire *wire = dp_attr_payload(attr); // its length was checked
	union dp_key_wire whole;
	if (row->get_nest != NULL)
		return row->get_nest(attr, is_mask, key, error);
	if (row->element != 0) {
		memset(&whole, 0, sizeof(whole));
		memcpy(&whole, wire, dp_attr_len(attr));
		wire = &whole;
	}
	const char *wrong = row->get(wire, is_mask, key);
	if (wrong != NULL)
		return dp_error_set(error, attr, -EINVAL, "%s: %s", row->name, wrong);
	return 0;
}

static uint16_t tag_part(const struct nlattr *attr)
{
	return attr != NULL ? mnl_attr_get_u16(attr) : 0;
}

static int key_vlans_get(const struct key_nest *nest, struct flow_key *key, struct dp_error *error)
{
	for (unsigned i = 0; i < nest->n_vlans; i++) {
		if (nest->vlan[i].tci == NULL || nest->vlan[i].tpid == NULL)
			return dp_error_set(error, nest->vlan[i].encap, -EINVAL,
					    "ENCAP without VLAN and ETHERTYPE beside it");
		key->vlan[i].tpid_be = tag_part(nest->vlan[i].tpid);
		key->vlan[i].tci_be = tag_part(nest->vlan[i].tci);
	}
	const struct nlattr *flat = nest_attr(nest, OVS_KEY_ATTR_VLAN);
	if (flat != NULL)
		return dp_error_set(error, flat, -EINVAL, "VLAN without ENCAP");
	return 0;
}

// A packet without an Ethernet header has a type all the same.
static bool nest_lacks_eth(const struct key_nest *nest)
{
	return nest_attr(nest, OVS_KEY_ATTR_ETHERNET) == NULL && nest->n_vlans == 0 &&
	       nest_attr(nest, OVS_KEY_ATTR_ETHERTYPE) != NULL;
}

// The attributes that a key's kind of packet has must be there, and no others.
static int key_rows_get(const struct key_nest *nest, struct flow_key *key, struct dp_error *error)
{
	key->eth_type_be = htons(ETH_TYPE_NONE);
	uint64_t present = dp_key_present(key);
	for (unsigned i = 0; i < dp_key_n_rows; i++) {
		const struct dp_key_row *row = &dp_key_rows[i];
		const struct nlattr *attr = nest_attr(nest, row->type);
		bool expected = present & DP_KEY_BIT(row->type);
		if (attr == NULL) {
			if (row->type == OVS_KEY_ATTR_ETHERNET && nest_lacks_eth(nest))
				continue;
			if (expected && !row->optional)
				return dp_error_set(error, nest->self, -EINVAL,
						    "%s is missing for a key of this kind",
						    row->name);
			continue;
		}
		if (!expected)
			return dp_error_set(
			    error, attr, -EINVAL,
			    "%s does not belong in a key of EtherType 0x%04x, protocol %u",
			    row->name, ntohs(key->eth_type_be), key->nw_proto);
		int rc = row_get(row, attr, false, key, error);
		if (rc < 0)
			return rc;
		// Rows stand in the order of headers: now the key says which can follow.
		present = dp_key_present(key);
	}
	return 0;
}

static int key_get(const struct key_nest *nest, struct flow_key *key, struct dp_error *error)
{
	memset(key, 0, sizeof(*key));
	int rc = key_vlans_get(nest, key, error);
	if (rc == 0)
		rc = key_rows_get(nest, key, error);
	if (rc == 0 && nest_lacks_eth(nest))
		key->nw_frag |= NW_NO_ETH;
	return rc;
}

// There are no addresses that a mask could be about.
static void mask_lacks_eth(struct flow_key *mask)
{
	mask->nw_frag |= NW_NO_ETH;
	memset(&mask->eth_src, 0, sizeof(mask->eth_src));
	memset(&mask->eth_dst, 0, sizeof(mask->eth_dst));
}

// See mask_vlans_put() for a VLAN without ENCAP.
static int mask_vlans_get(const struct key_nest *nest, struct flow_key *mask,
			  struct dp_error *error)
{
	for (unsigned i = 0; i < nest->n_vlans; i++) {
		mask->vlan[i].tpid_be = tag_part(nest->vlan[i].tpid);
		mask->vlan[i].tci_be = tag_part(nest->vlan[i].tci);
	}
	const struct nlattr *flat = nest_attr(nest, OVS_KEY_ATTR_VLAN);
	if (flat != NULL) {
		if (nest->n_vlans == VLANS_MAX)
			return dp_error_set(error, flat, -EOPNOTSUPP,
					    "VLAN of a third tag: two are built");
		mask->vlan[nest->n_vlans].tci_be = tag_part(flat);
		return 0;
	}
	for (unsigned i = nest->n_vlans; i < VLANS_MAX; i++)
		mask->vlan[i].tci_be = UINT16_MAX;
	return 0;
}

static int mask_get(const struct key_nest *nest, const struct flow_key *key, struct flow_key *mask,
		    struct dp_error *error)
{
	memset(mask, 0, sizeof(*mask));
	int rc = mask_vlans_get(nest, mask, error);
	uint64_t maskable = dp_key_maskable(key, mask);
	for (unsigned i = 0; rc == 0 && i < dp_key_n_rows; i++) {
		const struct dp_key_row *row = &dp_key_rows[i];
		const struct nlattr *attr = nest_attr(nest, row->type);
		if (attr == NULL)
			continue;
		if (maskable & DP_KEY_BIT(row->type)) {
			rc = row_get(row, attr, true, mask, error);
			maskable = dp_key_maskable(key, mask);
		} else if (!bytes_are_zero(attr))
			rc = dp_error_set(
			    error, attr, -EINVAL,
			    "%s's mask is set, but the key has no such header for sure", row->name);
	}
	return rc;
}

// Exact in all that the key's attributes say, and in which tags are there.
static void mask_exact(const struct key_nest *key_nest, const struct flow_key *key,
		       struct flow_key *mask)
{
	union dp_key_wire ones;
	memset(&ones, 0xff, sizeof(ones));
	memset(mask, 0, sizeof(*mask));
	memset(mask->vlan, 0xff, sizeof(mask->vlan));
	for (unsigned i = 0; i < dp_key_n_rows; i++) {
		const struct dp_key_row *row = &dp_key_rows[i];
		// What the key leaves out has a meaning all the same: no recirculation, no port, no
		// type.
		bool always = (row->meta && !row->rare) || row->type == OVS_KEY_ATTR_ETHERTYPE;
		if (nest_attr(key_nest, row->type) == NULL && !always)
			continue;
		if (row->get_nest != NULL)
			dp_tunnel_row_exact(key, mask);
		else
			row->get(&ones, true, mask);
	}
	mask->ipv6_label_be &= htonl(IPV6_LABEL_MASK);
}

static int tags_check(const struct key_nest *nest, const struct flow_match *match,
		      struct dp_error *error)
{
	for (unsigned i = 0; i < nest->n_vlans; i++) {
		const struct vlan_tag *tag = &match->key.vlan[i], *mask = &match->mask.vlan[i];
		uint16_t tpid = ntohs(tag->tpid_be & mask->tpid_be);
		uint16_t tci = ntohs(tag->tci_be & mask->tci_be);
		if (ntohs(mask->tci_be) & VLAN_CFI && !(tci & VLAN_CFI) && (tci != 0 || tpid != 0))
			return dp_error_set(
			    error, nest->vlan[i].tci, -EINVAL,
			    "VLAN 0x%04x lacks bit 0x1000, which says that there is a tag", tci);
		if (mask->tpid_be == UINT16_MAX && tpid != 0x8100 && tpid != 0x88a8 &&
		    tpid != 0x9100 && tpid != 0)
			return dp_error_set(
			    error, nest->vlan[i].tpid, -EINVAL,
			    "ETHERTYPE 0x%04x of a VLAN tag is none of 0x8100, 0x88a8, 0x9100",
			    tpid);
	}
	return 0;
}

static int eth_type_check(const struct key_nest *nest, const struct flow_match *match,
			  struct dp_error *error)
{
	const struct nlattr *attr = nest_attr(nest, OVS_KEY_ATTR_ETHERTYPE);
	uint16_t type = ntohs(match->key.eth_type_be);
	// Zero is the type of a frame that is cut off before it.
	if (attr == NULL || match->mask.eth_type_be != UINT16_MAX || type == 0 ||
	    type >= ETH_TYPE_MIN)
		return 0;
	return dp_error_set(error, attr, -EINVAL, "ETHERTYPE 0x%04x is a length: leave it out",
			    type);
}

// A mask of options that the key does not have would have no place on its way back.
static int tun_opts_check(const struct key_nest *mask_nest, const struct flow_match *match,
			  struct dp_error *error)
{
	for (unsigned i = match->key.tun.opts_len; i < FLOW_TUN_OPTS_MAX; i++) {
		if (match->mask.tun_opts[i] != 0)
			return dp_error_set(error, nest_attr(mask_nest, OVS_KEY_ATTR_TUNNEL),
					    -EINVAL,
					    "TUNNEL: GENEVE_OPTS's mask is longer than the %u "
					    "bytes of the key",
					    match->key.tun.opts_len);
	}
	return 0;
}

static int unused_check(const struct key_nest *key, const struct key_nest *mask,
			struct dp_error *error)
{
	if ((key->present & unused_bits) == 0)
		return 0;
	for (unsigned i = 0; i < N_UNUSED_ROWS; i++) {
		uint16_t type = unused_rows[i].type;
		const struct nlattr *k = nest_attr(key, type);
		const struct nlattr *m = mask != NULL ? nest_attr(mask, type) : NULL;
		if (k == NULL || bytes_are_zero(k))
			continue;
		if (mask != NULL && (m == NULL || bytes_are_zero(m)))
			continue;
		return dp_error_set(error, k, -EOPNOTSUPP, "matching on %s is not built",
				    unused_rows[i].name);
	}
	return 0;
}

int dp_match_parse(const struct nlattr *key, const struct nlattr *mask, struct flow_match *match,
		   struct dp_error *error)
{
	struct key_nest key_nest, mask_nest;
	int rc = nest_collect(&key_nest, key, error);
	if (rc == 0 && mask != NULL)
		rc = nest_collect(&mask_nest, mask, error);
	if (rc == 0)
		rc = unused_check(&key_nest, mask != NULL ? &mask_nest : NULL, error);
	if (rc == 0)
		rc = key_get(&key_nest, &match->key, error);
	if (rc != 0)
		return rc;

	if (mask != NULL)
		rc = mask_get(&mask_nest, &match->key, &match->mask, error);
	else
		mask_exact(&key_nest, &match->key, &match->mask);
	if (match->key.nw_frag & NW_NO_ETH)
		mask_lacks_eth(&match->mask);
	if (rc == 0 && mask != NULL)
		rc = tun_opts_check(&mask_nest, match, error);
	if (rc == 0)
		rc = tags_check(&key_nest, match, error);
	if (rc == 0)
		rc = eth_type_check(&key_nest, match, error);
	if (rc == 0)
		flow_key_mask(&match->key, &match->key, &match->mask);
	return rc;
}

int dp_key_parse(const struct nlattr *key, struct flow_key *out, struct dp_error *error)
{
	struct key_nest nest;
	struct flow_match exact;
	int rc = nest_collect(&nest, key, error);
	if (rc == 0)
		rc = unused_check(&nest, NULL, error);
	if (rc == 0)
		rc = key_get(&nest, &exact.key, error);
	if (rc != 0)
		return rc;
	memset(&exact.mask, 0xff, sizeof(exact.mask));
	rc = tags_check(&nest, &exact, error);
	if (rc == 0)
		rc = eth_type_check(&nest, &exact, error);
	if (rc == 0)
		*out = exact.key;
	return rc;
}

// What of a key is no origin, but says that there is no Ethernet header.
struct origin_eth {
	bool is_there;
	const struct nlattr *type;
};

static void origin_eth_note(struct origin_eth *eth, const struct nlattr *attr)
{
	if (dp_attr_type(attr) == OVS_KEY_ATTR_ETHERNET)
		eth->is_there = true;
	else if (dp_attr_type(attr) == OVS_KEY_ATTR_ETHERTYPE &&
		 dp_attr_has_len(attr, sizeof(uint16_t)))
		eth->type = attr;
}

static void origin_eth_get(const struct origin_eth *eth, struct flow_key *out)
{
	if (eth->is_there || eth->type == NULL)
		return;
	out->nw_frag = NW_NO_ETH;
	out->eth_type_be = mnl_attr_get_u16(eth->type);
}

int dp_key_parse_origin(const struct nlattr *key, struct flow_key *out, struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	struct origin_eth eth = {.is_there = false};
	int rc;
	memset(out, 0, sizeof(*out));
	dp_attr_iter_nest(&it, key);
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		uint16_t type = dp_attr_type(attr);
		const struct dp_key_row *row = type <= OVS_KEY_ATTR_MAX ? row_find(type) : NULL;
		origin_eth_note(&eth, attr);
		if (row == NULL || !row->meta)
			continue;
		rc = len_check(attr, type, error);
		if (rc == 0)
			rc = row_get(row, attr, false, out, error);
		if (rc < 0)
			return rc;
	}
	origin_eth_get(&eth, out);
	return rc;
}
