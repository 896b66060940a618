// Frames and what scapy reads in them; see make_vectors.py.
#ifndef TESTS_UNIT_FLOWTABLE_VECTOR_H
#define TESTS_UNIT_FLOWTABLE_VECTOR_H

#include "flowtable/extract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(x) __builtin_bswap16(x)
#define BE32(x) __builtin_bswap32(x)
#else
#define BE16(x) (x)
#define BE32(x) (x)
#endif

struct vector {
	const char *name;
	const uint8_t *bytes;
	uint32_t len;
	struct {
		uint32_t type, l3, proto, frag, l4,
		    nd; // bytes of the frame without which that part is zero
	} need;
	struct packet_layout layout;
	struct flow_key key;
};

#include "vectors.h"

#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static inline const struct vector *vector_named(const char *name)
{
	for (unsigned i = 0; i < N_VECTORS; i++)
		if (strcmp(vectors[i].name, name) == 0)
			return &vectors[i];
	fail_msg("no vector \"%s\"", name);
	return NULL;
}

#endif
