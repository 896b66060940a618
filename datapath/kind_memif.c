// Port kind "memif": packets by memory shared with another process, as VPP, DPDK and libmemif do.
#include "datapath/ethdev_kind.h"
#include "datapath/unix_peer.h"
#include "vhost/socket_path.h"

#include <rte_bitops.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SECRET_MAX 23u // bytes, of 24 in the protocol's message

static bool is_server(const struct port *port)
{
	return port_option_is(&port->config, "role", "server");
}

static int check_secret(const struct port *port, char *err, size_t err_len)
{
	const char *secret = port_option(&port->config, "secret");
	size_t len = secret ? strlen(secret) : 0;
	if (len <= SECRET_MAX && (!secret || strcspn(secret, ",\"[]=") == len))
		return 0;
	snprintf(err, err_len,
		 "secret= does not do: use 1 to %u bytes without commas, quotes, brackets and =",
		 SECRET_MAX);
	return -EINVAL;
}

// One socket may serve several ports of ours, of one role and with an id each.
static int check_id(const struct port *port, char *err, size_t err_len)
{
	const char *path = port_option(&port->config, "path");
	uint32_t cursor = 0;
	for (struct port *other; (other = port_next(&cursor)) != NULL;) {
		if (other == port || other->kind != port->kind ||
		    strcmp(port_option(&other->config, "path"), path) != 0)
			continue;
		if (is_server(other) != is_server(port)) {
			snprintf(err, err_len,
				 "path=%.100s: port \"%s\" has the other role there: two ports of "
				 "one switch are joined by type=ring",
				 path, other->config.name);
			return -EEXIST;
		}
		if (port_option_number(&other->config, "id") ==
		    port_option_number(&port->config, "id")) {
			snprintf(err, err_len,
				 "id=%u of path=%.100s belongs to port \"%s\": give another id=",
				 port_option_number(&port->config, "id"), path, other->config.name);
			return -EEXIST;
		}
	}
	return 0;
}

// Whether another port of ours listens at the path.
static bool is_ours(const struct port *port, const char *path)
{
	uint32_t cursor = 0;
	for (struct port *other; (other = port_next(&cursor)) != NULL;) {
		if (other != port && other->kind == port->kind && is_server(other) &&
		    strcmp(port_option(&other->config, "path"), path) == 0)
			return true;
	}
	return false;
}

static int check_socket(const struct port *port, const char *path, char *err, size_t err_len)
{
	int rc = unix_peer_check_path(path, err, err_len);
	if (rc < 0)
		return rc;
	if (!is_server(port))
		return unix_peer_listens(path, SOCK_SEQPACKET, err, err_len);
	return is_ours(port, path) ? 0 : socket_path_claim(path, err, err_len);
}

static int memif_prepare(const struct port *port, char *err, size_t err_len)
{
	int rc = check_secret(port, err, err_len);
	if (rc == 0)
		rc = check_id(port, err, err_len);
	return rc < 0 ? rc : check_socket(port, port_option(&port->config, "path"), err, err_len);
}

static void memif_devargs(const struct port *port, char *devargs, size_t len)
{
	const struct port_config *config = &port->config;
	const char *path = port_option(config, "path"), *secret = port_option(config, "secret");
	const char *mac = port_option(config, "mac");
	bool copies = is_server(port) || !port_option_is(config, "zero-copy", "on");
	snprintf(devargs, len,
		 "net_memif_swd%u,role=%s,id=%u,socket=%s,socket-abstract=no,rsize=%u,bsize=%u,"
		 "zero-copy=%s%s%s%s%s",
		 port->no, port_option(config, "role"), port_option_number(config, "id"), path,
		 rte_bsf32(port_option_number(config, "ring")),
		 port_option_number(config, "buffer"), copies ? "no" : "yes", mac ? ",mac=" : "",
		 mac ? mac : "", secret ? ",secret=" : "", secret ? secret : "");
}

static void memif_down_reason(const struct port *port, uint16_t ethdev, char *reason, size_t len)
{
	(void)ethdev;
	const char *path = port_option(&port->config, "path");
	if (is_server(port))
		snprintf(reason, len, "no peer has connected to %.100s with id %u", path,
			 port_option_number(&port->config, "id"));
	else
		snprintf(reason, len, "the peer at %.100s has not agreed, or has gone", path);
}

// A server's peers come and go at one and the same device.
static bool memif_waits(const struct port *port)
{
	return !is_server(port);
}

static const struct ethdev_kind memif = {.prepare = memif_prepare,
					 .devargs = memif_devargs,
					 .down_reason = memif_down_reason,
					 .txq_as_rxq = true,
					 .waits = memif_waits};
const struct port_kind port_kind_memif = ETHDEV_PORT_KIND("memif", &memif);
