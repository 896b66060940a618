#include "ctl/swctl/help.h"

#include "ctl/port_kinds.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

// Lines that work as they stand, per method.
static const struct {
	const char *method, *line;
} examples[] = {
    {"port.add", "swctl add-port vm1 type=vhost-user path=/run/swd/vm1.sock mode=client queues=2"},
    {"port.add", "swctl add-port tap0 type=dpdk devargs=net_tap0,iface=swtap0 tag=10"},
    {"port.add", "swctl help add-port vhost-user"},
    {"port.del", "swctl del-port vm1"},
    {"port.list", "swctl list-ports --json"},
    {"flow.add", "swctl add-flow priority=10,tcp,in_port=vm1,tp_dst=80,actions=output:vm2"},
    {"flow.add", "swctl add-flow priority=20,arp,idle_timeout=60,actions=NORMAL"},
    {"flow.add_many", "swctl add-flows rules.txt"},
    {"flow.add_many", "swctl dump-flows --no-stats | swctl add-flows -"},
    {"flow.add_many", "echo delete tcp,in_port=vm1 | swctl add-flows -"},
    {"flow.mod", "swctl mod-flows tcp,in_port=vm1,actions=drop"},
    {"flow.mod", "swctl --strict mod-flows cookie=7/-1,priority=10,tcp,actions=NORMAL"},
    {"flow.del", "swctl del-flows tcp,in_port=vm1"},
    {"flow.del", "swctl del-flows cookie=0x10/0xf0,out_port=vm2"},
    {"flow.del", "swctl --strict del-flows table=1,priority=10,tcp"},
    {"flow.replace", "swctl replace-flows rules.txt"},
    {"flow.diff", "swctl diff-flows rules.txt"},
    {"flow.dump", "swctl dump-flows in_port=vm1"},
    {"flow.dump", "swctl dump-flows --sort=nw_dst table=1"},
    {"flow.dump", "swctl dump-flows --no-stats > rules.txt"},
    {"flow.aggregate", "swctl dump-aggregate out_port=vm2"},
    {"group.add", "swctl add-group group_id=1,type=select,bucket=output:vm1,bucket=output:vm2"},
    {"group.mod", "swctl mod-group --may-create group_id=1,type=all,bucket=output:vm1"},
    {"group.del", "swctl del-groups group_id=1"},
    {"meter.add", "swctl add-meter meter=1,kbps,burst,band=type=drop,rate=10000,burst_size=1000"},
    {"meter.del", "swctl del-meters meter=1"},
    {"meter.stats", "swctl meter-stats meter=1"},
    {"bundle", "printf 'group add group_id=1,type=all,bucket=output:vm1\\n"
	       "flow add arp,actions=group:1\\n' | swctl bundle -"},
    {"trace", "swctl trace in_port=vm1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80"},
    {"trace", "swctl trace --ct-state est,rpl in_port=vm2,tcp,tp_src=80"},
    {"trace", "swctl trace vm1 ffffffffffff 020000000001 0806 0001080006040001 020000000001 "
	      "0a000001 000000000000 0a000002"},
    {"trace", "swctl trace --skip 10 --count 5 vm1 capture.pcap"},
    {"dp.trace", "swctl dp trace vm1"},
    {"dp.trace", "swctl dp trace vm1 --count 10 --time 60"},
    {"stats", "swctl stats vm1"},
    {"drops", "swctl drops --json"},
    {"pmd.set", "swctl pmd set --cores 1,3-5 --isolated 5"},
    {"pmd.set", "swctl pmd set --port vm1 --queue 0 --core 5"},
    {"pmd.set", "swctl pmd set --idle-us 1000 --sleep-us 50"},
    {"pmd.rebalance", "swctl pmd rebalance --dry-run"},
    {"pmd.stats", "swctl pmd stats --interval 1"},
    {"pmd.stats", "swctl pmd stats --interval 10 --count 1 --json"},
};

// Options of one command alone.
static const struct {
	const char *method, *usage;
} own_options[] = {
    {"trace", " [--ct-state STATES]... [--skip N] [--count N]"},
    {"dp.trace", " [--count N] [--time SECONDS]"},
    {"pmd.stats", " [--interval SECONDS [--count N]]"},
};

#define N_EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static const char *const own_commands[][2] = {
    {"doctor [--json]", "what keeps the switch from working, or from working well, and how to mend "
			"each; exit status 1 when something does"},
    {"nic list [--json]", "this host's network cards on the PCI bus and who has them"},
    {"nic bind ADDRESS [DRIVER] [--force]",
     "give a network card to a driver: vfio-pci, for a port of type=nic, or the kernel's own"},
    {"nic unbind ADDRESS [--force]", "leave a network card without a driver"},
    {"help [COMMAND]", "this text, or one command's"},
    {"completion bash", "print a completion script for bash"},
};

