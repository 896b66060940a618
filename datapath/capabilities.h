// Capabilities (capabilities(7)): which of them swd keeps, and which ports need them. 0 or -errno
// with one line in err.
#ifndef DATAPATH_CAPABILITIES_H
#define DATAPATH_CAPABILITIES_H

#include <stddef.h>

// Gives up, for ever, what no part of swd needs. Before any thread is started.
int capabilities_keep(char *err, size_t err_len);
// Gives up all of the calling thread's: a thread that handles packets needs none.
void capabilities_drop(void);

// Adds to a refusal of a port which capabilities the kind needs and swd does not have, if any.
void capabilities_explain(const char *kind, char *err, size_t err_len);

#endif
