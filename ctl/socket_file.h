// The file of a Unix socket that this process listens at.
#ifndef CTL_SOCKET_FILE_H
#define CTL_SOCKET_FILE_H

#include <sys/types.h>

// Gives it to a user and a group; ACCOUNT_NONE (ctl/account.h) leaves that as it is. 0; -EPERM:
// this process may not, or what is at the path is not its socket; -errno.
int socket_file_give(const char *path, uid_t uid, gid_t gid);

#endif
