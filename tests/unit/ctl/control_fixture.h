// swctld's state without its services: a database, and rules, groups and ports in it.
#ifndef TESTS_UNIT_CTL_CONTROL_FIXTURE_H
#define TESTS_UNIT_CTL_CONTROL_FIXTURE_H

#include "ctl/swctld/change.h"
#include "ctl/swctld/daemon.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/meters.h"
#include "ctl/swctld/ports.h"

#include "tests/unit/ctl/state_fixture.h"
#include "tests/unit/ctl/stores.h"

struct control {
	struct swctld d;
	struct state *state;
};

static inline int control_setup(void **arg)
{
	struct control *c = calloc(1, sizeof(*c));
	char err[512];
	assert_int_equal(state_setup((void **)&c->state), 0);
	struct swctld *d = &c->d;
	d->db = c->state->db;
	stores_begin(d, RULES_MAX_DEFAULT, MASKS_MAX_DEFAULT);
	assert_int_equal(rules_load(d->rules, clock_now_ms(), 1000, err, sizeof(err)), 0);
	*arg = c;
	return 0;
}

static inline int control_teardown(void **arg)
{
	struct control *c = *arg;
	struct swctld *d = &c->d;
	stores_end(d);
	state_teardown((void **)&c->state);
	free(c);
	return 0;
}

// Ports p1 to pN, with links.
static inline void control_ports(struct control *c, unsigned n)
{
	char name[16], err[512];
	json_t *options = json_pack("{s:s}", "devargs", "net_null0");
	for (unsigned i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		struct port *port = port_make(c->d.ports, name, "dpdk", options, err, sizeof(err));
		assert_non_null(port);
		assert_int_equal(ports_add(c->d.ports, port), 0);
		ports_set_up(c->d.ports, port, true);
	}
	json_decref(options);
}

// Lines of a bundle: "flow add ...", "flow delete ...", "group add ...".
static inline struct rules_change control_change(struct control *c, const char *lines)
{
	struct of_ports names = ports_names(c->d.ports);
	struct rules_change what = {0};
	struct of_error error = {0};
	struct change change;
	size_t line;
	assert_int_equal(change_begin(&change, &c->d, &names, false), 0);
	if (change_lines(&change, CHANGE_BUNDLE, lines, strlen(lines), &line, &error) < 0)
		fail_msg("line %zu: %s", line, error.text);
	assert_int_equal(change_commit(&change, &what), 0);
	return what;
}

#endif
