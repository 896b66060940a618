#include "ctl/swctl/args.h"

#include "ctl/swctl/command.h"
#include "ctl/swctl/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
	char *const *words;
	int n, used;
	json_t *params;
	char *err;
	size_t err_len;
};

static int fail(struct args *a, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct args *a, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->err, a->err_len, fmt, ap);
	va_end(ap);
	return code;
}

// Takes the value over. jansson gives NULL for text that is not UTF-8.
static int set(struct args *a, json_t *object, const char *name, const char *text, json_t *value)
{
	if (!value)
		return fail(a, -EINVAL, "\"%s\" is not UTF-8 text", text);
	return json_object_set_new(object, name, value) ? fail(a, -ENOMEM, "out of memory") : 0;
}

static int take_string(struct args *a, const struct param_spec *spec)
{
	const char *word = a->words[a->used++];
	if (!*word)
		return fail(a, -EINVAL, "%s is empty", spec->name);
	return set(a, a->params, spec->name, word, json_string(word));
}

static int take_file(struct args *a, const struct param_spec *spec)
{
	json_t *text = NULL;
	int ret = swctl_lines_read(a->words[a->used++], &text, a->err, a->err_len);
	if (ret)
		return ret;
	return json_object_set_new(a->params, spec->name, text) ? fail(a, -ENOMEM, "out of memory")
								: 0;
}

// All the words that are left, as one text: a shell splits "in_port=vm1 actions=drop" unless it is
// quoted.
static int take_flow(struct args *a, const struct param_spec *spec)
{
	size_t len = 1;
	for (int i = a->used; i < a->n; i++)
		len += strlen(a->words[i]) + 1;
	char *text = calloc(1, len);
	if (!text)
		return fail(a, -ENOMEM, "out of memory");
	char *end = text;
	for (; a->used < a->n; a->used++) {
		end = stpcpy(end, end == text ? "" : " ");
		end = stpcpy(end, a->words[a->used]);
	}
	int ret = set(a, a->params, spec->name, text, json_string(text));
	free(text);
	return ret;
}

// The parameter that this key stands for, in a row that has one.
static bool find_keyed(const char *specs, const char *key, struct param_spec *spec)
{
	while (swctl_param_next(&specs, spec))
		if (spec->key && strcmp(spec->key, key) == 0)
			return true;
	return false;
}

// The key of a required parameter that has no value yet, or NULL.
static const char *missing_key(const struct args *a, const char *specs)
{
	struct param_spec spec;
	while (swctl_param_next(&specs, &spec))
		if (spec.key && !spec.optional && !json_object_get(a->params, spec.name))
			return spec.key;
	return NULL;
}

static int fail_pair(struct args *a, const struct rpc_method *method, const char *word)
{
	const char *key = missing_key(a, method->params);
	if (key)
		return fail(a, -EINVAL, "\"%s\" is not KEY=VALUE; did you mean %s=%s?", word, key,
			    word);
	return fail(a, -EINVAL, "\"%s\" is not KEY=VALUE", word);
}

static int take_pair(struct args *a, const struct rpc_method *method, json_t *options)
{
	const char *word = a->words[a->used++];
	size_t len = strcspn(word, "=");
	if (word[len] != '=' || len == 0)
		return fail_pair(a, method, word);
	struct param_spec spec;
	char *key = strndup(word, len);
	if (!key)
		return fail(a, -ENOMEM, "out of memory");
	bool keyed = find_keyed(method->params, key, &spec);
	json_t *object = keyed ? a->params : options;
	const char *name = keyed ? spec.name : key;
	int ret = json_object_get(object, name)
		      ? fail(a, -EINVAL, "%s= is given twice", key)
		      : set(a, object, name, word, json_string(word + len + 1));
	free(key);
	return ret;
}

static int take_object(struct args *a, const struct rpc_method *method,
		       const struct param_spec *spec)
{
	json_t *options = json_object();
	if (!options)
		return fail(a, -ENOMEM, "out of memory");
	while (a->used < a->n) {
		int ret = take_pair(a, method, options);
		if (ret) {
			json_decref(options);
			return ret;
		}
	}
	return json_object_set_new(a->params, spec->name, options)
		   ? fail(a, -ENOMEM, "out of memory")
		   : 0;
}

