// port.add, port.del, port.list
#include "ctl/port_kinds.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_sync.h"
#include "ctl/swctld/gone.h"
#include "ctl/swctld/pmd_settings.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rpc.h"

#include <errno.h>
#include <stdio.h>

static const char *param(const json_t *params, const char *name)
{
	return json_string_value(json_object_get(params, name));
}

// swd's refusal is the reply, and nothing is stored. While swd is away a port is stored, to be
// there when swd comes: a host may start its daemons and run its set-up scripts in any order.
static int offer_to_swd(struct swctld *d, struct port *port, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	if (!calls)
		return 0;
	if (datapath_check(d->datapath, dp_call_port_add(calls, port, text)) < 0)
		return rpc_refuse(reply, "port %s: %s", port->name, text);
	port->installed = true;
	return 0;
}

// Link and queues as swd has them; without this they would be unknown until the next look.
static void look_at_ports(struct swctld *d)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	if (calls)
		datapath_check(d->datapath, dp_sync_ports(d, calls, text));
}

int method_port_add(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[700];
	struct port *port = port_make(d->ports, param(params, "name"), param(params, "kind"),
				      json_object_get(params, "options"), text, sizeof(text));
	if (!port)
		return rpc_refuse(reply, "%s", text);
	if (offer_to_swd(d, port, reply) < 0) {
		port_free(port);
		return -1;
	}
	int err = ports_add(d->ports, port);
	if (err) {
		struct dp_client *calls = datapath_calls(d->datapath);
		if (calls && port->installed)
			datapath_check(d->datapath, dp_call_port_del(calls, port->no, text));
		port_free(port);
		return rpc_refuse(reply, "%s", err == -ENOMEM ? "out of memory" : db_error(d->db));
	}
	revalidate_all(d->revalidator);
	revalidate_now(d->revalidator);
	reply->result = json_pack("{s:s, s:i}", "name", port->name, "number", (int)port->no);
	if (!port->installed)
		json_object_set_new(reply->result, "away", json_true());
	look_at_ports(d);
	return 0;
}

int method_port_del(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	const char *name = param(params, "name");
	struct port *port = ports_by_name(d->ports, name);
	if (!port)
		return rpc_refuse(reply, "port %.80s: no such port; list-ports shows them", name);
	uint32_t no = port->no;
	if (ports_del(d->ports, port) < 0)
		return rpc_refuse(reply, "%s", db_error(d->db));
	if (fdb_forget_port(d->fdb, no))
		revalidate_macs_changed(d->revalidator);
	revalidate_all(d->revalidator);
	revalidate_now(d->revalidator);
	struct dp_client *calls = datapath_calls(d->datapath);
	// If swd does not remove it now, the next look at its ports will.
	if (calls)
		datapath_check(d->datapath, dp_call_port_del(calls, no, text));
	pmd_settings_forget_port(d, name);
	reply->result = json_pack("{s:s, s:i, s:I, s:I}", "name", name, "number", (int)no, "rules",
				  (json_int_t)gone_count_rules(d, no), "groups",
				  (json_int_t)gone_count_groups(d, no));
	return 0;
}

static json_t *trunks_json(const struct xlate_port *port)
{
	json_t *list = json_array();
	for (int vid = 0; vid < 4096; vid++) {
		if (port->trunks[vid / 64] >> (vid % 64) & 1)
			json_array_append_new(list, json_integer(vid));
	}
	return list;
}

static json_t *mac_json(const struct eth_addr *mac)
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac->b[0], mac->b[1], mac->b[2],
			    mac->b[3], mac->b[4], mac->b[5]);
}

// As they were written, without secrets.
static json_t *options_json(const struct port *port)
{
	char err[8];
	const struct port_kind_spec *kind = port_kind_spec_find(port->kind, err, sizeof(err));
	json_t *shown = json_copy(port->device_options);
	for (const struct port_option_spec *o = kind ? kind->options : NULL; o && o->key; o++) {
		if (o->type == PORT_OPTION_SECRET && json_object_get(shown, o->key))
			json_object_set_new(shown, o->key, json_string("***"));
	}
	return shown;
}

static json_t *port_json(const struct port *port, const char *away)
{
	const struct port_state *s = &port->state;
	bool here = !away && port->installed;
	const char *link = away ? "unknown" : here && s->up ? "up" : "down";
	json_t *json =
	    json_pack("{s:i, s:s, s:s, s:o, s:s, s:o, s:o, s:i, s:i}", "number", (int)port->no,
		      "name", port->name, "kind", port->kind, "options", options_json(port), "link",
		      link, "reason", rpc_text(away ? away : s->reason), "detail",
		      rpc_text(here ? s->detail : ""), "rx_queues", here ? s->n_rxq : 0,
		      "tx_queues", here ? s->n_txq : 0);
	if (here && s->mtu)
		json_object_set_new(json, "mtu", json_integer(s->mtu));
	if (here && s->has_mac)
		json_object_set_new(json, "mac", mac_json(&s->mac));
	if (port->xlate.tag)
		json_object_set_new(json, "tag", json_integer(port->xlate.tag));
	if (port->xlate.trunks_set)
		json_object_set_new(json, "trunks", trunks_json(&port->xlate));
	return json;
}

int method_port_list(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	(void)params;
	json_t *list = json_array();
	look_at_ports(d);
	const char *away = datapath_calls(d->datapath) ? NULL : datapath_away(d->datapath);
	for (struct port *p = ports_next(d->ports, 0); p; p = ports_next(d->ports, p->no))
		json_array_append_new(list, port_json(p, away));
	reply->result = json_pack("{s:o}", "ports", list);
	return 0;
}
