// What librte_vhost's one thread for all sockets must not wait for: what a front end does not send
// or does not take, and the end of files that it has sent (a TCP socket may linger), whether
// librte_vhost closes them or the kernel does because nobody takes them. The sockets are
// librte_vhost's own, so it gets ours in place of the C library's listen(), accept(), connect(),
// recvmsg() and read(): /dev/null comes in the place of files that are neither memory nor eventfds,
// a message with too many files is not received, and nobody is served where too many files hang
// (stranger_fd_room()).
#ifndef VHOST_CONN_SOCKET_H
#define VHOST_CONN_SOCKET_H

#define CONN_SOCKET_MS 200 // for the rest of a message, or to take an answer

// A duplicate of the socket that this thread has accepted or connected last, whose calls wait no
// longer now; -1: none is left. On the thread that librte_vhost got it on, at once.
int conn_socket_take(void);
// Its end, with what may be unread in it; librte_vhost may close its own before or after. `path`:
// where the front end meets us.
void conn_socket_close(int fd, const char *path);

// A duplicate of the socket that this thread has made listen last; -1: none is left.
int conn_socket_take_listener(void);
// Its end, with connections that nobody has accepted. librte_vhost has closed its own.
void conn_socket_close_listener(int fd, const char *path);

#endif
