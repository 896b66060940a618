// The tuple by which connection tracking knows a packet: addresses, ports, protocol, zone. Each
// connection has one for each direction; without NAT, one is the other reversed.
#ifndef DATAPATH_CT_KEY_H
#define DATAPATH_CT_KEY_H

#include "flowtable/key.h"

#include <netinet/in.h>
#include <string.h>

#define CT_DPS_MAX 64 // datapaths that one swd can hold

// Where a query's type and code stand, as in the kernel's tuples: host order.
#define CT_ICMP(type, code) ((uint16_t)((type) << 8 | (code)))

struct ct_key {
	union {
		struct in6 src;
		struct {
			uint32_t src_v4_be, src_none[3]; // zero
		};
	};
	union {
		struct in6 dst;
		struct {
			uint32_t dst_v4_be, dst_none[3];
		};
	};
	// ICMP and ICMPv6 queries: src_port_be is the identifier, in both directions; dst_port_be
	// is htons(CT_ICMP(type, code)). Protocols without ports: zero.
	uint16_t src_port_be;
	uint16_t dst_port_be;
	uint16_t zone;
	uint8_t proto;
	uint8_t is_v6 : 1, dp : 7; // of which datapath the zone is
} __attribute__((aligned(8)));

typedef uint64_t __attribute__((may_alias)) ct_word;

#define CT_KEY_WORDS (sizeof(struct ct_key) / sizeof(ct_word))

static_assert(sizeof(struct ct_key) == 40, "with both peers of TCP it fills one cache line");
static_assert(CT_DPS_MAX <= 128, "seven bits");

static inline bool ct_key_is_icmp(const struct ct_key *key)
{
	return key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6;
}

static inline bool ct_key_equal(const struct ct_key *a, const struct ct_key *b)
{
	const ct_word *aw = (const ct_word *)a, *bw = (const ct_word *)b;

	return ((aw[0] ^ bw[0]) | (aw[1] ^ bw[1]) | (aw[2] ^ bw[2]) | (aw[3] ^ bw[3]) |
		(aw[4] ^ bw[4])) == 0;
}

// The same for both directions. Keyed by a secret of the process, since senders choose tuples.
uint32_t ct_key_hash(const struct ct_key *key);

// The tuple of an answer. dst and src may be the same.
void ct_key_reverse(struct ct_key *dst, const struct ct_key *src);

// The ICMP type (ICMPv6 when is_v6) that answers a query's, or that an answer's query has; -1: it
// is neither.
int ct_icmp_reverse(bool is_v6, uint8_t type);
bool ct_icmp_is_query(bool is_v6, uint8_t type); // a request: what may open a connection

#endif
