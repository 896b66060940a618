#include "datapath/ct_mark.h"

static void mark_set(struct ct_conn *conn, const struct action_ct *ct)
{
	uint32_t old = __atomic_load_n(&conn->mark, __ATOMIC_RELAXED);

	// Two PMDs may set bits of their own at once.
	while ((old & ct->mark_mask) != ct->mark &&
	       !__atomic_compare_exchange_n(&conn->mark, &old, (old & ~ct->mark_mask) | ct->mark,
					    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static bool label_differs(const struct ct_conn *conn, const uint64_t *value, const uint64_t *mask)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < 2; i++)
		differ |= (__atomic_load_n(&conn->label[i], __ATOMIC_RELAXED) & mask[i]) ^ value[i];
	return differ != 0;
}

static void label_set(struct ct_conn *conn, const struct action_ct *ct)
{
	uint64_t value[2], mask[2];

	memcpy(value, ct->label, sizeof value);
	memcpy(mask, ct->label_mask, sizeof mask);
	if (!label_differs(conn, value, mask))
		return;
	rte_spinlock_lock(&conn->lock);
	for (unsigned i = 0; i < 2; i++)
		__atomic_store_n(&conn->label[i], (conn->label[i] & ~mask[i]) | value[i],
				 __ATOMIC_RELAXED);
	rte_spinlock_unlock(&conn->lock);
}

void ct_mark_set(struct ct_conn *conn, const struct action_ct *ct)
{
	if (ct_conn_has(conn, CT_EXPECTED))
		return;
	mark_set(conn, ct);
	label_set(conn, ct);
}
