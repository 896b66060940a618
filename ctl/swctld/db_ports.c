// Ports on disk.
#include "ctl/swctld/db_run.h"

#include <errno.h>
#include <string.h>

int db_port_number(struct db *db, const char *name, uint32_t *no)
{
	int64_t value = 0;
	sqlite3_bind_text(db->statements[ST_PORT_KNOWN], 1, name, -1, SQLITE_STATIC);
	int err = db_run_int(db, ST_PORT_KNOWN, &value);
	if (!err && value == 0) {
		err = db_run_int(db, ST_PORT_NEXT, &value);
		if (!err && value > DB_PORT_NO_MAX)
			err = db_run_int(db, ST_PORT_OLDEST, &value);
	}
	if (!err && value == 0) {
		snprintf(db->error, sizeof(db->error),
			 "all %d port numbers are in use; remove a port", DB_PORT_NO_MAX);
		err = -ENOSPC;
	}
	*no = (uint32_t)value;
	return err;
}

static int take_name(sqlite3_stmt *st, void *arg)
{
	char **name = arg;
	*name = strdup(db_column_text(st, 0));
	return 0;
}

char *db_port_gone_name(struct db *db, uint32_t no)
{
	char *name = NULL;
	sqlite3_bind_int64(db->statements[ST_PORT_GONE], 1, no);
	db_run_each(db, ST_PORT_GONE, take_name, &name);
	return name;
}

static int port_insert(struct db *db, const struct db_port *port)
{
	sqlite3_stmt *forget = db->statements[ST_PORT_FORGET];
	sqlite3_bind_int64(forget, 1, port->no);
	sqlite3_bind_text(forget, 2, port->name, -1, SQLITE_STATIC);
	int err = db_run(db, ST_PORT_FORGET);
	if (err)
		return err;
	sqlite3_stmt *st = db->statements[ST_PORT_INSERT];
	sqlite3_bind_int64(st, 1, port->no);
	sqlite3_bind_text(st, 2, port->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, port->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, port->options, -1, SQLITE_STATIC);
	return db_run(db, ST_PORT_INSERT);
}

int db_port_insert(struct db *db, const struct db_port *port)
{
	int err = db_begin(db);
	if (err)
		return err;
	err = port_insert(db, port);
	if (!err)
		err = db_commit(db);
	if (err)
		db_rollback(db);
	return err;
}

int db_port_delete(struct db *db, uint32_t no)
{
	sqlite3_bind_int64(db->statements[ST_PORT_DELETE], 1, no);
	return db_run(db, ST_PORT_DELETE);
}

struct port_visit {
	int (*fn)(const struct db_port *, void *);
	void *arg;
};

static int port_row(sqlite3_stmt *st, void *arg)
{
	const struct port_visit *visit = arg;
	struct db_port port = {
	    .no = (uint32_t)sqlite3_column_int64(st, 0),
	    .name = db_column_text(st, 1),
	    .kind = db_column_text(st, 2),
	    .options = db_column_text(st, 3),
	};
	return visit->fn(&port, visit->arg);
}

int db_ports_each(struct db *db, int (*fn)(const struct db_port *port, void *arg), void *arg)
{
	struct port_visit visit = {fn, arg};
	return db_run_each(db, ST_PORTS, port_row, &visit);
}
