#include "ctl/swctld/xlate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define KEY_VLANS  2 // tags that a key holds
#define TPID_8021Q 0x8100
#define PCP_MASK   0xe000

static struct action *emit(struct xlate *x, enum action_type type)
{
	struct xlate_result *result = x->result;
	struct action *action = &x->spill;
	if (result->n_actions < ACTIONS_MAX)
		action = &result->actions[result->n_actions++];
	else
		x->too_many = true;
	memset(action, 0, sizeof(*action));
	action->type = type;
	return action;
}

// The packet's own tag that is outermost now, with its place; NULL when that is none of its own.
static const struct vlan_tag *own_tag(struct xlate *x, struct vlan_tag **mask)
{
	unsigned i = x->vlans.n_popped;
	if (x->vlans.n_pushed > 0 || i >= KEY_VLANS)
		return NULL;
	*mask = &x->mask->vlan[i];
	(*mask)->tci_be |= htons(VLAN_CFI);
	return (x->key->vlan[i].tci_be & htons(VLAN_CFI)) ? &x->key->vlan[i] : NULL;
}

bool xlate_vlan_present(struct xlate *x)
{
	struct vlan_tag *mask;
	return x->vlans.n_pushed > 0 || own_tag(x, &mask);
}

uint16_t xlate_vlan_vid(struct xlate *x)
{
	struct vlan_tag *mask;
	if (x->vlans.n_pushed > 0)
		return ntohs(x->vlans.pushed[x->vlans.n_pushed - 1].tci_be) & VLAN_VID_MASK;
	const struct vlan_tag *tag = own_tag(x, &mask);
	if (!tag)
		return 0;
	mask->tci_be |= htons(VLAN_VID_MASK);
	return ntohs(tag->tci_be) & VLAN_VID_MASK;
}

void xlate_vlan_pop(struct xlate *x)
{
	if (x->vlans.n_pushed > 0)
		x->vlans.n_pushed--;
	else if (xlate_vlan_present(x))
		x->vlans.n_popped++;
}

void xlate_vlan_push(struct xlate *x, uint16_t tpid_be, uint16_t tci)
{
	if (x->vlans.n_pushed == XLATE_PUSHED_MAX) {
		x->too_many = true;
		return;
	}
	x->vlans.pushed[x->vlans.n_pushed++] =
	    (struct vlan_tag){.tpid_be = tpid_be, .tci_be = htons(tci | VLAN_CFI)};
}

void xlate_vlan_set_vid(struct xlate *x, uint16_t vid)
{
	struct vlan_tag tag = {.tpid_be = htons(TPID_8021Q)}, *mask;
	if (x->vlans.n_pushed > 0) {
		tag = x->vlans.pushed[--x->vlans.n_pushed];
	} else {
		const struct vlan_tag *own = own_tag(x, &mask);
		if (own) {
			// The tag is replaced: the new one takes over what stays.
			tag = *own;
			mask->tpid_be = UINT16_MAX;
			mask->tci_be |= htons(PCP_MASK);
			x->vlans.n_popped++;
		}
	}
	xlate_vlan_push(x, tag.tpid_be, (ntohs(tag.tci_be) & PCP_MASK) | vid);
}

struct eth_addr xlate_eth_src(struct xlate *x)
{
	if (x->edited & XLATE_ETH_SRC)
		return x->eth_src;
	memset(&x->mask->eth_src, 0xff, sizeof(x->mask->eth_src));
	return x->key->eth_src;
}

struct eth_addr xlate_eth_dst(struct xlate *x)
{
	if (x->edited & XLATE_ETH_DST)
		return x->eth_dst;
	memset(&x->mask->eth_dst, 0xff, sizeof(x->mask->eth_dst));
	return x->key->eth_dst;
}

static void emit_pops(struct xlate *x, unsigned n)
{
	while (n-- > 0)
		emit(x, ACTION_POP_VLAN);
}

