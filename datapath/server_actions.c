// Actions are checked when they come in, against the match of their flow, and trusted by the PMDs
// that run them.
#include "datapath/ct.h"
#include "datapath/ct_table.h"
#include "datapath/server_internal.h"

#include "datapath/meter.h"
#include "datapath/port.h"
#include "datapath/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define VLANS_MAX    2
#define ETH_TYPE_TEB 0x6558 // a frame follows

// What is known of the packet where an action stands.
struct known {
	int has_eth;	   // -1: not for sure
	uint16_t eth_type; // 0: not for sure
	uint8_t nw_proto;  // 0: not for sure
	int n_vlans;	   // -1: not for sure
};

static int known_vlans(const struct flow_match *match)
{
	int n = 0;
	for (unsigned i = 0; i < VLANS_MAX; i++) {
		if (!(ntohs(match->mask.vlan[i].tci_be) & VLAN_CFI))
			return -1;
		if (!(ntohs(match->key.vlan[i].tci_be) & VLAN_CFI))
			return n;
		n++;
	}
	return n;
}

static struct known known_from(const struct flow_match *match)
{
	const struct flow_key *k = &match->key, *m = &match->mask;
	bool type_sure = m->eth_type_be == UINT16_MAX;
	bool proto_sure = type_sure && m->nw_proto == UINT8_MAX;
	int has_eth = k->nw_frag & NW_NO_ETH			    ? 0
		      : k->recirc_id == 0 || m->nw_frag & NW_NO_ETH ? 1
								    : -1;
	return (struct known){
	    .has_eth = has_eth,
	    .eth_type = type_sure ? ntohs(k->eth_type_be) : 0,
	    .nw_proto = proto_sure ? k->nw_proto : 0,
	    .n_vlans = known_vlans(match),
	};
}

// Each check returns NULL, or what is wrong.
static const char *check_output(const struct action *action, struct known *known)
{
	if (known->has_eth == 0)
		return "OUTPUT of a packet without an Ethernet header: PUSH_ETH first";
	return action->u.port > 0 && action->u.port < PORTS_MAX
		   ? NULL
		   : "OUTPUT to a port number that cannot be: use 1 to 1023";
}

static const char *check_eth(const struct action *action, struct known *known)
{
	(void)action;
	return known->has_eth == 0 ? "the packet has no Ethernet header here" : NULL;
}

static const char *check_push_eth(const struct action *action, struct known *known)
{
	(void)action;
	if (known->has_eth == 1)
		return "PUSH_ETH where the packet has an Ethernet header";
	known->has_eth = 1;
	known->n_vlans = 0;
	return NULL;
}

static const char *check_pop_eth(const struct action *action, struct known *known)
{
	if (known->n_vlans > 0)
		return "POP_ETH where the packet has a VLAN tag";
	const char *wrong = check_eth(action, known);
	known->has_eth = 0;
	known->n_vlans = 0;
	return wrong;
}

static const char *check_push_vlan(const struct action *action, struct known *known)
{
	if (known->has_eth == 0)
		return check_eth(action, known);
	if (known->n_vlans == VLANS_MAX)
		return "PUSH_VLAN of a third tag: two are built";
	known->n_vlans = known->n_vlans < 0 ? -1 : known->n_vlans + 1;
	return NULL;
}

static const char *check_pop_vlan(const struct action *action, struct known *known)
{
	(void)action;
	if (known->n_vlans == 0)
		return "POP_VLAN where the packet has no tag";
	known->n_vlans = known->n_vlans < 0 ? -1 : known->n_vlans - 1;
	return NULL;
}

static const char *check_ipv4(const struct action *action, struct known *known)
{
	(void)action;
	return known->eth_type == ETHERTYPE_IP
		   ? NULL
		   : "a set of IPV4 needs a key and mask of EtherType 0x0800 just";
}

static const char *check_ipv6(const struct action *action, struct known *known)
{
	(void)action;
	return known->eth_type == ETHERTYPE_IPV6
		   ? NULL
		   : "a set of IPV6 needs a key and mask of EtherType 0x86dd just";
}

static const char *check_ports(const struct action *action, struct known *known)
{
	bool is_ip = known->eth_type == ETHERTYPE_IP || known->eth_type == ETHERTYPE_IPV6;
	return is_ip && known->nw_proto == action->u.ports.proto
		   ? NULL
		   : "a set of ports needs a key and mask of IP and just that protocol";
}

