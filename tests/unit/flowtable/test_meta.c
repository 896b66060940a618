#include "flowtable/extract.h"
#include "flowtable/meta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define GARBAGE 0xa5

static struct flow_meta garbage_meta(uint8_t cold)
{
	struct flow_meta meta;

	memset(&meta, GARBAGE, sizeof(meta));
	flow_meta_clear(&meta);
	meta.cold = cold;
	return meta;
}

static void lines_are_zeros_when_they_are_first_used(void **state)
{
	static const struct flow_meta zero;
	struct flow_meta meta = garbage_meta(0);

	(void)state;
	flow_meta_use(&meta, FLOW_COLD_CT);
	assert_memory_equal(&meta.ct, &zero.ct, sizeof(meta.ct));
	assert_int_equal(meta.pkt_mark, 0);
	meta.pkt_mark = 7;
	flow_meta_use(&meta, FLOW_COLD_CT | FLOW_COLD_TUN | FLOW_COLD_OPTS);
	assert_int_equal(meta.pkt_mark, 7); // in use already
	assert_memory_equal(&meta.tun, &zero.tun, sizeof(zero) - offsetof(struct flow_meta, tun));
	flow_meta_drop(&meta, FLOW_COLD_CT);
	flow_meta_use(&meta, FLOW_COLD_CT);
	assert_int_equal(meta.pkt_mark, 0);
}

static void copies_and_keys_have_the_lines_that_are_there(void **state)
{
	(void)state;
	for (unsigned cold = 0; cold <= FLOW_COLD_ALL; cold++) {
		struct flow_meta meta = garbage_meta((uint8_t)cold), copy, back;
		struct flow_key key, whole;

		meta.ct_zone = 3;
		meta.dp_hash = 4;
		memset(&copy, 0, sizeof(copy));
		flow_meta_copy(&copy, &meta);
		memset(&key, 0x5a, sizeof(key));
		flow_extract((const uint8_t *)"", 0, &key, NULL);
		flow_meta_to_key(&copy, &key);
		assert_int_equal(key.ct_zone, 3);
		assert_int_equal(key.dp_hash, 4);
		flow_key_whole(&whole, &key);
		assert_int_equal(whole.pkt_mark, cold & FLOW_COLD_CT ? 0xa5a5a5a5 : 0);
		assert_int_equal(whole.tun.src_be, cold & FLOW_COLD_TUN ? 0xa5a5a5a5 : 0);
		assert_int_equal(whole.skb_priority, cold & FLOW_COLD_OPTS ? 0xa5a5a5a5 : 0);
		assert_int_equal(whole.tun_opts[FLOW_TUN_OPTS_MAX - 1],
				 cold & FLOW_COLD_OPTS ? GARBAGE : 0);
		flow_meta_from_key(&back, &whole);
		assert_int_equal(back.cold, cold);
		assert_int_equal(back.dp_hash, 4);
		flow_meta_extract(&back, 0, 0, (const uint8_t *)"", 0, &key);
		key.in_port = whole.in_port;
		key.recirc_id = whole.recirc_id;
		assert_memory_equal(&key, &whole, sizeof(key));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_zeros_when_they_are_first_used),
	    cmocka_unit_test(copies_and_keys_have_the_lines_that_are_there),
	};

	return cmocka_run_group_tests_name("meta", tests, NULL, NULL);
}
