#include "ctl/swctl/options.h"

#include "ctl/swctl/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_RUN_DIR = 256,
	OPT_JSON,
	OPT_TIMEOUT,
	OPT_INTERVAL,
	OPT_COUNT,
	OPT_SKIP,
	OPT_TIME,
	OPT_FORCE,
	OPT_MARKDOWN,
	OPT_VERSION,
	OPT_GIVEN, // and above: options of commands
};

#define N_OPTIONS_MAX 64

static const struct option long_options[] = {
    {"run-dir", required_argument, NULL, OPT_RUN_DIR},
    {"json", no_argument, NULL, OPT_JSON},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"count", required_argument, NULL, OPT_COUNT},
    {"skip", required_argument, NULL, OPT_SKIP},
    {"time", required_argument, NULL, OPT_TIME},
    {"force", no_argument, NULL, OPT_FORCE},
    {"markdown", no_argument, NULL, OPT_MARKDOWN},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
};

#define N_OWN (sizeof(long_options) / sizeof(long_options[0]))

const char *const swctl_options_help[][2] = {
    {"--run-dir DIR",
     "where swctld's control.sock is (default: $SWD_RUN_DIR, else " SWCTL_RUN_DIR ")"},
    {"--json", "print the result as JSON"},
    {"--timeout SECONDS", "give up after so long without a sign of swctld (default 60, 0: never)"},
    {"--interval SECONDS", "pmd stats: count over so long, again and again"},
    {"--count N", "with --interval: so many times, then end; trace, dp trace: so many packets"},
    {"--skip N", "trace: leave out a file's first N packets"},
    {"--time SECONDS", "dp trace: end after so long (default 10)"},
    {"--force", "nic bind, nic unbind: the card of the default route as well"},
    {"-h, --help", "print help, of one command too"},
    {"--version", "print swctl's version"},
};
const unsigned swctl_n_options_help = sizeof(swctl_options_help) / sizeof(swctl_options_help[0]);

static int parse_number(const char *text, long min, long max, unsigned *number)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		return -EINVAL;
	*number = (unsigned)value;
	return 0;
}

// Options that are numbers.
static const struct {
	int opt;
	const char *takes;
	long min, max;
	size_t offset; // in struct swctl_options, of an unsigned
} numbers[] = {
    {OPT_TIMEOUT, "--timeout takes seconds", 0, 86400, offsetof(struct swctl_options, timeout_s)},
    {OPT_INTERVAL, "--interval takes seconds", 1, 86400,
     offsetof(struct swctl_options, interval_s)},
    {OPT_COUNT, "--count takes a number", 1, 1000000, offsetof(struct swctl_options, count)},
    {OPT_SKIP, "--skip takes a number", 1, 1000000000, offsetof(struct swctl_options, skip)},
    {OPT_TIME, "--time takes seconds", 1, 600, offsetof(struct swctl_options, time_s)},
};

static int take_number(int opt, const char *text, struct swctl_options *options, char *err,
		       size_t err_len)
{
	unsigned i = 0;
	while (numbers[i].opt != opt)
		i++;
	unsigned *number = (unsigned *)(void *)((char *)options + numbers[i].offset);
	if (parse_number(text, numbers[i].min, numbers[i].max, number) == 0)
		return 0;
	snprintf(err, err_len, "%s, %ld to %ld, not \"%s\"", numbers[i].takes, numbers[i].min,
		 numbers[i].max, text);
	return -EINVAL;
}

static void set_defaults(struct swctl_options *options)
{
	const char *dir = getenv("SWD_RUN_DIR");
	*options = (struct swctl_options){.run_dir = dir && *dir ? dir : SWCTL_RUN_DIR,
					  .timeout_s = SWCTL_TIMEOUT_S};
}

struct option_set {
	struct option list[N_OPTIONS_MAX + 1]; // ends with zeros
	char names[N_OPTIONS_MAX][32];
	unsigned n;
};

static bool set_has(const struct option_set *set, const char *name)
{
	for (unsigned i = 0; i < set->n; i++) {
		if (strcmp(set->list[i].name, name) == 0)
			return true;
	}
	return false;
}

static void add_option(struct option_set *set, const struct param_spec *spec)
{
	if (set->n == N_OPTIONS_MAX)
		return;
	char *name = set->names[set->n];
	for (size_t i = 0; i < sizeof(set->names[0]); i++)
		name[i] = spec->name[i] == '_' ? '-' : spec->name[i];
	if (set_has(set, name))
		return;
	set->list[set->n] = (struct option){
	    .name = name,
	    .has_arg = swctl_param_has_value(spec) ? required_argument
		       : spec->type == PARAM_FIELD ? optional_argument
						   : no_argument,
	    .val = OPT_GIVEN + (int)set->n,
	};
	set->n++;
}

// The options of all commands, behind `set`'s own.
static void add_commands(struct option_set *set)
{
	struct param_spec spec;
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		const char *cursor = *rpc_methods[i].command ? rpc_methods[i].params : "";
		while (swctl_param_next(&cursor, &spec)) {
			if (swctl_param_is_option(&spec))
				add_option(set, &spec);
		}
	}
}

void swctl_options_each(void (*fn)(const char *name, bool has_value, void *arg), void *arg)
{
	struct option_set set = {.n = 0};
	add_commands(&set);
	for (unsigned i = 0; i < set.n; i++)
		fn(set.list[i].name, set.list[i].has_arg == required_argument, arg);
}

static int take_given(const struct option_set *set, int opt, struct swctl_options *options,
		      char *err, size_t err_len)
{
	const char *name = set->list[opt - OPT_GIVEN].name;
	if (options->n_given == SWCTL_GIVEN_MAX) {
		snprintf(err, err_len, "--%s is one option too many", name);
		return -EINVAL;
	}
	struct swctl_given *given = &options->given[options->n_given++];
	for (size_t i = 0; i < sizeof(given->name); i++)
		given->name[i] = name[i] == '-' ? '_' : name[i];
	given->value = optarg ? optarg : "";
	return 0;
}

int swctl_options_parse(int argc, char **argv, struct swctl_options *options, int *first, char *err,
			size_t err_len)
{
	set_defaults(options);
	struct option_set set = {.n = N_OWN};
	memcpy(set.list, long_options, sizeof(long_options));
	add_commands(&set);
	opterr = 0;
	optind = 0;
	int opt;
	while ((opt = getopt_long(argc, argv, ":h", set.list, NULL)) != -1) {
		switch (opt) {
		case OPT_RUN_DIR:
			if (!*optarg) {
				snprintf(err, err_len, "--run-dir needs a value");
				return -EINVAL;
			}
			options->run_dir = optarg;
			break;
		case OPT_JSON:
			options->json = true;
			break;
		case OPT_FORCE:
			options->force = true;
			break;
		case OPT_MARKDOWN:
			options->markdown = true;
			break;
		case OPT_VERSION:
			options->version = true;
			break;
		case 'h':
			options->help = true;
			break;
		case OPT_TIMEOUT:
		case OPT_INTERVAL:
		case OPT_COUNT:
		case OPT_SKIP:
		case OPT_TIME:
			if (take_number(opt, optarg, options, err, err_len))
				return -EINVAL;
			break;
		case ':':
			snprintf(err, err_len, "%s needs a value", argv[optind - 1]);
			return -EINVAL;
		default:
			if (opt >= OPT_GIVEN) {
				if (take_given(&set, opt, options, err, err_len))
					return -EINVAL;
				break;
			}
			snprintf(err, err_len, "no option \"%s\"", argv[optind - 1]);
			return -EINVAL;
		}
	}
	*first = optind;
	return 0;
}
