// swctld on lines of a control client, without the socket: JSON, parameters, all methods, the flow
// language in them, and changes of rules, groups, meters and ports. swd is away. Each line gets one
// line of JSON-RPC back, or none.
#include "ctl/log.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/db_run.h"
#include "ctl/swctld/fdb.h"
#include "ctl/swctld/frozen.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/live_trace.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/meters.h"
#include "ctl/swctld/pmd_settings.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rpc_server.h"
#include "ctl/swctld/rules.h"

#include "tests/unit/ctl/state_fixture.h"
#include "tests/unit/ctl/stores.h"

#include <event2/event.h>

#define LINES_MAX   16
#define RULES_MAX   200 // few, so that the bound is met
#define MASKS_MAX   64
#define N_PORTS	    3u
#define NOTHING_SQL "DELETE FROM rules; DELETE FROM groups; DELETE FROM meters; DELETE FROM ports;"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct swctld daemon_;
static const struct peer root = {.may_change = true};

static void sql(const char *text)
{
	assert_int_equal(sqlite3_exec(daemon_.db->sqlite, text, NULL, NULL, NULL), SQLITE_OK);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct state *state;

	(void)argc;
	(void)argv;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	log_init("fuzz", LOG_LEVEL_ERROR);
	state_setup((void **)&state);
	daemon_.run_dir = "/nonexistent";
	daemon_.db_path = strdup(state->path);
	daemon_.db = state->db;
	sql("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF");
	// What is open stays; nothing stays behind.
	state->db = NULL;
	return state_teardown((void **)&state);
}

// What swctl would have been asked for before.
static void call(const char *line)
{
	char *reply = rpc_dispatch(&daemon_, &root, line, strlen(line));

	assert_null(reply);
}

static void state_begin(struct swctld *d)
{
	char err[512];

	sql(NOTHING_SQL);
	d->base = event_base_new();
	stores_begin(d, RULES_MAX, MASKS_MAX);
	d->pmd_settings = pmd_settings_create();
	d->live_traces = live_traces_create(d);
	d->revalidator = revalidator_create(d);
	d->datapath = datapath_create(d);
	d->rpc = rpc_server_create(d);
	assert_int_equal(rules_load(d->rules, 1000, 1000, err, sizeof(err)), 0);
	for (unsigned i = 1; i <= N_PORTS; i++) {
		char line[160];

		snprintf(
		    line, sizeof(line),
		    "{\"jsonrpc\":\"2.0\",\"method\":\"port.add\",\"params\":{\"name\":\"p%u\","
		    "\"kind\":\"null\"}}",
		    i);
		call(line);
	}
	assert_int_equal(ports_count(d->ports), N_PORTS);
}

static void state_end(struct swctld *d)
{
	rpc_server_stop(d->rpc);
	datapath_destroy(d->datapath);
	revalidator_destroy(d->revalidator);
	live_traces_destroy(d->live_traces);
	stores_end(d);
	pmd_settings_destroy(d->pmd_settings);
	event_base_free(d->base);
}

static void check_reply(const char *text)
{
	json_t *reply = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *result = json_object_get(reply, "result"),
		     *error = json_object_get(reply, "error");

	assert_non_null(reply);
	assert_null(strchr(text, '\n'));
	assert_true(!result != !error);
	assert_non_null(json_object_get(reply, "id"));
	if (error) {
		const char *message = json_string_value(json_object_get(error, "message"));

		assert_true(message && message[0] && !strchr(message, '\n'));
		assert_int_not_equal(json_integer_value(json_object_get(error, "code")), 0);
	}
	json_decref(reply);
}

static void serve(const uint8_t *line, size_t len)
{
	char *copy = malloc(len ? len : 1); // it ends where the line ends

	memcpy(copy, line, len);
	char *reply = rpc_dispatch(&daemon_, &root, copy, len);
	free(copy);
	if (reply)
		check_reply(reply);
	free(reply);
}

// A new daemon for each input that changed something.
static void state_renew(void)
{
	static int n_changes = -1;

	if (n_changes == sqlite3_total_changes(daemon_.db->sqlite))
		return;
	if (n_changes >= 0)
		state_end(&daemon_);
	state_begin(&daemon_);
	n_changes = sqlite3_total_changes(daemon_.db->sqlite);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	state_renew();
	for (unsigned i = 0; size > 0 && i < LINES_MAX; i++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		serve(data, len);
		len += end ? 1 : 0;
		data += len;
		size -= len;
	}
	event_base_loop(daemon_.base, EVLOOP_NONBLOCK);
	return 0;
}
