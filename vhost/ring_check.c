#include "vhost/ring_check.h"

struct area {
	const void *start;
	size_t len;
};

bool ring_is_in_memory(const struct virtqueue_config *config)
{
	const struct rte_vhost_vring *ring = config->ring;
	size_t size = ring->size;
	size_t event = config->features >> VIRTIO_RING_F_EVENT_IDX & 1 ? sizeof(uint16_t) : 0;
	const struct area split[] = {
	    {ring->desc, size * sizeof(struct vring_desc)},
	    {ring->avail, sizeof(struct vring_avail) + size * sizeof(uint16_t) + event},
	    {ring->used, sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) + event},
	};
	const struct area packed[] = {
	    {ring->desc_packed, size * sizeof(struct vring_packed_desc)},
	    {ring->driver_event, sizeof(struct vring_packed_desc_event)},
	    {ring->device_event, sizeof(struct vring_packed_desc_event)},
	};
	const struct area *areas = config->features >> VIRTIO_F_RING_PACKED & 1 ? packed : split;

	for (unsigned i = 0; i < RTE_DIM(split); i++) {
		if (!vhost_mem_region(config->mem, areas[i].start, areas[i].len))
			return false;
	}
	return true;
}
