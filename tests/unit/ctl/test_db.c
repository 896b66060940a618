#include "tests/unit/ctl/state_fixture.h"

#include <errno.h>
#include <sqlite3.h>

struct seen {
	unsigned n;
	int64_t last_id;
	char flow[64];
};

static int see_rule(const struct db_row *row, void *arg)
{
	struct seen *seen = arg;
	seen->n++;
	seen->last_id = row->id;
	snprintf(seen->flow, sizeof(seen->flow), "%s", row->text);
	return 0;
}

static int put(struct state *s, int64_t id, const char *text)
{
	struct db_row row = {id, 1, 1, text, strlen(text)};
	return db_row_add(s->db, DB_RULES, &row);
}

static struct seen rules_of(struct state *s)
{
	struct seen seen = {0};
	assert_int_equal(db_rows_each(s->db, DB_RULES, see_rule, &seen), 0);
	return seen;
}

static void fresh_database_has_one_rule_normal(void **arg)
{
	struct seen seen = rules_of(*arg);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.flow, "priority=0,actions=NORMAL");
}

static void its_file_is_for_its_owner_only(void **arg)
{
	struct state *s = *arg;
	struct stat st;
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void rows_come_back_in_the_order_of_their_ids(void **arg)
{
	struct state *s = *arg;
	assert_int_equal(put(s, 9, "udp,actions=drop"), 0);
	assert_int_equal(put(s, 7, "tcp,actions=drop"), 0);
	state_reopen(s);
	struct seen seen = rules_of(s);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.last_id, 9);
	assert_string_equal(seen.flow, "udp,actions=drop");
	assert_int_equal(db_row_delete(s->db, DB_RULES, 9), 0);
	assert_int_equal(rules_of(s).n, 2);
}

static void a_row_may_be_set_but_not_added_again(void **arg)
{
	struct state *s = *arg;
	struct db_row row = {7, 1, 1, "udp,actions=drop", 16};
	assert_int_equal(put(s, 7, "tcp,actions=drop"), 0);
	assert_true(put(s, 7, "tcp,actions=drop") < 0);
	assert_int_equal(db_row_set(s->db, DB_RULES, &row), 0);
	struct seen seen = rules_of(s);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.flow, "udp,actions=drop");
}

static int see_times(const struct db_row *row, void *arg)
{
	int64_t *times = arg;
	times[0] = row->created_ms;
	times[1] = row->modified_ms;
	return 0;
}

static void rows_keep_both_of_their_times(void **arg)
{
	struct state *s = *arg;
	int64_t times[2];
	struct db_row row = {5, 1700000000000, 1700000000001, "group_id=5,type=all", 19};
	assert_int_equal(db_row_add(s->db, DB_GROUPS, &row), 0);
	assert_int_equal(db_rows_each(s->db, DB_GROUPS, see_times, times), 0);
	assert_true(times[0] == 1700000000000 && times[1] == 1700000000001);
	row.modified_ms = row.created_ms;
	assert_int_equal(db_row_set(s->db, DB_GROUPS, &row), 0);
	assert_int_equal(db_rows_each(s->db, DB_GROUPS, see_times, times), 0);
	assert_true(times[0] == 1700000000000 && times[1] == 1700000000000);
}

static void a_printed_text_is_a_row_whatever_was_printed_before(void **arg)
{
	struct state *s = *arg;
	fprintf(db_text_begin(s->db), "something long that is given up again");
	fprintf(db_text_begin(s->db), "tcp,actions=%s", "drop");
	assert_int_equal(db_text_add(s->db, DB_RULES, (struct db_row){.id = 5}), 0);
	assert_string_equal(rules_of(s).flow, "tcp,actions=drop");
}

static void what_was_not_committed_is_gone(void **arg)
{
	struct state *s = *arg;
	assert_int_equal(db_begin(s->db), 0);
	assert_int_equal(put(s, 7, "tcp,actions=drop"), 0);
	db_rollback(s->db);
	assert_int_equal(rules_of(s).n, 1);
	assert_int_equal(db_begin(s->db), 0);
	assert_int_equal(put(s, 7, "tcp,actions=drop"), 0);
	state_reopen(s); // as if it had died here
	assert_int_equal(rules_of(s).n, 1);
}

static int see_port(const struct db_port *port, void *arg)
{
	struct seen *seen = arg;
	seen->n++;
	seen->last_id = port->no;
	snprintf(seen->flow, sizeof(seen->flow), "%s %s %s", port->name, port->kind, port->options);
	return 0;
}

static uint32_t add_port(struct state *s, const char *name)
{
	struct db_port port = {.name = name, .kind = "dpdk", .options = "{}"};
	assert_int_equal(db_port_number(s->db, name, &port.no), 0);
	assert_int_equal(db_port_insert(s->db, &port), 0);
	return port.no;
}

