// The vport family: ports.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "ctl/log.h"
#include "datapath/pmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool put_pids(struct nlmsghdr *nlh, size_t room, const struct vport *vport)
{
	if (vport->n_pids == 0)
		return mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_UPCALL_PID, 0);
	return mnl_attr_put_check(nlh, room, OVS_VPORT_ATTR_UPCALL_PID,
				  vport->n_pids * sizeof(vport->pids[0]), vport->pids);
}

static bool put_vport(struct nlmsghdr *nlh, size_t room, const struct vport *vport,
		      const struct port *port)
{
	return mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_PORT_NO, port->no) &&
	       mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_TYPE, vport->type) &&
	       mnl_attr_put_strz_check(nlh, room, OVS_VPORT_ATTR_NAME, port->config.name) &&
	       put_pids(nlh, room, vport);
}

bool vport_fill(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	struct port *port = arg;
	struct port_counters counters;
	struct port_status status;
	memset(&status, 0, sizeof(status));
	port->kind->status(port, &status);
	pmd_pool_port_counters(port->no, &counters);
	struct ovs_vport_stats stats = stats_of(&counters);
	if (!put_vport(nlh, room, &server->vports[port->no], port) ||
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

static struct port *port_by_name(struct request *rq, const struct nlattr *attr, int *err)
{
	char name[PORT_NAME_MAX];
	*err = request_text(rq, attr, "NAME", name, sizeof(name));
	if (*err != 0)
		return NULL;
	struct port *port = port_find(name);
	if (port != NULL && (rq->any_dp || datapath_has_port(rq->dp, port->no)))
		return port;
	*err = request_fail(rq, attr, -ENODEV, "no port is named \"%s\"", name);
	return NULL;
}

static struct port *port_by_no(struct request *rq, const struct nlattr *attr, int *err)
{
	uint32_t no = 0;
	*err = request_u32(rq, attr, "PORT_NO", &no);
	if (*err != 0)
		return NULL;
	struct port *port = port_get(no);
	if (port != NULL && datapath_has_port(rq->dp, no))
		return port;
	*err = request_fail(rq, attr, -ENODEV, "no port has number %u", no);
	return NULL;
}

// The port that NAME or PORT_NO says; its datapath is the request's then. NULL
// with *err on failure.
static struct port *port_of(struct request *rq, const struct nlattr **attrs, int *err)
{
	struct port *port = NULL;
	*err = dp_msg_parse(rq->nlh, attrs, OVS_VPORT_ATTR_MAX, &rq->error);
	if (*err != 0)
		return NULL;
	if (attrs[OVS_VPORT_ATTR_NAME] != NULL)
		port = port_by_name(rq, attrs[OVS_VPORT_ATTR_NAME], err);
	else if (attrs[OVS_VPORT_ATTR_PORT_NO] != NULL)
		port = port_by_no(rq, attrs[OVS_VPORT_ATTR_PORT_NO], err);
	else
		*err = request_fail(rq, NULL, -EINVAL, "neither NAME nor PORT_NO says which port");
	if (port != NULL)
		rq->dp = datapath_of_port(port->no);
	return port;
}

void vport_del(struct server *server, struct port *port)
{
	struct vport *vport = &server->vports[port->no];
	pmd_pool_del_port(port);
	port_log_info(port, "removed");
	datapath_of_port(port->no)->n_ports--;
	free(vport->pids);
	*vport = (struct vport){.n_pids = 0};
	port_del(port);
}

int server_vport_del(struct request *rq)
{
	const struct nlattr *attrs[OVS_VPORT_ATTR_MAX + 1];
	int err;
	struct port *port = port_of(rq, attrs, &err);
	if (port == NULL)
		return err;
	events_tell(rq, port, OVS_VPORT_CMD_DEL);
	if (rq->nlh->nlmsg_flags & NLM_F_ECHO)
		err = request_answer(rq, OVS_VPORT_CMD_DEL, vport_fill, port);
	vport_del(rq->server, port);
	return err;
}

int server_vport_get(struct request *rq)
{
	const struct nlattr *attrs[OVS_VPORT_ATTR_MAX + 1];
	int err;
	struct port *port = port_of(rq, attrs, &err);
	return port == NULL ? err : request_answer(rq, OVS_VPORT_CMD_NEW, vport_fill, port);
}

int vport_pids_check(struct request *rq, const struct nlattr *pids)
{
	if (pids == NULL || dp_attr_len(pids) % sizeof(uint32_t) == 0)
		return 0;
	return request_fail(rq, pids, -EINVAL, "UPCALL_PID has %u bytes: a multiple of 4 is right",
			    dp_attr_len(pids));
}

int vport_pids_set(struct request *rq, uint32_t no, const struct nlattr *pids)
{
	struct vport *vport = &rq->server->vports[no];
	const uint32_t *list = pids != NULL ? dp_attr_payload(pids) : NULL;
	unsigned n = pids != NULL ? dp_attr_len(pids) / sizeof(uint32_t) : 0;
	if (pids == NULL)
		return 0;
	n = RTE_MIN(n, (unsigned)PMDS_MAX); // others would never be chosen
	if (n == 1 && list[0] == 0)
		n = 0; // no upcalls
	uint32_t *copy = n > 0 ? malloc(n * sizeof(copy[0])) : NULL;
	if (n > 0 && copy == NULL)
		return request_fail(rq, pids, -ENOMEM, "no memory for %u pids", n);
	if (n > 0)
		memcpy(copy, list, n * sizeof(copy[0]));
	free(vport->pids);
	vport->pids = copy;
	vport->n_pids = n;
	upcalls_refresh(rq->server);
	return 0;
}

// Only whom its upcalls go to can be changed: a type that is the port's is let pass.
int server_vport_set(struct request *rq)
{
	const struct nlattr *attrs[OVS_VPORT_ATTR_MAX + 1];
	int rc;
	struct port *port = port_of(rq, attrs, &rc);
	if (port == NULL)
		return rc;
	uint32_t type = rq->server->vports[port->no].type;
	rc = request_u32(rq, attrs[OVS_VPORT_ATTR_TYPE], "TYPE", &type);
	if (rc == 0 && type != rq->server->vports[port->no].type)
		rc = request_fail(rq, attrs[OVS_VPORT_ATTR_TYPE], -EINVAL,
				  "a port's TYPE cannot be changed");
	if (rc == 0)
		rc = vport_pids_check(rq, attrs[OVS_VPORT_ATTR_UPCALL_PID]);
	if (rc == 0)
		rc = vport_pids_set(rq, port->no, attrs[OVS_VPORT_ATTR_UPCALL_PID]);
	if (rc < 0)
		return rc;
	events_tell(rq, port, OVS_VPORT_CMD_SET);
	return request_answer(rq, OVS_VPORT_CMD_NEW, vport_fill, port);
}

int server_vport_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	const struct datapath *dp = datapath_by_ifindex(c->dump_dp);
	uint32_t next = *cursor;
	struct port *port;
	do {
		port = dp != NULL ? port_next(&next) : NULL;
		if (port == NULL)
			return 0;
	} while (datapath_slots[port->no] != dp->slot);
	if (!vport_fill(c->server, nlh, room, port))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}

int request_in_port(struct request *rq, const struct nlattr *key, uint32_t *in_port)
{
	if (*in_port == 0)
		*in_port = rq->dp->none_no;
	if (!datapath_number_is_anothers(rq->dp, *in_port))
		return 0;
	return request_fail(rq, key, -EINVAL, "IN_PORT %u is a port of another datapath", *in_port);
}
