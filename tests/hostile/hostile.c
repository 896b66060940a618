// hostile: a guest's front end that does the deeds of deeds.h to a real switch.
//
//   hostile PATH --deed NAME [--rx] [--features LIST]   one deed, then holds the connection until
//                                                       its standard input ends
//   hostile PATH --random --seed N --share S            deed after deed, connection after
//                                                       connection, all of it in a share S of a
//                                                       core's time, until its standard input ends
//   hostile --list [--rx] [--features LIST]             the deeds that fit: a line with the name
//   and
//                                                       the words of the reason each; "-": none
//
// PATH: where the switch listens. LIST: of packed, indirect, mrg, event, inorder. The deeds that
// are not in the table: "cut-off" (the memory's file is made shorter), "shrink" (a memory table
// without the upper half), "flip" (descriptors change while they are read).
#include "tests/bench/vhost_user.h"
#include "tests/hostile/deeds.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_BYTES  (1ul << 20)
#define RING_SIZE     256u
#define CONNECT_S     5.0
#define DEEDS_MAX     12 // of a connection
#define FLIP_US	      2000
#define LOOK_US	      50 // the switch has looked at a ring by then
#define CUT_OFF_EVERY 16 // connections

static const struct {
	const char *name;
	unsigned bit;
} features[] = {
    {"packed", VIRTIO_F_RING_PACKED}, {"indirect", VIRTIO_RING_F_INDIRECT_DESC},
    {"mrg", VIRTIO_NET_F_MRG_RXBUF},  {"event", VIRTIO_RING_F_EVENT_IDX},
    {"inorder", VIRTIO_F_IN_ORDER},
};
#define N_FEATURES (sizeof(features) / sizeof(features[0]))

struct front_end {
	uint64_t features;
	struct guest_memory mem;
	struct ring rx, tx;
	int sock;
	struct hostile h;
	char err[200];
};

static uint64_t n_deeds, n_connections, n_refused;

static void pause_us(long us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static int memory_open(struct guest_memory *mem)
{
	mem->size = MEMORY_BYTES;
	mem->cut = MEMORY_BYTES / 2;
	mem->used = 0;
	mem->fd = memfd_create("hostile", MFD_CLOEXEC);
	if (mem->fd < 0 || ftruncate(mem->fd, MEMORY_BYTES) < 0)
		return -errno;
	mem->base = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, mem->fd, 0);
	return mem->base == MAP_FAILED ? -errno : 0;
}

// The rings are in the first region.
static void ring_open(struct ring *r, struct guest_memory *mem)
{
	memset(r, 0, sizeof(*r));
	r->mem = mem;
	r->c.size = RING_SIZE;
	r->desc = mem->base + mem->used;
	r->driver = mem->base + mem->used + 8192;
	r->device = mem->base + mem->used + 12288;
	mem->used += 16384;
	r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = eventfd(0, EFD_CLOEXEC); // full for ever, later: nobody is to wait for it
}

static void hostile_begin(struct front_end *f, const struct ring *r)
{
	uint64_t seed = f->h.seed;
	f->h = (struct hostile){
	    .packed = f->features >> VIRTIO_F_RING_PACKED & 1,
	    .indirect = f->features >> VIRTIO_RING_F_INDIRECT_DESC & 1,
	    .writable = r == &f->rx,
	    .size = RING_SIZE,
	    .desc = r->desc,
	    .driver = r->driver,
	    .device = r->device,
	    .frame = f->mem.base + 65536,
	    .frame_gpa = GPA_BASE + 65536,
	    .table = f->mem.base + 131072,
	    .table_gpa = GPA_BASE + 131072,
	    .boundary = GPA_BASE + f->mem.cut,
	    .end = GPA_BASE + MEMORY_BYTES,
	    .wrap = true,
	    .seed = seed,
	};
}

static int front_end_open(struct front_end *f, const char *path)
{
	int rc = memory_open(&f->mem);
	f->sock = -1;
	if (rc < 0)
		return rc;
	ring_open(&f->rx, &f->mem);
	ring_open(&f->tx, &f->mem);
	rc = vhost_user_connect(path, CONNECT_S, &f->sock, f->err, sizeof(f->err));
	if (rc == 0)
		rc = vhost_user_start(f->sock, f->features, &f->mem, &f->rx, &f->tx, f->err,
				      sizeof(f->err));
	eventfd_write(f->tx.call, UINT64_MAX - 1 - 1);
	n_connections++;
	return rc;
}

static void front_end_close(struct front_end *f)
{
	const int fds[] = {f->sock, f->mem.fd, f->rx.kick, f->rx.call, f->tx.kick, f->tx.call, -1};
	if (f->mem.base)
		munmap(f->mem.base, MEMORY_BYTES);
	for (const int *fd = fds; *fd >= 0; fd++)
		close(*fd);
	memset(&f->mem, 0, sizeof(f->mem));
}

// Deeds that are not in the table.

static void cut_off(struct front_end *f)
{
	if (ftruncate(f->mem.fd, 0) < 0)
		perror("hostile: ftruncate");
}

static void shrink(struct front_end *f)
{
	f->mem.size = f->mem.cut;
	f->mem.cut = 0;
	if (vhost_user_memory(f->sock, &f->mem, f->err, sizeof(f->err)) < 0)
		n_refused++;
	hostile_offer_one(&f->h, f->h.boundary + 4096, 1000, 0);
}

static bool flipping;

static void *flip_thread(void *arg)
{
	struct hostile h = *(struct hostile *)arg;
	h.seed ^= 0x5555555555555555ull;
	while (__atomic_load_n(&flipping, __ATOMIC_RELAXED))
		hostile_flip(&h);
	return NULL;
}

