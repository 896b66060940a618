// Waking a peer that sleeps on an eventfd of its own. write() would wait while the peer keeps the
// counter at its limit, and O_NONBLOCK is the peer's to clear, for the flags of an open file are
// shared. The kernel's own signal never waits: it comes with the completion of an asynchronous read
// of nothing (io_submit(2), IOCB_FLAG_RESFD).
#ifndef DATAPATH_EVENTFD_KICK_H
#define DATAPATH_EVENTFD_KICK_H

#include <stddef.h>

// Before all others. 0 or -errno with one line in err. Control thread.
int eventfd_kick_init(char *err, size_t err_len);
// One system call, in any thread. 0; -EINVAL: that is no eventfd; -errno.
int eventfd_kick_send(int fd);

#endif
