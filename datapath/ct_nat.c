// Which tuple a translated connection gets, and what its packets get by it.
//
// The reply tuple is the original one reversed, with another address, port or ICMP identifier. It
// must be nobody else's: candidates come in an order that depends on the connection alone, and the
// table's insertion takes the first one that is free. As Open vSwitch orders them: the address by
// hash; the port that the sender has; then the ports of the range, or, where none is given, those
// of the same class (below 512, below 1024, others), in rounds of fewer and fewer from different
// starts, so that a full range costs 240 attempts, not 64,000.
#include "datapath/ct_steps.h"

#include "datapath/ct_nat_packet.h"
#include "flowtable/action.h"

#include <errno.h>
#include <linux/openvswitch.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_jhash.h>

#define ROUND_FIRST 128u // attempts of the first round; each further one has half
#define ROUND_LAST  16u

// Ports to choose from: `start` may be outside of the range, it is tried once then.
struct port_range {
	uint16_t start, min, max;
};

static uint32_t range_size(const struct port_range *range)
{
	return range->max - range->min + 1u;
}

static bool is_inside(const struct port_range *range, uint32_t port)
{
	return port >= range->min && port <= range->max;
}

static uint16_t port_from(const struct port_range *range, uint32_t start, uint32_t n)
{
	if (!is_inside(range, start)) {
		if (n == 0)
			return (uint16_t)start;
		start = range->min;
		n--;
	}
	return (uint16_t)(range->min + (start - range->min + n) % range_size(range));
}

// Attempts that a range is worth.
static uint32_t range_attempts(const struct port_range *range)
{
	uint32_t all = range_size(range) + !is_inside(range, range->start), n = 0;

	if (all <= ROUND_FIRST)
		return all;
	for (uint32_t round = ROUND_FIRST; round >= ROUND_LAST; round /= 2)
		n += round;
	return n;
}

// The n-th candidate.
static uint16_t range_port(const struct port_range *range, uint32_t hash, uint32_t n)
{
	uint32_t round = ROUND_FIRST, start = range->start;

	for (; n >= round && round > ROUND_LAST; round /= 2) {
		n -= round;
		start = range->min + rte_jhash_1word(round, hash) % range_size(range);
	}
	return port_from(range, start, n);
}

// Ports of a sender that has no range of its own stay what they say of him.
static struct port_range class_of(uint16_t port)
{
	struct port_range range = {.start = port, .min = 1024, .max = UINT16_MAX};

	if (port < 512) {
		range.min = 1;
		range.max = 511;
	} else if (port < 1024) {
		range.min = 600;
		range.max = 1023;
	}
	return range;
}

// One that is given. The port stays if it may.
static struct port_range given_range(const struct action_nat *nat, uint16_t port, uint32_t hash)
{
	struct port_range range = {.start = port, .min = nat->port_min, .max = nat->port_max};

	if (!is_inside(&range, port) || (nat->flags & (ACTION_NAT_HASH | ACTION_NAT_RANDOM)))
		range.start = (uint16_t)(range.min + hash % range_size(&range));
	return range;
}

static uint32_t v4_pick(const struct action_nat *nat, uint32_t hash)
{
	uint32_t min, max;

	memcpy(&min, nat->addr_min.b, sizeof min);
	memcpy(&max, nat->addr_max.b, sizeof max);
	min = rte_be_to_cpu_32(min);
	max = rte_be_to_cpu_32(max);
	return rte_cpu_to_be_32(min + (uint32_t)(hash % ((uint64_t)max - min + 1)));
}

static uint64_t half_at(const uint8_t *b)
{
	uint64_t half;

	memcpy(&half, b, sizeof half);
	return rte_be_to_cpu_64(half);
}

static void half_put(uint8_t *b, uint64_t half)
{
	half = rte_cpu_to_be_64(half);
	memcpy(b, &half, sizeof half);
}

// A range has 2^32 addresses at most; of a longer one, the first ones are used.
static struct in6 v6_pick(const struct action_nat *nat, uint32_t hash)
{
	uint64_t min_hi = half_at(nat->addr_min.b), min_lo = half_at(nat->addr_min.b + 8);
	uint64_t max_hi = half_at(nat->addr_max.b), max_lo = half_at(nat->addr_max.b + 8);
	uint64_t span = max_lo - min_lo, lo; // modulo 2^64
	struct in6 addr = {{0}};

	if (max_hi - min_hi - (max_lo < min_lo) != 0 || span > UINT32_MAX)
		span = UINT32_MAX;
	lo = min_lo + hash % (span + 1);
	half_put(addr.b, min_hi + (lo < min_lo));
	half_put(addr.b + 8, lo);
	return addr;
}

static bool addr_is_zero(const struct in6 *a)
{
	static const struct in6 zero;

	return memcmp(a, &zero, sizeof zero) == 0;
}

// What chooses: keyed, so it is random to who can't see it, and the same for each attempt.
// `persistent`: all connections of a client, over restarts too, get the same address.
static uint32_t nat_hash(const struct ct_key *key, const struct action_nat *nat)
{
	static const uint32_t no_secret = 0x6e617431;

	return nat->flags & ACTION_NAT_PERSISTENT
		   ? rte_jhash(key->src.b, sizeof key->src, no_secret)
		   : ct_key_hash(key);
}

