#include "datapath/ct_limit.h"

#include "datapath/ct_table.h"
#include "datapath/pmd.h"

#include <errno.h>
#include <stdlib.h>

#define OF_DEFAULT UINT32_MAX // in a zone's limit: its datapath's default one

struct zones {
	uint32_t default_limit; // relaxed; writer: control thread
	struct {
		uint32_t limit; // the same
		uint32_t count; // atomic: of connections that have CT_ZONE_COUNTED
	} zone[CT_ZONES];
};

// By datapath. Published once, when its first limit is set.
static struct zones *zones[CT_DPS_MAX];
// The limit, and above it how often it was set. Relaxed; writer: control thread.
static uint64_t dp_limits[CT_DPS_MAX];

// How many more a PMD lets in before all PMDs' connections are counted again, which reads a cache
// line of each.
#define UNCOUNTED_MAX 64
struct allowance {
	uint64_t limit; // as it was set
	uint32_t left;
};

static struct {
	struct allowance of[CT_DPS_MAX];
} __rte_cache_aligned allowances[PMDS_MAX]; // each its PMD's

static uint32_t limit_of(const struct zones *z, uint16_t zone)
{
	uint32_t limit = __atomic_load_n(&z->zone[zone].limit, __ATOMIC_RELAXED);

	return limit == OF_DEFAULT ? __atomic_load_n(&z->default_limit, __ATOMIC_RELAXED) : limit;
}

// True when it was not counted before.
static bool count(struct zones *z, struct ct_conn *conn)
{
	if (__atomic_fetch_or(&conn->flags, CT_ZONE_COUNTED, __ATOMIC_RELAXED) & CT_ZONE_COUNTED)
		return false;
	__atomic_fetch_add(&z->zone[conn->key.zone].count, 1, __ATOMIC_RELAXED);
	return true;
}

static void uncount(struct zones *z, struct ct_conn *conn)
{
	if (__atomic_fetch_and(&conn->flags, ~CT_ZONE_COUNTED, __ATOMIC_RELAXED) & CT_ZONE_COUNTED)
		__atomic_fetch_sub(&z->zone[conn->key.zone].count, 1, __ATOMIC_RELAXED);
}

static __rte_noinline enum ct_refusal zone_enter(struct zones *z, struct ct_conn *conn)
{
	uint32_t limit = limit_of(z, conn->key.zone);

	if (limit == CT_UNLIMITED)
		return CT_ADMITTED;
	// Counted first: of two that come at once, one may be refused, and never both admitted.
	count(z, conn);
	if (__atomic_load_n(&z->zone[conn->key.zone].count, __ATOMIC_RELAXED) <= limit)
		return CT_ADMITTED;
	uncount(z, conn);
	return CT_ZONE_FULL;
}

// Far from the limit several PMDs together may pass it, each by its share of what was left.
static bool is_full(unsigned pmd_index, uint8_t dp, uint64_t set)
{
	struct allowance *a = &allowances[pmd_index].of[dp];

	if (likely(a->limit == set && a->left > 0)) {
		a->left--;
		return false;
	}
	uint32_t limit = (uint32_t)set, n = ct_table_count(dp);
	if (n >= limit)
		return true;
	a->limit = set;
	a->left = RTE_MIN((limit - n - 1) / PMDS_MAX, UNCOUNTED_MAX);
	return false;
}

enum ct_refusal ct_limit_enter(unsigned pmd_index, struct ct_conn *conn)
{
	uint8_t dp = conn->key.dp;
	struct zones *z = __atomic_load_n(&zones[dp], __ATOMIC_ACQUIRE);
	uint64_t limit = __atomic_load_n(&dp_limits[dp], __ATOMIC_RELAXED);

	if ((uint32_t)limit != CT_UNLIMITED && unlikely(is_full(pmd_index, dp, limit)))
		return CT_DP_FULL;
	return unlikely(z) ? zone_enter(z, conn) : CT_ADMITTED;
}

void ct_limit_leave(struct ct_conn *conn)
{
	struct zones *z = __atomic_load_n(&zones[conn->key.dp], __ATOMIC_ACQUIRE);

	if (unlikely(z))
		uncount(z, conn);
}

// Control side.

void ct_limit_init(void)
{
	memset(zones, 0, sizeof zones);
	memset(dp_limits, 0, sizeof dp_limits);
	memset(allowances, 0, sizeof allowances);
}

void ct_limit_fini(void)
{
	for (unsigned dp = 0; dp < CT_DPS_MAX; dp++)
		free(zones[dp]);
	ct_limit_init();
}

static struct zones *zones_make(uint8_t dp)
{
	struct zones *z = zones[dp];

	if (z)
		return z;
	z = calloc(1, sizeof *z);
	if (!z)
		return NULL;
	for (unsigned i = 0; i < CT_ZONES; i++)
		z->zone[i].limit = OF_DEFAULT;
	__atomic_store_n(&zones[dp], z, __ATOMIC_RELEASE);
	return z;
}

// PMDs count what they commit since limits were set; this counts what they had before. One that
// leaves the table meanwhile uncounts itself, unless it was counted after it had: then this does.
void ct_limit_count(uint8_t dp)
{
	struct zones *z = zones[dp];

	for (uint32_t id = 0; z && id < ct_table_slots(); id++) {
		struct ct_conn *conn = ct_table_slot(id);

		if (!conn || conn->key.dp != dp || limit_of(z, conn->key.zone) == CT_UNLIMITED)
			continue;
		if (count(z, conn) && ct_conn_is_removed(conn))
			uncount(z, conn);
	}
}

int ct_limit_set(uint8_t dp, int32_t zone, uint32_t limit)
{
	struct zones *z = zones_make(dp);

	if (!z)
		return -ENOMEM;
	if (limit == OF_DEFAULT)
		limit--; // as good as
	if (zone < 0)
		__atomic_store_n(&z->default_limit, limit, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&z->zone[zone].limit, limit, __ATOMIC_RELAXED);
	return 0;
}

void ct_limit_del(uint8_t dp, int32_t zone)
{
	if (!zones[dp])
		return;
	if (zone < 0)
		__atomic_store_n(&zones[dp]->default_limit, CT_UNLIMITED, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&zones[dp]->zone[zone].limit, OF_DEFAULT, __ATOMIC_RELAXED);
}

bool ct_limit_get(uint8_t dp, int32_t zone, uint32_t *limit, uint32_t *n)
{
	const struct zones *z = zones[dp];

	*limit = CT_UNLIMITED;
	*n = 0;
	if (!z)
		return false;
	if (zone < 0) {
		*limit = z->default_limit;
		return *limit != CT_UNLIMITED;
	}
	*limit = limit_of(z, (uint16_t)zone);
	*n = __atomic_load_n(&z->zone[zone].count, __ATOMIC_RELAXED);
	return z->zone[zone].limit != OF_DEFAULT;
}

void ct_limit_set_dp(uint8_t dp, uint32_t limit)
{
	uint64_t times = (dp_limits[dp] >> 32) + 1;

	__atomic_store_n(&dp_limits[dp], times << 32 | limit, __ATOMIC_RELAXED);
}

uint32_t ct_limit_get_dp(uint8_t dp)
{
	return (uint32_t)dp_limits[dp];
}

void ct_limit_forget(uint8_t dp)
{
	ct_limit_set_dp(dp, CT_UNLIMITED);
	for (int32_t zone = -1; zone < CT_ZONES; zone++)
		ct_limit_del(dp, zone);
}
