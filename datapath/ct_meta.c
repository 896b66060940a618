#include "datapath/ct_meta.h"

#include <linux/openvswitch.h>

uint32_t ct_meta_state(struct rte_mbuf *m, uint16_t zone)
{
	const struct flow_meta *meta = &packet_meta(m)->flow;

	return meta->ct_zone == zone ? meta->ct_state & ~(OVS_CS_F_TRACKED | OVS_CS_F_INVALID) : 0;
}

// ICMP's type and code stand where ports do.
static void ports_write(const struct ct_key *key, struct flow_ct *ct)
{
	uint16_t type_code = ntohs(key->dst_port_be);

	ct->tp_src_be = key->src_port_be;
	ct->tp_dst_be = key->dst_port_be;
	if (ct_key_is_icmp(key)) {
		ct->tp_src_be = htons(type_code >> 8);
		ct->tp_dst_be = htons(type_code & 0xff);
	}
}

static void tuple_write(const struct ct_key *key, struct flow_meta *meta)
{
	struct flow_ct *ct = &meta->ct;

	meta->ct_nw_proto = key->proto;
	if (key->is_v6) {
		ct->ipv6_src = key->src;
		ct->ipv6_dst = key->dst;
		ct->nw_src_be = ct->nw_dst_be = 0;
	} else {
		memset(&ct->ipv6_src, 0, sizeof ct->ipv6_src);
		memset(&ct->ipv6_dst, 0, sizeof ct->ipv6_dst);
		ct->nw_src_be = key->src_v4_be;
		ct->nw_dst_be = key->dst_v4_be;
	}
	ports_write(key, ct);
}

// The packet's own mark shares the connection's line, and stays.
static void nothing_write(struct flow_meta *meta)
{
	meta->ct_mark = 0;
	meta->ct_nw_proto = 0;
	flow_meta_forget_ct(meta);
}

static void conn_write(const struct ct_conn *conn, struct flow_meta *meta)
{
	uint64_t label[2];

	for (unsigned i = 0; i < 2; i++)
		label[i] = __atomic_load_n(&conn->label[i], __ATOMIC_RELAXED);
	static_assert(sizeof label == sizeof meta->ct.label, "as it lies in memory");
	memcpy(meta->ct.label, label, sizeof label);
	meta->ct_mark = __atomic_load_n(&conn->mark, __ATOMIC_RELAXED);
	tuple_write(ct_conn_has(conn, CT_EXPECTED) ? &conn->ext->master : &conn->key, meta);
}

void ct_meta_write(const struct ct_packet *p, uint16_t zone, const struct ct_conn *expected)
{
	struct flow_meta *meta = &packet_meta(p->m)->flow;
	const struct ct_conn *conn = p->conn ? p->conn : expected;

	meta->ct_state = p->state | OVS_CS_F_TRACKED;
	meta->ct_zone = zone;
	if (unlikely(!conn && (p->state & OVS_CS_F_INVALID))) {
		nothing_write(meta);
		return;
	}
	flow_meta_use(meta, FLOW_COLD_CT);
	if (conn) {
		conn_write(conn, meta);
		return;
	}
	meta->ct_mark = 0;
	memset(meta->ct.label, 0, sizeof meta->ct.label);
	tuple_write(&p->key, meta);
}
