#define _GNU_SOURCE // asprintf
#include "ctl/swctld/rpc.h"

#include "ctl/json_lift.h"
#include "ctl/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NESTED_MAX 64	 // requests have up to three
#define VALUES_MAX 10000 // more than any request has

#define TO_TEXT_(x) #x
#define TO_TEXT(x)  TO_TEXT_(x)

static const rpc_handler_fn handlers[] = {
#define X(name, command, params, has_json, access, handler, help) method_##handler,
    RPC_METHODS(X)
#undef X
};

json_t *rpc_text(const char *text)
{
	json_t *value = json_string(text);
	if (value)
		return value;
	char ascii[512];
	size_t len = 0;
	for (; *text && len < sizeof(ascii) - 1; text++)
		ascii[len++] = (*text & 0x80) ? '?' : *text;
	ascii[len] = '\0';
	return json_string(ascii);
}

static int set_error(struct rpc_reply *reply, int code, const char *fmt, va_list args)
{
	reply->code = code;
	vsnprintf(reply->message, sizeof(reply->message), fmt, args);
	return -1;
}

int rpc_refuse(struct rpc_reply *reply, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int rc = set_error(reply, RPC_REFUSED, fmt, args);
	va_end(args);
	return rc;
}

int rpc_bad_params(struct rpc_reply *reply, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int rc = set_error(reply, RPC_BAD_PARAMS, fmt, args);
	va_end(args);
	return rc;
}

int rpc_refuse_flow(struct rpc_reply *reply, const struct of_error *error, size_t line)
{
	// Not every mistake is a word's.
	reply->data = error->column ? json_pack("{s:i, s:o}", "column", (int)error->column, "word",
						rpc_text(error->word))
				    : json_object();
	if (line == 0)
		return rpc_refuse(reply, "%s", error->text);
	if (reply->data)
		json_object_set_new(reply->data, "line", json_integer((json_int_t)line));
	return rpc_refuse(reply, "line %zu: %s", line, error->text);
}

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY)

void rpc_rows_begin(struct rpc_reply *reply, const char *name)
{
	reply->rows = open_memstream(&reply->rows_text, &reply->rows_len);
	if (reply->rows)
		fprintf(reply->rows, "{\"%s\":[", name);
}

void rpc_rows_add(struct rpc_reply *reply, json_t *row)
{
	if (reply->rows && row) {
		if (reply->n_rows++ > 0)
			fputc(',', reply->rows);
		json_dumpf(row, reply->rows, DUMP_FLAGS);
	}
	json_decref(row);
}

void rpc_rows_end(struct rpc_reply *reply)
{
	if (reply->rows && fputs("]}", reply->rows) < 0)
		rpc_refuse(reply, "out of memory");
}

void rpc_text_begin(struct rpc_reply *reply, const char *name)
{
	reply->rows = open_memstream(&reply->rows_text, &reply->rows_len);
	if (!reply->rows)
		return;
	__fsetlocking(reply->rows, FSETLOCKING_BYCALLER); // one thread
	fprintf(reply->rows, "{\"%s\":\"", name);
}

static void put_escaped(FILE *out, unsigned char c)
{
	if (c == '\n')
		fputs("\\n", out);
	else if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else
		fprintf(out, "\\u%04x", c & 0x80 ? '?' : c);
}

void rpc_text_add(struct rpc_reply *reply, const char *text, size_t len)
{
	size_t plain = 0;
	for (size_t i = 0; reply->rows && i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= ' ' && c != '"' && c != '\\' && c < 0x80)
			continue;
		fwrite(text + plain, 1, i - plain, reply->rows);
		put_escaped(reply->rows, c);
		plain = i + 1;
	}
	if (reply->rows)
		fwrite(text + plain, 1, len - plain, reply->rows);
}

void rpc_text_end(struct rpc_reply *reply)
{
	if (!reply->rows || fputs("\"}", reply->rows) < 0)
		rpc_refuse(reply, "out of memory");
}

// A reply line. A NULL id becomes null, as the specification wants it in answers to what has none.
static char *reply_line(const json_t *id, const char *member, const char *value)
{
	char *id_text = id ? json_dumps(id, DUMP_FLAGS) : NULL, *line = NULL;
	if (value && asprintf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":%s}",
			      id_text ? id_text : "null", member, value) < 0)
		line = NULL;
	free(id_text);
	return line;
}

// A message is one line, whatever words of the request it repeats.
static json_t *message_text(const char *message)
{
	char line[sizeof(((struct rpc_reply *)NULL)->message)];
	size_t len = 0;
	for (; len < sizeof(line) - 1 && message[len]; len++)
		line[len] = iscntrl((unsigned char)message[len]) ? '?' : message[len];
	line[len] = '\0';
	return rpc_text(line);
}

