#include "flowtable/cls_mask.h"
#include "flowtable/stages.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

// The bits up to and with a stage.
static struct of_key bits_to(const struct cls_mask *m, unsigned stage)
{
	struct of_key bits = {0};

	cls_mask_look(&bits, m, stage);
	return bits;
}

static const struct cls_mask *all_bits(void)
{
	struct of_key all = {0};
	const struct cls_mask *m;

	memset(&all, 0xff, OF_KEY_WORDS * sizeof(uint64_t));
	m = cls_mask_get(&all);
	assert_non_null(m);
	return m;
}

static void each_stage_has_the_bits_of_those_before_it_and_the_last_has_all(void **state)
{
	const struct cls_mask *m = all_bits();

	(void)state;
	assert_int_equal(m->n_stages, CLS_STAGES);
	for (unsigned i = 0; i + 1 < CLS_STAGES; i++) {
		struct of_key outer = bits_to(m, i + 1), inner = bits_to(m, i);

		assert_true(of_mask_covers(&outer, &inner));
		assert_false(of_mask_covers(&inner, &outer));
	}
	struct of_key last = bits_to(m, CLS_STAGES - 1);
	assert_true(of_key_equal(&last, &m->mask));
	cls_mask_put(m);
}

static void a_stage_without_bits_is_not_kept(void **state)
{
	static const struct {
		struct of_key mask;
		unsigned n;
	} cases[] = {
	    {{.metadata_be = 0}, 1}, // the one of a rule for all packets
	    {{.pkt = {.in_port = 1}}, 1},
	    {{.pkt = {.in_port = 1}, .metadata_be = 1, .reg_be = {[9] = 1}}, 1},
	    {{.pkt = {.tp_dst_be = 1}}, 1},
	    {{.pkt = {.in_port = 1, .tp_dst_be = 1}}, 2},
	    {{.pkt = {.eth_type_be = 1, .nw_proto = 1}}, 2},
	    {{.pkt = {.eth_type_be = 1, .nw_proto = 1, .tp_dst_be = 1}}, 3},
	    {{.pkt = {.recirc_id = 1, .eth_type_be = 1, .ipv6_dst = {{1}}, .tcp_flags_be = 1}}, 4},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cls_mask *m = cls_mask_get(&cases[i].mask);

		assert_non_null(m);
		assert_int_equal(m->n_stages, cases[i].n);
		cls_mask_put(m);
	}
}

// A stage's bits never have those that only some of its packets have.
static void the_protocol_comes_before_what_it_decides(void **state)
{
	const struct cls_mask *m = all_bits();
	struct of_key type = {.pkt = {.eth_type_be = UINT16_MAX}};
	struct of_key proto = {.pkt = {.nw_proto = UINT8_MAX}}, bits;

	(void)state;
	for (unsigned i = 0; i + 1 < CLS_STAGES; i++) {
		bits = bits_to(m, i);
		assert_int_equal(bits.pkt.tp_src_be | bits.pkt.tp_dst_be | bits.pkt.tcp_flags_be,
				 0);
		assert_int_equal(bits.pkt.nd_target.b[0] | bits.pkt.arp_sha.b[0] |
				     bits.pkt.arp_tha.b[0],
				 0);
		if (bits.pkt.ip_src_be || bits.pkt.ipv6_src.b[0] || bits.pkt.nw_proto) {
			assert_true(i > 0);
			bits = bits_to(m, i - 1);
			assert_true(of_mask_covers(&bits, &type));
		}
	}
	bits = bits_to(m, CLS_STAGES - 2);
	assert_true(of_mask_covers(&bits, &proto));
	cls_mask_put(m);
}

static void metadata_and_registers_come_first(void **state)
{
	const struct cls_mask *m = all_bits();
	struct of_key first = bits_to(m, 0);

	(void)state;
	assert_true(first.metadata_be == UINT64_MAX && first.pkt.in_port == UINT32_MAX);
	for (unsigned i = 0; i < OF_N_REGS; i++)
		assert_int_equal(first.reg_be[i], UINT32_MAX);
	assert_int_equal(first.pkt.eth_type_be, 0);
	cls_mask_put(m);
}

