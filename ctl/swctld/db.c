#include "ctl/swctld/db_run.h"

#include "ctl/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 1000
#define LOG_PAGES_MAX	1000	   // then it is moved into the file
#define APPLICATION_ID	0x73776374 // "swct"
#define TO_TEXT_(x)	#x
#define TO_TEXT(x)	TO_TEXT_(x)

// A removed port keeps its row, with the time of its removal, so that its number is not given to
// another name.
static const char schema_ports[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE ports (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    "  options TEXT NOT NULL, removed_at INTEGER);"
    "INSERT INTO meta VALUES ('created_by', 'swctld " SWD_VERSION "');";

// modified_ms is there when it is not created_ms.
#define TEXTS(name)                                                              \
	"CREATE TABLE \"" name "\" (id INTEGER PRIMARY KEY, text TEXT NOT NULL," \
	"  created_ms INTEGER NOT NULL, modified_ms INTEGER);"
static const char schema_texts[] = TEXTS("rules") TEXTS("groups") TEXTS("meters");

static const char first_rule[] =
    "INSERT INTO rules (text, created_ms)"
    "  VALUES ('priority=0,actions=NORMAL', CAST(strftime('%s', 'now') AS INTEGER) * 1000);";

// Version 1 had no groups and meters, and rules (id, flow, created_ms).
static const char before_version_2[] = "ALTER TABLE rules RENAME TO rules_1;";
static const char after_version_2[] =
    "INSERT INTO rules (id, text, created_ms) SELECT id, flow, created_ms FROM rules_1;"
    "DROP TABLE rules_1;";

static const char stamp[] = "PRAGMA application_id = " TO_TEXT(
    APPLICATION_ID) ";"
		    "PRAGMA user_version = " TO_TEXT(DB_SCHEMA_VERSION) ";";

static const char *const statement_sql[N_STATEMENTS] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
#define TEXT_STATEMENTS(table, name)                                                         \
	[ST_ADD + (table)] = "INSERT INTO \"" name "\""                                      \
			     " (id, text, created_ms, modified_ms) VALUES (?1, ?2, ?3, ?4)", \
		  [ST_SET + (table)] =                                                       \
		      "UPDATE \"" name "\""                                                  \
		      " SET text = ?2, created_ms = ?3, modified_ms = ?4 WHERE id = ?1",     \
		  [ST_DELETE + (table)] = "DELETE FROM \"" name "\" WHERE id = ?1",          \
		  [ST_EACH + (table)] =                                                      \
		      "SELECT id, text, created_ms, COALESCE(modified_ms, created_ms)"       \
		      " FROM \"" name "\" ORDER BY id"
    TEXT_STATEMENTS(DB_RULES, "rules"),
    TEXT_STATEMENTS(DB_GROUPS, "groups"),
    TEXT_STATEMENTS(DB_METERS, "meters"),
    [ST_PORT_KNOWN] = "SELECT number FROM ports WHERE name = ?1",
    [ST_PORT_NEXT] = "SELECT COALESCE(MAX(number), 0) + 1 FROM ports",
    [ST_PORT_OLDEST] = "SELECT number FROM ports WHERE removed_at IS NOT NULL"
		       " ORDER BY removed_at, number LIMIT 1",
    [ST_PORT_GONE] = "SELECT name FROM ports WHERE number = ?1 AND removed_at IS NOT NULL",
    [ST_PORT_FORGET] =
	"DELETE FROM ports WHERE removed_at IS NOT NULL AND (number = ?1 OR name = ?2)",
    [ST_PORT_INSERT] = "INSERT INTO ports (number, name, kind, options) VALUES (?1, ?2, ?3, ?4)",
    [ST_PORT_DELETE] = "UPDATE ports SET removed_at = CAST(strftime('%s', 'now') AS INTEGER)"
		       " WHERE number = ?1 AND removed_at IS NULL",
    [ST_PORTS] = "SELECT number, name, kind, options FROM ports WHERE removed_at IS NULL"
		 " ORDER BY number",
    [ST_SETTING_PUT] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
    [ST_SETTING_GET] = "SELECT value FROM meta WHERE key = ?1",
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

int db_failed(struct db *db)
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
	return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_failed(db);
}

// One value of one row; -1 when there is none.
static int query_int(struct db *db, const char *sql, int *value)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL) != SQLITE_OK)
		return db_failed(db);
	int rc = sqlite3_step(st);
	*value = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
	int err = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_failed(db);
	sqlite3_finalize(st);
	return err;
}

int db_run(struct db *db, enum statement which)
{
	sqlite3_stmt *st = db->statements[which];
	int rc = sqlite3_step(st);
	int err = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : db_failed(db);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

int db_run_int(struct db *db, enum statement which, int64_t *value)
{
	sqlite3_stmt *st = db->statements[which];
	int rc = sqlite3_step(st);
	*value = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	int err = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : db_failed(db);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

static int exec_all(struct db *db, const char *const *sql, size_t n)
{
	int err = 0;
	for (size_t i = 0; i < n && !err; i++)
		err = exec(db, sql[i]);
	return err;
}

static int create_schema(struct db *db)
{
	const char *const sql[] = {schema_ports, schema_texts, first_rule, stamp};
	return exec_all(db, sql, sizeof(sql) / sizeof(sql[0]));
}

// From version 1, the only older one.
static int migrate(struct db *db, int version)
{
	const char *const sql[] = {before_version_2, schema_texts, after_version_2, stamp};
	log_info("database %s: bringing it from version %d to %d", db->path, version,
		 DB_SCHEMA_VERSION);
	return exec_all(db, sql, sizeof(sql) / sizeof(sql[0]));
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
		return create_schema(db);
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
	return version < DB_SCHEMA_VERSION ? migrate(db, version) : 0;
}

static int prepare_all(struct db *db)
{
	for (int i = 0; i < N_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(db->sqlite, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->statements[i], NULL) != SQLITE_OK)
			return db_failed(db);
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
	if (sqlite3_open_v2(db->path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return db_failed(db);
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
	if (db->text)
		fclose(db->text);
	free(db->text_buf);
	free(db->path);
	free(db);
}

int db_begin(struct db *db)
{
	return db_run(db, ST_BEGIN);
}

int db_commit(struct db *db)
{
	return db_run(db, ST_COMMIT);
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

static int on_commit(void *arg, sqlite3 *sqlite, const char *name, int n_pages)
{
	struct db *db = arg;
	(void)sqlite;
	(void)name;
	if (n_pages >= LOG_PAGES_MAX)
		db->grown(db->grown_arg);
	return SQLITE_OK;
}

void db_on_log_grown(struct db *db, void (*grown)(void *arg), void *arg)
{
	db->grown = grown;
	db->grown_arg = arg;
	sqlite3_wal_hook(db->sqlite, on_commit, db); // in place of SQLite's own
}

void db_checkpoint(struct db *db)
{
	int rc =
	    sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	// What is committed is safe in the log.
	if (rc != SQLITE_OK && db_failed(db) < 0)
		log_warn("the log of the database stays: %s", db->error);
}

int db_run_each(struct db *db, enum statement which, int (*row)(sqlite3_stmt *, void *), void *arg)
{
	sqlite3_stmt *st = db->statements[which];
	int rc, err = 0;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = row(st, arg);
		if (err)
			break;
	}
	if (!err && rc != SQLITE_DONE)
		err = db_failed(db);
	sqlite3_reset(st);
	return err;
}

const char *db_column_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);
	return text ? (const char *)text : "";
}
