// librte_vhost's one thread for all sockets waits for no file that a front end sends, however it
// comes. Here another thread of that name stands for it.
#define _GNU_SOURCE // pthread_setname_np, open_tree
#include "vhost/conn_socket.h"

#include "datapath/stranger_fd.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lingering.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define LINGER_S 6
#define SOON_S	 2
#define FDS_MAX	 8 // as librte_vhost has it
#define TOO_MANY 200
#define HEADER	 12

static int ends[2]; // the front end's, ours

static int before_each(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int after_each(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static unsigned n_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

// The files are gone some time.
static void assert_none_left(unsigned before)
{
	for (unsigned i = 0; i < 10000 && n_open() > before; i++)
		usleep(1000);
	assert_int_equal(n_open(), before);
}

// `bytes` bytes with n times the same file.
static void send_files(size_t bytes, int file, unsigned n)
{
	char data[64] = {0};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(TOO_MANY * sizeof(int))];
	} control = {
	    .header = {CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS},
	};
	struct iovec iov = {.iov_base = data, .iov_len = bytes};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	for (unsigned i = 0; i < n; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &file, sizeof(file));
	assert_int_equal(sendmsg(ends[0], &msg, 0), bytes);
}

// What librte_vhost does.
struct received {
	void (*act)(struct received *r);
	ssize_t rc;
	int error;
	int fds[FDS_MAX];
	unsigned n_fds;
};

static void header_take(struct received *r)
{
	char data[HEADER];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	r->rc = recvmsg(ends[1], &msg, 0);
	r->error = errno;
	r->n_fds = 0;
	struct cmsghdr *c = r->rc < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (!c)
		return;
	r->n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(r->fds, CMSG_DATA(c), r->n_fds * sizeof(int));
}

static void payload_take(struct received *r)
{
	char data[HEADER];
	r->rc = read(ends[1], data, sizeof(data));
	r->error = errno;
}

