// Making the control socket's file.
#ifndef CTL_SWCTLD_RPC_LISTEN_H
#define CTL_SWCTLD_RPC_LISTEN_H

#include <stddef.h>

// A listening socket, or -errno with one line in err.
int rpc_listen(const char *path, const char *group, char *err, size_t err_len);

#endif
