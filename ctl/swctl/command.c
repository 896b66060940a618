#include "ctl/swctl/command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const param_types[] = {
    [PARAM_STRING] = "string", [PARAM_OBJECT] = "object", [PARAM_PORT] = "port",
    [PARAM_FLOW] = "flow",     [PARAM_FILE] = "file",	  [PARAM_FLAG] = "flag",
    [PARAM_FIELD] = "field",   [PARAM_FORM] = "form",	  [PARAM_NUMBER] = "number",
    [PARAM_OPTION] = "option", [PARAM_AMOUNT] = "amount", [PARAM_OPTIONS] = "options",
};

// Parameters that an operator writes as KEY=VALUE, so that add-port's line is uniform.
static const struct {
	const char *param, *key;
} keyed_params[] = {
    {"kind", "type"},
};

static enum param_type type_of(const char *name, size_t len)
{
	for (unsigned i = 0; i < sizeof(param_types) / sizeof(param_types[0]); i++)
		if (strlen(param_types[i]) == len && memcmp(param_types[i], name, len) == 0)
			return (enum param_type)i;
	return PARAM_STRING;
}

static const char *key_of(const char *param)
{
	for (unsigned i = 0; i < sizeof(keyed_params) / sizeof(keyed_params[0]); i++)
		if (strcmp(keyed_params[i].param, param) == 0)
			return keyed_params[i].key;
	return NULL;
}

bool swctl_param_next(const char **cursor, struct param_spec *spec)
{
	const char *start = *cursor + strspn(*cursor, " ");
	size_t len = strcspn(start, " ");
	if (len == 0)
		return false;
	*cursor = start + len;
	spec->optional = start[len - 1] == '?';
	if (spec->optional)
		len--;
	const char *colon = memchr(start, ':', len);
	size_t name_len = colon ? (size_t)(colon - start) : len;
	snprintf(spec->name, sizeof(spec->name), "%.*s", (int)name_len, start);
	spec->type = colon ? type_of(colon + 1, len - name_len - 1) : PARAM_STRING;
	spec->key = key_of(spec->name);
	return true;
}

static void append(char *buf, size_t len, const char *text)
{
	size_t used = strlen(buf);
	snprintf(buf + used, len - used, "%s", text);
}

static void append_upper(char *buf, size_t len, const char *text)
{
	size_t used = strlen(buf);
	append(buf, len, text);
	for (char *c = buf + used; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

bool swctl_param_is_word(const struct param_spec *spec)
{
	return spec->type < PARAM_FLAG;
}

bool swctl_param_has_value(const struct param_spec *spec)
{
	return spec->type == PARAM_OPTION || spec->type == PARAM_OPTIONS ||
	       spec->type == PARAM_AMOUNT;
}

bool swctl_param_is_option(const struct param_spec *spec)
{
	return spec->type == PARAM_FLAG || spec->type == PARAM_FIELD || swctl_param_has_value(spec);
}

// "no_stats" is --no-stats.
static void append_option(char *buf, size_t len, const char *name)
{
	append(buf, len, "--");
	size_t used = strlen(buf);
	append(buf, len, name);
	for (char *c = buf + used; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
}

void swctl_param_usage(const struct param_spec *spec, char *buf, size_t len)
{
	buf[0] = '\0';
	if (spec->key) {
		append(buf, len, spec->key);
		append(buf, len, "=");
	}
	if (spec->type == PARAM_OBJECT)
		append(buf, len, "KEY=VALUE...");
	else if (spec->type == PARAM_FILE)
		append(buf, len, "FILE|-");
	else if (swctl_param_is_option(spec))
		append_option(buf, len, spec->name);
	else
		append_upper(buf, len, spec->name);
	if (spec->type == PARAM_FIELD)
		append(buf, len, "[=FIELD]");
	if (swctl_param_has_value(spec))
		append(buf, len, spec->type == PARAM_AMOUNT ? " N" : " VALUE");
}

// Of a command that reads its words itself.
static const struct {
	const char *method, *usage;
} own_usages[] = {
    {"trace", "trace FLOW | PORT HEX... | PORT FILE|-"},
};

void swctl_command_usage(const struct rpc_method *method, char *buf, size_t len)
{
	for (unsigned i = 0; i < sizeof(own_usages) / sizeof(own_usages[0]); i++) {
		if (strcmp(own_usages[i].method, method->name) == 0) {
			snprintf(buf, len, "%s", own_usages[i].usage);
			return;
		}
	}
	snprintf(buf, len, "%s", method->command);
	const char *cursor = method->params;
	struct param_spec spec;
	char shown[64];
	while (swctl_param_next(&cursor, &spec)) {
		if (spec.type == PARAM_FORM || spec.type == PARAM_NUMBER)
			continue;
		swctl_param_usage(&spec, shown, sizeof(shown));
		append(buf, len, spec.optional ? " [" : " ");
		append(buf, len, shown);
		append(buf, len, spec.optional ? "]" : "");
	}
}

// How many words a command has when the given words start with it; 0 otherwise.
static int words_matched(const char *command, char *const *words, int n)
{
	int used = 0;
	while (*command) {
		size_t len = strcspn(command, " ");
		if (used == n || strlen(words[used]) != len ||
		    memcmp(words[used], command, len) != 0)
			return 0;
		command += len + strspn(command + len, " ");
		used++;
	}
	return used;
}

// Levenshtein's distance, for short words.
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t len = strlen(b);
	if (len >= sizeof(row) / sizeof(row[0]))
		return 64;
	for (size_t j = 0; j <= len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= len; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			unsigned insert = row[j] + 1;
			unsigned remove = row[j - 1] + 1;
			row[j] = change < insert ? change : insert;
			row[j] = row[j] < remove ? row[j] : remove;
		}
	}
	return row[len];
}

// What may stand behind a first word such as "dp": " show, dump-flows".
static void list_seconds(const char *word, char *buf, size_t len)
{
	size_t word_len = strlen(word);
	buf[0] = '\0';
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		const char *command = rpc_methods[i].command;
		if (strncmp(command, word, word_len) != 0 || command[word_len] != ' ')
			continue;
		append(buf, len, buf[0] ? ", " : "");
		append(buf, len, command);
	}
}

static const char *nearest(const char *typed)
{
	const char *best = NULL;
	unsigned best_distance = 3; // farther is no slip of the finger
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		unsigned d = distance(typed, rpc_methods[i].command);
		if (*rpc_methods[i].command && d < best_distance) {
			best_distance = d;
			best = rpc_methods[i].command;
		}
	}
	return best;
}

static void explain_unknown(char *const *words, int n, char *err, size_t err_len)
{
	char seconds[256];
	list_seconds(words[0], seconds, sizeof(seconds));
	if (seconds[0]) {
		snprintf(err, err_len, "\"%s%s%s\" is not a command; there are: %s", words[0],
			 n > 1 ? " " : "", n > 1 ? words[1] : "", seconds);
		return;
	}
	const char *guess = nearest(words[0]);
	if (guess)
		snprintf(err, err_len, "no command \"%s\"; did you mean %s?", words[0], guess);
	else
		snprintf(err, err_len, "no command \"%s\"; `swctl help` lists them", words[0]);
}

const struct rpc_method *swctl_command_find(char *const *words, int n, int *n_used, char *err,
					    size_t err_len)
{
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		*n_used = words_matched(rpc_methods[i].command, words, n);
		if (*n_used > 0)
			return &rpc_methods[i];
	}
	explain_unknown(words, n, err, err_len);
	return NULL;
}
