#include "ctl/swctld/rules.h"

#include "ctl/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct entry {
	struct rule rule;
	UT_hash_handle hh;	   // by rule.id
	struct entry *prev, *next; // of the rules that have a timeout
	bool timed;
};

struct rules {
	struct db *db;
	struct classifier *classifier;
	struct entry *by_id; // uthash keeps the order of insertion
	struct entry *timed;
};

// What one add has done so far, so that it can be undone.
struct step {
	struct entry *added, *replaced;
};

struct rules *rules_create(struct db *db)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return NULL;
	rules->db = db;
	rules->classifier = classifier_create();
	if (!rules->classifier) {
		free(rules);
		return NULL;
	}
	return rules;
}

void rules_destroy(struct rules *rules)
{
	if (!rules)
		return;
	struct entry *e, *tmp;
	HASH_ITER (hh, rules->by_id, e, tmp) {
		classifier_del(rules->classifier, &e->rule.cls);
		// NOLINTNEXTLINE(clang-analyzer-*): cannot follow the links
		HASH_DEL(rules->by_id, e);
		free(e);
	}
	classifier_destroy(rules->classifier);
	free(rules);
}

struct rule *rule_alloc(void)
{
	// A flow key is aligned to a cache line.
	struct entry *e = aligned_alloc(_Alignof(struct entry), sizeof(*e));
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	return &e->rule;
}

static struct entry *entry_of(struct rule *rule)
{
	return (struct entry *)rule; // stands first
}

static int classify(struct rules *rules, struct entry *e)
{
	e->rule.cls.match = e->rule.flow.match;
	e->rule.cls.priority = e->rule.flow.priority;
	return classifier_add(rules->classifier, &e->rule.cls);
}

// Indexes a rule that is in the classifier and in the database.
static void publish(struct rules *rules, struct entry *e)
{
	HASH_ADD(hh, rules->by_id, rule.id, sizeof(e->rule.id), e);
	e->timed = e->rule.flow.idle_timeout_s || e->rule.flow.hard_timeout_s;
	if (e->timed)
		DL_APPEND(rules->timed, e);
}

// The reverse, and the end of the rule; it has left the classifier.
static void retire(struct rules *rules, struct entry *e)
{
	HASH_DEL(rules->by_id, e);
	if (e->timed)
		DL_DELETE(rules->timed, e);
	free(e);
}

static uint32_t number_by_name(const char *name, void *arg)
{
	(void)arg;
	char *end;
	unsigned long no = strtoul(name, &end, 10);
	return *name >= '0' && *name <= '9' && *end == '\0' && no <= DB_PORT_NO_MAX ? (uint32_t)no
										    : 0;
}

static const char *number_by_no(uint32_t no, void *arg)
{
	char *text = arg;
	snprintf(text, 16, "%u", no);
	return text;
}

// Ports as numbers, for the disk: every number is known.
static struct of_ports numeric_ports(char text[16])
{
	return (struct of_ports){.by_name = number_by_name, .by_no = number_by_no, .arg = text};
}

static int stage_on_disk(struct rules *rules, struct entry *e, const struct entry *old,
			 int64_t wall_ms)
{
	char number[16];
	struct of_ports ports = numeric_ports(number);
	char *text = of_flow_format(&e->rule.flow, &ports);
	if (!text)
		return -ENOMEM;
	int err = old ? db_rule_delete(rules->db, old->rule.id) : 0;
	if (!err)
		err = db_rule_insert(rules->db, text, wall_ms, &e->rule.id);
	free(text);
	return err;
}

static int stage(struct rules *rules, struct entry *e, int64_t wall_ms, struct step *step)
{
	struct cls_rule *same =
	    classifier_find(rules->classifier, &e->rule.flow.match, e->rule.flow.priority);
	struct entry *old = same ? (struct entry *)same : NULL;
	int err = stage_on_disk(rules, e, old, wall_ms);
	if (err)
		return err;
	if (old)
		classifier_del(rules->classifier, &old->rule.cls);
	err = classify(rules, e);
	if (err && old && classifier_add(rules->classifier, &old->rule.cls) < 0)
		abort(); // out of memory; all is on disk
	if (!err)
		*step = (struct step){e, old};
	return err;
}

static void unstage(struct rules *rules, const struct step *steps, size_t n)
{
	while (n-- > 0) {
		classifier_del(rules->classifier, &steps[n].added->rule.cls);
		if (steps[n].replaced &&
		    classifier_add(rules->classifier, &steps[n].replaced->rule.cls) < 0)
			abort(); // out of memory; all is on disk
	}
}

// All steps are on disk: the replaced rules end. A rule may be added and replaced in one load; it
// ends after it was published.
static void settle(struct rules *rules, const struct step *steps, size_t n, uint64_t now_ms,
		   struct rules_change *change)
{
	for (size_t i = 0; i < n; i++) {
		steps[i].added->rule.created_ms = steps[i].added->rule.used_ms = now_ms;
		publish(rules, steps[i].added);
		if (steps[i].replaced) {
			retire(rules, steps[i].replaced);
			change->replaced++;
		} else {
			change->added++;
		}
	}
}

int rules_add(struct rules *rules, struct rule **list, size_t n, uint64_t now_ms, int64_t wall_ms,
	      struct rules_change *change)
{
	size_t n_steps = 0;
	struct step *steps = calloc(n ? n : 1, sizeof(*steps));
	int err = steps ? db_begin(rules->db) : -ENOMEM;
	if (err)
		goto out;
	while (n_steps < n && !err) {
		err = stage(rules, entry_of(list[n_steps]), wall_ms, &steps[n_steps]);
		if (!err)
			n_steps++;
	}
	if (!err)
		err = db_commit(rules->db);
	if (err) {
		db_rollback(rules->db);
		unstage(rules, steps, n_steps);
	} else {
		settle(rules, steps, n_steps, now_ms, change);
	}
out:
	for (size_t i = 0; err && i < n; i++)
		free(entry_of(list[i]));
	free(steps);
	return err;
}

