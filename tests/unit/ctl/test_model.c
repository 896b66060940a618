// The packet model against real frames: it has the key that swd extracts.
#include "tests/unit/ctl/model_execute.h"
#include "tests/unit/ctl/random_model.h"

#include "flowtable/extract.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct frame {
	uint8_t bytes[512];
	uint32_t len;
};

static void add(struct frame *f, const void *bytes, size_t n)
{
	memcpy(f->bytes + f->len, bytes, n);
	f->len += (uint32_t)n;
}

static void add8(struct frame *f, unsigned v)
{
	f->bytes[f->len++] = (uint8_t)v;
}

static void add16(struct frame *f, unsigned v)
{
	add8(f, v >> 8);
	add8(f, v & 0xff);
}

static void add32(struct frame *f, uint32_t v)
{
	add16(f, v >> 16);
	add16(f, v & 0xffff);
}

static void add_zeros(struct frame *f, unsigned n)
{
	while (n-- > 0)
		add8(f, 0);
}

static void add_lladdr(struct frame *f, unsigned type, const struct eth_addr *a)
{
	add8(f, type);
	add8(f, 1);
	add(f, a, 6);
}

static void add_icmp(struct frame *f, const struct model *m, unsigned parts)
{
	add8(f, m->tp_src);
	add8(f, m->tp_dst);
	add_zeros(f, 6);
	if (parts & MODEL_ND) {
		add(f, &m->nd_target, 16);
		if (m->has_sll)
			add_lladdr(f, 1, &m->sha);
		if (m->has_tll)
			add_lladdr(f, 2, &m->tha);
	}
}

static void add_l4(struct frame *f, const struct model *m, unsigned parts)
{
	if (parts & MODEL_L4) {
		add16(f, m->tp_src);
		add16(f, m->tp_dst);
		add_zeros(f, 8);
		add16(f, 0x5000u | m->tcp_flags);
		add_zeros(f, 6);
	} else if (parts & (MODEL_ICMP | MODEL_ICMP6)) {
		add_icmp(f, m, parts);
	} else {
		add_zeros(f, 32);
	}
}

static void add_ipv4(struct frame *f, const struct model *m, unsigned parts)
{
	unsigned ofs = m->nw_frag & NW_FRAG_LATER ? 100 : m->nw_frag & NW_FRAG_ANY ? 0x2000 : 0;

	add8(f, 0x45);
	add8(f, m->nw_tos);
	add16(f, 300);
	add16(f, 0);
	add16(f, ofs);
	add8(f, m->nw_ttl);
	add8(f, m->nw_proto);
	add16(f, 0);
	add32(f, m->ip_src);
	add32(f, m->ip_dst);
	add_l4(f, m, parts);
}

static void add_ipv6(struct frame *f, const struct model *m, unsigned parts)
{
	unsigned ofs = m->nw_frag & NW_FRAG_LATER ? 100u << 3 : 1;

	add32(f, 6u << 28 | (uint32_t)m->nw_tos << 20 | m->ipv6_label);
	add16(f, 300);
	add8(f, m->nw_frag ? IPPROTO_FRAGMENT : m->nw_proto);
	add8(f, m->nw_ttl);
	add(f, &m->ipv6_src, 16);
	add(f, &m->ipv6_dst, 16);
	if (m->nw_frag) {
		add8(f, m->nw_frag & NW_FRAG_LATER ? IPPROTO_TCP : m->nw_proto);
		add8(f, 0);
		add16(f, ofs);
		add32(f, 0);
	}
	add_l4(f, m, parts);
}

static void add_arp(struct frame *f, const struct model *m)
{
	add16(f, 1);
	add16(f, 0x800);
	add16(f, 0x604);
	add16(f, m->arp_op);
	add(f, &m->sha, 6);
	add32(f, m->ip_src);
	add(f, &m->tha, 6);
	add32(f, m->ip_dst);
}

static void add_payload(struct frame *f, const struct model *m)
{
	unsigned parts = model_payload_parts(m);

	if (parts & MODEL_IPV4)
		add_ipv4(f, m, parts);
	else if (parts & MODEL_IPV6)
		add_ipv6(f, m, parts);
	else if (parts & MODEL_ARP)
		add_arp(f, m);
	else
		add_zeros(f, 64);
}

