// The socket of a vhost-user connection, which librte_vhost keeps to itself: it reads and answers
// on the one thread that serves all ports, waits there for what a front end does not send or take,
// and its close() waits for the end of files that a front end has sent and nobody received.
#ifndef VHOST_CONN_SOCKET_H
#define VHOST_CONN_SOCKET_H

// A duplicate of the socket that this thread has accepted or connected last, on which no call waits
// longer than CONN_SOCKET_MS; -1: none is left. Called by who got it from librte_vhost just now.
#define CONN_SOCKET_MS 200
int conn_socket_take(void);
// librte_vhost closes its own; this one is the last. `path`: where the front end meets us.
void conn_socket_close(int fd, const char *path);

#endif
