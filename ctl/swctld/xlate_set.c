// Reading and writing the packet's and the pipeline's fields.
#include "ctl/swctld/xlate.h"
#include "flowtable/key_words.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define KEY_VLANS    2 // tags that a key holds
#define LSE_TTL_MASK 0xff
#define TTL_AT_LEAST 2 // what can still be counted down

// Where a tag or a label stands that `now` has in place i: among the packet's own, or -1.
static int own_place(unsigned i, unsigned n_pushed, unsigned n_popped, unsigned n_held)
{
	if (i < n_pushed)
		return -1;
	unsigned place = i - n_pushed + n_popped;
	return place < n_held ? (int)place : -1;
}

static void read_tags(struct xlate *x, const struct flow_key *bits)
{
	const struct xlate_vlans *v = &x->now.vlans;
	for (unsigned i = 0; i < KEY_VLANS; i++) {
		int own = own_place(i, v->n_pushed, v->n_popped, KEY_VLANS);
		if (own < 0)
			continue;
		x->mask->vlan[own].tpid_be |= bits->vlan[i].tpid_be;
		x->mask->vlan[own].tci_be |= bits->vlan[i].tci_be;
	}
}

static void read_labels(struct xlate *x, const struct flow_key *bits)
{
	const struct xlate_lses *l = &x->now.lses;
	for (unsigned i = 0; i < FLOW_MPLS_LABELS; i++) {
		int own = own_place(i, l->n_pushed, l->n_popped, FLOW_MPLS_LABELS);
		if (own >= 0)
			x->mask->mpls_lse_be[own] |= bits->mpls_lse_be[i];
	}
}

// A counted-down TTL's bits depend on all bits of the packet's.
static void widen_ttls(const struct xlate *x, struct flow_key *bits)
{
	if (x->now.n_ttl_decs && bits->nw_ttl)
		bits->nw_ttl = UINT8_MAX;
	if (x->now.n_mpls_ttl_decs && (ntohl(bits->mpls_lse_be[0]) & LSE_TTL_MASK))
		bits->mpls_lse_be[0] |= htonl(LSE_TTL_MASK);
}

void xlate_read(struct xlate *x, const struct of_key *bits)
{
	struct flow_key own;
	key_word *o = (key_word *)&own;
	const key_word *b = key_words(&bits->pkt), *w = key_words(&x->now.written.pkt);
	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		o[i] = b[i] & ~w[i];
	widen_ttls(x, &own);
	read_tags(x, &own);
	memset(own.vlan, 0, sizeof(own.vlan));
	if (xlate_is_mpls(&x->now.key.pkt)) {
		read_labels(x, &own);
		memset(own.mpls_lse_be, 0, sizeof(own.mpls_lse_be));
	}
	flow_mask_merge(x->mask, &own);
}

void xlate_read_below(struct xlate *x, const struct flow_key *bits)
{
	struct flow_key own = *bits;
	unsigned label = x->now.lses.n_popped;
	widen_ttls(x, &own);
	if (xlate_is_mpls(x->orig)) {
		if (label < FLOW_MPLS_LABELS)
			x->mask->mpls_lse_be[label] |= own.mpls_lse_be[0];
		memset(own.mpls_lse_be, 0, sizeof(own.mpls_lse_be));
	}
	flow_mask_merge(x->mask, &own);
}

static void read_bits(struct xlate *x, const struct flow_key *bits)
{
	struct of_key key = {.pkt = *bits};
	xlate_read(x, &key);
}

// What must be known of a packet to tell whether it has a field of these kinds.
static void read_kind(struct xlate *x, uint16_t needs)
{
	struct flow_key bits = {.eth_type_be = UINT16_MAX};
	if (needs & OF_KIND_VLAN)
		bits.vlan[0].tci_be = htons(VLAN_CFI);
	uint16_t network = of_key_kinds(&x->now.key) & OF_KIND_IP;
	if ((needs & ~(OF_KIND_IP | OF_KIND_ARP | OF_KIND_MPLS | OF_KIND_VLAN)) && network) {
		bits.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
		bits.nw_proto = UINT8_MAX;
		if ((needs & OF_KIND_ND) && x->now.key.pkt.nw_proto == IPPROTO_ICMPV6)
			bits.tp_src_be = bits.tp_dst_be = UINT16_MAX;
	}
	read_bits(x, &bits);
}

bool xlate_has_field(struct xlate *x, const struct of_field *field)
{
	if (!field->needs)
		return true;
	read_kind(x, field->needs);
	if (x->now.unparsed && !(field->needs & OF_KIND_VLAN)) {
		xlate_freeze(x);
		return false;
	}
	return field->needs & of_key_kinds(&x->now.key);
}

of_value xlate_get(struct xlate *x, const struct of_subfield *sf)
{
	struct of_key bits;
	if (!xlate_has_field(x, &of_fields[sf->field]))
		return 0;
	memset(&bits, 0, sizeof(bits));
	of_subfield_set(sf, &bits, of_value_ones(sf->n_bits));
	xlate_read(x, &bits);
	return of_subfield_get(sf, &x->now.key);
}

static bool is_in(const struct of_field *field, size_t offset, size_t size)
{
	return field->offset >= offset && field->offset < offset + size;
}

