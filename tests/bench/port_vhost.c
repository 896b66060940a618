// Port kinds "vhost" and "vhost-listen": a guest with a virtio-net device. "bare" is the same
// without a switch at the socket's other end, for the self-test.
#include "tests/bench/port_vhost.h"

#include "tests/bench/vhost_user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFERS_MAX (PIECES_MAX - 8) // of a frame; leaves room for others in a burst

static uint64_t virtio_features(unsigned features)
{
	static const struct {
		unsigned feature;
		uint64_t bits;
	} rows[] = {
	    {FEATURE_MRG, 1ull << VIRTIO_NET_F_MRG_RXBUF},
	    {FEATURE_PACKED, 1ull << VIRTIO_F_RING_PACKED},
	    {FEATURE_INORDER, 1ull << VIRTIO_F_IN_ORDER},
	    {FEATURE_EVENT, 1ull << VIRTIO_RING_F_EVENT_IDX},
	    {FEATURE_INDIRECT, 1ull << VIRTIO_RING_F_INDIRECT_DESC},
	    {FEATURE_CSUM, 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM},
	    {FEATURE_TSO, 1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO4},
	};
	uint64_t bits = 0;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bits |= features & rows[i].feature ? rows[i].bits : 0;
	return bits;
}

static uint32_t chain_of(const struct port_config *config, uint32_t longest)
{
	if (config->tx_layout == TX_LAYOUT_ONE)
		return 1;
	if (config->tx_layout == TX_LAYOUT_TWO)
		return 2;
	return (longest + config->tx_layout - 1) / config->tx_layout;
}

static int layout_check(const struct ring_config *c, char *err, size_t err_len)
{
	if (c->chain > CHAIN_MAX || c->size / c->chain < 2) {
		snprintf(err, err_len,
			 "a frame of %u descriptors does not do with a ring of %u: use a larger "
			 "--tx-layout or --ring",
			 c->chain, c->size);
		return -EINVAL;
	}
	if (c->longest > c->buffer * (c->mergeable ? BUFFERS_MAX : 1)) {
		snprintf(err, err_len, "frames of %u bytes do not fit: use a larger --rx-buffer",
			 c->longest - VNET_HDR_LEN);
		return -EINVAL;
	}
	return 0;
}

static int rings_create(struct port *port, struct vhost_port *v, const struct ring_config *c,
			const struct frame_spec *spec)
{
	const struct ring_ops *ops = v->packed ? &ring_packed : &ring_split;
	struct ring_config rx = *c;
	uint32_t n = frame_pool_count(spec, c->size / c->chain);
	rx.chain = 1;
	size_t bytes = ring_bytes(c, true) + ring_bytes(&rx, false) + frame_pool_bytes(spec, n);
	int rc = guest_memory_create(&port->mem, bytes);
	if (rc == 0)
		rc = ring_create(&v->rx, ops, &rx, false, &port->mem);
	if (rc == 0)
		rc = ring_create(&v->tx, ops, c, true, &port->mem);
	return rc < 0 ? rc : frame_pool_create(&port->pool, spec, n, &port->mem);
}

static int open_rings(struct port *port, const struct port_config *config,
		      const struct frame_spec *spec, char *err, size_t err_len)
{
	uint32_t longest = VNET_HDR_LEN + frame_spec_max(spec);
	struct ring_config c = {.size = config->ring,
				.chain = chain_of(config, longest),
				.cut = config->tx_layout,
				.in_order = config->features & FEATURE_INORDER,
				.event_idx = config->features & FEATURE_EVENT,
				.indirect = config->features & FEATURE_INDIRECT,
				.mergeable = config->features & FEATURE_MRG,
				.buffer = config->rx_buffer,
				.longest = longest,
				.stamp = config->latency ? (longest + 127ul) & ~127ul : 0};
	int rc = layout_check(&c, err, err_len);
	if (rc < 0)
		return rc;
	struct vhost_port *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	port->priv = v;
	v->sock = -1;
	v->listener = -1;
	v->packed = config->features & FEATURE_PACKED;
	v->features = virtio_features(config->features);
	rc = rings_create(port, v, &c, spec);
	if (rc < 0)
		snprintf(err, err_len, "no memory for a guest of %zu MB: use fewer --flows",
			 port->mem.size >> 20);
	return rc;
}

static int open_listening(struct port *port, const struct port_config *config,
			  const struct frame_spec *spec, char *err, size_t err_len)
{
	int rc = open_rings(port, config, spec, err, err_len);
	if (rc < 0)
		return rc;
	struct vhost_port *v = port->priv;
	return vhost_user_listen(port->target, &v->listener, err, err_len);
}

static int start(struct port *port, const struct port_config *config, char *err, size_t err_len)
{
	struct vhost_port *v = port->priv;
	int rc = v->listener < 0
		     ? vhost_user_connect(port->target, config->timeout_s, &v->sock, err, err_len)
		     : vhost_user_accept(v->listener, config->timeout_s, &v->sock, err, err_len);
	if (rc < 0)
		return rc;
	return vhost_user_start(v->sock, v->features, &port->mem, &v->rx, &v->tx, err, err_len);
}

static uint32_t tx(struct port *port, uint64_t now)
{
	struct vhost_port *v = port->priv;
	return v->tx.ops->tx(&v->tx, port, now);
}

static uint32_t rx(struct port *port)
{
	struct vhost_port *v = port->priv;
	return v->rx.ops->rx(&v->rx, port);
}

static bool alive(const struct port *port)
{
	const struct vhost_port *v = port->priv;
	return v->sock < 0 || vhost_user_alive(v->sock);
}

static void close_rings(struct port *port)
{
	struct vhost_port *v = port->priv;
	if (!v)
		return;
	if (v->sock >= 0)
		close(v->sock);
	if (v->listener >= 0) {
		close(v->listener);
		unlink(port->target);
	}
	ring_destroy(&v->rx);
	ring_destroy(&v->tx);
	frame_pool_destroy(&port->pool);
	guest_memory_destroy(&port->mem);
	free(v);
	port->priv = NULL;
}

const struct port_kind port_vhost = {"vhost", open_rings, start, tx, rx, alive, close_rings};
const struct port_kind port_vhost_listen = {"vhost-listen", open_listening, start, tx, rx,
					    alive,	    close_rings};
const struct port_kind port_bare = {"bare", open_rings, NULL, tx, rx, alive, close_rings};
