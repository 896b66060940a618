// The completion script: words from the method table, port names from the running switch.
#include "ctl/port_kinds.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/help.h"
#include "ctl/swctl/options.h"

#include <string.h>

// What a command's words complete to: the shell function's case labels.
static const char *completion_of(const struct param_spec *spec)
{
	static const char *const actions[] = {
	    [PARAM_STRING] = "",
	    [PARAM_OBJECT] = "_swctl_keys",
	    [PARAM_PORT] = "_swctl_ports",
	    [PARAM_FLOW] = "_swctl_flow",
	    [PARAM_FILE] = "compopt -o default",
	    [PARAM_FLAG] = "",
	    [PARAM_FIELD] = "",
	    [PARAM_FORM] = "",
	    [PARAM_NUMBER] = "",
	    [PARAM_OPTION] = "",
	    [PARAM_OPTIONS] = "",
	    [PARAM_AMOUNT] = "",
	};
	return actions[spec->type];
}

static const char *completion_of_method(const struct rpc_method *method)
{
	const char *cursor = method->params, *action = "";
	struct param_spec spec;
	if (strcmp(method->name, "trace") == 0)
		return "_swctl_trace";
	while (swctl_param_next(&cursor, &spec)) {
		if (swctl_param_is_word(&spec))
			action = completion_of(&spec);
	}
	return action;
}

// Options that every command takes.
#define EVERYWHERE " --run-dir --timeout --help --version"

static const char head[] =
    "# bash completion of swctl; printed by `swctl completion bash`.\n"
    "\n"
    "_swctl_words()\n"
    "{\n"
    "\tmapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$cur\")\n"
    "}\n"
    "\n"
    "_swctl_port_names()\n"
    "{\n"
    "\t\"${COMP_WORDS[0]}\" \"${where[@]}\" --timeout 2 --json list-ports 2>/dev/null |\n"
    "\t\tsed -n 's/^ *\"name\": \"\\(.*\\)\",\\{0,1\\}$/\\1/p'\n"
    "}\n"
    "\n"
    "_swctl_ports()\n"
    "{\n"
    "\t_swctl_words \"$(_swctl_port_names)\"\n"
    "}\n";

static const char functions[] =
    "# Behind in_port= and output: a port; the shell splits words at both signs.\n"
    "_swctl_flow()\n"
    "{\n"
    "\tcase ${key##*,} in\n"
    "\tin_port | output | out_port) _swctl_ports ;;\n"
    "\tesac\n"
    "}\n"
    "\n"
    "# A flow, or a port and a file.\n"
    "_swctl_trace()\n"
    "{\n"
    "\tif [[ $key ]]; then\n"
    "\t\t_swctl_flow\n"
    "\telif [[ $command == trace ]]; then\n"
    "\t\t_swctl_ports\n"
    "\telse\n"
    "\t\tcompopt -o default\n"
    "\tfi\n"
    "}\n"
    "\n"
    "_swctl()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} key='' i word command='' where=()\n"
    "\tCOMPREPLY=()\n"
    "\tif [[ $cur == [=:] ]]; then\n"
    "\t\tkey=${COMP_WORDS[COMP_CWORD - 1]} cur=''\n"
    "\telif ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[COMP_CWORD - 1]} == [=:] ]]; then\n"
    "\t\tkey=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "\tfi\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tword=${COMP_WORDS[i]}\n"
    "\t\tcase $word in\n"
    "\t\t--run-dir)\n"
    "\t\t\t[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n"
    "\t\t\t((++i < COMP_CWORD)) && where=(--run-dir \"${COMP_WORDS[i]}\")\n"
    "\t\t\t;;\n"
    "\t\t--timeout | --interval | --count | --skip | --time";

static const char behind_words[] =
    ")\n"
    "\t\t\t[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n"
    "\t\t\t((i++))\n"
    "\t\t\t;;\n"
    "\t\t-*) ;;\n"
    "\t\t*) command+=\"${command:+ }$word\" ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tif [[ $cur == -* ]]; then\n"
    "\t\tcase $command in\n"
    "\t\t'') _swctl_words" EVERYWHERE " --json --interval --count --skip --time --force";

static const char tail[] = "\t\t*) _swctl_words" EVERYWHERE " ;;\n"
			   "\t\tesac\n"
			   "\t\treturn\n"
			   "\tfi\n"
			   "\tcase ${key:-${COMP_WORDS[COMP_CWORD - 1]}} in\n"
			   "\t--run-dir)\n"
			   "\t\tcompopt -o dirnames\n"
			   "\t\treturn\n"
			   "\t\t;;\n"
			   "\t--port)\n"
			   "\t\t_swctl_ports\n"
			   "\t\treturn\n"
			   "\t\t;;\n"
			   "\t--timeout | --interval | --count | --skip | --time";

static const char commands[] = ") return ;;\n"
			       "\tesac\n"
			       "\tcase $command in\n";

// First words of commands, each once; with `first`, the second words that stand behind it.
static void put_words(FILE *out, const char *first)
{
	const char *last = "";
	size_t last_len = 0;
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		const char *word = rpc_methods[i].command;
		if (first) {
			size_t len = strlen(first);
			if (strncmp(word, first, len) != 0 || word[len] != ' ')
				continue;
			word += len + 1;
		}
		size_t len = strcspn(word, " ");
		if (len == 0)
			continue;
		if (len == last_len && memcmp(word, last, len) == 0)
			continue;
		fprintf(out, " %.*s", (int)len, word);
		last = word;
		last_len = len;
	}
}

