// Extraction of the common frames in one pass: TCP or UDP over IPv4, without options and not a
// fragment, untagged or with one VLAN tag, and over IPv6 without extension headers. For hot code
// only; everything else goes to flow_extract().
#ifndef FLOWTABLE_EXTRACT_FAST_H
#define FLOWTABLE_EXTRACT_FAST_H

#include "flowtable/extract.h"

#include <string.h>
#ifdef __SSE4_1__
#include <immintrin.h>
#endif

#define FAST_ETH_LEN  14u
#define FAST_TAG_LEN  4u
#define FAST_IPV4_LEN 20u
#define FAST_IPV6_LEN 40u
#define FAST_TCP      6u
#define FAST_UDP      17u

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the shifts below build words from bytes");

// The words of line 1.
static_assert(
    offsetof(struct flow_key, in_port) == 0 && offsetof(struct flow_key, eth_dst) == 8 &&
	offsetof(struct flow_key, eth_src) == 14 && offsetof(struct flow_key, vlan) == 20 &&
	offsetof(struct flow_key, ip_src_be) == 28 && offsetof(struct flow_key, ip_dst_be) == 32 &&
	offsetof(struct flow_key, eth_type_be) == 36 && offsetof(struct flow_key, nw_proto) == 38 &&
	offsetof(struct flow_key, nw_tos) == 39 && offsetof(struct flow_key, nw_ttl) == 40 &&
	offsetof(struct flow_key, nw_frag) == 41 && offsetof(struct flow_key, tp_src_be) == 42 &&
	offsetof(struct flow_key, tp_dst_be) == 44 && offsetof(struct flow_key, tcp_flags_be) == 46,
    "line 1 as it is put together here");

static inline uint64_t fast_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t fast_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t fast_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

// Two words that are next to each other in the key, in one store: who loads a vector from it soon
// has to find it in one piece.
static inline void fast_store(struct flow_key *key, unsigned word, uint64_t low, uint64_t high)
{
#ifdef __SSE4_1__
	_mm_store_si128((__m128i *)key + word / 2, _mm_set_epi64x((long long)high, (long long)low));
#else
	uint64_t pair[2] = {low, high};

	memcpy((uint8_t *)key + word * sizeof(low), pair, sizeof(pair));
#endif
}

static inline void fast_store_empty_line2(struct flow_key *key)
{
#if defined(__AVX512F__)
	_mm512_store_si512(&key->ipv6_src, _mm512_setzero_si512());
#elif defined(__AVX2__)
	_mm256_store_si256((__m256i *)key + 2, _mm256_setzero_si256());
	_mm256_store_si256((__m256i *)key + 3, _mm256_setzero_si256());
#else
	for (unsigned word = 8; word < FLOW_KEY_HOT_BYTES / sizeof(uint64_t); word += 2)
		fast_store(key, word, 0, 0);
#endif
}

// Bytes of the transport header; 0 when it is neither TCP nor UDP.
static inline uint32_t fast_l4_len(uint32_t proto)
{
	return proto == FAST_TCP ? 20 : proto == FAST_UDP ? 8 : 0;
}

// Words 0 to 3: `tag` is vlan[0], ip_src 0 for IPv6.
static inline void fast_store_l2(const uint8_t *data, uint64_t ids, uint64_t tag, uint64_t ip_src,
				 struct flow_key *key)
{
	fast_store(key, 0, ids, fast_load64(data));
	fast_store(key, 2, fast_load32(data + 8) | tag << 32, ip_src << 32);
}

// Words 4 to 7 but for ip_dst, from the EtherType on.
static inline void fast_store_l4(const uint8_t *l4, uint32_t proto, uint64_t word4, uint64_t ttl,
				 struct flow_key *key)
{
	uint64_t flags = proto == FAST_TCP ? fast_load16(l4 + 12) & 0xff0f : 0;

	fast_store(key, 4, word4 | (uint64_t)proto << 48,
		   ttl | (uint64_t)fast_load32(l4) << 16 | flags << 48);
	fast_store(key, 6, 0, 0);
}

// IPv4 at l3_ofs, where `tag` is the VLAN tag before it. The EtherType is known to be IPv4's.
static inline bool fast_ipv4(const uint8_t *data, uint32_t len, uint32_t l3_ofs, uint64_t ids,
			     uint64_t tag, struct flow_key *key, struct packet_layout *layout)
{
	const uint8_t *ip = data + l3_ofs;
	uint64_t second = fast_load64(ip + 2); // total length, id, fragment, TTL, protocol
	uint32_t proto = (uint32_t)(second >> 56);
	uint32_t l4_len = fast_l4_len(proto);
	uint32_t total_len = __builtin_bswap16((uint16_t)second);

	if (ip[0] != 0x45 || second & 0xff3f00000000 || l4_len == 0 ||
	    total_len < FAST_IPV4_LEN + l4_len || len - l3_ofs < FAST_IPV4_LEN + l4_len)
		return false;

	fast_store_l2(data, ids, tag, fast_load32(ip + 12), key);
	fast_store_l4(ip + FAST_IPV4_LEN, proto,
		      fast_load32(ip + 16) | 0x0008ull << 32 | (uint64_t)ip[1] << 56,
		      second >> 48 & 0xff, key);
	fast_store_empty_line2(key);
	layout->l3_ofs = (uint16_t)l3_ofs;
	layout->l4_ofs = (uint16_t)(l3_ofs + FAST_IPV4_LEN);
	return true;
}

