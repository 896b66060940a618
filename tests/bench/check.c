#include "tests/bench/check.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/tcp.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <x86intrin.h>

void checker_init(struct checker *c, const struct frame_pool *sent, bool latency, bool touch)
{
	memset(c, 0, sizeof(*c));
	c->sent = sent;
	c->fixed_len = sent->spec.kind == FRAMES_IMIX ? 0 : frame_spec_max(&sent->spec);
	c->each = latency || touch || c->fixed_len == 0;
	c->until_sample = SAMPLE_EVERY - 1;
	histogram_reset(&c->latency);
}

void checker_reset(struct checker *c)
{
	c->received = 0;
	c->bytes = 0;
	histogram_reset(&c->latency);
}

// A frame that no port of ours sent: a kernel's or the switch's own.
static bool is_foreign(const struct checker *c, const uint8_t *data)
{
	const uint8_t *ours = frame_pool_hdr(c->sent, 0) + VNET_HDR_LEN;
	return memcmp(data + ETH_ALEN, ours + ETH_ALEN, ETH_ALEN - 1) != 0;
}

static bool is_announcement(const uint8_t *data)
{
	return data[12] == ETH_P_ARP >> 8 && data[13] == (ETH_P_ARP & 0xff);
}

static bool headers_alike(const struct checker *c, const uint8_t *hdr, const uint8_t *sent_hdr)
{
	const struct virtio_net_hdr_v1 *got = (const void *)hdr;
	const struct virtio_net_hdr_v1 *sent = (const void *)sent_hdr;
	if (c->sent->spec.kind != FRAMES_TSO)
		return got->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	return got->gso_type == sent->gso_type && got->gso_size == sent->gso_size &&
	       got->csum_start == sent->csum_start && got->csum_offset == sent->csum_offset;
}

// Time stamps are what may differ, and the TCP checksum, which a switch may compute anew.
static bool frames_alike(const struct checker *c, const uint8_t *data, const uint8_t *sent,
			 uint32_t len)
{
	uint32_t tag = frame_tag_offset(&c->sent->spec);
	uint32_t stamped = tag + offsetof(struct frame_tag, stamped);
	uint32_t id = tag + offsetof(struct frame_tag, id);
	uint32_t tsc = tag + offsetof(struct frame_tag, tsc);
	uint32_t behind = tag + sizeof(struct frame_tag);
	uint32_t start = 0;
	if (c->sent->spec.kind == FRAMES_TSO) {
		uint32_t check = 34 + offsetof(struct tcphdr, check);
		if (memcmp(data, sent, check) != 0)
			return false;
		start = check + 2;
	}
	return memcmp(data + start, sent + start, stamped - start) == 0 &&
	       memcmp(data + id, sent + id, tsc - id) == 0 &&
	       memcmp(data + behind, sent + behind, len - behind) == 0;
}

static void compare(struct checker *c, const uint8_t *hdr, const struct frame_tag *tag,
		    uint32_t len)
{
	const uint8_t *sent = frame_pool_hdr(c->sent, tag->id);
	c->sampled++;
	c->until_sample = SAMPLE_EVERY - 1;
	if (!headers_alike(c, hdr, sent) ||
	    !frames_alike(c, hdr + VNET_HDR_LEN, sent + VNET_HDR_LEN, len))
		c->bad_content++;
}

// A frame without our tag: foreign, or cut short, or spoilt.
static void look_unknown(struct checker *c, const uint8_t *data, uint32_t len)
{
	if (is_foreign(c, data)) {
		c->foreign++;
		return;
	}
	if (is_announcement(data))
		return;
	c->received++;
	c->bytes += len;
	if (c->fixed_len != 0 && len != c->fixed_len)
		c->bad_length++;
	else
		c->bad_content++;
}

void checker_look(struct checker *c, const uint8_t *hdr, uint32_t head, uint32_t len)
{
	const uint8_t *data = hdr + VNET_HDR_LEN;
	uint32_t at = frame_tag_offset(&c->sent->spec);
	struct frame_tag tag = {0};
	// The time lies in the buffer's second cache line: it is read only where there is one.
	if (len >= at + sizeof(tag))
		memcpy(&tag, data + at, offsetof(struct frame_tag, tsc));
	if (tag.magic != FRAME_MAGIC || tag.from != c->sent->spec.from || tag.id >= c->sent->n) {
		look_unknown(c, data, len);
		return;
	}
	c->received++;
	c->bytes += len;
	if (len != frame_spec_len(&c->sent->spec, tag.id)) {
		c->bad_length++;
		return;
	}
	if (tag.stamped) {
		memcpy(&tag.tsc, data + at + offsetof(struct frame_tag, tsc), sizeof(tag.tsc));
		histogram_add(&c->latency, __rdtsc() - tag.tsc);
	}
	if (c->until_sample > 0)
		c->until_sample--;
	else if (head == VNET_HDR_LEN + len)
		compare(c, hdr, &tag, len);
}
