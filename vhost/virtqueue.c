#include "vhost/virtqueue.h"

#include "datapath/eventfd_kick.h"
#include "vhost/packed_desc.h"
#include "vhost/packed_resume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <rte_common.h>
#include <string.h>
#include <unistd.h>

static const char *const fault_texts[] = {
#define X(id, text) [VIRTQUEUE_##id] = (text),
    VIRTQUEUE_FAULTS(X)
#undef X
};

const char *virtqueue_fault_text(enum virtqueue_fault fault)
{
	return fault_texts[fault];
}

const struct vhost_region *vhost_mem_region(const struct vhost_mem *mem, const void *part,
					    size_t len)
{
	for (unsigned i = 0; i < mem->n; i++) {
		const struct vhost_region *r = &mem->regions[i];
		uintptr_t ofs = (uintptr_t)part - (uintptr_t)r->hva;

		if (ofs < r->size && len <= r->size - ofs)
			return r;
	}
	return NULL;
}

static bool has(const struct virtqueue *vq, unsigned feature)
{
	return vq->features >> feature & 1;
}

static void features_set(struct virtqueue *vq, uint64_t features)
{
	vq->features = features;
	vq->packed = has(vq, VIRTIO_F_RING_PACKED);
	vq->event_idx = has(vq, VIRTIO_RING_F_EVENT_IDX);
	vq->in_order = has(vq, VIRTIO_F_IN_ORDER);
	vq->indirect = has(vq, VIRTIO_RING_F_INDIRECT_DESC);
	vq->mergeable = has(vq, VIRTIO_NET_F_MRG_RXBUF);
	vq->hdr_len = vq->mergeable || has(vq, VIRTIO_F_VERSION_1)
			  ? sizeof(struct virtio_net_hdr_v1)
			  : sizeof(struct virtio_net_hdr);
}

static bool aligned(const void *ptr, uintptr_t to)
{
	return ptr && ((uintptr_t)ptr & (to - 1)) == 0;
}

// The rings are as the specification has them: lengths, and the alignment of their parts.
static int rings_set(struct virtqueue *vq, const struct rte_vhost_vring *ring)
{
	uintptr_t align = vq->packed ? sizeof(struct vring_packed_desc_event) : 2;

	if (ring->size == 0 || ring->size > VRING_SIZE_MAX ||
	    (!vq->packed && (ring->size & (ring->size - 1)) != 0))
		return -EINVAL;
	if (!aligned(ring->desc, VRING_DESC_ALIGN_SIZE) || !aligned(ring->avail, align) ||
	    !aligned(ring->used, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	vq->desc = ring->desc;
	vq->avail = ring->avail;
	vq->used = ring->used;
	vq->size = ring->size;
	return 0;
}

static int positions_set(struct virtqueue *vq, uint16_t last_avail, uint16_t last_used)
{
	vq->last_avail = last_avail;
	vq->last_used = last_used;
	vq->avail_seen = last_avail;
	if (!vq->packed)
		return 0;
	vq->avail_wrap = last_avail & PACKED_WRAP;
	vq->used_wrap = last_used & PACKED_WRAP;
	vq->last_avail &= (uint16_t)~PACKED_WRAP;
	vq->last_used &= (uint16_t)~PACKED_WRAP;
	return vq->last_avail < vq->size && vq->last_used < vq->size ? 0 : -EINVAL;
}

// The guest's address of a part of the ring, for dirty logging.
static uint64_t guest_address(const struct vhost_mem *mem, const void *part)
{
	const struct vhost_region *r = vhost_mem_region(mem, part, 1);

	return r ? r->gpa + ((uintptr_t)part - (uintptr_t)r->hva) : 0;
}

static int positions_find(struct virtqueue *vq, const struct virtqueue_config *config)
{
	uint16_t found;

	if (!config->resume || !vq->packed || packed_resume(vq->desc_packed, vq->size, &found) < 0)
		return positions_set(vq, config->last_avail, config->last_used);
	if (vq->log)
		rte_vhost_log_write(vq->vid, vq->log_gpa, vq->size * sizeof(vq->desc_packed[0]));
	return positions_set(vq, found, found);
}

// We poll. With an event index a split ring's flags are 0: the index is put as far from the guest's
// as can be, so that a kick comes once in 65536 buffers, to nobody.
static void kicks_refuse(struct virtqueue *vq)
{
	uint16_t *avail_event = (void *)&vq->used->ring[vq->size];

	if (vq->packed) {
		vq->device_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
		if (vq->log)
			rte_vhost_log_write(vq->vid, guest_address(vq->mem, vq->device_event),
					    sizeof(*vq->device_event));
		return;
	}
	vq->used->flags = vq->event_idx ? 0 : VRING_USED_F_NO_NOTIFY;
	if (vq->event_idx)
		*avail_event = (uint16_t)(vq->last_avail - 1);
	if (vq->log)
		rte_vhost_log_write(vq->vid, vq->log_gpa,
				    sizeof(struct vring_used) +
					vq->size * sizeof(struct vring_used_elem) +
					sizeof(uint16_t));
}

int virtqueue_call_fd_dup(int fd, int *own)
{
	*own = -1;
	if (fd < 0)
		return 0;
	*own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return *own < 0 ? -errno : 0;
}

int virtqueue_init(struct virtqueue *vq, const struct virtqueue_config *config)
{
	static const struct virtqueue_ops *const split[N_ISAS] = ISA_ROW(vring_split_ops);
	static const struct virtqueue_ops *const packed[N_ISAS] = ISA_ROW(vring_packed_ops);
	int rc;

	memset(vq, 0, sizeof(*vq));
	vq->call_fd = -1;
	vq->mem = config->mem;
	vq->index = config->index;
	vq->vid = config->vid;
	vq->log = config->log;
	rte_spinlock_init(&vq->lock);
	features_set(vq, config->features);
	vq->ops = (vq->packed ? packed : split)[isa_current()];
	if (vq->mem->n == 0 || vq->mem->n > VHOST_REGIONS_MAX)
		return -EINVAL;
	rc = rings_set(vq, config->ring);
	if (rc < 0)
		return rc;
	vq->log_gpa = guest_address(vq->mem, vq->packed ? (const void *)vq->desc_packed
							: (const void *)vq->used);
	rc = positions_find(vq, config);
	if (rc < 0)
		return rc;
	rc = virtqueue_call_fd_dup(config->ring->callfd, &vq->call_fd);
	if (rc < 0)
		return rc;
	kicks_refuse(vq);
	return 0;
}

void virtqueue_base(const struct virtqueue *vq, uint16_t *last_avail, uint16_t *last_used)
{
	*last_avail = vq->last_avail;
	*last_used = vq->last_used;
	if (!vq->packed)
		return;
	*last_avail |= (uint16_t)(vq->avail_wrap ? PACKED_WRAP : 0);
	*last_used |= (uint16_t)(vq->used_wrap ? PACKED_WRAP : 0);
}

void virtqueue_call(const struct virtqueue *vq)
{
	if (vq->call_fd >= 0)
		eventfd_kick_send(vq->call_fd);
}

void virtqueue_fini(struct virtqueue *vq)
{
	if (vq->call_fd >= 0)
		close(vq->call_fd);
	vq->call_fd = -1;
}