int rules_del(struct rules *rules, const struct of_filter *filter, struct rules_change *change)
{
	struct entry *e, *tmp;
	int err = db_begin(rules->db);
	if (err)
		return err;
	HASH_ITER (hh, rules->by_id, e, tmp) {
		if (!err && of_filter_accepts(filter, &e->rule.flow))
			err = db_rule_delete(rules->db, e->rule.id);
	}
	if (!err)
		err = db_commit(rules->db);
	if (err) {
		db_rollback(rules->db);
		return err;
	}
	HASH_ITER (hh, rules->by_id, e, tmp) {
		if (!of_filter_accepts(filter, &e->rule.flow))
			continue;
		classifier_del(rules->classifier, &e->rule.cls);
		retire(rules, e);
		change->deleted++;
	}
	return 0;
}

// Differences are taken modulo 2^64: after a reboot a rule may be older than CLOCK_MONOTONIC.
static bool timed_out(const struct rule *rule, uint64_t now_ms, uint64_t counted_ms)
{
	uint64_t hard_ms = (uint64_t)rule->flow.hard_timeout_s * 1000;
	uint64_t idle_ms = (uint64_t)rule->flow.idle_timeout_s * 1000;
	// A use may be younger than the caller's clock readings.
	int64_t unused_ms = (int64_t)(counted_ms - rule->used_ms);
	return (hard_ms && now_ms - rule->created_ms >= hard_ms) ||
	       (idle_ms && unused_ms >= (int64_t)idle_ms);
}

unsigned rules_expire(struct rules *rules, uint64_t now_ms, uint64_t counted_ms)
{
	unsigned n = 0;
	bool on_disk = true;
	struct entry *e, *tmp;
	DL_FOREACH (rules->timed, e)
		n += timed_out(&e->rule, now_ms, counted_ms);
	if (n == 0)
		return 0;
	on_disk = db_begin(rules->db) == 0;
	DL_FOREACH_SAFE (rules->timed, e, tmp) {
		if (!timed_out(&e->rule, now_ms, counted_ms))
			continue;
		on_disk = on_disk && db_rule_delete(rules->db, e->rule.id) == 0;
		classifier_del(rules->classifier, &e->rule.cls);
		retire(rules, e);
	}
	// A full disk must not keep a rule in force. Those that a restart brings back time out
	// again.
	if (!on_disk || db_commit(rules->db) < 0) {
		log_warn("%u rule%s timed out, but still on disk: %s", n, log_plural(n),
			 db_error(rules->db));
		db_rollback(rules->db);
	}
	return n;
}

void rules_hit(struct rules *rules, int64_t id, uint64_t packets, uint64_t bytes, uint64_t used_ms)
{
	struct entry *e;
	HASH_FIND(hh, rules->by_id, &id, sizeof(id), e);
	if (!e)
		return;
	e->rule.n_packets += packets;
	e->rule.n_bytes += bytes;
	if (used_ms && (int64_t)(used_ms - e->rule.used_ms) > 0)
		e->rule.used_ms = used_ms;
}

const struct classifier *rules_classifier(const struct rules *rules)
{
	return rules->classifier;
}

unsigned rules_count(const struct rules *rules)
{
	return HASH_COUNT(rules->by_id);
}

static int compare(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	if (x->flow.priority != y->flow.priority)
		return x->flow.priority > y->flow.priority ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

const struct rule **rules_list(const struct rules *rules, const struct of_filter *filter, size_t *n)
{
	*n = 0;
	const struct rule **list = calloc(rules_count(rules) + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (const struct entry *e = rules->by_id; e; e = e->hh.next) {
		if (!filter || of_filter_accepts(filter, &e->rule.flow))
			list[(*n)++] = &e->rule;
	}
	qsort(list, *n, sizeof(*list), compare);
	return list;
}

struct load {
	struct rules *rules;
	uint64_t now_ms;
	int64_t wall_ms;
	char *err;
	size_t err_len;
};

static int load_rule(const struct db_rule *row, void *arg)
{
	const struct load *load = arg;
	char number[16];
	struct of_ports ports = numeric_ports(number);
	struct of_error error = {0};
	struct rule *rule = rule_alloc();
	if (!rule || of_flow_parse(&rule->flow, row->flow, &ports, &error) < 0) {
		snprintf(load->err, load->err_len, "rule \"%s\" in the database: %s", row->flow,
			 rule ? error.text : "out of memory");
		free(rule);
		return -EINVAL;
	}
	struct entry *e = entry_of(rule);
	int64_t age_ms = load->wall_ms - row->created_ms; // negative when the clock was set back
	rule->id = row->id;
	rule->created_ms = load->now_ms - (uint64_t)(age_ms > 0 ? age_ms : 0);
	rule->used_ms = load->now_ms;
	if (classify(load->rules, e) < 0) {
		snprintf(load->err, load->err_len, "out of memory while loading rules");
		free(e);
		return -ENOMEM;
	}
	publish(load->rules, e);
	return 0;
}

int rules_load(struct rules *rules, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len)
{
	struct load load = {rules, now_ms, wall_ms, err, err_len};
	snprintf(err, err_len, "cannot read the rules");
	int rc = db_rules_each(rules->db, load_rule, &load);
	if (rc == -EIO || rc == -ENOSPC)
		snprintf(err, err_len, "%s", db_error(rules->db));
	return rc;
}