#define N_OWN_COMMANDS (sizeof(own_commands) / sizeof(own_commands[0]))

void swctl_help(FILE *out)
{
	char usage[512];
	fputs("usage: swctl [OPTION...] COMMAND [WORD...]\n\nTalks to swctld, the control daemon "
	      "of the swd "
	      "switch.\n\nCommands:\n",
	      out);
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		if (!*rpc_methods[i].command)
			continue;
		swctl_command_usage(&rpc_methods[i], usage, sizeof(usage));
		fprintf(out, "  %s\n      %s\n", usage, rpc_methods[i].help);
	}
	for (unsigned i = 0; i < N_OWN_COMMANDS; i++)
		fprintf(out, "  %s\n      %s\n", own_commands[i][0], own_commands[i][1]);
	fputs("\nOptions:\n", out);
	for (unsigned i = 0; i < swctl_n_options_help; i++)
		fprintf(out, "  %-18s %s\n", swctl_options_help[i][0], swctl_options_help[i][1]);
	fputs("\nExit status: 0 done, 1 refused or failed, or a problem found by doctor, "
	      "2 wrong usage, or differences found by diff-flows.\n",
	      out);
}

void swctl_help_usage(const struct rpc_method *method, char *buf, size_t len)
{
	const char *own = "";
	for (unsigned i = 0; i < sizeof(own_options) / sizeof(own_options[0]); i++)
		if (strcmp(own_options[i].method, method->name) == 0)
			own = own_options[i].usage;
	swctl_command_usage(method, buf, len);
	size_t used = strlen(buf);
	snprintf(buf + used, len - used, "%s%s", own, method->has_json ? " [--json]" : "");
}

const char *swctl_help_own_usage(unsigned i)
{
	return i < N_OWN_COMMANDS ? own_commands[i][0] : NULL;
}

static void put_command_line(FILE *out, const struct rpc_method *method)
{
	char usage[512];
	swctl_help_usage(method, usage, sizeof(usage));
	fprintf(out, "swctl %s", usage);
}

void swctl_help_command(FILE *out, const struct rpc_method *method)
{
	fputs("usage: ", out);
	put_command_line(out, method);
	fprintf(out, "\n\n  %s\n", method->help);
	const char *title = "\nExamples:\n";
	for (unsigned i = 0; i < N_EXAMPLES; i++) {
		if (strcmp(examples[i].method, method->name) != 0)
			continue;
		fprintf(out, "%s  %s\n", title, examples[i].line);
		title = "";
	}
}

static bool starts_with_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	return strncmp(text, word, len) == 0 && text[len] == ' ';
}

static bool help_own(FILE *out, const char *word)
{
	const char *between = "";
	for (unsigned i = 0; i < N_OWN_COMMANDS; i++) {
		if (!starts_with_word(own_commands[i][0], word))
			continue;
		fprintf(out, "%susage: swctl %s\n\n  %s\n", between, own_commands[i][0],
			own_commands[i][1]);
		between = "\n";
	}
	return *between != '\0';
}

// All that starts with a word such as "dp".
static bool help_group(FILE *out, const char *word)
{
	const char *between = "";
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		if (!starts_with_word(rpc_methods[i].command, word))
			continue;
		fputs(between, out);
		swctl_help_command(out, &rpc_methods[i]);
		between = "\n";
	}
	return *between != '\0';
}

static int key_width(const struct port_kind_spec *kind)
{
	size_t width = strlen("trunks");
	for (const struct port_option_spec *o = kind->options; o->key; o++)
		width = strlen(o->key) > width ? strlen(o->key) : width;
	return (int)width;
}

static void put_option(FILE *out, int width, const struct port_option_spec *o)
{
	fprintf(out, "  %-*s  %s", width, o->key, o->help);
	if (o->type == PORT_OPTION_NUMBER || o->type == PORT_OPTION_POWER)
		fprintf(out, "; %u to %u%s", o->min, o->max,
			o->type == PORT_OPTION_POWER ? ", a power of two" : "");
	if (o->words)
		fprintf(out, "; %s", o->words);
	if (o->fallback)
		fprintf(out, "; else %s", o->fallback);
	fputs(o->required ? "; required\n" : "\n", out);
}

static void help_port_kinds(FILE *out)
{
	fputs("\nKinds (`swctl help add-port KIND` tells the options of one):\n", out);
	for (unsigned i = 0; i < n_port_kind_specs; i++)
		fprintf(out, "  %-12s %s\n", port_kind_specs[i].name, port_kind_specs[i].help);
}

