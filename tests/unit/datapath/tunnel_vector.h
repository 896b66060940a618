// Scapy's frames of tunnels.
#ifndef TESTS_UNIT_DATAPATH_TUNNEL_VECTOR_H
#define TESTS_UNIT_DATAPATH_TUNNEL_VECTOR_H

#include "datapath/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// A frame, what is in it, the header that the control side builds for it, and what the outer
// headers say; bytes as hex.
struct tunnel_vector {
	const char *name;
	enum tunnel_type type;
	unsigned options;
	const char *header, *inner, *frame;
	bool v6;
	const char *src, *dst;
	uint8_t tos, ttl;
	uint16_t tp_src, tp_dst;
	uint64_t id;
	uint8_t flags;
	uint16_t gbp_id;
	uint8_t gbp_flags;
	const char *opts;
};

#include "tunnel_vectors.h"

static inline uint32_t unhex(const char *hex, uint8_t *bytes)
{
	uint32_t n = 0;
	unsigned byte;

	for (; hex[2 * n]; n++) {
		assert_int_equal(sscanf(hex + 2 * n, "%2x", &byte), 1);
		bytes[n] = (uint8_t)byte;
	}
	return n;
}

static inline const struct tunnel_vector *vector_of(const char *name)
{
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++)
		if (strcmp(tunnel_vectors[i].name, name) == 0)
			return &tunnel_vectors[i];
	fail_msg("no vector %s", name);
	return NULL;
}

#endif
