#include <config.h>

#include "ctl/ovs/conn.h"

#include "ctl/ovs/proto.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "seq.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(swd_conn);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1); // each start asks several times

static struct ovs_mutex link_mutex = OVS_MUTEX_INITIALIZER; // of who writes these two
static atomic_bool lost = ATOMIC_VAR_INIT(false);
static atomic_uint64_t generation = ATOMIC_VAR_INIT(1);

static atomic_int last_failure = ATOMIC_VAR_INIT(0); // of the last attempt to reach swd; 0: none

static __thread struct {
	bool is_on, has_failed;
	uint64_t generation; // the link's when it began
} restoring;

const char *link_path(void)
{
	const char *path = getenv("SWD_DATAPATH_SOCKET");
	return path != NULL && path[0] != '\0' ? path : "/run/swd/datapath.sock";
}

static struct seq *link_seq(void)
{
	static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
	static struct seq *seq;
	if (ovsthread_once_start(&once)) {
		seq = seq_create();
		ovsthread_once_done(&once);
	}
	return seq;
}

bool link_is_lost(void)
{
	bool value;
	atomic_read(&lost, &value);
	return value;
}

uint64_t link_generation(void)
{
	uint64_t value;
	atomic_read(&generation, &value);
	return value;
}

static void link_lost(uint64_t of)
{
	ovs_mutex_lock(&link_mutex);
	bool is_current = of == link_generation();
	bool is_news = is_current && !link_is_lost();
	if (is_current) {
		atomic_store(&generation, of + 1);
		atomic_store(&lost, true);
	}
	ovs_mutex_unlock(&link_mutex);
	if (!is_news)
		return;
	VLOG_WARN("%s: swd has gone; trying to reach it again twice a second", link_path());
	seq_change(link_seq());
}

void link_restore_begin(void)
{
	restoring.is_on = true;
	restoring.has_failed = false;
	restoring.generation = link_generation();
}

bool link_is_being_restored(void)
{
	return restoring.is_on;
}

bool link_restore_has_failed(void)
{
	return restoring.is_on &&
	       (restoring.has_failed || restoring.generation != link_generation());
}

bool link_restore_end(bool is_done)
{
	ovs_mutex_lock(&link_mutex);
	// What broke meanwhile, in whatever thread, is not restored.
	bool is_restored = is_done && !link_restore_has_failed();
	if (is_restored)
		atomic_store(&lost, false);
	ovs_mutex_unlock(&link_mutex);
	restoring.is_on = false;
	if (is_restored)
		seq_change(link_seq());
	return is_restored;
}

void link_wait(void)
{
	seq_wait(link_seq(), seq_read(link_seq()));
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// 0, EAGAIN when `deadline` is over, or a positive errno.
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd pfd = {.fd = fd, .events = events};
		int n = poll(&pfd, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return 0;
		if (n == 0)
			return EAGAIN;
		if (errno != EINTR)
			return errno;
	}
}

static int socket_connect(const char *path, int *fdp)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	ovs_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int err = errno;
		close(fd);
		return err;
	}
	*fdp = fd;
	return 0;
}

