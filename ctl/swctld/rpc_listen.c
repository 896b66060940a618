#include "ctl/swctld/rpc_listen.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

// Removes what a dead daemon left. -EADDRINUSE when somebody serves there, -EEXIST when it is no
// socket.
static int make_room(const struct sockaddr_un *addr)
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

static int group_id(const char *group, gid_t *gid)
{
	const struct group *entry = getgrnam(group);
	if (!entry)
		return -ENOENT;
	*gid = entry->gr_gid;
	return 0;
}

static const char *reason(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "in use by a running swctld; stop that one or take another --run-dir";
	case -EEXIST:
		return "exists and is not a socket; remove it or take another --run-dir";
	case -ENOENT:
		return "the folder does not exist; create it";
	default:
		return strerror(-err);
	}
}

int rpc_listen(const char *path, const char *group, char *err, size_t err_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	gid_t gid = (gid_t)-1;
	int rc, fd = -1;
	if (strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(err, err_len,
			 "%.60s...: longer than the %zu bytes of a socket's path; take a shorter "
			 "--run-dir",
			 path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path));
	if (group && group_id(group, &gid) < 0) {
		snprintf(err, err_len, "--group %s: no such group; create it with groupadd", group);
		return -ENOENT;
	}
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
	if ((group && chown(path, (uid_t)-1, gid) < 0) || listen(fd, BACKLOG) < 0) {
		rc = -errno;
		unlink(path);
		goto fail;
	}
	return fd;

fail:
	snprintf(err, err_len, "%s: %s", path, reason(rc));
	if (fd >= 0)
		close(fd);
	return rc;
}
