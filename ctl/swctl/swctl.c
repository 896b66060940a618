// swctl: the switch's command line, over swctld's control socket.
#include "ctl/rpc_table.h"
#include "ctl/swctl/args.h"
#include "ctl/swctl/client.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/complain.h"
#include "ctl/swctl/help.h"
#include "ctl/swctl/interval.h"
#include "ctl/swctl/lines.h"
#include "ctl/swctl/options.h"
#include "ctl/swctl/print.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

// The result, or NULL when the complaint is made.
static json_t *call(const struct rpc_method *method, const struct swctl_options *options,
		    json_t *params, const char *file)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/control.sock", options->run_dir) >=
	    sizeof(path)) {
		complain("--run-dir: the path is too long");
		return NULL;
	}
	struct swctl_error error;
	json_t *result = swctl_call(path, options->timeout_s, method->name, params, &error);
	if (!result) {
		swctl_complain(stderr, swctl_complain_style(stderr), error.text, error.data, params,
			       file);
		json_decref(error.data);
	}
	return result;
}

static int print(const struct rpc_method *method, const struct swctl_options *options,
		 const json_t *result)
{
	int ret = swctl_print(method, result, options, stdout);
	if (ret)
		complain("out of memory");
	return finish_output(ret ? SWCTL_FAILED : SWCTL_OK);
}

static int call_once(const struct rpc_method *method, const struct swctl_options *options,
		     json_t *params, const char *file)
{
	json_t *result = call(method, options, params, file);
	int status = result ? print(method, options, result) : SWCTL_FAILED;
	if (status == SWCTL_OK && strcmp(method->name, "flow.diff") == 0 &&
	    json_array_size(json_object_get(result, "lines")) > 0)
		status = SWCTL_DIFFERS;
	json_decref(result);
	return status;
}

static int call_again(const struct rpc_method *method, const struct swctl_options *options,
		      json_t *params)
{
	json_t *before = call(method, options, params, NULL);
	int status = before ? SWCTL_OK : SWCTL_FAILED;
	for (unsigned n = 0; status == SWCTL_OK && (!options->count || n < options->count); n++) {
		sleep(options->interval_s);
		json_t *after = call(method, options, params, NULL);
		if (after) {
			if (n > 0 && !options->json)
				fputc('\n', stdout);
			json_t *difference = swctl_interval_difference(before, after);
			status = print(method, options, difference);
			json_decref(difference);
		} else {
			status = SWCTL_FAILED;
		}
		json_decref(before);
		before = after;
	}
	json_decref(before);
	return status;
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
	if (options->interval_s && !swctl_interval_fits(method)) {
		snprintf(err, sizeof(err), "%s takes no --interval", method->command);
		return wrong_usage(method, err);
	}
	json_t *params;
	int ret = swctl_args_build(method, words + used, n - used, &params, err, sizeof(err));
	if (ret == 0 && swctl_args_options(method, options, params, err, sizeof(err))) {
		json_decref(params);
		ret = -EINVAL;
	}
	if (ret == -EINVAL)
		return wrong_usage(method, err);
	if (ret) {
		complain(err);
		return SWCTL_FAILED;
	}
	if (options->interval_s)
		ret = call_again(method, options, params);
	else
		ret = call_once(method, options, params, file_of(method, words + used, n - used));
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
