// A connection to swd's datapath.sock.
//
// The state of the link as a whole is kept here, too: when a connection breaks, swd has gone, and
// what comes back has neither our datapath nor its ports. Until provider.c has put these back,
// requests are refused at once (ENODEV), so that nothing hangs and nothing is asked of an empty
// swd.
#ifndef CTL_OVS_CONN_H
#define CTL_OVS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONN_TIMEOUT_MS \
	5000 // for an answer; swd takes milliseconds, seconds when it starts a device

struct nlmsghdr;

struct conn {
	int fd;
	uint32_t seq;
	uint32_t id;	     // swd's number of this connection
	uint64_t generation; // of the link, when it was opened
	uint32_t *in;	     // the last datagram, 4-aligned, DP_DATAGRAM_MAX bytes
	size_t in_len;	     // of it, still to be read
	const char *at;	     // in it
};

// Connects, and asks swd for its version and the connection's number. 0 or a positive errno, which
// the log tells in words. NULL in *connp then.
int conn_open(struct conn **connp);
void conn_close(struct conn *); // NULL: nothing

// Sends a datagram of whole messages. 0, or a positive errno: the connection is of no use then.
int conn_send(struct conn *, const void *data, size_t len);
// The next message, waiting `timeout_ms` at most (0: not at all) for one. 0, EAGAIN, or a positive
// errno: the connection is of no use then. It stays in place until the next call.
int conn_recv(struct conn *, const struct nlmsghdr **, int timeout_ms);

// The error of an NLMSG_ERROR, 0 for an acknowledgement; its text, or "".
int conn_error_of(const struct nlmsghdr *, char *text, size_t text_len);

// The link.
const char *link_path(void);
bool link_is_reachable(void);	// tries; the log is not told when it is not
bool link_is_lost(void);	// a connection broke, and link_restored() was not called since
void link_lost(void);		// any thread
void link_restored(void);	// main thread
uint64_t link_generation(void); // changes with each link_restored()
void link_wait(void);		// wakes the thread's poll loop when the link is lost or restored

#endif
