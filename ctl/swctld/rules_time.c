// Rules that come and go with traffic and time: learning, timeouts.
#include "ctl/log.h"
#include "ctl/swctld/rules_store.h"

#include <errno.h>
#include <stdlib.h>

struct taught {
	uint8_t table;
	uint64_t cookie;
};

static bool has_cookie(const struct rule *rule, const void *cookie)
{
	return rule->cookie == *(const uint64_t *)cookie;
}

unsigned rules_count_cookie(const struct rules *rules, uint8_t table, uint64_t cookie)
{
	size_t n = 0;
	free(rules_choose(rules, table, has_cookie, &cookie, &n));
	return (unsigned)n;
}

static void renew(struct rule *rule, const struct of_flow *flow, uint64_t now_ms)
{
	rule->modified_ms = rule->used_ms = now_ms;
	rule->cookie = flow->cookie;
	rule->idle_timeout_s = flow->idle_timeout_s;
	rule->hard_timeout_s = flow->hard_timeout_s;
}

// A learned rule with this match that may go on as it is, but for its times.
static bool can_renew(const struct rule *old, const struct of_flow *flow)
{
	return of_actions_equal(old->actions, flow->actions) &&
	       rule_is_timed(old) == (flow->idle_timeout_s || flow->hard_timeout_s);
}

int rules_learn(struct rules *rules, const struct of_flow *flow, uint64_t now_ms,
		struct rules_change *change)
{
	struct rule *old = rules_find(rules, flow->table, &flow->match, flow->priority);
	if (old && old->id)
		return -EEXIST;
	if (old && can_renew(old, flow)) {
		renew(old, flow, now_ms);
		return 0;
	}
	if (!old && rules->count >= rules->max)
		return -ENOSPC;
	struct rule *new =
	    old ? rule_copy(old, flow->actions) : rule_create(flow, &flow->match, now_ms);
	if (!new)
		return -ENOMEM;
	renew(new, flow, now_ms);
	rules_begin(rules, now_ms, 0, true);
	int err = rules_stage(rules, (struct rules_step){old, new, old != NULL}, false);
	if (!err)
		rules_settle(rules, change);
	return err;
}

static bool deletes_learned(const struct of_action *action, void *arg)
{
	const struct of_act_learn *learn = (const struct of_act_learn *)action;
	const struct taught *taught = arg;
	return !((learn->flags & OF_LEARN_DELETE_LEARNED) && learn->table == taught->table &&
		 learn->cookie == taught->cookie);
}

static bool teaches(const struct rule *rule, const void *arg)
{
	struct taught taught = *(const struct taught *)arg;
	return !of_actions_each_of(rule->actions, OF_LEARN, deletes_learned, &taught);
}

struct cascade {
	struct rules *rules;
	int err;
};

// A learn(delete_learned) has gone: the rules with its cookie in its table go with the last of
// them.
static bool delete_taught(const struct of_action *action, void *arg)
{
	const struct of_act_learn *learn = (const struct of_act_learn *)action;
	struct cascade *c = arg;
	struct taught taught = {learn->table, learn->cookie};
	size_t n = 0;
	if (!(learn->flags & OF_LEARN_DELETE_LEARNED))
		return true;
	struct rule **list = rules_choose(c->rules, OF_TABLE_ALL, teaches, &taught, &n);
	c->err = list ? 0 : -ENOMEM;
	free(list);
	if (!c->err && n == 0)
		c->err = rules_delete_where(c->rules, taught.table, has_cookie, &taught.cookie);
	return !c->err;
}

int rules_finish(struct rules *rules)
{
	struct cascade c = {.rules = rules};
	// What this deletes are steps, too, which may go on.
	for (size_t i = 0; i < rules->n_steps && !c.err; i++) {
		const struct rule *old = rules->steps[i].old;
		if (old)
			of_actions_each_of(old->actions, OF_LEARN, delete_taught, &c);
	}
	return c.err;
}

// Differences are taken modulo 2^64: after a reboot a rule may be older than CLOCK_MONOTONIC. A
// hard timeout counts from the last modification, as Open vSwitch's does.
static bool timed_out(const struct rule *rule, uint64_t now_ms, uint64_t counted_ms)
{
	uint64_t hard_ms = (uint64_t)rule->hard_timeout_s * 1000;
	uint64_t idle_ms = (uint64_t)rule->idle_timeout_s * 1000;
	// A use may be younger than the caller's clock readings.
	int64_t unused_ms = (int64_t)(counted_ms - rule->used_ms);
	return (hard_ms && now_ms - rule->modified_ms >= hard_ms) ||
	       (idle_ms && unused_ms >= (int64_t)idle_ms);
}

// Stages the end of what has timed out, and forgets what was removed otherwise.
static int stage_expired(struct rules *rules, uint64_t now_ms, uint64_t counted_ms)
{
	size_t kept = 0;
	int err = 0;
	for (size_t i = 0; i < rules->n_timed; i++) {
		struct rule *rule = rules->timed[i];
		if (!rule->removed && !err && timed_out(rule, now_ms, counted_ms))
			err = rules_stage(rules, (struct rules_step){rule, NULL, false}, false);
		if (rule->removed)
			rule_unref(rule);
		else
			rules->timed[kept++] = rule;
	}
	rules->n_timed = kept;
	return err ? err : rules_finish(rules);
}

static bool any_timed_out(const struct rules *rules, uint64_t now_ms, uint64_t counted_ms)
{
	for (size_t i = 0; i < rules->n_timed; i++) {
		if (rules->timed[i]->removed || timed_out(rules->timed[i], now_ms, counted_ms))
			return true;
	}
	return false;
}

unsigned rules_expire(struct rules *rules, uint64_t now_ms, uint64_t counted_ms,
		      struct rules_change *change)
{
	unsigned before = change->deleted;
	if (!any_timed_out(rules, now_ms, counted_ms))
		return 0;
	rules_begin(rules, now_ms, 0, false);
	int err = db_begin(rules->db);
	if (!err)
		err = stage_expired(rules, now_ms, counted_ms);
	if (!err)
		err = db_commit(rules->db);
	if (err) {
		// A full disk must not keep a rule in force. Those that a restart brings back time
		// out again.
		log_warn("rules timed out, but are still on disk: %s", db_error(rules->db));
		db_rollback(rules->db);
		rules_undo(rules);
		rules_begin(rules, now_ms, 0, true);
		stage_expired(rules, now_ms, counted_ms);
	}
	rules_settle(rules, change);
	return change->deleted - before;
}
