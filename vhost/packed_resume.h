// Where a device that died stood in a packed ring.
//
// A split ring says it: its used index. A packed one has no such place, and a front end that has
// not heard from the dead device gives a position of long ago (QEMU 7.2: where the driver had
// started), at which the new device would wait for ever. But the ring itself tells, for a device
// that uses buffers in the order in which they were made available, as ours does. In the order in
// which the driver wrote the slots, the oldest first, they are
//
//     used ... used | available ... available
//                     ^ here
//
// and where a burst was under way, of which the driver sees nothing before its first one is used,
//
//     used ... used | available (the first one), used ... used | available ... available
//
// Such a burst is ended: its buffers go back to the driver without a byte. A guest that receives
// throws them away as frames too short; whether those that it sent have left nobody knows. The
// slots that follow the first one of a used buffer of several look as if they were available:
// packed_desc.h, PACKED_SLOTS. One case stays open: of a driver that puts a buffer into several
// slots, when it has overwritten a part of such a one, and all the rest of the ring is available.
#ifndef VHOST_PACKED_RESUME_H
#define VHOST_PACKED_RESUME_H

#include <linux/virtio_ring.h>
#include <stdint.h>

// Finds the position (bit 15: the wrap counter) and ends what was under way. A ring that no device
// has used yet gives its start. The driver may go on making buffers available meanwhile. 0; -EINVAL
// when the slots are in no such order, -ENOMEM. No device works on the ring.
int packed_resume(struct vring_packed_desc *ring, uint16_t size, uint16_t *position);

#endif
