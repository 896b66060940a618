#include "ctl/of_group.h"

#include "ctl/of_act.h"
#include "ctl/of_port.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_ID_MAX 0xffffff00u
#define BUCKET_ID_ANY UINT32_MAX // not given: the lowest that is free

static const char *const types[] = {
    [OF_GROUP_ALL] = "all",
    [OF_GROUP_SELECT] = "select",
    [OF_GROUP_INDIRECT] = "indirect",
    [OF_GROUP_FF] = "ff",
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

enum seen {
	SEEN_ID = 1 << 0,
	SEEN_TYPE = 1 << 1,
	SEEN_METHOD = 1 << 2,
	SEEN_PARAM = 1 << 3,
	SEEN_FIELDS = 1 << 4,
};

enum bucket_seen {
	SEEN_BUCKET_ID = 1 << 0,
	SEEN_WEIGHT = 1 << 1,
	SEEN_PORT = 1 << 2,
	SEEN_GROUP = 1 << 3,
	SEEN_ACTIONS = 1 << 4,
};

struct group_reader {
	const char *line;
	const struct of_ports *ports;
	struct of_error *error;
	struct of_group *group;
	unsigned seen;
	struct of_word type, method, param, fields, bucket; // where they stand, for errors
	// The bucket that is being read.
	unsigned bucket_seen;
	struct of_act_buf buf;
	struct of_act_reader actions;
};

static int fail(const struct group_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->name, word->name_len, "%s", text);
}

static int want_number(const struct group_reader *r, const struct of_word *word, uint64_t max,
		       uint64_t *out)
{
	if (word->value && of_text_u64(word->value, word->value_len, max, out))
		return 0;
	const char *at = word->value ? word->value : word->name;
	return of_error_set(r->error, r->line, at, word->value ? word->value_len : word->name_len,
			    "%.*s wants a number from 0 to %" PRIu64, (int)word->name_len,
			    word->name, max);
}

static int read_id(struct group_reader *r, const struct of_word *word)
{
	uint64_t value = 0;
	int err = want_number(r, word, OF_GROUP_MAX, &value);
	if (!err)
		r->group->id = (uint32_t)value;
	return err;
}

static int read_type(struct group_reader *r, const struct of_word *word)
{
	r->type = *word;
	for (unsigned i = 0; i < N_TYPES; i++) {
		if (word->value && of_slice_is(word->value, word->value_len, types[i])) {
			r->group->type = (enum of_group_type)i;
			return 0;
		}
	}
	if (word->value && of_slice_is(word->value, word->value_len, "fast_failover")) {
		r->group->type = OF_GROUP_FF;
		return 0;
	}
	return fail(r, word, "wants all, select, indirect or ff");
}

static int read_method(struct group_reader *r, const struct of_word *word)
{
	r->method = *word;
	bool is_hash = word->value && of_slice_is(word->value, word->value_len, "hash");
	bool is_dp_hash = word->value && of_slice_is(word->value, word->value_len, "dp_hash");
	if (!is_hash && !is_dp_hash)
		return fail(r, word, "wants hash or dp_hash");
	r->group->has_method = true;
	r->group->is_dp_hash = is_dp_hash;
	return 0;
}

static int read_param(struct group_reader *r, const struct of_word *word)
{
	r->param = *word;
	return want_number(r, word, UINT64_MAX, &r->group->selection_param);
}

// One of fields(...): its mask, or all of it.
static int read_hash_field(struct group_reader *r, const struct of_word *word)
{
	const struct of_field *field = of_field_find(word->name, word->name_len);
	struct of_text_at at = {r->line,	 word->name, word->name_len, word->value,
				word->value_len, r->ports,   r->error};
	if (!field) {
		int err = of_field_check_foreign(r->line, word->name, word->name_len, r->error);
		struct of_guess guess;
		of_guess_init(&guess, word->name, word->name_len);
		of_field_guess(&guess);
		return err ? err : of_guess_fail(&guess, r->error, r->line, "field");
	}
	struct of_subfield sf = of_field_whole(of_field_id(field));
	of_value mask = of_field_bits(field);
	if (word->value && word->value_len > 0) {
		int err = of_value_parse_exact(field, &at, &mask);
		if (err)
			return err;
		if (!mask || (mask != of_field_bits(field) && !field->maskable))
			return of_error_set(r->error, r->line, word->value, word->value_len,
					    "is no mask for %s", field->name);
	}
	if (of_subfield_get(&sf, &r->group->hash_fields))
		return fail(r, word, "given twice");
	of_subfield_set(&sf, &r->group->hash_fields, mask);
	return 0;
}

