// A port's link: what an operator asked for, and the peer that is there now. The control thread
// sets `wire` when the two ends agree, and takes it away before it goes: PMDs see a whole one or
// none.
#ifndef MEMIF_LINK_H
#define MEMIF_LINK_H

#include "datapath/port.h"
#include "memif/memif_msg.h"
#include "memif/memif_wire.h"

#include <sys/queue.h>
#include <sys/un.h>

struct memif_conn;
struct memif_socket;

struct memif_link {
	struct memif_wire *wire; // published; NULL: down. Writer: control thread

	// Control thread.
	struct port *port;
	bool server;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	uint32_t id;
	char secret[MEMIF_SECRET_SIZE]; // empty: none
	struct memif_layout layout;	// as a client; both numbers of rings are the port's queues
	uint8_t mac[6];
	struct memif_conn *conn;     // of the peer, whether they have agreed or not; NULL: none
	struct memif_socket *socket; // server: where it listens
	char reason[160];	     // why it is down
	uint64_t n_malformed;	     // of wires that have gone
	unsigned n_told;	     // lines in the log since the last look
	LIST_ENTRY(memif_link) all;
};

// All: control thread.

// Starts to listen, or to look for the server. The caller has filled in what is asked for. 0 or
// -errno with one line in err.
int memif_link_open(struct memif_link *link, char *err, size_t err_len);
void memif_link_close(struct memif_link *link); // no PMD uses the port any more
// Clients without a server try again.
void memif_links_look(void);
// The one that listens at a socket under an id. NULL: none.
struct memif_link *memif_link_find(const struct memif_socket *socket, uint32_t id);

// For connections. The two ends agree: its wire is shown to PMDs.
void memif_link_up(struct memif_link *link, struct memif_wire *wire);
// The connection is about to go, and its wire with it: PMDs have let go of that when this returns.
void memif_link_down(struct memif_link *link, const char *reason);

#endif