#define IS_IN(field, member) \
	is_in(field, offsetof(struct of_key, member), sizeof(((struct of_key *)0)->member))

// The bits of a container of up to 32 that a subfield's value and mask stand for.
static uint32_t in_container(const struct of_subfield *sf, of_value value)
{
	return (uint32_t)(value << (of_fields[sf->field].shift + sf->ofs));
}

void xlate_set(struct xlate *x, const struct of_subfield *sf, of_value value, of_value mask)
{
	const struct of_field *field = &of_fields[sf->field];
	mask &= of_value_ones(sf->n_bits);
	if (!xlate_has_field(x, field))
		return;
	if (IS_IN(field, pkt.vlan)) {
		xlate_vlan_write(x, (uint16_t)(in_container(sf, value & mask) | field->presence),
				 (uint16_t)(in_container(sf, mask) | field->presence));
		return;
	}
	if (field->needs & OF_KIND_MPLS) {
		xlate_mpls_modify(x, in_container(sf, value & mask), in_container(sf, mask));
		return;
	}
	// Whether it is neighbour discovery stands in type and code: what was set of it goes first.
	if ((field->needs & (OF_KIND_ICMP | OF_KIND_ICMP6)) &&
	    (of_key_kinds(&x->now.key) & OF_KIND_ND))
		xlate_commit_labels(x);
	x->edited |= field->offset < sizeof(struct flow_key);
	of_value old = of_subfield_get(sf, &x->now.key);
	of_value written = of_subfield_get(sf, &x->now.written);
	of_subfield_set(sf, &x->now.key, (old & ~mask) | (value & mask));
	of_subfield_set(sf, &x->now.written, written | mask);
}

// Writes a value that counting down has led to.
static void write_ttl(struct xlate *x, uint8_t ttl)
{
	x->edited = true;
	x->now.key.pkt.nw_ttl = ttl;
	x->now.written.pkt.nw_ttl = UINT8_MAX;
}

// Whether the datapath can count down itself, whatever the TTL: what stands on the wire must be
// the packet's own; and when the packet ends there, all ends.
static bool counts_natively(struct xlate *x)
{
	if (x->n_copies > 0 || x->now.written.pkt.nw_ttl || x->now.n_ttl_decs == UINT8_MAX ||
	    x->wire.fields.written.nw_ttl)
		return false;
	xlate_commit_labels(x); // a copy may have left some
	return true;
}

void xlate_dec_ttl(struct xlate *x)
{
	static const struct flow_key all = {.nw_ttl = UINT8_MAX};
	uint8_t ttl = x->now.key.pkt.nw_ttl;
	if (!xlate_has_field(x, &of_fields[OF_F_NW_TTL]))
		return;
	if (counts_natively(x)) {
		xlate_emit(x, ACTION_DEC_TTL);
		x->now.key.pkt.nw_ttl--;
		x->now.n_ttl_decs++;
		x->edited = true;
		return;
	}
	read_bits(x, &all);
	if (ttl < TTL_AT_LEAST)
		x->dead = true;
	else
		write_ttl(x, ttl - 1);
}

static bool counts_mpls_natively(struct xlate *x)
{
	if (x->n_copies > 0 || x->now.lses.n_pushed > 0 || x->now.n_mpls_ttl_decs == UINT8_MAX ||
	    (ntohl(x->now.written.pkt.mpls_lse_be[0]) & LSE_TTL_MASK))
		return false;
	xlate_commit_labels(x);
	return !(ntohl(x->wire.fields.written.mpls_lse_be[0]) & LSE_TTL_MASK);
}

void xlate_dec_mpls_ttl(struct xlate *x)
{
	static const struct of_subfield whole = {.field = OF_F_MPLS_TTL, .n_bits = 8};
	if (!xlate_has_field(x, &of_fields[OF_F_MPLS_TTL]))
		return;
	if (counts_mpls_natively(x)) {
		uint32_t lse = ntohl(x->now.key.pkt.mpls_lse_be[0]);
		uint32_t ttl = (lse - 1) & LSE_TTL_MASK;
		xlate_emit(x, ACTION_DEC_MPLS_TTL);
		x->now.key.pkt.mpls_lse_be[0] = htonl((lse & ~LSE_TTL_MASK) | ttl);
		x->now.n_mpls_ttl_decs++;
		x->edited = true;
		return;
	}
	uint8_t ttl = (uint8_t)xlate_get(x, &whole);
	if (ttl < TTL_AT_LEAST)
		x->dead = true;
	else
		xlate_mpls_modify(x, ttl - 1u, LSE_TTL_MASK);
}

struct eth_addr xlate_eth_src(struct xlate *x)
{
	struct flow_key bits = {.in_port = 0};
	memset(&bits.eth_src, 0xff, sizeof(bits.eth_src));
	read_bits(x, &bits);
	return x->now.key.pkt.eth_src;
}

struct eth_addr xlate_eth_dst(struct xlate *x)
{
	struct flow_key bits = {.in_port = 0};
	memset(&bits.eth_dst, 0xff, sizeof(bits.eth_dst));
	read_bits(x, &bits);
	return x->now.key.pkt.eth_dst;
}
