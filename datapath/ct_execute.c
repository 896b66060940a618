#include "datapath/ct_execute.h"

#include "datapath/ct_limit.h"
#include "datapath/ct_mark.h"
#include "datapath/ct_meta.h"
#include "datapath/ct_nat_full.h"
#include "datapath/ct_proto.h"
#include "datapath/ct_steps.h"
#include "datapath/datapaths.h"
#include "flowtable/tally.h"

#include <errno.h>
#include <linux/openvswitch.h>
#include <stdlib.h>

#define NATTED	  (OVS_CS_F_SRC_NAT | OVS_CS_F_DST_NAT)
#define NAT_KINDS (ACTION_NAT_SRC | ACTION_NAT_DST)

struct ct_pmd_counters ct_counters[PMDS_MAX];

// What is the same for all packets of a batch.
struct tracking {
	struct pmd *pmd;
	const struct action_ct *ct;
	uint32_t now;
	bool liberal;
	uint8_t dp;
	uint16_t policy;
};

// A connection that its master's protocol has announced, before it is committed.
struct expected {
	struct ct_conn conn;
	struct ct_ext ext;
	bool is;
};

// A packet that was translated in this zone already has a tuple that no packet comes in with: that
// of an answer to it, reversed.
static void find_natted(const struct tracking *t, struct ct_packet *p)
{
	struct ct_found found;
	struct ct_key answer;

	ct_key_reverse(&answer, &p->key);
	found = ct_table_find(&answer, p->hash, t->now);
	p->conn = found.conn;
	if (!found.conn)
		return;
	p->dir = found.dir == CT_ORIG ? CT_REPLY : CT_ORIG;
	ct_conn_key(found.conn, p->dir, &p->key);
	p->hash = ct_key_hash(&p->key);
}

static void find(const struct tracking *t, struct ct_packet *p)
{
	struct ct_found found;

	if (unlikely(p->state & NATTED)) {
		find_natted(t, p);
		return;
	}
	found = ct_table_find(&p->key, p->hash, t->now);
	p->conn = found.conn;
	p->dir = found.conn ? found.dir : CT_ORIG;
}

// False: the connection is over, and this packet opens another.
static bool update(const struct tracking *t, struct ct_packet *p)
{
	enum ct_verdict verdict;

	if (ct_conn_has(p->conn, CT_EXPECTED))
		p->state |= OVS_CS_F_RELATED;
	verdict = ct_proto_of(&p->conn->key)->update(p, t->now, t->liberal);
	switch (verdict) {
	case CT_VALID:
		p->state = (p->state & ~OVS_CS_F_NEW) | OVS_CS_F_ESTABLISHED;
		if (p->dir == CT_REPLY)
			p->state |= OVS_CS_F_REPLY_DIR;
		return true;
	case CT_STILL_NEW:
		p->state |= OVS_CS_F_NEW;
		return true;
	case CT_INVALID:
		p->state = OVS_CS_F_INVALID;
		return true;
	case CT_REOPENS:
	default:
		return false;
	}
}

static int translate(const struct tracking *t, struct ct_packet *p)
{
	if (!(t->ct->flags & ACTION_CT_NAT) || ct_conn_nat(p->conn) == CT_NAT_NONE ||
	    (p->state & (NATTED | OVS_CS_F_INVALID)))
		return 0;
	return ct_nat_apply(p);
}

// A packet of a connection that is there. 1: that is over, and this packet opens another.
static int follow(const struct tracking *t, struct ct_packet *p)
{
	if (unlikely(p->is_related)) {
		p->state |= OVS_CS_F_RELATED;
		if (p->dir == CT_REPLY)
			p->state |= OVS_CS_F_REPLY_DIR;
	} else if (unlikely(!update(t, p))) {
		return 1;
	}
	return likely(!p->conn->ext) ? 0 : translate(t, p);
}

static uint8_t alg_of(const struct action_ct *ct, const struct ct_key *key)
{
	if (ct->helper == ACTION_CT_HELPER_FTP && key->proto == IPPROTO_TCP)
		return CT_ALG_FTP;
	if (ct->helper == ACTION_CT_HELPER_TFTP && key->proto == IPPROTO_UDP)
		return CT_ALG_TFTP;
	return CT_ALG_NONE;
}

static bool has_nat(const struct action_ct *ct)
{
	return (ct->flags & ACTION_CT_NAT) && (ct->nat.flags & NAT_KINDS);
}

