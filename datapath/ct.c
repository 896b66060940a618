#include "datapath/ct.h"

#include "datapath/ct_dump.h"
#include "datapath/ct_execute.h"
#include "datapath/ct_expire.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_table.h"
#include "datapath/ct_timeout.h"
#include "flowtable/tally.h"

// Of a turn: 4 bytes of each slot are looked at, and more of those connections whose time has come.
#define TURN_SLOTS (1u << 18)
#define TURN_CONNS 16384u

#define FRAGS_MS 500u

static bool liberal[CT_DPS_MAX]; // relaxed; writer: control thread
static uint64_t frags_ms;	 // when it was last looked for fragments that wait too long
static struct rcu *grace;

int ct_init(struct rcu *rcu, uint32_t max_conns)
{
	grace = rcu;
	memset(liberal, 0, sizeof liberal);
	memset(ct_counters, 0, sizeof ct_counters);
	ct_timeout_init(rcu);
	ct_limit_init();
	return ct_table_init(rcu, max_conns, SOCKET_ID_ANY);
}

void ct_fini(void)
{
	ct_frags_fini();
	ct_table_fini();
	ct_limit_fini();
}

int ct_prepare(uint8_t dp)
{
	int err = ct_table_prepare();

	return err ? err : ct_frags_prepare(dp);
}

void ct_turn(uint64_t now_ms)
{
	if (!ct_table_is_ready())
		return;
	ct_expire_sweep(ct_time(now_ms), TURN_SLOTS, TURN_CONNS);
	ct_table_grow();
	ct_timeout_settle();
	if (now_ms - frags_ms >= FRAGS_MS) {
		frags_ms = now_ms;
		ct_frags_tick(now_ms);
	}
}

void ct_set_tcp_liberal(uint8_t dp, bool is)
{
	__atomic_store_n(&liberal[dp], is, __ATOMIC_RELAXED);
}

bool ct_tcp_is_liberal(uint8_t dp)
{
	return __atomic_load_n(&liberal[dp], __ATOMIC_RELAXED);
}

void ct_forget_dp(uint8_t dp, uint64_t now_ms)
{
	static const struct dp_ct_filter all;

	if (ct_table_is_ready())
		rcu_synchronize(grace); // PMDs are past its last flows
	ct_frags_forget(dp);
	if (ct_table_is_ready())
		ct_dump_flush(dp, &all, ct_time(now_ms));
	ct_limit_forget(dp);
	ct_timeout_forget(dp);
	ct_set_tcp_liberal(dp, false);
}

void ct_counters_sum(struct ct_counters *sum)
{
	*sum = (struct ct_counters){0};
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		const struct ct_counters *n = &ct_counters[i].n;

		sum->tracked += tally_read(&n->tracked);
		sum->invalid += tally_read(&n->invalid);
		sum->opened += tally_read(&n->opened);
	}
}
