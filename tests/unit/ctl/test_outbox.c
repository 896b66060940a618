#define _GNU_SOURCE // accept4
// The outbox toward a peer that reads when the test says so.
#include "ctl/swctld/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct fixture {
	char dir[64], path[96];
	int listener, peer;
	struct dp_client *client;
	struct outbox *ob;
	uint32_t next_seq; // that the peer expects
};

static int setup(void **arg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;
	snprintf(f->dir, sizeof(f->dir), "/tmp/outbox-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
	f->client = dp_client_connect(f->path, &err);
	assert_non_null(f->client);
	f->peer = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
	f->ob = outbox_create();
	outbox_reset(f->ob, f->client);
	f->next_seq = 1;
	*arg = f;
	return 0;
}

static int teardown(void **arg)
{
	struct fixture *f = *arg;
	outbox_destroy(f->ob);
	dp_client_close(f->client);
	close(f->peer);
	close(f->listener);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static bool fill(struct nlmsghdr *nlh, size_t room, const void *arg)
{
	static const char block[60000];
	return mnl_attr_put_check(nlh, room, 1, *(const size_t *)arg, block);
}

static int put(struct fixture *f, uint32_t seq, size_t len)
{
	return outbox_put(f->ob, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_REQUEST, seq, fill, &len);
}

// Reads one datagram and checks that its messages go on where the last ended. How many, or 0.
static unsigned peer_reads(struct fixture *f)
{
	static char buf[DP_DATAGRAM_MAX] __attribute__((aligned(8)));
	unsigned n = 0;
	int len = (int)recv(f->peer, buf, sizeof(buf), 0);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	for (; len > 0 && mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len), n++)
		assert_int_equal(nlh->nlmsg_seq, f->next_seq++);
	return n;
}

static void messages_share_a_datagram_until_flushed(void **arg)
{
	struct fixture *f = *arg;
	for (uint32_t seq = 1; seq <= 10; seq++)
		assert_int_equal(put(f, seq, 100), 0);
	assert_int_equal(peer_reads(f), 0);
	assert_int_equal(outbox_flush(f->ob), 0);
	assert_int_equal(peer_reads(f), 10);
	assert_false(outbox_blocked(f->ob));
}

static void what_does_not_fit_goes_into_the_next_datagram(void **arg)
{
	struct fixture *f = *arg;
	assert_int_equal(put(f, 1, 40000), 0);
	assert_int_equal(put(f, 2, 40000), 0);
	assert_int_equal(outbox_flush(f->ob), 0);
	assert_int_equal(peer_reads(f), 1);
	assert_int_equal(peer_reads(f), 1);
}

static void a_peer_that_does_not_read_is_waited_for_in_bounds_and_in_order(void **arg)
{
	struct fixture *f = *arg;
	uint32_t seq = 1;
	int err;
	while ((err = put(f, seq, 60000)) == 0) {
		seq++;
		assert_true(seq < 1000);
	}
	assert_int_equal(err, -EAGAIN);
	assert_true(outbox_full(f->ob));
	assert_true(seq > OUTBOX_BACKLOG_MAX);
	assert_int_equal(put(f, seq, 60000), -EAGAIN);
	// It reads again: everything comes, once, in order; and more fits.
	for (uint32_t more = seq + 20; seq < more;) {
		peer_reads(f);
		assert_int_equal(outbox_flush(f->ob), 0);
		seq += put(f, seq, 60000) == 0;
	}
	while (outbox_blocked(f->ob)) {
		peer_reads(f);
		assert_int_equal(outbox_flush(f->ob), 0);
	}
	while (peer_reads(f) > 0)
		;
	assert_int_equal(f->next_seq, seq);
}

static void a_peer_that_is_gone_is_told_at_the_flush(void **arg)
{
	struct fixture *f = *arg;
	close(f->peer);
	f->peer = -1;
	assert_int_equal(put(f, 1, 100), 0);
	assert_int_equal(outbox_flush(f->ob), -ECONNRESET);
	assert_int_equal(put(f, 2, 100), -ENOTCONN);
	outbox_reset(f->ob, NULL);
	assert_int_equal(put(f, 2, 100), -ENOTCONN);
	assert_int_equal(outbox_flush(f->ob), 0);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PEER(messages_share_a_datagram_until_flushed),
	    WITH_PEER(what_does_not_fit_goes_into_the_next_datagram),
	    WITH_PEER(a_peer_that_does_not_read_is_waited_for_in_bounds_and_in_order),
	    WITH_PEER(a_peer_that_is_gone_is_told_at_the_flush),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
