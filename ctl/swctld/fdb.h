// The forwarding database: which MAC was seen where, per VLAN. 300 s of silence forget an entry;
// 8192 entries at most: then the least recently seen of the port that
// has the most goes first.
#ifndef CTL_SWCTLD_FDB_H
#define CTL_SWCTLD_FDB_H

#include "flowtable/key.h"

#define FDB_IDLE_MS	(300 * 1000)
#define FDB_ENTRIES_MAX 8192

struct fdb;

struct fdb_entry {
	struct eth_addr mac;
	uint16_t vlan; // 0: untagged
	uint32_t port;
	uint64_t used_ms; // CLOCK_MONOTONIC
};

struct fdb *fdb_create(void);
void fdb_destroy(struct fdb *fdb);
// Learns or refreshes; never a multicast or zero source. true when what lookups give has changed
// (new, or moved).
bool fdb_learn(struct fdb *fdb, struct eth_addr mac, uint16_t vlan, uint32_t port, uint64_t now_ms);
// The port, or 0.
uint32_t fdb_lookup(const struct fdb *fdb, struct eth_addr mac, uint16_t vlan);
// Forgets what is idle, or what was seen on a port (port not 0). true when something went.
bool fdb_expire(struct fdb *fdb, uint64_t now_ms);
bool fdb_forget_port(struct fdb *fdb, uint32_t port);
// In the order of VLAN and MAC. Returns a malloc'd array of *n.
struct fdb_entry *fdb_list(const struct fdb *fdb, unsigned *n);

#endif
