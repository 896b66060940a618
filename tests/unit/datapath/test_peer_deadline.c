// A driver that waits for its peer without end, played by recv() on a socket of this process.
#include "datapath/peer_deadline.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// After cmocka.h.
#include "tests/unit/lingering.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// A connection to a peer that never says anything; the kernel removes its address with it.
struct connection {
	int listener, fd;
	socklen_t len; // of id.address
	struct unix_peer_id id;
};

static struct connection connection_to(const char *name)
{
	struct connection c = {.id.pid = getpid()};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n =
	    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s-%d", name, getpid());
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	c.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	c.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(c.listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(c.listener, 1), 0);
	assert_int_equal(connect(c.fd, (struct sockaddr *)&address, len), 0);
	c.id.address = address;
	c.len = len;
	return c;
}

static void connection_close(struct connection *c)
{
	close(c->fd);
	close(c->listener);
}

static long limit_s(const struct connection *c, int option)
{
	struct timeval limit;
	socklen_t len = sizeof(limit);
	assert_int_equal(getsockopt(c->fd, SOL_SOCKET, option, &limit, &len), 0);
	return limit.tv_sec;
}

static void a_driver_that_waits_too_long_loses_its_peer_and_no_other_does(void **state)
{
	struct connection hangs = connection_to("swd-unit-hangs"),
			  other = connection_to("swd-unit-other");
	char byte;
	(void)state;
	alarm(20); // the driver would wait for ever
	peer_deadline_begin(&hangs.id);
	assert_true(recv(hangs.fd, &byte, 1, 0) <= 0);
	assert_true(peer_deadline_end());
	alarm(0);
	assert_int_equal(send(other.fd, "x", 1, MSG_NOSIGNAL), 1);
	connection_close(&hangs);
	connection_close(&other);
}

static void a_socket_left_over_from_an_earlier_try_does_not_hide_the_drivers(void **state)
{
	struct connection left = connection_to("swd-unit-left");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;
	(void)state;
	assert_int_equal(connect(fd, (struct sockaddr *)&left.id.address, left.len), 0);
	shutdown(left.fd, SHUT_RDWR);
	alarm(20);
	peer_deadline_begin(&left.id);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	assert_true(peer_deadline_end());
	alarm(0);
	close(fd);
	connection_close(&left);
}

static void a_driver_whose_peer_takes_no_connection_does_not_wait_on(void **state)
{
	struct connection full = connection_to("swd-unit-full");
	int fds[2] = {socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_STREAM, 0)};
	(void)state;
	assert_int_equal(connect(fds[0], (struct sockaddr *)&full.id.address, full.len), 0);
	alarm(20);
	peer_deadline_begin(&full.id);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&full.id.address, full.len), -1);
	assert_int_equal(errno, EINTR);
	assert_true(peer_deadline_end());
	alarm(0);
	close(fds[0]);
	close(fds[1]);
	connection_close(&full);
}

static void a_driver_whose_peer_has_given_its_place_to_another_does_not_wait_on(void **state)
{
	struct connection hangs = connection_to("swd-unit-place");
	char byte;
	(void)state;
	hangs.id.pid++; // who answered before
	alarm(20);
	peer_deadline_begin(&hangs.id);
	assert_int_equal(recv(hangs.fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EINTR);
	assert_true(peer_deadline_end());
	alarm(0);
	connection_close(&hangs);
}

static void descriptors_that_come_with_an_answer_and_take_long_to_end_do_not_hold_us(void **state)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);
	int ends[2], to[2], fds[2] = {lingering(60, &to[0]), lingering(60, &to[1])};
	char byte;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*cmsg = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS,
				 .cmsg_len = CMSG_LEN(sizeof(fds))};
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	assert_int_equal(sendmsg(ends[0], &mh, 0), 1);
	close(fds[0]);
	close(fds[1]);
	alarm(20);
	peer_deadline_begin(NULL);
	assert_int_equal(recv(ends[1], &byte, 1, 0), 1);
	assert_true(peer_deadline_end());
	alarm(0);
	close(ends[0]);
	close(ends[1]);
	close(to[0]);
	close(to[1]);
}

static void a_driver_that_ends_in_time_keeps_its_peer(void **state)
{
	struct connection mine = connection_to("swd-unit-mine"),
			  other = connection_to("swd-unit-other");
	(void)state;
	peer_deadline_begin(&mine.id);
	assert_false(peer_deadline_end());
	assert_int_equal(send(mine.fd, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(limit_s(&mine, SO_RCVTIMEO), PEER_DEADLINE_S);
	assert_int_equal(limit_s(&mine, SO_SNDTIMEO), PEER_DEADLINE_S);
	assert_int_equal(limit_s(&other, SO_RCVTIMEO), 0);
	connection_close(&mine);
	connection_close(&other);
}

static int shown;

static void show(int copy, int fd)
{
	assert_true(copy >= 0 && copy != fd);
	shown = fd;
}

static void the_socket_to_a_peer_is_found_as_long_as_it_is_open(void **state)
{
	struct connection c = connection_to("swd-unit-peer");
	struct unix_peer_id stranger = c.id;
	(void)state;
	assert_int_equal(unix_peer_sockets(&c.id, show), 1);
	assert_int_equal(shown, c.fd);
	stranger.pid++; // another process that has given itself that address
	assert_int_equal(unix_peer_sockets(&stranger, show), 0);
	connection_close(&c);
	assert_int_equal(unix_peer_sockets(&c.id, show), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_driver_that_waits_too_long_loses_its_peer_and_no_other_does),
	    cmocka_unit_test(a_socket_left_over_from_an_earlier_try_does_not_hide_the_drivers),
	    cmocka_unit_test(a_driver_whose_peer_takes_no_connection_does_not_wait_on),
	    cmocka_unit_test(a_driver_whose_peer_has_given_its_place_to_another_does_not_wait_on),
	    cmocka_unit_test(
		descriptors_that_come_with_an_answer_and_take_long_to_end_do_not_hold_us),
	    cmocka_unit_test(a_driver_that_ends_in_time_keeps_its_peer),
	    cmocka_unit_test(the_socket_to_a_peer_is_found_as_long_as_it_is_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
