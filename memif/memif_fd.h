// File descriptors that strangers pass. close() of a file on a user's own file system (FUSE) waits
// for the process that serves it, which may be the stranger's: a thread of its own does the
// waiting.
#ifndef MEMIF_FD_H
#define MEMIF_FD_H

#include <stdbool.h>

// Closes one of unknown kind, at once or some time. Control thread.
void memif_fd_close(int fd);
// So few of them hang that more may be received. Control thread.
bool memif_fd_room(void);

#endif
