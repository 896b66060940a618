// The durable state: ports, rules and settings in one SQLite file. A change is on disk when its
// commit has returned.
#ifndef CTL_SWCTLD_DB_H
#define CTL_SWCTLD_DB_H

#include <stddef.h>
#include <stdint.h>

#define DB_SCHEMA_VERSION 1
#define DB_PORT_NO_MAX	  1023 // swd's limit

struct db;

struct db_rule {
	int64_t id;	    // grows with each insertion
	int64_t created_ms; // wall clock, since 1970
	const char *flow;   // text of add-flow, ports as numbers
};

struct db_port {
	uint32_t no;
	const char *name, *kind;
	const char *options; // a JSON object
};

// Opens or creates (mode 0600) and locks the file; a fresh one holds one rule, priority=0
// actions=NORMAL. NULL with one line in err: no access, in use, not ours, written by a newer
// version.
struct db *db_open(const char *path, char *err, size_t err_len);
void db_close(struct db *db);
// Why the last call failed, one line with the mend.
const char *db_error(const struct db *db);

// All below: 0 or -errno (-ENOSPC: disk full). Changes outside begin .. commit are transactions of
// their own.
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db);

int db_rule_insert(struct db *db, const char *flow, int64_t created_ms, int64_t *id);
int db_rule_delete(struct db *db, int64_t id);
// Calls fn in the order of insertion; stops when it does not return 0, and returns that.
int db_rules_each(struct db *db, int (*fn)(const struct db_rule *rule, void *arg), void *arg);

// A number for a port of this name: the one it had when it was here before, else the next one that
// no port ever had, else the one that is out of use for longest. -ENOSPC when all are in use.
int db_port_number(struct db *db, const char *name, uint32_t *no);
int db_port_insert(struct db *db, const struct db_port *port);
int db_port_delete(struct db *db, uint32_t no); // its number stays reserved for its name
int db_ports_each(struct db *db, int (*fn)(const struct db_port *port, void *arg), void *arg);

#endif
