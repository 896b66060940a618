// A bare loop over split rings: indexes once a burst, descriptors and then buffers prefetched, one
// copy by way of a private 128-byte header, both used indexes published once. No lookup, and no
// checks: the rings are ours.
#include "tests/bench/self_test.h"

#include "tests/bench/port_vhost.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SWITCH_BURST 32
#define HEAD	     128

struct end {	       // one ring as the switch sees it
	uint8_t *base; // what GPA_BASE is mapped to
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	uint16_t mask;
	uint16_t next;
};

struct lane {
	struct end from; // the sender's transmit ring
	struct end to;	 // the receiver's receive ring
};

static struct lane lanes[2];
static pthread_t thread;
static atomic_bool stopping;

static uint16_t n_avail(const struct end *e)
{
	return (uint16_t)(__atomic_load_n(&e->avail->idx, __ATOMIC_ACQUIRE) - e->next);
}

static uint8_t *buffer(const struct end *e, const struct vring_desc *desc)
{
	return e->base + (desc->addr - GPA_BASE);
}

static const struct vring_desc *desc_at(const struct end *e, unsigned i)
{
	return &e->desc[e->avail->ring[(uint16_t)(e->next + i) & e->mask]];
}

static void copy_frame(const uint8_t *from, uint8_t *to, uint32_t len)
{
	uint8_t head[HEAD] __attribute__((aligned(64)));
	memcpy(head, from, HEAD); // buffers are never shorter
	((struct virtio_net_hdr_v1 *)head)->num_buffers = 1;
	if (len <= HEAD) {
		memcpy(to, head, HEAD);
		return;
	}
	memcpy(to, head, HEAD);
	memcpy(to + HEAD, from + HEAD, len - HEAD);
}

static void use(const struct end *e, unsigned i, uint32_t len)
{
	uint16_t at = (uint16_t)(e->next + i) & e->mask;
	e->used->ring[at].id = e->avail->ring[at];
	e->used->ring[at].len = len;
}

static void publish(struct end *e, unsigned n)
{
	e->next = (uint16_t)(e->next + n);
	__atomic_store_n(&e->used->idx, e->next, __ATOMIC_RELEASE);
}

static void lane_poll(struct lane *l)
{
	unsigned n = n_avail(&l->from);
	n = n < SWITCH_BURST ? n : SWITCH_BURST;
	if (n == 0)
		return;
	unsigned room = n_avail(&l->to);
	for (unsigned i = 0; i < n; i++) {
		__builtin_prefetch(desc_at(&l->from, i));
		__builtin_prefetch(desc_at(&l->to, i));
	}
	n = n < room ? n : room;
	for (unsigned i = 0; i < n; i++) {
		__builtin_prefetch(buffer(&l->from, desc_at(&l->from, i)));
		__builtin_prefetch(buffer(&l->to, desc_at(&l->to, i)), 1);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct vring_desc *from = desc_at(&l->from, i);
		copy_frame(buffer(&l->from, from), buffer(&l->to, desc_at(&l->to, i)), from->len);
		use(&l->from, i, 0);
		use(&l->to, i, from->len);
	}
	publish(&l->to, n);
	publish(&l->from, n);
}

static void *loop(void *arg)
{
	(void)arg;
	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		lane_poll(&lanes[0]);
		lane_poll(&lanes[1]);
	}
	return NULL;
}

static struct end end_of(const struct ring *r)
{
	return (struct end){.base = r->mem->base,
			    .desc = r->desc,
			    .avail = r->driver,
			    .used = r->device,
			    .mask = (uint16_t)r->mask};
}

int self_test_start(struct run *run, unsigned core)
{
	struct vhost_port *a = run->ports[0].priv, *b = run->ports[1].priv;
	pthread_attr_t attr;
	cpu_set_t cores;
	lanes[0] = (struct lane){.from = end_of(&a->tx), .to = end_of(&b->rx)};
	lanes[1] = (struct lane){.from = end_of(&b->tx), .to = end_of(&a->rx)};
	for (unsigned i = 0; i < 2; i++) {
		lanes[i].from.used->flags = VRING_USED_F_NO_NOTIFY;
		lanes[i].to.used->flags = VRING_USED_F_NO_NOTIFY;
	}
	CPU_ZERO(&cores);
	CPU_SET(core, &cores);
	pthread_attr_init(&attr);
	int rc = pthread_attr_setaffinity_np(&attr, sizeof(cores), &cores);
	if (rc == 0)
		rc = pthread_create(&thread, &attr, loop, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}

void self_test_stop(void)
{
	atomic_store(&stopping, true);
	pthread_join(thread, NULL);
}
