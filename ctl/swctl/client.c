#include "ctl/swctl/client.h"

#include "ctl/json_lift.h"
#include "ctl/rpc_table.h"
#include "ctl/swctl/request.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NO_METHOD (-32601) // JSON-RPC 2.0, section 5.1
#define READ_STEP ((size_t)64 << 10)
#define AGAIN_MS  50
#define AGAIN_MAX 60 // tries: a place that a silent client holds is free within a second or two

struct call {
	int fd;
	int timeout_ms; // -1: none
	unsigned timeout_s;
	const char *request;
	size_t request_len, sent;
	bool peer_stopped_reading; // its answer may still be there
	char *reply;
	size_t reply_len, reply_room, searched;
	struct swctl_error *error;
};

static int fail(struct swctl_error *error, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct swctl_error *error, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	va_end(ap);
	return code;
}

static int fail_connect(struct swctl_error *error, const char *path, int code)
{
	if (code == -ENOENT || code == -ECONNREFUSED || code == -ENOTDIR)
		return fail(error, code,
			    "cannot reach swctld at %s: is it running? (systemctl start swctld, or "
			    "give --run-dir)",
			    path);
	if (code == -EACCES || code == -EPERM)
		return fail(
		    error, code,
		    "no permission for %s: run as root or as a member of the socket's group", path);
	error->again = code == -EAGAIN;
	if (code == -EAGAIN)
		return fail(error, code, "swctld at %s is too busy to take a connection: try again",
			    path);
	return fail(error, code, "cannot reach swctld at %s: %s", path, strerror(-code));
}

static int open_socket(const char *path, struct swctl_error *error)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(error, -ENAMETOOLONG,
			    "%s: a socket's path has at most %zu bytes; use a shorter run dir",
			    path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, -errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	int code = -errno;
	close(fd);
	return fail_connect(error, path, code);
}

static int make_room(struct call *c)
{
	if (c->reply_room - c->reply_len >= READ_STEP)
		return 0;
	if (c->reply_len >= SWCTL_REPLY_MAX)
		return fail(c->error, -E2BIG, "swctld's answer is longer than %zu MiB",
			    SWCTL_REPLY_MAX >> 20);
	size_t room = c->reply_room ? c->reply_room * 2 : 2 * READ_STEP;
	char *reply = realloc(c->reply, room);
	if (!reply)
		return fail(c->error, -ENOMEM, "out of memory for swctld's answer (%zu MiB so far)",
			    c->reply_len >> 20);
	c->reply = reply;
	c->reply_room = room;
	return 0;
}

static int fail_closed(struct call *c)
{
	if (c->reply_len == 0)
		return fail(c->error, -ECONNRESET,
			    "swctld closed the connection without an answer; its log says why");
	return fail(
	    c->error, -ECONNRESET,
	    "swctld closed the connection within its answer (after %zu bytes); its log says why",
	    c->reply_len);
}

// 1: the whole line is there (newline replaced by an end); 0: more to come; -errno.
static int receive(struct call *c)
{
	int ret = make_room(c);
	if (ret || !c->reply)
		return ret;
	ssize_t n = recv(c->fd, c->reply + c->reply_len, c->reply_room - c->reply_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return fail_closed(c);
	c->reply_len += (size_t)n;
	char *end = memchr(c->reply + c->searched, '\n', c->reply_len - c->searched);
	c->searched = c->reply_len;
	if (!end)
		return 0;
	c->reply_len = (size_t)(end - c->reply);
	return 1;
}

static int transmit(struct call *c)
{
	ssize_t n = send(c->fd, c->request + c->sent, c->request_len - c->sent, MSG_NOSIGNAL);
	if (n >= 0)
		c->sent += (size_t)n;
	else if (errno == EPIPE || errno == ECONNRESET)
		c->peer_stopped_reading = true;
	else if (errno != EAGAIN && errno != EINTR)
		return fail(c->error, -errno, "cannot send to swctld: %s", strerror(errno));
	return 0;
}

// Sends and receives at once: swctld may refuse a request before it has read all of it.
static int exchange(struct call *c)
{
	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		if (c->sent < c->request_len && !c->peer_stopped_reading)
			p.events |= POLLOUT;
		int n = poll(&p, 1, c->timeout_ms);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(c->error, -errno, "cannot wait for swctld: %s",
				    strerror(errno));
		if (n == 0)
			return fail(c->error, -ETIMEDOUT,
				    "no answer from swctld for %u s; it may be busy (--timeout "
				    "waits longer)",
				    c->timeout_s);
		int ret = p.revents & POLLOUT ? transmit(c) : 0;
		if (ret == 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)))
			ret = receive(c);
		if (ret)
			return ret < 0 ? ret : 0;
	}
}

