#include "tests/unit/ctl/random_model.h"

#include <netinet/in.h>
#include <string.h>

uint64_t prng_state;
enum random_theme random_theme;

struct eth_addr pool_mac(void)
{
	static const struct eth_addr special[] = {
	    {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	    {{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}},
	    {{0x33, 0x33, 0x00, 0x00, 0x00, 0x01}},
	};

	if (one_in(8))
		return PICK(special);
	return (struct eth_addr){{0x52, 0x54, 0, 0, (uint8_t)pick(2), (uint8_t)pick(4)}};
}

uint32_t pool_ipv4(void)
{
	static const uint32_t nets[] = {0x0a000000, 0x0a000100, 0x0a010000, 0xc0a80000};

	return PICK(nets) + pick(4);
}

struct in6 pool_ipv6(void)
{
	struct in6 a = {{0xfd, (uint8_t)pick(2)}};

	a.b[7] = (uint8_t)pick(2);
	a.b[15] = (uint8_t)pick(4);
	return a;
}

uint16_t pool_vid(void)
{
	static const uint16_t vids[] = {0, 10, 20, 21, 100, 4095};

	return PICK(vids);
}

uint16_t pool_tp(void)
{
	static const uint16_t ports[] = {0, 22, 53, 80, 81, 443, 1000, 1001, 1023, 1024, 8080};

	return one_in(16) ? (uint16_t)prng_next() : PICK(ports);
}

uint32_t pool_label(void)
{
	static const uint32_t labels[] = {0, 2, 16, 17, 1000};

	return PICK(labels);
}

static uint8_t random_ttl(void)
{
	static const uint8_t ttls[] = {0, 1, 2, 63, 64, 255};

	return one_in(2) ? 64 : PICK(ttls);
}

static void random_tags(struct model *m)
{
	static const uint8_t n_tags[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 3};
	static const uint16_t tpids[] = {0x8100, 0x8100, 0x8100, 0x88a8, 0x9100};

	m->n_tags = PICK(n_tags);
	if (m->n_tags > 2 && one_in(2))
		m->n_tags = 2;
	for (unsigned i = 0; i < m->n_tags; i++) {
		m->tags[i].tpid = PICK(tpids);
		m->tags[i].tci = (uint16_t)(pool_vid() | (one_in(2) ? pick(8) << 13 : 0));
	}
}

static void random_labels(struct model *m)
{
	static const uint8_t n_lses[] = {0, 1, 1, 1, 1, 2, 2, 3};

	m->n_lses = one_in(10) ? (uint8_t)(1 + pick(3)) : 0;
	if (random_theme == THEME_MPLS)
		m->n_lses = PICK(n_lses);
	for (unsigned i = 0; i < m->n_lses; i++)
		m->lses[i] = pool_label() << MPLS_LABEL_SHIFT | pick(8) << MPLS_TC_SHIFT |
			     (i + 1 == m->n_lses ? MPLS_BOS : 0) | random_ttl();
	m->eth_type = one_in(8) ? ETH_MPLSM : ETH_MPLS;
}

static void random_l4(struct model *m)
{
	static const uint8_t protos[] = {IPPROTO_TCP,  IPPROTO_TCP,  IPPROTO_TCP,
					 IPPROTO_UDP,  IPPROTO_UDP,  IPPROTO_SCTP,
					 IPPROTO_ICMP, IPPROTO_ICMP, 47};
	static const uint8_t types[] = {135, 135, 136, 136, 128, 129, 1};

	m->nw_proto = PICK(protos);
	m->tp_src = pool_tp();
	m->tp_dst = pool_tp();
	if (random_theme == THEME_FRAGMENTS && one_in(2))
		m->tp_src = m->tp_dst = 0;
	m->tcp_flags = (uint16_t)(one_in(4) ? pick(0x1000) : 1u << pick(6));
	if (m->nw_proto != IPPROTO_ICMP)
		return;
	m->tp_src = (uint16_t)(pick(3) * 8 % 11); // echo and its reply
	m->tp_dst = (uint16_t)pick(2);
	if (m->payload_type == ETH_IPV6) {
		m->nw_proto = IPPROTO_ICMPV6;
		m->tp_src = PICK(types);
		m->tp_dst = one_in(8);
	}
}

static void random_ip(struct model *m)
{
	static const uint8_t toses[] = {0, 0, 4, 0xb8, 0xb9, 3};

	m->nw_tos = PICK(toses);
	m->nw_ttl = random_ttl();
	if (one_in(random_theme == THEME_FRAGMENTS ? 2 : 6))
		m->nw_frag = (uint8_t)(NW_FRAG_ANY | (one_in(2) ? NW_FRAG_LATER : 0));
	random_l4(m);
}

static void random_addresses(struct model *m)
{
	m->ip_src = pool_ipv4();
	m->ip_dst = pool_ipv4();
	m->ipv6_src = pool_ipv6();
	m->ipv6_dst = pool_ipv6();
	m->nd_target = pool_ipv6();
	m->ipv6_label = pick(3);
	m->sha = pool_mac();
	m->tha = pool_mac();
	m->has_sll = one_in(2);
	m->has_tll = one_in(2);
	m->arp_op = (uint16_t)(one_in(16) ? 257 : 1 + pick(2));
}

// Still to be settled.
static void random_fields(struct model *m)
{
	static const uint16_t types[] = {ETH_IPV4, ETH_IPV4, ETH_IPV4, ETH_IPV4, ETH_IPV6,
					 ETH_IPV6, ETH_ARP,  ETH_ARP,  ETH_RARP, 0x88cc};

	memset(m, 0, sizeof(*m));
	m->eth_src = pool_mac();
	m->eth_dst = pool_mac();
	random_tags(m);
	random_labels(m);
	m->payload_type = PICK(types);
	if (random_theme == THEME_MPLS && !one_in(4))
		m->payload_type = ETH_IPV4;
	random_addresses(m);
	random_ip(m);
}

void random_model(struct model *m)
{
	random_fields(m);
	model_settle(m);
}

// A field's bytes, of which a bit may flip or the value become another packet's.
static const struct {
	uint16_t offset, size;
} mutable[] = {
#define FIELD(name)                                                             \
	{                                                                       \
		offsetof(struct model, name), sizeof(((struct model *)0)->name) \
	}
    FIELD(eth_src),	 FIELD(eth_dst), FIELD(tags[0]),    FIELD(tags[0].tci), FIELD(tags[1].tci),
    FIELD(lses[0]),	 FIELD(lses[1]), FIELD(nw_proto),   FIELD(nw_tos),	FIELD(nw_ttl),
    FIELD(nw_frag),	 FIELD(tp_src),	 FIELD(tp_dst),	    FIELD(tcp_flags),	FIELD(arp_op),
    FIELD(ip_src),	 FIELD(ip_dst),	 FIELD(ipv6_label), FIELD(ipv6_src),	FIELD(ipv6_dst),
    FIELD(nd_target),	 FIELD(sha),	 FIELD(tha),	    FIELD(has_sll),	FIELD(has_tll),
    FIELD(payload_type), FIELD(n_tags),	 FIELD(nw_ttl),
#undef FIELD
};

#define N_MUTABLE (sizeof(mutable) / sizeof(mutable[0]))

static bool may_flip(unsigned i)
{
	return mutable[i].offset != offsetof(struct model, has_sll) &&
	       mutable[i].offset != offsetof(struct model, has_tll) &&
	       mutable[i].offset != offsetof(struct model, n_tags) &&
	       mutable[i].offset != offsetof(struct model, payload_type) &&
	       mutable[i].size != sizeof(struct model_tag);
}

static bool is_tpid(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

// What the changes of single fields may have broken.
static void mend(struct model *m)
{
	for (unsigned i = 0; i < m->n_tags; i++) {
		if (!is_tpid(m->tags[i].tpid))
			m->tags[i].tpid = 0x8100;
	}
	for (unsigned i = 0; i < m->n_lses; i++)
		m->lses[i] = (m->lses[i] & ~MPLS_BOS) | (i + 1 == m->n_lses ? MPLS_BOS : 0);
	model_settle(m);
}

void random_mutate(struct model *m)
{
	struct model other;
	unsigned n = 1 + pick(4);

	random_fields(&other);
	if (one_in(16)) {
		m->n_lses = other.n_lses;
		memcpy(m->lses, other.lses, sizeof(m->lses));
		m->eth_type = other.eth_type;
	}
	while (n-- > 0) {
		unsigned i = pick(N_MUTABLE);
		uint8_t *at = (uint8_t *)m + mutable[i].offset;

		if (one_in(2) && may_flip(i))
			at[pick(mutable[i].size)] ^= (uint8_t)(1u << pick(8));
		else
			memcpy(at, (uint8_t *)&other + mutable[i].offset, mutable[i].size);
	}
	mend(m);
}
