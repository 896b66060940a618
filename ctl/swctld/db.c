#include "ctl/swctld/db.h"

#include "ctl/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 1000
#define APPLICATION_ID	0x73776374 // "swct"
#define TO_TEXT_(x)	#x
#define TO_TEXT(x)	TO_TEXT_(x)

// A removed port keeps its row, with the time of its removal, so that its number is not given to
// another name.
static const char schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE ports (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    "  options TEXT NOT NULL, removed_at INTEGER);"
    "CREATE TABLE rules (id INTEGER PRIMARY KEY AUTOINCREMENT, flow TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL);"
    "INSERT INTO meta VALUES ('created_by', 'swctld " SWD_VERSION "');"
    "INSERT INTO rules (flow, created_ms)"
    "  VALUES ('priority=0,actions=NORMAL', CAST(strftime('%s', 'now') AS INTEGER) * 1000);"
    "PRAGMA application_id = " TO_TEXT(APPLICATION_ID) ";"
						       "PRAGMA user_version = " TO_TEXT(
							   DB_SCHEMA_VERSION) ";";

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_RULE_INSERT,
	ST_RULE_DELETE,
	ST_RULES,
	ST_PORT_KNOWN,
	ST_PORT_NEXT,
	ST_PORT_OLDEST,
	ST_PORT_FORGET,
	ST_PORT_INSERT,
	ST_PORT_DELETE,
	ST_PORTS,
	N_STATEMENTS,
};

static const char *const statement_sql[N_STATEMENTS] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_RULE_INSERT] = "INSERT INTO rules (flow, created_ms) VALUES (?1, ?2)",
    [ST_RULE_DELETE] = "DELETE FROM rules WHERE id = ?1",
    [ST_RULES] = "SELECT id, created_ms, flow FROM rules ORDER BY id",
    [ST_PORT_KNOWN] = "SELECT number FROM ports WHERE name = ?1",
    [ST_PORT_NEXT] = "SELECT COALESCE(MAX(number), 0) + 1 FROM ports",
    [ST_PORT_OLDEST] = "SELECT number FROM ports WHERE removed_at IS NOT NULL"
		       " ORDER BY removed_at, number LIMIT 1",
    [ST_PORT_FORGET] =
	"DELETE FROM ports WHERE removed_at IS NOT NULL AND (number = ?1 OR name = ?2)",
    [ST_PORT_INSERT] = "INSERT INTO ports (number, name, kind, options) VALUES (?1, ?2, ?3, ?4)",
    [ST_PORT_DELETE] = "UPDATE ports SET removed_at = CAST(strftime('%s', 'now') AS INTEGER)"
		       " WHERE number = ?1 AND removed_at IS NULL",
    [ST_PORTS] = "SELECT number, name, kind, options FROM ports WHERE removed_at IS NULL"
		 " ORDER BY number",
};

struct db {
	sqlite3 *sqlite;
	char *path;
	sqlite3_stmt *statements[N_STATEMENTS];
	char error[512];
};

static const struct {
	int code; // SQLite's primary result code
	int err;
	const char *text;
} failures[] = {
    {SQLITE_FULL, -ENOSPC, "the disk is full; free some space and repeat"},
    {SQLITE_BUSY, -EBUSY, "it is in use by another process; stop that one first"},
    {SQLITE_READONLY, -EROFS, "it cannot be written; check its owner, mode and mount"},
    {SQLITE_NOTADB, -EINVAL, "it is not a database; name another file or remove it"},
    {SQLITE_CORRUPT, -EIO, "it is damaged; restore it from a backup or remove it"},
    {SQLITE_NOMEM, -ENOMEM, "out of memory"},
};

static int failed(struct db *db)
{
	int code = sqlite3_errcode(db->sqlite);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].code == (code & 0xff)) {
			snprintf(db->error, sizeof(db->error), "database %s: %s", db->path,
				 failures[i].text);
			return failures[i].err;
		}
	}
	int os = sqlite3_system_errno(db->sqlite);
	snprintf(db->error, sizeof(db->error), "database %s: %s%s%s; check the disk", db->path,
		 sqlite3_errmsg(db->sqlite), os ? ": " : "", os ? strerror(os) : "");
	return os == ENOSPC ? -ENOSPC : -EIO;
}

