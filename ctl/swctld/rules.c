#include "ctl/swctld/rules_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rules *rules_create(struct db *db, unsigned max)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return NULL;
	rules->db = db;
	rules->max = max;
	return rules;
}

void rules_keep_counts(struct rules *rules, struct counts *counts)
{
	rules->counts = counts;
}

static bool drop(struct cls_rule *cls, void *arg)
{
	struct rule ***end = arg;
	*(*end)++ = (struct rule *)cls;
	return true;
}

static void destroy_table(struct classifier *c)
{
	unsigned n = classifier_n_rules(c);
	struct rule **list = calloc(n + 1, sizeof(*list)), **end = list;
	if (!list)
		return; // out of memory at the end of all: the kernel takes it
	classifier_each(c, drop, &end);
	for (unsigned i = 0; i < n; i++) {
		classifier_del(c, &list[i]->cls);
		rule_unref(list[i]);
	}
	free(list);
	classifier_destroy(c);
}

void rules_destroy(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n_timed; i++)
		rule_unref(rules->timed[i]);
	for (unsigned t = 0; t <= OF_TABLE_MAX; t++) {
		if (rules->tables[t])
			destroy_table(rules->tables[t]);
	}
	free(rules->timed);
	free(rules->steps);
	free(rules);
}

const struct classifier *const *rules_tables(const struct rules *rules)
{
	return (const struct classifier *const *)rules->tables;
}

unsigned rules_count(const struct rules *rules)
{
	return rules->count;
}

struct rule *rules_find(const struct rules *rules, uint8_t table, const struct of_match *match,
			uint16_t priority)
{
	const struct classifier *c = rules->tables[table];
	return c ? (struct rule *)classifier_find(c, match, priority) : NULL;
}

struct rule *rules_find_same(const struct rules *rules, const struct rule *rule)
{
	const struct classifier *c = rules->tables[rule->table];
	return c ? (struct rule *)classifier_find_same(c, &rule->cls) : NULL;
}

int rules_insert(struct rules *rules, struct rule *rule)
{
	struct classifier **table = &rules->tables[rule->table];
	if (!*table)
		*table = classifier_create();
	if (!*table || classifier_add(*table, &rule->cls) < 0)
		return -ENOMEM;
	rules->count++;
	return 0;
}

void rules_remove(struct rules *rules, struct rule *rule)
{
	classifier_del(rules->tables[rule->table], &rule->cls);
	rules->count--;
}

int rules_time(struct rules *rules, struct rule *rule)
{
	if (rules->n_timed == rules->timed_room) {
		size_t room = rules->timed_room ? rules->timed_room * 2 : 64;
		struct rule **timed = reallocarray(rules->timed, room, sizeof(*timed));
		if (!timed)
			return -ENOMEM;
		rules->timed = timed;
		rules->timed_room = room;
	}
	rule_ref(rule);
	rules->timed[rules->n_timed++] = rule;
	return 0;
}

// The rule that counts for one that was modified, however often. From then on the one knows it at
// once, and those between go: modifications that change no action leave megaflows as they are, and
// would make a longer and longer chain.
static struct rule *last_successor(struct rule *rule)
{
	struct rule *last = rule, *next = rule->successor;
	while (last->removed && last->successor)
		last = last->successor;
	if (rule != last && next != last) {
		rule_ref(last);
		rule->successor = last;
		rule_unref(next);
	}
	return last;
}

void rules_hit(struct counts *counts, struct rule *rule, uint64_t packets, uint64_t bytes,
	       uint64_t used_ms)
{
	rule = last_successor(rule);
	rule->n_packets += packets;
	rule->n_bytes += bytes;
	if (used_ms && (int64_t)(used_ms - rule->used_ms) > 0)
		rule->used_ms = used_ms;
	// Others are not on disk.
	if (rule->id && !rule->removed && !rule->fresh)
		counts_rule_stage(counts, &rule->counts_place, rule->id,
				  (struct counted){rule->n_packets, rule->n_bytes});
}

struct choice {
	bool (*fn)(const struct rule *rule, const void *arg);
	const void *arg;
	struct rule **list;
	size_t n, room;
	bool failed;
};

static bool choose(struct cls_rule *cls, void *arg)
{
	struct choice *c = arg;
	struct rule *rule = (struct rule *)cls;
	if (!c->fn(rule, c->arg))
		return true;
	if (c->n == c->room) {
		size_t room = c->room * 2;
		struct rule **list = reallocarray(c->list, room, sizeof(*list));
		if (!list) {
			c->failed = true;
			return false;
		}
		c->list = list;
		c->room = room;
	}
	c->list[c->n++] = rule;
	return true;
}

