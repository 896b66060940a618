// The "vhost-user" kind, with DPDK's virtio-user in the same process as the guest. This thread
// plays the PMD.
#include "datapath/port.h"
#include "vhost/message.h"
#include "vhost/session.h"

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 20

static char folder[] = "/tmp/test-port-vhost-XXXXXX";
static char path[64], path_option[80];
static char err[256];
static struct rcu *rcu;
static struct packet_arena *arena;

static int add(const char *name, const char *kind, const char *const *options, struct port **port)
{
	struct port_config c = {0};
	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.kind, sizeof(c.kind), "%s", kind);
	for (; *options; options++) {
		struct port_option *o = &c.options[c.n_options++];
		const char *eq = strchr(*options, '=');
		snprintf(o->key, sizeof(o->key), "%.*s", (int)(eq - *options), *options);
		snprintf(o->value, sizeof(o->value), "%s", eq + 1);
	}
	*port = NULL;
	err[0] = '\0';
	return port_add(0, &c, port, err, sizeof(err));
}
#define ADD(name, kind, port, ...) add(name, kind, (const char *const[]){__VA_ARGS__, NULL}, port)

static struct port *vhost_add(const char *queues)
{
	struct port *port;
	if (ADD("vm", "vhost-user", &port, path_option, queues) < 0)
		fail_msg("%s", err);
	return port;
}

// A guest: `arguments` as of the virtio_user device.
static struct port *guest_add(const char *arguments, const char *queues)
{
	struct port *port;
	char devargs[200];
	snprintf(devargs, sizeof(devargs), "devargs=virtio_user0,path=%s%s", path, arguments);
	if (ADD("guest", "dpdk", &port, devargs, queues) < 0)
		fail_msg("%s", err);
	return port;
}

static bool link_is(struct port *port, bool up)
{
	struct port_status status;
	port->kind->status(port, &status);
	return status.link_up == up;
}

static bool has_4_pairs(struct port *port, bool wanted)
{
	struct port_status status;
	port->kind->status(port, &status);
	return (status.n_rxq == 4 && status.n_txq == 4) == wanted;
}

static bool no_connection(struct port *port, bool wanted)
{
	return (session_n_conns(port->priv) == 0) == wanted;
}

// Waits for a condition that another thread brings about.
static void await(bool (*condition)(struct port *port, bool value), struct port *port, bool value)
{
	time_t deadline = time(NULL) + WAIT_S;
	while (!condition(port, value)) {
		if (time(NULL) > deadline)
			fail_msg("waited %d s for nothing", WAIT_S);
		usleep(500);
	}
}

static struct rte_mbuf *frame(uint32_t len, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	assert_non_null(m);
	memset(rte_pktmbuf_append(m, len), fill, len);
	return m;
}

// A copy of what came, for the caller to free.
static struct rte_mbuf *receive(struct port *port, uint16_t queue)
{
	struct rte_mbuf *m = NULL;
	time_t deadline = time(NULL) + WAIT_S;
	packet_arena_reset(arena);
	while (port->kind->rx(port, queue, arena, &m, 1) == 0) {
		if (time(NULL) > deadline)
			fail_msg("nothing came in %d s", WAIT_S);
	}
	m = packet_own(m);
	assert_non_null(m);
	if (port->kind->rx_done)
		port->kind->rx_done(port, queue);
	return m;
}

static void passes(struct port *from, unsigned pmd_index, struct port *to, uint16_t queue)
{
	for (uint32_t len = 60; len <= 1514; len += 727) {
		struct rte_mbuf *out = frame(len, (uint8_t)len);
		int reason;
		assert_int_equal(from->kind->tx(from, pmd_index, &out, 1, &reason), 1);
		struct rte_mbuf *in = receive(to, queue);
		assert_int_equal(in->pkt_len, len);
		assert_int_equal(*rte_pktmbuf_mtod_offset(in, uint8_t *, len - 1), (uint8_t)len);
		assert_ptr_equal(in->pool, packet_pool());
		rte_pktmbuf_free(in);
	}
}

static unsigned in_use_before;

static void packets_kept_are_none(void)
{
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), in_use_before);
}

static void no_guest(struct port *vm, const char *why)
{
	struct port_status status;
	struct rte_mbuf *m = frame(60, 1);
	int reason = -1;
	assert_int_equal(vm->kind->tx(vm, 0, &m, 1, &reason), 0);
	assert_int_equal(reason, DROP_PORT_DOWN);
	assert_int_equal(vm->kind->rx(vm, 0, arena, &m, 1), 0);
	rte_pktmbuf_free(m);
	vm->kind->status(vm, &status);
	assert_false(status.link_up);
	if (!strstr(status.reason, why))
		fail_msg("\"%s\" does not say \"%s\"", status.reason, why);
}

