// The server's manners: its socket, hostile and slow clients, and upcalls.
#include "datapath/stranger_fd.h"
#include "tests/unit/datapath/server_fixture.h"
#include "tests/unit/lingering.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static _Alignas(8) char buf[DP_DATAGRAM_MAX];

static void the_socket_is_for_owner_and_group_and_goes_with_the_server(void **state)
{
	(void)state;
	struct stat st;
	server_up();
	assert_int_equal(stat(fx.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	server_down();
	assert_int_equal(stat(fx.path, &st), -1);
}

static void start_refused(const char *word)
{
	char err[256];
	const struct server_config config = {fx.base, fx.path, ACCOUNT_NONE, fx.flows, 1};
	assert_null(server_start(&config, err, sizeof(err)));
	assert_non_null(strstr(err, word));
	assert_non_null(strstr(err, fx.path));
}

static void a_stale_socket_is_replaced_and_others_are_not(void **state)
{
	(void)state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fx.path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	start_refused("in use");
	close(fd); // the file stays, as after kill -9
	server_up();
	start_refused("in use");
	struct dp_client *c = client();
	assert_int_equal(info(c), 0);
	dp_client_close(c);
	server_down();

	fd = open(fx.path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	start_refused("is no socket");
	unlink(fx.path);
}

static void what_is_no_message_closes_its_connection_only(void **state)
{
	(void)state;
	static const struct {
		uint32_t nlmsg_len;
		size_t len;
	} rows[] = {{0, 16}, {15, 16}, {17, 16}, {0x7fffffff, 100}, {0xffffffff, 100}, {24, 7}};
	struct dp_client *good = client();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_client *bad = client();
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
		memset(buf, 0, 128);
		nlh->nlmsg_len = rows[i].nlmsg_len;
		nlh->nlmsg_type = DP_FAMILY_SWD;
		const struct dp_datagram d = {.buf = buf, .len = rows[i].len};
		assert_int_equal(dp_client_send(bad, &d), 0);
		assert_int_equal(receive(bad, buf), -ECONNRESET);
		dp_client_close(bad);
		assert_int_equal(info(good), 0);
	}
	dp_client_close(good);
}

static void a_datagram_that_is_too_long_closes_its_connection(void **state)
{
	(void)state;
	struct dp_client *bad = client();
	char *huge = calloc(1, DP_DATAGRAM_MAX + 4);
	((struct nlmsghdr *)huge)->nlmsg_len = DP_DATAGRAM_MAX + 4;
	((struct nlmsghdr *)huge)->nlmsg_type = DP_FAMILY_SWD;
	const struct dp_datagram d = {.buf = huge, .len = DP_DATAGRAM_MAX + 4};
	assert_int_equal(dp_client_send(bad, &d), 0);
	assert_int_equal(receive(bad, buf), -ECONNRESET);
	free(huge);
	dp_client_close(bad);
}

static void what_is_not_built_is_refused_by_name(void **state)
{
	(void)state;
	struct dp_client *c = client();
	dp_client_begin(c, DP_FAMILY_CT_LIMIT, 77, 0);
	assert_int_equal(call(c, NULL, NULL), -EOPNOTSUPP);
	assert_non_null(strstr(fx.text, "ct-limit"));
	dp_client_begin(c, 0x99, 1, 0);
	assert_int_equal(call(c, NULL, NULL), -EOPNOTSUPP);
	assert_non_null(strstr(fx.text, "0x99"));
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_PMD_GET, 0);
	assert_int_equal(call(c, NULL, NULL), -EINVAL);
	assert_non_null(strstr(fx.text, "NLM_F_DUMP"));
	dp_client_close(c);
}

static void a_client_that_never_reads_is_closed_and_others_go_on(void **state)
{
	(void)state;
	struct dp_client *deaf = client(), *good = client();
	struct dp_datagram d = {.buf = buf};
	struct nlmsghdr *nlh;
	while ((nlh = dp_msg_begin(&d, DP_FAMILY_SWD, SWD_CMD_INFO_GET, 0, 1)) != NULL)
		dp_msg_end(&d, nlh);
	int rc;
	do {
		struct pollfd pfd = {.fd = dp_client_fd(deaf), .events = POLLOUT};
		assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
		rc = dp_client_send(deaf, &d);
	} while (rc == 0 || rc == -EAGAIN);
	assert_int_equal(rc, -ECONNRESET);
	assert_int_equal(info(good), 0);
	dp_client_close(deaf);
	dp_client_close(good);
}

// By a process that ends then, so that nobody here closes it last.
static void file_send(int sock, int seconds, int *to)
{
	int file = lingering(seconds, to), ready[2];
	union stranger_fds room = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {.iov_base = buf, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = CMSG_SPACE(sizeof(int))};
	assert_int_equal(pipe(ready), 0);
	memcpy(CMSG_DATA(&room.header), &file, sizeof(file));
	pid_t pid = fork();
	if (pid == 0)
		_exit(read(ready[0], buf, 1) == 1 && sendmsg(sock, &msg, 0) == 1 ? 0 : 1);
	close(file);
	assert_int_equal(write(ready[1], "!", 1), 1);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void a_file_that_a_client_sends_holds_nobody_up(void **state)
{
	struct dp_client *bad = client(), *good = client();
	uint64_t start_ms = server_now_ms();
	int to;
	(void)state;
	file_send(dp_client_fd(bad), 30, &to);
	assert_int_equal(receive(bad, buf), -ECONNRESET); // that was no message
	assert_int_equal(info(good), 0);
	assert_true(server_now_ms() - start_ms < 20000);
	close(to);
	dp_client_close(bad);
	dp_client_close(good);
}

static void idle_clients_are_many_and_bounded(void **state)
{
	(void)state;
	struct dp_client *c[65];
	for (unsigned i = 0; i < 65; i++) {
		c[i] = client();
		if (i < 64) // it has been accepted: the backlog does not fill
			assert_int_equal(info(c[i]), 0);
	}
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(info(c[i]), 0);
	assert_int_equal(receive(c[64], buf), -ECONNRESET);
	for (unsigned i = 0; i < 65; i++)
		dp_client_close(c[i]);
}

static struct rte_mbuf *packet(uint32_t len)
{
	static const uint8_t header[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x12, 0x34};
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	assert_non_null(m);
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	char *data = rte_pktmbuf_append(m, (uint16_t)len);
	memset(data, 0x55, len);
	memcpy(data, header, sizeof(header));
	packet_meta(m)->in_port = 7;
	return m;
}

static bool enqueue(struct rte_mbuf *m, enum drop_reason *reason)
{
	bool ok = upcall_enqueue(&fx.rxq, m, reason);
	if (!ok)
		rte_pktmbuf_free(m);
	upcall_wake();
	return ok;
}

static void a_miss_goes_to_who_asked_for_it(void **state)
{
	(void)state;
	struct dp_client *c = client(), *other = client();
	const struct nlattr *attrs[OVS_PACKET_ATTR_MAX + 1];
	struct flow_key key;
	enum drop_reason reason;
	assert_false(enqueue(packet(60), &reason));
	assert_int_equal(reason, DROP_NO_CONTROLLER);
	assert_int_equal(attach(c, 1), 0);
	assert_int_equal(attach(other, 1), -EBUSY);

	// Two segments, and a cookie.
	struct rte_mbuf *m = packet(60);
	assert_int_equal(rte_pktmbuf_chain(m, packet(1000)), 0);
	packet_meta(m)->is_action = true;
	packet_meta(m)->recirc_id = 5;
	packet_meta(m)->userspace = (struct action_userspace){.cookie_len = 3, .cookie = "abc"};
	assert_true(enqueue(m, &reason));
	assert_true(receive(c, buf) > 0);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_PACKET);
	assert_int_equal(nlh->nlmsg_seq, 0);
	assert_int_equal(dp_msg_cmd(nlh), OVS_PACKET_CMD_ACTION);
	assert_int_equal(dp_msg_parse(nlh, attrs, OVS_PACKET_ATTR_MAX, NULL), 0);
	assert_int_equal(dp_key_parse(attrs[OVS_PACKET_ATTR_KEY], &key, NULL), 0);
	assert_int_equal(key.in_port, 7);
	assert_int_equal(key.recirc_id, 5);
	assert_int_equal(key.eth_type_be, htons(0x1234));
	assert_int_equal(mnl_attr_get_payload_len(attrs[OVS_PACKET_ATTR_PACKET]), 1060);
	assert_int_equal(mnl_attr_get_payload_len(attrs[OVS_PACKET_ATTR_USERDATA]), 3);

	assert_int_equal(attach(c, 0), 0);
	assert_false(enqueue(packet(60), &reason));
	assert_int_equal(attach(other, 1), 0);
	dp_client_close(c);
	dp_client_close(other);
}

static unsigned count_messages(int len)
{
	const char *at = buf;
	size_t left = (size_t)len;
	unsigned n = 0;
	while (dp_datagram_next(&at, &left) != NULL)
		n++;
	assert_int_equal(left, 0);
	return n;
}

static void misses_that_do_not_come_back_are_counted(void **state)
{
	(void)state;
	const struct action output = {.type = ACTION_OUTPUT, .u.port = 2};
	struct dp_client *c = client(), *other = client();
	uint64_t before = dp_stats(other).n_lost;
	enum drop_reason reason;
	assert_int_equal(attach(c, 1), 0);
	for (unsigned n = 0; n < 3; n++)
		assert_true(enqueue(packet(60), &reason));
	for (unsigned n = 0; n < 3;)
		n += count_messages(receive(c, buf));
	// No PMD takes it: a miss is lost that way, what nobody received is not.
	assert_int_equal(execute(other, 7, 60, &output), -ENOBUFS);
	assert_int_equal(dp_stats(other).n_lost, before);
	assert_int_equal(execute(c, 7, 60, &output), -ENOBUFS);
	assert_int_equal(dp_stats(other).n_lost, before + 1);
	assert_int_equal(execute(c, 8, 60, &output), -ENOBUFS);
	assert_int_equal(dp_stats(other).n_lost, before + 1);
	assert_int_equal(attach(c, 0), 0);
	assert_int_equal(dp_stats(other).n_lost, before + 3);
	dp_client_close(c);
	dp_client_close(other);
}

static void misses_wait_in_their_ring_while_the_client_does_not_read(void **state)
{
	(void)state;
	struct dp_client *c = client();
	struct dp_client *good = client();
	unsigned n_in = 0, n_out = 0, full = 0;
	enum drop_reason reason;
	assert_int_equal(attach(c, 1), 0);
	// Until its ring is full and stays so: the socket is, too, or a burst short of it.
	while (full < 100) {
		if (enqueue(packet(1400), &reason)) {
			n_in++;
			full = 0;
			continue;
		}
		assert_int_equal(reason, DROP_UPCALL_RING_FULL);
		assert_int_equal(info(good), 0); // a turn of the loop
		full++;
	}
	assert_true(n_in > 256);
	assert_true(rte_ring_count(fx.rxq.upcalls) > 0);
	while (n_out < n_in) {
		int len = receive(c, buf);
		assert_true(len > 0);
		n_out += count_messages(len);
	}
	assert_true(enqueue(packet(60), &reason));
	assert_int_equal(count_messages(receive(c, buf)), 1);
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
	dp_client_close(c);
	dp_client_close(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_socket_is_for_owner_and_group_and_goes_with_the_server),
	    cmocka_unit_test(a_stale_socket_is_replaced_and_others_are_not),
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_start, each_stop)
	    TEST(what_is_no_message_closes_its_connection_only),
	    TEST(a_datagram_that_is_too_long_closes_its_connection),
	    TEST(what_is_not_built_is_refused_by_name),
	    TEST(a_client_that_never_reads_is_closed_and_others_go_on),
	    TEST(a_file_that_a_client_sends_holds_nobody_up),
	    TEST(idle_clients_are_many_and_bounded),
	    TEST(a_miss_goes_to_who_asked_for_it),
	    TEST(misses_that_do_not_come_back_are_counted),
	    TEST(misses_wait_in_their_ring_while_the_client_does_not_read),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
