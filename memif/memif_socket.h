// The socket of one or more servers. Control thread.
#ifndef MEMIF_SOCKET_H
#define MEMIF_SOCKET_H

#include "datapath/port.h"

#include <stddef.h>

struct memif_socket;

// The one at `path`: that of another port, or a new one, of mode 0660 and the owner and group of
// `config`, in place of a file that nobody listens at. 0; -EADDRINUSE or -EEXIST for what is in the
// way; -errno; one line in err.
int memif_socket_get(const char *path, const struct port_config *config, struct memif_socket **out,
		     char *err, size_t err_len);
const char *memif_socket_path(const struct memif_socket *socket);
// The last one to put it closes it, and removes its file.
void memif_socket_put(struct memif_socket *socket);
// Those that could not accept try again.
void memif_sockets_look(void);

#endif
