// Messages to swd that await no answer, packed into datagrams, in order, with a bounded backlog for
// when swd does not read.
#ifndef CTL_SWCTLD_OUTBOX_H
#define CTL_SWCTLD_OUTBOX_H

#include "ctl/dp_client.h"

#define OUTBOX_BACKLOG_MAX 64 // datagrams

struct outbox;

struct outbox *outbox_create(void);
void outbox_destroy(struct outbox *ob);
// Starts over on another connection (NULL: none); what was not sent is dropped.
void outbox_reset(struct outbox *ob, struct dp_client *client);

// Appends one message whose attributes `fill` puts (it returns false when they do not fit; it is
// then called once more, on an empty datagram). 0, -EAGAIN when the backlog is full, -EMSGSIZE, or
// -ENOTCONN.
typedef bool (*outbox_fill_fn)(struct nlmsghdr *nlh, size_t room, const void *arg);
int outbox_put(struct outbox *ob, uint16_t family, uint8_t cmd, uint16_t flags, uint32_t seq,
	       outbox_fill_fn fill, const void *arg);
// Sends what has gathered and the backlog, as far as swd takes it. 0, or -ECONNRESET (then close
// the connection).
int outbox_flush(struct outbox *ob);
// Something waits for swd to read.
bool outbox_blocked(const struct outbox *ob);
bool outbox_full(const struct outbox *ob);

#endif