static char *error_line(const json_t *id, int code, const char *message, json_t *data)
{
	json_t *error = json_pack("{s:i, s:o, s:O*}", "code", code, "message",
				  message_text(message), "data", data);
	char *text = json_dumps(error, DUMP_FLAGS), *line = reply_line(id, "error", text);
	json_decref(error);
	free(text);
	return line;
}

char *rpc_error(const json_t *id, int code, const char *message)
{
	return error_line(id, code, message, NULL);
}

static const struct {
	const char *type; // in RPC_METHODS
	json_type json;
	const char *text;
} param_types[] = {
    {"string", JSON_STRING, "a string"},
    {"port", JSON_STRING, "a string, a port's name"},
    {"flow", JSON_STRING, "a string, a flow's text"},
    {"object", JSON_OBJECT, "an object"},
    {"file", JSON_STRING, "a string, a file's lines"},
    {"field", JSON_STRING, "a string, a field's name"},
    {"number", JSON_INTEGER, "a whole number"},
    {"option", JSON_STRING, "a string"},
    {"options", JSON_ARRAY, "an array of strings"},
    {"amount", JSON_INTEGER, "a whole number"},
    {"flag", JSON_TRUE, "true or false"},
    {"form", JSON_TRUE, "true or false"},
};

struct param_spec {
	char name[32], type[16];
	bool optional;
};

// The next "NAME:TYPE" or "NAME:TYPE?" of a row. false at the end.
static bool spec_next(const char **spec, struct param_spec *out)
{
	int len = 0;
	*spec += strspn(*spec, " ");
	if (sscanf(*spec, "%31[a-z_]:%15[a-z]%n", out->name, out->type, &len) < 2)
		return false;
	*spec += len;
	out->optional = **spec == '?';
	*spec += out->optional;
	return true;
}

static bool has_type(const json_t *value, json_type type)
{
	return type == JSON_TRUE ? json_is_boolean(value) : json_typeof(value) == type;
}

static int check_value(const struct param_spec *spec, const json_t *value, struct rpc_reply *reply)
{
	if (!value && spec->optional)
		return 0;
	if (!value)
		return rpc_bad_params(reply, "parameter %s is missing", spec->name);
	for (size_t i = 0; i < sizeof(param_types) / sizeof(param_types[0]); i++) {
		if (strcmp(spec->type, param_types[i].type) == 0 &&
		    !has_type(value, param_types[i].json))
			return rpc_bad_params(reply, "parameter %s must be %s", spec->name,
					      param_types[i].text);
	}
	return 0;
}

static bool spec_has(const char *spec, const char *name)
{
	struct param_spec param;
	while (spec_next(&spec, &param)) {
		if (strcmp(param.name, name) == 0)
			return true;
	}
	return false;
}

static int check_params(const struct rpc_method *method, const json_t *params,
			struct rpc_reply *reply)
{
	const char *spec = method->params, *name;
	struct param_spec param;
	json_t *value;
	while (spec_next(&spec, &param)) {
		if (check_value(&param, json_object_get(params, param.name), reply) < 0)
			return -1;
	}
	json_object_foreach ((json_t *)params, name, value) {
		if (!spec_has(method->params, name))
			return rpc_bad_params(reply, "unknown parameter \"%.40s\"; %s takes: %s",
					      name, method->name,
					      *method->params ? method->params : "none");
	}
	return 0;
}

static int find_method(const char *name)
{
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		if (strcmp(name, rpc_methods[i].name) == 0)
			return (int)i;
	}
	return -1;
}

static char *reply_finish(const json_t *id, struct rpc_reply *reply)
{
	char *line = NULL, *text = NULL;
	if (reply->rows)
		fclose(reply->rows);
	if (reply->result)
		text = json_dumps(reply->result, DUMP_FLAGS);
	if (reply->code)
		line = error_line(id, reply->code, reply->message, reply->data);
	else
		line = reply_line(id, "result", reply->rows ? reply->rows_text : text);
	if (!line)
		line = rpc_error(id, RPC_REFUSED, "out of memory");
	free(text);
	free(reply->rows_text);
	json_decref(reply->result);
	json_decref(reply->data);
	return line;
}

static int check_rights(const struct swctld *d, const struct peer *who,
			const struct rpc_method *method, struct rpc_reply *reply)
{
	char mend[96] = "become one of them, or start swctld with --admin-group GROUP";
	if (who->may_change || method->access == RPC_READS)
		return 0;
	if (d->admin_group)
		snprintf(mend, sizeof(mend), "join group %.60s", d->admin_group);
	return rpc_refuse(reply, "%s is for root and uid %u; uid %u may only read: %s",
			  method->name, geteuid(), who->uid, mend);
}

