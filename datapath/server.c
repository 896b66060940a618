#define _GNU_SOURCE // accept4
#include "datapath/server_internal.h"

#include "ctl/account.h"
#include "ctl/dp_attr.h"
#include "ctl/log.h"
#include "ctl/peer.h"
#include "ctl/socket_file.h"
#include "datapath/stranger_fd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX	  64
#define BACKLOG		  64
#define ACCEPT_RETRY_US	  100000
#define EVICT_IDLE_MS	  1000	// a client so long silent may give its place to a new one
#define TELL_MS		  10000 // between two lines about the same
#define SEND_BUFFER_BYTES (1 << 20)

static const struct handler handlers[] = {
    // clang-format off
    // family,            cmd,                    cmd of answers,     handler,              dump
    {DP_FAMILY_DATAPATH, OVS_DP_CMD_GET,         OVS_DP_CMD_NEW,     server_dp_get,         server_dp_dump},
    {DP_FAMILY_DATAPATH, OVS_DP_CMD_SET,         OVS_DP_CMD_NEW,     server_dp_set,         NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_NEW,      OVS_VPORT_CMD_NEW,  server_vport_new,      NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_DEL,      OVS_VPORT_CMD_DEL,  server_vport_del,      NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_GET,      OVS_VPORT_CMD_NEW,  server_vport_get,      server_vport_dump},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_NEW,       OVS_FLOW_CMD_NEW,   server_flow_new,       NULL},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_SET,       OVS_FLOW_CMD_NEW,   server_flow_set,       NULL},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_DEL,       OVS_FLOW_CMD_DEL,   server_flow_del,       NULL},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_GET,       OVS_FLOW_CMD_NEW,   server_flow_get,       server_flow_dump},
    {DP_FAMILY_PACKET,   OVS_PACKET_CMD_EXECUTE, 0,                  server_packet_execute, NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_FEATURES, OVS_METER_CMD_FEATURES, server_meter_features, NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_SET,      OVS_METER_CMD_SET,  server_meter_set,      NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_DEL,      OVS_METER_CMD_DEL,  server_meter_del,      NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_GET,      OVS_METER_CMD_GET,  server_meter_get,      server_meter_dump},
    {DP_FAMILY_SWD,      SWD_CMD_INFO_GET,       SWD_CMD_INFO_GET,   server_swd_info,       NULL},
    {DP_FAMILY_SWD,      SWD_CMD_TRACE_SET,      SWD_CMD_TRACE,      server_trace_set,      NULL},
    {DP_FAMILY_SWD,      SWD_CMD_PMD_SET,        0,                  server_pmd_set,        NULL},
    {DP_FAMILY_SWD,      SWD_CMD_PMD_REBALANCE,  SWD_CMD_PMD_REBALANCE, server_pmd_rebalance, NULL},
    {DP_FAMILY_SWD,      SWD_CMD_PMD_GET,        SWD_CMD_PMD_GET,    NULL,                  server_swd_pmd_dump},
    {DP_FAMILY_SWD,      SWD_CMD_GUEST_GET,      SWD_CMD_GUEST_GET,  NULL,                  server_guest_dump},
    // clang-format on
};

static const char *const family_names[] = {
    [DP_FAMILY_DATAPATH] = "datapath", [DP_FAMILY_VPORT] = "vport",
    [DP_FAMILY_FLOW] = "flow",	       [DP_FAMILY_PACKET] = "packet",
    [DP_FAMILY_METER] = "meter",       [DP_FAMILY_CT_LIMIT] = "ct-limit",
    [DP_FAMILY_SWD] = "swd",
};
#define N_FAMILY_NAMES (sizeof(family_names) / sizeof(family_names[0]))

uint64_t server_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int request_fail(struct request *rq, const struct nlattr *attr, int err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(rq->error.text, sizeof(rq->error.text), fmt, args);
	va_end(args);
	rq->error.attr = attr;
	return err;
}

int request_answer(struct request *rq, uint8_t cmd, answer_fn fill, void *arg)
{
	const struct nlmsghdr header = {.nlmsg_type = rq->nlh->nlmsg_type,
					.nlmsg_seq = rq->nlh->nlmsg_seq};
	return client_put(rq->client, &header, cmd, fill, arg);
}

static const struct handler *handler_find(uint16_t family, uint8_t cmd)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].family == family && handlers[i].cmd == cmd)
			return &handlers[i];
	}
	return NULL;
}

static int refuse_unknown(struct request *rq)
{
	uint16_t family = rq->nlh->nlmsg_type;
	const char *name = family < N_FAMILY_NAMES ? family_names[family] : NULL;
	if (name == NULL)
		return request_fail(rq, NULL, -EOPNOTSUPP, "family 0x%x is not built", family);
	return request_fail(rq, NULL, -EOPNOTSUPP, "command %u of family %s is not built",
			    dp_msg_cmd(rq->nlh), name);
}

// A control daemon of another version tries again and again: once is enough for the log.
static int refuse_version(struct request *rq)
{
	uint8_t version = dp_msg_version(rq->nlh);
	if (rq->server->version_logged != version)
		log_warn("datapath client %u speaks version %u of the datapath protocol, swd "
			 "%s speaks %d: run swd and swctld of the same release",
			 rq->client->id, version, SWD_VERSION, DP_PROTO_VERSION);
	rq->server->version_logged = version;
	return request_fail(rq, NULL, -EPROTONOSUPPORT,
			    "swd %s speaks version %d of the datapath protocol, not %u",
			    SWD_VERSION, DP_PROTO_VERSION, version);
}

