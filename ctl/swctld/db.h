// The durable state: ports, rules, groups, meters and settings in one SQLite file. A change is on
// disk when its commit has returned.
#ifndef CTL_SWCTLD_DB_H
#define CTL_SWCTLD_DB_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DB_SCHEMA_VERSION 2
#define DB_PORT_NO_MAX	  1023 // swd's limit

struct db;

// Opens or creates (mode 0600) and locks the file; a fresh one holds one rule, priority=0
// actions=NORMAL; one of an older version is brought to this one. NULL with one line in err: no
// access, in use, not ours, written by a newer version.
struct db *db_open(const char *path, char *err, size_t err_len);
void db_close(struct db *db);
// Why the last call failed, one line with the mend.
const char *db_error(const struct db *db);

// All below: 0 or -errno (-ENOSPC: disk full). Changes outside begin .. commit are transactions of
// their own.
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db);

// Commits go to a log, which has to be moved into the file at times. grown(arg) is told when that
// is due: it calls db_checkpoint() soon, when nobody waits. Without it, a commit does that by
// itself.
void db_on_log_grown(struct db *db, void (*grown)(void *arg), void *arg);
void db_checkpoint(struct db *db);

// Things that have an id and a text: rules (the text of add-flow), groups, meters. Ports stand as
// numbers in it.
enum db_table { DB_RULES, DB_GROUPS, DB_METERS, DB_N_TABLES };

struct db_row {
	int64_t id;
	int64_t created_ms, modified_ms; // wall clock, since 1970
	const char *text;
	size_t len; // bytes of it, which need no end behind them
};

int db_row_add(struct db *db, enum db_table table, const struct db_row *row); // of a new id
int db_row_set(struct db *db, enum db_table table,
	       const struct db_row *row); // of one that is there
int db_row_delete(struct db *db, enum db_table table, int64_t id);
// Calls fn in the order of ids; stops when it does not return 0, and returns that.
int db_rows_each(struct db *db, enum db_table table, int (*fn)(const struct db_row *row, void *arg),
		 void *arg);

// What is printed becomes a row's text: db_text_begin() gives an empty stream, db_text_add() or
// db_text_set() takes it, with the id and times of `row`. One at a time.
FILE *db_text_begin(struct db *db); // NULL: out of memory
int db_text_add(struct db *db, enum db_table table, struct db_row row);
int db_text_set(struct db *db, enum db_table table, struct db_row row);

struct db_port {
	uint32_t no;
	const char *name, *kind;
	const char *options; // a JSON object
};

// A number for a port of this name: the one it had when it was here before, else the next one that
// no port ever had, else the one that is out of use for longest. -ENOSPC when all are in use.
int db_port_number(struct db *db, const char *name, uint32_t *no);
// Of a removed port whose number stays reserved: its name, malloc'd. NULL: there was none.
char *db_port_gone_name(struct db *db, uint32_t no);
int db_port_insert(struct db *db, const struct db_port *port);
int db_port_delete(struct db *db, uint32_t no); // its number stays reserved for its name
int db_ports_each(struct db *db, int (*fn)(const struct db_port *port, void *arg), void *arg);

// Settings: a text under a key.
int db_setting_put(struct db *db, const char *key, const char *text);
int db_setting_get(struct db *db, const char *key, char **text); // malloc'd; NULL: there is none

// A number that no other database has, made when it is asked for first.
uint64_t db_identity(struct db *db);

#endif
