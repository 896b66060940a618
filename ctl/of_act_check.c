// What the readers of actions ask and say.
#include "ctl/of_act.h"

#include <errno.h>
#include <string.h>

int of_act_fail_name(const struct of_act_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->name, word->name_len, "%s", text);
}

int of_act_fail(const struct of_act_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->value, word->value_len, "%.*s wants %s",
			    (int)word->name_len, word->name, text);
}

struct of_text_at of_act_at(const struct of_act_reader *r, const struct of_word *word)
{
	return (struct of_text_at){r->line,	    word->name, word->name_len, word->value,
				   word->value_len, r->ports,	r->error};
}

int of_act_check_needs(const struct of_act_reader *r, const char *name, size_t len, uint16_t needs)
{
	char text[96];
	if (!r->checks || !needs)
		return 0;
	if ((needs & OF_KIND_L4) && r->is_later)
		return of_error_set(r->error, r->line, name, len, "a later fragment has no ports");
	if (needs & r->kinds)
		return 0;
	if (needs == OF_KIND_VLAN)
		return of_error_set(r->error, r->line, name, len,
				    "needs a tag: match dl_vlan, or push_vlan first");
	of_kinds_text(needs, text, sizeof(text));
	return of_error_set(r->error, r->line, name, len, "needs %s in the match", text);
}

int of_act_read_subfield(const struct of_act_reader *r, const char *text, size_t len,
			 bool is_written, struct of_subfield *sf)
{
	int err = of_subfield_parse(sf, r->line, text, len, r->error);
	if (err)
		return err;
	const struct of_field *field = &of_fields[sf->field];
	if (is_written && r->place == OF_IN_CT && !field->in_exec)
		return of_error_set(r->error, r->line, text, len,
				    "%s cannot be changed here: ct_mark and ct_label can",
				    field->name);
	if (is_written && field->in_exec && r->place != OF_IN_CT)
		return of_error_set(r->error, r->line, text, len,
				    "%s is a connection's: ct(commit,exec(...)) changes it",
				    field->name);
	if (is_written && !field->writable && !field->in_exec)
		return of_error_set(r->error, r->line, text, len, "%s cannot be changed",
				    field->name);
	return of_act_check_needs(r, text, len, field->needs);
}

bool of_act_next_arg(struct of_slice *rest, const char **arg, size_t *len)
{
	while (rest->p < rest->end && strchr(", \t", *rest->p))
		rest->p++;
	*arg = rest->p;
	while (rest->p < rest->end && !strchr(", \t", *rest->p))
		rest->p++;
	*len = (size_t)(rest->p - *arg);
	return *len > 0;
}

struct of_act_value *of_act_put_value(struct of_act_reader *r, const struct of_word *word,
				      enum of_action_type type, uint64_t value)
{
	struct of_act_value *a = of_act_put(r, word, type, sizeof(*a));
	if (a)
		a->value = (uint32_t)value;
	return a;
}

int of_act_read_plain(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	return of_act_put(r, word, (enum of_action_type)type, sizeof(struct of_action)) ? 0
											: -EINVAL;
}
