#include "datapath/tap_queue.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define SEGMENTS_MAX 128 // memif's smallest buffers, and a frame of the longest MTU

// One write is one frame, behind the kernel's struct tun_pi.
static bool frame_write(int fd, const struct rte_mbuf *m)
{
	struct tun_pi none = {.flags = 0};
	struct iovec parts[1 + SEGMENTS_MAX];
	int n = 0;

	if (m->nb_segs > SEGMENTS_MAX)
		return false;
	parts[n++] = (struct iovec){.iov_base = &none, .iov_len = sizeof(none)};
	for (; m; m = m->next)
		parts[n++] =
		    (struct iovec){.iov_base = rte_pktmbuf_mtod(m, void *), .iov_len = m->data_len};
	return writev(fd, parts, n) > 0;
}

uint16_t tap_queue_send(uint16_t ethdev, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(ethdev, queue);
	uint16_t sent = 0;

	while (fd >= 0 && sent < n && frame_write(fd, pkts[sent]))
		sent++;
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

bool tap_queue_iface(int fd, char name[IFNAMSIZ])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._-";
	struct ifreq ifr = {.ifr_flags = 0};

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return false;
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	name[IFNAMSIZ - 1] = '\0';
	return name[0] != '\0' && name[0] != '-' && name[strspn(name, plain)] == '\0';
}
