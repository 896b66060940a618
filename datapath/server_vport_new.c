// The vport family: new ports.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "datapath/vport_types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int request_text(struct request *rq, const struct nlattr *attr, const char *name, char *out,
		 size_t out_len)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const char *text = mnl_attr_get_payload(attr);
	if (len > 0 && text[len - 1] == '\0')
		len--;
	if (len == 0 || len >= out_len || memchr(text, '\0', len) != NULL)
		return request_fail(rq, attr, -EINVAL, "%s is no text of 1 to %zu bytes", name,
				    out_len - 1);
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

static int option_get(struct request *rq, const struct nlattr *attr, struct port_config *config)
{
	static const unsigned max = sizeof(config->options) / sizeof(config->options[0]);
	char text[sizeof(struct port_option)];
	int rc = request_text(rq, attr, "OPTION", text, sizeof(text));
	if (rc < 0)
		return rc;
	if (config->n_options == max)
		return request_fail(rq, attr, -E2BIG, "more than %u options", max);
	struct port_option *option = &config->options[config->n_options];
	char *equals = strchr(text, '=');
	if (equals == NULL || equals == text)
		return request_fail(rq, attr, -EINVAL, "option \"%.80s\" is not KEY=VALUE", text);
	*equals = '\0';
	if (strlen(text) >= sizeof(option->key) || strlen(equals + 1) >= sizeof(option->value))
		return request_fail(rq, attr, -EINVAL, "option \"%.40s\" is too long", text);
	snprintf(option->key, sizeof(option->key), "%s", text);
	snprintf(option->value, sizeof(option->value), "%s", equals + 1);
	config->n_options++;
	return 0;
}

static int options_get(struct request *rq, const struct nlattr *nest, struct port_config *config)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	dp_attr_iter_nest(&it, nest);
	while ((rc = dp_attr_next(&it, &attr, &rq->error)) > 0) {
		if (mnl_attr_get_type(attr) == SWD_VPORT_ATTR_KIND)
			rc = request_text(rq, attr, "KIND", config->kind, sizeof(config->kind));
		else if (mnl_attr_get_type(attr) == SWD_VPORT_ATTR_OPTION)
			rc = option_get(rq, attr, config);
		if (rc < 0)
			return rc;
	}
	if (rc == 0 && config->kind[0] == '\0')
		rc = request_fail(rq, nest, -EINVAL, "KIND is missing in OPTIONS");
	return rc;
}

int request_u32(struct request *rq, const struct nlattr *attr, const char *name, uint32_t *out)
{
	if (attr == NULL)
		return 0;
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return request_fail(rq, attr, -EINVAL, "%s has %u bytes where 4 are right", name,
				    mnl_attr_get_payload_len(attr));
	*out = mnl_attr_get_u32(attr);
	return 0;
}

struct new_request {
	struct port_config config;
	uint32_t no, type;
	unsigned tunnel_options; // TUNNEL_*_*
	const struct nlattr *options, *pids;
};

static int vxlan_extensions_get(struct request *rq, const struct nlattr *nest, unsigned *options)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	dp_attr_iter_nest(&it, nest);
	while ((rc = dp_attr_next(&it, &attr, &rq->error)) > 0) {
		if (dp_attr_type(attr) == OVS_VXLAN_EXT_GBP)
			*options |= TUNNEL_VXLAN_GBP;
		if (dp_attr_type(attr) == DP_VXLAN_EXT_GPE)
			*options |= TUNNEL_VXLAN_GPE;
	}
	return rc;
}

// All but this is the control side's business, which builds the headers.
static int tunnel_options_get(struct request *rq, const struct new_request *new, unsigned *options)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	if (vport_type_tunnel(new->type) != TUNNEL_VXLAN || new->options == NULL)
		return 0;
	dp_attr_iter_nest(&it, new->options);
	while ((rc = dp_attr_next(&it, &attr, &rq->error)) > 0) {
		if (dp_attr_type(attr) == OVS_TUNNEL_ATTR_EXTENSION)
			rc = vxlan_extensions_get(rq, attr, options);
		if (rc < 0)
			return rc;
	}
	return rc;
}

// Our own kinds have OPTIONS; the kernel's types say with theirs what nobody needs here.
static int config_of(struct request *rq, struct new_request *new)
{
	const char *kind = vport_type_kind(new->type);
	if (kind == NULL)
		return request_fail(rq, NULL, -EOPNOTSUPP,
				    "vport type %u is not built: tunnels are vxlan, geneve and gre",
				    new->type);
	if (new->type == OVS_VPORT_TYPE_NETDEV &&new->options != NULL)
		return options_get(rq, new->options, &new->config);
	if (datapath_is_first(rq->dp))
		return request_fail(rq, NULL, -EINVAL, "OPTIONS is missing");
	snprintf(new->config.kind, sizeof(new->config.kind), "%s", kind);
	if (new->type != OVS_VPORT_TYPE_NETDEV)
		return tunnel_options_get(rq, new, &new->tunnel_options);
	snprintf(new->config.options[0].key, sizeof(new->config.options[0].key), "iface");
	snprintf(new->config.options[0].value, sizeof(new->config.options[0].value), "%s",
		 new->config.name);
	new->config.n_options = 1;
	return 0;
}

