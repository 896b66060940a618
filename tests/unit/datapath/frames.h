// Frames with checksums computed from scratch, byte by byte, to compare edited packets with.
#ifndef TESTS_UNIT_DATAPATH_FRAMES_H
#define TESTS_UNIT_DATAPATH_FRAMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct frame {
	uint8_t b[2048];
	uint32_t len, l3, l4;
	bool v6;
	uint8_t proto;
	bool no_csum; // UDP with checksum 0
};

struct frame_spec {
	bool v6;
	uint8_t proto;
	unsigned n_tags;
	bool extensions; // IPv6: hop-by-hop and destination options
	bool no_csum;
	uint32_t payload; // bytes behind the transport header
};

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint32_t get16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

// The plain sum of RFC 1071, over big-endian words, an odd byte padded.
static inline uint32_t sum_bytes(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// CRC32c, bit by bit.
static inline uint32_t crc32c_bits(const uint8_t *p, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static inline uint32_t pseudo_sum(const struct frame *f, uint32_t l4_len)
{
	uint32_t sum =
	    f->v6 ? sum_bytes(0, f->b + f->l3 + 8, 32) : sum_bytes(0, f->b + f->l3 + 12, 8);

	return sum + f->proto + l4_len;
}

static inline int l4_csum_ofs(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : proto == IPPROTO_SCTP ? 8 : 2;
}

static inline void frame_fix_l4(struct frame *f)
{
	uint8_t *csum = f->b + f->l4 + l4_csum_ofs(f->proto);
	uint32_t l4_len = f->len - f->l4, sum;

	if (f->proto == IPPROTO_SCTP) {
		memset(csum, 0, 4);
		sum = crc32c_bits(f->b + f->l4, l4_len);
		for (int i = 0; i < 4; i++)
			csum[i] = (uint8_t)(sum >> 8 * i);
		return;
	}
	memset(csum, 0, 2);
	if (f->no_csum)
		return;
	sum = f->proto == IPPROTO_ICMP ? 0 : pseudo_sum(f, l4_len);
	sum = ~sum_bytes(sum, f->b + f->l4, l4_len) & 0xffff;
	put16(csum, f->proto == IPPROTO_UDP && sum == 0 ? 0xffff : sum);
}

static inline void frame_fix_ipv4(struct frame *f)
{
	uint32_t hdr_len = (f->b[f->l3] & 0xfu) * 4;

	put16(f->b + f->l3 + 10, 0);
	put16(f->b + f->l3 + 10, ~sum_bytes(0, f->b + f->l3, hdr_len));
}

// All checksums of a whole packet.
static inline void frame_fix(struct frame *f)
{
	if (!f->v6)
		frame_fix_ipv4(f);
	frame_fix_l4(f);
}

static inline void frame_put(struct frame *f, const void *bytes, uint32_t len)
{
	memcpy(f->b + f->len, bytes, len);
	f->len += len;
}

static inline void frame_put_l3(struct frame *f, const struct frame_spec *spec)
{
	static const uint8_t v4[20] = {0x45, 0xb8, 0,  0, 0x12, 0x34, 0x40, 0, 64, 0,
				       0,    0,	   10, 1, 2,	3,    10,   4, 5,  6};
	static const uint8_t v6[40] = {0x6a, 0xbc, 0xde, 0xf0, 0,    0, 0,   63,   0x20, 1,
				       0xd,  0xb8, 0,	 0,    0,    0, 0,   0,	   0,	 0,
				       0,    0,	   0,	 1,    0x20, 1, 0xd, 0xb8, 0,	 0,
				       0,    0,	   0,	 0,    0,    0, 0,   0,	   0,	 2};
	uint8_t ext[24] = {60, 0, 1, 4, 0, 0, 0, 0, spec->proto, 1, 1, 12};

	f->l3 = f->len;
	if (!spec->v6) {
		frame_put(f, v4, sizeof v4);
		f->b[f->l3 + 9] = spec->proto;
	} else {
		frame_put(f, v6, sizeof v6);
		f->b[f->l3 + 6] = spec->extensions ? 0 : spec->proto;
		if (spec->extensions)
			frame_put(f, ext, sizeof ext);
	}
	f->l4 = f->len;
}

static inline void frame_put_l4(struct frame *f, const struct frame_spec *spec)
{
	static const uint8_t tcp[20] = {0x30, 0x39, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 1};
	static const uint8_t udp[8] = {0x30, 0x39, 0, 53};
	static const uint8_t sctp[12] = {0x30, 0x39, 0, 80, 9, 9, 9, 9};
	static const uint8_t icmp[8] = {8, 0, 0, 0, 0, 1, 0, 2};

	switch (spec->proto) {
	case IPPROTO_TCP:
		frame_put(f, tcp, sizeof tcp);
		break;
	case IPPROTO_UDP:
		frame_put(f, udp, sizeof udp);
		break;
	case IPPROTO_SCTP:
		frame_put(f, sctp, sizeof sctp);
		break;
	default:
		frame_put(f, icmp, sizeof icmp);
	}
	for (uint32_t i = 0; i < spec->payload; i++)
		f->b[f->len++] = (uint8_t)(i * 37 + 11);
	if (spec->proto == IPPROTO_UDP)
		put16(f->b + f->l4 + 4, f->len - f->l4);
}

static inline void frame_make(struct frame *f, const struct frame_spec *spec)
{
	static const uint8_t addrs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	static const uint8_t tags[2][4] = {{0x88, 0xa8, 0x20, 7}, {0x81, 0, 0x60, 9}};
	uint8_t eth_type[2] = {spec->v6 ? 0x86 : 0x08, spec->v6 ? 0xdd : 0x00};

	*f = (struct frame){.v6 = spec->v6, .proto = spec->proto, .no_csum = spec->no_csum};
	frame_put(f, addrs, sizeof addrs);
	for (unsigned i = 2 - spec->n_tags; i < 2; i++)
		frame_put(f, tags[i], 4);
	frame_put(f, eth_type, 2);
	frame_put_l3(f, spec);
	frame_put_l4(f, spec);
	put16(f->b + f->l3 + (f->v6 ? 4 : 2), f->len - f->l3 - (f->v6 ? 40 : 0));
	frame_fix(f);
}

#endif
