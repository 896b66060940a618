// The vport family: ports.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "ctl/log.h"
#include "datapath/pmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A string attribute's text, whether or not a zero ends it. -EINVAL when it does not fit, is empty,
// or has a zero inside.
static int text_get(struct request *rq, const struct nlattr *attr, const char *name, char *out,
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
	int rc = text_get(rq, attr, "OPTION", text, sizeof(text));
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
			rc = text_get(rq, attr, "KIND", config->kind, sizeof(config->kind));
		else if (mnl_attr_get_type(attr) == SWD_VPORT_ATTR_OPTION)
			rc = option_get(rq, attr, config);
		if (rc < 0)
			return rc;
	}
	if (rc == 0 && config->kind[0] == '\0')
		rc = request_fail(rq, nest, -EINVAL, "KIND is missing in OPTIONS");
	return rc;
}

static int u32_get(struct request *rq, const struct nlattr *attr, const char *name, uint32_t *out)
{
	if (attr == NULL)
		return 0;
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return request_fail(rq, attr, -EINVAL, "%s has %u bytes where 4 are right", name,
				    mnl_attr_get_payload_len(attr));
	*out = mnl_attr_get_u32(attr);
	return 0;
}

static int new_parse(struct request *rq, struct port_config *config, uint32_t *no)
{
	const struct nlattr *attrs[OVS_VPORT_ATTR_MAX + 1];
	uint32_t type = OVS_VPORT_TYPE_NETDEV;
	int rc = dp_msg_parse(rq->nlh, attrs, OVS_VPORT_ATTR_MAX, &rq->error);
	if (rc == 0)
		rc = u32_get(rq, attrs[OVS_VPORT_ATTR_PORT_NO], "PORT_NO", no);
	if (rc == 0)
		rc = u32_get(rq, attrs[OVS_VPORT_ATTR_TYPE], "TYPE", &type);
	if (rc < 0)
		return rc;
	if (type != OVS_VPORT_TYPE_NETDEV)
		return request_fail(rq, attrs[OVS_VPORT_ATTR_TYPE], -EOPNOTSUPP,
				    "vport type %u is not built: use %d, NETDEV", type,
				    OVS_VPORT_TYPE_NETDEV);
	if (attrs[OVS_VPORT_ATTR_NAME] == NULL || attrs[OVS_VPORT_ATTR_OPTIONS] == NULL)
		return request_fail(rq, NULL, -EINVAL, "%s is missing",
				    attrs[OVS_VPORT_ATTR_NAME] == NULL ? "NAME" : "OPTIONS");
	rc = text_get(rq, attrs[OVS_VPORT_ATTR_NAME], "NAME", config->name, sizeof(config->name));
	return rc < 0 ? rc : options_get(rq, attrs[OVS_VPORT_ATTR_OPTIONS], config);
}

static bool put_drop(struct nlmsghdr *nlh, size_t room, uint16_t type, enum drop_reason reason,
		     uint64_t packets)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, type);
	if (nest == NULL ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_DROP_ATTR_REASON, drop_reason_name(reason)) ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_DROP_ATTR_TEXT, drop_reason_text(reason)) ||
	    !mnl_attr_put_u64_check(nlh, room, SWD_DROP_ATTR_PACKETS, packets))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

bool put_drops(struct nlmsghdr *nlh, size_t room, uint16_t type,
	       const struct port_counters *counters)
{
	for (unsigned i = 0; i < N_DROP_REASONS; i++) {
		if (counters->drops[i] != 0 &&
		    !put_drop(nlh, room, type, (enum drop_reason)i, counters->drops[i]))
			return false;
	}
	return true;
}

static bool put_config(struct nlmsghdr *nlh, size_t room, const struct port_config *config)
{
	char text[sizeof(struct port_option) + 2];
	if (!mnl_attr_put_strz_check(nlh, room, SWD_VPORT_ATTR_KIND, config->kind))
		return false;
	for (unsigned i = 0; i < config->n_options; i++) {
		snprintf(text, sizeof(text), "%s=%s", config->options[i].key,
			 config->options[i].value);
		if (!mnl_attr_put_strz_check(nlh, room, SWD_VPORT_ATTR_OPTION, text))
			return false;
	}
	return true;
}

static bool put_status(struct nlmsghdr *nlh, size_t room, const struct port_status *status)
{
	static const uint8_t no_mac[sizeof(status->mac)];
	if (!mnl_attr_put_u8_check(nlh, room, SWD_VPORT_ATTR_LINK_UP, status->link_up) ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_VPORT_ATTR_REASON, status->reason) ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_VPORT_ATTR_DETAIL, status->detail) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_VPORT_ATTR_N_RXQ, status->n_rxq) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_VPORT_ATTR_N_TXQ, status->n_txq))
		return false;
	if (status->mtu != 0 && !mnl_attr_put_u16_check(nlh, room, SWD_VPORT_ATTR_MTU, status->mtu))
		return false;
	return memcmp(status->mac, no_mac, sizeof(no_mac)) == 0 ||
	       mnl_attr_put_check(nlh, room, SWD_VPORT_ATTR_MAC, sizeof(status->mac), status->mac);
}

