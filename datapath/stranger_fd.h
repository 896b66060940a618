// File descriptors that strangers pass, and sockets in which more of them may wait. What the end of
// a file does, its last user waits for: of a file on a user's own file system (FUSE) the process
// that serves it, of a TCP socket that lingers its peer, both of which may be the stranger's. So
// threads of their own close them, and the kernel is never left to drop one.
#ifndef DATAPATH_STRANGER_FD_H
#define DATAPATH_STRANGER_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

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

// What may come with a message, whatever is asked for (SCM_MAX_FD of the kernel). Where recvmsg()
// has less room, or there is none as in recv(), the kernel closes the others here and now.
#define STRANGER_FDS_MAX 253
union stranger_fds {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(STRANGER_FDS_MAX * sizeof(int))];
};
// The files of a message that was received with that room: how many.
unsigned stranger_fds_of(struct msghdr *msg, int *fds);
// recv() for who takes no files. Those that come are closed, at once or some time.
ssize_t stranger_recv(int fd, void *buf, size_t len, int flags);

#endif
