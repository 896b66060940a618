#include "datapath/ct_timeout.h"

#include "datapath/ct_expire.h"
#include "datapath/ct_table.h"

#include <errno.h>

#define MS_A_SECOND 1000

static_assert(CT_POLICIES_MAX <= UINT16_MAX, "a connection's policy");
static_assert(CT_POLICIES_MAX > CT_DPS_MAX, "the first are the default ones, by datapath");

// Of a policy that is deleted: PMDs may be about to name it; connections may; nobody does.
enum row_state { ROW_FREE, ROW_USED, ROW_GOING, ROW_LEFT };

static struct {
	struct rcu *rcu;
	// The row of a policy; written by the control thread, and read by PMDs that commit.
	struct row {
		struct ct_policy policy;
		uint8_t dp;
		uint8_t state; // enum row_state; released
	} rows[CT_POLICIES_MAX];
	uint32_t n_rows; // all from here on are free
	uint32_t n_left; // rows that are ROW_LEFT
} policies;

uint32_t ct_timeouts[CT_POLICIES_MAX][N_CT_TIMEOUTS + 1];

static const uint32_t defaults[N_CT_TIMEOUTS] = {
#define X(id, seconds) [CT_TIMEOUT_##id] = (seconds),
    CT_TIMEOUTS(X)
#undef X
};

static bool row_is(const struct row *row, uint8_t dp, uint32_t id)
{
	return __atomic_load_n(&row->state, __ATOMIC_ACQUIRE) == ROW_USED && row->dp == dp &&
	       row->policy.id == id;
}

// A commit with a policy of its own looks through the few that there are.
static struct row *row_find(uint8_t dp, uint32_t id)
{
	uint32_t n = __atomic_load_n(&policies.n_rows, __ATOMIC_ACQUIRE);

	for (uint32_t i = CT_DPS_MAX; i < n; i++) {
		if (row_is(&policies.rows[i], dp, id))
			return &policies.rows[i];
	}
	return NULL;
}

uint16_t ct_timeout_index(uint8_t dp, uint32_t id)
{
	const struct row *row = id == 0 ? NULL : row_find(dp, id);

	return row ? (uint16_t)(row - policies.rows) : dp;
}

void ct_timeout_changed(struct ct_conn *conn, enum ct_timeout timeout, uint32_t end)
{
	bool sooner = ct_time_reached(end, __atomic_load_n(&conn->expires, __ATOMIC_RELAXED));

	__atomic_store_n(&conn->timeout, (uint8_t)timeout, __ATOMIC_RELAXED);
	__atomic_store_n(&conn->expires, end, __ATOMIC_RELAXED);
	if (sooner)
		ct_expire_sooner(conn);
}

// Control side.

static void row_fill(struct row *row, const struct ct_policy *policy)
{
	uint32_t *granules = ct_timeouts[row - policies.rows];

	row->policy = *policy;
	for (unsigned i = 0; i < N_CT_TIMEOUTS; i++) {
		uint32_t *seconds = &row->policy.seconds[i];

		if (!(policy->present >> i & 1))
			*seconds = defaults[i];
		// A connection lives at least as long as it is said to.
		__atomic_store_n(&granules[i], ct_time((uint64_t)*seconds * MS_A_SECOND) + 1,
				 __ATOMIC_RELAXED);
	}
}

void ct_timeout_init(struct rcu *rcu)
{
	static const struct ct_policy none;

	memset(&policies, 0, sizeof policies);
	policies.rcu = rcu;
	policies.n_rows = CT_DPS_MAX;
	for (unsigned dp = 0; dp < CT_DPS_MAX; dp++) {
		policies.rows[dp].dp = (uint8_t)dp;
		row_fill(&policies.rows[dp], &none);
	}
}

static struct row *row_of(uint8_t dp, uint32_t id)
{
	return id == 0 ? &policies.rows[dp] : row_find(dp, id);
}

static struct row *row_make(void)
{
	uint32_t i = CT_DPS_MAX;

	while (i < policies.n_rows && policies.rows[i].state != ROW_FREE)
		i++;
	if (i == CT_POLICIES_MAX)
		return NULL;
	if (i == policies.n_rows)
		__atomic_store_n(&policies.n_rows, i + 1, __ATOMIC_RELEASE);
	return &policies.rows[i];
}

int ct_timeout_set(uint8_t dp, const struct ct_policy *policy)
{
	struct row *row = row_of(dp, policy->id);

	for (unsigned i = 0; i < N_CT_TIMEOUTS; i++) {
		if ((policy->present >> i & 1) && policy->seconds[i] > CT_TIMEOUT_SECONDS_MAX)
			return -EINVAL;
	}
	if (!row)
		row = row_make();
	if (!row)
		return -ENOSPC;
	row->dp = dp;
	row_fill(row, policy);
	__atomic_store_n(&row->state, ROW_USED, __ATOMIC_RELEASE);
	return 0;
}

static void row_leave(void *arg)
{
	((struct row *)arg)->state = ROW_LEFT;
	policies.n_left++;
}

void ct_timeout_settle(void)
{
	if (policies.n_left == 0)
		return;
	for (uint32_t id = 0; id < ct_table_slots(); id++) {
		struct ct_conn *conn = ct_table_slot(id);

		if (conn && policies.rows[conn->policy].state == ROW_LEFT)
			__atomic_store_n(&conn->policy, policies.rows[conn->policy].dp,
					 __ATOMIC_RELAXED);
	}
	for (uint32_t i = CT_DPS_MAX; i < policies.n_rows; i++) {
		if (policies.rows[i].state == ROW_LEFT)
			policies.rows[i].state = ROW_FREE;
	}
	policies.n_left = 0;
}

int ct_timeout_del(uint8_t dp, uint32_t id)
{
	static const struct ct_policy none;
	struct row *row = row_of(dp, id);

	if (!row || (id == 0 && row->policy.present == 0))
		return -ENOENT;
	row_fill(row, &none);
	if (id == 0)
		return 0;
	__atomic_store_n(&row->state, ROW_GOING, __ATOMIC_RELEASE);
	rcu_retire(policies.rcu, row_leave, row);
	return 0;
}

bool ct_timeout_get(uint8_t dp, uint32_t id, struct ct_policy *policy)
{
	const struct row *row = row_of(dp, id);

	if (row)
		*policy = row->policy;
	return row != NULL;
}

bool ct_timeout_next(uint8_t dp, uint32_t *cursor, struct ct_policy *policy)
{
	if (*cursor == 0) {
		*cursor = CT_DPS_MAX;
		*policy = policies.rows[dp].policy;
		return true;
	}
	for (; *cursor < policies.n_rows; (*cursor)++) {
		const struct row *row = &policies.rows[*cursor];

		if (row->state == ROW_USED && row->dp == dp) {
			*policy = row->policy;
			(*cursor)++;
			return true;
		}
	}
	return false;
}

void ct_timeout_forget(uint8_t dp)
{
	for (uint32_t i = CT_DPS_MAX; i < policies.n_rows; i++) {
		if (policies.rows[i].state == ROW_USED && policies.rows[i].dp == dp)
			ct_timeout_del(dp, policies.rows[i].policy.id);
	}
	ct_timeout_del(dp, 0);
}