static int new_parse(struct request *rq, struct new_request *new)
{
	const struct nlattr *attrs[OVS_VPORT_ATTR_MAX + 1];
	int rc = dp_msg_parse(rq->nlh, attrs, OVS_VPORT_ATTR_MAX, &rq->error);
	if (rc == 0)
		rc = request_u32(rq, attrs[OVS_VPORT_ATTR_PORT_NO], "PORT_NO", &new->no);
	if (rc == 0)
		rc = request_u32(rq, attrs[OVS_VPORT_ATTR_TYPE], "TYPE", &new->type);
	if (rc < 0)
		return rc;
	if (new->type != OVS_VPORT_TYPE_NETDEV && datapath_is_first(rq->dp))
		return request_fail(rq, attrs[OVS_VPORT_ATTR_TYPE], -EOPNOTSUPP,
				    "vport type %u is not built: use %d, NETDEV", new->type,
				    OVS_VPORT_TYPE_NETDEV);
	const struct nlattr *name = attrs[OVS_VPORT_ATTR_NAME];
	if (name == NULL)
		return request_fail(rq, NULL, -EINVAL, "NAME is missing");
	new->options = attrs[OVS_VPORT_ATTR_OPTIONS];
	new->pids = attrs[OVS_VPORT_ATTR_UPCALL_PID];
	rc = request_text(rq, name, "NAME", new->config.name, sizeof(new->config.name));
	return rc < 0 ? rc : config_of(rq, new);
}

// A number that no other datapath has had, as flows that name it may still be there. swctld counts
// the numbers of its ports from 1, and keeps them: it may come later.
static uint32_t number_pick(const struct datapath *dp, uint32_t first)
{
	for (unsigned past = 0; past < 2; past++) {
		for (uint32_t no = first; no < PORTS_MAX; no++) {
			bool clean = datapath_slots[no] == dp->slot || datapath_slots[no] == 0;
			if (port_number_is_free(no) && (past || clean))
				return no;
		}
	}
	while (--first > 0 && !port_number_is_free(first))
		; // downwards: swctld comes to these last
	return first;
}

// What the kernel says where port_add() knows one word for both: EBUSY for the number, EEXIST for
// the name.
static int add_error(const struct datapath *dp, uint32_t no, int err)
{
	bool number = no != 0 && !port_number_is_free(no);
	return err == -EEXIST && number && !datapath_is_first(dp) ? -EBUSY : err;
}

static int queues_add(struct request *rq, struct port *port)
{
	pmd_pool_port_counters_reset(port->no);
	int rc = pmd_pool_add_port(port);
	if (rc == 0)
		return 0;
	port_del(port);
	return request_fail(rq, NULL, rc, "no memory for its queues: give swd more with --mem");
}

struct port *vport_add(struct request *rq, uint32_t type, uint32_t no,
		       const struct port_config *config, int *err)
{
	const struct datapath *dp = rq->dp;
	struct port *port = NULL;
	if (no == 0 && !datapath_is_first(dp))
		no = number_pick(dp, rq->server->other_ports_from);
	*err = port_add(no, config, &port, rq->error.text, sizeof(rq->error.text));
	if (*err < 0 || port == NULL) {
		*err = add_error(dp, no, *err);
		return NULL;
	}
	server_flows_forget_port(rq->server, dp, port->no);
	datapath_port_take(dp, port->no);
	rq->server->vports[port->no].type = type;
	*err = queues_add(rq, port);
	if (*err < 0)
		return NULL;
	rq->dp->n_ports++;
	port_log_info(port, "added as number %u (%s)", port->no, config->kind);
	return port;
}

int server_vport_new(struct request *rq)
{
	struct new_request new = {.type = OVS_VPORT_TYPE_NETDEV};
	int rc = new_parse(rq, &new);
	if (rc == 0)
		rc = vport_pids_check(rq, new.pids);
	struct port *port = rc == 0 ? vport_add(rq, new.type, new.no, &new.config, &rc) : NULL;
	if (port == NULL)
		return rc;
	tunnel_port_set(port->no, vport_type_tunnel(new.type), new.tunnel_options);
	rc = vport_pids_set(rq, port->no, new.pids);
	if (rc < 0) {
		vport_del(rq->server, port);
		return rc;
	}
	events_tell(rq, port, OVS_VPORT_CMD_NEW);
	return request_answer(rq, OVS_VPORT_CMD_NEW, vport_fill, port);
}
