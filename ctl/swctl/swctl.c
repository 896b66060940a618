// swctl: the switch's command line, over swctld's control socket.
#include "ctl/rpc_table.h"
#include "ctl/swctl/args.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/doctor.h"
#include "ctl/swctl/help.h"
#include "ctl/swctl/interval.h"
#include "ctl/swctl/lines.h"
#include "ctl/swctl/nic.h"
#include "ctl/swctl/options.h"
#include "ctl/swctl/session.h"
#include "ctl/swctl/trace.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int help(const struct swctl_options *options, char **words, int n)
{
	char err[256];
	if (options->markdown)
		swctl_help_markdown(stdout);
	else if (n == 0)
		swctl_help(stdout);
	else if (swctl_help_words(stdout, words, n, err, sizeof(err)))
		return session_wrong_usage(NULL, err);
	return session_finish_output(SWCTL_OK);
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

static int call_once(const struct rpc_method *method, const struct swctl_options *options,
		     json_t *params, const char *file)
{
	if (strcmp(method->name, "version") == 0 && !options->json) {
		printf("%-9s %s\n", "swctl", SWD_VERSION);
		fflush(stdout); // before what is said if no daemon answers
	}
	json_t *result = session_call(method->name, options, params, file);
	int status = result ? session_print(method, options, result) : SWCTL_FAILED;
	if (status == SWCTL_OK && strcmp(method->name, "flow.diff") == 0 &&
	    json_array_size(json_object_get(result, "lines")) > 0)
		status = SWCTL_DIFFERS;
	json_decref(result);
	return status;
}

static int call_again(const struct rpc_method *method, const struct swctl_options *options,
		      json_t *params)
{
	json_t *before = session_call(method->name, options, params, NULL);
	int status = before ? SWCTL_OK : SWCTL_FAILED;
	for (unsigned n = 0; status == SWCTL_OK && (!options->count || n < options->count); n++) {
		sleep(options->interval_s);
		json_t *after = session_call(method->name, options, params, NULL);
		if (after) {
			if (n > 0 && !options->json)
				fputc('\n', stdout);
			json_t *difference = swctl_interval_difference(before, after);
			status = session_print(method, options, difference);
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

// Options of some commands alone. 0, or -EINVAL with one line in err.
static int check_options(const struct rpc_method *method, const struct swctl_options *options,
			 char *err, size_t err_len)
{
	bool trace = strcmp(method->name, "trace") == 0;
	bool live = strcmp(method->name, "dp.trace") == 0;
	const char *misfit = NULL;
	if (options->interval_s && !swctl_interval_fits(method))
		misfit = "--interval";
	else if (options->skip && !trace)
		misfit = "--skip";
	else if (options->time_s && !live)
		misfit = "--time";
	else if (options->force)
		misfit = "--force";
	if (misfit)
		snprintf(err, err_len, "%s takes no %s", method->command, misfit);
	else if (options->json && !method->has_json)
		snprintf(err, err_len, "%s changes things and has no --json", method->command);
	else if (options->count && !options->interval_s && !trace && !live)
		snprintf(err, err_len, "--count needs --interval: how long each is");
	else
		return 0;
	return -EINVAL;
}

static int run(const struct swctl_options *options, char **words, int n)
{
	char err[512];
	int used;
	const struct rpc_method *method = swctl_command_find(words, n, &used, err, sizeof(err));
	if (!method)
		return session_wrong_usage(NULL, err);
	if (check_options(method, options, err, sizeof(err)))
		return session_wrong_usage(method, err);
	words += used;
	n -= used;
	bool traces = strcmp(method->name, "trace") == 0; // it reads its words itself
	json_t *params;
	int ret = swctl_args_build(method, words, traces ? 0 : n, &params, err, sizeof(err));
	if (ret == 0 && swctl_args_options(method, options, params, err, sizeof(err))) {
		json_decref(params);
		ret = -EINVAL;
	}
	if (ret == -EINVAL)
		return session_wrong_usage(method, err);
	if (ret) {
		session_complain(err);
		return SWCTL_FAILED;
	}
	if (traces)
		ret = swctl_trace(method, options, params, words, n);
	else if (strcmp(method->name, "dp.trace") == 0)
		ret = swctl_live_trace(options, params);
	else if (options->interval_s)
		ret = call_again(method, options, params);
	else
		ret = call_once(method, options, params, file_of(method, words, n));
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
		return session_wrong_usage(NULL, err);
	char **words = argv + first;
	int n = argc - first;
	if (options.version) {
		printf("swctl %s\n", SWD_VERSION);
		return session_finish_output(SWCTL_OK);
	}
	if (options.help)
		return help(&options, words, n);
	if (n == 0)
		return session_wrong_usage(NULL, "a command is missing; `swctl help` lists them");
	if (strcmp(words[0], "help") == 0)
		return help(&options, words + 1, n - 1);
	if (strcmp(words[0], "nic") == 0)
		return swctl_nic(&options, words + 1, n - 1);
	if (strcmp(words[0], "doctor") == 0)
		return swctl_doctor(&options, n - 1);
	if (strcmp(words[0], "completion") != 0)
		return run(&options, words, n);
	if (n != 2 || strcmp(words[1], "bash") != 0)
		return session_wrong_usage(NULL,
					   "completion is there for bash: swctl completion bash");
	swctl_completion_bash(stdout);
	return session_finish_output(SWCTL_OK);
}
