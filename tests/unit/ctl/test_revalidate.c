// Translation as the daemon does it; swd is away.
#include "ctl/swctld/ports.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rules.h"

#include "tests/unit/ctl/state_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>

static void add_ports(struct ports *ports, unsigned n)
{
	char name[16], err[512];
	for (unsigned i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		struct port *port = port_make(ports, name, "dpdk", NULL, err, sizeof(err));
		assert_non_null(port);
		assert_int_equal(ports_add(ports, port), 0);
	}
}

// What `n` translations that fail write to stderr.
static const char *logged(struct swctld *d, unsigned n, const char *path)
{
	static char text[4096];
	static struct xlate_result result;
	struct flow_key key = {.in_port = 1};
	fflush(stderr);
	int saved = dup(STDERR_FILENO),
	    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, STDERR_FILENO);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(revalidate_translate(d->revalidator, &key, true, &result), -E2BIG);
		assert_int_equal(result.n_actions, 0);
	}
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	close(saved);
	close(fd);
	unlink(path);
	return text;
}

static void a_flood_to_too_many_ports_is_told_once(void **arg)
{
	struct state *state = *arg;
	char err[512], path[128];
	struct swctld d = {.db = state->db, .base = event_base_new()};
	snprintf(path, sizeof(path), "%s/log", state->dir);
	d.ports = ports_create(d.db);
	d.rules = rules_create(d.db);
	d.fdb = fdb_create();
	d.revalidator = revalidator_create(&d);
	assert_int_equal(rules_load(d.rules, 1000, 1000, err, sizeof(err)), 0);
	add_ports(d.ports, ACTIONS_MAX + 2);
	const char *text = logged(&d, 3, path);
	assert_non_null(
	    strstr(text, "rule \"priority=0 actions=NORMAL\" takes more than 256 actions"));
	assert_non_null(strstr(text, "(258 ports)"));
	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
	revalidator_destroy(d.revalidator);
	fdb_destroy(d.fdb);
	rules_destroy(d.rules);
	ports_destroy(d.ports);
	event_base_free(d.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_flood_to_too_many_ports_is_told_once, state_setup,
					    state_teardown),
	};
	return cmocka_run_group_tests_name("revalidate", tests, NULL, NULL);
}
