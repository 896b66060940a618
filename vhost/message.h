// A vhost-user message with the files that came with it, as librte_vhost hands it to a callback.
#ifndef VHOST_MESSAGE_H
#define VHOST_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_FDS_MAX 8

// Requests, as in the vhost-user specification.
enum {
	MESSAGE_SET_FEATURES = 2,
	MESSAGE_RESET_OWNER = 4,
	MESSAGE_SET_MEM_TABLE = 5,
	MESSAGE_SET_LOG_BASE = 6,
	MESSAGE_SET_VRING_NUM = 8,
	MESSAGE_SET_VRING_ADDR = 9,
	MESSAGE_SET_VRING_BASE = 10,
	MESSAGE_GET_VRING_BASE = 11,
	MESSAGE_SET_VRING_KICK = 12,
	MESSAGE_SET_VRING_CALL = 13,
	MESSAGE_SET_VRING_ERR = 14,
	MESSAGE_GET_QUEUE_NUM = 17,
	MESSAGE_SEND_RARP = 19,
	MESSAGE_POSTCOPY_ADVISE = 28,
	MESSAGE_POSTCOPY_LISTEN = 29,
};

#define MESSAGE_NEED_REPLY (1u << 3) // of flags

// One region of SET_MEM_TABLE: guest memory at `offset` of a file.
struct mem_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t offset;
};

// Up to the payload it is what the specification puts on the wire; room and what follows it are
// librte_vhost's own, see message_fds_known().
struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size; // of the payload, at most its room
	union {
		uint64_t u64; // of SET_VRING_KICK and _CALL: the vring in the low 8 bits
		uint8_t mac[6];
		struct {
			uint64_t size;
			uint64_t offset;
		} log;
		struct {
			uint32_t n_regions;
			uint32_t padding;
			struct mem_region regions[MESSAGE_FDS_MAX];
		} mem;
		uint8_t room[632];
	};
	int32_t fds[MESSAGE_FDS_MAX]; // -1: none
	int32_t n_fds;
} __attribute__((packed));

// False: this librte_vhost may keep files elsewhere, so fds and n_fds must be left alone.
bool message_fds_known(const struct message *m);
// After this nobody else closes them, nor sends them back with an answer.
void message_close_fds(struct message *m);

#endif