static inline bool fast_ipv6(const uint8_t *data, uint32_t len, uint64_t ids, struct flow_key *key,
			     struct packet_layout *layout)
{
	const uint8_t *ip = data + FAST_ETH_LEN;

	if (len < FAST_ETH_LEN + FAST_IPV6_LEN)
		return false;

	uint32_t first = __builtin_bswap32(fast_load32(ip)); // version, traffic class, label
	uint32_t proto = ip[6];
	uint32_t l4_len = fast_l4_len(proto);
	uint32_t payload_len = __builtin_bswap16((uint16_t)fast_load16(ip + 4));

	if (first >> 28 != 6 || l4_len == 0 || payload_len < l4_len ||
	    len - FAST_ETH_LEN - FAST_IPV6_LEN < l4_len)
		return false;

	fast_store_l2(data, ids, 0, 0, key);
	fast_store_l4(ip + FAST_IPV6_LEN, proto,
		      0xdd86ull << 32 | (uint64_t)(first >> 20 & 0xff) << 56, ip[7], key);
	for (unsigned i = 0; i < 4; i += 2)
		fast_store(key, 8 + i, fast_load64(ip + 8 + 8 * i), fast_load64(ip + 16 + 8 * i));
	fast_store(key, 12, 0, 0);
	fast_store(key, 14, 0, (uint64_t)__builtin_bswap32(first & 0xfffff) << 32);
	layout->l3_ofs = FAST_ETH_LEN;
	layout->l4_ofs = FAST_ETH_LEN + FAST_IPV6_LEN;
	return true;
}

#ifdef __AVX512VBMI__
// Untagged IPv4 in one permutation of the frame's first 64 bytes.
static inline bool fast_ipv4_untagged(const uint8_t *data, uint32_t len, uint64_t ids,
				      struct flow_key *key, struct packet_layout *layout)
{
	// Where each byte of line 1 from eth_dst on stands in the frame, and which of its bits
	// count.
	static const uint8_t from[64] __attribute__((aligned(64))) = {
	    [8] = 0,   1,  2,  3,  4,  5,  6,  7,  8, 9, 10, 11, // eth_dst, eth_src
	    [28] = 26, 27, 28, 29, 30, 31, 32, 33,		 // ip_src, ip_dst
	    [36] = 12, 13, 23, 15, 22,				 // type, proto, tos, ttl
	    [42] = 34, 35, 36, 37, 46, 47,			 // ports, TCP flags
	};
	static const uint8_t bits[2][64] __attribute__((aligned(64))) = {
	    {[8 ... 19] = 0xff, [28 ... 40] = 0xff, [42 ... 45] = 0xff},
	    {[8 ... 19] = 0xff, [28 ... 40] = 0xff, [42 ... 45] = 0xff, [46] = 0x0f, [47] = 0xff},
	};
	uint64_t second = fast_load64(data + 16); // total length, id, fragment, TTL, protocol
	uint32_t proto = (uint32_t)(second >> 56);
	uint32_t l4_len = fast_l4_len(proto);
	uint32_t total_len = __builtin_bswap16((uint16_t)second);

	if (data[14] != 0x45 || second & 0xff3f00000000 || l4_len == 0 ||
	    total_len < FAST_IPV4_LEN + l4_len || len < FAST_ETH_LEN + FAST_IPV4_LEN + l4_len)
		return false;

	__m512i frame = _mm512_maskz_loadu_epi8(_bzhi_u64(UINT64_MAX, len < 64 ? len : 64), data);
	__m512i line = _mm512_permutexvar_epi8(_mm512_load_si512(from), frame);

	line = _mm512_and_si512(line, _mm512_load_si512(bits[proto == FAST_TCP]));
	_mm512_store_si512(key, _mm512_mask_set1_epi64(line, 1, (long long)ids));
	fast_store_empty_line2(key);
	layout->l3_ofs = FAST_ETH_LEN;
	layout->l4_ofs = FAST_ETH_LEN + FAST_IPV4_LEN;
	return true;
}
#else
static inline bool fast_ipv4_untagged(const uint8_t *data, uint32_t len, uint64_t ids,
				      struct flow_key *key, struct packet_layout *layout)
{
	return fast_ipv4(data, len, FAST_ETH_LEN, ids, 0, key, layout);
}
#endif

// As flow_extract(), with in_port and recirc_id. False: not such a frame, nothing is written.
// Never reads past data + len.
static inline bool flow_extract_fast(const uint8_t *data, uint32_t len, uint32_t in_port,
				     uint32_t recirc_id, struct flow_key *key,
				     struct packet_layout *layout)
{
	uint64_t ids = in_port | (uint64_t)recirc_id << 32;

	// All that is read before the length of the transport header is known.
	if (__builtin_expect(len < FAST_ETH_LEN + FAST_TAG_LEN + FAST_IPV4_LEN, false))
		return false;
	switch (fast_load16(data + 12)) {
	case 0x0008: // 0800, IPv4
		return fast_ipv4_untagged(data, len, ids, key, layout);
	case 0xdd86: // 86dd, IPv6
		return fast_ipv6(data, len, ids, key, layout);
	case 0x0081: // 8100, a tag
		if (fast_load16(data + 16) != 0x0008)
			return false;
		return fast_ipv4(data, len, FAST_ETH_LEN + FAST_TAG_LEN, ids,
				 0x0081 | (fast_load16(data + 14) | 0x10u) << 16, key, layout);
	default:
		return false;
	}
}

#endif
