// Port kinds "tap" and "packet": frames by way of the kernel, for peers that are no vhost-user
// switches. A system call for each frame (tap) or burst (packet) is inherent: no tap has a bulk
// one.
#include "tests/bench/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BUFFER (32 << 20)

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct kernel_port {
	int fd;
	uint8_t *buffers; // BURST of buffer_len each, to receive into
	uint8_t *stamped; // BURST of buffer_len each, for frames with time stamps
	size_t buffer_len;
};

static int fail(char *err, size_t err_len, const char *what, const char *name)
{
	int rc = -errno;
	snprintf(err, err_len, "%s %s: %s", what, name, strerror(-rc));
	return rc;
}

// Sets the interface up, with an MTU for the longest frame; a tap only, the others are not ours.
static int interface_up(const char *name, uint32_t mtu, char *err, size_t err_len)
{
	struct ifreq ifr = {.ifr_mtu = (int)mtu};
	int rc = 0;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return fail(err, err_len, "socket for", name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (mtu > ETHERMTU && ioctl(sock, SIOCSIFMTU, &ifr) < 0) {
		rc = fail(err, err_len, "MTU of tap", name);
		goto out;
	}
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0) {
		rc = fail(err, err_len, "flags of tap", name);
		goto out;
	}
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		rc = fail(err, err_len, "setting up tap", name);
out:
	close(sock);
	return rc;
}

static int kernel_port_create(struct port *port, const struct port_config *config,
			      const struct frame_spec *spec)
{
	struct kernel_port *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	port->priv = k;
	k->fd = -1;
	k->buffer_len = (VNET_HDR_LEN + frame_spec_max(spec) + 127ul) & ~63ul;
	k->buffers = calloc(BURST, k->buffer_len);
	k->stamped = calloc(BURST, k->buffer_len);
	if (!k->buffers || !k->stamped)
		return -ENOMEM;
	uint32_t n = frame_pool_count(spec, config->ring);
	int rc = guest_memory_create(&port->mem, frame_pool_bytes(spec, n));
	return rc < 0 ? rc : frame_pool_create(&port->pool, spec, n, &port->mem);
}

// A tap with the virtio header of vhost-user, so that super-frames go through it too.
static int tap_open(struct port *port, const struct port_config *config,
		    const struct frame_spec *spec, char *err, size_t err_len)
{
	int rc = kernel_port_create(port, config, spec);
	if (rc < 0) {
		snprintf(err, err_len, "out of memory");
		return rc;
	}
	struct kernel_port *k = port->priv;
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int hdr_len = VNET_HDR_LEN;
	unsigned long offload = config->features & FEATURE_TSO	  ? TUN_F_CSUM | TUN_F_TSO4
				: config->features & FEATURE_CSUM ? TUN_F_CSUM
								  : 0;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", port->target);
	k->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (k->fd < 0 || ioctl(k->fd, TUNSETIFF, &ifr) < 0)
		return fail(err, err_len, "making tap", port->target);
	if (ioctl(k->fd, TUNSETVNETHDRSZ, &hdr_len) < 0 || ioctl(k->fd, TUNSETOFFLOAD, offload) < 0)
		return fail(err, err_len, "offloads of tap", port->target);
	uint32_t mtu = spec->kind == FRAMES_FIXED ? spec->size - ETHER_HDR_LEN : ETHERMTU;
	return interface_up(port->target, mtu, err, err_len);
}

static const uint8_t *next_frame(struct port *port, uint32_t i, uint32_t *len)
{
	const struct kernel_port *k = port->priv;
	struct source *s = &port->source;
	uint32_t frame = source_next(s);
	*len = port->pool.refs[frame].len;
	if (!source_stamps(s))
		return frame_pool_hdr(&port->pool, frame);
	uint8_t *hdr = k->stamped + i * k->buffer_len;
	source_stamp(s, frame, hdr);
	return hdr;
}