static void both_end(struct port *vm, struct port *guest)
{
	port_del(vm);
	port_del(guest);
}

static void frames_pass_both_ways(void **state, const char *ring)
{
	(void)state;
	struct port *vm = vhost_add("queues=1");
	no_guest(vm, "no guest connected");
	struct port *guest = guest_add(ring, "queues=1");
	await(link_is, vm, true);
	passes(vm, 0, guest, 0);
	passes(vm, 5, guest, 0);
	passes(guest, 0, vm, 0);
	port_del(guest);
	await(no_connection, vm, true);
	no_guest(vm, "no guest connected");
	port_del(vm);
	packets_kept_are_none();
}

static void frames_pass_both_ways_on_split_rings(void **state)
{
	frames_pass_both_ways(state, "");
}

static void frames_pass_both_ways_on_packed_rings(void **state)
{
	frames_pass_both_ways(state, ",packed_vq=1");
}

static void each_enabled_queue_carries_frames(void **state)
{
	(void)state;
	struct port *vm = vhost_add("queues=4");
	struct port *guest = guest_add(",queues=4", "queues=4");
	await(has_4_pairs, vm, true);
	for (uint16_t q = 0; q < guest->n_txq; q++)
		passes(guest, q, vm, q);
	for (unsigned pmd = 0; pmd < 8; pmd++)
		passes(vm, pmd, guest, pmd % 4);
	both_end(vm, guest);
	packets_kept_are_none();
}

static void a_guest_with_fewer_queues_gets_all_frames_on_them(void **state)
{
	(void)state;
	struct port *vm = vhost_add("queues=8");
	struct port *guest = guest_add("", "queues=1");
	await(link_is, vm, true);
	for (unsigned pmd = 0; pmd < 8; pmd++)
		passes(vm, pmd, guest, 0);
	struct rte_mbuf *m;
	for (uint16_t q = 1; q < 8; q++)
		assert_int_equal(vm->kind->rx(vm, q, arena, &m, 1), 0);
	both_end(vm, guest);
}

// Asks as a front end does, and hangs up.
static uint64_t ask(uint32_t request)
{
	struct {
		uint32_t request, flags, size;
		uint64_t u64;
	} __attribute__((packed)) message = {.request = request, .flags = 1 /* version */};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(send(fd, &message, 12, 0), 12);
	assert_int_equal(recv(fd, &message, sizeof(message), MSG_WAITALL), sizeof(message));
	assert_int_equal(message.request, request);
	close(fd);
	return message.u64;
}

static void a_guest_learns_how_many_queues_there_are(void **state)
{
	(void)state;
	vhost_add("queues=2");
	assert_int_equal(ask(MESSAGE_GET_QUEUE_NUM), 2);
}

static void a_guest_is_offered_what_the_rings_can_and_the_operator_wants(void **state)
{
	(void)state;
	const uint64_t offloads = 1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM |
				  1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |
				  1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_GUEST_TSO4 |
				  1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN;
	const uint64_t rings = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_RING_PACKED |
			       1ULL << VIRTIO_F_IN_ORDER | 1ULL << VIRTIO_F_ANY_LAYOUT |
			       1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_RING_F_EVENT_IDX |
			       1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	const uint64_t never = 1ULL << VIRTIO_NET_F_HOST_UFO | 1ULL << VIRTIO_NET_F_GUEST_UFO;

	for (int on = 0; on < 2; on++) {
		struct port *vm;
		ADD("vm", "vhost-user", &vm, path_option, on ? "offloads=on" : "offloads=off");
		uint64_t features = ask(1 /* GET_FEATURES */);
		assert_int_equal(features & offloads, on ? offloads : 0);
		assert_int_equal(features & rings, rings);
		assert_int_equal(features & never, 0);
		port_del(vm);
	}
}

static void a_full_guest_ring_is_reported_and_the_rest_kept(void **state)
{
	(void)state;
	enum { RING = 256 };
	struct port *vm = vhost_add("queues=1");
	struct port *guest = guest_add(",queue_size=256", "queues=1");
	await(link_is, vm, true);
	struct rte_mbuf *pkts[2 * RING];
	for (int i = 0; i < 2 * RING; i++)
		pkts[i] = frame(60, (uint8_t)i);
	int reason = -1;
	uint16_t sent = vm->kind->tx(vm, 0, pkts, 2 * RING, &reason);
	assert_int_equal(sent, RING);
	assert_int_equal(reason, DROP_TX_FULL);
	rte_pktmbuf_free_bulk(pkts + sent, 2 * RING - sent);
	for (int i = 0; i < RING; i++) {
		struct rte_mbuf *m = receive(guest, 0);
		assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), (uint8_t)i);
		rte_pktmbuf_free(m);
	}
	both_end(vm, guest);
	packets_kept_are_none();
}