static int take(struct args *a, const struct rpc_method *method, const struct param_spec *spec)
{
	if (spec->type == PARAM_OBJECT)
		return take_object(a, method, spec);
	if (spec->type == PARAM_FLOW)
		return take_flow(a, spec);
	return spec->type == PARAM_FILE ? take_file(a, spec) : take_string(a, spec);
}

static int check_complete(struct args *a, const struct rpc_method *method)
{
	const char *cursor = method->params;
	struct param_spec spec;
	char shown[64];
	while (swctl_param_next(&cursor, &spec)) {
		if (spec.optional || json_object_get(a->params, spec.name))
			continue;
		swctl_param_usage(&spec, shown, sizeof(shown));
		return fail(a, -EINVAL, "%s is missing", shown);
	}
	if (a->used < a->n)
		return fail(a, -EINVAL, "\"%s\" is one word too many", a->words[a->used]);
	return 0;
}

int swctl_args_build(const struct rpc_method *method, char *const *words, int n, json_t **params,
		     char *err, size_t err_len)
{
	struct args a = {
	    .words = words, .n = n, .params = json_object(), .err = err, .err_len = err_len};
	if (!a.params)
		return fail(&a, -ENOMEM, "out of memory");
	const char *cursor = method->params;
	struct param_spec spec;
	int ret = 0;
	while (ret == 0 && a.used < n && swctl_param_next(&cursor, &spec))
		if (!spec.key && swctl_param_is_word(&spec))
			ret = take(&a, method, &spec);
	if (ret == 0)
		ret = check_complete(&a, method);
	if (ret) {
		json_decref(a.params);
		return ret;
	}
	*params = a.params;
	return 0;
}

// The parameter that an option gives, in a row that has it.
static bool find_option(const char *specs, const char *name, struct param_spec *spec)
{
	while (swctl_param_next(&specs, spec)) {
		if (swctl_param_is_option(spec) && strcmp(spec->name, name) == 0)
			return true;
	}
	return false;
}

// NULL with one line in err when it is no number.
static json_t *option_value(const struct param_spec *spec, const char *text, char *err,
			    size_t err_len)
{
	char shown[64], *end;
	if (spec->type == PARAM_FLAG)
		return json_true();
	if (spec->type != PARAM_AMOUNT)
		return json_string(text);
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && !errno)
		return json_integer(number);
	swctl_param_usage(spec, shown, sizeof(shown));
	snprintf(err, err_len, "%s takes a whole number, not \"%s\"", shown, text);
	return NULL;
}

// Takes the value over, which may be NULL.
static int append(json_t *params, const char *name, json_t *value)
{
	json_t *list = json_object_get(params, name);
	if (!list) {
		list = json_array();
		json_object_set_new(params, name, list);
	}
	return json_array_append_new(list, value) ? -EINVAL : 0;
}

static int take_option(const struct rpc_method *method, const struct swctl_given *given,
		       json_t *params, char *err, size_t err_len)
{
	struct param_spec spec;
	if (find_option(method->params, given->name, &spec)) {
		json_t *value = option_value(&spec, given->value, err, err_len);
		if (spec.type == PARAM_OPTIONS)
			return append(params, given->name, value);
		return json_object_set_new(params, given->name, value) ? -EINVAL : 0;
	}
	char option[sizeof(given->name)] = "";
	for (size_t i = 0; i < sizeof(option); i++)
		option[i] = given->name[i] == '_' ? '-' : given->name[i];
	snprintf(err, err_len, "%s takes no --%s", method->command, option);
	return -EINVAL;
}

int swctl_args_options(const struct rpc_method *method, const struct swctl_options *options,
		       json_t *params, char *err, size_t err_len)
{
	const char *cursor = method->params;
	struct param_spec spec;
	snprintf(err, err_len, "an option's value is not UTF-8 text");
	for (unsigned i = 0; i < options->n_given; i++) {
		if (take_option(method, &options->given[i], params, err, err_len))
			return -EINVAL;
	}
	while (swctl_param_next(&cursor, &spec)) {
		if (spec.type == PARAM_FORM && !options->json)
			json_object_set_new(params, spec.name, json_true());
	}
	return 0;
}
