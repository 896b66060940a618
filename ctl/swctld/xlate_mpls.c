// MPLS labels (RFC 3032): what the packet has now, and the pushes and pops that make it so on the
// wire. While labels are pushed, the fields from L3 on stand in now.below, as no table can see
// them.
#include "ctl/swctld/xlate.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <string.h>

#define ETH_MPLS	0x8847
#define ETH_MPLS_MCAST	0x8848
#define LSE_LABEL_SHIFT 12
#define LSE_TC_SHIFT	9
#define LSE_BOS		0x100
#define LSE_TTL_MASK	0xff
#define LABEL_IPV4_NULL 0
#define LABEL_IPV6_NULL 2
#define TTL_DEFAULT	64
#define L3_AT		offsetof(struct flow_key, ip_src_be)
#define L3_BYTES	(sizeof(struct flow_key) - L3_AT)

static void *l3_of(struct flow_key *key)
{
	return (char *)key + L3_AT;
}

bool xlate_is_mpls(const struct flow_key *key)
{
	return key->eth_type_be == htons(ETH_MPLS) || key->eth_type_be == htons(ETH_MPLS_MCAST);
}

static void hide_l3(struct xlate_state *now)
{
	memcpy(l3_of(&now->below.key), l3_of(&now->key.pkt), L3_BYTES);
	memcpy(l3_of(&now->below.written), l3_of(&now->written.pkt), L3_BYTES);
}

static void clear_l3(struct xlate_state *now)
{
	memset(l3_of(&now->key.pkt), 0, L3_BYTES);
	memset(l3_of(&now->written.pkt), 0xff, L3_BYTES);
}

// Makes the key what the pushed labels are.
static void show_pushed(struct xlate *x)
{
	struct xlate_state *now = &x->now;
	const struct xlate_lses *l = &now->lses;
	if (l->n_pushed == 0) {
		memcpy(l3_of(&now->key.pkt), l3_of(&now->below.key), L3_BYTES);
		memcpy(l3_of(&now->written.pkt), l3_of(&now->below.written), L3_BYTES);
		return;
	}
	clear_l3(now);
	now->key.pkt.eth_type_be = l->pushed_type_be[l->n_pushed - 1];
	now->key.pkt.mpls_lse_be[0] = l->pushed_be[l->n_pushed - 1];
	if (l->n_pushed > 1) {
		now->key.pkt.mpls_lse_be[1] = l->pushed_be[l->n_pushed - 2];
	} else if (xlate_is_mpls(&now->below.key)) {
		now->key.pkt.mpls_lse_be[1] = now->below.key.mpls_lse_be[0];
		now->written.pkt.mpls_lse_be[1] = now->below.written.mpls_lse_be[0];
	}
}

static of_value get(struct xlate *x, enum of_field_id id)
{
	struct of_subfield whole = of_field_whole(id);
	return xlate_get(x, &whole);
}

// Above other labels the values of the outermost one; otherwise an explicit null label with what
// the IP header has.
static uint32_t new_lse(struct xlate *x)
{
	uint32_t label = LABEL_IPV4_NULL, tc = 0, ttl = TTL_DEFAULT;
	const struct flow_key *key = &x->now.key.pkt;
	if (xlate_is_mpls(key))
		return (uint32_t)get(x, OF_F_MPLS_LABEL) << LSE_LABEL_SHIFT |
		       (uint32_t)get(x, OF_F_MPLS_TC) << LSE_TC_SHIFT |
		       (uint32_t)get(x, OF_F_MPLS_TTL);
	if (xlate_has_field(x, &of_fields[OF_F_NW_TTL])) {
		label =
		    key->eth_type_be == htons(ETHERTYPE_IPV6) ? LABEL_IPV6_NULL : LABEL_IPV4_NULL;
		tc = (uint32_t)get(x, OF_F_IP_DSCP) & 7;
		ttl = (uint32_t)get(x, OF_F_NW_TTL);
	}
	return label << LSE_LABEL_SHIFT | tc << LSE_TC_SHIFT | LSE_BOS | (ttl ? ttl : TTL_DEFAULT);
}

void xlate_mpls_push(struct xlate *x, uint16_t eth_type_be)
{
	struct xlate_lses *l = &x->now.lses;
	if (l->n_pushed == XLATE_PUSHED_MAX) {
		xlate_fail(x, XLATE_TOO_MANY_ACTIONS);
		return;
	}
	uint32_t lse = new_lse(x);
	if (x->freezing)
		return;
	x->edited = true;
	if (l->n_pushed == 0)
		hide_l3(&x->now);
	l->pushed_type_be[l->n_pushed] = eth_type_be;
	l->pushed_be[l->n_pushed++] = htonl(lse);
	show_pushed(x);
}

// One of the packet's own: the next one shows, as far as the key held it.
static void pop_own(struct xlate *x, uint16_t eth_type_be)
{
	struct xlate_state *now = &x->now;
	unsigned own = ++now->lses.n_popped;
	uint32_t inner_lse = now->key.pkt.mpls_lse_be[1];
	clear_l3(now);
	now->n_mpls_ttl_decs = 0;
	now->lses.base_type_be = eth_type_be;
	now->key.pkt.eth_type_be = eth_type_be;
	if (xlate_is_mpls(&now->key.pkt) && own < FLOW_MPLS_LABELS) {
		now->key.pkt.mpls_lse_be[0] = inner_lse;
		now->written.pkt.mpls_lse_be[0] = 0;
	} else {
		now->unparsed = true;
	}
}