static uint32_t tap_tx(struct port *port, uint64_t now)
{
	const struct kernel_port *k = port->priv;
	uint32_t n = source_due(&port->source, BURST, now);
	uint32_t i = 0;
	for (; i < n; i++) {
		uint32_t len;
		const uint8_t *hdr = next_frame(port, 0, &len);
		if (write(k->fd, hdr, len) < 0)
			break;
	}
	port->counts.refills += i > 0;
	port->counts.sent += i;
	source_sent(&port->source, i);
	return i;
}

static uint32_t tap_rx(struct port *port)
{
	const struct kernel_port *k = port->priv;
	uint32_t i = 0;
	for (; i < BURST; i++) {
		ssize_t n = read(k->fd, k->buffers, k->buffer_len);
		if (n < VNET_HDR_LEN)
			break;
		checker_look(&port->check, k->buffers, (uint32_t)n, (uint32_t)n - VNET_HDR_LEN);
	}
	port->counts.rx_polls += i > 0;
	return i;
}

static int packet_open(struct port *port, const struct port_config *config,
		       const struct frame_spec *spec, char *err, size_t err_len)
{
	const int on = 1, buffer = SOCKET_BUFFER;
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	if (spec->kind == FRAMES_TSO) {
		snprintf(err, err_len, "a packet port does not do for --size tso: use a tap");
		return -EINVAL;
	}
	int rc = kernel_port_create(port, config, spec);
	if (rc < 0) {
		snprintf(err, err_len, "out of memory");
		return rc;
	}
	struct kernel_port *k = port->priv;
	addr.sll_ifindex = (int)if_nametoindex(port->target);
	if (addr.sll_ifindex == 0)
		return fail(err, err_len, "interface", port->target);
	k->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (k->fd < 0)
		return fail(err, err_len, "packet socket on", port->target);
	if (setsockopt(k->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
	    setsockopt(k->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(k->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
	    bind(k->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fail(err, err_len, "packet socket on", port->target);
	return 0;
}

static uint32_t packet_tx(struct port *port, uint64_t now)
{
	const struct kernel_port *k = port->priv;
	struct mmsghdr msgs[BURST] = {0};
	struct iovec iov[BURST];
	struct source before = port->source;
	uint32_t n = source_due(&port->source, BURST, now);
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len;
		const uint8_t *hdr = next_frame(port, i, &len);
		iov[i].iov_base = (void *)(uintptr_t)(hdr + VNET_HDR_LEN);
		iov[i].iov_len = len - VNET_HDR_LEN;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	int sent = sendmmsg(k->fd, msgs, n, 0);
	if (sent <= 0) { // the queue is full: these frames again, later
		port->source = before;
		return 0;
	}
	port->counts.refills++;
	port->counts.sent += (uint32_t)sent;
	source_sent(&port->source, (uint32_t)sent);
	return (uint32_t)sent;
}

static uint32_t packet_rx(struct port *port)
{
	const struct kernel_port *k = port->priv;
	struct mmsghdr msgs[BURST] = {0};
	struct iovec iov[BURST];
	for (uint32_t i = 0; i < BURST; i++) {
		iov[i].iov_base = k->buffers + i * k->buffer_len + VNET_HDR_LEN;
		iov[i].iov_len = k->buffer_len - VNET_HDR_LEN;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	int n = recvmmsg(k->fd, msgs, BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		const uint8_t *hdr = k->buffers + (unsigned)i * k->buffer_len;
		checker_look(&port->check, hdr, VNET_HDR_LEN + msgs[i].msg_len, msgs[i].msg_len);
	}
	port->counts.rx_polls += n > 0;
	return n > 0 ? (uint32_t)n : 0;
}

static bool alive(const struct port *port)
{
	(void)port;
	return true;
}

static void close_port(struct port *port)
{
	struct kernel_port *k = port->priv;
	if (!k)
		return;
	if (k->fd >= 0)
		close(k->fd);
	free(k->buffers);
	free(k->stamped);
	frame_pool_destroy(&port->pool);
	guest_memory_destroy(&port->mem);
	free(k);
	port->priv = NULL;
}

const struct port_kind port_tap = {"tap", tap_open, NULL, tap_tx, tap_rx, alive, close_port};
const struct port_kind port_packet = {"packet",	 packet_open, NULL,	 packet_tx,
				      packet_rx, alive,	      close_port};
