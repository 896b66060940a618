// dp trace: starts a trace and asks for what has come of it until it is over.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print_trace.h"
#include "ctl/swctl/session.h"
#include "ctl/swctl/trace.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define POLL_MS	       100
#define TIME_DEFAULT_S 10

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

// Without SA_RESTART a wait ends at once; a second signal ends swctl. A closed pipe behind stdout
// must not, before the trace is stopped.
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

// The number of the trace, or 0 when the complaint is made.
static json_int_t start(const struct swctl_options *options, json_t *params)
{
	json_int_t seconds = options->time_s ? options->time_s : TIME_DEFAULT_S;
	json_int_t count = options->count ? options->count : 1;
	json_object_set_new(params, "count", json_integer(count));
	json_object_set_new(params, "time_ms", json_integer(seconds * 1000));
	json_t *result = session_call("dp.trace", options, params, NULL);
	json_int_t number = field_count(result, "trace");
	json_decref(result);
	return number;
}

static json_t *read_on(const struct swctl_options *options, json_int_t number, bool stop)
{
	json_t *params = json_pack("{s:I, s:b}", "trace", number, "stop", stop);
	json_t *result = session_call("dp.trace_read", options, params, NULL);
	json_decref(params);
	return result;
}

static void print_packets(const struct swctl_options *options, const json_t *packets,
			  size_t *n_printed)
{
	size_t i;
	const json_t *packet;
	json_array_foreach (packets, i, packet) {
		if (options->json)
			print_trace_line(packet, stdout);
		else
			print_live_packet(packet, stdout);
		++*n_printed;
	}
}

static void print_end(const struct swctl_options *options, const char *end, size_t n_printed)
{
	if (options->json)
		printf("{\"end\": \"%s\"}\n", end);
	else
		printf("%zu packet%s: %s\n", n_printed, n_printed == 1 ? "" : "s", end);
}

// Prints what has come. false when the trace is over, for whatever reason.
static bool go_on(const struct swctl_options *options, json_int_t number, size_t *n_printed,
		  int *status)
{
	json_t *result = read_on(options, number, interrupted);
	if (!result) {
		*status = SWCTL_FAILED;
		return false;
	}
	const char *end = field_text(result, "end");
	print_packets(options, json_object_get(result, "packets"), n_printed);
	if (*end)
		print_end(options, end, *n_printed);
	*status = session_finish_output(SWCTL_OK);
	bool over = *end;
	json_decref(result);
	if (!over && *status != SWCTL_OK) {
		json_decref(read_on(options, number, true));
		over = true;
	}
	return !over;
}

int swctl_live_trace(const struct swctl_options *options, json_t *params)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	int status = SWCTL_FAILED;
	size_t n_printed = 0;
	catch_signals();
	json_int_t number = start(options, params);
	while (number && go_on(options, number, &n_printed, &status))
		nanosleep(&pause, NULL);
	return status;
}
