#include "vhost/socket_path.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/test-socket-path-XXXXXX";
static char path[64];
static char err[256];

static void says(const char *word)
{
	if (!strstr(err, word))
		fail_msg("\"%s\" does not say \"%s\"", err, word);
}

// A socket bound to `path`; the caller closes it.
static int bind_path(int type, bool listening)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, type, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void check_takes_an_absolute_path_in_a_folder(void **state)
{
	(void)state;
	assert_int_equal(socket_path_check(path, err, sizeof(err)), 0);
	assert_int_equal(socket_path_check("/s", err, sizeof(err)), 0);
}

static void check_refuses_what_cannot_be_a_socket(void **state)
{
	(void)state;
	char text[256];
	assert_int_equal(socket_path_check("a.sock", err, sizeof(err)), -EINVAL);
	says("a.sock");
	snprintf(text, sizeof(text), "/%0107d", 1);
	assert_int_equal(socket_path_check(text, err, sizeof(err)), -ENAMETOOLONG);
	says("108 bytes");
	says("has 107");
	snprintf(text, sizeof(text), "%s/no/such.sock", folder);
	assert_int_equal(socket_path_check(text, err, sizeof(err)), -ENOENT);
	says("/no ");
	assert_int_equal(socket_path_check("/etc/passwd/x", err, sizeof(err)), -ENOTDIR);
	says("/etc/passwd: Not a directory");
}

static void claim_replaces_a_stale_socket(void **state)
{
	(void)state;
	assert_int_equal(socket_path_claim(path, err, sizeof(err)), 0);
	close(bind_path(SOCK_STREAM, true));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(socket_path_claim(path, err, sizeof(err)), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void claim_leaves_a_live_socket_alone(void **state)
{
	(void)state;
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	for (unsigned i = 0; i < 2; i++) {
		int fd = bind_path(types[i], true);
		assert_int_equal(socket_path_claim(path, err, sizeof(err)), -EADDRINUSE);
		says("another process listens");
		assert_int_equal(access(path, F_OK), 0);
		close(fd);
		unlink(path);
	}
}

static void claim_leaves_other_files_alone(void **state)
{
	(void)state;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(socket_path_claim(path, err, sizeof(err)), -EEXIST);
	says("no socket");
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(socket_path_claim(path, err, sizeof(err)), -EEXIST);
	unlink(path);
}

static void a_peer_s_path_is_a_socket_or_nothing_yet(void **state)
{
	(void)state;
	assert_int_equal(socket_path_check_peer(path, err, sizeof(err)), 0);
	assert_int_equal(socket_path_check_peer("/etc/passwd", err, sizeof(err)), -ENOTSOCK);
	says("path=/etc/passwd: a file that is no socket is there: name another");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(socket_path_check_peer(path, err, sizeof(err)), -ENOTSOCK);
	unlink(path);
	int fd = bind_path(SOCK_STREAM, true);
	assert_int_equal(socket_path_check_peer(path, err, sizeof(err)), 0);
	close(fd);
	unlink(path);
}

static int start(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/a.sock", folder);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_takes_an_absolute_path_in_a_folder),
	    cmocka_unit_test(check_refuses_what_cannot_be_a_socket),
	    cmocka_unit_test(a_peer_s_path_is_a_socket_or_nothing_yet),
	    cmocka_unit_test(claim_replaces_a_stale_socket),
	    cmocka_unit_test(claim_leaves_a_live_socket_alone),
	    cmocka_unit_test(claim_leaves_other_files_alone),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
