// A connection to swd's datapath.sock: requests with answers, and datagrams without.
#ifndef CTL_DP_CLIENT_H
#define CTL_DP_CLIENT_H

#include "ctl/dp_msg.h"

struct dp_client;

// Connects; -errno in *err on failure. The socket is close-on-exec. Not thread-safe, as all here.
struct dp_client *dp_client_connect(const char *path, int *err);
void dp_client_close(struct dp_client *c);
int dp_client_fd(const struct dp_client *c);

// Starts a request in the client's own buffer; the caller puts attributes with room
// dp_client_room().
struct nlmsghdr *dp_client_begin(struct dp_client *c, uint16_t family, uint8_t cmd, uint16_t flags);
size_t dp_client_room(const struct dp_client *c);

// Sends the one request begun and reads until its acknowledgement or the end of its dump, with at
// most timeout_ms from one answer to the next; calls `fn` for each answer that is not netlink's
// own. 0, the peer's -errno with its text, -ETIMEDOUT, or -ECONNRESET (then close it).
typedef void (*dp_answer_fn)(const struct nlmsghdr *nlh, void *arg);
int dp_client_call(struct dp_client *c, dp_answer_fn fn, void *arg, int timeout_ms, char *text,
		   size_t text_len);

// Sends a datagram of several messages without waiting for answers. 0, -EAGAIN when the peer does
// not read, or -ECONNRESET.
int dp_client_send(struct dp_client *c, const struct dp_datagram *d);
// Reads one datagram without blocking: bytes, 0 when there is none, or -ECONNRESET.
int dp_client_recv(struct dp_client *c, char *buf, size_t len);

#endif