static json_t *take_refusal(const json_t *reply, struct swctl_error *error)
{
	const json_t *object = json_object_get(reply, "error");
	const char *message = json_string_value(json_object_get(object, "message"));
	bool unknown = json_integer_value(json_object_get(object, "code")) == NO_METHOD;
	fail(error, 0, "%s%s",
	     message ? message : "swctld's answer has neither a result nor an error",
	     unknown ? ": swctld is of another version than this swctl (" SWD_VERSION
		       "); use both of the same release"
		     : "");
	for (char *c = error->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	error->data = json_incref(json_object_get(object, "data"));
	error->again = json_is_true(json_object_get(error->data, "again"));
	return NULL;
}

// A reply with a long text, or NULL: then it is to be parsed as it is.
static json_t *load_lifted(const struct call *c)
{
	struct json_lift lift;
	if (!json_lift_take(&lift, c->reply, c->reply_len))
		return NULL;
	json_t *reply = json_loadb(lift.line, lift.len, 0, NULL);
	if (reply && !json_lift_put(&lift, reply, "result")) {
		json_decref(reply);
		reply = NULL;
	}
	json_lift_fini(&lift);
	return reply;
}

static json_t *take_result(const struct call *c)
{
	json_error_t where;
	json_t *reply = load_lifted(c);
	if (!reply)
		reply = json_loadb(c->reply, c->reply_len, 0, &where);
	if (!json_is_object(reply)) {
		fail(c->error, 0, "what answers is not swctld: no JSON-RPC in its answer%s%s",
		     reply ? "" : ": ", reply ? "" : where.text);
		json_decref(reply);
		return NULL;
	}
	json_t *result = json_object_get(reply, "result");
	result = result ? json_incref(result) : take_refusal(reply, c->error);
	json_decref(reply);
	return result;
}

// The caller's to free. NULL with *error.
static char *make_request(const char *method, const json_t *params, size_t *len,
			  struct swctl_error *error)
{
	char *line = swctl_request_make(method, params, len);
	if (!line) {
		fail(error, 0, "out of memory for the request");
		return NULL;
	}
	if (*len > RPC_LINE_MAX) {
		fail(error, 0, "the request has %zu MiB, at most %d are allowed; split it",
		     *len >> 20, RPC_LINE_MAX >> 20);
		free(line);
		return NULL;
	}
	return line;
}

static json_t *call_once(const char *path, unsigned timeout_s, const char *request, size_t len,
			 struct swctl_error *error)
{
	*error = (struct swctl_error){.data = NULL};
	struct call c = {
	    .fd = open_socket(path, error),
	    .timeout_s = timeout_s,
	    .timeout_ms = timeout_s ? (int)timeout_s * 1000 : -1,
	    .request = request,
	    .request_len = len,
	    .error = error,
	};
	json_t *result = NULL;
	if (c.fd >= 0) {
		if (exchange(&c) == 0)
			result = take_result(&c);
		close(c.fd);
	}
	free(c.reply);
	return result;
}

json_t *swctl_call(const char *path, unsigned timeout_s, const char *method, json_t *params,
		   struct swctl_error *error)
{
	*error = (struct swctl_error){.data = NULL};
	size_t len;
	char *request = make_request(method, params, &len, error);
	if (!request)
		return NULL;
	json_t *result = call_once(path, timeout_s, request, len, error);
	for (unsigned i = 0; i < AGAIN_MAX && error->again; i++) {
		json_decref(error->data);
		poll(NULL, 0, AGAIN_MS);
		result = call_once(path, timeout_s, request, len, error);
	}
	free(request);
	return result;
}
