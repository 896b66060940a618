#include "datapath/edit.h"

#include "datapath/csum.h"
#include "datapath/ip_view.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

#define ICMP_HLEN	  8u
#define ND_RESERVED_OFS	  4u // flags of an advertisement
#define ND_TARGET_OFS	  8u
#define ND_OPTIONS_OFS	  24u
#define ND_OPT_UNIT	  8u // an option's length counts these
#define ND_OPT_ADDR_OFS	  2u
#define ND_OPTION_LLA_LEN 8u

static const struct l4_csum icmp_csum = {.csum_ofs = 2}; // ICMP's and ICMPv6's

// new = (old & ~mask) | value, in len (even) bytes at an even place of what the checksum covers.
// Returns what it must take in.
static uint32_t masked_set(uint8_t *at, const uint8_t *value, const uint8_t *mask, unsigned len)
{
	uint8_t from[sizeof(struct in6)];

	memcpy(from, at, len);
	for (unsigned i = 0; i < len; i++)
		at[i] = (uint8_t)((at[i] & ~mask[i]) | value[i]);
	return csum_delta(from, at, len);
}

// 1: an ICMP packet of this IP version with its header; 0: another; -EINVAL, -ENOMEM.
static int icmp_view(struct rte_mbuf **m, struct ip_view *ip, bool v6)
{
	int found = ip_view(m, ip);

	if (found <= 0)
		return found;
	if (ip->is_v6 != v6 || ip->proto != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || ip->is_later)
		return 0;
	return ip->l4 && ip->l4_len >= ICMP_HLEN ? 1 : -EINVAL;
}

int edit_set_icmp(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_icmp *set = &action->u.icmp;
	const uint8_t value[] = {set->type, set->code}, mask[] = {set->type_mask, set->code_mask};
	struct ip_view ip = {0};
	int found = icmp_view(m, &ip, set->is_v6);

	if (found <= 0)
		return found;
	l4_csum_update_inside(*m, &ip, &icmp_csum, masked_set(ip.l4, value, mask, sizeof value));
	return 0;
}

// As icmp_view(), for neighbour solicitations and advertisements with their target.
static int nd_view(struct rte_mbuf **m, struct ip_view *ip)
{
	int found = icmp_view(m, ip, true);

	if (found <= 0)
		return found;
	if ((ip->l4[0] != ND_NEIGHBOR_SOLICIT && ip->l4[0] != ND_NEIGHBOR_ADVERT) || ip->l4[1] != 0)
		return 0;
	return ip->l4_len >= ND_OPTIONS_OFS ? 1 : -EINVAL;
}

// The length that the option at `at` says, in bytes; 0: there is none, or it is malformed. A longer
// one than what is left ends the walk, as the next would start behind the end.
static uint32_t option_len(const struct ip_view *ip, uint32_t at)
{
	return at + ND_OPT_UNIT <= ip->l4_len ? ip->l4[at + 1] * ND_OPT_UNIT : 0;
}

static uint32_t options_set(const struct ip_view *ip, const struct action_set_nd *set)
{
	uint32_t delta = 0, at = ND_OPTIONS_OFS, len;

	for (; (len = option_len(ip, at)) > 0; at += len) {
		uint8_t *opt = ip->l4 + at, *addr = opt + ND_OPT_ADDR_OFS;

		if (len != ND_OPTION_LLA_LEN)
			continue;
		if (opt[0] == ND_OPT_SOURCE_LINKADDR)
			delta += masked_set(addr, set->sll.b, set->sll_mask.b, sizeof set->sll);
		else if (opt[0] == ND_OPT_TARGET_LINKADDR)
			delta += masked_set(addr, set->tll.b, set->tll_mask.b, sizeof set->tll);
	}
	return delta;
}

int edit_set_nd(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_nd *set = &action->u.nd;
	struct ip_view ip = {0};
	uint32_t delta;
	int found = nd_view(m, &ip);

	if (found <= 0)
		return found;
	delta = masked_set(ip.l4 + ND_TARGET_OFS, set->target.b, set->target_mask.b,
			   sizeof set->target);
	delta += options_set(&ip, set);
	l4_csum_update_inside(*m, &ip, &icmp_csum, delta);
	return 0;
}

int edit_set_nd_ext(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_nd_ext *set = &action->u.nd_ext;
	const uint8_t type[] = {set->option_type, 0}, type_mask[] = {set->option_type_mask, 0};
	struct ip_view ip = {0};
	uint32_t delta;
	int found = nd_view(m, &ip);

	if (found <= 0)
		return found;
	delta = masked_set(ip.l4 + ND_RESERVED_OFS, (const uint8_t *)&set->reserved_be,
			   (const uint8_t *)&set->reserved_mask_be, sizeof set->reserved_be);
	if (option_len(&ip, ND_OPTIONS_OFS) == ND_OPTION_LLA_LEN)
		delta += masked_set(ip.l4 + ND_OPTIONS_OFS, type, type_mask, sizeof type);
	l4_csum_update_inside(*m, &ip, &icmp_csum, delta);
	return 0;
}
