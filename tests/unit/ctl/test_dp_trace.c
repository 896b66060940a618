// Traced packets as messages, and how a client reads them.
#include "ctl/dp_trace.h"

#include "ctl/swctld/dp_calls.h"
#include "tests/unit/ctl/dp_random.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct dp_trace_packet packet, back;
static char end[64];

static void rnd_step(struct dp_trace_step *step)
{
	memset(step, 0, sizeof(*step));
	rnd_key(&step->key);
	step->hit = rnd(2) != 0;
	if (!step->hit)
		return;
	step->match.key.in_port = rnd(1024);
	step->match.mask.in_port = UINT32_MAX;
	step->n_actions = rnd(DP_TRACE_ACTIONS_MAX + 1);
	for (unsigned i = 0; i < step->n_actions; i++) {
		step->actions[i].type = ACTION_OUTPUT;
		step->actions[i].u.port = rnd(1024);
	}
}

static void rnd_event(struct dp_trace_event *event)
{
	memset(event, 0, sizeof(*event));
	event->kind = (enum dp_trace_event_kind)rnd(3);
	event->port_no = rnd(1024);
	event->n = 1 + rnd(50);
	if (event->kind == DP_TRACE_DROP)
		snprintf(event->reason, sizeof(event->reason), "reason-%u", rnd(100));
}

static void rnd_packet(void)
{
	memset(&packet, 0, sizeof(packet));
	packet.port_no = rnd(1024);
	packet.index = rnd(DP_TRACE_COUNT_MAX);
	packet.frame_len = rnd(70000);
	packet.captured_len = rnd(DP_TRACE_FRAME_MAX + 1);
	rnd_bytes(packet.frame, packet.captured_len);
	packet.cut = rnd(2) != 0;
	packet.n_steps = rnd(DP_TRACE_STEPS_MAX + 1);
	packet.n_events = rnd(DP_TRACE_EVENTS_MAX + 1);
	for (unsigned i = 0; i < packet.n_steps; i++)
		rnd_step(&packet.steps[i]);
	for (unsigned i = 0; i < packet.n_events; i++)
		rnd_event(&packet.events[i]);
}

static void packets_come_back_as_they_were(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct nlmsghdr *nlh = begin();
		rnd_packet();
		assert_true(dp_trace_put(nlh, DP_DATAGRAM_MAX, &packet));
		memset(&back, 0xaa, sizeof(back));
		int rc = dp_trace_parse(nlh, &back, end, sizeof(end), &error);
		if (rc != 1)
			fail_msg("%s", error.text);
		assert_memory_equal(&packet, &back, sizeof(packet));
	}
}

static void the_end_is_told(void **state)
{
	(void)state;
	struct nlmsghdr *nlh = begin();
	mnl_attr_put_strz(nlh, SWD_TRACE_ATTR_END, "the time is over");
	assert_int_equal(dp_trace_parse(nlh, &back, end, sizeof(end), &error), 0);
	assert_string_equal(end, "the time is over");
}

// Whatever stands in a message, nothing is written past the struct (seen by SAN=1).
static void garbage_is_refused_or_read_within_bounds(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct nlmsghdr *nlh = begin();
		rnd_packet();
		packet.n_steps %= 3;
		assert_true(dp_trace_put(nlh, DP_DATAGRAM_MAX, &packet));
		for (unsigned n = rnd(8); n > 0; n--)
			msg_buf[24 + rnd(nlh->nlmsg_len - 24)] = (char)rnd(256);
		dp_trace_parse(nlh, &back, end, sizeof(end), &error);
		assert_true(back.n_steps <= DP_TRACE_STEPS_MAX);
		assert_true(back.n_events <= DP_TRACE_EVENTS_MAX);
		assert_true(back.captured_len <= DP_TRACE_FRAME_MAX);
	}
}