const char *db_error(const struct db *db)
{
	return db->error;
}

static int exec(struct db *db, const char *sql)
{
	return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db);
}

// One value of one row; -1 when there is none.
static int query_int(struct db *db, const char *sql, int *value)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL) != SQLITE_OK)
		return failed(db);
	int rc = sqlite3_step(st);
	*value = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
	int err = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : failed(db);
	sqlite3_finalize(st);
	return err;
}

// Runs a statement that returns no rows.
static int run(struct db *db, enum statement which)
{
	sqlite3_stmt *st = db->statements[which];
	int rc = sqlite3_step(st);
	int err = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : failed(db);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

// The first column of a statement's first row; 0 when there is none.
static int run_int(struct db *db, enum statement which, int64_t *value)
{
	sqlite3_stmt *st = db->statements[which];
	int rc = sqlite3_step(st);
	*value = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	int err = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : failed(db);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

// Creates the tables of a new file, or checks that they are ours. Inside a transaction.
static int check_schema(struct db *db)
{
	int version = -1, application = -1, tables = -1;
	int err = query_int(db, "PRAGMA user_version", &version);
	if (!err)
		err = query_int(db, "PRAGMA application_id", &application);
	if (!err)
		err = query_int(db, "SELECT COUNT(*) FROM sqlite_master", &tables);
	if (err)
		return err;
	if (tables == 0 && version == 0)
		return exec(db, schema);
	if (application != APPLICATION_ID) {
		snprintf(db->error, sizeof(db->error),
			 "database %s: it belongs to another program; name another file", db->path);
		return -EINVAL;
	}
	if (version > DB_SCHEMA_VERSION) {
		snprintf(db->error, sizeof(db->error),
			 "database %s: written by a newer swctld (its version is %d, this one "
			 "knows up to %d);"
			 " run that swctld or name another file",
			 db->path, version, DB_SCHEMA_VERSION);
		return -EINVAL;
	}
	return 0;
}

static int prepare_all(struct db *db)
{
	for (int i = 0; i < N_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db->sqlite, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->statements[i], NULL) != SQLITE_OK)
			return failed(db);
	}
	return 0;
}

static int open_file(struct db *db)
{
	// SQLite would create it readable by all; its journal files take their mode from it.
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		int err = -errno;
		snprintf(
		    db->error, sizeof(db->error),
		    "database %s: %s; check the folder, its owner and mode, or name another file",
		    db->path, strerror(-err));
		return err;
	}
	close(fd);
	if (sqlite3_open_v2(db->path, &db->sqlite, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return failed(db);
	sqlite3_extended_result_codes(db->sqlite, 1);
	// One that was just killed may not have gone quite yet.
	sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
	// The lock keeps a second swctld out; it ends with the process, however that ends.
	int err = exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;"
			   "BEGIN IMMEDIATE;");
	if (!err)
		err = check_schema(db);
	// The journal's mode is written into the file: not before it is known to be ours.
	if (!err)
		err = exec(db, "COMMIT; PRAGMA journal_mode = WAL;");
	return err ? err : prepare_all(db);
}

struct db *db_open(const char *path, char *err, size_t err_len)
{
	struct db *db = calloc(1, sizeof(*db));
	if (db)
		db->path = strdup(path);
	if (!db || !db->path) {
		snprintf(err, err_len, "out of memory");
		free(db);
		return NULL;
	}
	if (open_file(db) < 0) {
		snprintf(err, err_len, "%s", db->error);
		db_close(db);
		return NULL;
	}
	return db;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sqlite);
	free(db->path);
	free(db);
}

int db_begin(struct db *db)
{
	return run(db, ST_BEGIN);
}

int db_commit(struct db *db)
{
	return run(db, ST_COMMIT);
}

