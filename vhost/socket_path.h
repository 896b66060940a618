// The path of a vhost-user socket: checks before librte_vhost sees it, since its own errors do not
// say what is wrong.
#ifndef VHOST_SOCKET_PATH_H
#define VHOST_SOCKET_PATH_H

#include <stddef.h>

// Checks that `path` is absolute, short enough for a socket, and in a folder that exists. 0 or
// -errno with one line in err.
int socket_path_check(const char *path, char *err, size_t err_len);

// Makes way for a listener: removes a socket file that nobody listens on; refuses (-EADDRINUSE) one
// that has a listener, and
// (-EEXIST) what is no socket.
int socket_path_claim(const char *path, char *err, size_t err_len);

#endif
