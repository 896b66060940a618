// Traces, as a client meets them. The test plays the PMD.
#include "ctl/dp_trace.h"
#include "datapath/trace.h"
#include "tests/unit/datapath/server_fixture.h"

#include <errno.h>

#define PORT 9

static struct port port;
static _Alignas(8) char buf[DP_DATAGRAM_MAX];
static struct dp_trace_packet packet;

static int start(void **state)
{
	memset(&port, 0, sizeof(port));
	port.no = PORT;
	snprintf(port.config.name, sizeof(port.config.name), "vm9");
	__atomic_store_n(&ports_published[PORT], &port, __ATOMIC_RELEASE);
	traces_init(fx.rcu);
	return each_start(state);
}

static int stop(void **state)
{
	int rc = each_stop(state);
	__atomic_store_n(&ports_published[PORT], NULL, __ATOMIC_RELEASE);
	return rc;
}

static int ask(struct dp_client *c, uint32_t port_no, uint32_t count, uint32_t time_ms)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_TRACE_SET, 0);
	mnl_attr_put_u32(nlh, SWD_TRACE_ATTR_PORT_NO, port_no);
	mnl_attr_put_u32(nlh, SWD_TRACE_ATTR_COUNT, count);
	mnl_attr_put_u32(nlh, SWD_TRACE_ATTR_TIME_MS, time_ms);
	return call(c, NULL, NULL);
}

static bool is_traced(void)
{
	return __atomic_load_n(&port.trace, __ATOMIC_ACQUIRE) != NULL;
}

// Until the server has seen what it must see.
static void wait_untraced(void)
{
	for (unsigned i = 0; i < TIMEOUT_MS && is_traced(); i++)
		usleep(1000);
	assert_false(is_traced());
}

// A packet of `len` bytes comes and misses.
static void pass(uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	struct trace *trace = __atomic_load_n(&port.trace, __ATOMIC_ACQUIRE);
	const struct flow_key key = {.in_port = PORT, .eth_type_be = htons(0x1234)};
	memset(rte_pktmbuf_append(m, (uint16_t)len), 0x5a, len);
	struct trace_record *record = trace_claim(trace, m);
	rte_pktmbuf_free(m);
	if (record == NULL)
		return;
	trace_step(record, &key, NULL, NULL, 0);
	trace_drop(record, PORT, DROP_UPCALL_RING_FULL, 1);
	trace_done(record);
}

// Reads until the trace has ended, for the reason with that word. Returns how many packets came.
static unsigned read_all(struct dp_client *c, const char *word)
{
	unsigned n = 0;
	for (;;) {
		int len = receive(c, buf);
		assert_true(len > 0);
		const char *at = buf;
		size_t left = (size_t)len;
		const struct nlmsghdr *nlh;
		while ((nlh = dp_datagram_next(&at, &left)) != NULL) {
			char end[64];
			assert_int_equal(dp_msg_cmd(nlh), SWD_CMD_TRACE);
			int rc = dp_trace_parse(nlh, &packet, end, sizeof(end), NULL);
			if (rc == 0) {
				assert_non_null(strstr(end, word));
				return n;
			}
			assert_int_equal(rc, 1);
			assert_int_equal(packet.index, n++);
		}
	}
}

static void packets_are_told_and_then_the_end(void **state)
{
	(void)state;
	struct dp_client *c = client();
	assert_int_equal(ask(c, PORT, 3, TIMEOUT_MS), 0);
	for (unsigned i = 0; i < 5; i++)
		pass(60 + i);
	assert_int_equal(read_all(c, "all packets"), 3);
	assert_int_equal(packet.port_no, PORT);
	assert_int_equal(packet.frame_len, 62);
	assert_int_equal(packet.captured_len, 62);
	assert_int_equal(packet.frame[61], 0x5a);
	assert_int_equal(packet.n_steps, 1);
	assert_false(packet.steps[0].hit);
	assert_int_equal(packet.steps[0].key.in_port, PORT);
	assert_int_equal(packet.n_events, 1);
	assert_string_equal(packet.events[0].reason, "upcall-ring-full");
	wait_untraced();
	assert_int_equal(ask(c, PORT, 1, TIMEOUT_MS), 0); // again
	dp_client_close(c);
}

