// TCP's payload, rewritten: what changes its length moves the sequence numbers of all that follows,
// in both directions.
#ifndef DATAPATH_CT_PAYLOAD_H
#define DATAPATH_CT_PAYLOAD_H

#include "datapath/ct_packet.h"

// Up to `room` bytes of a TCP or UDP packet's payload, copied: nobody changes them after that.
// Returns how many.
uint32_t ct_payload_read(const struct ct_packet *p, uint32_t hdr_len, uint8_t *to, uint32_t room);

// Puts new_len bytes in the place of old_len ones, `at` bytes into a TCP packet's payload. p->m may
// be replaced. 0; -EINVAL: they are not in it; -EMSGSIZE: it has become too long; -ENOMEM.
int ct_payload_replace(struct ct_packet *p, uint32_t at, uint32_t old_len, const void *text,
		       uint32_t new_len);

// The packet's sequence and acknowledgement numbers, and those of SACK blocks (RFC 2018), as the
// other end knows them. 0 or -errno, nothing is changed then.
int ct_seq_adjust(struct ct_packet *p);

// The payload of the segment with this (not yet adjusted) sequence number was rewritten and has
// `more` bytes more now.
void ct_seq_moved(struct ct_conn *conn, enum ct_dir dir, uint32_t seq, int32_t more);

// What an acknowledgement in direction dir means to who sent what it acknowledges: TCP's state is
// about sequence numbers as their sender has them. Takes the connection's lock.
uint32_t ct_seq_ack(struct ct_conn *conn, enum ct_dir dir, uint32_t ack);

#endif
