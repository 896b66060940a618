#include "ctl/swctld/change.h"

#include "ctl/swctld/blame.h"
#include "ctl/swctld/change_command.h"
#include "ctl/swctld/disk_clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int change_begin(struct change *c, const struct swctld *d, const struct of_ports *ports, bool dry)
{
	*c = (struct change){.db = d->db,
			     .rules = d->rules,
			     .groups = d->groups,
			     .meters = d->meters,
			     .ports = ports,
			     .dry = dry};
	int err = dry ? 0 : db_begin(c->db);
	if (err)
		return err;
	uint64_t now_ms = clock_now_ms();
	int64_t wall_ms = disk_clock_ms();
	rules_begin(c->rules, now_ms, wall_ms, dry);
	items_begin(groups_items(c->groups), now_ms, wall_ms, dry);
	items_begin(meters_items(c->meters), now_ms, wall_ms, dry);
	return 0;
}

void change_abort(struct change *c)
{
	if (!c->dry)
		db_rollback(c->db);
	rules_undo(c->rules);
	items_undo(groups_items(c->groups));
	items_undo(meters_items(c->meters));
}

int change_commit(struct change *c, struct rules_change *what)
{
	int err = rules_finish(c->rules);
	if (!err && !c->dry)
		err = db_commit(c->db);
	if (err) {
		change_abort(c);
		return err;
	}
	rules_settle(c->rules, what);
	items_settle(groups_items(c->groups), &what->groups);
	items_settle(meters_items(c->meters), &what->meters);
	return 0;
}

const char *change_why(const struct change *c, int err)
{
	return err == -ENOMEM ? "out of memory" : db_error(c->db);
}

int change_command(struct change *c, const char *verb, const char *line, struct of_error *error)
{
	const char *space = strchr(verb, ' ');
	const struct change_command *command =
	    change_command_find(verb, (size_t)(space - verb), space + 1, strlen(space + 1));
	return command->run(c, command, line, error);
}

// The word at *at (letters and '_', up to white space or the end), or 0 bytes.
static size_t front_word(char *line, char **at)
{
	*at = line + strspn(line, " \t\r");
	size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyz_");
	return (*at)[len] == '\0' || strchr(" \t\r", (*at)[len]) ? len : 0;
}

static const char *const nouns[] = {
    [CHANGE_FLOWS] = "flow",
    [CHANGE_GROUPS] = "group",
    [CHANGE_METERS] = "meter",
};

// The noun in front of a bundle's line, which becomes white space.
static const char *take_noun(char *line, struct of_error *error)
{
	char *at;
	size_t len = front_word(line, &at);
	for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
		if (strlen(nouns[i]) == len && memcmp(at, nouns[i], len) == 0) {
			memset(at, ' ', len);
			return nouns[i];
		}
	}
	of_error_set(error, line, at, len ? len : strcspn(at, " \t\r,"),
		     "a line of a bundle starts with flow, group or meter");
	return NULL;
}

// The command that words in front name. They become white space, so that columns stay.
static const struct change_command *take_command(enum change_syntax syntax, char *line,
						 struct of_error *error)
{
	if (syntax == CHANGE_REPLACE)
		return change_command_find("whole", 5, "set", 3);
	const char *noun = syntax == CHANGE_BUNDLE ? take_noun(line, error) : nouns[syntax];
	if (!noun)
		return NULL;
	char *at;
	size_t len = front_word(line, &at);
	const struct change_command *command = change_command_find(noun, strlen(noun), at, len);
	if (!command)
		return change_command_find(noun, strlen(noun), "add", 3);
	memset(at, ' ', len);
	return command;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r")] == '\0';
}

static int run_line(struct change *c, enum change_syntax syntax, char *line, struct of_error *error)
{
	char *comment = strchr(line, '#'); // no text has one
	if (comment)
		*comment = '\0';
	if (is_blank(line))
		return 0;
	const struct change_command *command = take_command(syntax, line, error);
	return command ? command->run(c, command, line, error) : -EINVAL;
}

int change_lines(struct change *c, enum change_syntax syntax, const char *text, size_t len,
		 size_t *line, struct of_error *error)
{
	const char *end = text + len;
	char *buf = NULL;
	size_t room = 0;
	int err = 0;
	*line = 0;
	if (syntax == CHANGE_REPLACE)
		rules_replace_begin(c->rules);
	while (text < end && !err) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		if (n >= room) {
			room = 2 * n + 256;
			free(buf);
			buf = malloc(room);
			if (!buf)
				return -ENOMEM;
		}
		memcpy(buf, text, n);
		buf[n] = '\0';
		text += n + 1;
		++*line;
		err = run_line(c, syntax, buf, error);
	}
	free(buf);
	if (!err && syntax == CHANGE_REPLACE)
		err = rules_replace_end(c->rules);
	return err;
}
