// Ports as the database has them when the daemon starts.
#include "ctl/swctld/ports.h"

#include "tests/unit/ctl/state_fixture.h"

static char err[512];

static void put(struct state *s, uint32_t no, const char *name, const char *kind,
		const char *options)
{
	struct db_port row = {no, name, kind, options};
	assert_int_equal(db_port_insert(s->db, &row), 0);
}

// swd refuses them and says why in list-ports; here they can be looked at and deleted.
static void ports_of_another_version_are_kept(void **arg)
{
	struct state *s = *arg;
	struct ports *ports = ports_create(s->db);
	put(s, 1, "warp0", "warp-drive", "{\"factor\":\"9\"}");
	put(s, 2, "vm1", "vhost-user", "{\"path\":\"/x\",\"queues\":\"99\"}");
	put(s, 3, "vm2", "vhost-user", "{\"path\":\"/x\",\"tag\":\"10\",\"colour\":\"red\"}");
	assert_int_equal(ports_load(ports, err, sizeof(err)), 0);
	assert_int_equal(ports_count(ports), 3);
	assert_string_equal(ports_by_name(ports, "warp0")->kind, "warp-drive");
	assert_int_equal(ports_by_no(ports, 3)->xlate.tag, 10);
	assert_int_equal(ports_del(ports, ports_by_no(ports, 1)), 0);
	assert_null(port_make(ports, "warp0", "warp-drive", NULL, err, sizeof(err)));
	assert_non_null(strstr(err, "unknown kind \"warp-drive\""));
	ports_destroy(ports);
}

static void a_row_that_no_version_wrote_is_named(void **arg)
{
	static const struct {
		uint32_t no;
		const char *name, *options, *says;
	} rows[] = {
	    {1, "1a", "{}", "port name \"1a\""},
	    {1, "a", "[]", "port a in the database: its number or options are damaged"},
	    {1, "a", "{\"path\":1}", "option path: its value must be a string"},
	    {1, "a", "{\"tag\":\"5000\"}", "tag=5000"},
	    {DB_PORT_NO_MAX + 1, "a", "{}", "its number or options are damaged"},
	};
	struct state *s = *arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ports *ports = ports_create(s->db);
		put(s, rows[i].no, rows[i].name, "null", rows[i].options);
		assert_true(ports_load(ports, err, sizeof(err)) < 0);
		if (!strstr(err, rows[i].says))
			fail_msg("\"%s\" does not say %s", err, rows[i].says);
		assert_int_equal(db_port_delete(s->db, rows[i].no), 0);
		ports_destroy(ports);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(ports_of_another_version_are_kept, state_setup,
					    state_teardown),
	    cmocka_unit_test_setup_teardown(a_row_that_no_version_wrote_is_named, state_setup,
					    state_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