static void flip(struct front_end *f)
{
	pthread_t thread;
	flipping = true;
	if (pthread_create(&thread, NULL, flip_thread, &f->h) != 0)
		return;
	for (unsigned i = 0; i < 16; i++) {
		hostile_offer_one(&f->h, f->h.frame_gpa, 200, 0);
		pause_us(FLIP_US / 16);
	}
	__atomic_store_n(&flipping, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

static const struct {
	const char *name;
	const char *reason;
	void (*commit)(struct front_end *f);
} others[] = {
    {"cut-off", "taken away memory", cut_off},
    {"shrink", "outside the guest's memory", shrink},
    {"flip", NULL, flip},
};
#define N_OTHERS (sizeof(others) / sizeof(others[0]))

static int commit(struct front_end *f, const char *name)
{
	for (unsigned i = 0; i < N_OTHERS; i++) {
		if (strcmp(others[i].name, name) == 0)
			return others[i].commit(f), 0;
	}
	for (unsigned i = 0; i < N_DEEDS; i++) {
		if (strcmp(deeds[i].name, name) == 0)
			return deeds[i].commit(&f->h), 0;
	}
	fprintf(stderr, "hostile: no deed %s: see --list\n", name);
	return -EINVAL;
}

static bool input_ended(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&p, 1, 0) != 0;
}

static int do_one(struct front_end *f, const char *path, const char *deed, bool rx)
{
	struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
	int rc = front_end_open(f, path);
	if (rc < 0) {
		fprintf(stderr, "hostile: %s: %s\n", path, f->err);
		return rc;
	}
	hostile_begin(f, rx ? &f->rx : &f->tx);
	rc = commit(f, deed);
	if (rc < 0)
		return rc;
	puts("done");
	fflush(stdout);
	poll(&end, 1, -1);
	front_end_close(f);
	return 0;
}

static void connection_random(struct front_end *f)
{
	unsigned n = 1 + hostile_below(&f->h, DEEDS_MAX);
	hostile_begin(f, &f->tx);
	for (unsigned i = 0; i < n; i++, n_deeds++) {
		deed_random(&f->h)->commit(&f->h);
		pause_us(LOOK_US);
	}
	if (n_connections % CUT_OFF_EVERY == 0)
		cut_off(f);
	else if (n_connections % CUT_OFF_EVERY == 1)
		shrink(f);
	else if (n_connections % CUT_OFF_EVERY == 2)
		flip(f);
	pause_us(LOOK_US);
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void do_random(struct front_end *f, const char *path, double share)
{
	while (!input_ended()) {
		double begun = seconds(CLOCK_PROCESS_CPUTIME_ID), at = seconds(CLOCK_MONOTONIC);
		f->features = 0;
		for (unsigned i = 0; i < N_FEATURES; i++)
			f->features |= (uint64_t)hostile_below(&f->h, 2) << features[i].bit;
		if (front_end_open(f, path) == 0)
			connection_random(f);
		else
			n_refused++;
		front_end_close(f);
		double used = seconds(CLOCK_PROCESS_CPUTIME_ID) - begun;
		double rest = used / share - (seconds(CLOCK_MONOTONIC) - at);
		if (rest > 0)
			pause_us((long)(rest * 1e6));
	}
	printf("%lu deeds, %lu connections, %lu refused\n", n_deeds, n_connections, n_refused);
}

static void list(bool rx, uint64_t bits)
{
	const struct hostile h = {.packed = bits >> VIRTIO_F_RING_PACKED & 1,
				  .indirect = bits >> VIRTIO_RING_F_INDIRECT_DESC & 1,
				  .writable = rx};
	for (unsigned i = 0; i < N_DEEDS; i++) {
		if (deed_fits(&deeds[i], &h))
			printf("%s %s\n", deeds[i].name, deeds[i].reason ? deeds[i].reason : "-");
	}
	for (unsigned i = 0; i < N_OTHERS && !rx; i++)
		printf("%s %s\n", others[i].name, others[i].reason ? others[i].reason : "-");
}

static uint64_t features_parse(char *words)
{
	uint64_t bits = 0;
	for (char *save, *word = strtok_r(words, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		for (unsigned i = 0; i < N_FEATURES; i++)
			bits |= (uint64_t)(strcmp(features[i].name, word) == 0) << features[i].bit;
	}
	return bits;
}

int main(int argc, char **argv)
{
	static struct front_end f = {.h.seed = 1};
	const char *path = NULL, *deed = NULL;
	bool rx = false, listing = false;
	double share = 0.02;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		bool more = i + 1 < argc;
		if (strcmp(word, "--list") == 0)
			listing = true;
		else if (strcmp(word, "--rx") == 0)
			rx = true;
		else if (strcmp(word, "--deed") == 0 && more)
			deed = argv[++i];
		else if (strcmp(word, "--seed") == 0 && more)
			f.h.seed = strtoull(argv[++i], NULL, 0) | 1;
		else if (strcmp(word, "--share") == 0 && more)
			share = strtod(argv[++i], NULL);
		else if (strcmp(word, "--features") == 0 && more)
			f.features = features_parse(argv[++i]);
		else if (strcmp(word, "--random") != 0)
			path = word;
	}
	if (listing) {
		list(rx, f.features);
		return 0;
	}
	if (!path) {
		fprintf(stderr, "hostile: no PATH\n");
		return 2;
	}
	if (deed)
		return do_one(&f, path, deed, rx) < 0 ? 2 : 0;
	do_random(&f, path, share);
	return 0;
}
