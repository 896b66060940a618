#include "vhost/socket_path.h"

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

// Where a refusal goes, and of what it is.
struct answer {
	const char *path;
	char *err;
	size_t err_len;
};

static int refuse(const struct answer *a, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(const struct answer *a, int rc, const char *fmt, ...)
{
	va_list args;
	int used = snprintf(a->err, a->err_len, "path=%.120s: ", a->path);

	if (used < 0 || (size_t)used >= a->err_len)
		return rc;
	va_start(args, fmt);
	vsnprintf(a->err + used, a->err_len - (size_t)used, fmt, args);
	va_end(args);
	return rc;
}

// The folder of a path that is short enough; `room` holds it.
static const char *folder_of(const char *path, char room[PATH_SIZE])
{
	snprintf(room, PATH_SIZE, "%s", path);
	return dirname(room);
}

int socket_path_check(const char *path, char *err, size_t err_len)
{
	const struct answer a = {path, err, err_len};
	char room[PATH_SIZE];
	struct stat st;

	if (path[0] != '/')
		return refuse(&a, -EINVAL, "give the whole path, from /");
	if (strlen(path) >= PATH_SIZE)
		return refuse(&a, -ENAMETOOLONG, "%zu bytes are too many: a socket's path has %zu",
			      strlen(path), PATH_SIZE - 1);
	const char *folder = folder_of(path, room);
	int rc = stat(folder, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (rc == 0 && access(folder, X_OK) < 0)
		rc = -errno;
	if (rc == -ENOENT)
		return refuse(&a, rc, "folder %s is not there: make it first", folder);
	if (rc < 0)
		return refuse(&a, rc, "folder %s: %s: name another", folder, strerror(-rc));
	return 0;
}

int socket_path_check_peer(const char *path, char *err, size_t err_len)
{
	const struct answer a = {path, err, err_len};
	struct stat st;

	if (stat(path, &st) < 0 || S_ISSOCK(st.st_mode))
		return 0;
	return refuse(&a, -ENOTSOCK, "a file that is no socket is there: name another");
}

// 0 when somebody listens, whatever type of socket that is; otherwise -errno.
static int probe(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc = connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ? -errno : 0;
	close(fd);
	return rc == -EAGAIN || rc == -EPROTOTYPE ? 0 : rc; // its backlog is full; another type
}

int socket_path_claim(const char *path, char *err, size_t err_len)
{
	const struct answer a = {path, err, err_len};
	char room[PATH_SIZE];
	struct stat st;
	int rc;

	if (access(folder_of(path, room), W_OK | X_OK) < 0) {
		rc = -errno;
		return refuse(&a, rc,
			      "cannot make a socket there: %s: name a folder that swd may "
			      "write to",
			      strerror(-rc));
	}
	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return refuse(&a, -EEXIST, "a file that is no socket is there: name another path");
	rc = probe(path);
	if (rc == 0)
		return refuse(&a, -EADDRINUSE,
			      "another process listens there: stop it or name another path");
	if (rc == -ECONNREFUSED)
		rc = unlink(path) < 0 ? -errno : 0;
	if (rc < 0)
		return refuse(&a, rc, "cannot replace the socket that is left there: %s: remove it",
			      strerror(-rc));
	return 0;
}
