#include "memif/memif_conn.h"

#include "datapath/stranger_fd.h"
#include "memif/memif.h"
#include "memif/memif_link.h"
#include "memif/memif_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_NAME     "swd"
#define SETUP_LOOKS   6	 // two looks a second: so long may a peer take until both agree
#define STRANGERS_MAX 16 // connections of no link yet, of one socket

// What it waits for.
enum conn_state {
	CONN_GREETING,	 // client: HELLO; server: INIT
	CONN_DESCRIBING, // of regions and rings; client: the next ACK
	CONN_CONNECTING, // client: CONNECTED
	CONN_UP,
	N_CONN_STATES
};

struct memif_conn {
	struct memif_link *link;	   // NULL: a server's whose client has not said
	const struct memif_socket *socket; // that accepted it; NULL: we are the client
	int fd;
	struct event *on_read;
	enum conn_state state;
	unsigned n_sent;  // client: of the messages that describe its wire
	unsigned n_looks; // while not up
	struct memif_wire *wire;
	LIST_ENTRY(memif_conn) all;
};

static LIST_HEAD(conn_list, memif_conn) conns = LIST_HEAD_INITIALIZER(conns); // newest first

static void conn_place(const struct memif_conn *conn)
{
	stranger_fd_place(conn->socket ? memif_socket_path(conn->socket) : conn->link->path);
}

static void conn_free(struct memif_conn *conn)
{
	LIST_REMOVE(conn, all);
	if (conn->on_read)
		event_free(conn->on_read);
	conn_place(conn);
	stranger_fd_close(conn->fd); // and what it has not been read of
	memif_wire_destroy(conn->wire);
	free(conn);
}

// The peer has gone, or is left. The link is down, for this reason.
__attribute__((format(printf, 2, 3))) static void conn_lose(struct memif_conn *conn,
							    const char *fmt, ...)
{
	char reason[160];
	if (conn->link) {
		int len = snprintf(reason, sizeof(reason), "the peer of %s with id %u ",
				   conn->link->path, conn->link->id);
		va_list args;
		va_start(args, fmt);
		vsnprintf(reason + len, sizeof(reason) - (size_t)len, fmt, args);
		va_end(args);
		memif_link_down(conn->link, reason);
	}
	conn_free(conn);
}

static void say_disconnect(struct memif_conn *conn, const char *why)
{
	struct memif_msg msg = {.type = MEMIF_DISCONNECT};
	snprintf(msg.disconnect.reason, sizeof(msg.disconnect.reason), "%.95s", why);
	memif_msg_send(conn->fd, &msg, -1); // it is left anyway
}

// The peer has sent what it must not.
static void conn_reject(struct memif_conn *conn, const char *what)
{
	say_disconnect(conn, what);
	conn_lose(conn, "sent %s: link closed", what);
}

void memif_conn_close(struct memif_conn *conn, const char *why)
{
	say_disconnect(conn, why);
	conn_lose(conn, "is left: %s", why);
}

// False: the connection is gone.
static bool conn_send(struct memif_conn *conn, const struct memif_msg *msg, int pass)
{
	int rc = memif_msg_send(conn->fd, msg, pass);
	if (rc == 0)
		return true;
	conn_lose(conn, "went: %s", rc == -EAGAIN ? "it does not read" : strerror(-rc));
	return false;
}

static void connect_name(const struct memif_conn *conn, struct memif_msg *msg)
{
	snprintf(msg->connect.if_name, sizeof(msg->connect.if_name), "%.31s",
		 conn->link->port->config.name);
}

static void conn_up(struct memif_conn *conn)
{
	conn->state = CONN_UP;
	memif_link_up(conn->link, conn->wire);
}

// Answers to messages: 0, or -errno with one line in err, and the connection is left. `fd` came
// with the message, and is taken over.

static int on_hello(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
		    size_t err_len)
{
	const struct memif_link *link = conn->link;
	struct memif_msg init = {.type = MEMIF_INIT};
	(void)fd;
	if (msg->hello.min_version > MEMIF_VERSION || msg->hello.max_version < MEMIF_VERSION) {
		snprintf(err, err_len, "a greeting without version 2.0 of the protocol");
		return -EPROTO;
	}
	// Its highest indexes are limits, its own wishes aside.
	struct memif_layout layout = link->layout;
	layout.n_s2m = RTE_MIN(layout.n_s2m, msg->hello.max_s2m_ring + 1u);
	layout.n_m2s = RTE_MIN(layout.n_m2s, msg->hello.max_m2s_ring + 1u);
	layout.log2_size = RTE_MIN(layout.log2_size, msg->hello.max_log2_ring_size);
	int rc = memif_wire_make(conn->wire, &layout, err, err_len);
	if (rc < 0)
		return rc;
	init.init.version = MEMIF_VERSION;
	init.init.id = link->id;
	init.init.mode = MEMIF_MODE_ETHERNET;
	snprintf(init.init.name, sizeof(init.init.name), PEER_NAME);
	memcpy(init.init.secret, link->secret, sizeof(init.init.secret));
	conn->state = CONN_DESCRIBING;
	conn_send(conn, &init, -1);
	return 0;
}

