#include "tests/unit/ctl/state_fixture.h"

#include <errno.h>
#include <sqlite3.h>

struct seen {
	unsigned n;
	int64_t last_id;
	char flow[64];
};

static int see_rule(const struct db_rule *rule, void *arg)
{
	struct seen *seen = arg;
	seen->n++;
	seen->last_id = rule->id;
	snprintf(seen->flow, sizeof(seen->flow), "%s", rule->flow);
	return 0;
}

static struct seen rules_of(struct state *s)
{
	struct seen seen = {0};
	assert_int_equal(db_rules_each(s->db, see_rule, &seen), 0);
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

static void rules_come_back_in_the_order_of_insertion(void **arg)
{
	struct state *s = *arg;
	int64_t first, second;
	assert_int_equal(db_rule_insert(s->db, "tcp,actions=drop", 1, &first), 0);
	assert_int_equal(db_rule_insert(s->db, "udp,actions=drop", 2, &second), 0);
	assert_true(second > first);
	state_reopen(s);
	struct seen seen = rules_of(s);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.last_id, second);
	assert_string_equal(seen.flow, "udp,actions=drop");
	assert_int_equal(db_rule_delete(s->db, second), 0);
	assert_int_equal(rules_of(s).n, 2);
}

static void rule_ids_are_never_given_twice(void **arg)
{
	struct state *s = *arg;
	int64_t first, second;
	assert_int_equal(db_rule_insert(s->db, "tcp,actions=drop", 1, &first), 0);
	assert_int_equal(db_rule_delete(s->db, first), 0);
	assert_int_equal(db_rule_insert(s->db, "tcp,actions=drop", 1, &second), 0);
	assert_true(second > first);
}

static void what_was_not_committed_is_gone(void **arg)
{
	struct state *s = *arg;
	int64_t id;
	assert_int_equal(db_begin(s->db), 0);
	assert_int_equal(db_rule_insert(s->db, "tcp,actions=drop", 1, &id), 0);
	db_rollback(s->db);
	assert_int_equal(rules_of(s).n, 1);
	assert_int_equal(db_begin(s->db), 0);
	assert_int_equal(db_rule_insert(s->db, "tcp,actions=drop", 1, &id), 0);
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

static void edit(struct state *s, const char *sql)
{
	sqlite3 *raw;
	db_close(s->db);
	s->db = NULL;
	assert_int_equal(sqlite3_open(s->path, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(raw);
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
	edit(s, "PRAGMA user_version = 1");
	state_open(s);
	assert_int_equal(rules_of(s).n, 1);
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
	int64_t id;
	disk_room(wal_size(s));
	int err = db_rule_insert(s->db, "tcp,actions=drop", 1, &id);
	disk_room(RLIM_INFINITY);
	assert_true(err < 0);
	assert_true(strlen(db_error(s->db)) > 0);
	assert_int_equal(rules_of(s).n, 1);
	assert_int_equal(db_rule_insert(s->db, "tcp,actions=drop", 1, &id), 0);
	state_reopen(s);
	assert_int_equal(rules_of(s).n, 2);
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, state_setup, state_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STATE(fresh_database_has_one_rule_normal),
	    WITH_STATE(its_file_is_for_its_owner_only),
	    WITH_STATE(rules_come_back_in_the_order_of_insertion),
	    WITH_STATE(rule_ids_are_never_given_twice),
	    WITH_STATE(what_was_not_committed_is_gone),
	    WITH_STATE(ports_come_back_until_they_are_deleted),
	    WITH_STATE(a_port_number_stays_with_its_name),
	    WITH_STATE(numbers_that_are_out_of_use_are_given_again_when_all_are_taken),
	    WITH_STATE(a_newer_version_is_refused_and_left_alone),
	    WITH_STATE(another_programs_database_is_refused_and_left_alone),
	    WITH_STATE(a_file_that_is_no_database_is_refused),
	    WITH_STATE(a_database_in_use_is_refused),
	    WITH_STATE(a_missing_folder_is_named),
	    WITH_STATE(a_full_disk_refuses_the_change_and_keeps_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