void db_rollback(struct db *db)
{
	// SQLite has rolled back by itself after some errors, and the error that led here is the
	// one to tell.
	if (sqlite3_get_autocommit(db->sqlite))
		return;
	sqlite3_step(db->statements[ST_ROLLBACK]);
	sqlite3_reset(db->statements[ST_ROLLBACK]);
}

int db_rule_insert(struct db *db, const char *flow, int64_t created_ms, int64_t *id)
{
	sqlite3_stmt *st = db->statements[ST_RULE_INSERT];
	sqlite3_bind_text(st, 1, flow, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, created_ms);
	int err = run(db, ST_RULE_INSERT);
	if (!err)
		*id = sqlite3_last_insert_rowid(db->sqlite);
	return err;
}

int db_rule_delete(struct db *db, int64_t id)
{
	sqlite3_bind_int64(db->statements[ST_RULE_DELETE], 1, id);
	return run(db, ST_RULE_DELETE);
}

// Steps through a query's rows with fn(statement, arg).
static int each(struct db *db, enum statement which, int (*row)(sqlite3_stmt *, void *), void *arg)
{
	sqlite3_stmt *st = db->statements[which];
	int rc, err = 0;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = row(st, arg);
		if (err)
			break;
	}
	if (!err && rc != SQLITE_DONE)
		err = failed(db);
	sqlite3_reset(st);
	return err;
}

static const char *column_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);
	return text ? (const char *)text : "";
}

struct rule_visit {
	int (*fn)(const struct db_rule *, void *);
	void *arg;
};

static int rule_row(sqlite3_stmt *st, void *arg)
{
	const struct rule_visit *visit = arg;
	struct db_rule rule = {
	    .id = sqlite3_column_int64(st, 0),
	    .created_ms = sqlite3_column_int64(st, 1),
	    .flow = column_text(st, 2),
	};
	return visit->fn(&rule, visit->arg);
}

int db_rules_each(struct db *db, int (*fn)(const struct db_rule *rule, void *arg), void *arg)
{
	struct rule_visit visit = {fn, arg};
	return each(db, ST_RULES, rule_row, &visit);
}

int db_port_number(struct db *db, const char *name, uint32_t *no)
{
	int64_t value = 0;
	sqlite3_bind_text(db->statements[ST_PORT_KNOWN], 1, name, -1, SQLITE_STATIC);
	int err = run_int(db, ST_PORT_KNOWN, &value);
	if (!err && value == 0) {
		err = run_int(db, ST_PORT_NEXT, &value);
		if (!err && value > DB_PORT_NO_MAX)
			err = run_int(db, ST_PORT_OLDEST, &value);
	}
	if (!err && value == 0) {
		snprintf(db->error, sizeof(db->error),
			 "all %d port numbers are in use; remove a port", DB_PORT_NO_MAX);
		err = -ENOSPC;
	}
	*no = (uint32_t)value;
	return err;
}

static int port_insert(struct db *db, const struct db_port *port)
{
	sqlite3_stmt *forget = db->statements[ST_PORT_FORGET];
	sqlite3_bind_int64(forget, 1, port->no);
	sqlite3_bind_text(forget, 2, port->name, -1, SQLITE_STATIC);
	int err = run(db, ST_PORT_FORGET);
	if (err)
		return err;
	sqlite3_stmt *st = db->statements[ST_PORT_INSERT];
	sqlite3_bind_int64(st, 1, port->no);
	sqlite3_bind_text(st, 2, port->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, port->kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, port->options, -1, SQLITE_STATIC);
	return run(db, ST_PORT_INSERT);
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
	return run(db, ST_PORT_DELETE);
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
	    .name = column_text(st, 1),
	    .kind = column_text(st, 2),
	    .options = column_text(st, 3),
	};
	return visit->fn(&port, visit->arg);
}

int db_ports_each(struct db *db, int (*fn)(const struct db_port *port, void *arg), void *arg)
{
	struct port_visit visit = {fn, arg};
	return each(db, ST_PORTS, port_row, &visit);
}
