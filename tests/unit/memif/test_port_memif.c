// The "memif" kind in one process with its peers: ports of its own, and strangers on its socket.
// This thread is the control thread and plays the PMD.
#define _GNU_SOURCE // memfd_create
#include "datapath/port.h"
#include "datapath/stranger_fd.h"
#include "memif/memif.h"
#include "memif/memif_link.h"
#include "memif/memif_socket.h"
#include "tests/unit/memif/memif_test.h"

#include <event2/event.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define REGION (1u << 20)

static char folder[] = "/tmp/test-port-memif-XXXXXX";
static char path[64], path_option[80], err[256];
static struct event_base *base;
static struct port_status status;

static int add(const char *name, const char *const *options, struct port **port)
{
	struct port_config c = {.kind = "memif"};
	snprintf(c.name, sizeof(c.name), "%s", name);
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
#define ADD(name, port, ...) add(name, (const char *const[]){__VA_ARGS__, NULL}, port)

static struct port *server_add(void)
{
	struct port *port;
	if (ADD("server", &port, path_option, "role=server", "id=7", "secret=word", "queues=2") < 0)
		fail_msg("%s", err);
	return port;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool link_up(struct port *port)
{
	port->kind->status(port, &status);
	assert_int_equal(status.link_up, status.reason[0] == '\0');
	return status.link_up;
}

static void await(struct port *port, bool up)
{
	for (unsigned i = 0; i < 1000 && link_up(port) != up; i++)
		turn();
	assert_int_equal(link_up(port), up);
}

static void await_reason(struct port *port, const char *word)
{
	for (unsigned i = 0; i < 1000 && (link_up(port) || !strstr(status.reason, word)); i++)
		turn();
	says(status.reason, word);
}

// A stranger's side.

// Sockets are closed by threads; while there are many, swd accepts none until its timer's next
// look.
static void room_await(void)
{
	stranger_fd_place(path);
	while (!stranger_fd_room())
		usleep(100);
	memif_sockets_look();
}

static int stranger(void)
{
	room_await();
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = 5};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, path, sizeof(path));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct memif_msg hear(int fd)
{
	struct memif_msg msg = {0};
	int passed;
	for (unsigned i = 0; i < 100; i++) {
		turn();
		int rc = memif_msg_receive(fd, &msg, &passed, err, sizeof(err));
		if (rc == 0)
			return msg;
		if (rc != -EAGAIN)
			break;
	}
	msg.type = 0; // it is closed, or nothing came
	return msg;
}

// What comes of a message: the type of the answer, 0 when the connection is closed without one.
static unsigned say(int fd, const struct memif_msg *msg, int pass)
{
	int rc = memif_msg_send(fd, msg, pass);
	if (pass >= 0)
		close(pass);
	return rc < 0 ? 0 : hear(fd).type;
}

static struct memif_msg init_message(void)
{
	struct memif_msg msg = {.type = MEMIF_INIT,
				.init = {.version = MEMIF_VERSION, .id = 7, .secret = "word"}};
	return msg;
}

// Its memory: rings of 64 entries at 0 (S2M) and 8192 (M2S), buffers from 64 KiB on.
struct evil {
	int fd, file;
	uint8_t *memory;
	struct memif_shared_ring *s2m, *m2s;
};

static void memory_make(struct evil *evil)
{
	evil->file = memfd_create("evil", 0);
	assert_int_equal(ftruncate(evil->file, REGION), 0);
	evil->memory = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, evil->file, 0);
	evil->s2m = (struct memif_shared_ring *)evil->memory;
	evil->m2s = (struct memif_shared_ring *)(evil->memory + 8192);
	evil->s2m->cookie = evil->m2s->cookie = MEMIF_COOKIE;
	for (uint32_t i = 0; i < 64; i++) {
		evil->s2m->desc[i] = (struct memif_desc){.length = 60, .offset = 65536 + 2048 * i};
		evil->m2s->desc[i] =
		    (struct memif_desc){.length = 2048, .offset = 262144 + 2048 * i};
	}
}