static char *call_method(struct swctld *d, const struct peer *who, unsigned index,
			 const json_t *params, const json_t *id)
{
	struct rpc_reply reply = {0};
	json_t *none = params ? NULL : json_object();
	const json_t *given = params ? params : none;
	if (check_rights(d, who, &rpc_methods[index], &reply) == 0 &&
	    check_params(&rpc_methods[index], given, &reply) == 0)
		handlers[index](d, given, &reply);
	json_decref(none);
	return reply_finish(id, &reply);
}

// A request as JSON-RPC has it; parameters by position are not built.
static char *dispatch_request(struct swctld *d, const struct peer *who, const json_t *request)
{
	const json_t *id = json_object_get(request, "id"),
		     *params = json_object_get(request, "params");
	const char *name = json_string_value(json_object_get(request, "method"));
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	char text[160];
	bool good_id = !id || json_is_string(id) || json_is_number(id) || json_is_null(id);
	if (!name || !version || strcmp(version, "2.0") != 0 || !good_id)
		return rpc_error(good_id ? id : NULL, RPC_NOT_A_REQUEST,
				 "not a request: an object with jsonrpc \"2.0\", method and id is");
	int index = find_method(name);
	if (index < 0) {
		snprintf(text, sizeof(text),
			 "no method \"%.60s\"; docs/control-protocol.md lists them", name);
		return rpc_error(id, RPC_NO_METHOD, text);
	}
	if (params && !json_is_object(params))
		return rpc_error(id, RPC_BAD_PARAMS, "params must be an object");
	return call_method(d, who, (unsigned)index, params, id);
}

// Why a line is not worth parsing: what it would take in memory is a multiple of its length.
// Counts what may be a value; NULL when the line is within bounds.
static const char *line_excess(const char *line, size_t len)
{
	size_t n_values = 0, n_nested = 0;
	bool quoted = false;
	for (size_t i = 0; i < len; i++) {
		if (quoted && line[i] == '\\')
			i++;
		else if (line[i] == '"')
			quoted = !quoted;
		else if (!quoted && line[i] == ',')
			n_values++;
		else if (!quoted && (line[i] == '[' || line[i] == '{'))
			n_nested++;
	}
	if (n_nested > NESTED_MAX)
		return "line with more than " TO_TEXT(NESTED_MAX) " arrays and objects: not read";
	if (n_values > VALUES_MAX)
		return "line with more than " TO_TEXT(
		    VALUES_MAX) " values: not read; split it into several requests";
	return NULL;
}

#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

// A line with a long string, or NULL: then it is to be parsed as it is.
static json_t *load_lifted(const char *line, size_t len)
{
	struct json_lift lift;
	if (!json_lift_take(&lift, line, len))
		return NULL;
	json_t *request = line_excess(lift.line, lift.len)
			      ? NULL
			      : json_loadb(lift.line, lift.len, LOAD_FLAGS, NULL);
	if (request && !json_lift_put(&lift, request, "params")) {
		json_decref(request);
		request = NULL;
	}
	json_lift_fini(&lift);
	return request;
}

// What a line says, or NULL with why it is not read.
static json_t *load(const char *line, size_t len, char *why, size_t why_len)
{
	json_error_t error;
	json_t *request = load_lifted(line, len);
	if (request)
		return request;
	const char *excess = line_excess(line, len);
	if (!excess)
		request = json_loadb(line, len, LOAD_FLAGS, &error);
	if (excess)
		snprintf(why, why_len, "%s", excess);
	else if (!request)
		snprintf(why, why_len, "not JSON: %s (byte %d)", error.text, error.position);
	return request;
}

char *rpc_dispatch(struct swctld *d, const struct peer *who, const char *line, size_t len)
{
	char why[JSON_ERROR_TEXT_LENGTH + 80], *reply;
	json_t *request = load(line, len, why, sizeof(why));
	if (!request)
		return rpc_error(NULL, RPC_NOT_JSON, why);
	if (json_is_object(request))
		reply = dispatch_request(d, who, request);
	else
		reply = rpc_error(NULL, RPC_NOT_A_REQUEST, "not a request: one object a line is");
	// A call without an id wants no answer; one that was no call gets an error.
	bool notification = json_is_object(request) && json_object_get(request, "method") &&
			    !json_object_get(request, "id");
	json_decref(request);
	if (notification) {
		free(reply);
		return NULL;
	}
	return reply;
}
