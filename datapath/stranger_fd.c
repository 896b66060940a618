#define _GNU_SOURCE // seals
#include "datapath/stranger_fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOSING_MAX 64u // threads of a place, before it gets no more
#define PLACES	    256u

static unsigned n_closing[PLACES];
static __thread unsigned place;

struct closing {
	unsigned *n;
	unsigned n_fds;
	int fds[];
};

void stranger_fd_place(const char *path)
{
	unsigned hash = 2166136261u; // FNV-1a
	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619u;
	place = hash % PLACES;
}

bool stranger_fd_room(void)
{
	return __atomic_load_n(&n_closing[place], __ATOMIC_RELAXED) < CLOSING_MAX;
}

static void *close_them(void *arg)
{
	struct closing *closing = arg;
	for (unsigned i = 0; i < closing->n_fds; i++)
		close(closing->fds[i]);
	__atomic_fetch_sub(closing->n, 1, __ATOMIC_RELAXED);
	free(closing);
	return NULL;
}

void stranger_fds_close(const int *fds, unsigned n)
{
	pthread_t thread;
	struct closing *closing = malloc(sizeof(*closing) + n * sizeof(*fds));
	__atomic_fetch_add(&n_closing[place], 1, __ATOMIC_RELAXED);
	if (!closing)
		return; // they stay open, and counted
	closing->n = &n_closing[place];
	closing->n_fds = n;
	memcpy(closing->fds, fds, n * sizeof(*fds));
	if (pthread_create(&thread, NULL, close_them, closing) == 0)
		pthread_detach(thread);
	else
		free(closing); // as above
}

// By the kernel's word: a path is its sender's to choose.
static bool is_dax(int fd)
{
	static const char wanted[] = "/dax";
	char link[64], driver[128];
	struct statx st;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0 ||
	    !S_ISCHR(st.stx_mode))
		return false;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/subsystem", st.stx_rdev_major,
		 st.stx_rdev_minor);
	ssize_t len = readlink(link, driver, sizeof(driver) - 1);
	if (len < (ssize_t)sizeof(wanted))
		return false;
	driver[len] = '\0';
	return strcmp(driver + len - (sizeof(wanted) - 1), wanted) == 0;
}

enum stranger_fd_kind stranger_fd_kind(int fd)
{
	static const char event[] = "anon_inode:[eventfd]", dax[] = "/dev/dax";
	char link[32], name[64] = "";
	if (fcntl(fd, F_GET_SEALS) >= 0)
		return STRANGER_MEMORY;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof(name) - 1) < 0)
		return STRANGER_OTHER;
	if (strncmp(name, dax, sizeof(dax) - 1) == 0 && is_dax(fd))
		return STRANGER_MEMORY;
	return strcmp(name, event) == 0 ? STRANGER_EVENT : STRANGER_OTHER;
}

unsigned stranger_fds_of(struct msghdr *msg, int *fds)
{
	unsigned n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fds);
		for (size_t i = 0; i < here && n < STRANGER_FDS_MAX; i++)
			memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(*fds), sizeof(*fds));
	}
	return n;
}

ssize_t stranger_recv(int fd, void *buf, size_t len, int flags)
{
	union stranger_fds room;
	int fds[STRANGER_FDS_MAX];
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room)};
	ssize_t rc = recvmsg(fd, &msg, flags);
	unsigned n = rc < 0 ? 0 : stranger_fds_of(&msg, fds);
	if (n > 0)
		stranger_fds_close(fds, n);
	return rc;
}

void stranger_fd_close(int fd)
{
	if (stranger_fd_kind(fd) == STRANGER_OTHER)
		stranger_fds_close(&fd, 1);
	else
		close(fd);
}