static int on_ack(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
		  size_t err_len)
{
	struct memif_msg next = {0};
	int pass = -1;
	(void)msg;
	(void)fd;
	(void)err;
	(void)err_len;
	if (!memif_wire_message(conn->wire, conn->n_sent++, &next, &pass)) {
		next.type = MEMIF_CONNECT;
		connect_name(conn, &next);
		conn->state = CONN_CONNECTING;
	}
	conn_send(conn, &next, pass);
	return 0;
}

static int on_connected(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
			size_t err_len)
{
	(void)msg;
	(void)fd;
	int rc = memif_wire_start(conn->wire, err, err_len);
	if (rc == 0)
		conn_up(conn);
	return rc;
}

static int acknowledge(struct memif_conn *conn)
{
	const struct memif_msg ack = {.type = MEMIF_ACK};
	conn_send(conn, &ack, -1);
	return 0;
}

static bool secret_is(const struct memif_link *link, const char *secret)
{
	unsigned differ = 0;
	for (size_t i = 0; i < MEMIF_SECRET_SIZE; i++)
		differ |= (unsigned)(link->secret[i] ^ secret[i]);
	return differ == 0 || !link->secret[0];
}

static int on_init(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
		   size_t err_len)
{
	struct memif_link *link = memif_link_find(conn->socket, msg->init.id);
	(void)fd;
	if (link && !link->conn) {
		conn->link = link;
		link->conn = conn;
	}
	if (!link)
		snprintf(err, err_len, "an id that no port has");
	else if (link->conn != conn)
		snprintf(err, err_len, "the id of a port that has a peer");
	else if (msg->init.version != MEMIF_VERSION)
		snprintf(err, err_len, "another version of the protocol");
	else if (msg->init.mode != MEMIF_MODE_ETHERNET)
		snprintf(err, err_len, "another mode than Ethernet");
	else if (!secret_is(link, msg->init.secret))
		snprintf(err, err_len, "another secret");
	else {
		conn->state = CONN_DESCRIBING;
		return acknowledge(conn);
	}
	return -EPROTO;
}

static int on_add_region(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
			 size_t err_len)
{
	int rc = memif_wire_add_region(conn->wire, msg, fd, err, err_len);
	return rc < 0 ? rc : acknowledge(conn);
}

static int on_add_ring(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
		       size_t err_len)
{
	int rc = memif_wire_add_ring(conn->wire, msg, fd, conn->link->port->n_rxq, err, err_len);
	return rc < 0 ? rc : acknowledge(conn);
}

static int on_connect(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
		      size_t err_len)
{
	struct memif_msg connected = {.type = MEMIF_CONNECTED};
	(void)msg;
	(void)fd;
	int rc = memif_wire_start(conn->wire, err, err_len);
	if (rc < 0)
		return rc;
	connect_name(conn, &connected);
	if (conn_send(conn, &connected, -1))
		conn_up(conn);
	return 0;
}

// Which messages each role takes, and when.
struct answer {
	enum conn_state state;
	int (*take)(struct memif_conn *conn, const struct memif_msg *msg, int fd, char *err,
		    size_t err_len);
};
static const struct answer as_server[N_MEMIF_MSG_TYPES] = {
    [MEMIF_INIT] = {CONN_GREETING, on_init},
    [MEMIF_ADD_REGION] = {CONN_DESCRIBING, on_add_region},
    [MEMIF_ADD_RING] = {CONN_DESCRIBING, on_add_ring},
    [MEMIF_CONNECT] = {CONN_DESCRIBING, on_connect},
};
static const struct answer as_client[N_MEMIF_MSG_TYPES] = {
    [MEMIF_HELLO] = {CONN_GREETING, on_hello},
    [MEMIF_ACK] = {CONN_DESCRIBING, on_ack},
    [MEMIF_CONNECTED] = {CONN_CONNECTING, on_connected},
};

