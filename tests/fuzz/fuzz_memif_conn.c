// A peer of memif that says what it likes on the socket and writes what it likes into the memory
// that it shared: as client of ours and as server, up to frames in rings.
//
//     1 byte   1: we are the client
//     steps    1 byte each, modulo N_STEPS; a message, a write, a burst, or half a second gone by
#define _GNU_SOURCE // memfd_create
#include "datapath/eventfd_kick.h"
#include "memif/memif.h"
#include "memif/memif_conn.h"
#include "memif/memif_link.h"
#include "memif/memif_socket.h"

#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/memif/memif_test.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum step { MESSAGE, WRITE, BURST, LOOK, CLOSE, N_STEPS };
// What comes with a message.
enum passed { NOTHING, MEMORY, EVENTFD, TWO_FILES, N_PASSED };

#define MEMORY_BYTES 16384u
#define STEPS_MAX    64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct event_base *memif_base;
static struct port port = {.n_rxq = 2, .config.name = "m1"};
static struct memif_link link_1; // the only one
static int memory_fd, event_fd;
static uint8_t *memory; // that the peer shares

// In place of memif_link.c: no ports, no PMDs.

const char *memif_socket_path(const struct memif_socket *socket)
{
	(void)socket;
	return "memif.sock";
}

struct memif_link *memif_link_find(const struct memif_socket *socket, uint32_t id)
{
	return socket == link_1.socket && id == link_1.id ? &link_1 : NULL;
}

void memif_link_up(struct memif_link *link, struct memif_wire *wire)
{
	link->wire = wire;
}

void memif_link_down(struct memif_link *link, const char *reason)
{
	assert_true(reason[0] && strlen(reason) < sizeof(link->reason));
	link->wire = NULL;
	link->conn = NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char err[160];

	(void)argc;
	(void)argv;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	memif_base = event_base_new();
	memory_fd = memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (eal_begin() != 0 || eventfd_kick_init(err, sizeof(err)) != 0 ||
	    ftruncate(memory_fd, MEMORY_BYTES) < 0)
		abort();
	memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	return memory == MAP_FAILED;
}

static void turn(void)
{
	event_base_loop(memif_base, EVLOOP_NONBLOCK);
}

static void pass(struct msghdr *mh, enum passed what)
{
	struct cmsghdr *cmsg = mh->msg_control;
	int fds[] = {what == EVENTFD ? event_fd : memory_fd, event_fd};
	size_t bytes = (what == TWO_FILES ? 2 : 1) * sizeof(int);

	if (what == NOTHING) {
		mh->msg_controllen = 0;
		return;
	}
	mh->msg_controllen = CMSG_SPACE(bytes);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(cmsg), fds, bytes);
}

// 1 byte what comes with it (with 0x80: it has another length than messages have), 1 byte length,
// the bytes.
static void say(struct fuzz_input *in, int fd)
{
	uint8_t bytes[UINT8_MAX] = {0};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	uint8_t what = fuzz_u8(in), len = fuzz_u8(in);
	struct iovec iov = {bytes, what & 0x80 ? len : sizeof(struct memif_msg)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};

	fuzz_bytes(in, bytes, len);
	pass(&mh, what % N_PASSED);
	sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn();
}

// Frames both ways, as PMDs do it.
static void bursts(struct memif_wire *wire)
{
	struct rte_mbuf *pkts[BURST_MAX];

	for (unsigned i = 0; wire && i < wire->n_rx; i++) {
		uint16_t n = memif_ring_rx(&wire->rx[i], pkts, BURST_MAX);

		if (wire->n_tx > 0)
			memif_ring_tx(&wire->tx[i % wire->n_tx], pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
	}
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

// What the two share: a client's, once it is there, or the peer's.
static void scribble(struct fuzz_input *in)
{
	const struct memif_wire *wire = link_1.wire;
	const struct memif_region *ours = wire && wire->client ? &wire->regions.regions[0] : NULL;

	fuzz_write(in, ours ? ours->addr : memory, ours ? ours->size : MEMORY_BYTES);
}

static int connect_one(bool client)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	memset(memory, 0, MEMORY_BYTES);
	link_1 = (struct memif_link){.port = &port,
				     .server = !client,
				     .path = "/p",
				     .id = 1,
				     .secret = "s",
				     .layout = {2, 2, 4, 256}};
	// Only compared.
	link_1.socket = client ? NULL : (struct memif_socket *)&link_1;
	if (client)
		memif_conn_open_client(&link_1, fds[1]);
	else
		memif_conn_open_server(link_1.socket, fds[1]);
	return fds[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	int fd = connect_one(fuzz_u8(&in) & 1);

	for (unsigned i = 0; in.left > 0 && i < STEPS_MAX; i++) {
		switch ((enum step)(fuzz_u8(&in) % N_STEPS)) {
		case MESSAGE:
			say(&in, fd);
			break;
		case WRITE:
			scribble(&in);
			break;
		case BURST:
			bursts(link_1.wire);
			break;
		case LOOK:
			memif_conns_look();
			break;
		default:
			shutdown(fd, SHUT_WR);
			turn();
		}
	}
	close(fd);
	turn();
	return 0;
}
