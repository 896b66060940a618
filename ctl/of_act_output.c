// Actions that say where a packet goes: output, a bare port, resubmit, goto_table.
#include "ctl/of_act.h"

#include "ctl/of_port.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TRUNCATED_MIN 14 // bytes: an Ethernet header
#define TABLE_THIS    255

// OpenFlow's own ports that are actions here.
static const struct {
	const char *name;
	enum of_action_type type;
} own_ports[] = {
    {"normal", OF_NORMAL},
    {"flood", OF_FLOOD},
    {"all", OF_ALL},
    {"in_port", OF_IN_PORT},
};

static int put_output(struct of_act_reader *r, const struct of_word *word, uint32_t port,
		      uint32_t max_len)
{
	struct of_act_output *a = of_act_put(r, word, OF_OUTPUT, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->port = port;
	a->max_len = max_len;
	return 0;
}

// "output(port=1,max_len=100)".
static int read_truncated(struct of_act_reader *r, const struct of_word *word)
{
	struct of_slice rest = of_word_value(word);
	struct of_word arg;
	uint32_t port = 0;
	uint64_t max_len = 0;
	while (of_word_next(&rest, &arg)) {
		if (of_word_is(&arg, "port") && arg.value) {
			int err = of_port_parse(&port, r->line, arg.value, arg.value_len, r->ports,
						r->error);
			if (err)
				return err;
		} else if (of_word_is(&arg, "max_len") && arg.value) {
			if (!of_text_u64(arg.value, arg.value_len, UINT32_MAX, &max_len) ||
			    max_len < TRUNCATED_MIN)
				return of_act_fail(r, &arg, "a number of bytes from 14 on");
		} else {
			return of_act_fail_name(r, &arg,
						"output wants port=PORT and max_len=BYTES");
		}
	}
	if (!port || !max_len)
		return of_act_fail(r, word, "port=PORT and max_len=BYTES");
	return put_output(r, word, port, (uint32_t)max_len);
}

// "output:NXM_NX_REG0[0..15]".
static int read_output_subfield(struct of_act_reader *r, const struct of_word *word)
{
	struct of_subfield sf;
	int err = of_act_read_subfield(r, word->value, word->value_len, false, &sf);
	if (err)
		return err;
	if (r->place == OF_IN_WRITE_ACTIONS)
		return of_act_fail_name(r, word, "a field as port cannot stand in write_actions");
	struct of_act_output_reg *a = of_act_put(r, word, OF_OUTPUT_REG, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->src = sf;
	return 0;
}

// "output:PORT", where PORT may be one of OpenFlow's own, or a field.
int of_act_read_output(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	if (word->assign == '(' && memchr(word->value, '=', word->value_len))
		return read_truncated(r, word);
	for (unsigned i = 0; i < sizeof(own_ports) / sizeof(own_ports[0]); i++) {
		if (strlen(own_ports[i].name) == word->value_len &&
		    strncasecmp(own_ports[i].name, word->value, word->value_len) == 0)
			return of_act_read_plain(r, word, own_ports[i].type);
	}
	if (of_port_is_reserved(word->value, word->value_len))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "not built yet");
	uint32_t port;
	int err = of_port_parse(&port, r->line, word->value, word->value_len, r->ports, r->error);
	if (!err)
		return put_output(r, word, port, 0);
	const char *bracket = memchr(word->value, '[', word->value_len);
	size_t len = bracket ? (size_t)(bracket - word->value) : word->value_len;
	if (!bracket && !of_field_find(word->value, len))
		return err;
	return read_output_subfield(r, word);
}

// A word alone that is no action's name: a port's.
int of_act_read_bare_port(struct of_act_reader *r, const struct of_word *word)
{
	uint64_t number;
	uint32_t port;
	bool is_number = of_text_u64(word->name, word->name_len, UINT64_MAX, &number);
	if (!is_number && !(r->ports && r->ports->by_name))
		return -ENOENT;
	int err = of_port_parse(&port, r->line, word->name, word->name_len, r->ports, r->error);
	if (err && !is_number)
		return -ENOENT;
	return err ? err : put_output(r, word, port, 0);
}

static int read_table(const struct of_act_reader *r, const struct of_word *word, const char *text,
		      size_t len, uint64_t max, uint8_t *table)
{
	uint64_t value;
	if (!of_text_u64(text, len, max, &value))
		return of_error_set(r->error, r->line, text, len, "%.*s wants a table from 0 to %u",
				    (int)word->name_len, word->name, OF_TABLE_MAX);
	*table = (uint8_t)value;
	return 0;
}

// "resubmit:PORT", "resubmit(PORT,TABLE)", where either may be empty.
int of_act_read_resubmit(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	const char *value = word->value, *end = value + word->value_len;
	const char *comma = memchr(value, ',', word->value_len);
	const char *port_end = comma ? comma : end;
	const char *table = comma ? comma + 1 : end;
	const char *more = memchr(table, ',', (size_t)(end - table));
	struct of_act_resubmit spec = {.table = TABLE_THIS};
	int err = 0;
	(void)arg;
	if (more && more + 1 < end)
		return of_error_set(r->error, r->line, more + 1, (size_t)(end - more - 1),
				    "connection tracking is not built yet");
	size_t table_len = (size_t)((more ? more : end) - table);
	bool is_in_port = port_end - value == 7 && strncasecmp(value, "in_port", 7) == 0;
	if (port_end > value && !is_in_port)
		err = of_port_parse(&spec.port, r->line, value, (size_t)(port_end - value),
				    r->ports, r->error);
	if (!err && table_len > 0)
		err = read_table(r, word, table, table_len, TABLE_THIS, &spec.table);
	if (err)
		return err;
	if (!spec.port && spec.table == TABLE_THIS)
		return of_act_fail(r, word, "a port, a table or both: resubmit(PORT,TABLE)");
	struct of_act_resubmit *a = of_act_put(r, word, OF_RESUBMIT, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->port = spec.port;
	a->table = spec.table;
	return 0;
}

int of_act_read_goto_table(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint8_t table = 0;
	(void)arg;
	int err = read_table(r, word, word->value, word->value_len, OF_TABLE_MAX, &table);
	if (err)
		return err;
	if (table <= r->table)
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "goto_table must go to a table above the flow's own, %u",
				    r->table);
	struct of_act_resubmit *a = of_act_put(r, word, OF_RESUBMIT, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->table = table;
	a->is_goto = true;
	return 0;
}
