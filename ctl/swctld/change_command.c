#include "ctl/swctld/change_command.h"

#include "ctl/of_text.h"
#include "ctl/swctld/blame.h"

#include <errno.h>
#include <string.h>

struct check {
	const struct change *c;
	const char *line;
	struct of_error *error;
};

static bool check_group(const struct of_action *action, void *arg)
{
	const struct check *check = arg;
	uint32_t id = ((const struct of_act_value *)action)->value;
	return groups_find(check->c->groups, id) ||
	       blame_value(check->error, check->line, "group", id,
			   "there is no group %u; add it first", id) == 0;
}

static bool check_meter(const struct of_action *action, void *arg)
{
	const struct check *check = arg;
	uint32_t id = ((const struct of_act_value *)action)->value;
	return meters_find(check->c->meters, id) ||
	       blame_value(check->error, check->line, "meter", id,
			   "there is no meter %u; add it first", id) == 0;
}

// What the actions name must be there.
static int check_uses(const struct change *c, const struct of_actions *actions, const char *line,
		      struct of_error *error)
{
	struct check check = {c, line, error};
	return of_actions_each_of(actions, OF_GROUP, check_group, &check) &&
		       of_actions_each_of(actions, OF_METER, check_meter, &check)
		   ? 0
		   : -EINVAL;
}

static int parse_flow(const struct change *c, enum of_flow_form form, const char *line,
		      struct of_flow *flow, struct of_error *error)
{
	int err = of_flow_parse(flow, form, line, c->ports, error);
	if (!err && check_uses(c, flow->actions, line, error) < 0) {
		of_flow_fini(flow);
		err = -EINVAL;
	}
	return err;
}

static int flow_add(struct change *c, const struct change_command *command, const char *line,
		    struct of_error *error)
{
	struct of_flow flow;
	(void)command;
	int err = parse_flow(c, OF_FLOW_ADD, line, &flow, error);
	if (err)
		return err;
	err = rules_add(c->rules, &flow, error);
	of_flow_fini(&flow);
	return err;
}

static int flow_replace(struct change *c, const struct change_command *command, const char *line,
			struct of_error *error)
{
	struct of_flow flow;
	(void)command;
	int err = parse_flow(c, OF_FLOW_ADD, line, &flow, error);
	if (err)
		return err;
	err = rules_replace(c->rules, &flow, error);
	of_flow_fini(&flow);
	return err;
}

// Without a table, mod-flows means all of them, as del-flows does.
static bool names_a_table(const char *line)
{
	struct of_slice rest = of_slice_of(line);
	struct of_word word;
	while (of_word_next(&rest, &word) && !of_word_is(&word, "actions")) {
		if (of_word_is(&word, "table"))
			return true;
	}
	return false;
}

static int flow_modify(struct change *c, const struct change_command *command, const char *line,
		       struct of_error *error)
{
	struct of_flow flow;
	int err = parse_flow(c, OF_FLOW_MODIFY, line, &flow, error);
	if (err)
		return err;
	uint8_t table = names_a_table(line) ? flow.table : OF_TABLE_ALL;
	err = rules_modify(c->rules, &flow, table, command->strict, error);
	of_flow_fini(&flow);
	return err;
}

static int flow_delete(struct change *c, const struct change_command *command, const char *line,
		       struct of_error *error)
{
	struct of_filter filter;
	int err = of_filter_parse(&filter, command->strict, line, c->ports, error);
	return err ? err : rules_delete(c->rules, &filter, command->strict);
}

static int group_put(struct change *c, const struct change_command *command, const char *line,
		     struct of_error *error)
{
	struct of_group of;
	int err = of_group_parse(&of, line, c->ports, error);
	if (err)
		return err;
	bool known = groups_find(c->groups, of.id), adds = strcmp(command->verb, "add") == 0;
	if (known && adds)
		err = blame_value(error, line, "group_id", of.id,
				  "there is a group %u; mod-group changes it", of.id);
	else if (!known && !adds && !command->may_create)
		err = blame_value(error, line, "group_id", of.id,
				  "there is no group %u; add-group adds it", of.id);
	else
		err = groups_check(c->groups, &of, line, error);
	if (err) {
		of_group_fini(&of);
		return err;
	}
	return groups_put(c->groups, &of);
}

// OpenFlow 1.3.5, section 6.4: the rules that use a deleted group go, too; a group that others use
// stays.
static int group_delete(struct change *c, const struct change_command *command, const char *line,
			struct of_error *error)
{
	uint32_t id;
	(void)command;
	int err = of_group_id_parse(&id, line, error);
	if (!err)
		err = groups_delete(c->groups, id);
	if (err)
		return err;
	const struct group *user = groups_find_user(c->groups, id);
	if (user)
		return blame_value(error, line, "group_id", id,
				   "group %u uses it; change or delete that first", user->of.id);
	return rules_delete_using(c->rules, OF_GROUP, id);
}

static int meter_put(struct change *c, const struct change_command *command, const char *line,
		     struct of_error *error)
{
	struct of_meter of;
	int err = of_meter_parse(&of, line, error);
	if (err)
		return err;
	bool known = meters_find(c->meters, of.id), adds = strcmp(command->verb, "add") == 0;
	if (known && adds)
		return blame_value(error, line, "meter", of.id,
				   "there is a meter %u; mod-meter changes it", of.id);
	if (!known && !adds)
		return blame_value(error, line, "meter", of.id,
				   "there is no meter %u; add-meter adds it", of.id);
	return meters_put(c->meters, &of);
}

static int meter_delete(struct change *c, const struct change_command *command, const char *line,
			struct of_error *error)
{
	uint32_t id;
	(void)command;
	int err = of_meter_id_parse(&id, line, error);
	if (!err)
		err = meters_delete(c->meters, id);
	return err ? err : rules_delete_using(c->rules, OF_METER, id ? id : UINT32_MAX);
}

static const struct change_command commands[] = {
    {"flow", "add", flow_add, false, false},
    {"flow", "modify", flow_modify, false, false},
    {"flow", "modify_strict", flow_modify, true, false},
    {"flow", "delete", flow_delete, false, false},
    {"flow", "delete_strict", flow_delete, true, false},
    {"group", "add", group_put, false, false},
    {"group", "modify", group_put, false, false},
    {"group", "add_or_mod", group_put, false, true},
    {"group", "delete", group_delete, false, false},
    {"meter", "add", meter_put, false, false},
    {"meter", "modify", meter_put, false, false},
    {"meter", "delete", meter_delete, false, false},
    {"whole", "set", flow_replace, false, false}, // CHANGE_REPLACE
};

const struct change_command *change_command_find(const char *noun, size_t noun_len,
						 const char *verb, size_t verb_len)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (of_slice_is(noun, noun_len, commands[i].noun) &&
		    of_slice_is(verb, verb_len, commands[i].verb))
			return &commands[i];
	}
	return NULL;
}