static void put_second_words(FILE *out)
{
	char first[32], last[32] = "";
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		const char *command = rpc_methods[i].command;
		size_t len = strcspn(command, " ");
		snprintf(first, sizeof(first), "%.*s", (int)len, command);
		if (!command[len] || strcmp(first, last) == 0)
			continue;
		memcpy(last, first, sizeof(last));
		fprintf(out, "\t%s) _swctl_words", first);
		put_words(out, first);
		fputs(" ;;\n", out);
	}
}

static void put_kinds(FILE *out)
{
	for (unsigned i = 0; i < n_port_kind_specs; i++)
		fprintf(out, " %s", port_kind_specs[i].name);
}

// The case labels of one kind: its words, and what stands behind each.
static void put_kind(FILE *out, const struct port_kind_spec *kind)
{
	for (const struct port_option_spec *o = kind->options; o->key; o++) {
		if (o->type == PORT_OPTION_PATH)
			fprintf(out, "\t'%s %s') compopt -o default ;;\n", kind->name, o->key);
		if (o->type != PORT_OPTION_WORD)
			continue;
		fprintf(out, "\t'%s %s') _swctl_words", kind->name, o->key);
		for (const char *c = o->words; *c;
		     c += strcspn(c, "|") + (c[strcspn(c, "|")] == '|'))
			fprintf(out, " %.*s", (int)strcspn(c, "|"), c);
		fputs(" ;;\n", out);
	}
	fprintf(out, "\t'%s ')\n\t\tcompopt -o nospace\n\t\t_swctl_words", kind->name);
	for (const struct port_option_spec *o = kind->options; o->key; o++)
		fprintf(out, " %s=", o->key);
	fputs(" tag= trunks=\n\t\t;;\n", out);
}

// Behind `add-port NAME`: type=, then what that kind takes.
static void put_keys(FILE *out)
{
	fputs("\n_swctl_keys()\n{\n\tlocal kind='' i\n"
	      "\tfor ((i = 1; i < COMP_CWORD - 1; i++)); do\n"
	      "\t\t[[ ${COMP_WORDS[i]} == type ]] && kind=${COMP_WORDS[i + 2]}\n"
	      "\tdone\n"
	      "\tcase \"$kind $key\" in\n"
	      "\t*' type') _swctl_words",
	      out);
	put_kinds(out);
	fputs(" ;;\n\t' ')\n\t\tcompopt -o nospace\n\t\t_swctl_words type=\n\t\t;;\n", out);
	for (unsigned i = 0; i < n_port_kind_specs; i++)
		put_kind(out, &port_kind_specs[i]);
	fputs("\tesac\n}\n\n", out);
}

static void put_option(const char *name, bool has_value, void *out)
{
	(void)has_value;
	fprintf(out, " --%s", name);
}

// As one more pattern of a case.
static void put_option_with_value(const char *name, bool has_value, void *out)
{
	if (has_value)
		fprintf(out, " | --%s", name);
}

// The options in a command's usage, as a case of its words: "nic bind ADDRESS [--force]".
static void put_options_of(FILE *out, const char *usage)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
	int len = (int)strspn(usage, "abcdefghijklmnopqrstuvwxyz- ");
	const char *at = strstr(usage, "--");
	if (!at)
		return;
	while (len > 0 && usage[len - 1] == ' ')
		len--;
	fprintf(out, "\t\t'%.*s' | '%.*s '*) _swctl_words" EVERYWHERE, len, usage, len, usage);
	for (; at; at = strstr(at + 2, "--"))
		fprintf(out, " %.*s", (int)strspn(at, letters), at);
	fputs(" ;;\n", out);
}

static void put_options_of_commands(FILE *out)
{
	char usage[512];
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		swctl_help_usage(&rpc_methods[i], usage, sizeof(usage));
		if (*rpc_methods[i].command)
			put_options_of(out, usage);
	}
	for (unsigned i = 0; swctl_help_own_usage(i); i++)
		put_options_of(out, swctl_help_own_usage(i));
}

void swctl_completion_bash(FILE *out)
{
	fputs(head, out);
	put_keys(out);
	fputs(functions, out);
	swctl_options_each(put_option_with_value, out);
	fputs(behind_words, out);
	swctl_options_each(put_option, out);
	fputs(" ;;\n", out);
	put_options_of_commands(out);
	fputs(tail, out);
	swctl_options_each(put_option_with_value, out);
	fputs(commands, out);
	fputs("\t'') _swctl_words", out);
	put_words(out, NULL);
	fputs(" doctor nic help completion ;;\n", out);
	put_second_words(out);
	fputs("\thelp) _swctl_words", out);
	put_words(out, NULL);
	fputs(" doctor nic completion ;;\n\t'help add-port') _swctl_words", out);
	put_kinds(out);
	fputs(" ;;\n\tcompletion) _swctl_words bash ;;\n"
	      "\tnic) _swctl_words list bind unbind ;;\n",
	      out);
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		const char *action = completion_of_method(&rpc_methods[i]);
		if (*rpc_methods[i].command && *action)
			fprintf(out, "\t'%s' | '%s '*) %s ;;\n", rpc_methods[i].command,
				rpc_methods[i].command, action);
	}
	fputs("\tesac\n}\n\ncomplete -F _swctl swctl\n", out);
}