// Up to CONNECT, as a good client does it.
static void evil_connect(struct evil *evil)
{
	struct memif_msg init = init_message(),
			 region = {.type = MEMIF_ADD_REGION, .add_region = {0, REGION}},
			 s2m = {.type = MEMIF_ADD_RING,
				.add_ring = {MEMIF_ADD_RING_S2M, 0, 0, 0, 6, 0}},
			 m2s = {.type = MEMIF_ADD_RING, .add_ring = {0, 0, 0, 8192, 6, 0}},
			 connect = {.type = MEMIF_CONNECT};
	memory_make(evil);
	evil->fd = stranger();
	assert_int_equal(hear(evil->fd).type, MEMIF_HELLO);
	assert_int_equal(say(evil->fd, &init, -1), MEMIF_ACK);
	assert_int_equal(say(evil->fd, &region, dup(evil->file)), MEMIF_ACK);
	assert_int_equal(say(evil->fd, &s2m, eventfd(0, 0)), MEMIF_ACK);
	assert_int_equal(say(evil->fd, &m2s, eventfd(0, 0)), MEMIF_ACK);
	assert_int_equal(say(evil->fd, &connect, -1), MEMIF_CONNECTED);
	evil->m2s->head = 64;
}

static void evil_leave(struct evil *evil)
{
	munmap(evil->memory, REGION);
	close(evil->file);
	close(evil->fd);
}

static uint16_t receive(struct port *port)
{
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t n = port->kind->rx(port, 0, NULL, pkts, BURST_MAX);
	packet_free_bulk(pkts, n);
	return n;
}

static uint16_t send_frame(struct port *port, int *reason)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	memset(rte_pktmbuf_append(m, 60), 1, 60);
	uint16_t n = port->kind->tx(port, 0, &m, 1, reason);
	if (n == 0)
		packet_free_bulk(&m, 1);
	return n;
}

// That after all this a good client finds the port as it was.
static void serves(struct port *port)
{
	struct evil good;
	int reason;
	evil_connect(&good);
	await(port, true);
	good.s2m->head = 3;
	assert_int_equal(receive(port), 3);
	assert_int_equal(good.s2m->tail, 3);
	assert_int_equal(send_frame(port, &reason), 1);
	assert_int_equal(good.m2s->tail, 1);
	assert_int_equal(good.m2s->desc[0].length, 60);
	evil_leave(&good);
	await(port, false);
	says(status.reason, "closed the connection");
}

static void two_ports_of_one_switch_are_joined(void **state)
{
	struct port *server = server_add(), *client;
	struct stat st;
	int reason = -1;
	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_false(link_up(server));
	says(status.reason, "no peer has connected to ");
	says(status.reason, path);
	says(status.reason, "id 7");
	assert_int_equal(send_frame(server, &reason), 0);
	assert_int_equal(reason, DROP_PORT_DOWN);
	assert_int_equal(ADD("client", &client, path_option, "id=7", "secret=word", "queues=4",
			     "mac=02:00:00:00:00:07"),
			 0);
	await_reason(server, "queues="); // of the server: two
	port_del(client);
	assert_int_equal(ADD("client", &client, path_option, "id=7", "secret=word", "queues=2",
			     "mac=02:00:00:00:00:07"),
			 0);
	await(client, true);
	await(server, true);
	assert_int_equal(status.n_rxq, 2);
	assert_int_equal(send_frame(server, &reason), 1);
	assert_int_equal(receive(client), 1);
	assert_int_equal(send_frame(client, &reason), 1);
	assert_int_equal(receive(server), 1);
	port_del(server);
	await(client, false);
	says(status.reason, "\"the port is gone\"");
	assert_int_equal(status.mac[5], 7);
	memif_look();
	assert_false(link_up(client));
	says(status.reason, "nobody listens");
	server = server_add(); // and it is found again
	memif_look();
	await(client, true);
	assert_int_equal(send_frame(client, &reason), 1);
	assert_int_equal(receive(server), 1);
}

static void options_that_cannot_be_are_refused(void **state)
{
	struct port *port = server_add(), *other;
	char socket[96], file[96];
	(void)state;
	assert_int_equal(ADD("b", &other, path_option, "role=server", "id=7"), -EEXIST);
	says(err, "\"server\"");
	assert_int_equal(ADD("b", &other, path_option, "zero-copy=on"), -EINVAL);
	assert_int_equal(ADD("b", &other, path_option, "ring=100"), -EINVAL);
	assert_int_equal(ADD("b", &other, path_option, "secret=123456789012345678901234"), -EINVAL);
	says(err, "23 bytes");
	assert_int_equal(ADD("b", &other, path_option, "ring=16384", "buffer=16384", "queues=8"),
			 -EINVAL);
	says(err, "1024 MB");
	assert_int_equal(ADD("b", &other, "path=/nonexistent/a", "role=server"), -ENOENT);
	says(err, "folder");
	snprintf(socket, sizeof(socket), "path=%s/other", folder);
	snprintf(file, sizeof(file), "%s/other", folder);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(ADD("b", &other, socket, "role=server"), -EEXIST);
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(ADD("b", &other, path_option, "role=server", "id=8"), 0); // one socket
	port_del(port);
	assert_int_equal(access(path, F_OK), 0);
	port_del(other);
	assert_int_equal(access(path, F_OK), -1);
}

