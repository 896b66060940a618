#define _GNU_SOURCE // RTLD_NEXT
#include "vhost/conn_socket.h"

#include "datapath/stranger_fd.h"
#include "vhost/wake.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DRAIN_BYTES	 4096
#define NO_ROOM_PAUSE_US 10000 // where poll() would come back at once

static __thread int last = -1, last_listener = -1;

static void place_of(int sock)
{
	struct sockaddr_un ours = {0}, theirs = {0};
	socklen_t len = sizeof(ours) - 1, theirs_len = len;
	getsockname(sock, (struct sockaddr *)&ours, &len);
	getpeername(sock, (struct sockaddr *)&theirs, &theirs_len);
	stranger_fd_place(ours.sun_path[0] ? ours.sun_path : theirs.sun_path);
}

// What an own function below stands before. Any thread calls them.
static void *next_of(void **found, const char *name)
{
	void *next = __atomic_load_n(found, __ATOMIC_RELAXED);

	if (!next) {
		next = dlsym(RTLD_NEXT, name);
		__atomic_store_n(found, next, __ATOMIC_RELAXED);
	}
	return next;
}

// The functions without a static come before the C library's for all libraries.

int listen(int fd, int backlog)
{
	static void *found;
	int (*next)(int, int) = next_of(&found, "listen");
	int rc = next(fd, backlog);
	if (rc == 0)
		last_listener = fd;
	return rc;
}

// Nobody else comes in where as many files hang as may.
static bool has_room(int listener)
{
	if (!vhost_events_is_this())
		return true;
	place_of(listener);
	if (stranger_fd_room())
		return true;
	usleep(NO_ROOM_PAUSE_US);
	return false;
}

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
	static void *found;
	int (*next)(int, struct sockaddr *, socklen_t *) = next_of(&found, "accept");
	if (!has_room(fd)) {
		errno = EAGAIN;
		return -1;
	}
	int rc = next(fd, address, len);
	if (rc >= 0)
		last = rc;
	return rc;
}

static bool has_room_there(const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_un there = {0};
	if (address->sa_family != AF_UNIX || len > sizeof(there))
		return true;
	memcpy(&there, address, len);
	there.sun_path[sizeof(there.sun_path) - 1] = '\0';
	stranger_fd_place(there.sun_path);
	return stranger_fd_room();
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	static void *found;
	int (*next)(int, const struct sockaddr *, socklen_t) = next_of(&found, "connect");
	if (!has_room_there(address, len)) {
		errno = EAGAIN;
		return -1;
	}
	int rc = next(fd, address, len);
	if (rc == 0 || errno == EISCONN)
		last = fd;
	return rc;
}

static ssize_t receive(int fd, struct msghdr *msg, int flags)
{
	static void *found;
	ssize_t (*next)(int, struct msghdr *, int) = next_of(&found, "recvmsg");
	return next(fd, msg, flags);
}

// With room for all files: the kernel would close the others here and now.
static ssize_t receive_all(int fd, struct msghdr *msg, int flags, int *fds, unsigned *n)
{
	union stranger_fds control;
	struct msghdr all = *msg;
	all.msg_control = &control;
	all.msg_controllen = sizeof(control);
	*n = 0;
	place_of(fd);
	if (!stranger_fd_room()) {
		errno = ECONNRESET; // librte_vhost hangs up
		return -1;
	}
	ssize_t rc = receive(fd, &all, flags);
	if (rc < 0)
		return rc;
	msg->msg_flags = all.msg_flags;
	*n = stranger_fds_of(&all, fds);
	return rc;
}

// librte_vhost closes a message's files, too, when it refuses it before anybody else sees it. So it
// gets others.
static void files_put(struct msghdr *msg, int *fds, unsigned n)
{
	size_t bytes = n * sizeof(*fds);
	const struct cmsghdr header = {.cmsg_len = CMSG_LEN(bytes),
				       .cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS};
	for (unsigned i = 0; i < n; i++) {
		int file = fds[i];
		if (stranger_fd_kind(file) != STRANGER_OTHER)
			continue;
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC); // at worst, none
		stranger_fds_close(&file, 1);
	}
	msg->msg_controllen = n ? CMSG_SPACE(bytes) : 0;
	if (!n)
		return;
	memcpy(msg->msg_control, &header, sizeof(header));
	memcpy(CMSG_DATA((struct cmsghdr *)msg->msg_control), fds, bytes);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	int fds[STRANGER_FDS_MAX];
	unsigned n;
	if (msg->msg_controllen == 0 || !vhost_events_is_this())
		return receive(fd, msg, flags);
	ssize_t rc = receive_all(fd, msg, flags, fds, &n);
	if (rc < 0)
		return rc;
	if (CMSG_SPACE(n * sizeof(*fds)) > msg->msg_controllen) {
		stranger_fds_close(fds, n);
		errno = EMSGSIZE;
		return -1;
	}
	files_put(msg, fds, n);
	return rc;
}

// With which librte_vhost takes the rest of a message. Files may come with it all the same.
ssize_t read(int fd, void *buf, size_t len)
{
	static void *found;
	ssize_t (*next)(int, void *, size_t) = next_of(&found, "read");
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[STRANGER_FDS_MAX];
	unsigned n;
	if (!vhost_events_is_this())
		return next(fd, buf, len);
	ssize_t rc = receive_all(fd, &msg, 0, fds, &n);
	if (rc < 0 && errno == ENOTSOCK)
		return next(fd, buf, len);
	if (n > 0)
		stranger_fds_close(fds, n);
	return rc;
}

static int take(int *fd)
{
	int own = *fd < 0 ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	*fd = -1;
	return own;
}

int conn_socket_take_listener(void)
{
	return take(&last_listener);
}

int conn_socket_take(void)
{
	const struct timeval limit = {.tv_usec = CONN_SOCKET_MS * 1000};
	int fd = take(&last);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

// What waits in it unread. Our own close() may not be the last one.
static void drain(int fd)
{
	char bytes[DRAIN_BYTES];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	int fds[STRANGER_FDS_MAX];
	union stranger_fds control;
	for (;;) {
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};
		if (receive(fd, &msg, MSG_DONTWAIT) <= 0)
			return;
		unsigned n = stranger_fds_of(&msg, fds);
		if (n > 0)
			stranger_fds_close(fds, n);
	}
}

void conn_socket_close(int fd, const char *path)
{
	if (fd < 0)
		return;
	shutdown(fd, SHUT_RDWR); // nothing more comes
	stranger_fd_place(path);
	drain(fd);
	close(fd);
}

void conn_socket_close_listener(int fd, const char *path)
{
	if (fd < 0)
		return;
	stranger_fd_place(path);
	stranger_fds_close(&fd, 1);
}
