#include "ctl/of_line.h"

#include "ctl/of_group.h"
#include "ctl/of_names.h"
#include "ctl/of_port.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

static int want_number(struct of_line *l, const struct of_word *word, uint64_t max, uint64_t *out)
{
	if (of_text_u64(word->value, word->value_len, max, out))
		return 0;
	return of_error_set(l->error, l->line, word->value, word->value_len,
			    "%.*s wants a number from 0 to %" PRIu64, (int)word->name_len,
			    word->name, max);
}

static int read_u16(struct of_line *l, const struct of_word *word, uint16_t *out)
{
	uint64_t value;
	int err = want_number(l, word, UINT16_MAX, &value);
	if (!err)
		*out = (uint16_t)value;
	return err;
}

static int read_priority(struct of_line *l, const struct of_word *word, unsigned arg)
{
	(void)arg;
	return read_u16(l, word, l->flow ? &l->flow->priority : &l->filter->priority);
}

static int read_idle(struct of_line *l, const struct of_word *word, unsigned arg)
{
	(void)arg;
	return read_u16(l, word, &l->flow->idle_timeout_s);
}

static int read_hard(struct of_line *l, const struct of_word *word, unsigned arg)
{
	(void)arg;
	return read_u16(l, word, &l->flow->hard_timeout_s);
}

static int read_importance(struct of_line *l, const struct of_word *word, unsigned arg)
{
	(void)arg;
	return read_u16(l, word, &l->flow->importance);
}

static int read_table(struct of_line *l, const struct of_word *word, unsigned arg)
{
	uint64_t value;
	unsigned max = l->filter ? OF_TABLE_ALL : OF_TABLE_MAX;
	(void)arg;
	int err = want_number(l, word, max, &value);
	if (err)
		return err;
	if (l->filter) {
		l->filter->table = (uint8_t)value;
		l->filter->has_table = value != OF_TABLE_ALL;
	} else {
		l->flow->table = (uint8_t)value;
	}
	return 0;
}

static int read_cookie_mask(struct of_line *l, struct of_word *word, uint64_t *mask)
{
	// ovs-ofctl's way to say all bits.
	if (of_slice_is(word->value, word->value_len, "-1")) {
		*mask = UINT64_MAX;
		return 0;
	}
	return want_number(l, word, UINT64_MAX, mask);
}

static int read_cookie(struct of_line *l, const struct of_word *word, unsigned arg)
{
	struct of_word value = *word, mask_word = *word;
	uint64_t cookie, mask = UINT64_MAX;
	const char *slash = memchr(word->value, '/', word->value_len);
	(void)arg;
	if (slash && l->kind == OF_LINE_ADD)
		return of_error_set(l->error, l->line, word->value, word->value_len,
				    "a new flow's cookie takes no mask");
	if (slash)
		value.value_len = (size_t)(slash - word->value);
	int err = want_number(l, &value, UINT64_MAX, &cookie);
	if (!err && slash) {
		mask_word.value = slash + 1;
		mask_word.value_len = word->value_len - value.value_len - 1;
		err = read_cookie_mask(l, &mask_word, &mask);
	}
	if (err)
		return err;
	if (l->filter) {
		l->filter->cookie = cookie & mask;
		l->filter->cookie_mask = mask;
	} else {
		l->flow->cookie = slash ? cookie & mask : cookie;
		l->flow->cookie_mask = slash ? mask : 0;
		l->flow->has_cookie = !slash;
	}
	return 0;
}

static int read_flag(struct of_line *l, const struct of_word *word, unsigned flag)
{
	(void)word;
	l->flow->flags |= (uint8_t)flag;
	return 0;
}

static int read_out_port(struct of_line *l, const struct of_word *word, unsigned arg)
{
	(void)arg;
	return of_port_parse(&l->filter->out_port, l->line, word->value, word->value_len, l->ports,
			     l->error);
}

static int read_out_group(struct of_line *l, const struct of_word *word, unsigned arg)
{
	uint64_t value;
	(void)arg;
	int err = want_number(l, word, OF_GROUP_MAX, &value);
	if (!err)
		l->filter->out_group = (uint32_t)value;
	return err;
}

// So that a dump can be fed back.
static int read_nothing(struct of_line *l, const struct of_word *word, unsigned arg)
{
	(void)l;
	(void)word;
	(void)arg;
	return 0;
}

#define IN_FLOW	  (OF_LINE_ADD | OF_LINE_MODIFY)
#define IN_FILTER (OF_LINE_FILTER | OF_LINE_STRICT)
#define IN_ALL	  (IN_FLOW | IN_FILTER)

