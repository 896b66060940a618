// Frames that a Linux interface hands over before they are finished: a sender on this host leaves
// checksums, and the cutting of TCP streams, to "hardware" that a veth pair or a tap has not.
// AF_PACKET, AF_XDP and libpcap show such frames as they are, without the notes that went with
// them.
#ifndef DATAPATH_KERNEL_FRAME_H
#define DATAPATH_KERNEL_FRAME_H

#include "datapath/packet.h"

enum kernel_frame {
	KERNEL_FRAME_WHOLE,   // nothing is left to do
	KERNEL_FRAME_PARTIAL, // meta's offload says what is left; PACKET_OFFLOAD is set
	KERNEL_FRAME_CUT_OFF, // a super-frame whose end the receiving ring had no room for
};

// Finds out what a frame from an interface of this MTU (bytes) is. Any thread; m is its own.
enum kernel_frame kernel_frame_look(struct rte_mbuf *m, uint32_t mtu);

// Looks at all of them, and frees those that are cut off. Returns how many stay, in order.
uint16_t kernel_frames_take(struct rte_mbuf **pkts, uint16_t n, uint32_t mtu);

#endif
