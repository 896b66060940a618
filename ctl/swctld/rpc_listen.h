// Making the control socket's file.
#ifndef CTL_SWCTLD_RPC_LISTEN_H
#define CTL_SWCTLD_RPC_LISTEN_H

#include <stddef.h>
#include <sys/types.h>

// A listening socket whose file, of mode 0660, belongs to that user and group (ACCOUNT_NONE of
// ctl/account.h: the process's); or -errno with one line in err.
int rpc_listen(const char *path, uid_t uid, gid_t gid, char *err, size_t err_len);

#endif