static void connection_end(struct received *r)
{
	int own = dup(ends[1]);
	conn_socket_close(own, "/somewhere");
	close(ends[1]); // as librte_vhost, after us
	r->rc = ends[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void *events_main(void *arg)
{
	struct received *r = arg;
	pthread_setname_np(pthread_self(), "vhost-events");
	r->act(r);
	return NULL;
}

// In good time.
static void on_events_thread(struct received *r, void (*act)(struct received *r))
{
	struct timespec soon;
	pthread_t thread;
	*r = (struct received){.act = act};
	assert_int_equal(pthread_create(&thread, NULL, events_main, r), 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += SOON_S;
	assert_int_equal(pthread_timedjoin_np(thread, NULL, &soon), 0);
}

// A header and a file that lingers, n times. Returns the file's other end.
static int lingering_sent(unsigned n)
{
	int to, file = lingering(LINGER_S, &to);
	send_files(HEADER, file, n);
	close(file);
	return to;
}

static void files_that_do_are_handed_on(void **state)
{
	struct received r;
	unsigned before = n_open();
	int event = eventfd(0, EFD_CLOEXEC);
	(void)state;
	send_files(HEADER, event, 1);
	on_events_thread(&r, header_take);
	assert_int_equal(r.rc, HEADER);
	assert_int_equal(r.n_fds, 1);
	assert_int_equal(stranger_fd_kind(r.fds[0]), STRANGER_EVENT);
	close(r.fds[0]);
	close(event);
	assert_none_left(before);
}

static void a_file_that_lingers_has_become_null(void **state)
{
	struct received r;
	unsigned before = n_open();
	int to = lingering_sent(1);
	(void)state;
	on_events_thread(&r, header_take);
	assert_int_equal(r.n_fds, 1);
	struct stat st, null;
	assert_int_equal(fstat(r.fds[0], &st), 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(st.st_rdev, null.st_rdev);
	close(r.fds[0]);
	close(to);
	assert_none_left(before);
}

static void more_files_than_fit_refuse_the_message(void **state)
{
	struct received r;
	unsigned before = n_open();
	int to = lingering_sent(TOO_MANY);
	(void)state;
	on_events_thread(&r, header_take);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.error, EMSGSIZE);
	close(to);
	assert_none_left(before);
}

static void files_beside_a_payload_hold_nobody_up(void **state)
{
	struct received r;
	unsigned before = n_open();
	int to = lingering_sent(1);
	(void)state;
	on_events_thread(&r, payload_take);
	assert_int_equal(r.rc, HEADER);
	close(to);
	assert_none_left(before);
}

static void files_that_nobody_takes_hold_nobody_up(void **state)
{
	struct received r;
	unsigned before = n_open();
	int to = lingering_sent(1);
	(void)state;
	on_events_thread(&r, connection_end);
	close(to);
	assert_none_left(before);
}

// A file system of one file, that is its root, whose server does not answer FLUSH: each close() of
// a descriptor waits for it, not the last one alone.
static void fuse_answer(int dev, uint64_t unique, int error, const void *out, size_t len)
{
	const struct fuse_out_header header = {(uint32_t)(sizeof(header) + len), error, unique};
	const struct iovec parts[] = {{(void *)(uintptr_t)&header, sizeof(header)},
				      {(void *)(uintptr_t)out, len}};
	if (writev(dev, parts, 2) < 0)
		_exit(1);
}

// A process of its own, whose end lets all go that wait.
static void fuse_serve(int dev, int flushed)
{
	static char request[1 << 17];
	const struct fuse_in_header *in = (const void *)request;
	const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
					   .minor = 31,
					   .max_write = 4096};
	const struct fuse_open_out opened = {0};
	const struct fuse_attr_out attr = {.attr = {.ino = 1, .mode = S_IFREG | 0644, .nlink = 1}};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(dev, request, sizeof(request)) > 0) {
		if (in->opcode == FUSE_INIT)
			fuse_answer(dev, in->unique, 0, &init, sizeof(init));
		else if (in->opcode == FUSE_OPEN)
			fuse_answer(dev, in->unique, 0, &opened, sizeof(opened));
		else if (in->opcode == FUSE_GETATTR)
			fuse_answer(dev, in->unique, 0, &attr, sizeof(attr));
		else if (in->opcode != FUSE_FLUSH)
			fuse_answer(dev, in->unique, -ENOSYS, NULL, 0);
		else if (write(flushed, "!", 1) < 0)
			break;
	}
	_exit(0);
}

// -1: not root, or no FUSE.
static pid_t fuse_start(const char *path, int *flushed)
{
	char options[96];
	int pipe_ends[2], dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100644,user_id=0,group_id=0", dev);
	if (dev < 0 || mount("test", path, "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		close(dev);
		return -1;
	}
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		fuse_serve(dev, pipe_ends[1]);
	close(dev);
	close(pipe_ends[1]);
	*flushed = pipe_ends[0];
	return pid;
}

static void a_file_whose_server_hangs_holds_nobody_up(void **state)
{
	char path[] = "/tmp/test_conn_socket.XXXXXX", byte;
	struct received r;
	int flushed = -1;
	unsigned before = n_open();
	(void)state;
	close(mkstemp(path));
	pid_t server = fuse_start(path, &flushed);
	int file = server < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	umount2(path, MNT_DETACH); // it goes with the file
	unlink(path);
	if (server < 0)
		skip();
	assert_true(file >= 0);
	send_files(HEADER, file, 1);
	on_events_thread(&r, header_take);
	assert_int_equal(r.n_fds, 1);
	assert_int_equal(read(flushed, &byte, 1), 1); // somebody waits
	close(r.fds[0]);
	kill(server, SIGKILL);
	assert_int_equal(waitpid(server, NULL, 0), server);
	close(file);
	close(flushed);
	assert_none_left(before);
}

// A path says nothing: the sender may have mounted what it likes where it likes.
static void the_name_of_a_dax_device_makes_none(void **state)
{
	char dir[] = "/tmp/test_conn_socket.XXXXXX", path[64];
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/dev", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/dev/dax0.0", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, dir, OPEN_TREE_CLONE | O_CLOEXEC);
	int fd = tree < 0 ? -1 : openat(tree, "dev/dax0.0", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	unlink(path);
	snprintf(path, sizeof(path), "%s/dev", dir);
	rmdir(path);
	rmdir(dir);
	if (tree < 0)
		skip(); // not root
	assert_true(fd >= 0);
	assert_int_equal(stranger_fd_kind(fd), STRANGER_OTHER);
	close(fd);
	close(tree);
}

#define PLACE "/tmp/test_conn_socket.sock"

static void accept_one(struct received *r)
{
	r->rc = accept(ends[1], NULL, NULL);
	r->error = errno;
}

static void nobody_is_served_where_too_many_files_hang(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PLACE};
	int to[64], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned before;
	struct received r;
	(void)state;
	close(ends[1]);
	ends[1] = listener;
	unlink(PLACE);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	close(ends[0]);
	ends[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(ends[0], (struct sockaddr *)&address, sizeof(address)), 0);
	before = n_open();
	stranger_fd_place(PLACE);
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		stranger_fd_close(lingering(LINGER_S, &to[i]));
	on_events_thread(&r, accept_one);
	assert_int_equal(r.rc, -1);
	assert_int_equal(r.error, EAGAIN);
	assert_int_equal(connect(to[0], (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, EAGAIN);
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		close(to[i]);
	assert_none_left(before);
	on_events_thread(&r, accept_one);
	assert_true(r.rc >= 0);
	close((int)r.rc);
	unlink(PLACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, before_each, after_each)
	    TEST(files_that_do_are_handed_on),
	    TEST(a_file_that_lingers_has_become_null),
	    TEST(more_files_than_fit_refuse_the_message),
	    TEST(files_beside_a_payload_hold_nobody_up),
	    TEST(files_that_nobody_takes_hold_nobody_up),
	    TEST(a_file_whose_server_hangs_holds_nobody_up),
	    TEST(the_name_of_a_dax_device_makes_none),
	    TEST(nobody_is_served_where_too_many_files_hang),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
