// Port kind "memif": packets by memory shared with another process.
#include "datapath/port.h"
#include "memif/memif_link.h"
#include "vhost/socket_path.h"

#include <errno.h>
#include <rte_bitops.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

static int secret_set(struct memif_link *link, const char *secret, char *err, size_t err_len)
{
	if (secret && strlen(secret) >= sizeof(link->secret)) {
		snprintf(err, err_len, "secret= is too long: use 1 to %zu bytes",
			 sizeof(link->secret) - 1);
		return -EINVAL;
	}
	memcpy(link->secret, secret ? secret : "", secret ? strlen(secret) : 0);
	return 0;
}

static int layout_set(struct memif_link *link, const struct port_config *config, char *err,
		      size_t err_len)
{
	unsigned queues = port_option_number(config, "queues");
	link->layout =
	    (struct memif_layout){.n_s2m = queues,
				  .n_m2s = queues,
				  .log2_size = rte_bsf32(port_option_number(config, "ring")),
				  .buffer_bytes = port_option_number(config, "buffer")};
	if (link->server || memif_layout_bytes(&link->layout) <= MEMIF_LINK_BYTES_MAX)
		return 0;
	snprintf(err, err_len,
		 "ring= times buffer= times 2 queues= is more than %llu MB: give smaller ones",
		 MEMIF_LINK_BYTES_MAX >> 20);
	return -EINVAL;
}

static void mac_set(struct memif_link *link, const char *mac)
{
	struct rte_ether_addr address;
	if (!mac || rte_ether_unformat_addr(mac, &address) != 0)
		rte_eth_random_addr(address.addr_bytes);
	memcpy(link->mac, address.addr_bytes, sizeof(link->mac));
}

static int options_parse(struct memif_link *link, const struct port_config *config, char *err,
			 size_t err_len)
{
	const char *path = port_option(config, "path");
	int rc = socket_path_check(path, err, err_len);
	link->server = port_option_is(config, "role", "server");
	if (rc == 0 && !link->server)
		rc = socket_path_check_peer(path, err, err_len);
	if (rc == 0)
		rc = port_socket_check(config, link->server, err, err_len);
	if (rc < 0)
		return rc;
	snprintf(link->path, sizeof(link->path), "%s", path);
	link->id = port_option_number(config, "id");
	mac_set(link, port_option(config, "mac"));
	rc = secret_set(link, port_option(config, "secret"), err, err_len);
	return rc < 0 ? rc : layout_set(link, config, err, err_len);
}

// What the client's ring can hold of one frame.
static uint32_t max_frame(const struct memif_link *link)
{
	uint64_t bytes = (uint64_t)link->layout.buffer_bytes << link->layout.log2_size;
	return link->server ? FRAME_MAX : (uint32_t)RTE_MIN(bytes, (uint64_t)FRAME_MAX);
}

static int memif_open(struct port *port, const struct port_config *config, char *err,
		      size_t err_len)
{
	struct memif_link *link = rte_zmalloc("memif-link", sizeof(*link), RTE_CACHE_LINE_SIZE);
	if (!link) {
		snprintf(err, err_len, "out of hugepage memory: start swd with a larger --mem");
		return -ENOMEM;
	}
	link->port = port;
	int rc = options_parse(link, config, err, err_len);
	if (rc == 0) {
		port->priv = link;
		port->n_rxq = port->n_txq = (uint16_t)link->layout.n_s2m;
		port->max_frame = max_frame(link);
		rc = memif_link_open(link, err, err_len);
	}
	if (rc < 0)
		rte_free(link);
	return rc;
}

static void memif_close(struct port *port)
{
	memif_link_close(port->priv);
	rte_free(port->priv);
}

static struct memif_wire *wire_of(const struct port *port)
{
	const struct memif_link *link = port->priv;
	return __atomic_load_n(&link->wire, __ATOMIC_ACQUIRE);
}

static uint16_t memif_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			 struct rte_mbuf **pkts, uint16_t n)
{
	struct memif_wire *wire = wire_of(port);

	(void)arena;
	if (unlikely(!wire || queue >= wire->n_rx))
		return 0;
	return memif_ring_rx(&wire->rx[queue], pkts, n);
}

static uint16_t memif_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			 int *reason)
{
	struct memif_wire *wire = wire_of(port);
	struct memif_ring *ring;
	uint16_t sent;
	bool shared;

	if (unlikely(!wire)) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	ring = &wire->tx[wire->n_tx > 1 ? pmd_index % wire->n_tx : 0];
	shared = __atomic_load_n(&ports_n_senders, __ATOMIC_RELAXED) > wire->n_tx;
	if (shared)
		rte_spinlock_lock(&ring->lock);
	sent = memif_ring_tx(ring, pkts, n);
	if (shared)
		rte_spinlock_unlock(&ring->lock);
	packet_free_bulk(pkts, sent); // they are copied
	if (unlikely(sent < n))
		*reason = ring->fault ? DROP_PORT_DOWN : DROP_TX_FULL;
	return sent;
}

static void memif_status(struct port *port, struct port_status *status)
{
	const struct memif_link *link = port->priv;
	const struct memif_wire *wire = link->wire;
	memset(status, 0, sizeof(*status));
	status->link_up = wire != NULL;
	snprintf(status->reason, sizeof(status->reason), "%s", link->reason);
	snprintf(status->detail, sizeof(status->detail), "%s %s id %u",
		 link->server ? "server" : "client", link->path, link->id);
	status->n_rxq = (uint16_t)(wire ? wire->n_rx : 0);
	status->n_txq = (uint16_t)(wire ? wire->n_tx : 0);
	memcpy(status->mac, link->mac, sizeof(status->mac));
}

static void memif_losses(struct port *port, uint64_t *drops)
{
	const struct memif_link *link = port->priv;
	drops[DROP_MALFORMED] += link->n_malformed;
	if (link->wire)
		drops[DROP_MALFORMED] += memif_wire_malformed(link->wire);
}

const struct port_kind port_kind_memif = {
    .name = "memif",
    .open = memif_open,
    .close = memif_close,
    .rx = memif_rx,
    .tx_copies = true,
    .tx = memif_tx,
    .status = memif_status,
    .losses = memif_losses,
};
