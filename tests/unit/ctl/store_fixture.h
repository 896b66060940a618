// Rules, groups and meters on a database of their own, changed by commands as swctl sends them.
#ifndef TESTS_UNIT_CTL_STORE_FIXTURE_H
#define TESTS_UNIT_CTL_STORE_FIXTURE_H

#include "ctl/swctld/change.h"

#include "tests/unit/ctl/state_fixture.h"

#include <errno.h>

#define STORE_RULES_MAX 1000

struct store {
	struct state *state;
	struct swctld d;
	struct of_error error; // of the last refusal
	size_t line;
};

static inline void store_load_at(struct store *s, uint64_t now_ms, int64_t wall_ms)
{
	char err[512];
	s->d.db = s->state->db;
	s->d.groups = groups_create(s->d.db);
	s->d.meters = meters_create(s->d.db);
	s->d.rules = rules_create(s->d.db, STORE_RULES_MAX);
	if (groups_load(s->d.groups, now_ms, wall_ms, err, sizeof(err)) < 0 ||
	    meters_load(s->d.meters, now_ms, wall_ms, err, sizeof(err)) < 0 ||
	    rules_load(s->d.rules, now_ms, wall_ms, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static inline void store_unload(struct store *s)
{
	rules_destroy(s->d.rules);
	groups_destroy(s->d.groups);
	meters_destroy(s->d.meters);
}

static inline int store_setup(void **arg)
{
	struct store *s = calloc(1, sizeof(*s));
	state_setup((void **)&s->state);
	store_load_at(s, clock_now_ms(), (int64_t)clock_read_ms(CLOCK_REALTIME));
	*arg = s;
	return 0;
}

static inline int store_teardown(void **arg)
{
	struct store *s = *arg;
	store_unload(s);
	state_teardown((void **)&s->state);
	free(s);
	return 0;
}

static inline void store_restart_at(struct store *s, uint64_t now_ms, int64_t wall_ms)
{
	store_unload(s);
	state_reopen(s->state);
	store_load_at(s, now_ms, wall_ms);
}

static inline void store_restart(struct store *s)
{
	store_restart_at(s, clock_now_ms(), (int64_t)clock_read_ms(CLOCK_REALTIME));
}

// All lines of a text as one change. 0 or -errno with s->error and s->line.
static inline int store_try(struct store *s, enum change_syntax syntax, const char *text,
			    struct rules_change *what)
{
	struct change c;
	memset(what, 0, sizeof(*what));
	s->error = (struct of_error){.column = 0};
	int err = change_begin(&c, &s->d, NULL, false);
	if (err)
		return err;
	err = change_lines(&c, syntax, text, strlen(text), &s->line, &s->error);
	if (err)
		change_abort(&c);
	else
		err = change_commit(&c, what);
	return err;
}

static inline struct rules_change store_run(struct store *s, enum change_syntax syntax,
					    const char *text)
{
	struct rules_change what;
	int err = store_try(s, syntax, text, &what);
	if (err)
		fail_msg("%d: line %zu: %s (%s)", err, s->line, s->error.text, db_error(s->d.db));
	return what;
}

static inline struct rules_change store_bundle(struct store *s, const char *text)
{
	return store_run(s, CHANGE_BUNDLE, text);
}

static inline struct rules_change store_add(struct store *s, const char *text)
{
	return store_run(s, CHANGE_FLOWS, text);
}

// The change is refused with this line, column and a text that has `why` in it, and does nothing.
static inline void store_refuse(struct store *s, enum change_syntax syntax, const char *text,
				size_t line, unsigned column, const char *why)
{
	struct rules_change what;
	unsigned n = rules_count(s->d.rules), n_groups = groups_count(s->d.groups);
	int err = store_try(s, syntax, text, &what);
	if (err != -EINVAL)
		fail_msg("%d for %s", err, text);
	if (s->line != line || s->error.column != column || !strstr(s->error.text, why))
		fail_msg("%s: line %zu column %u: %s", text, s->line, s->error.column,
			 s->error.text);
	assert_int_equal(rules_count(s->d.rules), n);
	assert_int_equal(groups_count(s->d.groups), n_groups);
}

// The one rule with this priority, or NULL.
static inline struct rule *store_find(const struct store *s, unsigned priority)
{
	size_t n;
	struct rule **list = rules_list(s->d.rules, NULL, false, &n), *found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (list[i]->cls.priority == priority) {
			assert_null(found);
			found = list[i];
		}
	}
	rules_list_free(list, n);
	return found;
}

// All rules, as add-flows takes them, in the order of dump-flows. malloc'd.
static inline char *store_dump(const struct store *s)
{
	size_t n, len;
	char *text;
	FILE *out = open_memstream(&text, &len);
	struct rule **list = rules_list(s->d.rules, NULL, false, &n);
	for (size_t i = 0; i < n; i++) {
		struct of_match match;
		struct of_flow_view view = rule_view(list[i], &match);
		of_flow_print(out, &view, NULL);
		fputc('\n', out);
	}
	rules_list_free(list, n);
	fclose(out);
	return text;
}

static inline void store_expect(const struct store *s, const char *expected)
{
	char *text = store_dump(s);
	assert_string_equal(text, expected);
	free(text);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

#endif