void xlate_mpls_pop(struct xlate *x, uint16_t eth_type_be)
{
	struct xlate_lses *l = &x->now.lses;
	if (!xlate_is_mpls(&x->now.key.pkt))
		return;
	// A label that the key did not hold could not be given back behind a copy.
	if (l->n_pushed == 0 && x->now.unparsed) {
		xlate_freeze(x);
		return;
	}
	x->edited = true;
	if (l->n_pushed == 0) {
		pop_own(x, eth_type_be);
		return;
	}
	l->n_pushed--;
	show_pushed(x);
}

void xlate_mpls_modify(struct xlate *x, uint32_t lse, uint32_t mask)
{
	struct xlate_lses *l = &x->now.lses;
	x->edited = true;
	uint32_t *own = &x->now.key.pkt.mpls_lse_be[0];
	*own = (*own & ~htonl(mask)) | htonl(lse);
	x->now.written.pkt.mpls_lse_be[0] |= htonl(mask);
	if (l->n_pushed > 0)
		l->pushed_be[l->n_pushed - 1] = *own;
}

static unsigned common_pushed(const struct xlate_lses *a, const struct xlate_lses *b)
{
	unsigned n = 0;
	while (n < a->n_pushed && n < b->n_pushed && a->pushed_be[n] == b->pushed_be[n] &&
	       a->pushed_type_be[n] == b->pushed_type_be[n])
		n++;
	return n;
}

static void pop_pushed(struct xlate *x, unsigned down_to)
{
	struct xlate_lses *wire = &x->wire.lses;
	while (wire->n_pushed > down_to) {
		wire->n_pushed--;
		xlate_emit(x, ACTION_POP_MPLS)->u.eth_type_be =
		    wire->n_pushed ? wire->pushed_type_be[wire->n_pushed - 1] : wire->base_type_be;
	}
}

// A label stack entry that the packet came with, or its successor, is outermost on the wire.
static void forget_wire_lse(struct xlate *x)
{
	x->wire.fields.written.mpls_lse_be[0] = 0;
}

static void emit_push(struct xlate *x, uint32_t lse_be, uint16_t eth_type_be)
{
	struct action_push_mpls *push = &xlate_emit(x, ACTION_PUSH_MPLS)->u.push_mpls;
	push->lse_be = lse_be;
	push->eth_type_be = eth_type_be;
}

// The label that is outermost on the wire, one of the packet's own, gets its bits back before
// another comes above it.
static void give_back_lse(struct xlate *x, unsigned i)
{
	uint32_t written = x->wire.fields.written.mpls_lse_be[0];
	if (!written || i >= FLOW_MPLS_LABELS)
		return;
	x->mask->mpls_lse_be[i] |= written;
	uint32_t differs = (x->wire.fields.key.mpls_lse_be[0] ^ x->orig->mpls_lse_be[i]) & written;
	if (!differs)
		return;
	struct action_set_mpls *set = &xlate_emit(x, ACTION_SET_MPLS)->u.mpls;
	set->mask_be = differs;
	set->lse_be = x->orig->mpls_lse_be[i] & differs;
}

static void commit_own(struct xlate *x)
{
	const struct xlate_lses *want = &x->now.lses;
	struct xlate_lses *wire = &x->wire.lses;
	for (; wire->n_popped < want->n_popped; wire->n_popped++) {
		bool last = wire->n_popped + 1 == want->n_popped;
		xlate_emit(x, ACTION_POP_MPLS)->u.eth_type_be =
		    last ? want->base_type_be : x->orig->eth_type_be;
		forget_wire_lse(x);
	}
	for (; wire->n_popped > want->n_popped; wire->n_popped--) {
		unsigned i = wire->n_popped - 1u;
		give_back_lse(x, i + 1);
		uint32_t lse_be = i < FLOW_MPLS_LABELS ? x->orig->mpls_lse_be[i] : 0;
		if (i < FLOW_MPLS_LABELS)
			x->mask->mpls_lse_be[i] = UINT32_MAX;
		emit_push(x, lse_be,
			  i == want->n_popped ? want->base_type_be : x->orig->eth_type_be);
		x->wire.fields.key.mpls_lse_be[0] = lse_be;
		x->wire.fields.written.mpls_lse_be[0] = UINT32_MAX;
	}
	wire->base_type_be = want->base_type_be;
}

void xlate_commit_labels(struct xlate *x)
{
	const struct xlate_lses *want = &x->now.lses;
	struct xlate_lses *wire = &x->wire.lses;
	struct flow_key need;
	if (want->n_popped != wire->n_popped) {
		pop_pushed(x, 0);
		commit_own(x);
	}
	if (xlate_fields_differ(x, &need)) {
		pop_pushed(x, 0);
		xlate_commit_fields(x, &need);
	}
	unsigned common = common_pushed(want, wire);
	pop_pushed(x, common);
	for (unsigned i = common; i < want->n_pushed; i++)
		emit_push(x, want->pushed_be[i], want->pushed_type_be[i]);
	*wire = *want;
}