static void a_packet_under_way_waits_until_it_is_done(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	assert_int_equal(ask(c, PORT, 2, TIMEOUT_MS), 0);
	struct trace_record *first = trace_claim(port.trace, m);
	rte_pktmbuf_free(m);
	pass(60); // another PMD's, which is faster
	usleep(30000);
	assert_int_equal(dp_client_recv(c, buf, sizeof(buf)), 0);
	trace_done(first);
	assert_int_equal(read_all(c, "all packets"), 2);
	dp_client_close(c);
}

static void the_time_ends_it(void **state)
{
	(void)state;
	struct dp_client *c = client();
	assert_int_equal(ask(c, PORT, 3, 100), 0);
	pass(60);
	assert_int_equal(read_all(c, "time"), 1);
	wait_untraced();
	dp_client_close(c);
}

static void a_port_that_goes_ends_it(void **state)
{
	(void)state;
	struct dp_client *c = client();
	assert_int_equal(ask(c, PORT, 3, TIMEOUT_MS), 0);
	__atomic_store_n(&ports_published[PORT], NULL, __ATOMIC_RELEASE);
	assert_int_equal(read_all(c, "gone"), 0);
	dp_client_close(c);
}

static void a_connection_that_closes_ends_it(void **state)
{
	(void)state;
	struct dp_client *c = client();
	assert_int_equal(ask(c, PORT, 3, TIMEOUT_MS), 0);
	assert_true(is_traced());
	dp_client_close(c);
	wait_untraced();
}

static void one_at_a_time_and_only_what_does(void **state)
{
	(void)state;
	struct dp_client *c = client(), *other = client();
	assert_int_equal(ask(c, 8, 3, 1000), -ENODEV);
	assert_int_equal(ask(c, PORT, 0, 1000), -EINVAL);
	assert_int_equal(ask(c, PORT, DP_TRACE_COUNT_MAX + 1, 1000), -EINVAL);
	assert_non_null(strstr(fx.text, "COUNT 65"));
	assert_int_equal(ask(c, PORT, 1, 0), -EINVAL);
	assert_int_equal(ask(c, PORT, 1, DP_TRACE_MS_MAX + 1), -EINVAL);
	assert_int_equal(ask(c, UINT32_MAX, 1, 1), -EINVAL);
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_TRACE_SET, 0);
	assert_int_equal(call(c, NULL, NULL), -EINVAL);
	assert_non_null(strstr(fx.text, "PORT_NO is missing"));
	assert_int_equal(ask(c, PORT, 1, TIMEOUT_MS), 0);
	assert_int_equal(ask(other, PORT, 1, TIMEOUT_MS), -EBUSY);
	assert_non_null(strstr(fx.text, "vm9"));
	dp_client_close(c);
	wait_untraced();
	assert_int_equal(ask(other, PORT, 1, TIMEOUT_MS), 0);
	dp_client_close(other);
}

// Whose socket is full: it lets dumps pile up.
static void a_client_that_does_not_read_loses_its_trace_and_no_one_else(void **state)
{
	(void)state;
	struct dp_client *bad = client(), *good = client();
	static _Alignas(8) char out[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = out};
	assert_int_equal(ask(bad, PORT, DP_TRACE_COUNT_MAX, 300), 0);
	for (unsigned i = 0; i < 400; i++)
		dp_msg_end(&d, dp_msg_begin(&d, DP_FAMILY_SWD, SWD_CMD_INFO_GET, 0, i + 9));
	for (unsigned i = 0; i < 12; i++)
		dp_client_send(bad, &d); // answers of several MB, which stay unread
	for (unsigned i = 0; i < DP_TRACE_COUNT_MAX; i++)
		pass(60);
	wait_untraced();
	assert_int_equal(info(good), 0);
	dp_client_close(bad);
	assert_int_equal(ask(good, PORT, 1, TIMEOUT_MS), 0);
	pass(60);
	assert_int_equal(read_all(good, "all packets"), 1);
	dp_client_close(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
	    TEST(packets_are_told_and_then_the_end),
	    TEST(a_packet_under_way_waits_until_it_is_done),
	    TEST(the_time_ends_it),
	    TEST(a_port_that_goes_ends_it),
	    TEST(a_connection_that_closes_ends_it),
	    TEST(one_at_a_time_and_only_what_does),
	    TEST(a_client_that_does_not_read_loses_its_trace_and_no_one_else),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