static const char *check_push_mpls(const struct action *action, struct known *known)
{
	if (known->eth_type == ETH_TYPE_NONE)
		return "PUSH_MPLS onto an 802.3 frame, which has no EtherType";
	known->eth_type = ntohs(action->u.push_mpls.eth_type_be);
	known->nw_proto = 0;
	return NULL;
}

// What stood behind the packet's Ethernet header is behind the label now, with that header.
static const char *check_add_mpls(const struct action *action, struct known *known)
{
	known->has_eth = 0;
	known->eth_type = ntohs(action->u.push_mpls.eth_type_be);
	known->nw_proto = 0;
	known->n_vlans = 0;
	return NULL;
}

static const char *check_mpls(const struct action *action, struct known *known)
{
	(void)action;
	return eth_type_is_mpls(known->eth_type)
		   ? NULL
		   : "an MPLS action needs a key and mask of EtherType 0x8847 or 0x8848 just, or a "
		     "PUSH_MPLS before it";
}

// What is behind the label is known by the type that it gets; it may also be a tag.
static const char *check_pop_mpls(const struct action *action, struct known *known)
{
	const char *wrong = check_mpls(action, known);
	known->eth_type = ntohs(action->u.eth_type_be);
	if (known->eth_type == ETH_TYPE_TEB && known->has_eth != 1) {
		known->has_eth = known->has_eth == 0 ? 1 : -1;
		known->eth_type = 0; // the frame's own
	}
	known->nw_proto = 0;
	known->n_vlans = -1;
	return wrong;
}

static const char *check_arp(const struct action *action, struct known *known)
{
	(void)action;
	return known->eth_type == ETHERTYPE_ARP || known->eth_type == ETHERTYPE_REVARP
		   ? NULL
		   : "a set of ARP needs a key and mask of EtherType 0x0806 or 0x8035 just";
}

static const char *check_icmp(const struct action *action, struct known *known)
{
	bool v6 = action->type != ACTION_SET_ICMP || action->u.icmp.is_v6;
	return known->eth_type == (v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP) &&
		       known->nw_proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)
		   ? NULL
		   : "a set of ICMP or ND needs a key and mask of IP and just that protocol";
}

static const char *check_tunnel_push(const struct action *action, struct known *known)
{
	const struct action_tunnel_push *push = &action->u.tunnel_push;
	const uint8_t *header = action_tunnel_header(push);
	if (tunnel_header_check(header, push->header_len) < 0)
		return "TUNNEL_PUSH of a header that is none: Ethernet, IP, then UDP or GRE";
	*known = (struct known){.has_eth = 1, .eth_type = (uint16_t)(header[12] << 8 | header[13])};
	return NULL;
}

static const char *check_tunnel_pop(const struct action *action, struct known *known)
{
	if (known->has_eth == 0)
		return "TUNNEL_POP of a packet without an Ethernet header: PUSH_ETH first";
	return action->u.port > 0 && action->u.port < PORTS_MAX
		   ? NULL
		   : "TUNNEL_POP at a port number that cannot be: use 1 to 1023";
}

static const char *(*const checks[N_ACTION_TYPES])(const struct action *action,
						   struct known *known) = {
    [ACTION_OUTPUT] = check_output,
    [ACTION_PUSH_VLAN] = check_push_vlan,
    [ACTION_POP_VLAN] = check_pop_vlan,
    [ACTION_SET_IPV4] = check_ipv4,
    [ACTION_SET_IPV6] = check_ipv6,
    [ACTION_SET_PORTS] = check_ports,
    [ACTION_PUSH_MPLS] = check_push_mpls,
    [ACTION_POP_MPLS] = check_pop_mpls,
    [ACTION_SET_MPLS] = check_mpls,
    [ACTION_DEC_MPLS_TTL] = check_mpls,
    [ACTION_SET_ARP] = check_arp,
    [ACTION_SET_ND] = check_icmp,
    [ACTION_SET_ND_EXT] = check_icmp,
    [ACTION_SET_ICMP] = check_icmp,
    [ACTION_SET_ETH] = check_eth,
    [ACTION_PUSH_ETH] = check_push_eth,
    [ACTION_POP_ETH] = check_pop_eth,
    [ACTION_ADD_MPLS] = check_add_mpls,
    [ACTION_TUNNEL_PUSH] = check_tunnel_push,
    [ACTION_TUNNEL_POP] = check_tunnel_pop,
};

