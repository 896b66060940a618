#define _GNU_SOURCE // process_vm_readv
#include "vhost/guest.h"

#include "vhost/session.h"

#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// The file behind a guest's memory may end before it: asked for it this way, the kernel says so
// instead of sending SIGBUS.
static bool peek(const void *from, void *to, size_t len)
{
	const struct iovec local = {.iov_base = to, .iov_len = len};
	const struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = len};

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)len;
}

static bool is_zero(const void *bytes, size_t len)
{
	static const char zeros[sizeof(struct vring_desc)];

	return memcmp(bytes, zeros, len) == 0;
}

static void look_split(const struct virtqueue *vq, struct port_guest_queue *q)
{
	struct vring_desc desc;
	uint16_t avail;

	if (!peek(&vq->avail->idx, &avail, sizeof(avail)) || !peek(vq->desc, &desc, sizeof(desc)))
		return;
	q->ready = (uint16_t)(avail - q->position);
	if (q->ready > q->size)
		q->ready = 0; // a broken one, which is told elsewhere
	q->blank = avail == 0 && is_zero(&desc, sizeof(desc));
}

// A descriptor is available when its AVAIL bit is the wrap counter and its USED bit is not (virtio
// 1.2, section 2.8.1).
static void look_packed(const struct virtqueue *vq, struct port_guest_queue *q)
{
	struct vring_packed_desc first, next;
	bool wrap = __atomic_load_n(&vq->avail_wrap, __ATOMIC_RELAXED);

	if (q->position >= q->size || !peek(vq->desc_packed, &first, sizeof(first)) ||
	    !peek(&vq->desc_packed[q->position], &next, sizeof(next)))
		return;
	bool avail = next.flags >> VRING_PACKED_DESC_F_AVAIL & 1;
	bool used = next.flags >> VRING_PACKED_DESC_F_USED & 1;
	q->ready = avail == wrap && used != wrap;
	q->blank = is_zero(&first, sizeof(first));
}

static void look_queue(const struct virtqueue *vq, struct port_guest *guest)
{
	struct port_guest_queue *q = &guest->queues[guest->n_queues++];

	*q = (struct port_guest_queue){
	    .index = vq->index,
	    .size = vq->size,
	    .position = __atomic_load_n(&vq->last_avail, __ATOMIC_RELAXED), // a PMD's
	};
	if (vq->packed)
		look_packed(vq, q);
	else
		look_split(vq, q);
}

// Of the connection that PMDs see; all of it stays while the mutex is held.
static void look_device(const struct vhost_device *device, struct port_guest *guest)
{
	for (unsigned i = 0; i < device->n_rx; i++)
		look_queue(device->rx[i], guest);
	for (unsigned i = 0; i < VHOST_PAIRS_MAX; i++) {
		if (device->tx[i])
			look_queue(device->tx[i], guest);
	}
	if (guest->n_queues == 0)
		return;
	const struct virtqueue *vq = device->n_rx > 0 ? device->rx[0] : NULL;
	for (unsigned i = 0; !vq; i++)
		vq = device->tx[i];
	guest->stage = PORT_GUEST_RUNS;
	guest->features = vq->features;
	guest->page_bytes = vq->mem->page_bytes;
	guest->mem_inode = vq->mem->inode;
	for (unsigned i = 0; i < vq->mem->n; i++)
		guest->mem_bytes += vq->mem->regions[i].size;
}

// Flags of librte_vhost's threads, each of which means something by itself.
static enum port_guest_stage stage_of(const struct vhost_conn *conn)
{
	if (__atomic_load_n(&conn->vid, __ATOMIC_RELAXED) < 0)
		return PORT_GUEST_ABSENT;
	if (!__atomic_load_n(&conn->has_driver, __ATOMIC_RELAXED))
		return PORT_GUEST_CONNECTED;
	return __atomic_load_n(&conn->mem_known, __ATOMIC_RELAXED) ? PORT_GUEST_MEMORY
								   : PORT_GUEST_DRIVER;
}

void vhost_guest(struct port *port, struct port_guest *guest)
{
	struct vhost_session *s = port->priv;

	memset(guest, 0, sizeof(*guest));
	guest->offered = s->offered;
	pthread_mutex_lock(&s->mutex);
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		guest->stage = RTE_MAX(guest->stage, stage_of(&s->conns[i]));
	// A PMD that finds its memory gone takes it away at any moment (memory_lost()).
	const struct vhost_device *device = session_device(s);
	if (device)
		look_device(device, guest);
	pthread_mutex_unlock(&s->mutex);
}
