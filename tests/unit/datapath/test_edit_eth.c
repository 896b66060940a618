// Packets without an Ethernet header, as Open vSwitch's encap() and decap() make them.
#include "edit_check.h"

#include <arpa/inet.h>

#define LSE 0x00010107u // label 16, bottom of stack, ttl 7

static const struct action pop_eth = {.type = ACTION_POP_ETH};
static const struct action push_eth = {.type = ACTION_PUSH_ETH,
				       .u.push_eth = {.src = {{2, 0, 0, 0, 0, 0x51}},
						      .dst = {{2, 0, 0, 0, 0, 0xd1}}}};
static struct action add, pop_teb, pop_ip; // main() fills them in

// One after the other, from a packet that has its Ethernet header.
static const struct action *steps[4];

static int run_steps(struct rte_mbuf **m, const struct action *action)
{
	static int (*const edits[N_ACTION_TYPES])(struct rte_mbuf * *m, const struct action *a) = {
	    [ACTION_POP_ETH] = edit_pop_eth,
	    [ACTION_PUSH_ETH] = edit_push_eth,
	    [ACTION_ADD_MPLS] = edit_add_mpls,
	    [ACTION_POP_MPLS] = edit_pop_mpls,
	};
	int err = 0;

	(void)action;
	packet_meta(*m)->no_eth = false;
	for (unsigned i = 0; i < RTE_DIM(steps) && steps[i] && !err; i++)
		err = edits[steps[i]->type](m, steps[i]);
	return err;
}

#define STEPS(...)                                                         \
	do {                                                               \
		const struct action *list[RTE_DIM(steps)] = {__VA_ARGS__}; \
		memcpy(steps, list, sizeof(steps));                        \
	} while (0)

static struct frame frame_of(unsigned n_tags, uint32_t payload)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .n_tags = n_tags, .payload = payload};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

// Ethernet header and label before the whole frame.
static struct frame behind_label(const struct frame *f)
{
	struct frame out = *f;

	memmove(out.b + 18, f->b, f->len);
	memcpy(out.b, push_eth.u.push_eth.dst.b, 6);
	memcpy(out.b + 6, push_eth.u.push_eth.src.b, 6);
	put16(out.b + 12, 0x8847);
	put16(out.b + 14, LSE >> 16);
	put16(out.b + 16, LSE & 0xffff);
	out.len += 18;
	return out;
}

static void a_frame_goes_behind_a_label_with_all_its_headers(void **state)
{
	(void)state;
	for (unsigned n_tags = 0; n_tags < 3; n_tags++) {
		struct frame f = frame_of(n_tags, 300), out = behind_label(&f);

		STEPS(&add, &push_eth);
		check_edit(run_steps, NULL, &f, &out);
		check_shared(run_steps, NULL, &f);
	}
}

static void and_comes_out_again_as_it_was(void **state)
{
	struct frame f = frame_of(1, 300), behind = behind_label(&f);

	(void)state;
	STEPS(&add, &pop_teb);
	check_edit(run_steps, NULL, &f, &f);
	STEPS(&pop_eth, &pop_teb);
	check_edit(run_steps, NULL, &behind, &f);
	check_shared(run_steps, NULL, &behind);
	// What is left must have an Ethernet header. The one that goes has no addresses.
	memset(behind.b, 0, 12);
	assert_int_equal(check_truncated(run_steps, NULL, &behind), 18 + 14);
}

// The header is another then, and the label directly before IP.
static void a_label_replaces_the_ethernet_header(void **state)
{
	struct frame f = frame_of(0, 300), out = f;

	(void)state;
	memcpy(out.b, push_eth.u.push_eth.dst.b, 6);
	memcpy(out.b + 6, push_eth.u.push_eth.src.b, 6);
	STEPS(&pop_eth, &push_eth);
	check_edit(run_steps, NULL, &f, &out);
	STEPS(&pop_eth, &add, &pop_ip, &push_eth);
	check_edit(run_steps, NULL, &f, &out);
	memmove(out.b + 18, out.b + 14, out.len - 14);
	put16(out.b + 12, 0x8847);
	put16(out.b + 14, LSE >> 16);
	put16(out.b + 16, LSE & 0xffff);
	out.len += 4;
	STEPS(&pop_eth, &add, &push_eth);
	check_edit(run_steps, NULL, &f, &out);
}

static void what_is_there_is_not_pushed_and_what_is_not_is_not_popped(void **state)
{
	struct frame f = frame_of(0, 10), tagged = frame_of(1, 10), llc = f;

	(void)state;
	STEPS(&push_eth);
	check_refused(run_steps, NULL, &f, -EINVAL);
	STEPS(&pop_eth);
	check_refused(run_steps, NULL, &tagged, -EINVAL);
	put16(llc.b + 12, 40); // a length
	check_refused(run_steps, NULL, &llc, -EINVAL);
	STEPS(&pop_eth, &pop_eth);
	struct rte_mbuf *m = packet_of(&f, 512);

	assert_int_equal(run_steps(&m, NULL), -EINVAL);
	packet_meta(m)->no_eth = false;
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_frame_goes_behind_a_label_with_all_its_headers, no_leak),
	    cmocka_unit_test_teardown(and_comes_out_again_as_it_was, no_leak),
	    cmocka_unit_test_teardown(a_label_replaces_the_ethernet_header, no_leak),
	    cmocka_unit_test_teardown(what_is_there_is_not_pushed_and_what_is_not_is_not_popped,
				      no_leak),
	};

	add = (struct action){.type = ACTION_ADD_MPLS,
			      .u.push_mpls = {.lse_be = htonl(LSE), .eth_type_be = htons(0x8847)}};
	pop_teb = (struct action){.type = ACTION_POP_MPLS, .u.eth_type_be = htons(0x6558)};
	pop_ip = (struct action){.type = ACTION_POP_MPLS, .u.eth_type_be = htons(0x0800)};
	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