int conn_send(struct conn *c, const void *data, size_t len)
{
	int64_t deadline = now_ms() + CONN_TIMEOUT_MS;
	for (;;) {
		if (send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return errno;
		int err = wait_for(c->fd, POLLOUT, deadline);
		if (err != 0)
			return err == EAGAIN ? ETIMEDOUT : err;
	}
}

// One datagram into c->in. 0, EAGAIN, or a positive errno.
static int datagram_recv(struct conn *c)
{
	ssize_t n;
	do {
		n = recv(c->fd, c->in, DP_DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if (n == 0)
		return ECONNRESET;
	if (n > DP_DATAGRAM_MAX)
		return EMSGSIZE;
	c->at = (const char *)c->in;
	c->in_len = (size_t)n;
	return 0;
}

int conn_recv(struct conn *c, const struct nlmsghdr **nlhp, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	while (c->in_len == 0) {
		int err = datagram_recv(c);
		if (err == EAGAIN && timeout_ms > 0)
			err = wait_for(c->fd, POLLIN, deadline);
		if (err != 0)
			return err;
	}
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)c->at;
	if (c->in_len < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > c->in_len)
		return EPROTO;
	size_t step = ROUND_UP(nlh->nlmsg_len, NLMSG_ALIGNTO);
	c->in_len -= MIN(step, c->in_len);
	c->at += step;
	*nlhp = nlh;
	return 0;
}

static void error_text(const struct nlmsghdr *nlh, size_t at, char *text, size_t text_len)
{
	const char *base = (const char *)nlh;
	while (at + sizeof(struct nlattr) <= nlh->nlmsg_len) {
		const struct nlattr *a = (const struct nlattr *)(const void *)(base + at);
		if (a->nla_len < sizeof(*a) || at + a->nla_len > nlh->nlmsg_len)
			return;
		if ((a->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			size_t len = MIN(a->nla_len - sizeof(*a), text_len - 1);
			memcpy(text, a + 1, len);
			text[len] = '\0';
		}
		at += ROUND_UP(a->nla_len, NLMSG_ALIGNTO);
	}
}

int conn_error_of(const struct nlmsghdr *nlh, char *text, size_t text_len)
{
	const struct nlmsgerr *e = (const struct nlmsgerr *)(nlh + 1);
	text[0] = '\0';
	if (nlh->nlmsg_len < sizeof(*nlh) + sizeof(*e))
		return EPROTO;
	if (e->error == 0)
		return 0;
	size_t at = sizeof(*nlh) + sizeof(*e);
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		at += ROUND_UP(e->msg.nlmsg_len - sizeof(e->msg), NLMSG_ALIGNTO);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		error_text(nlh, at, text, text_len);
	return e->error < 0 && e->error > -4096 ? -e->error : EPROTO;
}

// What an answer to SWD_CMD_INFO_GET says of the connection.
static int info_read(struct conn *c, const struct nlmsghdr *nlh)
{
	size_t at = sizeof(*nlh) + sizeof(struct genlmsghdr) + sizeof(struct ovs_header);
	if (nlh->nlmsg_len < at)
		return EPROTO;
	uint8_t version = ((const struct genlmsghdr *)(nlh + 1))->version;
	if (version != DP_PROTO_VERSION) {
		VLOG_WARN_RL(
		    &rl,
		    "%s: swd speaks version %u of the datapath protocol, this Open vSwitch plugin "
		    "version %u: install both from one release",
		    link_path(), version, DP_PROTO_VERSION);
		return EPROTONOSUPPORT;
	}
	while (at + sizeof(struct nlattr) <= nlh->nlmsg_len) {
		const struct nlattr *a =
		    (const struct nlattr *)(const void *)((const char *)nlh + at);
		if (a->nla_len < sizeof(*a) || at + a->nla_len > nlh->nlmsg_len)
			return EPROTO;
		if (a->nla_type == SWD_INFO_ATTR_CLIENT_ID &&
		    a->nla_len == sizeof(*a) + sizeof(c->id))
			memcpy(&c->id, a + 1, sizeof(c->id));
		at += ROUND_UP(a->nla_len, NLMSG_ALIGNTO);
	}
	return 0;
}

static int hello(struct conn *c, int timeout_ms)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct ovs_header ovs;
	} ask = {
	    .nlh = {.nlmsg_len = sizeof(ask),
		    .nlmsg_type = DP_FAMILY_SWD,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		    .nlmsg_seq = ++c->seq},
	    .genl = {.cmd = SWD_CMD_INFO_GET, .version = DP_PROTO_VERSION},
	};
	char text[256];
	int err = conn_send(c, &ask, sizeof(ask));
	while (err == 0) {
		const struct nlmsghdr *nlh;
		err = conn_recv(c, &nlh, timeout_ms);
		if (err != 0)
			return err == EAGAIN ? ETIMEDOUT : err;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			err = conn_error_of(nlh, text, sizeof(text));
			if (err == EPROTONOSUPPORT)
				VLOG_WARN_RL(&rl, "%s: %s: install both from one release",
					     link_path(), text);
			return err;
		}
		if (nlh->nlmsg_type == DP_FAMILY_SWD)
			err = info_read(c, nlh);
	}
	return err;
}

static pid_t peer_of(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ? 0 : who.pid;
}

static int open_within(struct conn **connp, int timeout_ms)
{
	struct conn *c = xzalloc(sizeof(*c));
	c->in = xmalloc(DP_DATAGRAM_MAX);
	c->fd = -1;
	c->generation = link_generation();
	int err = socket_connect(link_path(), &c->fd);
	if (err == 0) {
		c->swd = peer_of(c->fd);
		err = hello(c, timeout_ms);
	}
	atomic_store(&last_failure, err);
	if (err != 0) {
		conn_close(c);
		c = NULL;
	}
	*connp = c;
	return err;
}

int conn_open(struct conn **connp)
{
	uint64_t of = link_generation();
	*connp = NULL;
	if (link_restore_has_failed())
		return CONN_NO_ANSWER;
	int err = open_within(connp, restoring.is_on ? CONN_RETRY_TIMEOUT_MS : CONN_TIMEOUT_MS);
	if (err != 0 && err != EPROTONOSUPPORT && !link_is_lost())
		VLOG_WARN_RL(&rl, "%s: cannot reach swd (%s): is it running, and may this user?",
			     link_path(), ovs_strerror(err));
	if (err != 0)
		restoring.has_failed = true;
	// One that is there and says nothing is not waited for again and again.
	if (err == ETIMEDOUT)
		link_lost(of);
	return err;
}

void conn_close(struct conn *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	free(c);
}

void conn_broken(struct conn *c)
{
	link_lost(c->generation);
	conn_close(c);
}

const char *link_why(void)
{
	int err;
	atomic_read(&last_failure, &err);
	if (err == EPROTONOSUPPORT)
		return "swd is of another version: install both from one release";
	if (err == EACCES)
		return "swd may not be asked by this user: see swd --group";
	return "swd does not answer: is it running?";
}

bool link_is_reachable(void)
{
	struct conn *c;
	int err = open_within(&c, CONN_RETRY_TIMEOUT_MS);
	conn_close(c);
	return err == 0;
}