// What makes a connection more than a plain one.
static void ext_fill(const struct tracking *t, struct ct_packet *p, struct ct_conn *conn,
		     const struct expected *expected)
{
	uint32_t id = conn->ext->id;

	if (expected->is) {
		*conn->ext = expected->ext;
		conn->mark = expected->conn.mark;
		memcpy(conn->label, expected->conn.label, sizeof conn->label);
		conn->flags |= CT_EXPECTED;
		if (!(t->ct->flags & ACTION_CT_NAT))
			conn->ext->nat = CT_NAT_NONE;
	}
	conn->ext->id = id;
	conn->ext->alg = alg_of(t->ct, &p->key);
	if (conn->ext->nat == CT_NAT_NONE)
		ct_key_reverse(&conn->ext->reply, &conn->key);
}

// The next candidate for the reply tuple.
static int candidate_next(const struct tracking *t, struct ct_conn *conn, uint32_t *attempt)
{
	const struct action_nat *nat = &t->ct->nat;
	unsigned pmd = t->pmd->index;
	int err;

	if (unlikely(*attempt == CT_NAT_FEW && ct_nat_was_full(pmd, conn, nat, t->now)))
		return -ENOSPC;
	err = ct_nat_choose(conn, t->ct, attempt);
	if (unlikely(err == -ENOSPC && *attempt > CT_NAT_FEW))
		ct_nat_note_full(pmd, conn, nat, t->now);
	return err;
}

// With NAT, candidates are tried until one is nobody else's.
static int insert(const struct tracking *t, struct ct_conn *conn, bool choose)
{
	uint32_t attempt = 0;
	int err = 0;

	do {
		if (choose)
			err = candidate_next(t, conn, &attempt);
		if (!err)
			err = ct_table_insert(t->pmd->index, conn, t->now);
	} while (choose && err == -EADDRINUSE);
	return err;
}

static int admit(const struct tracking *t, struct ct_conn *conn)
{
	return ct_limit_enter(t->pmd->index, conn) == CT_ADMITTED ? 0 : -EDQUOT;
}

static int commit(const struct tracking *t, struct ct_packet *p, const struct expected *expected)
{
	bool with_ext = expected->is || has_nat(t->ct) || alg_of(t->ct, &p->key) != CT_ALG_NONE;
	struct ct_conn *conn = ct_conn_get(t->pmd->index, with_ext);
	int err;

	if (unlikely(!conn))
		return -ENOSPC;
	conn->key = p->key;
	conn->hash = p->hash;
	conn->policy = t->policy;
	ct_proto_of(&p->key)->start(conn, p, t->now);
	if (unlikely(with_ext))
		ext_fill(t, p, conn, expected);
	ct_mark_set(conn, t->ct);
	err = admit(t, conn);
	if (likely(!err)) {
		err = insert(t, conn,
			     expected->is ? ct_conn_nat(conn) != CT_NAT_NONE : has_nat(t->ct));
		if (unlikely(err))
			ct_limit_leave(conn);
	}
	if (unlikely(err)) {
		ct_conn_put(t->pmd->index, conn);
		return err;
	}
	tally_add(&ct_counters[t->pmd->index].n.opened, 1);
	p->conn = conn;
	p->dir = CT_ORIG;
	return translate(t, p);
}

// A packet of no connection.
static int open_new(const struct tracking *t, struct ct_packet *p, struct expected *expected)
{
	p->conn = NULL;
	p->dir = CT_ORIG;
	if (p->is_related || !ct_proto_of(&p->key)->opens(p)) {
		p->state = OVS_CS_F_INVALID;
		return 0;
	}
	p->state = OVS_CS_F_NEW;
	memset(&expected->ext, 0, sizeof expected->ext);
	expected->conn =
	    (struct ct_conn){.key = p->key, .flags = CT_EXPECTED, .ext = &expected->ext};
	expected->is = ct_alg_expected(p, &expected->ext, &expected->conn,
				       t->ct->flags & ACTION_CT_COMMIT, t->now);
	if (expected->is)
		p->state |= OVS_CS_F_RELATED;
	return t->ct->flags & ACTION_CT_COMMIT ? commit(t, p, expected) : 0;
}

// A packet of another direction than the one that is to be committed makes room for that.
static bool is_in_the_way(const struct tracking *t, const struct ct_packet *p)
{
	return (t->ct->flags & ACTION_CT_FORCE) && p->dir == CT_REPLY;
}

static int attempt(const struct tracking *t, struct ct_packet *p, struct expected *expected)
{
	find(t, p);
	if (likely(p->conn)) {
		int ret = unlikely(is_in_the_way(t, p)) ? 1 : follow(t, p);

		if (likely(ret <= 0))
			return ret;
		ct_table_remove(p->conn, t->now);
	}
	return open_new(t, p, expected);
}