static void guests_come_and_go(void **state)
{
	(void)state;
	struct port *vm = vhost_add("queues=1");
	for (int i = 0; i < 5; i++) {
		struct port *guest = guest_add("", "queues=1");
		await(link_is, vm, true);
		passes(guest, 0, vm, 0);
		port_del(guest);
		await(no_connection, vm, true);
	}
	port_del(vm);
}

// Opens as many descriptors as it may, in the lowest free numbers, looks whether they stay, and
// closes them.
static void *others_open(void *arg)
{
	const bool *ended = arg;
	uintptr_t n_lost = 0;
	while (!__atomic_load_n(ended, __ATOMIC_RELAXED)) {
		int fds[32];
		for (size_t i = 0; i < RTE_DIM(fds); i++)
			fds[i] = eventfd(0, EFD_CLOEXEC);
		for (size_t i = 0; i < RTE_DIM(fds); i++)
			n_lost += close(fds[i]) < 0;
	}
	return (void *)n_lost; // NOLINT(performance-no-int-to-ptr)
}

static void a_leaving_guest_closes_only_what_is_its_own(void **state)
{
	(void)state;
	bool ended = false;
	pthread_t others;
	void *n_lost;
	struct port *vm = vhost_add("queues=1");
	assert_int_equal(pthread_create(&others, NULL, others_open, &ended), 0);
	for (int i = 0; i < 10; i++) {
		struct port *guest = guest_add("", "queues=1");
		await(link_is, vm, true);
		port_del(guest);
		await(no_connection, vm, true);
	}
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	pthread_join(others, &n_lost);
	assert_null(n_lost);
	port_del(vm);
}

static void the_socket_is_private_replaced_when_stale_and_gone_at_the_end(void **state)
{
	(void)state;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);

	struct port *vm = vhost_add("queues=1");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	port_del(vm);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_path_has_one_port(void **state)
{
	(void)state;
	struct port *b;
	struct port *vm = vhost_add("queues=1");
	assert_int_equal(ADD("b", "vhost-user", &b, path_option), -EEXIST);
	assert_non_null(strstr(err, "\"vm\""));
	assert_int_equal(ADD("b", "vhost-user", &b, path_option, "mode=client"), -EEXIST);
	port_del(vm);
}

static void bad_options_are_named(void **state)
{
	(void)state;
	struct port *p;
	assert_int_equal(ADD("p", "vhost-user", &p, "queues=1"), -EINVAL);
	assert_non_null(strstr(err, "path="));
	assert_int_equal(ADD("p", "vhost-user", &p, path_option, "mode=both"), -EINVAL);
	assert_non_null(strstr(err, "mode=both"));
	assert_int_equal(ADD("p", "vhost-user", &p, path_option, "queues=9"), -EINVAL);
	assert_non_null(strstr(err, "queues=9"));
	assert_int_equal(ADD("p", "vhost-user", &p, path_option, "offloads=maybe"), -EINVAL);
	assert_non_null(strstr(err, "offloads=maybe"));
	assert_int_equal(ADD("p", "vhost-user", &p, "path=a.sock"), -EINVAL);
	assert_int_equal(ADD("p", "vhost-user", &p, path_option, "mtu=1500"), -EINVAL);
	assert_non_null(strstr(err, "mtu"));
	assert_int_equal(access(path, F_OK), -1);
}

static void a_client_without_listener_waits(void **state)
{
	(void)state;
	struct port *vm;
	assert_int_equal(ADD("vm", "vhost-user", &vm, path_option, "mode=client"), 0);
	no_guest(vm, "nobody listens");
	port_del(vm);
}

static void *guest_leave(void *arg)
{
	struct port *guest = arg;
	guest->kind->close(guest);
	free(guest);
	return NULL;
}

static const struct vhost_device *seen; // by a PMD in its read section

static bool is_replaced(struct port *port, bool wanted)
{
	return (session_device(port->priv) != seen) == wanted;
}