static int read_fields(struct group_reader *r, const struct of_word *word)
{
	struct of_slice rest = of_word_value(word);
	struct of_word field;
	r->fields = *word;
	if (!word->value || word->value_len == 0)
		return fail(r, word, "needs a list: fields(FIELD,FIELD...)");
	int err = 0;
	while (!err && of_word_next(&rest, &field))
		err = read_hash_field(r, &field);
	return err;
}

static const struct group_row {
	const char *name;
	int (*read)(struct group_reader *r, const struct of_word *word);
	unsigned seen;
} rows[] = {
    {"group_id", read_id, SEEN_ID},
    {"type", read_type, SEEN_TYPE},
    {"selection_method", read_method, SEEN_METHOD},
    {"selection_method_param", read_param, SEEN_PARAM},
    {"fields", read_fields, SEEN_FIELDS},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static int read_group_word(struct group_reader *r, const struct of_word *word)
{
	struct of_guess guess;
	of_guess_init(&guess, word->name, word->name_len);
	for (unsigned i = 0; i < N_ROWS; i++) {
		of_guess_try(&guess, rows[i].name);
		if (!of_word_is(word, rows[i].name))
			continue;
		if (r->seen & rows[i].seen)
			return fail(r, word, "given twice");
		r->seen |= rows[i].seen;
		return rows[i].read(r, word);
	}
	of_guess_try(&guess, "bucket");
	return of_guess_fail(&guess, r->error, r->line, "word");
}

static struct of_bucket *last_bucket(struct group_reader *r)
{
	return &r->group->buckets[r->group->n_buckets - 1];
}

static int bucket_start(struct group_reader *r, const struct of_word *word)
{
	struct of_group *g = r->group;
	if (g->n_buckets == OF_BUCKETS_MAX)
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "a group has at most %u buckets", OF_BUCKETS_MAX);
	struct of_bucket *buckets = realloc(g->buckets, (g->n_buckets + 1) * sizeof(*buckets));
	if (!buckets)
		return fail(r, word, "out of memory");
	g->buckets = buckets;
	buckets[g->n_buckets++] =
	    (struct of_bucket){.id = BUCKET_ID_ANY, .weight = 1, .watch_group = UINT32_MAX};
	r->bucket = *word;
	r->bucket_seen = 0;
	r->buf.n_bytes = 0;
	of_act_reader_init(&r->actions, &r->buf, r->line, r->ports, r->error);
	r->actions.place = OF_IN_BUCKET;
	return 0;
}

static int bucket_end(struct group_reader *r)
{
	if (r->group->n_buckets == 0)
		return 0;
	if (!(r->bucket_seen & SEEN_ACTIONS))
		return fail(r, &r->bucket, "needs actions=");
	return of_act_buf_take(&r->buf, &r->actions, &last_bucket(r)->actions);
}

static int read_bucket_id(struct group_reader *r, const struct of_word *word)
{
	uint64_t value = 0;
	int err = want_number(r, word, BUCKET_ID_MAX, &value);
	if (err)
		return err;
	for (unsigned i = 0; i + 1 < r->group->n_buckets; i++) {
		if (r->group->buckets[i].id == value)
			return of_error_set(r->error, r->line, word->value, word->value_len,
					    "is another bucket's");
	}
	last_bucket(r)->id = (uint32_t)value;
	return 0;
}

static int read_weight(struct group_reader *r, const struct of_word *word)
{
	uint64_t value = 0;
	int err = want_number(r, word, UINT16_MAX, &value);
	if (!err && r->group->type != OF_GROUP_SELECT)
		err = fail(r, word, "only a select group's buckets have weights");
	if (!err)
		last_bucket(r)->weight = (uint16_t)value;
	return err;
}

static int read_watch_port(struct group_reader *r, const struct of_word *word)
{
	if (!word->value)
		return fail(r, word, "needs a port");
	// ovs-ofctl's word for none.
	if (of_slice_is(word->value, word->value_len, "ANY"))
		return 0;
	return of_port_parse(&last_bucket(r)->watch_port, r->line, word->value, word->value_len,
			     r->ports, r->error);
}

static int read_watch_group(struct group_reader *r, const struct of_word *word)
{
	uint64_t value = 0;
	int err = want_number(r, word, OF_GROUP_MAX, &value);
	if (!err)
		last_bucket(r)->watch_group = (uint32_t)value;
	return err;
}

static const struct group_row bucket_rows[] = {
    {"bucket_id", read_bucket_id, SEEN_BUCKET_ID},
    {"weight", read_weight, SEEN_WEIGHT},
    {"watch_port", read_watch_port, SEEN_PORT},
    {"watch_group", read_watch_group, SEEN_GROUP},
};