// "add-port KIND".
static int help_port_kind(FILE *out, const char *name, char *err, size_t err_len)
{
	const struct port_kind_spec *kind = port_kind_spec_find(name, err, err_len);
	if (!kind)
		return -ENOENT;
	fprintf(out, "usage: swctl add-port NAME type=%s KEY=VALUE...\n\n  %s\n\nOptions:\n",
		kind->name, kind->help);
	int width = key_width(kind);
	for (const struct port_option_spec *o = kind->options; o->key; o++)
		put_option(out, width, o);
	fprintf(out, "  %-*s  VLAN of an access port; 1 to 4094\n", width, "tag");
	fprintf(out, "  %-*s  VLANs of a trunk, as 10,20,30-39; 0 is untagged\n", width, "trunks");
	fprintf(out, "\nExample:\n  swctl add-port %s\n", kind->example);
	return 0;
}

int swctl_help_words(FILE *out, char *const *words, int n, char *err, size_t err_len)
{
	int used;
	if (help_own(out, words[0]) || (n == 1 && help_group(out, words[0])))
		return 0;
	const struct rpc_method *method = swctl_command_find(words, n, &used, err, err_len);
	if (!method)
		return -ENOENT;
	if (strcmp(method->name, "port.add") == 0 && used < n)
		return help_port_kind(out, words[used], err, err_len);
	swctl_help_command(out, method);
	if (strcmp(method->name, "port.add") == 0)
		help_port_kinds(out);
	return 0;
}

static const char *param_meaning(const struct param_spec *spec)
{
	static const char *const meanings[] = {
	    [PARAM_STRING] = "string",
	    [PARAM_OBJECT] = "object of strings",
	    [PARAM_PORT] = "string, a port's name",
	    [PARAM_FLOW] = "string, in ovs-ofctl's syntax",
	    [PARAM_FILE] = "string, the file's lines",
	    [PARAM_FLAG] = "boolean",
	    [PARAM_FIELD] = "string, a field's name or `priority`",
	    [PARAM_NUMBER] = "whole number",
	    [PARAM_OPTION] = "string",
	    [PARAM_OPTIONS] = "array of strings",
	    [PARAM_AMOUNT] = "whole number",
	    [PARAM_FORM] = "boolean: one `text` for people, which swctl asks for without `--json`",
	};
	return meanings[spec->type];
}

static void markdown_params(FILE *out, const struct rpc_method *method)
{
	const char *cursor = method->params, *between = " with ";
	struct param_spec spec;
	fprintf(out, "Method `%s`", method->name);
	while (swctl_param_next(&cursor, &spec)) {
		fprintf(out, "%s`%s` (%s%s)", between, spec.name, param_meaning(&spec),
			spec.optional ? ", optional" : "");
		between = ", ";
	}
	fputs(".\n", out);
}

static void markdown_command(FILE *out, const struct rpc_method *method)
{
	fprintf(out, "\n## %s\n\n    ", method->command);
	put_command_line(out, method);
	fprintf(out, "\n\n%c%s.\n\n", toupper((unsigned char)method->help[0]), method->help + 1);
	markdown_params(out, method);
	const char *before = "\n    ";
	for (unsigned i = 0; i < N_EXAMPLES; i++) {
		if (strcmp(examples[i].method, method->name) != 0)
			continue;
		fprintf(out, "%s%s\n", before, examples[i].line);
		before = "    ";
	}
}

void swctl_help_markdown(FILE *out)
{
	fputs("# swctl: commands\n\nPrinted by `swctl help --markdown` from the method table, "
	      "`ctl/rpc_table.h`; do not "
	      "edit. Results are in\n[control-protocol.md](control-protocol.md).\n\n| option | "
	      "meaning |\n| --- | --- |\n",
	      out);
	for (unsigned i = 0; i < swctl_n_options_help; i++)
		fprintf(out, "| `%s` | %s |\n", swctl_options_help[i][0], swctl_options_help[i][1]);
	fputs("\nOptions may stand before or behind the command. Exit status: 0 done, 1 refused or "
	      "failed, or a problem\nfound by doctor, 2 wrong usage, or differences found by "
	      "diff-flows.\n",
	      out);
	fputs("\n| without a daemon | meaning |\n| --- | --- |\n", out);
	for (unsigned i = 0; i < N_OWN_COMMANDS; i++)
		fprintf(out, "| `%s` | %s |\n", own_commands[i][0], own_commands[i][1]);
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		if (*rpc_methods[i].command)
			markdown_command(out, &rpc_methods[i]);
	}
}
