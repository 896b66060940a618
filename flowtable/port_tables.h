// Which subtables have megaflows for which input port, and the lists of them that readers walk.
//
// A subtable belongs to a port as long as it has megaflows whose key names the port and whose mask
// covers it whole; what does not name a port belongs to one list more, which readers walk for every
// port. A subtable whose last megaflow of a port goes stays in that port's lists, idle, until half
// of them are; so deleting many megaflows costs few new lists. Control thread only.
#ifndef FLOWTABLE_PORT_TABLES_H
#define FLOWTABLE_PORT_TABLES_H

#include "flowtable/ranked_list.h"

struct flow_reader;

struct port_set {
	struct subtable **tables;
	uint16_t n, room;
	uint16_t n_idle;
};

struct port_tables {
	struct rcu *rcu;
	struct flow_reader *readers;
	uint64_t *memory_bytes;
	bool pending[MASKS_MAX]; // scratch: by subtable id
	struct port_set sets[N_PORT_LISTS];
};

static inline uint32_t port_list_of(uint32_t in_port)
{
	return in_port < PORT_LISTS ? in_port : LIST_BEYOND;
}

void port_tables_init(struct port_tables *pt, struct rcu *rcu, uint64_t *memory_bytes);
void port_tables_fini(struct port_tables *pt); // no reader is left

// A megaflow with this in_port goes into a subtable, or out of it. 0 or -ENOMEM. An added one must
// be counted before a reader has to find it.
int port_tables_add(struct port_tables *pt, struct subtable *st, uint32_t in_port);
void port_tables_del(struct port_tables *pt, struct subtable *st, uint32_t in_port);
// Takes a subtable without megaflows out of all lists; after a grace period no reader holds it. 0,
// or -ENOMEM: some list may still name it.
int port_tables_forget(struct port_tables *pt, struct subtable *st);

// Gives a reader its lists, from now on. 0 or -ENOMEM.
int port_tables_join(struct port_tables *pt, struct flow_reader *r);
void port_tables_leave(struct port_tables *pt, struct flow_reader *r); // it runs no more

#endif
