// The server's socket: who may connect, and what happens in a crowd.
#define _GNU_SOURCE // accept4
#include "datapath/server_internal.h"

#include "ctl/account.h"
#include "ctl/log.h"
#include "ctl/peer.h"
#include "ctl/socket_file.h"
#include "datapath/stranger_fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX	  64
#define BACKLOG		  64
#define ACCEPT_RETRY_US	  100000
#define EVICT_IDLE_MS	  1000	// a client so long silent may give its place to a new one
#define TELL_MS		  10000 // between two lines about the same
#define SEND_BUFFER_BYTES (1 << 20)

// Whether the log has not been told for a while; it is now.
static bool is_news(uint64_t *told_ms)
{
	uint64_t now_ms = server_now_ms();
	if (*told_ms != 0 && now_ms - *told_ms < TELL_MS)
		return false;
	*told_ms = now_ms;
	return true;
}

// To whom may not connect: one error, unasked, and the end.
static void refuse_stranger(struct server *server, int fd, uid_t uid)
{
	static const struct nlmsghdr nothing = {.nlmsg_len = NLMSG_HDRLEN};
	struct dp_datagram *d = &server->out;
	struct dp_error error = {0};
	snprintf(error.text, sizeof(error.text),
		 "uid %u may not use the datapath, which is for root and uid %u; start swd with a "
		 "--group of that user's",
		 uid, geteuid());
	if (is_news(&server->refused_ms))
		log_warn("%s: uid %u is refused: not root, nor uid %u, nor of --group",
			 server->path, uid, geteuid());
	if (dp_msg_error(d, &nothing, -EPERM, &error) &&
	    send(fd, d->buf, d->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("%s: the stranger has gone", server->path);
	d->len = 0;
	// What it sent and nobody reads would turn the answer into a reset connection.
	shutdown(fd, SHUT_RDWR);
	stranger_fd_place(server->path);
	while (stranger_recv(fd, server->in, 1, MSG_DONTWAIT) > 0)
		;
	close(fd);
}

static void crowd_tell(struct server *server, const char *what)
{
	if (is_news(&server->full_told_ms))
		log_warn("%s: %u clients are connected: %s", server->path, server->n_clients, what);
}

// Whether it may be silent: who gets upcalls, events or traces.
static bool may_be_silent(const struct server *server, const struct client *c)
{
	return c == server->upcall_client || c->handles != 0 || c->subscribed ||
	       traces_any_of(server, c);
}

// Of more than a few cores: an Open vSwitch connects once for each before it says that these are
// its handlers.
static unsigned handlers_to_be(void)
{
	long cores = sysconf(_SC_NPROCESSORS_CONF);
	return cores > CLIENTS_MAX / 2 ? (unsigned)cores : 0;
}

// Handlers have places of their own: a datapath may have one for each core of the host.
static bool is_full(const struct server *server)
{
	unsigned n = server->n_clients;
	for (const struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry))
		n -= c->handles != 0;
	return n >= CLIENTS_MAX + handlers_to_be();
}

// Silent clients must not keep others out, but for those that are to be silent. false when no other
// has been silent for long.
static bool client_evict(struct server *server)
{
	uint64_t now_ms = server_now_ms();
	for (struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry)) {
		if (now_ms - c->active_ms < EVICT_IDLE_MS)
			return false;
		if (may_be_silent(server, c))
			continue;
		crowd_tell(server, "the longest silent one gives its place");
		client_destroy(c);
		return true;
	}
	return false;
}

static void accept_one(struct server *server, int fd)
{
	static uint32_t last_id;
	int bytes = SEND_BUFFER_BYTES;
	struct peer who = peer_of(fd, server->group);
	if (!who.may_change) {
		refuse_stranger(server, fd, who.uid);
		return;
	}
	if (is_full(server) && !client_evict(server)) {
		crowd_tell(server, "more are refused");
		close(fd);
		return;
	}
	// More room for upcalls; the default does when it is refused.
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	last_id = last_id >= UINT32_MAX - 1 ? 1 : last_id + 1;
	struct client *c = client_create(server, fd, last_id);
	if (c == NULL) {
		log_warn("%s: no memory for another client", server->path);
		close(fd);
		return;
	}
	log_debug("datapath client %u: connected", c->id);
}