static void ports_come_back_until_they_are_deleted(void **arg)
{
	struct state *s = *arg;
	struct seen seen = {0};
	uint32_t no = add_port(s, "vm1");
	state_reopen(s);
	assert_int_equal(db_ports_each(s->db, see_port, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last_id, no);
	assert_string_equal(seen.flow, "vm1 dpdk {}");
	assert_int_equal(db_port_delete(s->db, no), 0);
	seen.n = 0;
	assert_int_equal(db_ports_each(s->db, see_port, &seen), 0);
	assert_int_equal(seen.n, 0);
}

static void a_port_number_stays_with_its_name(void **arg)
{
	struct state *s = *arg;
	uint32_t one = add_port(s, "vm1"), two = add_port(s, "vm2");
	assert_int_not_equal(one, two);
	assert_int_equal(db_port_delete(s->db, two), 0);
	uint32_t three = add_port(s, "vm3");
	assert_int_not_equal(three, two);
	assert_int_equal(db_port_delete(s->db, one), 0);
	state_reopen(s);
	assert_int_equal(add_port(s, "vm2"), two);
	assert_int_equal(add_port(s, "vm1"), one);
}

static void numbers_that_are_out_of_use_are_given_again_when_all_are_taken(void **arg)
{
	struct state *s = *arg;
	char name[16];
	uint32_t no;
	assert_int_equal(db_begin(s->db), 0);
	db_rollback(s->db);
	for (int i = 1; i <= DB_PORT_NO_MAX; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(add_port(s, name), i);
	}
	assert_int_equal(db_port_number(s->db, "more", &no), -ENOSPC);
	assert_non_null(strstr(db_error(s->db), "in use"));
	assert_int_equal(db_port_delete(s->db, 500), 0);
	assert_int_equal(add_port(s, "more"), 500);
	assert_int_equal(db_port_number(s->db, "p500", &no), -ENOSPC);
}

static void edit_closed(struct state *s, const char *sql)
{
	sqlite3 *raw;
	s->db = NULL;
	assert_int_equal(sqlite3_open(s->path, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(raw);
}

static void edit(struct state *s, const char *sql)
{
	db_close(s->db);
	edit_closed(s, sql);
}

static void assert_refused(struct state *s, const char *why)
{
	char err[512] = "";
	assert_null(db_open(s->path, err, sizeof(err)));
	assert_non_null(strstr(err, s->path));
	if (!strstr(err, why))
		fail_msg("no \"%s\" in \"%s\"", why, err);
	assert_null(strchr(err, '\n'));
}

static void a_newer_version_is_refused_and_left_alone(void **arg)
{
	struct state *s = *arg;
	edit(s, "PRAGMA user_version = 99");
	assert_refused(s, "newer");
	assert_refused(s, "99");
	edit(s, "PRAGMA user_version = 2");
	state_open(s);
	assert_int_equal(rules_of(s).n, 1);
}

// What version 0.1.0 of the program wrote.
static const char version_1[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE ports (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    "  options TEXT NOT NULL, removed_at INTEGER);"
    "CREATE TABLE rules (id INTEGER PRIMARY KEY AUTOINCREMENT, flow TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL);"
    "INSERT INTO ports VALUES (3, 'vm1', 'dpdk', '{}', NULL), (4, 'old', 'dpdk', '{}', 77);"
    "INSERT INTO rules (flow, created_ms) VALUES ('priority=0,actions=NORMAL', 1),"
    "  ('priority=7,tcp actions=output:3', 1700000000000);"
    "DELETE FROM rules WHERE id = 1;"
    "PRAGMA application_id = 0x73776374; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;";

static void version_1_is_brought_to_this_one(void **arg)
{
	struct state *s = *arg;
	int64_t times[2];
	struct seen ports = {.n = 0};
	db_close(s->db);
	unlink(s->path);
	edit_closed(s, version_1);
	for (int i = 0; i < 2; i++) { // and stays so
		state_open(s);
		struct seen rules = rules_of(s);
		assert_int_equal(rules.n, 1);
		assert_int_equal(rules.last_id, 2);
		assert_string_equal(rules.flow, "priority=7,tcp actions=output:3");
		assert_int_equal(db_rows_each(s->db, DB_RULES, see_times, times), 0);
		assert_true(times[0] == 1700000000000 && times[1] == times[0]);
		if (i == 0)
			db_close(s->db);
	}
	assert_int_equal(db_ports_each(s->db, see_port, &ports), 0);
	assert_string_equal(ports.flow, "vm1 dpdk {}");
	assert_int_equal(add_port(s, "old"), 4);
	assert_int_equal(db_rows_each(s->db, DB_METERS, see_times, times), 0);
}

static void a_migration_that_the_disk_refuses_leaves_version_1(void **arg)
{
	struct state *s = *arg;
	char err[512] = "";
	struct stat st;
	db_close(s->db);
	s->db = NULL;
	unlink(s->path);
	edit_closed(s, version_1);
	edit_closed(s,
		    "PRAGMA journal_mode = DELETE;"
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
		    "  INSERT INTO rules (flow, created_ms) SELECT 'tcp actions=drop', i FROM n;");
	assert_int_equal(stat(s->path, &st), 0);
	disk_room((rlim_t)st.st_size);
	struct db *db = db_open(s->path, err, sizeof(err));
	disk_room(RLIM_INFINITY);
	assert_null(db);
	assert_true(strlen(err) > 0);
	state_open(s);
	assert_int_equal(rules_of(s).n, 2001);
}

static void another_programs_database_is_refused_and_left_alone(void **arg)
{
	struct state *s = *arg;
	unsigned char header[20] = {0};
	edit(s, "PRAGMA application_id = 5; PRAGMA journal_mode = DELETE");
	assert_refused(s, "another program");
	FILE *file = fopen(s->path, "rb");
	assert_non_null(file);
	assert_int_equal(fread(header, sizeof(header), 1, file), 1);
	fclose(file);
	assert_int_equal(header[18], 1); // SQLite's file format, 1.3.3: no WAL
}

static void a_file_that_is_no_database_is_refused(void **arg)
{
	struct state *s = *arg;
	db_close(s->db);
	s->db = NULL;
	FILE *file = fopen(s->path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("not a database. ", file);
	fclose(file);
	assert_refused(s, "not a database");
}

static void a_database_in_use_is_refused(void **arg)
{
	assert_refused(*arg, "in use");
}

static void a_missing_folder_is_named(void **arg)
{
	struct state *s = *arg, gone = {0};
	snprintf(gone.path, sizeof(gone.path), "%s/no/db", s->dir);
	assert_refused(&gone, "No such file");
}

static void a_full_disk_refuses_the_change_and_keeps_the_rest(void **arg)
{
	struct state *s = *arg;
	disk_room(wal_size(s));
	int err = put(s, 7, "tcp,actions=drop");
	disk_room(RLIM_INFINITY);
	assert_true(err < 0);
	assert_true(strlen(db_error(s->db)) > 0);
	assert_int_equal(rules_of(s).n, 1);
	assert_int_equal(put(s, 7, "tcp,actions=drop"), 0);
	state_reopen(s);
	assert_int_equal(rules_of(s).n, 2);
}

static void told(void *arg)
{
	++*(unsigned *)arg;
}

static void a_grown_log_is_moved_when_its_owner_says_so(void **arg)
{
	struct state *s = *arg;
	unsigned n = 0;
	char text[] = "tcp,nw_src=10.0.0.1,actions=drop";
	db_on_log_grown(s->db, told, &n);
	assert_int_equal(db_begin(s->db), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(put(s, i + 10, text), 0);
	assert_int_equal(n, 0);
	assert_int_equal(db_commit(s->db), 0);
	assert_int_equal(n, 1);
	assert_true(wal_size(s) > 1 << 20);
	db_checkpoint(s->db);
	assert_int_equal(wal_size(s), 0);
	state_reopen(s);
	assert_int_equal(rules_of(s).n, 100001);
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, state_setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STATE(fresh_database_has_one_rule_normal),
	    WITH_STATE(its_file_is_for_its_owner_only),
	    WITH_STATE(rows_come_back_in_the_order_of_their_ids),
	    WITH_STATE(a_row_may_be_set_but_not_added_again),
	    WITH_STATE(rows_keep_both_of_their_times),
	    WITH_STATE(a_printed_text_is_a_row_whatever_was_printed_before),
	    WITH_STATE(what_was_not_committed_is_gone),
	    WITH_STATE(ports_come_back_until_they_are_deleted),
	    WITH_STATE(a_port_number_stays_with_its_name),
	    WITH_STATE(numbers_that_are_out_of_use_are_given_again_when_all_are_taken),
	    WITH_STATE(a_newer_version_is_refused_and_left_alone),
	    WITH_STATE(version_1_is_brought_to_this_one),
	    WITH_STATE(a_migration_that_the_disk_refuses_leaves_version_1),
	    WITH_STATE(another_programs_database_is_refused_and_left_alone),
	    WITH_STATE(a_file_that_is_no_database_is_refused),
	    WITH_STATE(a_database_in_use_is_refused),
	    WITH_STATE(a_missing_folder_is_named),
	    WITH_STATE(a_full_disk_refuses_the_change_and_keeps_the_rest),
	    WITH_STATE(a_grown_log_is_moved_when_its_owner_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
