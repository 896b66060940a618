// A connection to swd's datapath.sock.
//
// The state of the link as a whole is kept here, too: when a connection breaks, swd has gone, and
// what comes back has neither our datapath nor its ports. Until provider.c has put these back,
// requests are refused at once (CONN_NO_ANSWER), so that nothing hangs and nothing is asked of an
// empty swd.
//
// A link that is lost ends its generation. Connections are of the generation in which they were
// opened: what happens to one of an older generation says nothing of the link.
#ifndef CTL_OVS_CONN_H
#define CTL_OVS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// For an answer; swd takes milliseconds, seconds when it starts a device.
#define CONN_TIMEOUT_MS 5000
// For the first answer of an swd that was away: the main loop tries again and again.
#define CONN_RETRY_TIMEOUT_MS 500

// Nobody answers: not an error of swd's, which dpif's users would take for its answer.
#define CONN_NO_ANSWER ENOTCONN

struct nlmsghdr;

struct conn {
	int fd;
	uint32_t seq;
	uint32_t id;	     // swd's number of this connection
	uint64_t generation; // of the link
	pid_t swd;	     // which process; 0: of another namespace
	uint32_t *in;	     // the last datagram, 4-aligned, DP_DATAGRAM_MAX bytes
	size_t in_len;	     // of it, still to be read
	const char *at;	     // in it
};

// Connects, and asks swd for its version and the connection's number. 0 or a positive errno, which
// the log tells in words. NULL in *connp then. Any thread.
int conn_open(struct conn **connp);
void conn_close(struct conn *);	 // NULL: nothing
void conn_broken(struct conn *); // closes it, and says that its link is lost; any thread

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
const char *link_why(void);	// nobody answers, in words
bool link_is_lost(void);	// a connection broke, and the link was not restored since
uint64_t link_generation(void); // of connections that are opened now
void link_wait(void);		// wakes the thread's poll loop when the link is lost or restored

// Restoring, main thread. From begin to end its requests pass although the link is lost. When one
// is not answered, the attempt has failed: those that follow are refused at once.
void link_restore_begin(void);
bool link_is_being_restored(void); // by this thread
bool link_restore_has_failed(void);
bool link_restore_end(bool is_done); // whether the link is restored

#endif
