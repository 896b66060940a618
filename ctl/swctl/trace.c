#include "ctl/swctl/trace.h"

#include "ctl/of_field.h"
#include "ctl/swctl/capture.h"
#include "ctl/swctl/lines.h"
#include "ctl/swctl/print_trace.h"
#include "ctl/swctl/session.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MIN 14   // bytes: an Ethernet header
#define FRAME_MAX 9728 // that swctld takes

struct tracing {
	const struct rpc_method *method;
	const struct swctl_options *options;
	json_t *params; // of options
};

static bool is_flow(const char *word)
{
	return strpbrk(word, "=,") || of_protocol_find(word, strlen(word));
}

enum trace_form swctl_trace_form(char *const *words, int n)
{
	if (n > 0 && is_flow(words[0]))
		return TRACE_FLOW;
	if (n < 2)
		return TRACE_NONE;
	if (n == 2 && (strcmp(words[1], "-") == 0 || access(words[1], F_OK) == 0))
		return TRACE_FILE;
	return TRACE_HEX;
}

// The words with `between` between them. malloc'd.
static char *join(char *const *words, int n, const char *between)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	for (int i = 0; i < n; i++)
		fprintf(out, "%s%s", i > 0 ? between : "", words[i]);
	return fclose(out) == 0 ? text : NULL;
}

// Takes params over.
static int ask(const struct tracing *t, json_t *params)
{
	if (!params)
		return session_wrong_usage(t->method, "a word is not UTF-8 text");
	json_object_update(params, t->params);
	json_t *result = session_call(t->method->name, t->options, params, NULL);
	int status = result ? session_print(t->method, t->options, result) : SWCTL_FAILED;
	json_decref(params);
	json_decref(result);
	return status;
}

static int trace_flow(const struct tracing *t, char *const *words, int n)
{
	char *flow = join(words, n, " ");
	json_t *params = json_pack("{s:s}", "flow", flow ? flow : "");
	free(flow);
	return ask(t, params);
}

// Whether text has nothing but digits in hexadecimal and separators; leaves only the digits.
static bool keep_digits(char *text)
{
	char *to = text;
	for (const char *c = text; *c; c++) {
		if (isxdigit((unsigned char)*c))
			*to++ = *c;
		else if (*c != ':' && !isspace((unsigned char)*c))
			return false;
	}
	*to = '\0';
	return true;
}

static int trace_hex(const struct tracing *t, char *const *words, int n)
{
	char line[512], *hex = join(words + 1, n - 1, "");
	int status;
	if (!hex || !keep_digits(hex)) {
		snprintf(line, sizeof(line),
			 "\"%.80s\" is neither a file that is there nor bytes in hexadecimal",
			 hex ? words[1] : "");
		status = session_wrong_usage(t->method, line);
	} else if (strlen(hex) % 2) {
		snprintf(line, sizeof(line),
			 "the frame has %zu digits in hexadecimal: a byte has two", strlen(hex));
		status = session_wrong_usage(t->method, line);
	} else {
		status = ask(t, json_pack("{s:s, s:s}", "in_port", words[0], "frame", hex));
	}
	free(hex);
	return status;
}

// {in_port, frame}, or NULL.
static json_t *frame_params(const char *port, const struct capture_frame *frame)
{
	static char hex[2 * FRAME_MAX + 1];
	static const char digits[] = "0123456789abcdef";
	char *to = hex;
	for (uint32_t i = 0; i < frame->len && i < FRAME_MAX; i++) { // headers are in front
		*to++ = digits[frame->bytes[i] >> 4];
		*to++ = digits[frame->bytes[i] & 15];
	}
	*to = '\0';
	return json_pack("{s:s, s:s}", "in_port", port, "frame", hex);
}

static void print_title(bool first, size_t number, const char *name,
			const struct capture_frame *frame)
{
	printf("%sframe %zu of %s: %u bytes", first ? "" : "\n", number, name, frame->whole_len);
	if (frame->len < frame->whole_len)
		printf(", the first %u of them are there", frame->len);
	putchar('\n');
}

// One of a file's frames: beneath a title, or as one line of JSON.
static int trace_frame(const struct tracing *t, const char *port, const char *name, size_t number,
		       const struct capture_frame *frame)
{
	json_t *params = frame_params(port, frame);
	json_object_update(params, t->params);
	json_t *result = session_call(t->method->name, t->options, params, NULL);
	json_decref(params);
	if (!result)
		return SWCTL_FAILED;
	if (t->options->json) {
		json_object_set_new(result, "number", json_integer((json_int_t)number));
		print_trace_line(result, stdout);
	} else {
		print_title(number == t->options->skip + 1, number, name, frame);
		print_trace(result, stdout);
	}
	json_decref(result);
	return session_finish_output(SWCTL_OK);
}

static int trace_frames(const struct tracing *t, const char *port, const char *name,
			struct capture *capture)
{
	char err[512];
	struct capture_frame frame;
	size_t skip = t->options->skip, count = t->options->count, number = 0;
	int more = 0, status = SWCTL_OK;
	while (status == SWCTL_OK && (!count || number < skip + count) &&
	       (more = capture_next(capture, &frame, err, sizeof(err))) == 1) {
		if (++number <= skip)
			continue;
		if (frame.len >= FRAME_MIN) {
			status = trace_frame(t, port, name, number, &frame);
			continue;
		}
		snprintf(err, sizeof(err), "%s: frame %zu: %u bytes are no Ethernet frame", name,
			 number, frame.len);
		more = -1;
		break;
	}
	if (more >= 0 && status == SWCTL_OK && number <= skip) {
		snprintf(err, sizeof(err), "%s: %zu frames, and %zu to skip: none is left", name,
			 number, skip);
		more = -1;
	}
	if (more < 0)
		session_complain(err);
	return more < 0 ? SWCTL_FAILED : status;
}

static int trace_file(const struct tracing *t, char *const *words)
{
	char err[512];
	struct capture *capture = capture_open(words[1], err, sizeof(err));
	if (!capture) {
		session_complain(err);
		return SWCTL_FAILED;
	}
	int status = trace_frames(t, words[0], swctl_lines_name(words[1]), capture);
	capture_close(capture);
	return status;
}

static int refuse(const struct tracing *t, char *const *words, int n)
{
	char line[512];
	if (n == 0)
		return session_wrong_usage(t->method, "a packet is missing: a flow, or a port and "
						      "a frame");
	snprintf(line, sizeof(line),
		 "\"%.80s\" is no flow, and behind a port's name stands a frame: in hexadecimal, "
		 "or a pcap file",
		 words[0]);
	return session_wrong_usage(t->method, line);
}

int swctl_trace(const struct rpc_method *method, const struct swctl_options *options,
		json_t *params, char *const *words, int n)
{
	struct tracing t = {method, options, params};
	enum trace_form form = swctl_trace_form(words, n);
	if (form != TRACE_FILE && (options->count || options->skip))
		return session_wrong_usage(method, "--count and --skip are for a file's frames");
	switch (form) {
	case TRACE_FLOW:
		return trace_flow(&t, words, n);
	case TRACE_HEX:
		return trace_hex(&t, words, n);
	case TRACE_FILE:
		return trace_file(&t, words);
	default:
		return refuse(&t, words, n);
	}
}
