// Settings of the poll-mode threads while swd is away: what is taken, stored and found again.
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/pmd_settings.h"
#include "ctl/swctld/revalidate.h"

#include "tests/unit/ctl/control_fixture.h"

#include <event2/event.h>

static char err[512];

static int setup(void **arg)
{
	control_setup(arg);
	struct control *c = *arg;
	c->d.run_dir = "/nonexistent";
	c->d.base = event_base_new();
	c->d.revalidator = revalidator_create(&c->d);
	c->d.datapath = datapath_create(&c->d);
	c->d.pmd_settings = pmd_settings_create();
	return 0;
}

static int teardown(void **arg)
{
	struct control *c = *arg;
	pmd_settings_destroy(c->d.pmd_settings);
	datapath_destroy(c->d.datapath);
	revalidator_destroy(c->d.revalidator);
	event_base_free(c->d.base);
	return control_teardown(arg);
}

static void add_port(struct control *c, const char *name, const char *queues)
{
	json_t *options = json_pack("{s:s}", "queues", queues);
	struct port *port = port_make(c->d.ports, name, "null", options, err, sizeof(err));
	assert_non_null(port);
	assert_int_equal(ports_add(c->d.ports, port), 0);
	json_decref(options);
}

static int change(struct control *c, const char *params)
{
	json_t *json = json_loads(params, 0, NULL);
	assert_non_null(json);
	err[0] = '\0';
	int rc = pmd_settings_change(&c->d, json, err, sizeof(err));
	json_decref(json);
	return rc;
}

