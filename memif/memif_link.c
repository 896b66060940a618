#include "memif/memif_link.h"

#include "datapath/eventfd_kick.h"
#include "datapath/stranger_fd.h"
#include "memif/memif_conn.h"
#include "memif/memif_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOLD_MAX 4 // lines in the log between two looks: peers may come and go at any rate

static LIST_HEAD(link_list, memif_link) links = LIST_HEAD_INITIALIZER(links);

static void tell(struct memif_link *link, const char *what)
{
	if (link->n_told++ < TOLD_MAX)
		port_log_info(link->port, "%s", what);
}

void memif_link_up(struct memif_link *link, struct memif_wire *wire)
{
	link->reason[0] = '\0';
	// A PMD that sees the wire sees its rings.
	__atomic_store_n(&link->wire, wire, __ATOMIC_RELEASE);
	tell(link, "up: a peer has connected");
}

void memif_link_down(struct memif_link *link, const char *reason)
{
	char told[sizeof(link->reason) + 8];
	struct memif_wire *wire = link->wire;
	link->conn = NULL;
	snprintf(link->reason, sizeof(link->reason), "%s", reason);
	snprintf(told, sizeof(told), "down: %s", link->reason);
	tell(link, told);
	if (!wire)
		return;
	__atomic_store_n(&link->wire, NULL, __ATOMIC_RELAXED);
	ports_synchronize(); // no PMD is in its rings any more
	link->n_malformed += memif_wire_malformed(wire);
}

static void connect_to_server(struct memif_link *link)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	stranger_fd_place(link->path);
	if (!stranger_fd_room())
		return; // and the reason is known
	memcpy(address.sun_path, link->path, sizeof(link->path));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	// A connection that has to wait for room fails at once.
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		memif_conn_open_client(link, fd);
		return;
	}
	int rc = errno;
	if (fd >= 0)
		close(fd);
	const char *what = rc == ENOENT || rc == ECONNREFUSED ? "nobody listens there"
			   : rc == EAGAIN     ? "who listens there takes no connection now"
			   : rc == EPROTOTYPE ? "who listens there speaks another protocol"
					      : strerror(rc);
	snprintf(link->reason, sizeof(link->reason), "path=%s: %s", link->path, what);
}

void memif_links_look(void)
{
	struct memif_link *link;
	for (link = LIST_FIRST(&links); link; link = LIST_NEXT(link, all)) {
		link->n_told = 0;
		if (!link->server && !link->conn)
			connect_to_server(link);
	}
}

struct memif_link *memif_link_find(const struct memif_socket *socket, uint32_t id)
{
	struct memif_link *link;
	for (link = LIST_FIRST(&links); link; link = LIST_NEXT(link, all)) {
		if (link->socket == socket && link->id == id)
			return link;
	}
	return NULL;
}

// Two servers of one socket have an id each, and so have two clients.
static int check_id(const struct memif_link *link, char *err, size_t err_len)
{
	const struct memif_link *other;
	for (other = LIST_FIRST(&links); other; other = LIST_NEXT(other, all)) {
		if (other->server != link->server || other->id != link->id ||
		    strcmp(other->path, link->path) != 0)
			continue;
		snprintf(err, err_len,
			 "id=%u of path=%.100s belongs to port \"%s\": give another id=", link->id,
			 link->path, other->port->config.name);
		return -EEXIST;
	}
	return 0;
}

int memif_link_open(struct memif_link *link, char *err, size_t err_len)
{
	int rc = eventfd_kick_init(err, err_len);
	if (rc == 0)
		rc = check_id(link, err, err_len);
	if (rc == 0 && link->server)
		rc = memif_socket_get(link->path, &link->port->config, &link->socket, err, err_len);
	if (rc < 0)
		return rc;
	LIST_INSERT_HEAD(&links, link, all);
	if (link->server)
		snprintf(link->reason, sizeof(link->reason),
			 "no peer has connected to %s with id %u", link->path, link->id);
	else
		connect_to_server(link);
	return 0;
}

void memif_link_close(struct memif_link *link)
{
	if (link->conn)
		memif_conn_close(link->conn, "the port is gone");
	LIST_REMOVE(link, all);
	if (link->socket)
		memif_socket_put(link->socket);
}
