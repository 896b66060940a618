#include "ctl/dp_client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 5000

static char dir[] = "/tmp/test_dp_client.XXXXXX";
static char path[64];
static int listen_fd;

// The peer: takes one connection, reads one request, and does what the test says.
struct peer {
	pthread_t thread;
	void (*answer)(struct dp_datagram *d, const struct nlmsghdr *request, int fd);
};

static void *peer_run(void *arg)
{
	struct peer *peer = arg;
	static _Alignas(8) char in[DP_DATAGRAM_MAX], out[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = out};
	int fd = accept(listen_fd, NULL, NULL);
	if (recv(fd, in, sizeof(in), 0) > 0)
		peer->answer(&d, (const struct nlmsghdr *)in, fd);
	if (d.len > 0)
		send(fd, d.buf, d.len, MSG_NOSIGNAL);
	recv(fd, in, sizeof(in), 0); // until the client closes
	close(fd);
	return NULL;
}

static struct dp_client *start(struct peer *peer)
{
	int err;
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
	struct dp_client *c = dp_client_connect(path, &err);
	assert_non_null(c);
	return c;
}

static void stop(struct peer *peer, struct dp_client *c)
{
	dp_client_close(c);
	pthread_join(peer->thread, NULL);
}

static void put(struct dp_datagram *d, uint16_t family, uint32_t seq)
{
	dp_msg_end(d, dp_msg_begin(d, family, 1, 0, seq));
}

static void count(const struct nlmsghdr *nlh, void *arg)
{
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_VPORT);
	(*(unsigned *)arg)++;
}

static void answer_dump(struct dp_datagram *d, const struct nlmsghdr *request, int fd)
{
	put(d, DP_FAMILY_VPORT, request->nlmsg_seq);
	put(d, DP_FAMILY_PACKET, 0); // an upcall in between
	put(d, DP_FAMILY_VPORT, request->nlmsg_seq - 1);
	put(d, DP_FAMILY_VPORT, request->nlmsg_seq);
	send(fd, d->buf, d->len, 0);
	d->len = 0;
	put(d, DP_FAMILY_VPORT, request->nlmsg_seq);
	dp_msg_done(d, request);
}

static void a_call_collects_the_answers_that_are_its_own(void **state)
{
	(void)state;
	struct peer peer = {.answer = answer_dump};
	struct dp_client *c = start(&peer);
	unsigned n = 0;
	char text[64] = "?";
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, NLM_F_DUMP);
	assert_int_equal(dp_client_call(c, count, &n, TIMEOUT_MS, text, sizeof(text)), 0);
	assert_int_equal(n, 3);
	assert_string_equal(text, "");
	stop(&peer, c);
}

static void count_slowly(const struct nlmsghdr *nlh, void *arg)
{
	usleep(200000);
	count(nlh, arg);
}

static void a_dump_may_take_longer_than_one_answer(void **state)
{
	(void)state;
	struct peer peer = {.answer = answer_dump};
	struct dp_client *c = start(&peer);
	unsigned n = 0;
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, NLM_F_DUMP);
	assert_int_equal(dp_client_call(c, count_slowly, &n, 300, NULL, 0), 0);
	assert_int_equal(n, 3);
	stop(&peer, c);
}

static void answer_error(struct dp_datagram *d, const struct nlmsghdr *request, int fd)
{
	const struct dp_error error = {.text = "port \"x\" is there already"};
	(void)fd;
	dp_msg_error(d, request, -EEXIST, &error);
}

static void a_refusal_comes_back_with_its_text(void **state)
{
	(void)state;
	struct peer peer = {.answer = answer_error};
	struct dp_client *c = start(&peer);
	char text[64];
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_NEW, 0);
	assert_int_equal(dp_client_call(c, NULL, NULL, TIMEOUT_MS, text, sizeof(text)), -EEXIST);
	assert_string_equal(text, "port \"x\" is there already");
	stop(&peer, c);
}

static void answer_nothing(struct dp_datagram *d, const struct nlmsghdr *request, int fd)
{
	(void)d;
	(void)request;
	(void)fd;
}

static void a_peer_that_does_not_answer_times_out(void **state)
{
	(void)state;
	struct peer peer = {.answer = answer_nothing};
	struct dp_client *c = start(&peer);
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, 0);
	assert_int_equal(dp_client_call(c, NULL, NULL, 20, NULL, 0), -ETIMEDOUT);
	stop(&peer, c);
}

static void answer_close(struct dp_datagram *d, const struct nlmsghdr *request, int fd)
{
	(void)d;
	(void)request;
	shutdown(fd, SHUT_RDWR);
}

static void a_peer_that_goes_away_is_told(void **state)
{
	(void)state;
	struct peer peer = {.answer = answer_close};
	struct dp_client *c = start(&peer);
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, 0);
	assert_int_equal(dp_client_call(c, NULL, NULL, TIMEOUT_MS, NULL, 0), -ECONNRESET);
	stop(&peer, c);
}

static void answer_garbage(struct dp_datagram *d, const struct nlmsghdr *request, int fd)
{
	(void)request;
	(void)fd;
	memset(d->buf, 0xee, 40);
	d->len = 40;
}

static void a_peer_that_sends_no_netlink_is_given_up(void **state)
{
	(void)state;
	struct peer peer = {.answer = answer_garbage};
	struct dp_client *c = start(&peer);
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, 0);
	assert_int_equal(dp_client_call(c, NULL, NULL, TIMEOUT_MS, NULL, 0), -ECONNRESET);
	stop(&peer, c);
}

static void a_peer_that_does_not_read_gives_eagain(void **state)
{
	(void)state;
	int err, rc;
	static _Alignas(8) char out[DP_DATAGRAM_MAX];
	struct dp_datagram d = {.buf = out, .len = sizeof(out)};
	struct dp_client *c = dp_client_connect(path, &err);
	assert_non_null(c);
	unsigned n = 0;
	while ((rc = dp_client_send(c, &d)) == 0 && n < 10000)
		n++;
	assert_int_equal(rc, -EAGAIN);
	assert_int_equal(dp_client_recv(c, out, sizeof(out)), 0);
	int fd = accept(listen_fd, NULL, NULL);
	close(fd);
	assert_int_equal(dp_client_recv(c, out, sizeof(out)), -ECONNRESET);
	dp_client_close(c);
}

static void no_server_gives_the_reason(void **state)
{
	(void)state;
	int err = 0;
	assert_null(dp_client_connect("/nowhere/datapath.sock", &err));
	assert_int_equal(err, -ENOENT);
}

static int setup(void **state)
{
	(void)state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		       listen(listen_fd, 4) < 0
		   ? -1
		   : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(listen_fd);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_collects_the_answers_that_are_its_own),
	    cmocka_unit_test(a_dump_may_take_longer_than_one_answer),
	    cmocka_unit_test(a_refusal_comes_back_with_its_text),
	    cmocka_unit_test(a_peer_that_does_not_answer_times_out),
	    cmocka_unit_test(a_peer_that_goes_away_is_told),
	    cmocka_unit_test(a_peer_that_sends_no_netlink_is_given_up),
	    cmocka_unit_test(a_peer_that_does_not_read_gives_eagain),
	    cmocka_unit_test(no_server_gives_the_reason),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
