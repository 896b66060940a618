// learn: rules that packets make. ovs-actions(7), "The learn action".
#include "ctl/of_act.h"

#include "ctl/of_flow.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define TABLE_DEFAULT 1

// The action and the rule that it makes, as they become known.
struct learner {
	struct of_act_reader *r;
	const struct of_word *action;
	size_t at;	       // the record's place
	struct of_match match; // what the new rule matches for certain
	uint32_t seen;	       // rows of `words` that were there
};

static struct of_act_learn *record(const struct learner *l)
{
	return (void *)((char *)l->r->buf->words + l->at);
}

static int want(const struct learner *l, const struct of_word *word, uint64_t max, uint64_t *out)
{
	if (of_text_u64(word->value, word->value_len, max, out))
		return 0;
	return of_error_set(l->r->error, l->r->line, word->value, word->value_len,
			    "%.*s wants a number from 0 to %" PRIu64, (int)word->name_len,
			    word->name, max);
}

static int read_u16(struct learner *l, const struct of_word *word, size_t offset)
{
	uint64_t value;
	int err = want(l, word, UINT16_MAX, &value);
	uint16_t small = (uint16_t)value;
	if (!err)
		memcpy((char *)record(l) + offset, &small, sizeof(small));
	return err;
}

static int read_table(struct learner *l, const struct of_word *word, size_t offset)
{
	uint64_t value;
	(void)offset;
	int err = want(l, word, OF_TABLE_MAX, &value);
	if (!err)
		record(l)->table = (uint8_t)value;
	return err;
}

static int read_cookie(struct learner *l, const struct of_word *word, size_t offset)
{
	uint64_t value;
	(void)offset;
	int err = want(l, word, UINT64_MAX, &value);
	if (!err)
		record(l)->cookie = value;
	return err;
}

static int read_limit(struct learner *l, const struct of_word *word, size_t offset)
{
	uint64_t value;
	(void)offset;
	int err = want(l, word, UINT32_MAX, &value);
	if (!err)
		record(l)->limit = (uint32_t)value;
	return err;
}

static int read_flag(struct learner *l, const struct of_word *word, size_t flag)
{
	(void)word;
	record(l)->flags |= (uint8_t)flag;
	return 0;
}

// They take the action fin_timeout.
static int read_foreign(struct learner *l, const struct of_word *word, size_t arg)
{
	(void)arg;
	return of_act_fail_name(l->r, word, "not built yet");
}

static int read_result(struct learner *l, const struct of_word *word, size_t offset)
{
	struct of_subfield sf;
	(void)offset;
	int err = of_act_read_subfield(l->r, word->value, word->value_len, true, &sf);
	if (err)
		return err;
	if (sf.n_bits != 1)
		return of_error_set(l->r->error, l->r->line, word->value, word->value_len,
				    "result_dst wants a single bit, like reg0[8]");
	record(l)->result_dst = sf;
	return 0;
}

#define IN_LEARN(member) offsetof(struct of_act_learn, member)

