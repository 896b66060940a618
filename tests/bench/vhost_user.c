#include "tests/bench/vhost_user.h"

#include <errno.h>
#include <linux/vhost_types.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

#define F_PROTOCOL_FEATURES (1ull << 30)
#define PROTOCOL_REPLY_ACK  (1ull << 3)
#define FLAG_VERSION	    1u
#define FLAG_REPLY	    (1u << 2)
#define FLAG_NEED_REPLY	    (1u << 3)
#define REPLY_MS	    10000
#define UVA_BASE	    0x7f0000000000ull // where the rings' addresses begin: any number does

struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t n_regions;
			uint32_t padding;
			struct region {
				uint64_t gpa;
				uint64_t size;
				uint64_t uva;
				uint64_t offset;
			} regions[2];
		} memory;
	};
} __attribute__((packed));

#define HEADER_LEN offsetof(struct message, u64)

struct session {
	int sock;
	bool reply_ack;
	char *err;
	size_t err_len;
};

static int fail(const struct session *s, int rc, const char *what, uint32_t request)
{
	snprintf(s->err, s->err_len, "vhost-user request %u: %s", request, what);
	return rc;
}

// With the same file n times.
static int message_send(const struct session *s, const struct message *m, int fd, unsigned n_fds)
{
	int fds[2] = {fd, fd};
	char control[CMSG_SPACE(sizeof(fds))] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)m, .iov_len = HEADER_LEN + m->size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(fd));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(fd));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(fd));
	}
	ssize_t sent = sendmsg(s->sock, &msg, MSG_NOSIGNAL);
	return sent == (ssize_t)iov.iov_len ? 0 : fail(s, -EPIPE, "the switch hung up", m->request);
}

static int bytes_read(const struct session *s, void *to, size_t len, uint32_t request)
{
	struct pollfd p = {.fd = s->sock, .events = POLLIN};
	for (size_t at = 0; at < len;) {
		if (poll(&p, 1, REPLY_MS) <= 0)
			return fail(s, -ETIMEDOUT, "no answer", request);
		ssize_t n = read(s->sock, (char *)to + at, len - at);
		if (n <= 0)
			return fail(s, -EPIPE, "the switch hung up", request);
		at += (size_t)n;
	}
	return 0;
}

// The answer to a request: a 64 bit number.
static int reply_read(const struct session *s, uint32_t request, uint64_t *value)
{
	struct message reply;
	int rc = bytes_read(s, &reply, HEADER_LEN, request);
	if (rc < 0)
		return rc;
	if (reply.request != request || !(reply.flags & FLAG_REPLY) || reply.size != sizeof(*value))
		return fail(s, -EPROTO, "an answer that does not fit", request);
	return bytes_read(s, value, sizeof(*value), request);
}

static int get(const struct session *s, uint32_t request, uint64_t *value)
{
	struct message m = {.request = request, .flags = FLAG_VERSION};
	int rc = message_send(s, &m, -1, 0);
	return rc < 0 ? rc : reply_read(s, request, value);
}

static int set_files(const struct session *s, struct message *m, uint32_t size, int fd,
		     unsigned n_fds)
{
	uint64_t status = 0;
	m->flags = FLAG_VERSION | (s->reply_ack ? FLAG_NEED_REPLY : 0);
	m->size = size;
	int rc = message_send(s, m, fd, n_fds);
	if (rc == 0 && s->reply_ack)
		rc = reply_read(s, m->request, &status);
	if (rc == 0 && status != 0)
		rc = fail(s, -EPROTO, "refused", m->request);
	return rc;
}

static int set(const struct session *s, struct message *m, uint32_t size, int fd)
{
	return set_files(s, m, size, fd, 1);
}

static int set_u64(const struct session *s, uint32_t request, uint64_t value, int fd)
{
	struct message m = {.request = request, .u64 = value};
	return set(s, &m, sizeof(m.u64), fd);
}

static int set_state(const struct session *s, uint32_t request, uint32_t index, uint32_t num)
{
	struct message m = {.request = request, .state = {.index = index, .num = num}};
	return set(s, &m, sizeof(m.state), -1);
}

static int set_memory(const struct session *s, const struct guest_memory *mem)
{
	struct message m = {.request = SET_MEM_TABLE};
	unsigned n = mem->cut ? 2 : 1;
	m.memory.n_regions = n;
	for (unsigned i = 0; i < n; i++) {
		uint64_t start = i ? mem->cut : 0;
		uint64_t end = i + 1 < n ? mem->cut : mem->size;
		m.memory.regions[i] =
		    (struct region){GPA_BASE + start, end - start, UVA_BASE + start, start};
	}
	return set_files(s, &m, 8 + n * (uint32_t)sizeof(struct region), mem->fd, n);
}

