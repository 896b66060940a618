#define _GNU_SOURCE // RTLD_NEXT
#include "vhost/conn_socket.h"

#include "datapath/stranger_fd.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static __thread int last = -1;

// This definition and the next one come before the C library's for all libraries.
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