// A word of a bucket; what is none of its own is an action.
static int read_bucket_word(struct group_reader *r, const struct of_word *word)
{
	for (unsigned i = 0; i < sizeof(bucket_rows) / sizeof(bucket_rows[0]); i++) {
		if (!of_word_is(word, bucket_rows[i].name))
			continue;
		if (r->bucket_seen & bucket_rows[i].seen)
			return fail(r, word, "given twice");
		r->bucket_seen |= bucket_rows[i].seen;
		return bucket_rows[i].read(r, word);
	}
	r->bucket_seen |= SEEN_ACTIONS;
	return of_act_read_word(&r->actions, word);
}

static int read_words(struct group_reader *r)
{
	struct of_slice rest = of_slice_of(r->line);
	struct of_word word;
	int err = 0;
	while (!err && of_word_next(&rest, &word)) {
		bool in_bucket = r->group->n_buckets > 0;
		if (word.is_open) {
			err = fail(r, &word, "its parenthesis is not closed");
		} else if (of_word_is(&word, "bucket") && word.value) {
			err = bucket_end(r);
			if (!err)
				err = bucket_start(r, &word);
			rest.p = word.value;
		} else if (in_bucket && word.value &&
			   (of_word_is(&word, "actions") || of_word_is(&word, "action"))) {
			r->bucket_seen |= SEEN_ACTIONS;
			rest.p = word.value;
		} else {
			err = in_bucket ? read_bucket_word(r, &word) : read_group_word(r, &word);
		}
	}
	return err ? err : bucket_end(r);
}

// Buckets without an id get the lowest ones that are free.
static void number_buckets(struct of_group *g)
{
	uint32_t next = 0;
	for (unsigned i = 0; i < g->n_buckets; i++) {
		if (g->buckets[i].id != BUCKET_ID_ANY)
			continue;
		for (unsigned j = 0; j < g->n_buckets; j++) {
			if (g->buckets[j].id == next) {
				next++;
				j = UINT32_MAX; // from the first again
			}
		}
		g->buckets[i].id = next++;
	}
}

static int check_buckets(const struct group_reader *r)
{
	const struct of_group *g = r->group;
	if (g->type == OF_GROUP_INDIRECT && g->n_buckets != 1)
		return fail(r, &r->type, "an indirect group has one bucket");
	for (unsigned i = 0; i < g->n_buckets && g->type == OF_GROUP_FF; i++) {
		const struct of_bucket *b = &g->buckets[i];
		if (!b->watch_port && b->watch_group == UINT32_MAX)
			return fail(r, &r->type,
				    "each bucket of a fast failover group needs watch_port or "
				    "watch_group");
	}
	return 0;
}

static int check_group(const struct group_reader *r)
{
	const struct of_group *g = r->group;
	const char *end = r->line + strlen(r->line);
	if (!(r->seen & SEEN_ID))
		return of_error_set(r->error, r->line, end, 0, "group_id= is missing");
	if (!(r->seen & SEEN_TYPE))
		return of_error_set(r->error, r->line, end, 0,
				    "type= is missing: all, select, indirect or ff");
	if (g->has_method && g->type != OF_GROUP_SELECT)
		return fail(r, &r->method, "only a select group has a selection method");
	if ((r->seen & SEEN_PARAM) && !g->has_method)
		return fail(r, &r->param, "needs selection_method=, too");
	if ((r->seen & SEEN_FIELDS) && (!g->has_method || g->is_dp_hash))
		return fail(r, &r->fields, "needs selection_method=hash, too");
	return check_buckets(r);
}

int of_group_parse(struct of_group *group, const char *line, const struct of_ports *ports,
		   struct of_error *error)
{
	struct group_reader r = {.line = line, .ports = ports, .error = error, .group = group};
	memset(group, 0, sizeof(*group));
	of_act_buf_init(&r.buf);
	int err = read_words(&r);
	of_act_buf_fini(&r.buf);
	if (!err)
		err = check_group(&r);
	if (err)
		of_group_fini(group);
	else
		number_buckets(group);
	return err;
}

void of_group_fini(struct of_group *group)
{
	for (unsigned i = 0; i < group->n_buckets; i++)
		free(group->buckets[i].actions);
	free(group->buckets);
	group->buckets = NULL;
	group->n_buckets = 0;
}

int of_group_id_parse(uint32_t *id, const char *line, struct of_error *error)
{
	struct of_slice rest = of_slice_of(line);
	struct of_word word;
	struct group_reader r = {.line = line, .error = error};
	*id = UINT32_MAX;
	if (!of_word_next(&rest, &word) || (of_word_is(&word, "all") && !word.value))
		return 0;
	if (!of_word_is(&word, "group_id") || !word.value)
		return fail(&r, &word, "wants group_id=N or all");
	if (!of_slice_is(word.value, word.value_len, "all")) {
		uint64_t value = 0;
		int err = want_number(&r, &word, OF_GROUP_MAX, &value);
		if (err)
			return err;
		*id = (uint32_t)value;
	}
	return of_word_next(&rest, &word) ? fail(&r, &word, "is one word too many") : 0;
}
