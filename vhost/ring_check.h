// Is a ring in the guest's memory? librte_vhost 22.11 calls one ready that only begins there.
#ifndef VHOST_RING_CHECK_H
#define VHOST_RING_CHECK_H

#include "vhost/virtqueue.h"

// All parts of it, each in one region.
bool ring_is_in_memory(const struct virtqueue_config *config);

#endif
