// File descriptors that strangers pass, and sockets in which more of them may wait. What the end of
// a file does, its last user waits for: of a file on a user's own file system (FUSE) the process
// that serves it, of a TCP socket that lingers its peer, both of which may be the stranger's. So
// threads of their own close them, and the kernel is never left to drop one.
#ifndef DATAPATH_STRANGER_FD_H
#define DATAPATH_STRANGER_FD_H

#include <stdbool.h>

// What this thread closes from here on came from who meets us at `path`. Each place has its own
// share of threads that may hang (now and then two have one together).
void stranger_fd_place(const char *path);
// So few of them hang that more may be received or accepted there.
bool stranger_fd_room(void);
enum stranger_fd_kind {
	STRANGER_MEMORY, // memfd, hugetlbfs, tmpfs, DAX
	STRANGER_EVENT,	 // an eventfd
	STRANGER_OTHER,	 // its use and its end may wait for its owner
};
// Found out without asking its owner.
enum stranger_fd_kind stranger_fd_kind(int fd);

// Closes them, at once or some time.
void stranger_fds_close(const int *fds, unsigned n);
void stranger_fd_close(int fd);

#endif
