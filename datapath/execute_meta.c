#include "datapath/execute_meta.h"

#include "datapath/classify.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_jhash.h>
#include <string.h>

int meta_set_trunc(struct rte_mbuf **m, const struct action *action)
{
	packet_meta(*m)->trunc_len = action->u.max_len;
	return 0;
}

static uint32_t masked(uint32_t old, const struct action_set_meta *set)
{
	return (old & ~set->mask) | set->value;
}

int meta_set_mark(struct rte_mbuf **m, const struct action *action)
{
	struct flow_meta *flow = &packet_meta(*m)->flow;

	flow_meta_use(flow, FLOW_COLD_CT);
	flow->pkt_mark = masked(flow->pkt_mark, &action->u.meta);
	return 0;
}

int meta_set_priority(struct rte_mbuf **m, const struct action *action)
{
	struct flow_meta *flow = &packet_meta(*m)->flow;

	flow_meta_use(flow, FLOW_COLD_OPTS);
	flow->skb_priority = masked(flow->skb_priority, &action->u.meta);
	return 0;
}

int meta_set_tunnel(struct rte_mbuf **m, const struct action *action)
{
	struct flow_meta *flow = &packet_meta(*m)->flow;
	const struct flow_tunnel *tun = &action->u.tunnel;

	flow_meta_use(flow, FLOW_COLD_TUN);
	flow->tun = *tun;
	if (tun->opts_len == 0 && !(flow->cold & FLOW_COLD_OPTS))
		return 0;
	flow_meta_use(flow, FLOW_COLD_OPTS);
	memset(flow->tun_opts, 0, sizeof flow->tun_opts);
	memcpy(flow->tun_opts, action_tunnel_opts(action), tun->opts_len);
	return 0;
}

int meta_clear_ct(struct rte_mbuf **m, const struct action *action)
{
	struct flow_meta *flow = &packet_meta(*m)->flow;

	(void)action;
	flow->ct_state = 0;
	flow->ct_zone = 0;
	flow->ct_mark = 0;
	flow->ct_nw_proto = 0;
	flow_meta_forget_ct(flow);
	return 0;
}

// What is hashed: zeros where the packet has nothing.
struct tuple {
	struct in6 src, dst; // IPv4 and Ethernet addresses in the first bytes
	uint16_t src_port_be, dst_port_be;
	uint16_t eth_type_be;
	uint16_t proto;
};

#define TUPLE_WORDS 10

static_assert(sizeof(struct tuple) == TUPLE_WORDS * sizeof(uint32_t), "no padding is hashed");

static void tuple_ports(struct tuple *t, const struct flow_key *key)
{
	t->proto = key->nw_proto;
	if (key->nw_proto != IPPROTO_TCP && key->nw_proto != IPPROTO_UDP &&
	    key->nw_proto != IPPROTO_SCTP)
		return;
	t->src_port_be = key->tp_src_be;
	t->dst_port_be = key->tp_dst_be;
}

static void tuple_fill(struct tuple *t, const struct flow_key *key)
{
	memset(t, 0, sizeof *t);
	t->eth_type_be = key->eth_type_be;
	switch (rte_be_to_cpu_16(key->eth_type_be)) {
	case RTE_ETHER_TYPE_IPV4:
		memcpy(&t->src, &key->ip_src_be, sizeof key->ip_src_be);
		memcpy(&t->dst, &key->ip_dst_be, sizeof key->ip_dst_be);
		tuple_ports(t, key);
		break;
	case RTE_ETHER_TYPE_IPV6:
		t->src = key->ipv6_src;
		t->dst = key->ipv6_dst;
		tuple_ports(t, key);
		break;
	default:
		memcpy(&t->src, &key->eth_src, sizeof key->eth_src);
		memcpy(&t->dst, &key->eth_dst, sizeof key->eth_dst);
	}
}

// The lesser end first, as either direction has it.
static void tuple_order(struct tuple *t)
{
	int order = memcmp(&t->src, &t->dst, sizeof t->src);
	struct in6 addr = t->src;
	uint16_t port_be = t->src_port_be;

	if (order < 0 || (order == 0 && t->src_port_be <= t->dst_port_be))
		return;
	t->src = t->dst;
	t->dst = addr;
	t->src_port_be = t->dst_port_be;
	t->dst_port_be = port_be;
}

int meta_set_hash(struct rte_mbuf **m, const struct action *action)
{
	const struct action_hash *hash = &action->u.hash;
	struct flow_key key = {.in_port = 0};
	uint32_t words[TUPLE_WORDS]; // as the hash reads them
	struct tuple t;

	classify_extract(*m, &key, NULL); // earlier actions may have changed it
	tuple_fill(&t, &key);
	if (hash->alg == ACTION_HASH_SYM_L4)
		tuple_order(&t);
	memcpy(words, &t, sizeof t);
	packet_meta(*m)->flow.dp_hash = rte_jhash_32b(words, TUPLE_WORDS, hash->basis);
	return 0;
}
