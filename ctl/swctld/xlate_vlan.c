// VLAN tags: what the packet has now, and the pushes and pops that make it so on the wire.
#include "ctl/swctld/xlate.h"

#include <arpa/inet.h>
#include <string.h>

#define KEY_VLANS  2 // tags that a key holds
#define TPID_8021Q 0x8100

// The key has the two outermost tags; a third one of the packet's own it never saw.
static void show_tags(struct xlate *x)
{
	const struct xlate_vlans *v = &x->now.vlans;
	x->edited = true;
	for (unsigned i = 0; i < KEY_VLANS; i++) {
		struct vlan_tag *tag = &x->now.key.pkt.vlan[i];
		struct vlan_tag *written = &x->now.written.pkt.vlan[i];
		unsigned own = i - v->n_pushed + v->n_popped;
		memset(written, 0xff, sizeof(*written));
		if (i < v->n_pushed) {
			*tag = v->pushed[v->n_pushed - 1 - i];
		} else if (own < KEY_VLANS) {
			*tag = x->orig->vlan[own];
			memset(written, 0, sizeof(*written));
		} else {
			memset(tag, 0, sizeof(*tag));
		}
	}
}

// The outermost tag's bits.
static uint16_t read_tci(struct xlate *x, uint16_t bits)
{
	struct of_key key = {.metadata_be = 0};
	key.pkt.vlan[0].tci_be = htons(bits);
	xlate_read(x, &key);
	return ntohs(x->now.key.pkt.vlan[0].tci_be) & bits;
}

static uint16_t read_tpid(struct xlate *x)
{
	struct of_key key = {.metadata_be = 0};
	key.pkt.vlan[0].tpid_be = UINT16_MAX;
	xlate_read(x, &key);
	return x->now.key.pkt.vlan[0].tpid_be;
}

bool xlate_vlan_present(struct xlate *x)
{
	return read_tci(x, VLAN_CFI) != 0;
}

uint16_t xlate_vlan_vid(struct xlate *x)
{
	return xlate_vlan_present(x) ? read_tci(x, VLAN_VID_MASK) : 0;
}

void xlate_vlan_pop(struct xlate *x)
{
	if (!xlate_vlan_present(x))
		return;
	if (x->now.vlans.n_pushed > 0)
		x->now.vlans.n_pushed--;
	else
		x->now.vlans.n_popped++;
	show_tags(x);
}

void xlate_vlan_push(struct xlate *x, uint16_t tpid_be, uint16_t tci)
{
	struct xlate_vlans *v = &x->now.vlans;
	if (v->n_pushed == XLATE_PUSHED_MAX) {
		xlate_fail(x, XLATE_TOO_MANY_ACTIONS);
		return;
	}
	v->pushed[v->n_pushed++] =
	    (struct vlan_tag){.tpid_be = tpid_be, .tci_be = htons(tci | VLAN_CFI)};
	show_tags(x);
}

void xlate_vlan_modify(struct xlate *x, uint16_t tci, uint16_t tci_mask)
{
	uint16_t tpid_be = htons(TPID_8021Q);
	if (xlate_vlan_present(x)) {
		// The tag is replaced: the new one takes over what stays.
		tpid_be = read_tpid(x);
		tci |= read_tci(x, (uint16_t)~tci_mask);
		xlate_vlan_pop(x);
	}
	xlate_vlan_push(x, tpid_be, tci);
}

void xlate_vlan_write(struct xlate *x, uint16_t tci, uint16_t tci_mask)
{
	uint16_t written = tci | read_tci(x, (uint16_t)~tci_mask);
	if (written & VLAN_CFI)
		xlate_vlan_modify(x, written, UINT16_MAX);
	else
		xlate_vlan_pop(x);
}

void xlate_vlans_restore(struct xlate *x, const struct xlate_vlans *vlans)
{
	x->now.vlans = *vlans;
	show_tags(x);
}

static void emit_pops(struct xlate *x, unsigned n)
{
	while (n-- > 0)
		xlate_emit(x, ACTION_POP_VLAN);
}

// Gives back a tag that the packet came with and that has been taken off: its value must be known.
static void emit_own_tag(struct xlate *x, unsigned i)
{
	memset(&x->mask->vlan[i], 0xff, sizeof(x->mask->vlan[i]));
	xlate_emit(x, ACTION_PUSH_VLAN)->u.vlan = x->orig->vlan[i];
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

void xlate_commit_vlans(struct xlate *x)
{
	const struct xlate_vlans *want = &x->now.vlans;
	struct xlate_vlans *wire = &x->wire.vlans;
	unsigned common = want->n_popped == wire->n_popped ? common_pushed(want, wire) : 0;
	emit_pops(x, wire->n_pushed - common);
	for (; wire->n_popped < want->n_popped; wire->n_popped++)
		xlate_emit(x, ACTION_POP_VLAN);
	for (; wire->n_popped > want->n_popped; wire->n_popped--)
		emit_own_tag(x, wire->n_popped - 1u);
	for (unsigned i = common; i < want->n_pushed; i++)
		xlate_emit(x, ACTION_PUSH_VLAN)->u.vlan = want->pushed[i];
	*wire = *want;
}
