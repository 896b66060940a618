#include "tests/unit/ctl/dp_random.h"

#define ROUNDS 20000

static void a_key_comes_back_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct flow_key key, back;
		rnd_key(&key);
		struct nlmsghdr *nlh = begin();
		assert_true(dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &key, NULL));
		memset(&back, 0xaa, sizeof(back));
		int rc = dp_key_parse(top(nlh, OVS_FLOW_ATTR_KEY), &back, &error);
		if (rc != 0)
			fail_msg("%s", error.text);
		assert_memory_equal(&key, &back, sizeof(key));
	}
}

static void a_match_comes_back_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS * 5; i++) {
		struct flow_match match, back;
		struct flow_key key;
		rnd_key(&key);
		rnd_match_mask(&match.mask, &key);
		flow_key_mask(&match.key, &key, &match.mask);
		struct nlmsghdr *nlh = begin();
		assert_true(dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &match.key, NULL));
		assert_true(
		    dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_MASK, &match.key, &match.mask));
		memset(&back, 0xaa, sizeof(back));
		int rc = dp_match_parse(top(nlh, OVS_FLOW_ATTR_KEY), top(nlh, OVS_FLOW_ATTR_MASK),
					&back, &error);
		if (rc != 0)
			fail_msg("round %u: %s", i, error.text);
		assert_memory_equal(&match.mask, &back.mask, sizeof(match.mask));
		assert_memory_equal(&match.key, &back.key, sizeof(match.key));
	}
}

static void a_missing_mask_is_exact_in_all_that_the_key_has(void **state)
{
	(void)state;
	struct flow_key key = {.in_port = 3, .eth_type_be = htons(0x0800), .nw_proto = IPPROTO_UDP};
	struct flow_match match;
	struct nlmsghdr *nlh = begin();
	dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &key, NULL);
	assert_int_equal(dp_match_parse(top(nlh, OVS_FLOW_ATTR_KEY), NULL, &match, &error), 0);
	assert_memory_equal(&match.key, &key, sizeof(key));
	assert_int_equal(match.mask.in_port, UINT32_MAX);
	assert_int_equal(match.mask.recirc_id, UINT32_MAX);
	assert_int_equal(match.mask.vlan[0].tci_be, UINT16_MAX);
	assert_int_equal(match.mask.vlan[1].tci_be, UINT16_MAX);
	assert_int_equal(match.mask.ip_dst_be, UINT32_MAX);
	assert_int_equal(match.mask.nw_frag, NW_FRAG_ANY | NW_FRAG_LATER);
	assert_int_equal(match.mask.tp_dst_be, UINT16_MAX);
	assert_int_equal(match.mask.tcp_flags_be, 0);
	assert_int_equal(flow_mask_uses(&match.mask), 0);
}

static void a_put_without_room_leaves_the_message_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct flow_match match;
		rnd_key(&match.key);
		rnd_match_mask(&match.mask, &match.key);
		struct nlmsghdr *nlh = begin();
		uint32_t empty = nlh->nlmsg_len;
		dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &match.key, &match.mask);
		uint32_t full = nlh->nlmsg_len;
		for (uint32_t room = empty; room < full; room++) {
			nlh = begin();
			assert_false(
			    dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match.key, &match.mask));
			assert_int_equal(nlh->nlmsg_len, empty);
		}
	}
}

static void garbage_is_refused_or_read_and_never_read_past(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct flow_match match;
		rnd_key(&match.key);
		rnd_match_mask(&match.mask, &match.key);
		struct nlmsghdr *nlh = begin();
		dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_KEY, &match.key, NULL);
		dp_key_put(nlh, DP_DATAGRAM_MAX, OVS_FLOW_ATTR_MASK, &match.key, &match.mask);
		for (unsigned n = rnd(8); n > 0; n--)
			msg_buf[24 + rnd(nlh->nlmsg_len - 24)] = (char)rnd(256);
		uint32_t len = rnd(4) == 0 ? 24 + rnd(nlh->nlmsg_len - 24) : nlh->nlmsg_len;
		nlh->nlmsg_len = len;
		struct nlmsghdr *own = malloc(len);
		assert_non_null(own);
		memcpy(own, nlh, len);
		const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
		if (dp_msg_parse(own, attrs, OVS_FLOW_ATTR_MAX, &error) == 0 &&
		    attrs[OVS_FLOW_ATTR_KEY] != NULL)
			dp_match_parse(attrs[OVS_FLOW_ATTR_KEY], attrs[OVS_FLOW_ATTR_MASK], &match,
				       &error);
		free(own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_comes_back_as_it_was),
	    cmocka_unit_test(a_match_comes_back_as_it_was),
	    cmocka_unit_test(a_missing_mask_is_exact_in_all_that_the_key_has),
	    cmocka_unit_test(a_put_without_room_leaves_the_message_as_it_was),
	    cmocka_unit_test(garbage_is_refused_or_read_and_never_read_past),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
