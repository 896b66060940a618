#include "ctl/swctld/xlate.h"

#include <string.h>

static bool port_carries(const struct xlate_port *port, uint16_t vlan)
{
	if (port->tag)
		return port->tag == vlan;
	return !port->trunks_set || (port->trunks[vlan / 64] >> vlan % 64 & 1);
}

// The VLAN that a frame belongs to. false: the port does not take it. A frame with VLAN 0 in its
// tag (priority-tagged) counts as untagged.
static bool port_admits(const struct xlate_port *port, uint16_t vid, uint16_t *vlan)
{
	if (port->tag) {
		*vlan = port->tag;
		return vid == 0;
	}
	*vlan = vid;
	return port_carries(port, vid);
}

// IEEE 802.1Q, table 8-1: never forwarded by a bridge.
static bool mac_is_reserved(struct eth_addr mac)
{
	static const uint8_t prefix[] = {0x01, 0x80, 0xc2, 0x00, 0x00};
	return memcmp(mac.b, prefix, sizeof(prefix)) == 0 && (mac.b[5] & 0xf0) == 0;
}

static bool mac_is_multicast(struct eth_addr mac)
{
	return mac.b[0] & 1;
}

static bool sends_tagged(const struct xlate_port *port, uint16_t vlan)
{
	return vlan != 0 && !port->tag;
}

// Sends the frame out with the tag that the port wants; for others it stays as it was.
static void output_in_vlan(struct xlate *x, const struct xlate_port *port, uint16_t vlan)
{
	struct xlate_vlans saved = x->now.vlans;
	if (!sends_tagged(port, vlan))
		xlate_vlan_pop(x);
	else if (xlate_vlan_vid(x) != vlan)
		xlate_vlan_modify(x, vlan, VLAN_VID_MASK);
	xlate_output(x, port->no, 0);
	xlate_vlans_restore(x, &saved);
}

// First the ports that take the frame as it came, so that its tag changes once.
static void flood_in_vlan(struct xlate *x, uint16_t vlan)
{
	bool tagged = xlate_vlan_vid(x) != 0;
	for (unsigned pass = 0; pass < 2; pass++, tagged = !tagged) {
		for (unsigned i = 0; i < x->ctx->n_ports; i++) {
			const struct xlate_port *port = &x->ctx->ports[i];
			if (port->no != x->now.key.pkt.in_port && port_carries(port, vlan) &&
			    sends_tagged(port, vlan) == tagged)
				output_in_vlan(x, port, vlan);
		}
	}
}

static void learn(struct xlate *x, struct eth_addr src, uint16_t vlan)
{
	struct xlate_result *result = x->result;
	result->used_normal = result->on.macs = true;
	result->normal_vlan = vlan;
	result->normal_mac = src;
	if (x->ctx->learn &&
	    fdb_learn(x->ctx->fdb, src, vlan, x->now.key.pkt.in_port, x->ctx->now_ms))
		result->fdb_changed = true;
}

void xlate_normal(struct xlate *x)
{
	const struct xlate_port *in = xlate_port_find(x->ctx, x->now.key.pkt.in_port), *out;
	struct eth_addr src = xlate_eth_src(x), dst = xlate_eth_dst(x);
	uint16_t vlan;
	if (!in || mac_is_reserved(dst) || !port_admits(in, xlate_vlan_vid(x), &vlan))
		return;
	learn(x, src, vlan);
	uint32_t known = mac_is_multicast(dst) ? 0 : fdb_lookup(x->ctx->fdb, dst, vlan);
	out = known ? xlate_port_find(x->ctx, known) : NULL;
	if (!out || !port_carries(out, vlan))
		flood_in_vlan(x, vlan);
	else if (out != in)
		output_in_vlan(x, out, vlan);
}
