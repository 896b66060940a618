#include "datapath/tunnel_row.h"

#include <net/ethernet.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_udp.h>

#define VXLAN_LEN	8u
#define FLAG_VNI	0x08000000u
#define FLAG_GBP	0x80000000u
#define FLAGS_GBP	0x00480000u // "don't learn", "policy applied"
#define GBP_ID		0x0000ffffu
#define FLAG_GPE	0x04000000u // the next protocol is said
#define GPE_PROTO	0x000000ffu
#define GBP_FLAGS_SHIFT 16
#define VNI_SHIFT	8
#define VNI_RESERVED	0x000000ffu

// The group policy of a header that has one; returns the flags that are left.
static uint32_t gbp_read(struct flow_tunnel *tun, uint32_t flags)
{
	if (!(flags & FLAG_GBP))
		return flags;
	tun->gbp_id_be = rte_cpu_to_be_16((uint16_t)(flags & GBP_ID));
	tun->gbp_flags = (uint8_t)((flags & FLAGS_GBP) >> GBP_FLAGS_SHIFT);
	return flags & ~(FLAG_GBP | FLAGS_GBP | GBP_ID);
}

// What is inside, of a header that says it; *flags are those that are left.
static bool gpe_read(struct tunnel_popped *p, uint32_t *flags)
{
	static const uint16_t types[] = {[1] = ETHERTYPE_IP, [2] = ETHERTYPE_IPV6, [3] = 0};
	uint32_t proto = *flags & GPE_PROTO;

	if (!(*flags & FLAG_GPE))
		return true;
	*flags &= ~(FLAG_GPE | GPE_PROTO);
	p->reason = DROP_TUNNEL_PROTOCOL;
	if (proto == 0 || proto >= RTE_DIM(types))
		return false;
	p->reason = DROP_TUNNEL_HEADER;
	p->l3_type = types[proto];
	return true;
}

bool tunnel_vxlan_pop(struct tunnel_popped *p, unsigned options)
{
	const uint8_t *at;
	uint32_t flags_be, vni_be, flags, vni;

	if (!tunnel_udp_pop(p))
		return false;
	at = tunnel_read(p, p->l4_ofs + (uint32_t)sizeof(struct rte_udp_hdr), VXLAN_LEN);
	if (unlikely(!at))
		return false;
	memcpy(&flags_be, at, sizeof flags_be);
	memcpy(&vni_be, at + sizeof flags_be, sizeof vni_be);
	flags = rte_be_to_cpu_32(flags_be);
	vni = rte_be_to_cpu_32(vni_be);
	if (options & TUNNEL_VXLAN_GBP)
		flags = gbp_read(&p->tun, flags);
	if ((options & TUNNEL_VXLAN_GPE) && !gpe_read(p, &flags))
		return false;
	if (unlikely(flags != FLAG_VNI || (vni & VNI_RESERVED)))
		return false;
	p->tun.id_be = rte_cpu_to_be_64(vni >> VNI_SHIFT);
	p->tun.flags |= TUN_F_KEY;
	p->header_len = p->l4_ofs + (uint32_t)sizeof(struct rte_udp_hdr) + VXLAN_LEN;
	return true;
}
