#define _GNU_SOURCE // RTLD_NEXT
#include "vhost/conn_socket.h"

#include "datapath/stranger_fd.h"
#include "vhost/wake.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static __thread int last = -1;

// The next three come before the C library's for all libraries.

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
	static int (*next)(int, struct sockaddr *, socklen_t *);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "accept");
	int rc = next(fd, address, len);
	if (rc >= 0)
		last = rc;
	return rc;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "connect");
	int rc = next(fd, address, len);
	if (rc == 0 || errno == EISCONN)
		last = fd;
	return rc;
}

static void place_of(int sock)
{
	struct sockaddr_un ours = {0}, theirs = {0};
	socklen_t len = sizeof(ours) - 1, theirs_len = len;
	getsockname(sock, (struct sockaddr *)&ours, &len);
	getpeername(sock, (struct sockaddr *)&theirs, &theirs_len);
	stranger_fd_place(ours.sun_path[0] ? ours.sun_path : theirs.sun_path);
}

// Takes the file from under the descriptor, which is something else then that nobody waits for.
static void file_swap(int *fd, int sock)
{
	int file = fcntl(*fd, F_DUPFD_CLOEXEC, 0), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	place_of(sock);
	if (file >= 0 && null >= 0 && dup3(null, *fd, O_CLOEXEC) >= 0) {
		close(null);
		stranger_fds_close(&file, 1);
		return;
	}
	if (null >= 0)
		close(null);
	if (file >= 0)
		close(file); // not the last
	stranger_fds_close(fd, 1);
	*fd = -1;
}

// librte_vhost closes a message's files, too, when it refuses it before anybody else sees it.
static void files_check(struct msghdr *msg, int sock)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		int *fds = (int *)(void *)CMSG_DATA(c);
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fds);
		for (size_t i = 0; i < n; i++) {
			if (stranger_fd_kind(fds[i]) == STRANGER_OTHER)
				file_swap(&fds[i], sock);
		}
	}
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	static ssize_t (*next)(int, struct msghdr *, int);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "recvmsg");
	ssize_t rc = next(fd, msg, flags);
	if (rc > 0 && msg->msg_controllen > 0 && vhost_events_is_this())
		files_check(msg, fd);
	return rc;
}

int conn_socket_take(void)
{
	const struct timeval limit = {.tv_usec = CONN_SOCKET_MS * 1000};
	int fd = last < 0 ? -1 : fcntl(last, F_DUPFD_CLOEXEC, 0);
	last = -1;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

void conn_socket_close(int fd, const char *path)
{
	int n_unread = 0;
	if (fd < 0)
		return;
	shutdown(fd, SHUT_RDWR); // nothing more comes
	if (ioctl(fd, FIONREAD, &n_unread) == 0 && n_unread == 0) {
		close(fd);
		return;
	}
	stranger_fd_place(path);
	stranger_fds_close(&fd, 1);
}
