#include "ctl/swctl/session.h"

#include "ctl/swctl/client.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/complain.h"
#include "ctl/swctl/print.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

void session_complain(const char *text)
{
	swctl_complain(stderr, swctl_complain_style(stderr), text, NULL, NULL, NULL);
}

int session_wrong_usage_of(const char *usage, const char *text)
{
	char line[1024];
	snprintf(line, sizeof(line), "%s (usage: swctl %s)", text, usage);
	session_complain(line);
	return SWCTL_USAGE;
}

int session_wrong_usage(const struct rpc_method *method, const char *text)
{
	char usage[256] = "[OPTION...] COMMAND [WORD...]";
	if (method)
		swctl_command_usage(method, usage, sizeof(usage));
	return session_wrong_usage_of(usage, text);
}

json_t *session_call(const char *method, const struct swctl_options *options, json_t *params,
		     const char *file)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/control.sock", options->run_dir) >=
	    sizeof(path)) {
		session_complain("--run-dir: the path is too long");
		return NULL;
	}
	struct swctl_error error;
	json_t *result = swctl_call(path, options->timeout_s, method, params, &error);
	if (!result) {
		swctl_complain(stderr, swctl_complain_style(stderr), error.text, error.data, params,
			       file);
		json_decref(error.data);
	}
	return result;
}

int session_print(const struct rpc_method *method, const struct swctl_options *options,
		  const json_t *result)
{
	int ret = swctl_print(method, result, options, stdout);
	if (ret)
		session_complain("out of memory");
	return session_finish_output(ret ? SWCTL_FAILED : SWCTL_OK);
}

// A full disk or a closed pipe behind stdout must not look like success.
int session_finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "swctl: cannot write the output: %s\n", strerror(errno));
	return SWCTL_FAILED;
}
