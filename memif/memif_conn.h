// A connection of the control protocol: its messages, step by step, for either role. Nothing waits
// for a peer; one that does not answer, does not read, or says what it may not at that point, is
// left. Control thread.
#ifndef MEMIF_CONN_H
#define MEMIF_CONN_H

struct memif_conn;
struct memif_link;
struct memif_socket;

// One that has been made by a client of ours, for its link, or accepted by a socket of ours: then
// the peer is to say for which link. `fd` is taken over. What goes wrong closes it, and the link
// says why.
void memif_conn_open_client(struct memif_link *link, int fd);
void memif_conn_open_server(struct memif_socket *socket, int fd);
// Tells the peer why.
void memif_conn_close(struct memif_conn *conn, const char *why);
// Those that a socket has accepted and that belong to no link yet.
void memif_conns_close_of(const struct memif_socket *socket);
// Leaves peers that take too long or have broken their rings.
void memif_conns_look(void);

#endif
