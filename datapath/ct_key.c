#include "datapath/ct_key.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <sys/random.h>

#define N_SECRETS 8

static uint64_t secrets[N_SECRETS]; // written before main

// Without them hashes would still be right, but who sends packets could make them collide.
__attribute__((constructor)) static void secrets_draw(void)
{
	if (getrandom(secrets, sizeof secrets, 0) != sizeof secrets)
		abort();
}

// MurmurHash3's finish.
static inline uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return h ^ h >> 33;
}

static inline uint32_t word_at(const uint8_t *b)
{
	uint32_t word;

	memcpy(&word, b, sizeof word);
	return word;
}

static inline uint64_t product(uint32_t a, uint32_t b, uint64_t secret)
{
	return (uint64_t)(a + (uint32_t)secret) * (uint32_t)(b + (uint32_t)(secret >> 32));
}

// NH (RFC 4418) of an address and port, mixed: the sum of two ends must not be linear in what a
// sender chooses, or he could move a difference from one end to the other.
static inline uint64_t end_hash(const struct in6 *addr, uint16_t port)
{
	return mix(product(word_at(addr->b), word_at(addr->b + 4), secrets[0]) +
		   product(word_at(addr->b + 8), word_at(addr->b + 12), secrets[1]) +
		   port * (secrets[2] | 1));
}

uint32_t ct_key_hash(const struct ct_key *key)
{
	// A query's type differs from its answer's; what they share is the identifier.
	uint16_t dst_port = ct_key_is_icmp(key) ? key->src_port_be : key->dst_port_be;
	uint64_t rest =
	    (uint64_t)key->zone << 16 | (uint64_t)key->proto << 8 | key->dp << 1 | key->is_v6;

	return (uint32_t)mix(end_hash(&key->src, key->src_port_be) + end_hash(&key->dst, dst_port) +
			     rest * (secrets[3] | 1));
}

// Queries and their answers (RFC 792, 4443).
static const struct {
	uint8_t is_v6, query, answer;
} pairs[] = {
    {false, ICMP_ECHO, ICMP_ECHOREPLY},
    {false, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY},
    {true, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY},
};

#define N_PAIRS (sizeof pairs / sizeof pairs[0])

int ct_icmp_reverse(bool is_v6, uint8_t type)
{
	for (unsigned i = 0; i < N_PAIRS; i++) {
		if (pairs[i].is_v6 != is_v6)
			continue;
		if (pairs[i].query == type)
			return pairs[i].answer;
		if (pairs[i].answer == type)
			return pairs[i].query;
	}
	return -1;
}

bool ct_icmp_is_query(bool is_v6, uint8_t type)
{
	for (unsigned i = 0; i < N_PAIRS; i++) {
		if (pairs[i].is_v6 == is_v6 && pairs[i].query == type)
			return true;
	}
	return false;
}

static uint16_t icmp_type_reverse(const struct ct_key *key)
{
	uint16_t type_code = ntohs(key->dst_port_be);
	int type = ct_icmp_reverse(key->is_v6, (uint8_t)(type_code >> 8));

	return type < 0 ? key->dst_port_be : htons(CT_ICMP(type, type_code & 0xff));
}

void ct_key_reverse(struct ct_key *dst, const struct ct_key *src)
{
	struct ct_key from = *src;

	*dst = from;
	dst->src = from.dst;
	dst->dst = from.src;
	if (ct_key_is_icmp(&from)) {
		dst->dst_port_be = icmp_type_reverse(&from);
		return;
	}
	dst->src_port_be = from.dst_port_be;
	dst->dst_port_be = from.src_port_be;
}
