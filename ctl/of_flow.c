#include "ctl/of_flow.h"

#include "ctl/of_field.h"
#include "ctl/of_port.h"
#include "ctl/of_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// What is read besides match fields.
struct line_reader {
	const char *line;
	struct of_error *error;
	struct of_flow *flow;	  // or NULL
	struct of_filter *filter; // or NULL
	const struct of_ports *ports;
	uint32_t seen; // rows of `keywords` that were there
};

static int want_number(struct line_reader *r, const struct of_word *word, uint64_t max,
		       uint64_t *out)
{
	if (of_text_u64(word->value, word->value_len, max, out))
		return 0;
	return of_error_set(r->error, r->line, word->value, word->value_len,
			    "%.*s wants a number from 0 to %" PRIu64, (int)word->name_len,
			    word->name, max);
}

static int read_priority(struct line_reader *r, const struct of_word *word)
{
	uint64_t value;
	if (!r->flow)
		return of_error_set(
		    r->error, r->line, word->name, word->name_len,
		    "is no part of a filter: match fields, cookie= and out_port= are");
	int err = want_number(r, word, UINT16_MAX, &value);
	if (!err)
		r->flow->priority = (uint32_t)value;
	return err;
}

static int read_table(struct line_reader *r, const struct of_word *word)
{
	uint64_t value;
	if (of_text_u64(word->value, word->value_len, 0, &value))
		return 0;
	return of_error_set(r->error, r->line, word->value, word->value_len,
			    "there is only table 0 yet");
}

static int read_cookie(struct line_reader *r, const struct of_word *word)
{
	struct of_word value = *word;
	uint64_t cookie, mask = UINT64_MAX;
	const char *slash = memchr(word->value, '/', word->value_len);
	if (slash && r->flow)
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "a new flow's cookie takes no mask");
	if (slash)
		value.value_len = (size_t)(slash - word->value);
	int err = want_number(r, &value, UINT64_MAX, &cookie);
	if (err)
		return err;
	if (slash) {
		value.value = slash + 1;
		value.value_len = word->value_len - value.value_len - 1;
		// ovs-ofctl's way to say all bits.
		if (!of_slice_is(value.value, value.value_len, "-1"))
			err = want_number(r, &value, UINT64_MAX, &mask);
	}
	if (err)
		return err;
	if (r->flow) {
		r->flow->cookie = cookie;
	} else {
		r->filter->cookie = cookie & mask;
		r->filter->cookie_mask = mask;
	}
	return 0;
}

static int read_timeout(struct line_reader *r, const struct of_word *word, uint16_t *timeout)
{
	uint64_t value;
	int err = want_number(r, word, UINT16_MAX, &value);
	if (!err)
		*timeout = (uint16_t)value;
	return err;
}

static int read_idle(struct line_reader *r, const struct of_word *word)
{
	return read_timeout(r, word, &r->flow->idle_timeout_s);
}

static int read_hard(struct line_reader *r, const struct of_word *word)
{
	return read_timeout(r, word, &r->flow->hard_timeout_s);
}

static int read_out_port(struct line_reader *r, const struct of_word *word)
{
	return of_port_parse(&r->filter->out_port, r->line, word->value, word->value_len, r->ports,
			     r->error);
}

// So that a dump can be fed back.
static int read_nothing(struct line_reader *r, const struct of_word *word)
{
	(void)r;
	(void)word;
	return 0;
}

enum { IN_FLOW = 1, IN_FILTER = 2 };

static const struct keyword {
	const char *name;
	int (*read)(struct line_reader *r, const struct of_word *word);
	unsigned where;
} keywords[] = {
    {"priority", read_priority, IN_FLOW | IN_FILTER},
    {"table", read_table, IN_FLOW | IN_FILTER},
    {"cookie", read_cookie, IN_FLOW | IN_FILTER},
    {"idle_timeout", read_idle, IN_FLOW},
    {"hard_timeout", read_hard, IN_FLOW},
    {"out_port", read_out_port, IN_FILTER},
    {"duration", read_nothing, IN_FLOW},
    {"n_packets", read_nothing, IN_FLOW},
    {"n_bytes", read_nothing, IN_FLOW},
    {"idle_age", read_nothing, IN_FLOW},
    {"hard_age", read_nothing, IN_FLOW},
};
#define N_KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

static unsigned reader_place(const struct line_reader *r)
{
	return r->flow ? IN_FLOW : IN_FILTER;
}

static int unknown_word(struct line_reader *r, const struct of_word *word)
{
	struct of_guess guess;
	of_guess_init(&guess, word->name, word->name_len);
	of_field_guess(&guess);
	for (unsigned i = 0; i < N_KEYWORDS; i++) {
		if (keywords[i].where & reader_place(r))
			of_guess_try(&guess, keywords[i].name);
	}
	if (r->flow)
		of_guess_try(&guess, "actions");
	return of_guess_fail(&guess, r->error, r->line, "field");
}

