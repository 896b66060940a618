// Unix sockets whose other end a port's peer holds: what is checked before a driver opens one, for
// drivers wait without end and do not say what is wrong. Control thread.
#ifndef DATAPATH_UNIX_PEER_H
#define DATAPATH_UNIX_PEER_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

// Whether the path is one that sockets (vhost/socket_path.h) and devargs can have. 0 or -errno with
// one line in err.
int unix_peer_check_path(const char *path, char *err, size_t err_len);
// Who listens: the address as the peer gave it, which may be another in its own mount namespace.
struct unix_peer_id {
	struct sockaddr_un address;
	pid_t pid;
};
// Whether the peer at `path` answers the first requests of vhost-user, each in a fifth of a second,
// and has so many pairs of queues by its own word; sets *id then. 0; -ENOTCONN when there is none,
// -ETIMEDOUT, -EINVAL: fewer queues, -errno for others; one line in err.
int unix_peer_speaks_vhost(const char *path, unsigned n_pairs, struct unix_peer_id *id, char *err,
			   size_t err_len);
// Shows each of this process's sockets that are connected to that peer: `copy` is a duplicate of
// `fd`, closed behind the call. Returns how many there were. Any thread.
unsigned unix_peer_sockets(const struct unix_peer_id *id, void (*show)(int copy, int fd));

#endif
