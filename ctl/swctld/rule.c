#include "ctl/swctld/rule.h"

#include <stdlib.h>
#include <string.h>

static struct rule *create(const struct of_match *match, uint16_t priority,
			   const struct of_actions *actions)
{
	size_t match_bytes = cls_match_bytes(&match->mask);
	size_t actions_bytes = actions ? sizeof(*actions) + actions->n_bytes : 0;
	struct rule *rule = malloc(sizeof(*rule) + match_bytes + actions_bytes);
	if (!rule)
		return NULL;
	memset(rule, 0, sizeof(*rule));
	if (cls_rule_init(&rule->cls, rule->own, match, priority) < 0) {
		free(rule);
		return NULL;
	}
	rule->n_refs = 1;
	if (actions)
		rule->actions = memcpy((char *)rule->own + match_bytes, actions, actions_bytes);
	return rule;
}

struct rule *rule_create(const struct of_flow *flow, const struct of_match *match, uint64_t now_ms)
{
	struct rule *rule = create(match, flow->priority, flow->actions);
	if (!rule)
		return NULL;
	rule->cookie = flow->cookie;
	rule->created_ms = rule->modified_ms = rule->used_ms = now_ms;
	rule->idle_timeout_s = flow->idle_timeout_s;
	rule->hard_timeout_s = flow->hard_timeout_s;
	rule->importance = flow->importance;
	rule->table = flow->table;
	rule->flags = flow->flags & RULE_FLAGS;
	return rule;
}

struct rule *rule_copy(const struct rule *rule, const struct of_actions *actions)
{
	struct of_match match;
	cls_rule_match(&rule->cls, &match);
	struct rule *copy = create(&match, rule->cls.priority, actions);
	if (!copy)
		return NULL;
	copy->cookie = rule->cookie;
	copy->created_ms = rule->created_ms;
	copy->modified_ms = rule->modified_ms;
	copy->used_ms = rule->used_ms;
	copy->n_packets = rule->n_packets;
	copy->n_bytes = rule->n_bytes;
	copy->id = rule->id;
	copy->idle_timeout_s = rule->idle_timeout_s;
	copy->hard_timeout_s = rule->hard_timeout_s;
	copy->importance = rule->importance;
	copy->table = rule->table;
	copy->flags = rule->flags;
	return copy;
}

void rule_ref(struct rule *rule)
{
	rule->n_refs++;
}

void rule_unref(struct rule *rule)
{
	while (rule && --rule->n_refs == 0) {
		struct rule *successor = rule->successor;
		cls_rule_fini(&rule->cls);
		free(rule);
		rule = successor;
	}
}

struct of_flow_view rule_view(const struct rule *rule, struct of_match *match)
{
	cls_rule_match(&rule->cls, match);
	return (struct of_flow_view){
	    .match = match,
	    .actions = rule->actions,
	    .cookie = rule->cookie,
	    .priority = rule->cls.priority,
	    .idle_timeout_s = rule->idle_timeout_s,
	    .hard_timeout_s = rule->hard_timeout_s,
	    .importance = rule->importance,
	    .table = rule->table,
	    .flags = rule->flags,
	};
}

bool rule_fits(const struct rule *rule, const struct of_filter *filter)
{
	if (filter->table != OF_TABLE_ALL && rule->table != filter->table)
		return false;
	if ((rule->cookie ^ filter->cookie) & filter->cookie_mask)
		return false;
	if (filter->out_port && !of_actions_output_to(rule->actions, filter->out_port))
		return false;
	if (filter->out_group != UINT32_MAX &&
	    !of_actions_use(rule->actions, OF_GROUP, filter->out_group))
		return false;
	return cls_rule_is_within(&rule->cls, &filter->match);
}