// 0: acknowledge; 1: no answer yet, or none at all; -errno.
static int dispatch(struct request *rq)
{
	const struct nlattr *unused[1];
	int rc = dp_msg_parse(rq->nlh, unused, 0, &rq->error);
	if (rc < 0)
		return rc;
	if (dp_msg_version(rq->nlh) != DP_PROTO_VERSION)
		return refuse_version(rq);
	const struct handler *handler = handler_find(rq->nlh->nlmsg_type, dp_msg_cmd(rq->nlh));
	if (handler == NULL)
		return refuse_unknown(rq);
	// The flags of a dump mean other things to NEW.
	bool is_dump = handler->dump != NULL && (rq->nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!is_dump && handler->handle == NULL)
		return request_fail(rq, NULL, -EINVAL, "this command must be a dump (NLM_F_DUMP)");
	if (!is_dump)
		return handler->handle(rq);
	if (rq->client->dump != NULL)
		return request_fail(rq, NULL, -EBUSY,
				    "a dump is going on already on this connection");
	client_dump_start(rq->client, handler, rq->nlh);
	return 1;
}

static void acknowledge(struct request *rq, int err)
{
	struct dp_datagram *d = &rq->server->out;
	if (dp_msg_error(d, rq->nlh, err, &rq->error))
		return;
	client_flush(rq->client);
	dp_msg_error(d, rq->nlh, err, &rq->error);
}

void server_message(struct client *c, const struct nlmsghdr *nlh)
{
	struct request rq;
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
		return; // netlink's own: NOOP, or an answer to nothing
	rq.server = c->server;
	rq.client = c;
	rq.nlh = nlh;
	rq.error.attr = NULL;
	rq.error.text[0] = '\0'; // not all of it: there are many requests
	int rc = dispatch(&rq);
	if (rc < 0)
		log_debug("datapath client %u: refused: %s (%s)", c->id, rq.error.text,
			  strerror(-rc));
	if (rc < 0 || (rc == 0 && nlh->nlmsg_flags & NLM_F_ACK))
		acknowledge(&rq, rc);
}

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

// Silent clients must not keep others out, but for those that are to be silent: who gets upcalls or
// traces. false when no other has been silent for long.
static bool client_evict(struct server *server)
{
	uint64_t now_ms = server_now_ms();
	for (struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry)) {
		if (now_ms - c->active_ms < EVICT_IDLE_MS)
			return false;
		if (c == server->upcall_client || traces_any_of(server, c))
			continue;
		crowd_tell(server, "the longest silent one gives its place");
		client_destroy(c);
		return true;
	}
	return false;
}

static void accept_one(struct server *server, int fd)
{
	static unsigned next_id = 1;
	int bytes = SEND_BUFFER_BYTES;
	struct peer who = peer_of(fd, server->group);
	if (!who.may_change) {
		refuse_stranger(server, fd, who.uid);
		return;
	}
	if (server->n_clients >= CLIENTS_MAX && !client_evict(server)) {
		crowd_tell(server, "more are refused");
		close(fd);
		return;
	}
	// More room for upcalls; the default does when it is refused.
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	struct client *c = client_create(server, fd, next_id++);
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

static int socket_open(struct server *server, char *err, size_t err_len)
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

static int events_start(struct server *server)
{
	server->on_accept =
	    event_new(server->base, server->fd, EV_READ | EV_PERSIST, on_accept, server);
	server->on_accept_retry = event_new(server->base, -1, 0, on_accept_retry, server);
	if (server->on_accept == NULL || server->on_accept_retry == NULL ||
	    event_add(server->on_accept, NULL) < 0 || traces_open(server) < 0)
		return -ENOMEM;
	return upcalls_start(server);
}

struct server *server_start(const struct server_config *config, char *err, size_t err_len)
{
	struct server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		goto no_memory;
	server->fd = -1;
	server->base = config->base;
	server->flows = config->flows;
	server->group = config->group;
	server->started_ms = server_now_ms();
	TAILQ_INIT(&server->clients);
	TAILQ_INIT(&server->tracings);
	server->path = strdup(config->path);
	server->in = malloc(DP_DATAGRAM_MAX);
	server->out.buf = malloc(DP_DATAGRAM_MAX);
	if (server->path == NULL || server->in == NULL || server->out.buf == NULL)
		goto no_memory;
	if (socket_open(server, err, err_len) < 0)
		goto fail;
	if (events_start(server) < 0)
		goto no_memory;
	return server;
no_memory:
	snprintf(err, err_len, "%s: no memory to serve", config->path);
fail:
	server_stop(server);
	return NULL;
}

void server_stop(struct server *server)
{
	if (server == NULL)
		return;
	struct client *c;
	while ((c = TAILQ_FIRST(&server->clients)) != NULL)
		client_destroy(c);
	upcalls_stop(server);
	traces_close(server);
	if (server->on_accept != NULL)
		event_free(server->on_accept);
	if (server->on_accept_retry != NULL)
		event_free(server->on_accept_retry);
	socket_remove(server);
	if (server->fd >= 0)
		close(server->fd);
	free(server->out.buf);
	free(server->in);
	free(server->path);
	free(server);
}