static void take_message(struct memif_conn *conn, const struct memif_msg *msg, int fd)
{
	const struct answer *answer = &(conn->socket ? as_server : as_client)[msg->type];
	char text[sizeof(msg->disconnect.reason) + 1], err[160];
	if (msg->type == MEMIF_DISCONNECT) {
		memif_msg_text(text, msg->disconnect.reason, sizeof(text));
		conn_lose(conn, "went: \"%s\"", text);
	} else if (!answer->take || answer->state != conn->state) {
		if (fd >= 0)
			stranger_fd_close(fd);
		snprintf(err, sizeof(err), "a message of type %u out of turn", msg->type);
		conn_reject(conn, err);
	} else if (answer->take(conn, msg, fd, err, sizeof(err)) < 0) {
		conn_reject(conn, err);
	}
}

// One message a call, so that no peer keeps the thread.
static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct memif_conn *conn = arg;
	struct memif_msg msg;
	char err[160];
	int passed;
	(void)events;
	conn_place(conn);
	if (!stranger_fd_room()) {
		event_del(conn->on_read); // until the next look
		return;
	}
	int rc = memif_msg_receive((int)fd, &msg, &passed, err, sizeof(err));
	if (rc == 0)
		take_message(conn, &msg, passed);
	else if (rc == -EPROTO)
		conn_reject(conn, err);
	else if (rc == -ECONNRESET)
		conn_lose(conn, "went: it closed the connection");
	else if (rc != -EAGAIN && rc != -EINTR)
		conn_lose(conn, "went: %s", err);
}

static struct memif_conn *conn_open(struct memif_link *link, const struct memif_socket *socket,
				    int fd)
{
	struct memif_conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		stranger_fd_close(fd);
		return NULL;
	}
	conn->link = link;
	conn->socket = socket;
	conn->fd = fd;
	LIST_INSERT_HEAD(&conns, conn, all);
	if (link)
		link->conn = conn;
	conn->wire = memif_wire_create(!socket);
	conn->on_read = event_new(memif_base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	if (conn->wire && conn->on_read && event_add(conn->on_read, NULL) == 0)
		return conn;
	conn_lose(conn, "is left: no memory for it");
	return NULL;
}

void memif_conn_open_client(struct memif_link *link, int fd)
{
	if (conn_open(link, NULL, fd))
		snprintf(link->reason, sizeof(link->reason),
			 "the peer that listens at %s has not agreed yet", link->path);
}

// Peers that connect and say nothing do not keep others out: the oldest one goes.
static void strangers_limit(const struct memif_socket *socket)
{
	struct memif_conn *conn, *oldest = NULL;
	unsigned n = 0;
	for (conn = LIST_FIRST(&conns); conn; conn = LIST_NEXT(conn, all)) {
		if (conn->socket == socket && !conn->link) {
			oldest = conn;
			n++;
		}
	}
	if (n >= STRANGERS_MAX)
		memif_conn_close(oldest, "others are waiting");
}

void memif_conn_open_server(struct memif_socket *socket, int fd)
{
	struct memif_msg hello = {.type = MEMIF_HELLO};
	strangers_limit(socket);
	struct memif_conn *conn = conn_open(NULL, socket, fd);
	if (!conn)
		return;
	snprintf(hello.hello.name, sizeof(hello.hello.name), PEER_NAME);
	hello.hello.min_version = hello.hello.max_version = MEMIF_VERSION;
	hello.hello.max_region = MEMIF_REGIONS_MAX - 1;
	hello.hello.max_s2m_ring = hello.hello.max_m2s_ring = MEMIF_QUEUES_MAX - 1;
	hello.hello.max_log2_ring_size = MEMIF_LOG2_RING_MAX;
	conn_send(conn, &hello, -1);
}

void memif_conns_close_of(const struct memif_socket *socket)
{
	struct memif_conn *conn = LIST_FIRST(&conns);
	while (conn) {
		struct memif_conn *next = LIST_NEXT(conn, all);
		if (conn->socket == socket && !conn->link)
			memif_conn_close(conn, "the port is gone");
		conn = next;
	}
}

static void look(struct memif_conn *conn)
{
	event_add(conn->on_read, NULL);
	if (conn->state == CONN_UP) {
		enum memif_fault fault = memif_wire_fault(conn->wire);
		if (fault)
			conn_reject(conn, memif_fault_text(fault));
	} else if (++conn->n_looks > SETUP_LOOKS) {
		say_disconnect(conn, "too slow");
		conn_lose(conn, "does not answer");
	}
}

void memif_conns_look(void)
{
	struct memif_conn *conn = LIST_FIRST(&conns);
	while (conn) {
		struct memif_conn *next = LIST_NEXT(conn, all);
		look(conn);
		conn = next;
	}
}