static int track(const struct tracking *t, struct ct_packet *p)
{
	bool was_translated = p->state & NATTED;
	struct expected expected;
	int err;

	expected.is = false;
	err = attempt(t, p, &expected);
	if (unlikely(err == -EEXIST)) // another PMD has committed it meanwhile
		err = attempt(t, p, &expected);
	if (unlikely(err < 0))
		return err;
	if (p->conn && (t->ct->flags & ACTION_CT_COMMIT))
		ct_mark_set(p->conn, t->ct);
	// What is no part of the connection announces nothing: it may come from anybody.
	if (p->conn && unlikely(ct_conn_alg(p->conn) != CT_ALG_NONE) &&
	    !(p->state & OVS_CS_F_INVALID))
		err = ct_alg_run(p, !was_translated && (p->state & NATTED), t->now);
	ct_meta_write(p, t->ct->zone, expected.is ? &expected.conn : NULL);
	return err;
}

static enum drop_reason reason_of(int err)
{
	switch (err) {
	case -ENOSPC:
	case -EADDRINUSE:
		return DROP_CT_FULL;
	case -EDQUOT:
		return DROP_CT_LIMIT;
	case -ENOMEM:
		return DROP_NO_MEMORY;
	default:
		return DROP_ACTION_INVALID;
	}
}

static bool begin(struct pmd *pmd, const struct action_ct *ct, struct tracking *t)
{
	if (unlikely(!ct_table_is_ready()))
		return false;
	*t = (struct tracking){.pmd = pmd, .ct = ct, .now = ct_time(pmd->now_ms)};
	t->dp = datapath_slots[pmd->in_port];
	t->liberal = ct_tcp_is_liberal(t->dp);
	t->policy = t->dp;
	if (unlikely(ct->timeout[0]) && (ct->flags & ACTION_CT_COMMIT))
		t->policy = ct_timeout_index(t->dp, (uint32_t)strtoul(ct->timeout, NULL, 10));
	if (ct->flags & ACTION_CT_COMMIT)
		ct_conn_prefetch(pmd->index);
	return true;
}

// Reads all tuples, so that what each packet needs of the table is on its way while others are
// read. Returns a bit for each packet that can be tracked.
static uint32_t read_all(const struct tracking *t, struct rte_mbuf **pkts, unsigned n,
			 struct ct_packet *all)
{
	uint32_t readable = 0;

	for (unsigned i = 0; i < n; i++) {
		struct ct_packet *p = &all[i];

		p->m = pkts[i];
		p->conn = NULL;
		p->state = ct_meta_state(p->m, t->ct->zone);
		if (unlikely(!ct_packet_read(p, t->dp, t->ct->zone)))
			continue;
		readable |= 1u << i;
		ct_table_prefetch(p->hash);
	}
	for (uint32_t left = readable; left; left &= left - 1)
		ct_table_prefetch_conn(all[__builtin_ctz(left)].hash);
	return readable;
}

// What can't be tracked as it is. False: it has gone, or waits for the rest of its datagram.
static bool pass(const struct tracking *t, struct ct_packet *p, const struct ct_go_on *go_on)
{
	if (go_on && ct_frag_step(t->pmd, t->ct, t->dp, &p->m, go_on))
		return false;
	p->state = OVS_CS_F_INVALID;
	ct_meta_write(p, t->ct->zone, NULL);
	return true;
}

// Whether the packet stays in the batch.
static bool run_one(const struct tracking *t, struct ct_packet *p, bool readable,
		    const struct ct_go_on *go_on)
{
	int err;

	if (unlikely(!readable))
		return pass(t, p, go_on);
	err = track(t, p);
	if (likely(err >= 0))
		return true;
	pmd_drop(t->pmd, p->m, reason_of(err));
	return false;
}

unsigned ct_execute_all(struct pmd *pmd, const struct action_ct *ct, struct rte_mbuf **pkts,
			unsigned n, const struct ct_go_on *go_on)
{
	struct ct_counters *counters = &ct_counters[pmd->index].n;
	struct ct_packet all[BURST_MAX];
	unsigned kept = 0, n_invalid = 0;
	struct tracking t;
	uint32_t readable;

	static_assert(BURST_MAX <= 32, "a bit a packet");
	if (unlikely(!begin(pmd, ct, &t)))
		return n; // never: who installs the action prepares the table
	readable = read_all(&t, pkts, n, all);
	for (unsigned i = 0; i < n; i++) {
		struct ct_packet *p = &all[i];

		if (unlikely(!run_one(&t, p, readable >> i & 1, go_on)))
			continue;
		n_invalid += !!(p->state & OVS_CS_F_INVALID);
		pkts[kept++] = p->m;
	}
	tally_add(&counters->tracked, n);
	tally_add(&counters->invalid, n_invalid);
	return kept;
}

unsigned ct_execute(struct pmd *pmd, const struct action_ct *ct, struct rte_mbuf **pkts, unsigned n)
{
	return ct_execute_all(pmd, ct, pkts, n, NULL);
}
