#include "vhost/socket_path.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int socket_path_check(const char *path, char *err, size_t err_len)
{
	struct sockaddr_un un;
	struct stat st;
	char folder[sizeof(un.sun_path)];

	if (path[0] != '/') {
		snprintf(err, err_len, "path=%s is not absolute: start it with /", path);
		return -EINVAL;
	}
	if (strlen(path) >= sizeof(un.sun_path)) {
		snprintf(err, err_len,
			 "path=%.40s... is too long: a socket's path has at most %zu bytes", path,
			 sizeof(un.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	snprintf(folder, sizeof(folder), "%s", path);
	const char *parent = dirname(folder);
	if (stat(parent, &st) < 0) {
		int rc = -errno;
		snprintf(err, err_len, "folder %s of path=%s: %s", parent, path, strerror(-rc));
		return rc;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(err, err_len, "%s in path=%s is not a folder", parent, path);
		return -ENOTDIR;
	}
	return 0;
}

// 0 when somebody listens, otherwise -errno.
static int probe(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc = connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ? -errno : 0;
	close(fd);
	return rc == -EAGAIN ? 0 : rc; // its backlog is full
}

int socket_path_claim(const char *path, char *err, size_t err_len)
{
	struct stat st;
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int rc;

	snprintf(folder, sizeof(folder), "%s", path);
	if (access(dirname(folder), W_OK | X_OK) < 0) {
		rc = -errno;
		snprintf(err, err_len, "cannot make socket %s: %s", path, strerror(-rc));
		return rc;
	}
	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, err_len, "%s exists and is not a socket: give another path", path);
		return -EEXIST;
	}
	rc = probe(path);
	if (rc == 0) {
		snprintf(err, err_len,
			 "socket %s is in use by another process: stop it or give another path",
			 path);
		return -EADDRINUSE;
	}
	if (rc != -ECONNREFUSED || unlink(path) < 0) {
		rc = rc != -ECONNREFUSED ? rc : -errno;
		snprintf(err, err_len, "cannot replace socket %s: %s", path, strerror(-rc));
		return rc;
	}
	return 0;
}