struct rule **rules_choose(const struct rules *rules, uint8_t table,
			   bool (*fn)(const struct rule *rule, const void *arg), const void *arg,
			   size_t *n)
{
	struct choice c = {.fn = fn, .arg = arg, .room = 64};
	c.list = calloc(c.room, sizeof(*c.list));
	c.failed = !c.list;
	for (unsigned t = 0; t <= OF_TABLE_MAX && !c.failed; t++) {
		if (rules->tables[t] && (table == OF_TABLE_ALL || table == t))
			classifier_each(rules->tables[t], choose, &c);
	}
	if (c.failed) {
		free(c.list);
		return NULL;
	}
	*n = c.n;
	return c.list;
}

static bool fits(const struct rule *rule, const void *filter)
{
	return !filter || rule_fits(rule, filter);
}

static struct rule **choose_strictly(const struct rules *rules, const struct of_filter *filter,
				     size_t *n)
{
	struct rule **list = calloc(OF_TABLE_MAX + 1, sizeof(*list));
	*n = 0;
	for (unsigned t = 0; t <= OF_TABLE_MAX && list; t++) {
		if (filter->table != OF_TABLE_ALL && filter->table != t)
			continue;
		struct rule *rule = rules_find(rules, (uint8_t)t, &filter->match, filter->priority);
		if (rule && rule_fits(rule, filter))
			list[(*n)++] = rule;
	}
	return list;
}

struct rule **rules_choose_by(const struct rules *rules, const struct of_filter *filter,
			      bool strict, size_t *n)
{
	if (strict && filter)
		return choose_strictly(rules, filter, n);
	return rules_choose(rules, filter ? filter->table : OF_TABLE_ALL, fits, filter, n);
}

int rules_compare(const struct rule *x, const struct rule *y)
{
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	if (x->cls.priority != y->cls.priority)
		return x->cls.priority > y->cls.priority ? -1 : 1;
	if (x->id != y->id) // learned ones last
		return (uint64_t)x->id - 1 < (uint64_t)y->id - 1 ? -1 : 1;
	return x->created_ms < y->created_ms ? -1 : x->created_ms > y->created_ms;
}

static int compare(const void *a, const void *b)
{
	return rules_compare(*(const struct rule *const *)a, *(const struct rule *const *)b);
}

struct rule **rules_list(const struct rules *rules, const struct of_filter *filter, bool strict,
			 size_t *n)
{
	struct rule **list = rules_choose_by(rules, filter, strict, n);
	if (!list)
		return NULL;
	for (size_t i = 0; i < *n; i++)
		rule_ref(list[i]);
	qsort(list, *n, sizeof(*list), compare);
	return list;
}

void rules_list_free(struct rule **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rule_unref(list[i]);
	free(list);
}

struct load {
	struct rules *rules;
	uint64_t now_ms;
	int64_t wall_ms;
	char *err;
	size_t err_len;
	bool told;
};

// Negative ages come of a clock that was set back.
static uint64_t since_ms(const struct load *load, int64_t then_wall_ms)
{
	int64_t age_ms = load->wall_ms - then_wall_ms;
	return load->now_ms - (uint64_t)(age_ms > 0 ? age_ms : 0);
}

static int take_rule(const struct load *load, const struct db_row *row, const struct of_flow *flow)
{
	struct rule *rule = rule_create(flow, &flow->match, load->now_ms);
	if (!rule)
		return -ENOMEM;
	rule->id = row->id;
	rule->created_ms = since_ms(load, row->created_ms);
	rule->modified_ms = since_ms(load, row->modified_ms);
	int err = rules_insert(load->rules, rule);
	if (err) {
		rule_unref(rule);
		return err;
	}
	load->rules->last_id = row->id;
	struct counted counted;
	if (counts_rule_resume(load->rules->counts, rule->id, &rule->counts_place, &counted)) {
		rule->n_packets = counted.packets;
		rule->n_bytes = counted.bytes;
	}
	return rule_is_timed(rule) ? rules_time(load->rules, rule) : 0;
}

static int load_rule(const struct db_row *row, void *arg)
{
	struct load *load = arg;
	struct of_error error = {0};
	struct of_flow flow;
	int err = of_flow_parse(&flow, OF_FLOW_ADD, row->text, NULL, &error);
	if (!err) {
		err = take_rule(load, row, &flow);
		of_flow_fini(&flow);
	}
	if (err) {
		snprintf(load->err, load->err_len, "rule \"%s\" in the database: %s", row->text,
			 err == -ENOMEM ? "out of memory" : error.text);
		load->told = true;
	}
	return err;
}

int rules_load(struct rules *rules, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len)
{
	struct load load = {rules, now_ms, wall_ms, err, err_len, false};
	int rc = db_rows_each(rules->db, DB_RULES, load_rule, &load);
	if (rc && !load.told)
		snprintf(err, err_len, "%s", db_error(rules->db));
	if (!rc)
		counts_rules_resumed(rules->counts);
	return rc;
}
