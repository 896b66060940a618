// Messages of the memif control protocol, version 2.0, on a socket of type SOCK_SEQPACKET: 128
// bytes each, some with one file descriptor. Sources: VPP's src/plugins/memif/memif.h and its
// "memif" developer documentation, DPDK's drivers/net/memif.
//
// The server (VPP: master) listens; the client (slave) connects, makes the shared memory and tells
// of it. S2M is the direction from client to server, M2S the other one.
#ifndef MEMIF_MSG_H
#define MEMIF_MSG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define MEMIF_VERSION	  0x0200
#define MEMIF_SECRET_SIZE 24 // bytes, with a zero at the end
#define MEMIF_NAME_SIZE	  32

enum memif_msg_type {
	MEMIF_ACK = 1,
	MEMIF_HELLO,
	MEMIF_INIT,
	MEMIF_ADD_REGION,
	MEMIF_ADD_RING,
	MEMIF_CONNECT,
	MEMIF_CONNECTED,
	MEMIF_DISCONNECT,
	N_MEMIF_MSG_TYPES
};

enum { MEMIF_MODE_ETHERNET };
enum { MEMIF_ADD_RING_S2M = 1 }; // flags

// Numbers are the host's: both ends are on it. Texts need not end with a zero.
struct memif_msg {
	uint16_t type;
	union {
		struct {
			char name[MEMIF_NAME_SIZE];
			uint16_t min_version;
			uint16_t max_version;
			uint16_t max_region; // highest indexes
			uint16_t max_m2s_ring;
			uint16_t max_s2m_ring;
			uint8_t max_log2_ring_size;
		} __attribute__((packed)) hello;
		struct {
			uint16_t version;
			uint32_t id;
			uint8_t mode;
			char secret[MEMIF_SECRET_SIZE];
			char name[MEMIF_NAME_SIZE];
		} __attribute__((packed)) init;
		struct {
			uint16_t index;
			uint64_t size; // bytes
		} __attribute__((packed)) add_region;
		struct {
			uint16_t flags;
			uint16_t index;
			uint16_t region;
			uint32_t offset; // of the ring in the region, bytes
			uint8_t log2_ring_size;
			uint16_t private_hdr_size;
		} __attribute__((packed)) add_ring;
		struct {
			char if_name[MEMIF_NAME_SIZE];
		} connect; // and connected
		struct {
			uint32_t code;
			char reason[96];
		} __attribute__((packed)) disconnect;
		uint8_t bytes[126];
	};
} __attribute__((packed));

static_assert(sizeof(struct memif_msg) == 128, "as on the wire");
static_assert(offsetof(struct memif_msg, init.id) == 4, "as on the wire");
static_assert(offsetof(struct memif_msg, add_ring.log2_ring_size) == 12, "as on the wire");

// Sends it, with `pass` unless that is -1, and does not wait. 0; -EAGAIN: the peer does not read;
// -errno.
int memif_msg_send(int fd, const struct memif_msg *msg, int pass);

// Receives the next one and does not wait; what is no message of this protocol, or has more or
// fewer descriptors than its type asks for, is refused. *passed is the caller's then, or -1. 0;
// -EAGAIN: none there; -ECONNRESET: the peer has closed; -EPROTO and others with one line in err.
int memif_msg_receive(int fd, struct memif_msg *msg, int *passed, char *err, size_t err_len);

// A text out of a message, with what is not printable made so. out holds len bytes, one more than
// the text.
void memif_msg_text(char *out, const char *text, size_t len);

#endif
