#include "tests/unit/ctl/dp_fixture.h"

#include <errno.h>

static void messages_share_a_datagram(void **state)
{
	(void)state;
	struct dp_datagram d = {.buf = msg_buf};
	for (uint32_t i = 0; i < 3; i++) {
		struct nlmsghdr *nlh = dp_msg_begin(&d, DP_FAMILY_FLOW, OVS_FLOW_CMD_GET, 5, i);
		assert_non_null(nlh);
		mnl_attr_put_strz(nlh, OVS_FLOW_ATTR_PROBE, "abcd");
		dp_msg_end(&d, nlh);
	}
	const char *at = msg_buf;
	size_t left = d.len;
	uint32_t n = 0;
	const struct nlmsghdr *nlh;
	while ((nlh = dp_datagram_next(&at, &left)) != NULL) {
		assert_int_equal(nlh->nlmsg_type, DP_FAMILY_FLOW);
		assert_int_equal(nlh->nlmsg_flags, 5);
		assert_int_equal(nlh->nlmsg_seq, n++);
		assert_int_equal(dp_msg_cmd(nlh), OVS_FLOW_CMD_GET);
		assert_string_equal(mnl_attr_get_str(dp_msg_first_attr(nlh)), "abcd");
	}
	assert_int_equal(n, 3);
	assert_int_equal(left, 0);
}

static void what_is_no_message_ends_a_datagram(void **state)
{
	(void)state;
	static const uint32_t lens[] = {0, 15, 28, 0x7fffffff, 0x80000000, 0xeeeeeeee, UINT32_MAX};
	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct nlmsghdr *nlh = begin();
		const char *at = msg_buf;
		size_t left = 24;
		nlh->nlmsg_len = lens[i];
		assert_null(dp_datagram_next(&at, &left));
		assert_int_equal(left, 24);
	}
	for (size_t cut = 1; cut < 24; cut++) {
		begin();
		const char *at = msg_buf;
		size_t left = cut;
		assert_null(dp_datagram_next(&at, &left));
	}
}

static void a_full_datagram_takes_no_more(void **state)
{
	(void)state;
	struct dp_datagram d = {.buf = msg_buf};
	const struct nlmsghdr request = {.nlmsg_seq = 1};
	struct nlmsghdr *nlh;
	unsigned n = 0;
	while ((nlh = dp_msg_begin(&d, DP_FAMILY_SWD, SWD_CMD_INFO_GET, 0, 0)) != NULL) {
		while (mnl_attr_put_u32_check(nlh, dp_msg_room(&d), 1, 0))
			n++;
		dp_msg_end(&d, nlh);
	}
	assert_true(d.len <= DP_DATAGRAM_MAX);
	assert_int_equal(n, (DP_DATAGRAM_MAX - 24) / 8);
	assert_false(dp_msg_error(&d, &request, 0, NULL));
	assert_false(dp_msg_done(&d, &request));
}

static void a_message_shorter_than_its_headers_is_refused(void **state)
{
	(void)state;
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	struct nlmsghdr *nlh = begin();
	assert_int_equal(dp_msg_parse(nlh, attrs, OVS_FLOW_ATTR_MAX, &error), 0);
	for (nlh->nlmsg_len = 16; nlh->nlmsg_len < 24; nlh->nlmsg_len++) {
		assert_int_equal(dp_msg_parse(nlh, attrs, OVS_FLOW_ATTR_MAX, &error), -EINVAL);
		assert_int_equal(dp_msg_cmd(nlh), 0);
	}
}

static void attributes_are_sorted_and_newer_ones_ignored(void **state)
{
	(void)state;
	const struct nlattr *attrs[4];
	struct nlmsghdr *nlh = begin();
	mnl_attr_put_u32(nlh, 2, 10);
	mnl_attr_put_u32(nlh, 77, 11);
	mnl_attr_put_u32(nlh, 2, 12);
	mnl_attr_put_u32(nlh, 3 | NLA_F_NESTED, 13);
	assert_int_equal(dp_msg_parse(nlh, attrs, 3, &error), 0);
	assert_null(attrs[1]);
	assert_int_equal(mnl_attr_get_u32(attrs[2]), 12);
	assert_int_equal(mnl_attr_get_u32(attrs[3]), 13);
}