static void a_mask_is_kept_once_and_as_long_as_it_is_held(void **state)
{
	struct of_key a = {.metadata_be = 1}, b = {.metadata_be = 2};
	const struct cls_mask *m = cls_mask_get(&a);

	(void)state;
	assert_ptr_equal(cls_mask_get(&a), m);
	assert_null(cls_mask_find(&b));
	const struct cls_mask *other = cls_mask_get(&b);
	assert_ptr_not_equal(other, m);
	assert_ptr_equal(cls_mask_find(&a), m);
	cls_mask_put(m);
	assert_ptr_equal(cls_mask_find(&a), m);
	cls_mask_put(m);
	assert_null(cls_mask_find(&a));
	assert_ptr_equal(cls_mask_find(&b), other);
	cls_mask_put(other);
	assert_null(cls_mask_find(&b));
}

static void only_leading_bits_make_a_prefix(void **state)
{
	static const struct {
		struct of_key mask;
		unsigned n, field, len;
	} cases[] = {
	    {{.pkt = {.ip_src_be = 0}}, 0, 0, 0},
	    {{.pkt = {.ip_src_be = UINT32_MAX}}, 1, CLS_PREFIX_IP_SRC, 32},
	    {{.pkt = {.mpls_lse_be = {[1] = 0xf0}}}, 1, CLS_PREFIX_IP_DST, 4},
	    {{.pkt = {.ip_dst_be = 0x0f}}, 0, 0, 0}, // bits behind a gap
	    {{.pkt = {.ip_dst_be = 0xfff0}}, 0, 0, 0},
	    {{.pkt = {.tp_src_be = 0x00ff}}, 1, CLS_PREFIX_TP_SRC, 8},
	    {{.pkt = {.tp_dst_be = UINT16_MAX}}, 1, CLS_PREFIX_TP_DST, 16},
	    {{.pkt = {.ipv6_src = {{[0 ... 8] = 0xff}}}}, 1, CLS_PREFIX_IPV6_SRC, 72},
	    {{.pkt = {.ipv6_dst = {{[0 ... 15] = 0xff}}}}, 1, CLS_PREFIX_IPV6_DST, 128},
	    {{.pkt = {.ipv6_dst = {{[8 ... 15] = 0xff}}}}, 0, 0, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cls_mask *m = cls_mask_get(&cases[i].mask);

		assert_non_null(m);
		assert_int_equal(m->n_prefixes, cases[i].n);
		if (cases[i].n > 0) {
			assert_int_equal(m->prefixes[0].field, cases[i].field);
			assert_int_equal(m->prefixes[0].len, cases[i].len);
		}
		cls_mask_put(m);
	}
}

static void a_hash_is_there_as_often_as_it_was_added(void **state)
{
	struct stages s = {0};
	const uint32_t a[] = {1, 2, 3}, b[] = {1, 4, 5};

	(void)state;
	assert_int_equal(stages_add(&s, 3, a), 0);
	assert_int_equal(stages_add(&s, 3, b), 0);
	assert_true(hash_counts_has(&s.early[0], 1) && hash_counts_has(&s.early[1], 4));
	assert_false(hash_counts_has(&s.early[2], 5)); // the last stage is the subtable itself
	stages_del(&s, 3, b);
	assert_true(hash_counts_has(&s.early[0], 1) && hash_counts_has(&s.early[1], 2));
	assert_false(hash_counts_has(&s.early[1], 4));
	stages_del(&s, 3, a);
	assert_false(hash_counts_has(&s.early[0], 1));
	stages_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_stage_has_the_bits_of_those_before_it_and_the_last_has_all),
	    cmocka_unit_test(a_stage_without_bits_is_not_kept),
	    cmocka_unit_test(the_protocol_comes_before_what_it_decides),
	    cmocka_unit_test(metadata_and_registers_come_first),
	    cmocka_unit_test(a_mask_is_kept_once_and_as_long_as_it_is_held),
	    cmocka_unit_test(only_leading_bits_make_a_prefix),
	    cmocka_unit_test(a_hash_is_there_as_often_as_it_was_added),
	};
	return cmocka_run_group_tests_name("stages", tests, NULL, NULL);
}
