// UDP, ICMP queries, and protocols that are known by their addresses only: a connection is
// established when its other end has answered.
#include "datapath/ct_proto.h"

static uint8_t state_get(const struct ct_conn *conn)
{
	return __atomic_load_n(&conn->other, __ATOMIC_RELAXED);
}

// A connection never goes back from an answered state, whichever of two packets comes last.
static enum ct_other_state advance(const struct ct_packet *p)
{
	uint8_t state = state_get(p->conn), first = CT_OTHER_FIRST;

	if (likely(state == CT_OTHER_BIDIR))
		return CT_OTHER_BIDIR;
	if (p->dir == CT_REPLY)
		__atomic_store_n(&p->conn->other, (uint8_t)CT_OTHER_BIDIR, __ATOMIC_RELAXED);
	else
		__atomic_compare_exchange_n(&p->conn->other, &first, (uint8_t)CT_OTHER_MULTIPLE,
					    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return p->dir == CT_REPLY ? CT_OTHER_BIDIR : (enum ct_other_state)state_get(p->conn);
}

static enum ct_verdict verdict_of(enum ct_other_state state)
{
	return state == CT_OTHER_BIDIR ? CT_VALID : CT_STILL_NEW;
}

static void start(struct ct_conn *conn, enum ct_timeout timeout, uint32_t now)
{
	conn->other = CT_OTHER_FIRST;
	conn->timeout = (uint8_t)timeout;
	conn->expires = ct_timeout_end(conn, timeout, now);
}

static bool other_opens(const struct ct_packet *p)
{
	(void)p;
	return true;
}

static void other_start(struct ct_conn *conn, const struct ct_packet *p, uint32_t now)
{
	(void)p;
	start(conn, CT_TIMEOUT_UDP_FIRST, now);
}

static enum ct_verdict other_update(const struct ct_packet *p, uint32_t now, bool liberal)
{
	static const uint8_t timeouts[] = {[CT_OTHER_FIRST] = CT_TIMEOUT_UDP_FIRST,
					   [CT_OTHER_MULTIPLE] = CT_TIMEOUT_UDP_SINGLE,
					   [CT_OTHER_BIDIR] = CT_TIMEOUT_UDP_MULTIPLE};
	enum ct_other_state state = advance(p);

	(void)liberal;
	ct_timeout_touch(p->conn, (enum ct_timeout)timeouts[state], now);
	return verdict_of(state);
}

static bool icmp_opens(const struct ct_packet *p)
{
	return ct_icmp_is_query(p->key.is_v6, (uint8_t)(ntohs(p->key.dst_port_be) >> 8));
}

static void icmp_start(struct ct_conn *conn, const struct ct_packet *p, uint32_t now)
{
	(void)p;
	start(conn, CT_TIMEOUT_ICMP_FIRST, now);
}

// Unlike UDP's, it is never merely "several from one end".
static enum ct_verdict icmp_update(const struct ct_packet *p, uint32_t now, bool liberal)
{
	enum ct_other_state state = advance(p);

	(void)liberal;
	ct_timeout_touch(p->conn,
			 state == CT_OTHER_BIDIR ? CT_TIMEOUT_ICMP_REPLY : CT_TIMEOUT_ICMP_FIRST,
			 now);
	return verdict_of(state);
}

const struct ct_proto ct_proto_other = {.opens = other_opens,
					.start = other_start,
					.update = other_update};
const struct ct_proto ct_proto_icmp = {.opens = icmp_opens,
				       .start = icmp_start,
				       .update = icmp_update};