static void a_leaving_guest_is_held_until_pmds_have_let_go(void **state)
{
	(void)state;
	struct port *vm = vhost_add("queues=1");
	struct port *guest = guest_add("", "queues=1");
	await(link_is, vm, true);
	struct vhost_session *session = vm->priv;
	seen = session_device(session);
	int reader = rcu_reader_add(rcu);
	rcu_online(rcu, reader); // a PMD in its read section

	pthread_t thread;
	ports_published[guest->no] =
	    NULL; // without port_del(), which would wait for the reader too
	assert_int_equal(pthread_create(&thread, NULL, guest_leave, guest), 0);
	await(is_replaced, vm, true);
	bool held = true;
	for (int i = 0; i < 100; i++) {
		usleep(1000);
		held &= session_n_conns(session) == 1 && seen->tx[0]->size > 0;
	}
	rcu_offline(rcu, reader);
	pthread_join(thread, NULL);
	rcu_reader_del(rcu, reader);
	assert_true(held);
	await(no_connection, vm, true);
}

// A socket at folder/name. A server's is connected to, a client's listened on.
static int socket_at(const char *name, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", folder, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(use(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static bool is_full_or_refuses(struct port *port, bool wanted)
{
	return (session_n_conns(port->priv) == VHOST_CONNS_MAX ||
		session_is_refusing(port->priv)) == wanted;
}

// librte_vhost would not try again.
static void a_client_is_never_refused_for_want_of_sockets(void **state)
{
	enum { SERVERS = VHOST_SOCKETS_MAX / (1 + VHOST_CONNS_MAX) + 1 };
	static int guests[SERVERS * VHOST_CONNS_MAX];
	struct port *client, *server = NULL;
	struct rlimit limit;
	char name[32], option[64];
	unsigned n = 0;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	snprintf(option, sizeof(option), "path=%s/client", folder);
	assert_int_equal(ADD("client", "vhost-user", &client, option, "mode=client"), 0);
	for (unsigned i = 0; i < SERVERS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		snprintf(option, sizeof(option), "path=%s/%u", folder, i);
		if (ADD(name, "vhost-user", &server, option) < 0)
			break; // not one place is left
		for (unsigned j = 0; j < VHOST_CONNS_MAX; j++)
			guests[n++] = socket_at(name, connect);
		await(is_full_or_refuses, server, true);
	}
	assert_true(n >= (SERVERS - 1) * VHOST_CONNS_MAX);
	int listener = socket_at("client", bind);
	assert_int_equal(listen(listener, 1), 0);
	await(no_connection, client, false);
	unlink(port_option(&client->config, "path"));
	close(listener);
	while (n-- > 0)
		close(guests[n]);
}

static int start(void **state)
{
	(void)state;
	char *argv[] = {"test", "--no-pci",    "--no-huge",	 "--no-shconf",
			"-m",	"128",	       "--no-telemetry", "-l",
			"0",	"--log-level", "*:emergency",	 NULL};
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0 || !packet_pool_create(8192) ||
	    !mkdtemp(folder))
		return -1;
	signal(SIGPIPE,
	       SIG_IGN); // as swd does: virtio-user writes to a socket that its peer closed
	arena = rte_zmalloc("arena", sizeof(*arena), RTE_CACHE_LINE_SIZE);
	if (!arena)
		return -1;
	packet_arena_init(arena);
	rcu = rcu_create();
	ports_init(rcu);
	snprintf(path, sizeof(path), "%s/vm.sock", folder);
	snprintf(path_option, sizeof(path_option), "path=%s", path);
	return rcu ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static int before_each(void **state)
{
	(void)state;
	in_use_before = rte_mempool_in_use_count(packet_pool());
	return 0;
}

static int after_each(void **state)
{
	(void)state;
	ports_fini();
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, before_each, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(frames_pass_both_ways_on_split_rings),
	    TEST(frames_pass_both_ways_on_packed_rings),
	    TEST(each_enabled_queue_carries_frames),
	    TEST(a_guest_with_fewer_queues_gets_all_frames_on_them),
	    TEST(a_guest_learns_how_many_queues_there_are),
	    TEST(a_guest_is_offered_what_the_rings_can_and_the_operator_wants),
	    TEST(a_full_guest_ring_is_reported_and_the_rest_kept),
	    TEST(guests_come_and_go),
	    TEST(a_leaving_guest_closes_only_what_is_its_own),
	    TEST(the_socket_is_private_replaced_when_stale_and_gone_at_the_end),
	    TEST(a_path_has_one_port),
	    TEST(bad_options_are_named),
	    TEST(a_client_without_listener_waits),
	    TEST(a_client_is_never_refused_for_want_of_sockets),
	    TEST(a_leaving_guest_is_held_until_pmds_have_let_go),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
