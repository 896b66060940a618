#include "ctl/swctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	OPT_RUN_DIR = 256,
	OPT_JSON,
	OPT_NO_STATS,
	OPT_TIMEOUT,
	OPT_INTERVAL,
	OPT_COUNT,
	OPT_MARKDOWN,
	OPT_VERSION
};

static const struct option long_options[] = {
    {"run-dir", required_argument, NULL, OPT_RUN_DIR},
    {"json", no_argument, NULL, OPT_JSON},
    {"no-stats", no_argument, NULL, OPT_NO_STATS},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"count", required_argument, NULL, OPT_COUNT},
    {"markdown", no_argument, NULL, OPT_MARKDOWN},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

const char *const swctl_options_help[][2] = {
    {"--run-dir DIR",
     "where swctld's control.sock is (default: $SWD_RUN_DIR, else " SWCTL_RUN_DIR ")"},
    {"--json", "print the result as JSON"},
    {"--no-stats", "dump-flows: print rules as add-flows takes them"},
    {"--timeout SECONDS", "give up after so long without a sign of swctld (default 60, 0: never)"},
    {"--interval SECONDS", "pmd stats: count over so long, again and again"},
    {"--count N", "with --interval: so many times, then end"},
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

int swctl_options_parse(int argc, char **argv, struct swctl_options *options, int *first, char *err,
			size_t err_len)
{
	set_defaults(options);
	opterr = 0;
	optind = 0;
	int opt;
	while ((opt = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (opt) {
		case OPT_RUN_DIR:
			options->run_dir = optarg;
			break;
		case OPT_JSON:
			options->json = true;
			break;
		case OPT_NO_STATS:
			options->no_stats = true;
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
			if (take_number(opt, optarg, options, err, err_len))
				return -EINVAL;
			break;
		case ':':
			snprintf(err, err_len, "%s needs a value", argv[optind - 1]);
			return -EINVAL;
		default:
			snprintf(err, err_len, "no option \"%s\"", argv[optind - 1]);
			return -EINVAL;
		}
	}
	*first = optind;
	if (options->count && !options->interval_s) {
		snprintf(err, err_len, "--count needs --interval: how long each is");
		return -EINVAL;
	}
	return 0;
}
