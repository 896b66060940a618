#include "ctl/dp_ct_frag.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_msg.h"

#include <string.h>

static const uint16_t ip_attrs[2] = {SWD_CT_FRAG_ATTR_IPV4, SWD_CT_FRAG_ATTR_IPV6};

// *has: whether it is there.
static int value_get(const struct nlattr *attr, const char *name, void *out, size_t len, bool *has,
		     struct dp_error *error)
{
	*has = attr != NULL;
	if (attr == NULL)
		return 0;
	int rc = dp_attr_wants_len(attr, name, len, error);
	if (rc == 0)
		memcpy(out, dp_attr_payload(attr), len);
	return rc;
}

static int ip_parse(const struct nlattr *nest, struct dp_ct_frags_ip *ip, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_FRAG_IP_ATTR_MAX + 1];
	bool has_counters;
	int rc = dp_nest_parse(nest, attrs, SWD_CT_FRAG_IP_ATTR_MAX, error);
	if (rc == 0)
		rc = value_get(attrs[SWD_CT_FRAG_IP_ATTR_ENABLED], "ENABLED", &ip->enabled,
			       sizeof(ip->enabled), &ip->has_enabled, error);
	if (rc == 0)
		rc = value_get(attrs[SWD_CT_FRAG_IP_ATTR_MIN_SIZE], "MIN_SIZE", &ip->min_size,
			       sizeof(ip->min_size), &ip->has_min_size, error);
	if (rc == 0)
		rc = value_get(attrs[SWD_CT_FRAG_IP_ATTR_COUNTERS], "COUNTERS", &ip->counters,
			       sizeof(ip->counters), &has_counters, error);
	return rc;
}

int dp_ct_frags_parse(const struct nlmsghdr *nlh, struct dp_ct_frags *frags, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_FRAG_ATTR_MAX + 1];
	bool has_held;
	memset(frags, 0, sizeof(*frags));
	int rc = dp_msg_parse(nlh, attrs, SWD_CT_FRAG_ATTR_MAX, error);
	for (unsigned v6 = 0; v6 < 2 && rc == 0; v6++) {
		if (attrs[ip_attrs[v6]] != NULL)
			rc = ip_parse(attrs[ip_attrs[v6]], &frags->ip[v6], error);
	}
	if (rc == 0)
		rc = value_get(attrs[SWD_CT_FRAG_ATTR_HELD], "HELD", &frags->held,
			       sizeof(frags->held), &has_held, error);
	if (rc == 0)
		rc = value_get(attrs[SWD_CT_FRAG_ATTR_HELD_MAX], "HELD_MAX", &frags->held_max,
			       sizeof(frags->held_max), &frags->has_held_max, error);
	return rc;
}

static bool ip_put(struct nlmsghdr *nlh, size_t room, uint16_t type,
		   const struct dp_ct_frags_ip *ip)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, type);
	if (nest == NULL ||
	    !mnl_attr_put_u8_check(nlh, room, SWD_CT_FRAG_IP_ATTR_ENABLED, ip->enabled) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_CT_FRAG_IP_ATTR_MIN_SIZE, ip->min_size) ||
	    !mnl_attr_put_check(nlh, room, SWD_CT_FRAG_IP_ATTR_COUNTERS, sizeof(ip->counters),
				&ip->counters))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

bool dp_ct_frags_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_frags *frags)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		if (!ip_put(nlh, room, ip_attrs[v6], &frags->ip[v6]))
			return false;
	}
	return mnl_attr_put_u32_check(nlh, room, SWD_CT_FRAG_ATTR_HELD, frags->held) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_CT_FRAG_ATTR_HELD_MAX, frags->held_max);
}

bool dp_ct_frag_datagram_put(struct nlmsghdr *nlh, size_t room,
			     const struct swd_ct_frag_datagram *datagram, const char *state)
{
	return mnl_attr_put_check(nlh, room, SWD_CT_FRAG_ATTR_DATAGRAM, sizeof(*datagram),
				  datagram) &&
	       mnl_attr_put_strz_check(nlh, room, SWD_CT_FRAG_ATTR_STATE, state);
}
