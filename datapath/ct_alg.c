#include "datapath/ct_alg.h"

#include "datapath/ct_expect.h"
#include "datapath/ct_steps.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#define PORT_ATTEMPTS 16
#define PORT_FIRST    1024 // that may be chosen

static int (*const runs[N_CT_ALGS])(struct ct_packet *p, bool translated, uint32_t now) = {
    [CT_ALG_FTP] = ct_alg_ftp_run,
    [CT_ALG_TFTP] = ct_alg_tftp_run,
};

static bool in6_equal(const struct in6 *a, const struct in6 *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

void ct_announced_ends(const struct ct_packet *p, struct ct_announced *a)
{
	const struct ct_key *orig = &p->conn->key, *reply = &p->conn->ext->reply;

	a->real = p->dir == CT_ORIG ? orig->src : reply->src;
	a->seen = p->dir == CT_ORIG ? reply->dst : orig->dst;
}

// The peer's connection comes as its packets do, to where it sees the sender of this one.
static void expectation_fill(const struct ct_packet *p, const struct ct_announced *a,
			     struct ct_expectation *e)
{
	const struct ct_conn *conn = p->conn;
	const struct ct_key *orig = &conn->key, *reply = &conn->ext->reply;
	const struct in6 *peer = p->dir == CT_ORIG ? &reply->src : &orig->src;
	const struct in6 *peer_seen = p->dir == CT_ORIG ? &orig->dst : &reply->dst;

	*e = (struct ct_expectation){.key = *orig,
				     .reply = *orig,
				     .master = *orig,
				     .master_id = conn->id,
				     .mark = __atomic_load_n(&conn->mark, __ATOMIC_RELAXED)};
	for (unsigned i = 0; i < RTE_DIM(e->label); i++)
		e->label[i] = __atomic_load_n(&conn->label[i], __ATOMIC_RELAXED);
	e->key.src = *peer;
	e->key.dst = a->seen;
	e->key.src_port_be = 0;
	e->key.dst_port_be = a->seen_port_be;
	e->reply.src = a->real;
	e->reply.dst = *peer_seen;
	e->reply.src_port_be = a->real_port_be;
	e->reply.dst_port_be = 0;
	if (!in6_equal(&a->real, &a->seen) || a->real_port_be != a->seen_port_be)
		e->nat = CT_NAT_DST;
	else if (!in6_equal(peer, peer_seen))
		e->nat = CT_NAT_SRC;
}

static uint16_t next_port(uint16_t port_be)
{
	uint16_t port = rte_be_to_cpu_16(port_be);

	return rte_cpu_to_be_16(port == UINT16_MAX || port < PORT_FIRST ? PORT_FIRST
									: (uint16_t)(port + 1));
}

int ct_alg_expect(const struct ct_packet *p, struct ct_announced *a, bool may_choose, uint32_t now)
{
	struct ct_expectation e;
	int err = -EADDRINUSE;

	for (unsigned i = 0; i < (may_choose ? PORT_ATTEMPTS : 1); i++) {
		if (i > 0)
			a->seen_port_be = next_port(a->seen_port_be);
		expectation_fill(p, a, &e);
		err = ct_expect_add(&e, now);
		if (err != -EADDRINUSE)
			break;
	}
	return err == -EEXIST ? 0 : err;
}

bool ct_alg_expected(const struct ct_packet *p, struct ct_ext *ext, struct ct_conn *conn, bool take,
		     uint32_t now)
{
	struct ct_expectation e;

	if (likely(!ct_expect_find(&p->key, take, now, &e)))
		return false;
	ext->master = e.master;
	ext->reply = e.reply;
	ext->reply.dst_port_be = p->key.src_port_be;
	ext->nat = e.nat;
	conn->mark = e.mark;
	memcpy(conn->label, e.label, sizeof conn->label);
	return true;
}

int ct_alg_run(struct ct_packet *p, bool translated, uint32_t now)
{
	enum ct_alg alg = ct_conn_alg(p->conn);

	return runs[alg] && !p->is_related ? runs[alg](p, translated, now) : 0;
}

void ct_alg_forget(struct ct_conn *conn)
{
	if (ct_conn_alg(conn) != CT_ALG_NONE)
		ct_expect_forget(conn->id);
}
