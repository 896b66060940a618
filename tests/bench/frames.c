#include "tests/bench/frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#define L3_OFFSET    14
#define L4_OFFSET    34
#define STRIDE_MIN   128
#define ARP_LEN	     60
#define IP_ID_PLUS   0x5a5a // IP id + total length: keeps header checksums alike
#define SRC_PORTS    60000
#define SRC_PORT_MIN 1024
#define DST_PORT_MIN 1000

// The large one stands apart from its like, the medium ones are spread.
static const uint16_t imix[] = {64, 570, 64, 64, 570, 64, 1514, 64, 570, 64, 64, 570};
#define IMIX_N (sizeof(imix) / sizeof(imix[0]))

uint32_t frame_spec_len(const struct frame_spec *spec, uint32_t frame)
{
	if (spec->kind == FRAMES_FIXED)
		return spec->size;
	return spec->kind == FRAMES_IMIX ? imix[frame % IMIX_N] : TSO_FRAME_LEN;
}

uint32_t frame_spec_max(const struct frame_spec *spec)
{
	if (spec->kind == FRAMES_FIXED)
		return spec->size;
	return spec->kind == FRAMES_IMIX ? IMIX_LEN_MAX : TSO_FRAME_LEN;
}

static size_t stride(uint32_t len)
{
	size_t bytes = (VNET_HDR_LEN + len + 63ul) & ~63ul;
	return bytes < STRIDE_MIN ? STRIDE_MIN : bytes;
}

uint32_t frame_pool_count(const struct frame_spec *spec, uint32_t n_slots)
{
	return spec->n_flows <= n_slots ? n_slots : spec->n_flows;
}

size_t frame_pool_bytes(const struct frame_spec *spec, uint32_t n)
{
	size_t bytes = stride(ARP_LEN);
	for (uint32_t i = 0; i < n; i++)
		bytes += stride(frame_spec_len(spec, i));
	return bytes;
}

static uint32_t sum_words(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void mac_write(uint8_t *mac, unsigned port)
{
	const uint8_t bytes[ETH_ALEN] = {0x02, 0x67, 0x65, 0x6e, 0x00, (uint8_t)port};
	memcpy(mac, bytes, sizeof(bytes));
}

static void ip_write(uint8_t *to, const struct frame_spec *spec, uint32_t flow, uint32_t len)
{
	uint16_t total = (uint16_t)(len - L3_OFFSET);
	const struct iphdr ip = {
	    .version = 4,
	    .ihl = 5,
	    .tot_len = htons(total),
	    .id = htons((uint16_t)(IP_ID_PLUS - total)),
	    .frag_off = htons(0x4000),
	    .ttl = 64,
	    .protocol = spec->kind == FRAMES_TSO ? IPPROTO_TCP : IPPROTO_UDP,
	    .saddr = htonl((32u + spec->from) << 24 | flow),
	    .daddr = htonl(10u << 24 | (flow % spec->n_classes + 1) << 16 | (spec->to + 1)),
	};
	memcpy(to, &ip, sizeof(ip));
	uint16_t check = htons((uint16_t)~fold(sum_words(to, sizeof(ip))));
	memcpy(to + offsetof(struct iphdr, check), &check, sizeof(check));
}

// The checksum is left to whoever sends the segments: it holds the pseudo header's sum.
static void tcp_write(uint8_t *to, const uint8_t *addresses, const uint16_t ports[2],
		      uint32_t frame)
{
	static const uint8_t timestamps[12] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};
	const struct tcphdr tcp = {
	    .source = ports[0],
	    .dest = ports[1],
	    .seq = htonl(frame * 45 * TSO_MSS),
	    .ack_seq = htonl(1),
	    .doff = 8,
	    .ack = 1,
	    .window = htons(0xffff),
	    .check = htons(fold(sum_words(addresses, 8) + IPPROTO_TCP + TSO_FRAME_LEN - L4_OFFSET)),
	};
	memcpy(to, &tcp, sizeof(tcp));
	memcpy(to + sizeof(tcp), timestamps, sizeof(timestamps));
}

