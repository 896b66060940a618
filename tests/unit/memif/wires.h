// Two wires on the same memory: a client's, and that of the server which it tells of it.
#ifndef TESTS_UNIT_MEMIF_WIRES_H
#define TESTS_UNIT_MEMIF_WIRES_H

#include "datapath/eventfd_kick.h"
#include "memif/memif_wire.h"
#include "tests/unit/memif/memif_test.h"

#include <unistd.h>

struct wires {
	struct memif_wire *client, *server;
};

static inline struct wires wires_make(const struct memif_layout *layout)
{
	char err[160] = "";
	struct wires w = {memif_wire_create(true), memif_wire_create(false)};
	assert_true(w.client && w.server && eventfd_kick_init(err, sizeof(err)) == 0);
	int rc = memif_wire_make(w.client, layout, err, sizeof(err));
	for (unsigned i = 0; rc == 0; i++) {
		struct memif_msg msg = {0};
		int fd;
		if (!memif_wire_message(w.client, i, &msg, &fd))
			break;
		rc = msg.type == MEMIF_ADD_REGION
			 ? memif_wire_add_region(w.server, &msg, dup(fd), err, sizeof(err))
			 : memif_wire_add_ring(w.server, &msg, dup(fd), MEMIF_QUEUES_MAX, err,
					       sizeof(err));
	}
	if (rc == 0)
		rc = memif_wire_start(w.server, err, sizeof(err));
	if (rc == 0)
		rc = memif_wire_start(w.client, err, sizeof(err));
	if (rc < 0)
		fail_msg("%s", err);
	return w;
}

static inline void wires_unmake(const struct wires *w)
{
	memif_wire_destroy(w->client);
	memif_wire_destroy(w->server);
}

#endif