static const struct learn_row {
	const char *name;
	int (*read)(struct learner *l, const struct of_word *word, size_t arg);
	size_t arg;
	bool has_value;
} words[] = {
    {"table", read_table, 0, true},
    {"priority", read_u16, IN_LEARN(priority), true},
    {"idle_timeout", read_u16, IN_LEARN(idle_timeout_s), true},
    {"hard_timeout", read_u16, IN_LEARN(hard_timeout_s), true},
    {"fin_idle_timeout", read_foreign, 0, true},
    {"fin_hard_timeout", read_foreign, 0, true},
    {"cookie", read_cookie, 0, true},
    {"send_flow_rem", read_flag, OF_LEARN_SEND_FLOW_REM, false},
    {"delete_learned", read_flag, OF_LEARN_DELETE_LEARNED, false},
    {"limit", read_limit, 0, true},
    {"result_dst", read_result, 0, true},
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

static int put_spec(struct learner *l, const struct of_learn_spec *spec)
{
	size_t n = record(l)->n_specs;
	struct of_act_learn *a =
	    of_act_grow(l->r, l->action, l->at, sizeof(*a) + (n + 1) * sizeof(a->specs[0]));
	if (!a)
		return -EINVAL;
	a->specs[n] = *spec;
	a->n_specs = (uint32_t)(n + 1);
	return 0;
}

// What the new rule matches or writes needs what it matches already.
static int check_new(const struct learner *l, const char *name, size_t len,
		     const struct of_subfield *dst)
{
	uint16_t needs = of_fields[dst->field].needs;
	char text[96];
	if (!needs || (needs & of_match_kinds(&l->match)))
		return 0;
	of_kinds_text(needs, text, sizeof(text));
	return of_error_set(l->r->error, l->r->line, name, len,
			    "needs %s in the new rule's match, before it, like eth_type=0x800",
			    text);
}

// A source in the packet, or a number or value.
static int read_source(struct learner *l, const struct of_word *word, struct of_learn_spec *spec)
{
	struct of_text_at at = of_act_at(l->r, word);
	of_value value = 0;
	const char *bracket = memchr(word->value, '[', word->value_len);
	size_t name_len = bracket ? (size_t)(bracket - word->value) : word->value_len;
	if (bracket || of_field_find(word->value, name_len)) {
		int err =
		    of_act_read_subfield(l->r, word->value, word->value_len, false, &spec->src);
		if (err || spec->src.n_bits == spec->dst.n_bits)
			return err;
		return of_error_set(l->r->error, l->r->line, word->value, word->value_len,
				    "has %u bits, %.*s has %u", spec->src.n_bits,
				    (int)word->name_len, word->name, spec->dst.n_bits);
	}
	const struct of_field *field = &of_fields[spec->dst.field];
	int err = of_subfield_is_whole(&spec->dst) && spec->dst.n_bits == field->n_bits
		      ? of_value_parse_exact(field, &at, &value)
		      : of_value_parse_bits(spec->dst.n_bits, &at, &value);
	spec->kind = OF_LEARN_MATCH_VALUE;
	of_act_value_to(spec->value, value);
	return err;
}

// "FIELD", "FIELD=VALUE" or "FIELD=FIELD": the new rule matches it.
static int read_match(struct learner *l, const struct of_word *word)
{
	struct of_learn_spec spec = {.kind = OF_LEARN_MATCH_FIELD};
	int err = of_subfield_parse(&spec.dst, l->r->line, word->name, word->name_len, l->r->error);
	if (!err)
		err = check_new(l, word->name, word->name_len, &spec.dst);
	if (err)
		return err;
	if (!of_fields[spec.dst.field].maskable && !of_subfield_is_whole(&spec.dst))
		return of_error_set(l->r->error, l->r->line, word->name, word->name_len,
				    "can be matched only whole");
	if (word->value && word->value_len > 0) {
		err = read_source(l, word, &spec);
	} else {
		spec.src = spec.dst;
		err = of_act_check_needs(l->r, word->name, word->name_len,
					 of_fields[spec.src.field].needs);
	}
	if (err)
		return err;
	if (spec.kind == OF_LEARN_MATCH_VALUE) {
		of_subfield_set(&spec.dst, &l->match.key, of_act_value_of(spec.value));
		of_subfield_set(&spec.dst, &l->match.mask, of_value_ones(spec.dst.n_bits));
	}
	return put_spec(l, &spec);
}

// "load:VALUE->FIELD" or "load:FIELD->FIELD": an action of the new rule.
static int read_load(struct learner *l, const struct of_word *word)
{
	struct of_learn_spec spec = {.kind = OF_LEARN_LOAD_FIELD};
	const char *arrow = word->value ? strstr(word->value, "->") : NULL;
	const char *end = of_word_value(word).end;
	if (!arrow || arrow == word->value || arrow + 2 >= end)
		return of_error_set(l->r->error, l->r->line, word->name, word->len,
				    "load wants VALUE->FIELD or FIELD->FIELD");
	size_t dst_len = (size_t)(end - arrow - 2);
	struct of_word src = {word->name,  word->name_len,
			      word->value, (size_t)(arrow - word->value),
			      0,	   word->assign,
			      false};
	int err = of_subfield_parse(&spec.dst, l->r->line, arrow + 2, dst_len, l->r->error);
	if (err)
		return err;
	if (!of_fields[spec.dst.field].writable)
		return of_error_set(l->r->error, l->r->line, arrow + 2, dst_len,
				    "%s cannot be changed", of_fields[spec.dst.field].name);
	err = check_new(l, arrow + 2, dst_len, &spec.dst);
	if (err)
		return err;
	struct of_text_at at = of_act_at(l->r, &src);
	if (src.value[0] >= '0' && src.value[0] <= '9') {
		of_value value;
		err = of_value_parse_bits(spec.dst.n_bits, &at, &value);
		spec.kind = OF_LEARN_LOAD_VALUE;
		if (!err)
			of_act_value_to(spec.value, value);
	} else {
		err = of_act_read_subfield(l->r, src.value, src.value_len, false, &spec.src);
		if (!err && spec.src.n_bits != spec.dst.n_bits)
			err = of_error_set(l->r->error, l->r->line, word->value, word->value_len,
					   "loads %u bits into %u: both sides must be as wide",
					   spec.src.n_bits, spec.dst.n_bits);
	}
	return err ? err : put_spec(l, &spec);
}

static int read_output(struct learner *l, const struct of_word *word)
{
	struct of_learn_spec spec = {.kind = OF_LEARN_OUTPUT};
	if (!word->value || word->value_len == 0)
		return of_error_set(l->r->error, l->r->line, word->name, word->len,
				    "needs a field: output:FIELD");
	int err = of_act_read_subfield(l->r, word->value, word->value_len, false, &spec.src);
	return err ? err : put_spec(l, &spec);
}

static int read_word(struct learner *l, const struct of_word *word)
{
	for (unsigned i = 0; i < N_WORDS; i++) {
		if (!of_word_is(word, words[i].name))
			continue;
		if (l->seen & 1u << i)
			return of_error_set(l->r->error, l->r->line, word->name, word->name_len,
					    "given twice");
		l->seen |= 1u << i;
		if (words[i].has_value && (!word->value || word->value_len == 0))
			return of_error_set(l->r->error, l->r->line, word->name, word->name_len,
					    "needs a value: %s=VALUE", words[i].name);
		return words[i].read(l, word, words[i].arg);
	}
	if (of_word_is(word, "load"))
		return read_load(l, word);
	if (of_word_is(word, "output"))
		return read_output(l, word);
	return read_match(l, word);
}

int of_act_read_learn(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct learner l = {.r = r, .action = word, .at = r->buf->n_bytes};
	struct of_slice rest = of_word_value(word);
	struct of_word inner;
	int err = 0;
	(void)arg;
	if (word->assign != '(')
		return of_error_set(r->error, r->line, word->name, word->len,
				    "needs arguments: learn(...)");
	if (!of_act_put(r, word, OF_LEARN, sizeof(struct of_act_learn)))
		return -EINVAL;
	record(&l)->table = TABLE_DEFAULT;
	record(&l)->priority = OF_PRIORITY_DEFAULT;
	while (!err && of_word_next(&rest, &inner))
		err = read_word(&l, &inner);
	return err;
}

static void print_number(struct of_out *out, const char *name, uint64_t value)
{
	if (!value)
		return;
	of_out_text(out, name);
	of_out_dec(out, value);
}

static bool same_bits(const struct of_subfield *a, const struct of_subfield *b)
{
	return a->field == b->field && a->ofs == b->ofs;
}

static void print_match_value(struct of_out *out, const struct of_learn_spec *spec,
			      const struct of_ports *ports)
{
	const struct of_field *field = &of_fields[spec->dst.field];
	of_value value = of_act_value_of(spec->value);
	if (of_subfield_is_whole(&spec->dst) && spec->dst.n_bits == field->n_bits) {
		of_out_text(out, field->name);
		of_out_char(out, '=');
		of_value_print(out, field, value, of_field_bits(field), ports);
	} else {
		of_subfield_print(out, &spec->dst);
		of_out_char(out, '=');
		of_out_0x(out, value);
	}
}

static void print_spec(struct of_out *out, const struct of_learn_spec *spec,
		       const struct of_ports *ports)
{
	of_out_char(out, ',');
	switch ((enum of_learn_kind)spec->kind) {
	case OF_LEARN_MATCH_VALUE:
		print_match_value(out, spec, ports);
		break;
	case OF_LEARN_MATCH_FIELD:
		of_subfield_print(out, &spec->dst);
		if (!same_bits(&spec->src, &spec->dst)) {
			of_out_char(out, '=');
			of_subfield_print(out, &spec->src);
		}
		break;
	case OF_LEARN_LOAD_VALUE:
		of_out_text(out, "load:");
		of_out_0x(out, of_act_value_of(spec->value));
		of_out_text(out, "->");
		of_subfield_print(out, &spec->dst);
		break;
	case OF_LEARN_LOAD_FIELD:
		of_out_text(out, "load:");
		of_subfield_print(out, &spec->src);
		of_out_text(out, "->");
		of_subfield_print(out, &spec->dst);
		break;
	case OF_LEARN_OUTPUT:
		of_out_text(out, "output:");
		of_subfield_print(out, &spec->src);
	}
}

void of_act_print_learn(struct of_out *out, const struct of_act_learn *a,
			const struct of_ports *ports)
{
	of_out_text(out, "learn(table=");
	of_out_dec(out, a->table);
	print_number(out, ",idle_timeout=", a->idle_timeout_s);
	print_number(out, ",hard_timeout=", a->hard_timeout_s);
	if (a->priority != OF_PRIORITY_DEFAULT) {
		of_out_text(out, ",priority=");
		of_out_dec(out, a->priority);
	}
	if (a->flags & OF_LEARN_SEND_FLOW_REM)
		of_out_text(out, ",send_flow_rem");
	if (a->flags & OF_LEARN_DELETE_LEARNED)
		of_out_text(out, ",delete_learned");
	if (a->cookie) {
		of_out_text(out, ",cookie=");
		of_out_0x(out, a->cookie);
	}
	print_number(out, ",limit=", a->limit);
	if (a->result_dst.n_bits) {
		of_out_text(out, ",result_dst=");
		of_subfield_print(out, &a->result_dst);
	}
	for (uint32_t i = 0; i < a->n_specs; i++)
		print_spec(out, &a->specs[i], ports);
	of_out_char(out, ')');
}
