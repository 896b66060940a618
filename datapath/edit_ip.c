#include "datapath/edit.h"

#include "datapath/csum.h"
#include "datapath/ip_view.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_hash_crc.h>
#include <rte_ip.h>

#define SCTP_CSUM_OFS  8
#define SCTP_CSUM_SEED 0xffffffffu

static uint32_t masked32(uint32_t old, uint32_t value, uint32_t mask)
{
	return (old & ~mask) | value;
}

int edit_set_ipv4(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_ipv4 *set = &action->u.ipv4;
	struct rte_ipv4_hdr *hdr, from;
	const struct l4_csum *row;
	struct ip_view ip = {0};
	uint32_t addrs;
	int found = ip_view(m, &ip);

	if (found < 0)
		return found;
	if (!found || ip.is_v6)
		return -EINVAL;
	row = l4_csum_of(&ip);
	if ((set->src_mask_be | set->dst_mask_be) && !l4_csum_reachable(&ip, row))
		return -EINVAL;

	hdr = (struct rte_ipv4_hdr *)ip.l3;
	from = *hdr;
	hdr->src_addr = masked32(hdr->src_addr, set->src_be, set->src_mask_be);
	hdr->dst_addr = masked32(hdr->dst_addr, set->dst_be, set->dst_mask_be);
	hdr->type_of_service = (uint8_t)((hdr->type_of_service & ~set->tos_mask) | set->tos);
	hdr->time_to_live = (uint8_t)((hdr->time_to_live & ~set->ttl_mask) | set->ttl);

	addrs = csum_delta(&from.src_addr, &hdr->src_addr, 8);
	hdr->hdr_checksum = csum_update(from.hdr_checksum,
					addrs + csum_delta(&from, hdr, 2) +
					    csum_delta(&from.time_to_live, &hdr->time_to_live, 2));
	l4_csum_update(*m, &ip, row, addrs);
	return 0;
}

int edit_dec_ttl(struct rte_mbuf **m, const struct action *action)
{
	struct rte_ipv4_hdr *hdr;
	struct ip_view ip = {0};
	uint16_t from; // TTL and protocol
	uint8_t *ttl;
	int found = ip_view(m, &ip);

	(void)action;
	if (found <= 0)
		return found;
	hdr = (struct rte_ipv4_hdr *)ip.l3;
	ttl = ip.is_v6 ? &((struct rte_ipv6_hdr *)ip.l3)->hop_limits : &hdr->time_to_live;
	if (*ttl <= 1)
		return -ETIME;
	from = csum_word(&hdr->time_to_live);
	(*ttl)--;
	if (!ip.is_v6)
		hdr->hdr_checksum =
		    csum_update(hdr->hdr_checksum, csum_delta(&from, &hdr->time_to_live, 2));
	return 0;
}

static void in6_set(uint8_t *addr, const struct in6 *value, const struct in6 *mask)
{
	for (unsigned i = 0; i < sizeof value->b; i++)
		addr[i] = (uint8_t)((addr[i] & ~mask->b[i]) | value->b[i]);
}

static bool in6_is_zero(const struct in6 *a)
{
	static const struct in6 zero;

	return memcmp(a, &zero, sizeof zero) == 0;
}

int edit_set_ipv6(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_ipv6 *set = &action->u.ipv6;
	struct rte_ipv6_hdr *hdr, from;
	const struct l4_csum *row;
	struct ip_view ip = {0};
	uint32_t delta, word, mask;
	int found = ip_view(m, &ip);

	if (found < 0)
		return found;
	if (!found || !ip.is_v6)
		return -EINVAL;
	row = l4_csum_of(&ip);
	if ((!in6_is_zero(&set->src_mask) || !in6_is_zero(&set->dst_mask)) &&
	    !l4_csum_reachable(&ip, row))
		return -EINVAL;

	hdr = (struct rte_ipv6_hdr *)ip.l3;
	from = *hdr;
	in6_set(hdr->src_addr, &set->src, &set->src_mask);
	in6_set(hdr->dst_addr, &set->dst, &set->dst_mask);
	hdr->hop_limits = (uint8_t)((hdr->hop_limits & ~set->hlimit_mask) | set->hlimit);
	word = (uint32_t)set->tclass << 20 | (rte_be_to_cpu_32(set->label_be) & 0xfffff);
	mask = (uint32_t)set->tclass_mask << 20 | (rte_be_to_cpu_32(set->label_mask_be) & 0xfffff);
	hdr->vtc_flow = masked32(hdr->vtc_flow, rte_cpu_to_be_32(word), rte_cpu_to_be_32(mask));

	// With a routing header under way, the checksum covers the last address of that header
	// instead.
	delta = csum_delta(from.src_addr, hdr->src_addr, sizeof from.src_addr);
	if (!ip.is_routed)
		delta += csum_delta(from.dst_addr, hdr->dst_addr, sizeof from.dst_addr);
	l4_csum_update(*m, &ip, row, delta);
	return 0;
}