static void who_says_what_he_must_not_is_left_with_the_reason(void **state)
{
	struct port *port = server_add();
	(void)state;
	struct memif_msg wrong_id = init_message(), wrong_secret = init_message(),
			 wrong_mode = init_message(), wrong_version = init_message(),
			 good = init_message(), connect = {.type = MEMIF_CONNECT},
			 connected = {.type = MEMIF_CONNECTED},
			 leave = {.type = MEMIF_DISCONNECT, .disconnect = {0, "enough"}};
	wrong_id.init.id = 8;
	memcpy(wrong_secret.init.secret, "ward", 4);
	wrong_mode.init.mode = 1;
	wrong_version.init.version = 0x0300;
	const struct {
		struct memif_msg *first, *then;
		const char *reason; // of the port
	} rows[] = {
	    {&wrong_secret, NULL, "another secret"},
	    {&wrong_mode, NULL, "another mode"},
	    {&wrong_version, NULL, "another version"},
	    {&wrong_id, NULL, "another version"},
	    {&connect, NULL, "another version"},
	    {&good, &connect, "no ring in one direction"},
	    {&good, &good, "type 3 out of turn"},
	    {&good, &connected, "type 7 out of turn"},
	    {&good, &leave, "went: \"enough\""},
	};
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		int fd = stranger();
		assert_int_equal(hear(fd).type, MEMIF_HELLO);
		unsigned answer = say(fd, rows[i].first, -1);
		if (rows[i].then) {
			assert_int_equal(answer, MEMIF_ACK);
			say(fd, rows[i].then, -1);
		} else {
			assert_int_equal(answer, MEMIF_DISCONNECT);
		}
		assert_int_equal(hear(fd).type, 0); // closed
		assert_false(link_up(port));
		says(status.reason, rows[i].reason);
		close(fd);
	}
	serves(port);
}

static void any_bytes_are_survived(void **state)
{
	struct port *port = server_add();
	(void)state;
	unsigned before = n_files();
	srandom(1);
	for (unsigned round = 0; round < 500; round++) {
		int fd = stranger();
		struct memif_msg msg = init_message();
		hear(fd);
		if (round % 2)
			say(fd, &msg, -1);
		for (unsigned i = 0; i < 4; i++) {
			for (size_t b = 2; b < sizeof(msg); b++)
				((uint8_t *)&msg)[b] = (uint8_t)(random() % 4 ? 0 : random());
			msg.type = (uint16_t)(random() % 10);
			int file = random() % 2 ? memfd_create("any", 0) : eventfd(0, 0);
			say(fd, &msg, file);
			turn();
		}
		close(fd);
		turn();
	}
	await(port, false);
	turn();
	await_files(before);
	serves(port);
}

static void who_comes_and_goes_at_once_leaves_nothing(void **state)
{
	struct port *port = server_add();
	(void)state;
	unsigned before = n_files();
	for (unsigned i = 0; i < 1000; i++) {
		int fd = stranger();
		if (i % 3 == 1)
			turn();
		struct memif_msg init = init_message();
		if (i % 3 == 2)
			memif_msg_send(fd, &init, -1);
		close(fd);
		turn();
	}
	while (n_files() > before)
		turn();
	serves(port);
}

static void who_says_nothing_keeps_nobody_out(void **state)
{
	struct port *port = server_add();
	struct memif_msg init = init_message();
	int mute[40];
	(void)state;
	for (size_t i = 0; i < RTE_DIM(mute); i++) {
		mute[i] = stranger();
		turn();
	}
	serves(port);
	// One that holds the id loses it after a while.
	int holder = stranger();
	hear(holder);
	assert_int_equal(say(holder, &init, -1), MEMIF_ACK);
	int second = stranger();
	hear(second);
	assert_int_equal(say(second, &init, -1), MEMIF_DISCONNECT);
	for (unsigned i = 0; i < 10; i++)
		memif_look();
	assert_false(link_up(port));
	says(status.reason, "does not answer");
	serves(port);
	close(holder);
	close(second);
	for (size_t i = 0; i < RTE_DIM(mute); i++)
		close(mute[i]);
}

// Rings that are broken after both had agreed.
static void break_head(struct evil *evil)
{
	evil->s2m->head = 1000;
}
static void break_region(struct evil *evil)
{
	evil->s2m->desc[0].region = 3, evil->s2m->head = 1;
}
static void break_offset(struct evil *evil)
{
	evil->s2m->desc[0].offset = REGION - 59, evil->s2m->head = 1;
}
static void break_buffer(struct evil *evil)
{
	evil->m2s->desc[0].offset = UINT32_MAX;
}
static void cut_off(struct evil *evil)
{
	assert_int_equal(ftruncate(evil->file, 0), 0);
}