// Without a checksum, which IPv4 allows: a time stamp does not break it.
static void udp_write(uint8_t *to, const uint16_t ports[2], uint32_t len)
{
	struct udphdr udp = {.source = ports[0], .dest = ports[1], .len = htons((uint16_t)len)};
	memcpy(to, &udp, sizeof(udp));
}

static void headers_write(uint8_t *data, const struct frame_spec *spec, uint32_t frame,
			  uint32_t len)
{
	uint32_t flow = frame % spec->n_flows;
	const uint16_t ports[2] = {htons((uint16_t)(SRC_PORT_MIN + flow % SRC_PORTS)),
				   htons((uint16_t)(DST_PORT_MIN + flow % spec->n_classes))};
	mac_write(data, spec->to);
	mac_write(data + ETH_ALEN, spec->from);
	data[12] = ETH_P_IP >> 8;
	data[13] = ETH_P_IP & 0xff;
	ip_write(data + L3_OFFSET, spec, flow, len);
	if (spec->kind == FRAMES_TSO)
		tcp_write(data + L4_OFFSET, data + L3_OFFSET + offsetof(struct iphdr, saddr), ports,
			  frame);
	else
		udp_write(data + L4_OFFSET, ports, len - L4_OFFSET);
}

static void frame_build(uint8_t *hdr, const struct frame_spec *spec, uint32_t frame)
{
	uint8_t *data = hdr + VNET_HDR_LEN;
	uint32_t len = frame_spec_len(spec, frame);
	if (spec->kind == FRAMES_TSO) {
		*(struct virtio_net_hdr_v1 *)hdr =
		    (struct virtio_net_hdr_v1){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					       .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					       .hdr_len = TSO_HDR_LEN,
					       .gso_size = TSO_MSS,
					       .csum_start = L4_OFFSET,
					       .csum_offset = offsetof(struct tcphdr, check)};
	}
	headers_write(data, spec, frame, len);
	unsigned at = frame_tag_offset(spec);
	struct frame_tag tag = {.magic = FRAME_MAGIC, .from = (uint8_t)spec->from, .id = frame};
	memcpy(data + at, &tag, sizeof(tag));
	for (at += sizeof(tag); at < len; at++)
		data[at] = (uint8_t)(at * 7 + frame);
}

static void arp_build(uint8_t *hdr, const struct frame_spec *spec)
{
	static const uint8_t request[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t *data = hdr + VNET_HDR_LEN;
	uint32_t ip = htonl(10u << 24 | 1 << 16 | (spec->from + 1));
	memset(data, 0xff, ETH_ALEN);
	mac_write(data + 6, spec->from);
	memcpy(data + 12, request, sizeof(request));
	mac_write(data + 22, spec->from);
	memcpy(data + 28, &ip, sizeof(ip));
	memcpy(data + 38, &ip, sizeof(ip));
}

int frame_pool_create(struct frame_pool *pool, const struct frame_spec *spec, uint32_t n,
		      struct guest_memory *mem)
{
	pool->refs = calloc(n + 1ul, sizeof(*pool->refs));
	if (!pool->refs)
		return -ENOMEM;
	pool->spec = *spec;
	pool->n = n;
	pool->mem = mem;
	for (uint32_t i = 0; i <= n; i++) {
		uint32_t len = i < n ? frame_spec_len(spec, i) : ARP_LEN;
		uint8_t *hdr = guest_memory_alloc(mem, stride(len), 64);
		if (i < n)
			frame_build(hdr, spec, i);
		else
			arp_build(hdr, spec);
		pool->refs[i].addr = guest_memory_gpa(mem, hdr);
		pool->refs[i].len = VNET_HDR_LEN + len;
	}
	return 0;
}

void frame_pool_destroy(struct frame_pool *pool)
{
	free(pool->refs);
	pool->refs = NULL;
}
