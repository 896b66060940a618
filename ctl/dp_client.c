#include "ctl/dp_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct dp_client {
	int fd;
	uint32_t seq;
	struct nlmsghdr *request; // begun, not yet sent; in out.buf
	struct dp_datagram out;
	char *in; // DP_DATAGRAM_MAX bytes
};

// What a call has learned so far.
struct call {
	dp_answer_fn fn;
	void *arg;
	uint32_t seq;
	char *text;
	size_t text_len;
	bool heard; // an answer in the last datagram
	bool done;
	int rc;
};

static int socket_connect(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

struct dp_client *dp_client_connect(const char *path, int *err)
{
	*err = -ENOMEM;
	struct dp_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->fd = -1;
	c->out.buf = malloc(DP_DATAGRAM_MAX);
	c->in = malloc(DP_DATAGRAM_MAX);
	if (c->out.buf == NULL || c->in == NULL)
		goto fail;
	c->fd = socket_connect(path);
	if (c->fd < 0) {
		*err = c->fd;
		goto fail;
	}
	*err = 0;
	return c;
fail:
	dp_client_close(c);
	return NULL;
}

void dp_client_close(struct dp_client *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->out.buf);
	free(c->in);
	free(c);
}

int dp_client_fd(const struct dp_client *c)
{
	return c->fd;
}

struct nlmsghdr *dp_client_begin(struct dp_client *c, uint16_t family, uint8_t cmd, uint16_t flags)
{
	bool is_dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	// Zero is for what swd sends unasked.
	if (++c->seq == 0)
		c->seq = 1;
	c->out.len = 0;
	c->request = dp_msg_begin(&c->out, family, cmd,
				  flags | NLM_F_REQUEST | (is_dump ? 0 : NLM_F_ACK), c->seq);
	return c->request;
}

size_t dp_client_room(const struct dp_client *c)
{
	return dp_msg_room(&c->out);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Waits for `events` until `deadline`. 0, -ETIMEDOUT or -ECONNRESET.
static int wait_for(const struct dp_client *c, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd pfd = {.fd = c->fd, .events = events};
		int n = poll(&pfd, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -ECONNRESET;
		if (n == 0)
			return -ETIMEDOUT;
	}
}

static int datagram_send(const struct dp_client *c, const struct dp_datagram *d)
{
	for (;;) {
		if (send(c->fd, d->buf, d->len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return -EAGAIN;
		if (errno != EINTR)
			return -ECONNRESET;
	}
}

static void message_take(const struct nlmsghdr *nlh, struct call *call)
{
	if (nlh->nlmsg_seq != call->seq || call->done)
		return;
	call->heard = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		call->rc = dp_msg_error_parse(nlh, call->text, call->text_len);
		// Ours alone: they say that the connection is of no use.
		if (call->rc == -ETIMEDOUT || call->rc == -ECONNRESET)
			call->rc = -EIO;
		call->done = true;
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		call->done = true;
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && call->fn != NULL) {
		call->fn(nlh, call->arg);
	}
}

static int datagram_take(const char *buf, size_t len, struct call *call)
{
	const struct nlmsghdr *nlh;
	call->heard = false;
	while ((nlh = dp_datagram_next(&buf, &len)) != NULL)
		message_take(nlh, call);
	return len > 0 ? -ECONNRESET : 0; // not netlink: nothing that follows can be trusted
}

int dp_client_call(struct dp_client *c, dp_answer_fn fn, void *arg, int timeout_ms, char *text,
		   size_t text_len)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct call call = {
	    .fn = fn, .arg = arg, .seq = c->seq, .text = text, .text_len = text_len};
	if (text_len > 0)
		text[0] = '\0';
	dp_msg_end(&c->out, c->request);
	c->request = NULL;

	int rc;
	while ((rc = datagram_send(c, &c->out)) == -EAGAIN) {
		rc = wait_for(c, POLLOUT, deadline);
		if (rc < 0)
			return rc;
	}
	while (rc == 0 && !call.done) {
		int len = dp_client_recv(c, c->in, DP_DATAGRAM_MAX);
		if (len == 0)
			rc = wait_for(c, POLLIN, deadline);
		else
			rc = len < 0 ? len : datagram_take(c->in, (size_t)len, &call);
		// A long dump may take as long as it takes, and its reader too. But what arrives
		// without a pause and is no answer, upcalls say, must not hold the call for ever.
		if (rc == 0 && !call.done && call.heard)
			deadline = now_ms() + timeout_ms;
		else if (rc == 0 && !call.done && now_ms() > deadline)
			rc = -ETIMEDOUT;
	}
	return rc < 0 ? rc : call.rc;
}

int dp_client_send(struct dp_client *c, const struct dp_datagram *d)
{
	return datagram_send(c, d);
}

int dp_client_recv(struct dp_client *c, char *buf, size_t len)
{
	for (;;) {
		ssize_t n = recv(c->fd, buf, len, MSG_DONTWAIT | MSG_TRUNC);
		if (n > 0)
			return (size_t)n <= len ? (int)n : -ECONNRESET;
		if (n < 0 && errno == EINTR)
			continue;
		return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -ECONNRESET;
	}
}
