// swctl: the switch's command line, over swctld's control socket.
#include "ctl/rpc_table.h"
#include "ctl/swctl/args.h"
#include "ctl/swctl/client.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/complain.h"
#include "ctl/swctl/help.h"
#include "ctl/swctl/lines.h"
#include "ctl/swctl/options.h"
#include "ctl/swctl/print.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static void complain(const char *text)
{
	swctl_complain(stderr, swctl_complain_style(stderr), text, NULL, NULL, NULL);
}

static int wrong_usage(const struct rpc_method *method, const char *text)
{
	char line[1024], usage[256] = "[OPTION...] COMMAND [WORD...]";
	if (method)
		swctl_command_usage(method, usage, sizeof(usage));
	snprintf(line, sizeof(line), "%s (usage: swctl %s)", text, usage);
	complain(line);
	return SWCTL_USAGE;
}

// A full disk or a closed pipe behind stdout must not look like success.
static int finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "swctl: cannot write the output: %s\n", strerror(errno));
	return SWCTL_FAILED;
}

static int help(const struct swctl_options *options, char **words, int n)
{
	char err[256];
	if (options->markdown)
		swctl_help_markdown(stdout);
	else if (n == 0)
		swctl_help(stdout);
	else if (swctl_help_words(stdout, words, n, err, sizeof(err)))
		return wrong_usage(NULL, err);
	return finish_output(SWCTL_OK);
}

static const char *file_of(const struct rpc_method *method, char **words, int n)
{
	const char *cursor = method->params;
	struct param_spec spec;
	while (swctl_param_next(&cursor, &spec))
		if (spec.type == PARAM_FILE && n > 0)
			return swctl_lines_name(words[0]);
	return NULL;
}

static int call(const struct rpc_method *method, const struct swctl_options *options,
		json_t *params, const char *file)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/control.sock", options->run_dir) >=
	    sizeof(path)) {
		complain("--run-dir: the path is too long");
		return SWCTL_FAILED;
	}
	struct swctl_error error;
	json_t *result = swctl_call(path, options->timeout_s, method->name, params, &error);
	if (!result) {
		swctl_complain(stderr, swctl_complain_style(stderr), error.text, error.data, params,
			       file);
		json_decref(error.data);
		return SWCTL_FAILED;
	}
	int ret = swctl_print(method, result, options, stdout);
	json_decref(result);
	if (ret)
		complain("out of memory");
	return finish_output(ret ? SWCTL_FAILED : SWCTL_OK);
}

static int run(const struct swctl_options *options, char **words, int n)
{
	char err[512];
	int used;
	const struct rpc_method *method = swctl_command_find(words, n, &used, err, sizeof(err));
	if (!method)
		return wrong_usage(NULL, err);
	if (options->json && !method->reading) {
		snprintf(err, sizeof(err), "%s changes things and has no --json", method->command);
		return wrong_usage(method, err);
	}
	json_t *params;
	int ret = swctl_args_build(method, words + used, n - used, &params, err, sizeof(err));
	if (ret == -EINVAL)
		return wrong_usage(method, err);
	if (ret) {
		complain(err);
		return SWCTL_FAILED;
	}
	ret = call(method, options, params, file_of(method, words + used, n - used));
	json_decref(params);
	return ret;
}

int main(int argc, char **argv)
{
	struct swctl_options options;
	char err[256];
	int first;
	setlocale(LC_CTYPE, "");
	if (swctl_options_parse(argc, argv, &options, &first, err, sizeof(err)))
		return wrong_usage(NULL, err);
	char **words = argv + first;
	int n = argc - first;
	if (options.version) {
		printf("swctl %s\n", SWD_VERSION);
		return finish_output(SWCTL_OK);
	}
	if (options.help)
		return help(&options, words, n);
	if (n == 0)
		return wrong_usage(NULL, "a command is missing; `swctl help` lists them");
	if (strcmp(words[0], "help") == 0)
		return help(&options, words + 1, n - 1);
	if (strcmp(words[0], "completion") != 0)
		return run(&options, words, n);
	if (n != 2 || strcmp(words[1], "bash") != 0)
		return wrong_usage(NULL, "completion is there for bash: swctl completion bash");
	swctl_completion_bash(stdout);
	return finish_output(SWCTL_OK);
}