// Gives back a tag that the packet came with and that has been taken off: its value must be known.
static void emit_own_tag(struct xlate *x, unsigned i)
{
	memset(&x->mask->vlan[i], 0xff, sizeof(x->mask->vlan[i]));
	emit(x, ACTION_PUSH_VLAN)->u.vlan = x->key->vlan[i];
}

// Tags pushed that the wire has already, below those that differ.
static unsigned common_pushed(const struct xlate_vlans *a, const struct xlate_vlans *b)
{
	unsigned n = 0;
	while (n < a->n_pushed && n < b->n_pushed && a->pushed[n].tpid_be == b->pushed[n].tpid_be &&
	       a->pushed[n].tci_be == b->pushed[n].tci_be)
		n++;
	return n;
}

static void commit_vlans(struct xlate *x)
{
	const struct xlate_vlans *want = &x->vlans;
	struct xlate_vlans *wire = &x->wire_vlans;
	unsigned common = want->n_popped == wire->n_popped ? common_pushed(want, wire) : 0;
	emit_pops(x, wire->n_pushed - common);
	for (; wire->n_popped < want->n_popped; wire->n_popped++)
		emit(x, ACTION_POP_VLAN);
	for (; wire->n_popped > want->n_popped; wire->n_popped--)
		emit_own_tag(x, wire->n_popped - 1u);
	for (unsigned i = common; i < want->n_pushed; i++)
		emit(x, ACTION_PUSH_VLAN)->u.vlan = want->pushed[i];
	*wire = *want;
}

static void commit_eth(struct xlate *x)
{
	if (!(x->pending & (XLATE_ETH_SRC | XLATE_ETH_DST)))
		return;
	struct action_set_eth *set = &emit(x, ACTION_SET_ETH)->u.eth;
	if (x->pending & XLATE_ETH_SRC) {
		set->src = x->eth_src;
		memset(&set->src_mask, 0xff, sizeof(set->src_mask));
	}
	if (x->pending & XLATE_ETH_DST) {
		set->dst = x->eth_dst;
		memset(&set->dst_mask, 0xff, sizeof(set->dst_mask));
	}
}

static void commit_ipv4(struct xlate *x)
{
	if (!(x->pending & (XLATE_IP_SRC | XLATE_IP_DST)))
		return;
	struct action_set_ipv4 *set = &emit(x, ACTION_SET_IPV4)->u.ipv4;
	if (x->pending & XLATE_IP_SRC) {
		set->src_be = x->ip_src_be;
		set->src_mask_be = UINT32_MAX;
	}
	if (x->pending & XLATE_IP_DST) {
		set->dst_be = x->ip_dst_be;
		set->dst_mask_be = UINT32_MAX;
	}
}

static void commit_ports(struct xlate *x)
{
	if (!(x->pending & (XLATE_TP_SRC | XLATE_TP_DST)))
		return;
	struct action_set_ports *set = &emit(x, ACTION_SET_PORTS)->u.ports;
	set->proto = x->key->nw_proto;
	x->mask->nw_proto = UINT8_MAX;
	if (x->pending & XLATE_TP_SRC) {
		set->src_be = x->tp_src_be;
		set->src_mask_be = UINT16_MAX;
	}
	if (x->pending & XLATE_TP_DST) {
		set->dst_be = x->tp_dst_be;
		set->dst_mask_be = UINT16_MAX;
	}
}

static int compare_port(const void *no, const void *port)
{
	uint32_t a = *(const uint32_t *)no, b = ((const struct xlate_port *)port)->no;
	return a < b ? -1 : a > b;
}

const struct xlate_port *xlate_port_find(const struct xlate_ctx *ctx, uint32_t no)
{
	if (ctx->n_ports == 0)
		return NULL;
	return bsearch(&no, ctx->ports, ctx->n_ports, sizeof(ctx->ports[0]), compare_port);
}

void xlate_output(struct xlate *x, uint32_t port)
{
	if (!xlate_port_find(x->ctx, port))
		return;
	commit_vlans(x);
	commit_eth(x);
	commit_ipv4(x);
	commit_ports(x);
	x->pending = 0;
	emit(x, ACTION_OUTPUT)->u.port = port;
}