static void on_accept(evutil_socket_t listen_fd, short events, void *arg)
{
	struct server *server = arg;
	(void)events;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		accept_one(server, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		// The connection stays pending and the socket readable: look again later.
		const struct timeval later = {.tv_usec = ACCEPT_RETRY_US};
		crowd_tell(server, strerror(errno));
		if (client_evict(server))
			return;
		event_del(server->on_accept);
		event_add(server->on_accept_retry, &later);
	}
}

static void on_accept_retry(evutil_socket_t fd, short events, void *arg)
{
	struct server *server = arg;
	(void)fd;
	(void)events;
	event_add(server->on_accept, NULL);
}

// Whether somebody listens behind the socket file.
static bool socket_alive(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	int rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	bool refused = rc < 0 && errno == ECONNREFUSED;
	close(fd);
	return !refused;
}

static int path_clear(const struct sockaddr_un *addr, char *err, size_t err_len)
{
	struct stat st;
	if (lstat(addr->sun_path, &st) < 0)
		return 0; // not there, or bind will say why
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, err_len, "%s is there and is no socket: remove it", addr->sun_path);
		return -EEXIST;
	}
	if (socket_alive(addr)) {
		snprintf(err, err_len,
			 "%s is in use by a running process: stop it, or use another --run-dir",
			 addr->sun_path);
		return -EADDRINUSE;
	}
	log_info("replacing the stale socket %s", addr->sun_path);
	if (unlink(addr->sun_path) == 0 || errno == ENOENT)
		return 0;
	snprintf(err, err_len, "cannot remove the stale socket %s: %s", addr->sun_path,
		 strerror(errno));
	return -errno;
}

int listen_open(struct server *server, char *err, size_t err_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	if (strlen(server->path) >= sizeof(addr.sun_path)) {
		snprintf(err, err_len,
			 "socket path %s is longer than %zu bytes: use a shorter --run-dir",
			 server->path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", server->path);
	int rc = path_clear(&addr, err, err_len);
	if (rc < 0)
		return rc;
	server->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(0117); // mode 0660 from the first moment
	rc = server->fd < 0 ? -1 : bind(server->fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	rc = rc < 0 ? -errno : socket_file_give(server->path, ACCOUNT_NONE, server->group);
	if (rc < 0) {
		snprintf(err, err_len,
			 "cannot make %s with gid %d: %s: name a --group that swd's user is in, "
			 "and a --run-dir that it may write to",
			 server->path, (int)server->group, strerror(-rc));
		return rc;
	}
	if (listen(server->fd, BACKLOG) < 0 || stat(server->path, &st) < 0) {
		snprintf(err, err_len, "cannot listen on %s: %s", server->path, strerror(errno));
		return -errno;
	}
	server->dev = st.st_dev;
	server->ino = st.st_ino;
	return 0;
}

static void socket_remove(const struct server *server)
{
	struct stat st;
	if (server->ino != 0 && lstat(server->path, &st) == 0 && st.st_ino == server->ino &&
	    st.st_dev == server->dev)
		unlink(server->path);
}

int listen_start(struct server *server)
{
	server->on_accept =
	    event_new(server->base, server->fd, EV_READ | EV_PERSIST, on_accept, server);
	server->on_accept_retry = event_new(server->base, -1, 0, on_accept_retry, server);
	if (server->on_accept == NULL || server->on_accept_retry == NULL ||
	    event_add(server->on_accept, NULL) < 0)
		return -ENOMEM;
	return 0;
}

void listen_close(struct server *server)
{
	if (server->on_accept != NULL)
		event_free(server->on_accept);
	if (server->on_accept_retry != NULL)
		event_free(server->on_accept_retry);
	socket_remove(server);
	if (server->fd >= 0)
		close(server->fd);
}