static const struct keyword {
	const char *name;
	int (*read)(struct of_line *l, const struct of_word *word, unsigned arg);
	uint8_t arg;
	uint8_t where; // enum of_line_kind bits
	bool has_value;
} keywords[] = {
    {"priority", read_priority, 0, IN_FLOW | OF_LINE_STRICT, true},
    {"table", read_table, 0, IN_ALL, true},
    {"cookie", read_cookie, 0, IN_ALL, true},
    {"idle_timeout", read_idle, 0, IN_FLOW, true},
    {"hard_timeout", read_hard, 0, IN_FLOW, true},
    {"importance", read_importance, 0, OF_LINE_ADD, true},
    {"send_flow_rem", read_flag, OF_FLOW_SEND_FLOW_REM, IN_FLOW, false},
    {"check_overlap", read_flag, OF_FLOW_CHECK_OVERLAP, IN_FLOW, false},
    {"reset_counts", read_flag, OF_FLOW_RESET_COUNTS, IN_FLOW, false},
    {"no_packet_counts", read_flag, OF_FLOW_NO_PACKET_COUNTS, IN_FLOW, false},
    {"no_byte_counts", read_flag, OF_FLOW_NO_BYTE_COUNTS, IN_FLOW, false},
    {"out_port", read_out_port, 0, IN_FILTER, true},
    {"out_group", read_out_group, 0, IN_FILTER, true},
    {"duration", read_nothing, 0, IN_ALL, true},
    {"n_packets", read_nothing, 0, IN_ALL, true},
    {"n_bytes", read_nothing, 0, IN_ALL, true},
    {"idle_age", read_nothing, 0, IN_ALL, true},
    {"hard_age", read_nothing, 0, IN_ALL, true},
    {"allow_hidden_fields", read_nothing, 0, IN_ALL, false},
    {"no_readonly_table", read_nothing, 0, IN_ALL, false},
};
#define N_KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))
static_assert(N_KEYWORDS <= 32, "a bit each");

static struct of_names keyword_names;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void names_init(void)
{
	for (unsigned i = 0; i < N_KEYWORDS; i++)
		of_names_add(&keyword_names, keywords[i].name, i);
}

static int unknown_word(struct of_line *l, const struct of_word *word)
{
	struct of_guess guess;
	int err = of_field_check_foreign(l->line, word->name, word->name_len, l->error);
	if (err)
		return err;
	of_guess_init(&guess, word->name, word->name_len);
	of_field_guess(&guess);
	for (unsigned i = 0; i < N_KEYWORDS; i++) {
		if (keywords[i].where & l->kind)
			of_guess_try(&guess, keywords[i].name);
	}
	if (l->flow)
		of_guess_try(&guess, "actions");
	return of_guess_fail(&guess, l->error, l->line, "field");
}

static int misplaced(struct of_line *l, const struct keyword *k, const struct of_word *word)
{
	if (l->filter && k->read == read_priority)
		return of_error_set(
		    l->error, l->line, word->name, word->name_len,
		    "only a strict filter has one: add --strict, or write delete_strict");
	return unknown_word(l, word);
}

static int read_keyword(struct of_line *l, const struct of_word *word)
{
	int id = of_names_find(&keyword_names, word->name, word->name_len);
	if (id < 0)
		return unknown_word(l, word);
	const struct keyword *k = &keywords[id];
	if (!(k->where & l->kind))
		return misplaced(l, k, word);
	if (l->seen & 1u << id)
		return of_error_set(l->error, l->line, word->name, word->name_len, "given twice");
	l->seen |= 1u << id;
	if (k->has_value && (!word->value || word->value_len == 0))
		return of_error_set(l->error, l->line, word->name, word->name_len,
				    "needs a value: %s=VALUE", k->name);
	if (!k->has_value && word->value)
		return of_error_set(l->error, l->line, word->name, word->name_len,
				    "takes no value");
	return k->read(l, word, k->arg);
}

static bool starts_actions(const struct of_word *word)
{
	return of_word_is(word, "actions") || of_word_is(word, "action");
}

int of_line_read(struct of_line *l, const char **actions, struct of_word *at)
{
	struct of_slice rest = of_slice_of(l->line);
	struct of_word word;
	*actions = NULL;
	pthread_once(&names_once, names_init);
	while (of_word_next(&rest, &word)) {
		if (starts_actions(&word)) {
			*at = word;
			*actions = word.value ? word.value : "";
			if (word.assign != '=' && l->flow)
				return of_error_set(l->error, l->line, word.name, word.name_len,
						    "needs a list: actions=output:PORT");
			break;
		}
		int found = of_match_reader_add(&l->match, &word);
		if (!found)
			found = read_keyword(l, &word);
		if (found < 0)
			return found;
	}
	return of_match_reader_finish(&l->match);
}