static void one_step_more_than_fits_is_refused(void **state)
{
	(void)state;
	memset(&packet, 0, sizeof(packet));
	packet.n_steps = DP_TRACE_STEPS_MAX;
	struct nlmsghdr *nlh = begin();
	assert_true(dp_trace_put(nlh, DP_DATAGRAM_MAX, &packet));
	struct nlattr *nest = mnl_attr_nest_start(nlh, SWD_TRACE_ATTR_STEP);
	mnl_attr_nest_end(nlh, nest);
	assert_int_equal(dp_trace_parse(nlh, &back, end, sizeof(end), &error), -EINVAL);
}

// A peer that acknowledges a request and tells two packets and the end.
static char path[64];

static void put_message(struct dp_datagram *d, uint32_t seq, const char *why)
{
	struct nlmsghdr *nlh = dp_msg_begin(d, DP_FAMILY_SWD, SWD_CMD_TRACE, 0, seq);
	assert_non_null(nlh);
	if (why != NULL)
		mnl_attr_put_strz(nlh, SWD_TRACE_ATTR_END, why);
	else
		assert_true(dp_trace_put(nlh, dp_msg_room(d), &packet));
	dp_msg_end(d, nlh);
}

static void *peer_run(void *arg)
{
	static _Alignas(8) char in[DP_DATAGRAM_MAX], out[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = out};
	int fd = accept(*(int *)arg, NULL, NULL);
	const struct nlmsghdr *request = (const struct nlmsghdr *)in;
	const struct nlattr *a[SWD_TRACE_ATTR_MAX + 1];
	assert_true(recv(fd, in, sizeof(in), 0) > 0);
	assert_int_equal(dp_msg_cmd(request), SWD_CMD_TRACE_SET);
	assert_int_equal(dp_msg_parse(request, a, SWD_TRACE_ATTR_MAX, NULL), 0);
	assert_int_equal(mnl_attr_get_u32(a[SWD_TRACE_ATTR_PORT_NO]), 5);
	assert_int_equal(mnl_attr_get_u32(a[SWD_TRACE_ATTR_COUNT]), 2);
	assert_int_equal(mnl_attr_get_u32(a[SWD_TRACE_ATTR_TIME_MS]), 1000);
	dp_msg_error(&d, request, 0, NULL);
	assert_true(send(fd, d.buf, d.len, 0) > 0);
	d.len = 0;
	put_message(&d, request->nlmsg_seq, NULL);
	put_message(&d, request->nlmsg_seq, NULL);
	assert_true(send(fd, d.buf, d.len, 0) > 0);
	d.len = 0;
	put_message(&d, request->nlmsg_seq, "all packets are told");
	assert_true(send(fd, d.buf, d.len, 0) > 0);
	recv(fd, in, sizeof(in), 0); // until the client closes
	close(fd);
	return NULL;
}

static void on_packet(const struct dp_trace_packet *got, void *arg)
{
	assert_memory_equal(got, &packet, sizeof(packet));
	(*(unsigned *)arg)++;
}

static void a_client_reads_packets_until_the_end(void **state)
{
	(void)state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test_dp_trace.XXXXXX", text[DP_CALL_TEXT];
	unsigned n = 0;
	pthread_t thread;
	int err, rc = 0, fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	rnd_packet();
	assert_int_equal(pthread_create(&thread, NULL, peer_run, &fd), 0);
	struct dp_client *c = dp_client_connect(path, &err);
	assert_non_null(c);
	assert_int_equal(dp_call_trace_start(c, 5, 2, 1000, text), 0);
	while (rc == 0)
		rc = dp_call_trace_read(c, on_packet, &n, text);
	assert_int_equal(rc, 1);
	assert_int_equal(n, 2);
	assert_string_equal(text, "all packets are told");
	dp_client_close(c);
	pthread_join(thread, NULL);
	close(fd);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_come_back_as_they_were),
	    cmocka_unit_test(the_end_is_told),
	    cmocka_unit_test(garbage_is_refused_or_read_within_bounds),
	    cmocka_unit_test(one_step_more_than_fits_is_refused),
	    cmocka_unit_test(a_client_reads_packets_until_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