static struct ovs_vport_stats stats_of(const struct port_counters *c)
{
	struct ovs_vport_stats stats = {
	    .rx_packets = c->rx_packets,
	    .rx_bytes = c->rx_bytes,
	    .tx_packets = c->tx_packets,
	    .tx_bytes = c->tx_bytes,
	};
	for (unsigned i = 0; i < N_DROP_REASONS; i++)
		*(drop_reason_is_output(i) ? &stats.tx_dropped : &stats.rx_dropped) += c->drops[i];
	return stats;
}

static bool fill_vport(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	struct port *port = arg;
	struct port_counters counters;
	struct port_status status;
	(void)server;
	memset(&status, 0, sizeof(status));
	port->kind->status(port, &status);
	pmd_pool_port_counters(port->no, &counters);
	struct ovs_vport_stats stats = stats_of(&counters);
	if (!mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_PORT_NO, port->no) ||
	    !mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV) ||
	    !mnl_attr_put_strz_check(nlh, room, OVS_VPORT_ATTR_NAME, port->config.name) ||
	    !mnl_attr_put_check(nlh, room, OVS_VPORT_ATTR_STATS, sizeof(stats), &stats))
		return false;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_VPORT_ATTR_OPTIONS);
	if (nest == NULL || !put_config(nlh, room, &port->config) ||
	    !put_status(nlh, room, &status) ||
	    !put_drops(nlh, room, SWD_VPORT_ATTR_DROP, &counters))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

int server_vport_new(struct request *rq)
{
	struct port_config config = {.n_options = 0};
	struct port *port;
	uint32_t no = 0;
	int rc = new_parse(rq, &config, &no);
	if (rc < 0)
		return rc;
	rc = port_add(no, &config, &port, rq->error.text, sizeof(rq->error.text));
	if (rc < 0)
		return rc;
	pmd_pool_port_counters_reset(port->no);
	rc = pmd_pool_add_port(port);
	if (rc < 0) {
		port_del(port);
		return request_fail(rq, NULL, rc,
				    "no memory for its queues: give swd more with --mem");
	}
	port_log_info(port, "added as number %u (%s)", port->no, config.kind);
	return request_answer(rq, OVS_VPORT_CMD_NEW, fill_vport, port);
}

static struct port *port_by_name(struct request *rq, const struct nlattr *attr, int *err)
{
	char name[PORT_NAME_MAX];
	*err = text_get(rq, attr, "NAME", name, sizeof(name));
	if (*err != 0)
		return NULL;
	struct port *port = port_find(name);
	if (port == NULL)
		*err = request_fail(rq, attr, -ENODEV, "no port is named \"%s\"", name);
	return port;
}

static struct port *port_by_no(struct request *rq, const struct nlattr *attr, int *err)
{
	uint32_t no = 0;
	*err = u32_get(rq, attr, "PORT_NO", &no);
	if (*err != 0)
		return NULL;
	struct port *port = port_get(no);
	if (port == NULL)
		*err = request_fail(rq, attr, -ENODEV, "no port has number %u", no);
	return port;
}

// The port that NAME or PORT_NO says. NULL with *err on failure.
static struct port *port_of(struct request *rq, int *err)
{
	const struct nlattr *attrs[OVS_VPORT_ATTR_MAX + 1];
	*err = dp_msg_parse(rq->nlh, attrs, OVS_VPORT_ATTR_MAX, &rq->error);
	if (*err != 0)
		return NULL;
	if (attrs[OVS_VPORT_ATTR_NAME] != NULL)
		return port_by_name(rq, attrs[OVS_VPORT_ATTR_NAME], err);
	if (attrs[OVS_VPORT_ATTR_PORT_NO] != NULL)
		return port_by_no(rq, attrs[OVS_VPORT_ATTR_PORT_NO], err);
	*err = request_fail(rq, NULL, -EINVAL, "neither NAME nor PORT_NO says which port");
	return NULL;
}

int server_vport_del(struct request *rq)
{
	int err;
	struct port *port = port_of(rq, &err);
	if (port == NULL)
		return err;
	pmd_pool_del_port(port);
	port_log_info(port, "removed");
	port_del(port);
	return 0;
}

int server_vport_get(struct request *rq)
{
	int err;
	struct port *port = port_of(rq, &err);
	return port == NULL ? err : request_answer(rq, OVS_VPORT_CMD_NEW, fill_vport, port);
}

int server_vport_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	uint32_t next = *cursor;
	struct port *port = port_next(&next);
	if (port == NULL)
		return 0;
	if (!fill_vport(c->server, nlh, room, port))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}
