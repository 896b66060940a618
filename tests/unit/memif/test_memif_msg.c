// Messages of memif's control protocol, of which strangers may send any.
#include "datapath/stranger_fd.h"
#include "memif/memif_msg.h"
#include "tests/unit/memif/memif_test.h"
// After cmocka.h.
#include "tests/unit/lingering.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

static int ends[2];
static char err[160];

static int receive(struct memif_msg *msg, int *passed)
{
	err[0] = '\0';
	return memif_msg_receive(ends[1], msg, passed, err, sizeof(err));
}

// Sends any bytes with any number of descriptors, the last one `fd`.
static void send_fds(const void *bytes, size_t len, unsigned n_fds, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n_fds > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (unsigned i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), i + 1 < n_fds ? &ends[0] : &fd,
			       sizeof(int));
	}
	assert_int_equal(sendmsg(ends[0], &mh, 0), len);
}

static void send_raw(const void *bytes, size_t len, unsigned n_fds)
{
	send_fds(bytes, len, n_fds, ends[0]);
}

static void a_message_arrives_with_its_descriptor(void **state)
{
	struct memif_msg sent = {.type = MEMIF_ADD_REGION, .add_region = {3, 1ull << 33}}, got;
	struct stat a, b;
	int fd = eventfd(0, 0), passed;
	(void)state;
	assert_int_equal(memif_msg_send(ends[0], &sent, fd), 0);
	assert_int_equal(receive(&got, &passed), 0);
	assert_memory_equal(&sent, &got, sizeof(sent));
	assert_int_equal(fstat(fd, &a) | fstat(passed, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(fcntl(passed, F_GETFD), FD_CLOEXEC);
	close(passed);
	close(fd);
}

static void what_is_no_message_is_refused(void **state)
{
	static const struct {
		size_t len;
		uint16_t type;
		unsigned n_fds;
		const char *word;
	} rows[] = {
	    {1, MEMIF_ACK, 0, "128 bytes"},	   {127, MEMIF_ACK, 0, "128 bytes"},
	    {129, MEMIF_ACK, 0, "128 bytes"},	   {4096, MEMIF_ACK, 1, "128 bytes"},
	    {128, 0, 0, "unknown type 0"},	   {128, 9, 0, "unknown type 9"},
	    {128, 65535, 2, "unknown type 65535"}, {128, MEMIF_ADD_REGION, 0, "0 file"},
	    {128, MEMIF_ADD_REGION, 2, "2 file"},  {128, MEMIF_ADD_RING, 0, "0 file"},
	    {128, MEMIF_ADD_RING, 16, "16 file"},  {128, MEMIF_INIT, 1, "1 file"},
	    {128, MEMIF_DISCONNECT, 4, "4 file"},
	};
	(void)state;
	unsigned before = n_files();
	stranger_fd_place("/strangers");
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		uint8_t bytes[4096] = {0};
		struct memif_msg msg;
		int passed;
		memcpy(bytes, &rows[i].type, 2);
		send_raw(bytes, rows[i].len, rows[i].n_fds);
		assert_int_equal(receive(&msg, &passed), -EPROTO);
		assert_int_equal(passed, -1);
		says(err, rows[i].word);
	}
	await_files(before);
}

static void nobody_waits_for_a_peer(void **state)
{
	struct memif_msg msg = {.type = MEMIF_ACK};
	int passed, rc = 0;
	(void)state;
	assert_int_equal(receive(&msg, &passed), -EAGAIN);
	for (unsigned i = 0; i < 100000 && rc == 0; i++)
		rc = memif_msg_send(ends[0], &msg, -1);
	assert_int_equal(rc, -EAGAIN);
	while (receive(&msg, &passed) == 0)
		;
	shutdown(ends[0], SHUT_RDWR);
	assert_int_equal(receive(&msg, &passed), -ECONNRESET);
	assert_int_equal(memif_msg_send(ends[0], &msg, -1), -EPIPE);
}

static void a_descriptor_whose_end_takes_long_holds_nobody_up(void **state)
{
	const struct memif_msg ack = {.type = MEMIF_ACK};
	struct timespec start, end;
	struct memif_msg msg;
	int passed, to, fd = lingering(30, &to);
	(void)state;
	stranger_fd_place("/lingers");
	send_fds(&ack, sizeof(ack), 200, fd);
	close(fd);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(receive(&msg, &passed), -EPROTO);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 20);
	close(to);
}

static void a_place_with_too_many_of_them_leaves_others_alone(void **state)
{
	int to[64];
	(void)state;
	stranger_fd_place("/many");
	for (unsigned i = 0; i < RTE_DIM(to); i++) {
		assert_true(stranger_fd_room());
		stranger_fd_close(lingering(3, &to[i]));
	}
	assert_false(stranger_fd_room());
	stranger_fd_place("/another");
	assert_true(stranger_fd_room());
	stranger_fd_place("/many");
	for (unsigned i = 0; i < RTE_DIM(to); i++)
		close(to[i]);
	for (unsigned i = 0; i < 5000 && !stranger_fd_room(); i++)
		usleep(1000);
	assert_true(stranger_fd_room());
}

static void texts_are_made_printable(void **state)
{
	char out[5];
	(void)state;
	memif_msg_text(out, "a\nb", sizeof(out));
	assert_string_equal(out, "a?b");
	memif_msg_text(out, "\033\377cdefgh", sizeof(out));
	assert_string_equal(out, "??cd");
}

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	return close(ends[0]) | close(ends[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_message_arrives_with_its_descriptor),
	    TEST(what_is_no_message_is_refused),
	    TEST(nobody_waits_for_a_peer),
	    TEST(a_descriptor_whose_end_takes_long_holds_nobody_up),
	    TEST(a_place_with_too_many_of_them_leaves_others_alone),
	    TEST(texts_are_made_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
