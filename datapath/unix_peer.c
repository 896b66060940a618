#define _GNU_SOURCE // struct ucred
#include "datapath/unix_peer.h"

#include "vhost/socket_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 200 // the control thread stands still for so long

// vhost-user specification.
#define VHOST_USER_GET_FEATURES		 1
#define VHOST_USER_GET_PROTOCOL_FEATURES 15
#define VHOST_USER_GET_QUEUE_NUM	 17
#define VHOST_USER_F_PROTOCOL_FEATURES	 30
#define VHOST_USER_PROTOCOL_F_MQ	 0

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
	int rc = socket_path_check(path, err, err_len);
	return rc < 0 ? rc : socket_path_check_peer(path, err, err_len);
}

// A connection that does not wait, or -errno.
static int try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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

// A request of vhost-user without a payload, whose answer is a number (vhost-user specification).
static bool vhost_ask(int fd, uint32_t request, uint64_t *number)
{
	const uint32_t question[3] = {request, 1, 0}; // of version 1
	uint32_t answer[5];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (send(fd, question, sizeof(question), MSG_NOSIGNAL) != (ssize_t)sizeof(question) ||
	    poll(&p, 1, ANSWER_MS) != 1 ||
	    recv(fd, answer, sizeof(answer), 0) != (ssize_t)sizeof(answer))
		return false;
	memcpy(number, &answer[3], sizeof(*number));
	return answer[0] == request;
}

// What virtio-user asks before anything else, and leaves sockets behind if that fails; and how many
// pairs of queues there are, which it does not ask.
static bool vhost_answers(int fd, uint64_t *n_pairs)
{
	uint64_t features, protocol = 0;

	*n_pairs = 1;
	if (!vhost_ask(fd, VHOST_USER_GET_FEATURES, &features))
		return false;
	if ((features & 1u << VHOST_USER_F_PROTOCOL_FEATURES) &&
	    !vhost_ask(fd, VHOST_USER_GET_PROTOCOL_FEATURES, &protocol))
		return false;
	return !(protocol & 1u << VHOST_USER_PROTOCOL_F_MQ) ||
	       vhost_ask(fd, VHOST_USER_GET_QUEUE_NUM, n_pairs);
}

static bool peer_id(int fd, struct unix_peer_id *id)
{
	struct ucred who;
	socklen_t len = sizeof(id->address), who_len = sizeof(who);
	memset(id, 0, sizeof(*id));
	if (getpeername(fd, (struct sockaddr *)&id->address, &len) < 0 ||
	    id->address.sun_family != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) < 0)
		return false;
	id->pid = who.pid;
	return true;
}

int unix_peer_speaks_vhost(const char *path, unsigned n_pairs, struct unix_peer_id *id, char *err,
			   size_t err_len)
{
	uint64_t pairs_there;
	int fd = try_connect(path);
	if (fd < 0)
		return refuse_connection(fd, path, err, err_len);
	bool speaks = vhost_answers(fd, &pairs_there) && peer_id(fd, id);
	close(fd);
	if (!speaks)
		return refuse(-ETIMEDOUT, path,
			      "who listens there does not answer as a vhost-user backend", err,
			      err_len);
	if (n_pairs <= pairs_there)
		return 0;
	snprintf(err, err_len, "queues=%u is too many: the backend at path=%.100s has %" PRIu64,
		 n_pairs, path, pairs_there);
	return -EINVAL;
}

static bool connected_to(int fd, const struct unix_peer_id *id)
{
	struct unix_peer_id other;
	return peer_id(fd, &other) && other.pid == id->pid &&
	       memcmp(other.address.sun_path, id->address.sun_path,
		      sizeof(other.address.sun_path)) == 0;
}

unsigned unix_peer_sockets(const struct unix_peer_id *id, void (*show)(int copy, int fd))
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		// A duplicate stays what it is, whatever other threads open and close meanwhile.
		int fd = (int)strtoul(e->d_name, NULL, 10), copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			continue;
		if (connected_to(copy, id)) {
			show(copy, fd);
			n++;
		}
		close(copy);
	}
	closedir(dir);
	return n;
}
