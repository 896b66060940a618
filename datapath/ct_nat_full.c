#include "datapath/ct_nat_full.h"

#include "datapath/pmd.h"

#include <rte_jhash.h>

#define RANGES 64u // that a PMD remembers; power of two

struct range {
	uint32_t hash; // of all but what is chosen from the range
	uint32_t time; // ct_time()
};

static struct {
	struct range ranges[RANGES];
} __rte_cache_aligned fulls[PMDS_MAX]; // each its PMD's own

static uint32_t range_hash(const struct ct_conn *conn, const struct action_nat *nat)
{
	struct ct_key key = conn->ext->reply;

	key.src_port_be =
	    ct_key_is_icmp(&key) || (nat->flags & ACTION_NAT_DST) ? 0 : key.src_port_be;
	if (!ct_key_is_icmp(&key))
		key.dst_port_be = 0;
	return rte_jhash_2words(ct_key_hash(&key), (uint32_t)nat->port_min << 16 | nat->port_max,
				nat->flags);
}

bool ct_nat_was_full(unsigned pmd_index, const struct ct_conn *conn, const struct action_nat *nat,
		     uint32_t now)
{
	uint32_t hash = range_hash(conn, nat);
	const struct range *range = &fulls[pmd_index].ranges[hash % RANGES];

	return range->hash == hash && range->time == now;
}

void ct_nat_note_full(unsigned pmd_index, const struct ct_conn *conn, const struct action_nat *nat,
		      uint32_t now)
{
	uint32_t hash = range_hash(conn, nat);

	fulls[pmd_index].ranges[hash % RANGES] = (struct range){.hash = hash, .time = now};
}
