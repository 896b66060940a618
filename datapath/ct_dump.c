#include "datapath/ct_dump.h"

#include "datapath/ct_expire.h"
#include "datapath/ct_table.h"

#include <errno.h>

#define TCP_WINDOW_SCALE 0x01 // of Open vSwitch's enum ct_dpif_tcp_flags
#define TCP_BE_LIBERAL	 0x08

static void tuple_fill(struct swd_ct_tuple *tuple, const struct ct_key *key)
{
	*tuple = (struct swd_ct_tuple){.src_port_be = key->src_port_be,
				       .dst_port_be = key->dst_port_be,
				       .proto = key->proto,
				       .is_v6 = key->is_v6};
	memcpy(tuple->src, &key->src, sizeof tuple->src);
	memcpy(tuple->dst, &key->dst, sizeof tuple->dst);
}

static void key_fill(struct ct_key *key, const struct swd_ct_tuple *tuple, uint8_t dp,
		     uint16_t zone)
{
	*key = (struct ct_key){.src_port_be = tuple->src_port_be,
			       .dst_port_be = tuple->dst_port_be,
			       .zone = zone,
			       .proto = tuple->proto,
			       .is_v6 = tuple->is_v6 & 1,
			       .dp = dp & (CT_DPS_MAX - 1)};
	memcpy(&key->src, tuple->src, tuple->is_v6 ? sizeof key->src : sizeof key->src_v4_be);
	memcpy(&key->dst, tuple->dst, tuple->is_v6 ? sizeof key->dst : sizeof key->dst_v4_be);
}

static uint8_t tcp_flags(uint8_t wscale)
{
	return (wscale & CT_WSCALE_KNOWN ? TCP_WINDOW_SCALE : 0) |
	       (wscale & CT_WSCALE_UNKNOWN ? TCP_BE_LIBERAL : 0);
}

static void tcp_fill(struct swd_ct_tcp *tcp, const struct ct_conn *conn)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		uint8_t wscale = __atomic_load_n(&conn->tcp[dir].wscale, __ATOMIC_RELAXED);

		tcp->state[dir] = __atomic_load_n(&conn->tcp[dir].state, __ATOMIC_RELAXED);
		tcp->wscale[dir] = wscale & CT_WSCALE_MASK;
		tcp->flags[dir] = tcp_flags(wscale);
	}
}

static uint32_t seconds_left(const struct ct_conn *conn, uint32_t now)
{
	uint32_t left = __atomic_load_n(&conn->expires, __ATOMIC_RELAXED) - now;

	return (uint32_t)(((uint64_t)left << CT_GRANULE_SHIFT) / 1000);
}

static void conn_fill(struct dp_ct_conn *out, const struct ct_conn *conn, uint32_t now)
{
	uint64_t label[2] = {__atomic_load_n(&conn->label[0], __ATOMIC_RELAXED),
			     __atomic_load_n(&conn->label[1], __ATOMIC_RELAXED)};
	struct ct_key reply;

	static_assert((int)DP_CT_ALG_TFTP == (int)CT_ALG_TFTP &&
			  (int)N_DP_CT_ALGS == (int)N_CT_ALGS,
		      "the same numbers");
	*out = (struct dp_ct_conn){.zone = conn->key.zone,
				   .alg = (uint8_t)ct_conn_alg(conn),
				   .id = conn->id,
				   .mark = __atomic_load_n(&conn->mark, __ATOMIC_RELAXED),
				   .timeout_s = seconds_left(conn, now),
				   .has_tcp = conn->key.proto == IPPROTO_TCP,
				   .has_master = ct_conn_has(conn, CT_EXPECTED)};
	memcpy(out->labels, label, sizeof out->labels);
	tuple_fill(&out->orig, &conn->key);
	ct_conn_key(conn, CT_REPLY, &reply);
	tuple_fill(&out->reply, &reply);
	if (out->has_master)
		tuple_fill(&out->master, &conn->ext->master);
	if (out->has_tcp)
		tcp_fill(&out->tcp, conn);
}

static bool is_over(const struct ct_conn *conn, uint32_t now)
{
	return ct_conn_is_removed(conn) ||
	       ct_time_reached(__atomic_load_n(&conn->expires, __ATOMIC_RELAXED), now);
}

// The next that is there, from *slot on and before `end`. NULL: there is none.
static struct ct_conn *conn_next(uint8_t dp, int32_t zone, uint32_t now, uint32_t end,
				 uint32_t *slot)
{
	for (; *slot < end; (*slot)++) {
		struct ct_conn *conn = ct_table_slot(*slot);

		if (conn && conn->key.dp == dp && (zone < 0 || conn->key.zone == zone) &&
		    !is_over(conn, now))
			return conn;
	}
	return NULL;
}

bool ct_dump_next(uint8_t dp, int32_t zone, uint32_t now, uint32_t n_slots, uint32_t *cursor,
		  struct dp_ct_conn *out)
{
	uint32_t left = ct_table_slots() - RTE_MIN(*cursor, ct_table_slots());
	const struct ct_conn *conn =
	    conn_next(dp, zone, now, *cursor + RTE_MIN(n_slots, left), cursor);

	if (conn)
		conn_fill(out, conn, now);
	return conn != NULL;
}

static void end(struct ct_conn *conn, uint32_t now)
{
	if (ct_table_remove(conn, now))
		ct_expire_retire(conn);
}

// As Open vSwitch has it, one is named by its original tuple.
static int flush_one(uint8_t dp, const struct dp_ct_filter *filter, uint32_t now)
{
	struct ct_found found;
	struct ct_key key;

	key_fill(&key, &filter->tuple, dp, filter->zone);
	if (!ct_table_is_ready())
		return -ENOENT;
	found = ct_table_find(&key, ct_key_hash(&key), now);
	if (!found.conn || (found.dir == CT_REPLY && ct_conn_nat(found.conn) != CT_NAT_NONE))
		return -ENOENT;
	end(found.conn, now);
	return 0;
}

int ct_dump_flush(uint8_t dp, const struct dp_ct_filter *filter, uint32_t now)
{
	int err = 0;

	if (filter->has_tuple) {
		err = flush_one(dp, filter, now);
	} else {
		struct ct_conn *conn;
		uint32_t slot = 0;

		for (; (conn = conn_next(dp, filter->has_zone ? filter->zone : -1, now,
					 ct_table_slots(), &slot));
		     slot++)
			end(conn, now);
	}
	ct_expire_flush();
	return err;
}
