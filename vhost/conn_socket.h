// What librte_vhost's one thread for all sockets must not wait for: what a front end does not send
// or does not take, and the end of files that it has sent (a TCP socket may linger). The sockets
// are librte_vhost's own, so it gets ours in place of the C library's accept(), connect() and
// recvmsg(): the last one puts /dev/null in the place of files that are neither memory nor
// eventfds.
#ifndef VHOST_CONN_SOCKET_H
#define VHOST_CONN_SOCKET_H

#define CONN_SOCKET_MS 200 // for the rest of a message, or to take an answer

// A duplicate of the socket that this thread has accepted or connected last, whose calls wait no
// longer now; -1: none is left. On the thread that librte_vhost got it on, at once.
int conn_socket_take(void);
// Its end, with what may be unread in it. librte_vhost has closed its own. `path`: where the front
// end meets us.
void conn_socket_close(int fd, const char *path);

#endif
