#include "datapath/unix_peer.h"

#include "vhost/socket_path.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 200 // the control thread stands still for so long

static int refuse(int rc, const char *path, const char *what, char *err, size_t err_len)
{
	snprintf(err, err_len, "path=%.120s: %s", path, what);
	return rc;
}

int unix_peer_check_path(const char *path, char *err, size_t err_len)
{
	if (strcspn(path, ",\" \t\n") != strlen(path))
		return refuse(-EINVAL, path, "use one without commas, quotes and blanks", err,
			      err_len);
	return socket_path_check(path, err, err_len);
}

// A connection that does not wait, or -errno.
static int try_connect(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

static int refuse_connection(int rc, const char *path, char *err, size_t err_len)
{
	switch (rc) {
	case -ENOENT:
	case -ECONNREFUSED:
		return refuse(-ENOTCONN, path, "nobody listens there: start the peer", err,
			      err_len);
	case -EAGAIN:
		return refuse(-ENOTCONN, path, "the peer listens, but takes no connection", err,
			      err_len);
	case -EPROTOTYPE:
		return refuse(-EPROTOTYPE, path, "who listens there speaks another protocol", err,
			      err_len);
	default:
		return refuse(rc, path, strerror(-rc), err, err_len);
	}
}

int unix_peer_listens(const char *path, int type, char *err, size_t err_len)
{
	int fd = try_connect(path, type);
	if (fd < 0)
		return refuse_connection(fd, path, err, err_len);
	close(fd);
	return 0;
}

int unix_peer_speaks_vhost(const char *path, char *err, size_t err_len)
{
	// VHOST_USER_GET_FEATURES of version 1, without a payload (vhost-user specification).
	static const uint32_t get_features[3] = {1, 1, 0};
	uint32_t answer[5];
	int fd = try_connect(path, SOCK_STREAM);
	if (fd < 0)
		return refuse_connection(fd, path, err, err_len);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = send(fd, get_features, sizeof(get_features), MSG_NOSIGNAL);
	if (n == (ssize_t)sizeof(get_features) && poll(&p, 1, ANSWER_MS) == 1)
		n = recv(fd, answer, sizeof(answer), 0);
	else
		n = -1;
	close(fd);
	if (n == (ssize_t)sizeof(answer) && answer[0] == get_features[0])
		return 0;
	return refuse(-ETIMEDOUT, path, "who listens there does not answer as a vhost-user backend",
		      err, err_len);
}
