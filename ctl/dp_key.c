#include "ctl/dp_key.h"

#include "ctl/dp_key_rows.h"
#include "ctl/dp_put.h"

#include <arpa/inet.h>
#include <string.h>

#define VLANS_MAX 2

// A tag's place in the nesting: each tag's attributes enclose the rest in ENCAP.
struct encaps {
	struct nlattr *nest[VLANS_MAX];
	unsigned n;
};

static bool vlan_is_zero(const struct vlan_tag *tag)
{
	return tag->tpid_be == 0 && tag->tci_be == 0;
}

static unsigned vlans_count(const struct vlan_tag *tags)
{
	return !vlan_is_zero(&tags[1]) ? 2 : !vlan_is_zero(&tags[0]) ? 1 : 0;
}

static bool encap_put(struct nlmsghdr *nlh, size_t room, const struct vlan_tag *tag,
		      struct encaps *encaps)
{
	if (!dp_put_u16(nlh, room, OVS_KEY_ATTR_ETHERTYPE, tag->tpid_be) ||
	    !dp_put_u16(nlh, room, OVS_KEY_ATTR_VLAN, tag->tci_be))
		return false;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_KEY_ATTR_ENCAP);
	if (nest == NULL)
		return false;
	encaps->nest[encaps->n++] = nest;
	return true;
}

static bool key_vlans_put(struct nlmsghdr *nlh, size_t room, const struct flow_key *key,
			  struct encaps *encaps)
{
	unsigned n = vlans_count(key->vlan);
	for (unsigned i = 0; i < n; i++) {
		if (!encap_put(nlh, room, &key->vlan[i], encaps))
			return false;
	}
	return true;
}

// What the kernel takes a mask without VLAN for: there must be no (further) tag.
static bool masks_say_no_tag(const struct vlan_tag *masks, unsigned from)
{
	for (unsigned i = from; i < VLANS_MAX; i++) {
		if (masks[i].tpid_be != 0 || masks[i].tci_be != UINT16_MAX)
			return false;
	}
	return true;
}

// Behind the last tag of the key, a mask in the kernel's format cannot say "tagged or not", since a
// missing VLAN means "not tagged". So a VLAN without ENCAP is written here: the bits of the TCI
// that matter, 0 for none.
static bool mask_vlans_put(struct nlmsghdr *nlh, size_t room, const struct flow_key *key,
			   const struct flow_key *mask, struct encaps *encaps)
{
	unsigned n_tags = vlans_count(key->vlan);
	for (unsigned i = 0; i < VLANS_MAX; i++) {
		const struct vlan_tag *m = &mask->vlan[i];
		if (i >= n_tags && masks_say_no_tag(mask->vlan, i))
			return true;
		bool deeper = i + 1 < VLANS_MAX && !vlan_is_zero(&mask->vlan[i + 1]);
		if (i >= n_tags && m->tpid_be == 0 && !deeper)
			return dp_put_u16(nlh, room, OVS_KEY_ATTR_VLAN, m->tci_be);
		if (!encap_put(nlh, room, m, encaps))
			return false;
	}
	return true;
}

// Of an array, all up to the last element that is not zero, but one at least.
static uint16_t array_len(const struct dp_key_row *row, const union dp_key_wire *wire)
{
	static const union dp_key_wire zero;
	uint16_t len = row->len;
	while (len > row->element &&
	       memcmp(wire->bytes + len - row->element, zero.bytes, row->element) == 0)
		len -= row->element;
	return len;
}

static bool row_put(struct nlmsghdr *nlh, size_t room, const struct dp_key_row *row,
		    const struct flow_key *from, bool is_mask)
{
	union dp_key_wire wire, *in_place;
	if (row->element != 0) {
		memset(&wire, 0, sizeof(wire));
		row->put(from, is_mask, &wire);
		return dp_put(nlh, room, row->type, array_len(row, &wire), &wire);
	}
	in_place = dp_put_room(nlh, room, row->type, row->len);
	if (in_place == NULL)
		return false;
	memset(in_place, 0, row->len); // what is padding in it, too
	row->put(from, is_mask, in_place);
	return true;
}

static bool rare_put(struct nlmsghdr *nlh, size_t room, const struct dp_key_row *row,
		     const struct flow_key *key, const struct flow_key *mask)
{
	static const union dp_key_wire zero;
	union dp_key_wire wire;
	if (row->put_nest != NULL)
		return row->put_nest(nlh, room, key, mask);
	memset(&wire, 0, sizeof(wire));
	row->put(mask != NULL ? mask : key, mask != NULL, &wire);
	return memcmp(&wire, &zero, row->len) == 0 || dp_put(nlh, room, row->type, row->len, &wire);
}

// The rows at the top (meta) or those inside all ENCAPs.
static bool rows_put(struct nlmsghdr *nlh, size_t room, const struct flow_key *key,
		     const struct flow_key *mask, bool meta)
{
	uint64_t present = dp_key_present(key);
	if (key->in_port == DP_IN_PORT_NONE)
		present &= ~DP_KEY_BIT(OVS_KEY_ATTR_IN_PORT);
	// No attribute says "a length, not a type".
	if (mask == NULL && key->eth_type_be == htons(ETH_TYPE_NONE))
		present &= ~DP_KEY_BIT(OVS_KEY_ATTR_ETHERTYPE);
	if (key->nw_frag & NW_NO_ETH)
		present &= ~DP_KEY_BIT(OVS_KEY_ATTR_ETHERNET);
	bool rare = meta && dp_key_has_rare(mask != NULL ? mask : key);
	for (unsigned i = 0; i < dp_key_n_rows; i++) {
		const struct dp_key_row *row = &dp_key_rows[i];
		if (row->meta != meta || !(present & DP_KEY_BIT(row->type)))
			continue;
		if (row->rare ? rare && !rare_put(nlh, room, row, key, mask)
			      : !row_put(nlh, room, row, mask != NULL ? mask : key, mask != NULL))
			return false;
	}
	return true;
}

bool dp_key_put_origin(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct flow_key *key)
{
	struct nlattr *top = mnl_attr_nest_start_check(nlh, room, type);
	if (top == NULL || !dp_put_u32(nlh, room, OVS_KEY_ATTR_RECIRC_ID, key->recirc_id) ||
	    !dp_put_u32(nlh, room, OVS_KEY_ATTR_IN_PORT, key->in_port))
		return false;
	bool rare = dp_key_has_rare(key);
	for (unsigned i = 0; rare && i < dp_key_n_rows; i++) {
		const struct dp_key_row *row = &dp_key_rows[i];
		if (row->rare && dp_key_present(key) & DP_KEY_BIT(row->type) &&
		    !rare_put(nlh, room, row, key, NULL))
			return false;
	}
	mnl_attr_nest_end(nlh, top);
	return true;
}

bool dp_key_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct flow_key *key,
		const struct flow_key *mask)
{
	struct encaps encaps = {.n = 0};
	struct nlattr *top = mnl_attr_nest_start_check(nlh, room, type);
	if (top == NULL)
		return false;
	if (!rows_put(nlh, room, key, mask, true))
		goto no_room;
	if (mask == NULL ? !key_vlans_put(nlh, room, key, &encaps)
			 : !mask_vlans_put(nlh, room, key, mask, &encaps))
		goto no_room;
	if (!rows_put(nlh, room, key, mask, false))
		goto no_room;
	while (encaps.n > 0)
		mnl_attr_nest_end(nlh, encaps.nest[--encaps.n]);
	mnl_attr_nest_end(nlh, top);
	return true;
no_room:
	mnl_attr_nest_cancel(nlh, top);
	return false;
}
