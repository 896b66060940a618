// Who is at the other end of a connected Unix socket, by the kernel's word (unix(7), SO_PEERCRED
// and SO_PEERGROUPS), and whether it may change what this process holds.
#ifndef CTL_PEER_H
#define CTL_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct peer {
	uid_t uid;
	bool may_change; // root, this process's own user, or a member of the group
};

// Who connected, with what it was then. `group`: ACCOUNT_NONE (ctl/account.h): there is none. One
// whom the kernel does not name has uid ACCOUNT_NONE and may change nothing.
struct peer peer_of(int fd, gid_t group);

#endif
