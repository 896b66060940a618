// Settings on disk: texts by key, beside what the database says of itself.
#include "ctl/swctld/db_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define IDENTITY "identity"

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

uint64_t db_identity(struct db *db)
{
	char made[24], *kept = NULL;
	uint64_t identity = 0;
	if (db_setting_get(db, IDENTITY, &kept) == 0 && kept)
		identity = strtoull(kept, NULL, 16);
	free(kept);
	if (identity || getrandom(&identity, sizeof(identity), 0) != sizeof(identity))
		return identity;
	snprintf(made, sizeof(made), "%" PRIx64, identity);
	db_setting_put(db, IDENTITY, made); // on a full disk the next start makes another
	return identity;
}