static void assert_settings(struct control *c, const char *expected)
{
	json_t *json = pmd_settings_json(&c->d);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

// As a daemon that starts.
static void load_again(struct control *c)
{
	pmd_settings_destroy(c->d.pmd_settings);
	c->d.pmd_settings = pmd_settings_create();
	assert_int_equal(pmd_settings_load(&c->d, err, sizeof(err)), 0);
}

#define DEFAULTS                                                                         \
	"{\"cores\":\"\",\"idle_us\":0,\"isolated\":\"\",\"pins\":[],\"rebalance_s\":0," \
	"\"sleep_us\":50}"

static void what_was_set_is_found_again(void **arg)
{
	struct control *c = *arg;
	load_again(c);
	assert_settings(c, DEFAULTS);
	add_port(c, "a", "4");
	assert_int_equal(change(c, "{\"cores\":\"1,3-5\",\"isolated\":\"5\",\"rebalance_s\":10}"),
			 0);
	assert_int_equal(change(c, "{\"port\":\"a\",\"queue\":3,\"core\":\"5\"}"), 0);
	assert_int_equal(change(c, "{\"port\":\"a\",\"queue\":3,\"core\":\"4\"}"), 0);
	assert_int_equal(change(c, "{\"port\":\"a\",\"queue\":0,\"core\":\"5\"}"), 0);
	load_again(c);
	assert_settings(c, "{\"cores\":\"1,3-5\",\"idle_us\":0,\"isolated\":\"5\",\"pins\":["
			   "{\"core\":4,\"port\":\"a\",\"queue\":3},"
			   "{\"core\":5,\"port\":\"a\",\"queue\":0}],"
			   "\"rebalance_s\":10,\"sleep_us\":50}");
	assert_int_equal(change(c, "{\"port\":\"a\",\"queue\":0,\"core\":\"any\"}"), 0);
	assert_int_equal(change(c, "{\"cores\":\"default\",\"isolated\":\"none\"}"), 0);
	pmd_settings_forget_port(&c->d, "a");
	load_again(c);
	assert_settings(c, "{\"cores\":\"\",\"idle_us\":0,\"isolated\":\"\",\"pins\":[],"
			   "\"rebalance_s\":10,\"sleep_us\":50}");
}

static void what_does_not_do_changes_nothing(void **arg)
{
	static const char *const bad[][2] = {
	    {"{}", "nothing to set"},
	    {"{\"cores\":\"\"}", "--cores: core list \"\""},
	    {"{\"cores\":\"1024\"}", "--cores: core list \"1024\""},
	    {"{\"cores\":\"0-64\"}", "more than 64 cores"},
	    {"{\"isolated\":\"2-1\"}", "--isolated: core list"},
	    {"{\"idle_us\":-1}", "--idle-us takes 0 to"},
	    {"{\"sleep_us\":0}", "--sleep-us takes 1 to"},
	    {"{\"rebalance_s\":1099511627776}", "--rebalance-s takes 0 to"},
	    {"{\"cores\":\"1\",\"idle_us\":-1}", "--idle-us"},
	    {"{\"core\":\"1\"}", "go together"},
	    {"{\"queue\":0,\"core\":\"1\"}", "go together"},
	    {"{\"port\":\"b\",\"queue\":0,\"core\":\"1\"}", "port b: no such port"},
	    {"{\"port\":\"a\",\"queue\":4,\"core\":\"1\"}", "it has queues 0 to 3"},
	    {"{\"port\":\"a\",\"queue\":-1,\"core\":\"1\"}", "it has queues 0 to 3"},
	    {"{\"port\":\"a\",\"queue\":4294967296,\"core\":\"1\"}", "it has queues 0 to 3"},
	    {"{\"port\":\"c\",\"queue\":3,\"core\":\"1\"}", "no queue 3: it has queue 0 only"},
	    {"{\"port\":\"a\",\"queue\":0,\"core\":\"1-2\"}", "--core 1-2 does not do"},
	    {"{\"port\":\"a\",\"queue\":0,\"core\":\"x\"}", "--core x does not do"},
	};
	struct control *c = *arg;
	add_port(c, "a", "4");
	add_port(c, "c", "1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(change(c, bad[i][0]), -1);
		if (!strstr(err, bad[i][1]))
			fail_msg("%s: \"%s\" does not say %s", bad[i][0], err, bad[i][1]);
	}
	assert_settings(c, DEFAULTS);
}

static void a_full_disk_is_told_and_changes_nothing(void **arg)
{
	struct control *c = *arg;
	disk_room(wal_size(c->state));
	int rc = change(c, "{\"idle_us\":100}");
	disk_room(RLIM_INFINITY);
	assert_int_equal(rc, -1);
	assert_true(strlen(err) > 0);
	assert_settings(c, DEFAULTS);
}

static void what_an_older_version_did_not_store_is_as_if_unset(void **arg)
{
	struct control *c = *arg;
	assert_int_equal(db_setting_put(c->d.db, "pmd", "{\"cores\":\"2\",\"pins\":[]}"), 0);
	load_again(c);
	assert_settings(c, "{\"cores\":\"2\",\"idle_us\":0,\"isolated\":\"\",\"pins\":[],"
			   "\"rebalance_s\":0,\"sleep_us\":50}");
}

static void damaged_settings_do_not_keep_the_daemon_from_starting(void **arg)
{
	static const char *const damaged[] = {
	    "",
	    "x",
	    "[]",
	    "{\"cores\":1}",
	    "{\"cores\":\"1-\"}",
	    "{\"isolated\":null}",
	    "{\"idle_us\":\"0\"}",
	    "{\"idle_us\":-1}",
	    "{\"rebalance_s\":4294967296}",
	    "{\"pins\":{}}",
	    "{\"pins\":[1]}",
	    "{\"pins\":[{\"port\":\"a\",\"queue\":0}]}",
	    "{\"pins\":[{\"port\":\"a\",\"queue\":65536,\"core\":1}]}",
	    "{\"pins\":[{\"port\":\"a\",\"queue\":0,\"core\":-1}]}",
	};
	struct control *c = *arg;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		assert_int_equal(db_setting_put(c->d.db, "pmd", damaged[i]), 0);
		load_again(c);
		assert_settings(c, DEFAULTS);
	}
}

int main(void)
{
#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STATE(what_was_set_is_found_again),
	    WITH_STATE(what_does_not_do_changes_nothing),
	    WITH_STATE(a_full_disk_is_told_and_changes_nothing),
	    WITH_STATE(what_an_older_version_did_not_store_is_as_if_unset),
	    WITH_STATE(damaged_settings_do_not_keep_the_daemon_from_starting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