// No address, or all zeros: it stays.
static void addr_choose(const struct action_nat *nat, bool is_v6, uint32_t hash, struct in6 *addr)
{
	if (!(nat->flags & (ACTION_NAT_IPV4 | ACTION_NAT_IPV6)) || addr_is_zero(&nat->addr_min))
		return;
	if (is_v6) {
		*addr = v6_pick(nat, hash);
	} else {
		uint32_t v4 = v4_pick(nat, hash);

		memcpy(addr->b, &v4, sizeof v4);
	}
}

// Where the n-th candidate's ports come from: a range for the destination first, if one is given,
// then one for the source.
static int ports_choose(const struct ct_key *key, const struct action_nat *nat, uint32_t hash,
			uint32_t n, struct ct_key *reply)
{
	uint16_t src = rte_be_to_cpu_16(key->src_port_be), dst = rte_be_to_cpu_16(key->dst_port_be);
	bool given = nat->flags & ACTION_NAT_PORTS;
	struct port_range range;

	if (given && (nat->flags & ACTION_NAT_DST)) {
		range = given_range(nat, dst, hash);
		reply->src_port_be = rte_cpu_to_be_16(range_port(&range, hash, n));
		if (n < range_attempts(&range))
			return 0;
		n -= range_attempts(&range);
		reply->src_port_be = rte_cpu_to_be_16(range.start);
		n++; // the sender's own port was tried with that one
		given = false;
	}
	range = given ? given_range(nat, src, hash) : class_of(src);
	if (n >= range_attempts(&range))
		return -ENOSPC;
	reply->dst_port_be = rte_cpu_to_be_16(range_port(&range, hash, n));
	return 0;
}

static int icmp_id_choose(const struct ct_key *key, uint32_t hash, uint32_t n, struct ct_key *reply)
{
	struct port_range range = {.start = rte_be_to_cpu_16(key->src_port_be),
				   .min = 0,
				   .max = UINT16_MAX};

	if (n >= range_attempts(&range))
		return -ENOSPC;
	reply->src_port_be = rte_cpu_to_be_16(range_port(&range, hash, n));
	return 0;
}

// The n-th candidate.
static int reply_choose(const struct ct_key *key, const struct action_nat *nat, uint32_t hash,
			uint32_t n, struct ct_key *reply)
{
	ct_key_reverse(reply, key);
	addr_choose(nat, key->is_v6, hash, nat->flags & ACTION_NAT_DST ? &reply->src : &reply->dst);
	if (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP)
		return ports_choose(key, nat, hash, n, reply);
	if (ct_key_is_icmp(key))
		return icmp_id_choose(key, hash, n, reply);
	return n == 0 ? 0 : -ENOSPC;
}

// A connection that was expected has the addresses, and the port that was named, from its master.
static int expected_choose(struct ct_conn *conn, uint32_t n)
{
	struct port_range range = class_of(rte_be_to_cpu_16(conn->key.src_port_be));
	uint32_t hash = conn->hash;

	if (n == 0)
		return 0;
	if (!(conn->ext->nat & CT_NAT_SRC) || n >= range_attempts(&range))
		return -ENOSPC;
	conn->ext->reply.dst_port_be = rte_cpu_to_be_16(range_port(&range, hash, n));
	return 0;
}

static uint8_t nat_kind(const struct ct_conn *conn, const struct action_nat *nat)
{
	struct ct_key plain;

	if (nat->flags & ACTION_NAT_DST)
		return CT_NAT_DST;
	if (nat->flags & ACTION_NAT_SRC)
		return CT_NAT_SRC;
	ct_key_reverse(&plain, &conn->key);
	return ct_key_equal(&plain, &conn->ext->reply) ? CT_NAT_NONE : CT_NAT_SRC;
}

int ct_nat_choose(struct ct_conn *conn, const struct action_ct *ct, uint32_t *attempt)
{
	const struct action_nat *nat = &ct->nat;
	uint32_t n = (*attempt)++;
	int err;

	if (ct_conn_has(conn, CT_EXPECTED) && conn->ext->nat)
		return expected_choose(conn, n);
	if (((nat->flags & ACTION_NAT_IPV4) && conn->key.is_v6) ||
	    ((nat->flags & ACTION_NAT_IPV6) && !conn->key.is_v6))
		return -EAFNOSUPPORT;
	err = reply_choose(&conn->key, nat, nat_hash(&conn->key, nat), n, &conn->ext->reply);
	if (!err)
		conn->ext->nat = nat_kind(conn, nat);
	return err;
}

int ct_nat_apply(struct ct_packet *p)
{
	uint8_t nat = ct_conn_nat(p->conn);
	bool is_src = nat & CT_NAT_SRC;
	struct ct_key from, to;
	int err;

	if (nat == CT_NAT_NONE)
		return 0;
	ct_conn_key(p->conn, p->dir, &from);
	ct_conn_key(p->conn, p->dir == CT_ORIG ? CT_REPLY : CT_ORIG, &to);
	ct_key_reverse(&to, &to);
	err = ct_nat_packet(&p->m, &from, &to, p->is_related);
	if (!err)
		p->state |= is_src == (p->dir == CT_ORIG) ? OVS_CS_F_SRC_NAT : OVS_CS_F_DST_NAT;
	return err;
}
