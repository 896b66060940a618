#include "datapath/ct.h"

#include "datapath/ct_execute.h"
#include "datapath/ct_expire.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_table.h"
#include "datapath/ct_timeout.h"

// Of a turn: 4 bytes of each slot are looked at, and more of those connections whose time has come.
#define TURN_SLOTS (1u << 18)
#define TURN_CONNS 16384u

static bool liberal[CT_DPS_MAX]; // relaxed; writer: control thread

int ct_init(struct rcu *rcu, uint32_t max_conns)
{
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

int ct_prepare(void)
{
	int err = ct_table_prepare();

	return err ? err : ct_frags_prepare();
}

void ct_turn(uint64_t now_ms)
{
	if (!ct_table_is_ready())
		return;
	ct_frags_tick(now_ms);
	ct_expire_sweep(ct_time(now_ms), TURN_SLOTS, TURN_CONNS);
	ct_table_grow();
}

void ct_set_tcp_liberal(uint8_t dp, bool is)
{
	__atomic_store_n(&liberal[dp], is, __ATOMIC_RELAXED);
}

bool ct_tcp_is_liberal(uint8_t dp)
{
	return __atomic_load_n(&liberal[dp], __ATOMIC_RELAXED);
}

void ct_counters_sum(struct ct_counters *sum)
{
	*sum = (struct ct_counters){0};
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		sum->tracked += __atomic_load_n(&ct_counters[i].tracked, __ATOMIC_RELAXED);
		sum->invalid += __atomic_load_n(&ct_counters[i].invalid, __ATOMIC_RELAXED);
		sum->opened += __atomic_load_n(&ct_counters[i].opened, __ATOMIC_RELAXED);
	}
}