static void an_attribute_longer_than_its_message_is_named(void **state)
{
	(void)state;
	const struct nlattr *attrs[4];
	struct nlmsghdr *nlh = begin();
	struct nlattr *bad = mnl_nlmsg_get_payload_tail(nlh);
	mnl_attr_put_u32(nlh, 2, 10);
	for (unsigned len = 0; len <= UINT16_MAX; len++) {
		bad->nla_len = (uint16_t)len;
		int rc = dp_msg_parse(nlh, attrs, 3, &error);
		// 5 to 7 leave padding behind the value, no attribute.
		assert_int_equal(rc, len >= 5 && len <= 8 ? 0 : -EINVAL);
		if (rc == 0)
			continue;
		if (len != 4) // then what follows is read as the next one
			assert_int_equal(offset_of(error.attr), offset_of(bad));
	}
}

static void an_error_carries_text_and_place(void **state)
{
	(void)state;
	static _Alignas(8) char buf[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = buf};
	struct nlmsghdr *request = begin();
	request->nlmsg_seq = 99;
	struct dp_error what = {.attr = mnl_nlmsg_get_payload_tail(request), .text = "bad thing"};
	mnl_attr_put_u32(request, 2, 10);
	assert_true(dp_msg_error(&d, request, -EINVAL, &what));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	char text[64];
	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(nlh->nlmsg_seq, 99);
	assert_int_equal(nlh->nlmsg_len, d.len);
	assert_int_equal(dp_msg_error_parse(nlh, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "bad thing");
	// MSG takes 4 + 10 bytes, padded to 16; OFFS follows.
	const struct nlattr *offs = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nlmsgerr) + 16);
	assert_int_equal(mnl_attr_get_type(offs), NLMSGERR_ATTR_OFFS);
	assert_int_equal(mnl_attr_get_u32(offs), 24);
	// A text that is longer than the reader's room is cut, not overrun.
	assert_int_equal(dp_msg_error_parse(nlh, text, 4), -EINVAL);
	assert_string_equal(text, "bad");
}

static void an_acknowledgement_is_an_error_of_zero(void **state)
{
	(void)state;
	static _Alignas(8) char buf[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = buf};
	char text[64] = "old";
	assert_true(dp_msg_error(&d, begin(), 0, &(struct dp_error){.text = "not shown"}));
	assert_int_equal(dp_msg_error_parse((struct nlmsghdr *)buf, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(d.len, 16 + 20);
}

static void an_error_that_is_none_is_refused(void **state)
{
	(void)state;
	static _Alignas(8) char buf[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = buf};
	char text[64];
	dp_msg_error(&d, begin(), -EINVAL, NULL);
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct nlmsgerr *payload = mnl_nlmsg_get_payload(nlh);
	payload->error = 22;
	assert_int_equal(dp_msg_error_parse(nlh, text, sizeof(text)), -EPROTO);
	payload->error = INT32_MIN;
	assert_int_equal(dp_msg_error_parse(nlh, text, sizeof(text)), -EPROTO);
	payload->error = -EINVAL;
	nlh->nlmsg_len -= 4;
	assert_int_equal(dp_msg_error_parse(nlh, text, sizeof(text)), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_share_a_datagram),
	    cmocka_unit_test(what_is_no_message_ends_a_datagram),
	    cmocka_unit_test(a_full_datagram_takes_no_more),
	    cmocka_unit_test(a_message_shorter_than_its_headers_is_refused),
	    cmocka_unit_test(attributes_are_sorted_and_newer_ones_ignored),
	    cmocka_unit_test(an_attribute_longer_than_its_message_is_named),
	    cmocka_unit_test(an_error_carries_text_and_place),
	    cmocka_unit_test(an_acknowledgement_is_an_error_of_zero),
	    cmocka_unit_test(an_error_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
