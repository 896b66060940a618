// Unix sockets whose other end a port's peer holds: what is checked before a driver opens one, for
// drivers wait without end and do not say what is wrong. Control thread.
#ifndef DATAPATH_UNIX_PEER_H
#define DATAPATH_UNIX_PEER_H

#include <stddef.h>

// Whether the path is one that sockets (vhost/socket_path.h) and devargs can have. 0 or -errno with
// one line in err.
int unix_peer_check_path(const char *path, char *err, size_t err_len);
// Whether a process listens at `path`, on sockets of `type` (SOCK_STREAM, SOCK_SEQPACKET), and has
// room for a connection now. 0; -ENOTCONN when there is none, -errno for others; one line in err.
int unix_peer_listens(const char *path, int type, char *err, size_t err_len);
// Whether the peer at `path` answers the first request of vhost-user within half a second. As
// above.
int unix_peer_speaks_vhost(const char *path, char *err, size_t err_len);

#endif