static int read_keyword(struct line_reader *r, const struct of_word *word)
{
	for (unsigned i = 0; i < N_KEYWORDS; i++) {
		if (!of_word_is(word, keywords[i].name) || !(keywords[i].where & reader_place(r)))
			continue;
		if (r->seen & (1u << i))
			return of_error_set(r->error, r->line, word->name, word->name_len,
					    "given twice");
		r->seen |= 1u << i;
		if (!word->value || word->value_len == 0)
			return of_error_set(r->error, r->line, word->name, word->name_len,
					    "needs a value: %s=VALUE", keywords[i].name);
		return keywords[i].read(r, word);
	}
	return unknown_word(r, word);
}

static bool starts_actions(const struct of_word *word)
{
	return of_word_is(word, "actions") || of_word_is(word, "action");
}

// Reads words up to "actions=" or the end. *actions is the text behind it, or NULL.
static int read_words(struct line_reader *r, struct flow_match *match, const char **actions)
{
	struct of_word word;
	*actions = NULL;
	memset(match, 0, sizeof(*match));
	for (const char *p = r->line; of_word_next(&p, "=", &word);) {
		if (starts_actions(&word)) {
			if (!word.value)
				return of_error_set(r->error, r->line, word.name, word.name_len,
						    "needs a list: actions=output:PORT");
			*actions = word.value;
			break;
		}
		int found = of_match_field(match, r->line, word.name, word.name_len, word.value,
					   word.value_len, r->ports, r->error);
		if (found < 0)
			return found;
		int err = found ? 0 : read_keyword(r, &word);
		if (err)
			return err;
	}
	return of_match_finish(match, r->line, r->error);
}

int of_flow_parse(struct of_flow *flow, const char *line, const struct of_ports *ports,
		  struct of_error *error)
{
	struct line_reader r = {.line = line, .error = error, .flow = flow, .ports = ports};
	const char *actions;
	memset(flow, 0, sizeof(*flow));
	flow->priority = OF_PRIORITY_DEFAULT;
	int err = read_words(&r, &flow->match, &actions);
	if (err)
		return err;
	if (!actions)
		return of_error_set(
		    error, line, line + strlen(line), 0,
		    "actions= is missing, like actions=output:PORT or actions=drop");
	int n = of_actions_parse(flow->actions, OF_ACTIONS_MAX, line, actions, &flow->match, ports,
				 error);
	if (n < 0)
		return n;
	flow->n_actions = (unsigned)n;
	return 0;
}

int of_filter_parse(struct of_filter *filter, const char *line, const struct of_ports *ports,
		    struct of_error *error)
{
	// Rules may still name the number of a port that is gone.
	struct of_ports names = ports ? *ports : (struct of_ports){0};
	names.by_no = NULL;
	struct line_reader r = {.line = line, .error = error, .filter = filter, .ports = &names};
	const char *actions;
	memset(filter, 0, sizeof(*filter));
	int err = read_words(&r, &filter->match, &actions);
	if (err || !actions)
		return err;
	const char *word = strstr(line, "action");
	return of_error_set(error, line, word, strcspn(word, "="), "is no part of a filter");
}

static bool outputs_to(const struct of_flow *flow, uint32_t port)
{
	for (unsigned i = 0; i < flow->n_actions; i++) {
		if (flow->actions[i].type == OF_OUTPUT && flow->actions[i].u.port == port)
			return true;
	}
	return false;
}

bool of_filter_accepts(const struct of_filter *filter, const struct of_flow *flow)
{
	struct flow_key common;
	flow_key_mask(&common, &filter->match.mask, &flow->match.mask);
	if (!flow_key_equal(&common, &filter->match.mask) ||
	    !flow_key_equal_masked(&filter->match.key, &flow->match.key, &filter->match.mask))
		return false;
	if ((flow->cookie ^ filter->cookie) & filter->cookie_mask)
		return false;
	return !filter->out_port || outputs_to(flow, filter->out_port);
}

char *of_flow_format(const struct of_flow *flow, const struct of_ports *ports)
{
	char *text = NULL;
	size_t len;
	char *match = of_match_format(&flow->match, ports);
	char *actions = of_actions_format(flow->actions, flow->n_actions, ports);
	FILE *out = match && actions ? open_memstream(&text, &len) : NULL;
	if (!out)
		goto out;
	if (flow->cookie)
		fprintf(out, "cookie=0x%" PRIx64 ", ", flow->cookie);
	if (flow->idle_timeout_s)
		fprintf(out, "idle_timeout=%u, ", flow->idle_timeout_s);
	if (flow->hard_timeout_s)
		fprintf(out, "hard_timeout=%u, ", flow->hard_timeout_s);
	if (flow->priority != OF_PRIORITY_DEFAULT)
		fprintf(out, "priority=%u%s", flow->priority, match[0] ? "," : "");
	fprintf(out, "%s%sactions=%s", match,
		match[0] || flow->priority != OF_PRIORITY_DEFAULT ? " " : "", actions);
	if (fclose(out) != 0) {
		free(text);
		text = NULL;
	}
out:
	free(match);
	free(actions);
	return text;
}