static void make_frame(struct frame *f, const struct model *m)
{
	f->len = 0;
	add(f, &m->eth_dst, 6);
	add(f, &m->eth_src, 6);
	for (unsigned i = 0; i < m->n_tags; i++) {
		add16(f, m->tags[i].tpid);
		add16(f, m->tags[i].tci);
	}
	add16(f, m->eth_type);
	for (unsigned i = 0; i < m->n_lses; i++)
		add32(f, m->lses[i]);
	add_payload(f, m);
}

static void expect_key(const struct model *m)
{
	struct flow_key found = {0}, key;
	struct frame f;

	make_frame(&f, m);
	flow_extract(f.bytes, f.len, &found, NULL);
	model_key(m, &key);
	if (flow_key_equal(&found, &key))
		return;
	model_print(stderr, m);
	fprintf(stderr, "\n");
	assert_memory_equal(&key, &found, sizeof(key));
}

static void the_key_is_the_one_that_swd_extracts(void **state)
{
	struct model m;

	(void)state;
	prng_state = 4;
	for (unsigned i = 0; i < 20000; i++) {
		random_model(&m);
		expect_key(&m);
		random_mutate(&m);
		expect_key(&m);
	}
}

static struct model tcp_packet(void)
{
	struct model m = {.payload_type = ETH_IPV4,
			  .nw_proto = IPPROTO_TCP,
			  .nw_ttl = 64,
			  .ip_src = 0x0a000001,
			  .ip_dst = 0x0a000002,
			  .tp_src = 1000,
			  .tp_dst = 80};

	model_settle(&m);
	return m;
}

static struct ref_events events;

#define LIST(...)               \
	(const struct action[]) \
	{                       \
		__VA_ARGS__     \
	}
#define EXECUTE(m, ...) \
	execute(m, LIST(__VA_ARGS__), sizeof(LIST(__VA_ARGS__)) / sizeof(struct action))

static const char *execute(const struct model *m, const struct action *actions, unsigned n)
{
	events.n = 0;
	return model_execute(m, actions, n, NULL, &events);
}

static void truncation_is_for_the_next_output_alone(void **state)
{
	struct model m = tcp_packet();

	(void)state;
	assert_null(EXECUTE(&m, {.type = ACTION_TRUNC, .u.max_len = 60},
			    {.type = ACTION_OUTPUT, .u.port = 2},
			    {.type = ACTION_OUTPUT, .u.port = 3}));
	assert_int_equal(events.n, 2);
	assert_int_equal(events.list[0].max_len, 60);
	assert_int_equal(events.list[1].max_len, 0);
}

static void sets_are_masked_and_for_what_comes_behind(void **state)
{
	struct model m = tcp_packet();
	struct action set = {.type = ACTION_SET_IPV4,
			     .u.ipv4 = {.dst_be = htonl(0x0b000000),
					.dst_mask_be = htonl(0xff000000)}};

	(void)state;
	assert_null(EXECUTE(&m, {.type = ACTION_OUTPUT, .u.port = 2}, set,
			    {.type = ACTION_OUTPUT, .u.port = 3}));
	assert_true(model_equal(&events.list[0].packet, &m));
	assert_int_equal(events.list[1].packet.ip_dst, 0x0b000002);
}

static void an_expired_ttl_ends_the_packet(void **state)
{
	struct model m = tcp_packet();

	(void)state;
	m.nw_ttl = 2;
	assert_null(EXECUTE(&m, {.type = ACTION_DEC_TTL}, {.type = ACTION_OUTPUT, .u.port = 2},
			    {.type = ACTION_DEC_TTL}, {.type = ACTION_OUTPUT, .u.port = 3}));
	assert_int_equal(events.n, 1);
	assert_int_equal(events.list[0].packet.nw_ttl, 1);
}

static void what_swd_would_drop_the_packet_for_is_wrong(void **state)
{
	struct model m = tcp_packet();

	(void)state;
	assert_non_null(EXECUTE(&m, {.type = ACTION_POP_VLAN}));
	assert_non_null(EXECUTE(&m, {.type = ACTION_SET_IPV6}));
	assert_non_null(EXECUTE(&m, {.type = ACTION_POP_MPLS}));
	assert_non_null(EXECUTE(&m, {.type = ACTION_SET_ARP}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_key_is_the_one_that_swd_extracts),
	    cmocka_unit_test(truncation_is_for_the_next_output_alone),
	    cmocka_unit_test(sets_are_masked_and_for_what_comes_behind),
	    cmocka_unit_test(an_expired_ttl_ends_the_packet),
	    cmocka_unit_test(what_swd_would_drop_the_packet_for_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
