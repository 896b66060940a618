// Settings on disk: texts by key, beside what the database says of itself.
#include "ctl/swctld/db_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int db_setting_put(struct db *db, const char *key, const char *text)
{
	sqlite3_stmt *st = db->statements[ST_SETTING_PUT];
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, text, -1, SQLITE_STATIC);
	return db_run(db, ST_SETTING_PUT);
}

static int take_value(sqlite3_stmt *st, void *arg)
{
	char **text = arg;
	*text = strdup(db_column_text(st, 0));
	return *text ? 0 : -ENOMEM;
}

int db_setting_get(struct db *db, const char *key, char **text)
{
	sqlite3_stmt *st = db->statements[ST_SETTING_GET];
	*text = NULL;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	int err = db_run_each(db, ST_SETTING_GET, take_value, text);
	sqlite3_clear_bindings(st);
	return err;
}
