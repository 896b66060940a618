// A packed ring's descriptors as the device writes them (virtio 1.2, section 2.8).
#ifndef VHOST_PACKED_DESC_H
#define VHOST_PACKED_DESC_H

#include <linux/virtio_ring.h>
#include <stdint.h>

#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED  (1u << VRING_PACKED_DESC_F_USED)
#define PACKED_WRAP  0x8000u // of a position: the wrap counter

// A descriptor's last word: 4 bytes len, 2 bytes id, 2 bytes flags.
#define PACKED_WORD(len, id, flags) ((uint64_t)(flags) << 48 | (uint64_t)(id) << 32 | (len))

// What a used descriptor does not tell a later device: that it stands for n slots of the ring. It
// is put where an available one has its address, which drivers do not read in a used one (2.8.4).
// No guest has memory there.
#define PACKED_SLOTS_MARK   0xffffffffffff0000ULL
#define PACKED_SLOTS(n)	    (PACKED_SLOTS_MARK | (uint16_t)(n))
#define PACKED_IS_SLOTS(ad) (((ad)&PACKED_SLOTS_MARK) == PACKED_SLOTS_MARK)

#endif