static void a_broken_ring_closes_its_link_only(void **state)
{
	static const struct {
		void (*act)(struct evil *evil);
		uint16_t sends; // through the other ring, which may be whole
		const char *reason;
	} rows[] = {{break_head, 1, "sent an index further ahead"},
		    {break_region, 1, "sent a descriptor of a region"},
		    {break_offset, 1, "sent a descriptor of a buffer that goes beyond"},
		    {break_buffer, 0, "sent a descriptor of a buffer that goes beyond"},
		    {cut_off, 0, "cut off"}};
	struct port *port = server_add(), *other_server, *other_client;
	int reason;
	(void)state;
	assert_int_equal(ADD("other-server", &other_server, path_option, "role=server", "id=1"), 0);
	assert_int_equal(ADD("other-client", &other_client, path_option, "id=1"), 0);
	await(other_client, true);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct evil evil;
		evil_connect(&evil);
		await(port, true);
		rows[i].act(&evil);
		assert_int_equal(receive(port), 0);
		assert_int_equal(send_frame(port, &reason), rows[i].sends);
		assert_int_equal(send_frame(other_server, &reason), 1);
		assert_int_equal(receive(other_client), 1);
		memif_look();
		assert_false(link_up(port));
		says(status.reason, rows[i].reason);
		says(status.reason, "link closed");
		evil_leave(&evil);
		serves(port);
	}
	assert_true(link_up(other_client) && link_up(other_server));
}

static void malformed_frames_are_losses_of_the_port(void **state)
{
	struct port *port = server_add();
	uint64_t drops[N_DROP_REASONS] = {0};
	struct evil evil;
	(void)state;
	evil_connect(&evil);
	await(port, true);
	evil.s2m->desc[1].length = 5;
	evil.s2m->head = 3;
	assert_int_equal(receive(port), 2);
	port->kind->losses(port, drops);
	assert_int_equal(drops[DROP_MALFORMED], 1);
	evil_leave(&evil);
	await(port, false);
	port->kind->losses(port, drops); // it stays known
	assert_int_equal(drops[DROP_MALFORMED], 2);
}

// A server that is none: a client of ours waits for nobody.
static void a_client_survives_any_server(void **state)
{
	static const uint16_t types[] = {MEMIF_ACK,	   MEMIF_INIT, MEMIF_CONNECTED,
					 MEMIF_DISCONNECT, 0,	       77};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct port *client;
	(void)state;
	memcpy(address.sun_path, path, sizeof(path));
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(ADD("client", &client, path_option), 0);
	for (size_t i = 0; i < RTE_DIM(types); i++) {
		int fd = accept(listener, NULL, NULL);
		assert_true(fd >= 0);
		assert_false(link_up(client));
		struct memif_msg msg = {.type = types[i]};
		say(fd, &msg, -1);
		assert_false(link_up(client));
		close(fd);
		turn();
		memif_look(); // comes again
	}
	int silent = accept(listener, NULL, NULL);
	for (unsigned i = 0; i < 10; i++)
		memif_look();
	says(status.reason, "the peer");
	port_del(client);
	close(silent);
	close(listener);
	unlink(path);
}

static int start(void **state)
{
	(void)state;
	if (eal_begin() < 0 || !mkdtemp(folder))
		return -1;
	signal(SIGPIPE, SIG_IGN); // as swd does
	snprintf(path, sizeof(path), "%s/memif.sock", folder);
	snprintf(path_option, sizeof(path_option), "path=%s", path);
	base = event_base_new();
	ports_init(NULL);
	return base ? memif_start(base) : -1;
}

static int stop(void **state)
{
	(void)state;
	memif_stop();
	event_base_free(base);
	return rmdir(folder);
}

static int after_each(void **state)
{
	(void)state;
	ports_fini();
	return rte_mempool_in_use_count(packet_pool()) == 0 ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_teardown(f, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(two_ports_of_one_switch_are_joined),
	    TEST(options_that_cannot_be_are_refused),
	    TEST(who_says_what_he_must_not_is_left_with_the_reason),
	    TEST(any_bytes_are_survived),
	    TEST(who_comes_and_goes_at_once_leaves_nothing),
	    TEST(who_says_nothing_keeps_nobody_out),
	    TEST(a_broken_ring_closes_its_link_only),
	    TEST(malformed_frames_are_losses_of_the_port),
	    TEST(a_client_survives_any_server),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
