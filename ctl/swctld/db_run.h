// Statements of the database, prepared once: what db.c shares with db_rows.c and db_ports.c.
#ifndef CTL_SWCTLD_DB_RUN_H
#define CTL_SWCTLD_DB_RUN_H

#include "ctl/swctld/db.h"

#include <sqlite3.h>

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_ADD, // one for each enum db_table, as the next three
	ST_SET = ST_ADD + DB_N_TABLES,
	ST_DELETE = ST_SET + DB_N_TABLES,
	ST_EACH = ST_DELETE + DB_N_TABLES,
	ST_PORT_KNOWN = ST_EACH + DB_N_TABLES,
	ST_PORT_NEXT,
	ST_PORT_OLDEST,
	ST_PORT_GONE,
	ST_PORT_FORGET,
	ST_PORT_INSERT,
	ST_PORT_DELETE,
	ST_PORTS,
	ST_SETTING_PUT,
	ST_SETTING_GET,
	N_STATEMENTS,
};

struct db {
	sqlite3 *sqlite;
	char *path;
	sqlite3_stmt *statements[N_STATEMENTS];
	FILE *text; // into text_buf
	char *text_buf;
	size_t text_len;
	void (*grown)(void *arg);
	void *grown_arg;
	char error[512];
};

// Fills db->error in for the last failure; returns its -errno.
int db_failed(struct db *db);
// Runs a statement that returns no rows.
int db_run(struct db *db, enum statement which);
// The first column of a statement's first row; 0 when there is none.
int db_run_int(struct db *db, enum statement which, int64_t *value);
// Steps through a query's rows with row(statement, arg).
int db_run_each(struct db *db, enum statement which, int (*row)(sqlite3_stmt *, void *), void *arg);
const char *db_column_text(sqlite3_stmt *st, int column);

#endif
