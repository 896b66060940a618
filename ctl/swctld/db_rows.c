// Rules, groups and meters on disk: rows of an id and a text.
#include "ctl/swctld/db_run.h"

#include <errno.h>
#include <stdio_ext.h>

static int put(struct db *db, enum statement which, const struct db_row *row)
{
	sqlite3_stmt *st = db->statements[which];
	sqlite3_bind_int64(st, 1, row->id);
	sqlite3_bind_text(st, 2, row->text, (int)row->len, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, row->created_ms);
	if (row->modified_ms != row->created_ms)
		sqlite3_bind_int64(st, 4, row->modified_ms);
	return db_run(db, which);
}

int db_row_add(struct db *db, enum db_table table, const struct db_row *row)
{
	return put(db, ST_ADD + table, row);
}

int db_row_set(struct db *db, enum db_table table, const struct db_row *row)
{
	return put(db, ST_SET + table, row);
}

int db_row_delete(struct db *db, enum db_table table, int64_t id)
{
	enum statement which = ST_DELETE + table;
	sqlite3_bind_int64(db->statements[which], 1, id);
	return db_run(db, which);
}

struct visit {
	int (*fn)(const struct db_row *, void *);
	void *arg;
};

static int visit_row(sqlite3_stmt *st, void *arg)
{
	const struct visit *visit = arg;
	struct db_row row = {
	    .id = sqlite3_column_int64(st, 0),
	    .text = db_column_text(st, 1),
	    .len = (size_t)sqlite3_column_bytes(st, 1),
	    .created_ms = sqlite3_column_int64(st, 2),
	    .modified_ms = sqlite3_column_int64(st, 3),
	};
	return visit->fn(&row, visit->arg);
}

int db_rows_each(struct db *db, enum db_table table, int (*fn)(const struct db_row *row, void *arg),
		 void *arg)
{
	struct visit visit = {fn, arg};
	return db_run_each(db, ST_EACH + table, visit_row, &visit);
}

FILE *db_text_begin(struct db *db)
{
	if (!db->text) {
		db->text = open_memstream(&db->text_buf, &db->text_len);
		if (db->text)
			__fsetlocking(db->text, FSETLOCKING_BYCALLER); // one thread
	}
	if (db->text)
		rewind(db->text);
	return db->text;
}

static int text_end(struct db *db, struct db_row *row)
{
	if (fflush(db->text) == EOF)
		return -ENOMEM;
	row->text = db->text_buf;
	row->len = db->text_len;
	return 0;
}

int db_text_add(struct db *db, enum db_table table, struct db_row row)
{
	int err = text_end(db, &row);
	return err ? err : db_row_add(db, table, &row);
}

int db_text_set(struct db *db, enum db_table table, struct db_row row)
{
	int err = text_end(db, &row);
	return err ? err : db_row_set(db, table, &row);
}
