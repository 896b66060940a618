#include "ctl/swctld/rpc_listen.h"

#include "ctl/socket_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG	 64
#define WAIT_MS	 1000 // for one that was just killed and has not gone quite yet
#define PAUSE_MS 20

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 // Linux 6.16
#endif

// Removes what a dead daemon left. -EADDRINUSE when somebody serves there, -EEXIST when it is no
// socket.
static int try_make_room(const struct sockaddr_un *addr)
{
	struct stat st;
	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	// Not blocking: a live daemon whose queue is full is in use too.
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	close(fd);
	if (rc == ECONNREFUSED)
		return unlink(addr->sun_path) < 0 ? -errno : 0;
	return rc == EACCES || rc == EPERM ? -rc : -EADDRINUSE;
}

static int make_room(const struct sockaddr_un *addr)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	int rc = try_make_room(addr);
	for (int ms = 0; rc == -EADDRINUSE && ms < WAIT_MS; ms += PAUSE_MS) {
		nanosleep(&pause, NULL);
		rc = try_make_room(addr);
	}
	return rc;
}

static const struct {
	int err;
	const char *mend;
} mends[] = {
    {-EADDRINUSE, "in use by a running swctld; stop that one or take another --run-dir"},
    {-EEXIST, "exists and is not a socket; remove it or take another --run-dir"},
    {-ENOENT, "the folder does not exist; create it"},
    {-EACCES, "permission denied; check the folder's owner and mode, or take another --run-dir"},
    {-EPERM, "permission denied; check the folder's owner and mode, or take another --run-dir"},
};

static void explain(const char *path, int rc, char *err, size_t err_len)
{
	for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++) {
		if (mends[i].err == rc) {
			snprintf(err, err_len, "%s: %s", path, mends[i].mend);
			return;
		}
	}
	snprintf(err, err_len, "%s: %s; take another --run-dir", path, strerror(-rc));
}

// 0 or -errno with one line in err; closes the socket then.
static int give(int fd, const char *path, uid_t uid, gid_t gid, char *err, size_t err_len)
{
	int rc = socket_file_give(path, uid, gid);
	if (rc == 0)
		return 0;
	snprintf(err, err_len,
		 "%s: cannot be given to uid %d and gid %d (--user, --group, --admin-group): %s; "
		 "name a group that swctld's user is in, or start it as root",
		 path, (int)uid, (int)gid, strerror(-rc));
	close(fd);
	unlink(path);
	return rc;
}

// Files that a client passes, the kernel would close in this thread: a TCP socket that lingers, as
// late as its sender likes. An older kernel does not know how to refuse them.
static void files_refuse(int fd)
{
	const int no = 0;
	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof(no));
}

int rpc_listen(const char *path, uid_t uid, gid_t gid, char *err, size_t err_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int rc, fd = -1;
	if (strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(err, err_len,
			 "%.60s...: longer than the %zu bytes of a socket's path; take a shorter "
			 "--run-dir",
			 path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path));
	rc = make_room(&addr);
	if (rc < 0)
		goto fail;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	// The mode must be right from the first moment, so it comes from the umask and not from a
	// chmod.
	mode_t mask = umask(0117);
	rc = fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (rc < 0)
		goto fail;
	rc = give(fd, path, uid, gid, err, err_len);
	if (rc < 0)
		return rc;
	files_refuse(fd);
	if (listen(fd, BACKLOG) == 0)
		return fd;
	rc = -errno;
	unlink(path);

fail:
	explain(path, rc, err, err_len);
	if (fd >= 0)
		close(fd);
	return rc;
}