static int set_features(struct session *s, uint64_t features)
{
	uint64_t offered, protocol;
	struct message owner = {.request = SET_OWNER};
	int rc = set(s, &owner, 0, -1);
	if (rc == 0)
		rc = get(s, GET_FEATURES, &offered);
	if (rc < 0)
		return rc;
	features |= 1ull << VIRTIO_F_VERSION_1 | F_PROTOCOL_FEATURES;
	if (features & ~offered) {
		snprintf(s->err, s->err_len, "the switch does not offer the virtio features %#llx",
			 (unsigned long long)(features & ~offered));
		return -ENOTSUP;
	}
	rc = get(s, GET_PROTOCOL_FEATURES, &protocol);
	if (rc == 0)
		rc = set_u64(s, SET_PROTOCOL_FEATURES, protocol & PROTOCOL_REPLY_ACK, -1);
	if (rc < 0)
		return rc;
	s->reply_ack = protocol & PROTOCOL_REPLY_ACK;
	return set_u64(s, SET_FEATURES, features, -1);
}

static int ring_start(const struct session *s, const struct ring *r, uint32_t index, bool packed)
{
	const uint64_t base = UVA_BASE - GPA_BASE;
	struct message m = {.request = SET_VRING_ADDR};
	m.addr.index = index;
	m.addr.desc_user_addr = base + guest_memory_gpa(r->mem, r->desc);
	m.addr.avail_user_addr = base + guest_memory_gpa(r->mem, r->driver);
	m.addr.used_user_addr = base + guest_memory_gpa(r->mem, r->device);
	// Packed: both positions 0, both wrap counters 1.
	int rc = set_state(s, SET_VRING_NUM, index, r->c.size);
	if (rc == 0)
		rc = set_state(s, SET_VRING_BASE, index, packed ? 0x80008000u : 0);
	if (rc == 0)
		rc = set(s, &m, sizeof(m.addr), -1);
	if (rc == 0)
		rc = set_u64(s, SET_VRING_CALL, index, r->call);
	if (rc == 0)
		rc = set_u64(s, SET_VRING_KICK, index, r->kick);
	return rc;
}

int vhost_user_start(int sock, uint64_t features, const struct guest_memory *mem,
		     const struct ring *rx, const struct ring *tx, char *err, size_t err_len)
{
	struct session s = {.sock = sock, .err = err, .err_len = err_len};
	bool packed = features >> VIRTIO_F_RING_PACKED & 1;
	const struct ring *rings[] = {rx, tx};
	int rc = set_features(&s, features);
	if (rc == 0)
		rc = set_memory(&s, mem);
	for (uint32_t i = 0; rc == 0 && i < 2; i++)
		rc = ring_start(&s, rings[i], i, packed);
	for (uint32_t i = 0; rc == 0 && i < 2; i++)
		rc = set_state(&s, SET_VRING_ENABLE, i, 1);
	// The first kick is what starts a ring for some.
	for (uint32_t i = 0; rc == 0 && i < 2; i++) {
		if (eventfd_write(rings[i]->kick, 1) < 0)
			rc = fail(&s, -errno, "kick", SET_VRING_KICK);
	}
	return rc;
}

static int address(const char *path, struct sockaddr_un *addr, char *err, size_t err_len)
{
	addr->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(addr->sun_path)) {
		snprintf(err, err_len, "too long for a socket's path");
		return -ENAMETOOLONG;
	}
	memcpy(addr->sun_path, path, strlen(path) + 1);
	return 0;
}

int vhost_user_listen(const char *path, int *listener, char *err, size_t err_len)
{
	struct sockaddr_un addr = {0};
	int rc = address(path, &addr, err, err_len);
	if (rc < 0)
		return rc;
	unlink(path);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listener < 0 || bind(*listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(*listener, 1) < 0) {
		rc = -errno;
		snprintf(err, err_len, "cannot listen: %s", strerror(-rc));
	}
	return rc;
}

int vhost_user_accept(int listener, double timeout_s, int *sock, char *err, size_t err_len)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	if (poll(&p, 1, (int)(timeout_s * 1000)) <= 0) {
		snprintf(err, err_len, "the switch did not connect within %g s", timeout_s);
		return -ETIMEDOUT;
	}
	*sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return *sock < 0 ? -errno : 0;
}

int vhost_user_connect(const char *path, double timeout_s, int *sock, char *err, size_t err_len)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct sockaddr_un addr = {0};
	int rc = address(path, &addr, err, err_len);
	if (rc < 0)
		return rc;
	*sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*sock < 0)
		return -errno;
	// The switch may be about to make the socket.
	for (int tries = (int)(timeout_s * 100) + 1; tries > 0; tries--) {
		if (connect(*sock, (struct sockaddr *)&addr, sizeof(addr)) == 0)
			return 0;
		rc = -errno;
		nanosleep(&pause, NULL);
	}
	snprintf(err, err_len, "cannot connect: %s", strerror(-rc));
	return rc;
}

int vhost_user_memory(int sock, const struct guest_memory *mem, char *err, size_t err_len)
{
	const struct session s = {.sock = sock, .reply_ack = true, .err = err, .err_len = err_len};
	return set_memory(&s, mem);
}

bool vhost_user_alive(int sock)
{
	struct pollfd p = {.fd = sock, .events = POLLIN | POLLRDHUP};
	return poll(&p, 1, 0) == 0;
}
