// A veth pair in a network namespace of the test's own:
//
//     far ===veth=== near       what is sent to far as a super-frame is seen at near
#define _GNU_SOURCE // unshare()
#include "datapath/veth_segments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAYLOAD 4000u
#define SEGMENT 1000u
#define HEADERS 54u // Ethernet, IPv4, TCP

static bool alone; // in a namespace of our own, as root

static int setup(void **state)
{
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return 0;
	alone = true;
	return system(
	    "ip link add name near type veth peer name far && ip tuntap add name tap mode tap && "
	    "ip link set near up && ip link set far up");
}

// Returns a raw socket at the interface.
static int socket_at(const char *iface)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_IP),
				 .sll_ifindex = (int)if_nametoindex(iface)};
	const struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void send_super_frame(int fd)
{
	static const uint8_t headers[HEADERS] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0,
						 (20 + 20 + PAYLOAD) >> 8,
						 (20 + 20 + PAYLOAD) & 0xff, 0, 1, 0, 0, 64, 6, 0,
						 0, 10, 0, 0, 1, 10, 0, 0, 2,
						 // TCP
						 0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50,
						 0x10, 1, 0};
	struct {
		struct virtio_net_hdr vnet;
		uint8_t frame[HEADERS + PAYLOAD];
	} packet = {.vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			     .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			     .hdr_len = HEADERS,
			     .gso_size = SEGMENT,
			     .csum_start = 34,
			     .csum_offset = 16}};

	memcpy(packet.frame, headers, sizeof headers);
	assert_int_equal(send(fd, &packet, sizeof packet.vnet + sizeof packet.frame, 0),
			 sizeof packet.vnet + sizeof packet.frame);
}

// Bytes of the next frame.
static ssize_t frame_bytes(int fd)
{
	static uint8_t room[65536];

	return recv(fd, room, sizeof room, 0) - (ssize_t)sizeof(struct virtio_net_hdr);
}

// Asks for the interface's receive offload, or sets it.
static bool gro(uint32_t cmd, const char *iface)
{
	struct ethtool_value value = {.cmd = cmd, .data = 1};
	struct ifreq ifr = {.ifr_data = (void *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", iface);
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	close(fd);
	return value.data;
}

static bool has_program(const char *iface)
{
	char command[64];

	snprintf(command, sizeof command, "ip link show %s | grep -q prog/xdp", iface);
	return system(command) == 0;
}

static void super_frames_come_in_segments_until_it_is_closed(void **state)
{
	int far, near, asked;

	(void)state;
	if (!alone)
		skip();
	far = socket_at("far");
	near = socket_at("near");
	send_super_frame(far);
	assert_int_equal(frame_bytes(near), HEADERS + PAYLOAD);

	gro(ETHTOOL_SGRO, "near");
	assert_true(gro(ETHTOOL_GGRO, "near"));
	asked = veth_segments_ask(if_nametoindex("near"));
	assert_true(asked >= 0);
	assert_true(has_program("near"));
	assert_false(gro(ETHTOOL_GGRO, "near"));
	send_super_frame(far);
	for (unsigned i = 0; i < PAYLOAD / SEGMENT; i++)
		assert_int_equal(frame_bytes(near), HEADERS + SEGMENT);

	close(asked);
	assert_false(has_program("near"));
	send_super_frame(far);
	assert_int_equal(frame_bytes(near), HEADERS + PAYLOAD);
	close(near);
	close(far);
}

static void a_program_that_is_there_stays(void **state)
{
	int first;

	(void)state;
	if (!alone)
		skip();
	first = veth_segments_ask(if_nametoindex("near"));
	assert_true(first >= 0);
	assert_int_equal(veth_segments_ask(if_nametoindex("near")), -1);
	assert_true(has_program("near"));
	close(first);
}

static void other_interfaces_are_left_alone(void **state)
{
	(void)state;
	if (!alone)
		skip();
	assert_int_equal(veth_segments_ask(if_nametoindex("tap")), -1);
	assert_false(has_program("tap"));
	assert_int_equal(veth_segments_ask(if_nametoindex("lo")), -1);
	assert_int_equal(veth_segments_ask(0), -1);
	assert_int_equal(veth_segments_ask(99999), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(super_frames_come_in_segments_until_it_is_closed),
	    cmocka_unit_test(a_program_that_is_there_stays),
	    cmocka_unit_test(other_interfaces_are_left_alone),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