static int meter_check(struct request *rq, const struct action *action, unsigned place)
{
	if (action->type != ACTION_METER || meter_get(rq->dp->slot, action->u.meter_id) != NULL)
		return 0;
	return request_fail(rq, rq->server->action_attrs[place], -ENOENT,
			    "action %u: there is no meter %u: set it first", place + 1,
			    action->u.meter_id);
}

static int ct_check(struct request *rq, const struct action *action, unsigned place)
{
	if (action->type != ACTION_CT || ct_prepare((uint8_t)rq->dp->slot) == 0)
		return 0;
	return request_fail(
	    rq, rq->server->action_attrs[place], -ENOMEM,
	    "action %u: no memory to track %u connections: give swd more with --mem, "
	    "or fewer with --ct-connections",
	    place + 1, ct_table_max());
}

unsigned action_ports(const struct action *action, uint32_t ports[ACTION_PORTS_MAX])
{
	switch (action->type) {
	case ACTION_OUTPUT:
	case ACTION_TUNNEL_POP:
		ports[0] = action->u.port;
		return 1;
	case ACTION_TUNNEL_PUSH:
		ports[0] = action->u.tunnel_push.tnl_port;
		ports[1] = action->u.tunnel_push.out_port;
		return 2;
	default:
		return 0;
	}
}

static int owner_check(struct request *rq, const struct action *action, unsigned place)
{
	uint32_t ports[ACTION_PORTS_MAX];
	unsigned n = action_ports(action, ports);
	for (unsigned i = 0; i < n; i++) {
		if (datapath_number_is_anothers(rq->dp, ports[i]))
			return request_fail(rq, rq->server->action_attrs[place], -EINVAL,
					    "action %u names port %u, which is another datapath's",
					    place + 1, ports[i]);
	}
	return 0;
}

static int action_check(struct request *rq, const struct action *action, unsigned place,
			struct known *known)
{
	int rc = meter_check(rq, action, place);
	if (rc == 0)
		rc = ct_check(rq, action, place);
	if (rc == 0)
		rc = owner_check(rq, action, place);
	if (rc < 0 || checks[action->type] == NULL)
		return rc;
	const char *wrong = checks[action->type](action, known);
	if (wrong == NULL)
		return 0;
	return request_fail(rq, rq->server->action_attrs[place], -EINVAL, "action %u: %s",
			    place + 1, wrong);
}

static bool nests(enum action_type type)
{
	return type == ACTION_CLONE || type == ACTION_SAMPLE || type == ACTION_CHECK_PKT_LEN;
}

unsigned action_next(const struct action *list, unsigned at)
{
	return at + (nests(list[at].type) ? 1 : action_entries(&list[at]));
}

static int list_check(struct request *rq, unsigned from, unsigned end, struct known known);

// Its lists have the packet as it is here; what they do to it, stays in them.
static int nested_check(struct request *rq, unsigned place, const struct known *known)
{
	const struct action *action = &rq->server->actions[place];
	unsigned first = place + 1, end = first + action->n_more;
	unsigned n_greater =
	    action->type == ACTION_CHECK_PKT_LEN ? action->u.check_pkt_len.n_greater : 0;
	int rc = list_check(rq, first, first + n_greater, *known);
	return rc < 0 ? rc : list_check(rq, first + n_greater, end, *known);
}

// The parser has bounded how deep lists nest.
static int list_check(struct request *rq, unsigned from, unsigned end, struct known known)
{
	int rc = 0;
	for (unsigned i = from; i < end && rc == 0; i += action_entries(&rq->server->actions[i])) {
		const struct action *action = &rq->server->actions[i];
		rc = nests(action->type) ? nested_check(rq, i, &known)
					 : action_check(rq, action, i, &known);
	}
	return rc;
}

struct flow_actions *request_actions(struct request *rq, const struct nlattr *attr,
				     const struct flow_match *match, int *err)
{
	struct action *list = rq->server->actions;
	int n =
	    dp_actions_parse_attrs(attr, list, rq->server->action_attrs, ACTIONS_MAX, &rq->error);
	*err = n < 0 ? n : list_check(rq, 0, (unsigned)n, known_from(match));
	if (*err < 0)
		return NULL;
	struct flow_actions *actions = flow_table_actions(rq->server->flows, list, (unsigned)n);
	if (actions == NULL)
		*err = request_fail(rq, NULL, -ENOMEM, "no memory for %d actions", n);
	return actions;
}