// CRC32c of len bytes from ofs on, as RFC 9260's Appendix A computes it. The packet may have
// several segments.
static uint32_t sctp_crc(const struct rte_mbuf *m, uint32_t ofs, uint32_t len)
{
	uint64_t chunk[32]; // aligned, which a frame's bytes are not
	uint32_t crc = SCTP_CSUM_SEED;

	while (len > 0) {
		uint32_t n = RTE_MIN(len, (uint32_t)sizeof chunk);
		const void *bytes = rte_pktmbuf_read(m, ofs, n, chunk);

		if (bytes != chunk)
			memcpy(chunk, bytes, n);
		crc = rte_hash_crc(chunk, n, crc);
		ofs += n;
		len -= n;
	}
	return ~crc;
}

static uint32_t ip_payload_len(const struct ip_view *ip)
{
	uint32_t before_l4 = (uint32_t)(ip->l4 - ip->l3);
	uint32_t total = rte_be_to_cpu_16(csum_word(ip->l3 + (ip->is_v6 ? 4 : 2)));

	return total + (ip->is_v6 ? (uint32_t)sizeof(struct rte_ipv6_hdr) : 0) - before_l4;
}

static uint32_t ports_set(uint8_t *l4, const struct action_set_ports *set)
{
	uint16_t from[2], to[2];

	memcpy(from, l4, sizeof from);
	to[0] = (uint16_t)((from[0] & ~set->src_mask_be) | set->src_be);
	to[1] = (uint16_t)((from[1] & ~set->dst_mask_be) | set->dst_be);
	memcpy(l4, to, sizeof to);
	return csum_delta(from, to, sizeof to);
}

// The checksum is a CRC over the whole packet: what was wrong with it before stays wrong.
static int sctp_set_ports(struct rte_mbuf *m, const struct ip_view *ip,
			  const struct action_set_ports *set)
{
	uint32_t ofs = (uint32_t)(ip->l4 - rte_pktmbuf_mtod(m, uint8_t *));
	uint32_t len = ip_payload_len(ip);
	uint32_t csum, right_before;

	if (ip->is_fragment || ip->l4_len < SCTP_CSUM_OFS + 4 || len > rte_pktmbuf_pkt_len(m) - ofs)
		return -EINVAL;
	memcpy(&csum, ip->l4 + SCTP_CSUM_OFS, sizeof csum);
	memset(ip->l4 + SCTP_CSUM_OFS, 0, sizeof csum);
	right_before = sctp_crc(m, ofs, len);
	ports_set(ip->l4, set);
	csum ^= rte_cpu_to_le_32(right_before ^ sctp_crc(m, ofs, len));
	memcpy(ip->l4 + SCTP_CSUM_OFS, &csum, sizeof csum);
	return 0;
}

int edit_set_ports(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_ports *set = &action->u.ports;
	const struct l4_csum *row;
	struct ip_view ip = {0};
	uint32_t delta;
	int found = ip_view(m, &ip);

	if (found <= 0)
		return found;
	if (ip.proto != set->proto || ip.is_later)
		return 0;
	if (!ip.l4)
		return -EINVAL;
	if (ip.proto == IPPROTO_SCTP)
		return sctp_set_ports(*m, &ip, set);
	row = l4_csum_of(&ip);
	if (!row || !row->has_ports || ip.l4_len < row->csum_ofs + 2u)
		return -EINVAL;
	delta = ports_set(ip.l4, set);
	l4_csum_update_inside(*m, &ip, row, delta);
	return 0;
}
