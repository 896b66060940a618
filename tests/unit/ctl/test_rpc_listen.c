// The control socket in a folder of its own.
#include "ctl/account.h"
#include "ctl/swctld/rpc_listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char dir[64], path[96], err[512];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/swctld-listen-XXXXXX");
	mkdtemp(dir);
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void assert_refused(int rc, const char *mend)
{
	if (!strstr(err, path) || !strstr(err, mend))
		fail_msg("%d: \"%s\" lacks \"%s\"", rc, err, mend);
}

static void a_socket_that_a_dead_daemon_left_is_replaced(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
		assert_true(fd >= 0);
		close(fd);
	}
}

static void a_client_passes_no_files(void **state)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {.iov_base = dir, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room)};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
	int client = socket(AF_UNIX, SOCK_STREAM, 0), yes = 1;
	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	bool known = setsockopt(client, SOL_SOCKET, 83, &yes, sizeof(yes)) == 0; // SO_PASSRIGHTS
	memcpy(CMSG_DATA(&room.header), &fd, sizeof(fd));
	ssize_t sent = sendmsg(client, &msg, 0);
	close(client);
	close(fd);
	if (!known)
		skip(); // before Linux 6.16
	assert_int_equal(sent, -1);
}

static void a_living_daemon_keeps_its_socket(void **state)
{
	(void)state;
	int fd = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
	int rc = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
	assert_int_equal(rc, -EADDRINUSE);
	assert_refused(rc, "stop that one");
	close(fd);
}

static void a_daemon_that_is_just_dying_is_waited_for(void **state)
{
	(void)state;
	int fd = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err)), ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		// Keeps the socket for a part of what is waited.
		if (write(ready[1], "", 1) == 1)
			usleep(100000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(fd);
	fd = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
	assert_true(fd >= 0);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	waitpid(pid, NULL, 0);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	(void)state;
	FILE *file = fopen(path, "we");
	fclose(file);
	int rc = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
	assert_int_equal(rc, -EEXIST);
	assert_refused(rc, "remove it");
	assert_int_equal(access(path, F_OK), 0);
}

static void a_folder_without_permission_is_named_with_its_mend(void **state)
{
	(void)state;
	int status;
	chmod(dir, 0500);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && setuid(NOBODY) < 0)
			_exit(2);
		int rc = rpc_listen(path, ACCOUNT_NONE, ACCOUNT_NONE, err, sizeof(err));
		_exit(rc != -EACCES || !strstr(err, path) ||
		      !strstr(err, "check the folder's owner and mode"));
	}
	waitpid(pid, &status, 0);
	chmod(dir, 0700);
	assert_int_equal(status, 0);
}

static void a_group_that_it_may_not_give_the_socket_to_is_named(void **state)
{
	(void)state;
	int status;
	chmod(dir, 0777);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setuid(NOBODY) < 0))
			_exit(2);
		int rc = rpc_listen(path, ACCOUNT_NONE, 4242, err, sizeof(err));
		_exit(rc != -EPERM || !strstr(err, "4242") || access(path, F_OK) == 0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_FOLDER(a_socket_that_a_dead_daemon_left_is_replaced),
	    IN_FOLDER(a_client_passes_no_files),
	    IN_FOLDER(a_living_daemon_keeps_its_socket),
	    IN_FOLDER(a_daemon_that_is_just_dying_is_waited_for),
	    IN_FOLDER(what_is_no_socket_is_left_alone),
	    IN_FOLDER(a_folder_without_permission_is_named_with_its_mend),
	    IN_FOLDER(a_group_that_it_may_not_give_the_socket_to_is_named),
	};
	return cmocka_run_group_tests_name("rpc_listen", tests, NULL, NULL);
}
