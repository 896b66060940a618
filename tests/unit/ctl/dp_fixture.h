// What the tests of the datapath protocol's codec share: a message to fill, and random bytes.
#ifndef TESTS_UNIT_CTL_DP_FIXTURE_H
#define TESTS_UNIT_CTL_DP_FIXTURE_H

#include "ctl/dp_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static _Alignas(8) char msg_buf[DP_DATAGRAM_MAX];
static struct dp_error error;

static inline struct nlmsghdr *begin(void)
{
	struct dp_datagram d = {.buf = msg_buf};
	return dp_msg_begin(&d, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, 0, 1);
}

static inline const struct nlattr *top(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	assert_int_equal(dp_msg_parse(nlh, attrs, OVS_FLOW_ATTR_MAX, NULL), 0);
	return attrs[type];
}

// A fixed seed: a failure can be repeated.
static uint64_t rng_state = 88172645463325252ULL;

static inline uint32_t rnd(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)((rng_state >> 16) % n);
}

static inline void rnd_bytes(void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)rnd(256);
}

// The attribute's offset from the start of the message.
static inline size_t offset_of(const struct nlattr *attr)
{
	return (size_t)((const char *)attr - msg_buf);
}

#endif
