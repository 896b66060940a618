// The path of a Unix socket that a port shares with its peer: checks before librte_vhost or a
// driver sees it, since their own errors do not say what is wrong. Control thread; 0 or -errno with
// one line in err that names the path and the mend.
#ifndef VHOST_SOCKET_PATH_H
#define VHOST_SOCKET_PATH_H

#include <stddef.h>

// Checks that `path` is absolute, short enough for a socket, and in a folder that exists.
int socket_path_check(const char *path, char *err, size_t err_len);

// Checks that nothing but a socket is at the path of a socket that somebody else listens at, now or
// later.
int socket_path_check_peer(const char *path, char *err, size_t err_len);

// Makes way for a listener at a path that socket_path_check() takes: removes a socket file that
// nobody listens on; refuses (-EADDRINUSE) one that has a listener, and (-EEXIST) what is no
// socket.
int socket_path_claim(const char *path, char *err, size_t err_len);

#endif
