// Inside translation: the packet as the rule's actions have changed it so far, and as it stands on
// the wire. Changes are written only when an output needs them, as masked sets, so that what no
// output sees costs nothing. What is read of the packet goes into the megaflow's mask at the place
// where it is read.
#ifndef CTL_SWCTLD_XLATE_H
#define CTL_SWCTLD_XLATE_H

#include "ctl/swctld/translate.h"

#define XLATE_PUSHED_MAX 4 // tags

// VLAN tags, relative to those that the packet came with.
struct xlate_vlans {
	uint8_t n_popped; // of its own tags
	uint8_t n_pushed;
	struct vlan_tag pushed[XLATE_PUSHED_MAX]; // the outermost stands last
};

enum xlate_edit {
	XLATE_ETH_SRC = 1 << 0,
	XLATE_ETH_DST = 1 << 1,
	XLATE_IP_SRC = 1 << 2,
	XLATE_IP_DST = 1 << 3,
	XLATE_TP_SRC = 1 << 4,
	XLATE_TP_DST = 1 << 5,
};

struct xlate {
	const struct xlate_ctx *ctx;
	const struct flow_key *key; // as the packet came
	struct flow_key *mask;	    // of the megaflow
	struct xlate_result *result;
	struct action spill; // where actions go that do not fit
	bool too_many;
	// The packet now: values of the edited fields, and tags.
	unsigned edited, pending; // enum xlate_edit: ever; since the last commit
	struct eth_addr eth_src, eth_dst;
	uint32_t ip_src_be, ip_dst_be;
	uint16_t tp_src_be, tp_dst_be;
	struct xlate_vlans vlans;
	struct xlate_vlans wire_vlans; // after the actions emitted so far
};

// Outputs the packet as it is now, unless the port is gone.
void xlate_output(struct xlate *x, uint32_t port);
const struct xlate_port *xlate_port_find(const struct xlate_ctx *ctx, uint32_t no);

// The outermost tag.
bool xlate_vlan_present(struct xlate *x);
uint16_t xlate_vlan_vid(struct xlate *x); // 0 when there is none
void xlate_vlan_pop(struct xlate *x);	  // nothing when there is none
void xlate_vlan_push(struct xlate *x, uint16_t tpid_be, uint16_t tci);
void xlate_vlan_set_vid(struct xlate *x, uint16_t vid); // adds a tag when there is none

struct eth_addr xlate_eth_src(struct xlate *x);
struct eth_addr xlate_eth_dst(struct xlate *x);

// The NORMAL action: a learning, VLAN-aware bridge (IEEE 802.1Q).
void xlate_normal(struct xlate *x);

// Always-needed bits, before the walk; and after it, no bits of headers that the packet does not
// have.
void xlate_mask_init(struct flow_key *mask, const struct flow_key *key);
void xlate_mask_finish(struct flow_key *mask, const struct flow_key *key);

#endif
