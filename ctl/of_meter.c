#include "ctl/of_meter.h"

#include "ctl/of_out.h"
#include "ctl/of_text.h"

#include <inttypes.h>
#include <string.h>

#define PREC_LEVEL_MAX 63

enum seen {
	SEEN_ID = 1 << 0,
	SEEN_KBPS = 1 << 1,
	SEEN_PKTPS = 1 << 2,
	SEEN_BURST = 1 << 3,
	SEEN_STATS = 1 << 4,
	SEEN_L1 = 1 << 5,
	SEEN_BANDS = 1 << 6,
	// Of a band.
	SEEN_TYPE = 1 << 0,
	SEEN_RATE = 1 << 1,
	SEEN_SIZE = 1 << 2,
	SEEN_PREC = 1 << 3,
};

struct meter_reader {
	const char *line;
	struct of_error *error;
	struct of_meter *meter;
	unsigned seen, band_seen;
	const char *unit;    // where kbps or pktps stands
	struct of_word band; // where the current band starts
};

static int fail(const struct meter_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->name, word->name_len, "%s", text);
}

static int want_number(const struct meter_reader *r, const struct of_word *word, uint32_t min,
		       uint32_t max, uint32_t *out)
{
	uint64_t value;
	const char *at = word->value ? word->value : word->name;
	if (word->value && of_text_u64(word->value, word->value_len, max, &value) && value >= min) {
		*out = (uint32_t)value;
		return 0;
	}
	return of_error_set(r->error, r->line, at, word->value ? word->value_len : word->name_len,
			    "%.*s wants a number from %" PRIu32 " to %" PRIu32, (int)word->name_len,
			    word->name, min, max);
}

static const struct {
	const char *name;
	unsigned seen;
	bool has_value;
} rows[] = {
    {"meter", SEEN_ID, true},	  {"kbps", SEEN_KBPS, false},	{"pktps", SEEN_PKTPS, false},
    {"burst", SEEN_BURST, false}, {"stats", SEEN_STATS, false}, {"l1", SEEN_L1, false},
    {"bands", SEEN_BANDS, true},  {"band", SEEN_BANDS, true},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static int unknown_word(const struct meter_reader *r, const struct of_word *word)
{
	struct of_guess guess;
	of_guess_init(&guess, word->name, word->name_len);
	for (unsigned i = 0; i < N_ROWS; i++)
		of_guess_try(&guess, rows[i].name);
	return of_guess_fail(&guess, r->error, r->line, "word");
}

// A word before the bands.
static int read_meter_word(struct meter_reader *r, const struct of_word *word)
{
	unsigned i = 0;
	while (i < N_ROWS && !of_word_is(word, rows[i].name))
		i++;
	if (i == N_ROWS)
		return unknown_word(r, word);
	if (r->seen & rows[i].seen)
		return fail(r, word, "given twice");
	r->seen |= rows[i].seen;
	if (!rows[i].has_value && word->value)
		return fail(r, word, "takes no value");
	if ((r->seen & SEEN_KBPS) && (r->seen & SEEN_PKTPS))
		return fail(r, word, "a meter counts in kbps or in pktps, not in both");
	return rows[i].seen == SEEN_ID ? want_number(r, word, 1, OF_METER_MAX, &r->meter->id) : 0;
}

static struct of_band *last_band(struct meter_reader *r)
{
	return &r->meter->bands[r->meter->n_bands - 1];
}

static int band_start(struct meter_reader *r, const struct of_word *word)
{
	if (r->meter->n_bands == OF_BANDS_MAX)
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "a meter has at most %u bands", OF_BANDS_MAX);
	r->meter->n_bands++;
	r->band = *word;
	r->band_seen = SEEN_TYPE;
	if (word->value && of_slice_is(word->value, word->value_len, "drop"))
		last_band(r)->type = OF_BAND_DROP;
	else if (word->value && of_slice_is(word->value, word->value_len, "dscp_remark"))
		last_band(r)->type = OF_BAND_DSCP_REMARK;
	else
		return fail(r, word, "wants drop or dscp_remark");
	return 0;
}

static int band_end(const struct meter_reader *r)
{
	bool has_burst = r->seen & SEEN_BURST;
	if (r->meter->n_bands == 0)
		return 0;
	const struct of_band *band = &r->meter->bands[r->meter->n_bands - 1];
	if (!(r->band_seen & SEEN_RATE))
		return fail(r, &r->band, "the band needs rate=");
	if (has_burst && !(r->band_seen & SEEN_SIZE))
		return fail(r, &r->band, "the band needs burst_size=, as the meter has burst");
	if (!has_burst && (r->band_seen & SEEN_SIZE))
		return fail(r, &r->band, "burst_size= needs the word burst before the bands");
	if (band->type == OF_BAND_DSCP_REMARK && !(r->band_seen & SEEN_PREC))
		return fail(r, &r->band, "a dscp_remark band needs prec_level=");
	if (band->type == OF_BAND_DROP && (r->band_seen & SEEN_PREC))
		return fail(r, &r->band, "only a dscp_remark band has prec_level=");
	return 0;
}

static int read_band_word(struct meter_reader *r, const struct of_word *word)
{
	static const struct {
		const char *name;
		unsigned seen;
		uint32_t max;
	} numbers[] = {{"rate", SEEN_RATE, UINT32_MAX},
		       {"burst_size", SEEN_SIZE, UINT32_MAX},
		       {"prec_level", SEEN_PREC, PREC_LEVEL_MAX}};
	if (of_word_is(word, "type")) {
		int err = band_end(r);
		return err ? err : band_start(r, word);
	}
	if (r->meter->n_bands == 0)
		return fail(r, word, "a band starts with type=");
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t value = 0;
		if (!of_word_is(word, numbers[i].name))
			continue;
		if (r->band_seen & numbers[i].seen)
			return fail(r, word, "given twice");
		r->band_seen |= numbers[i].seen;
		int err = want_number(r, word, 1, numbers[i].max, &value);
		if (err)
			return err;
		if (numbers[i].seen == SEEN_RATE)
			last_band(r)->rate = value;
		else if (numbers[i].seen == SEEN_SIZE)
			last_band(r)->burst_size = value;
		else
			last_band(r)->prec_level = (uint8_t)value;
		return 0;
	}
	return fail(r, word, "is no word of a band: type, rate, burst_size and prec_level are");
}

static int read_words(struct meter_reader *r)
{
	struct of_slice rest = of_slice_of(r->line);
	struct of_word word;
	int err = 0;
	while (!err && of_word_next(&rest, &word)) {
		bool is_bands = of_word_is(&word, "bands") || of_word_is(&word, "band");
		if (is_bands && (r->seen & SEEN_BANDS)) {
			rest.p = word.value ? word.value : rest.p; // "band=" before each
		} else if (is_bands) {
			err = read_meter_word(r, &word);
			rest.p = word.value ? word.value : rest.p;
		} else if (r->seen & SEEN_BANDS) {
			err = read_band_word(r, &word);
		} else {
			err = read_meter_word(r, &word);
		}
	}
	return err ? err : band_end(r);
}

int of_meter_parse(struct of_meter *meter, const char *line, struct of_error *error)
{
	struct meter_reader r = {.line = line, .error = error, .meter = meter};
	const char *end = line + strlen(line);
	memset(meter, 0, sizeof(*meter));
	int err = read_words(&r);
	if (err)
		return err;
	if (!(r.seen & SEEN_ID))
		return of_error_set(error, line, end, 0, "meter= is missing");
	if (!(r.seen & (SEEN_KBPS | SEEN_PKTPS)))
		return of_error_set(error, line, end, 0, "kbps or pktps is missing");
	if (meter->n_bands == 0)
		return of_error_set(error, line, end, 0,
				    "a band is missing, like bands=type=drop,rate=1000");
	meter->is_pps = r.seen & SEEN_PKTPS;
	meter->has_burst = r.seen & SEEN_BURST;
	meter->has_stats = r.seen & SEEN_STATS;
	meter->counts_l1 = r.seen & SEEN_L1;
	return 0;
}

static void print_number(struct of_out *out, const char *name, uint32_t value)
{
	if (!value)
		return;
	of_out_text(out, name);
	of_out_dec(out, value);
}

static void print_meter(struct of_out *out, const struct of_meter *meter)
{
	print_number(out, "meter=", meter->id);
	of_out_text(out, meter->is_pps ? ",pktps" : ",kbps");
	of_out_text(out, meter->has_burst ? ",burst" : "");
	of_out_text(out, meter->has_stats ? ",stats" : "");
	of_out_text(out, meter->counts_l1 ? ",l1" : "");
	for (unsigned i = 0; i < meter->n_bands; i++) {
		const struct of_band *band = &meter->bands[i];
		of_out_text(out, i == 0 ? ",bands=type=" : ",type=");
		of_out_text(out, band->type == OF_BAND_DROP ? "drop" : "dscp_remark");
		print_number(out, ",rate=", band->rate);
		print_number(out, ",burst_size=", band->burst_size);
		print_number(out, ",prec_level=", band->prec_level);
	}
}

void of_meter_print(FILE *file, const struct of_meter *meter)
{
	struct of_out out;
	of_out_init(&out);
	print_meter(&out, meter);
	of_out_write(&out, file);
}

char *of_meter_format(const struct of_meter *meter)
{
	struct of_out out;
	of_out_init(&out);
	print_meter(&out, meter);
	return of_out_take(&out);
}

int of_meter_id_parse(uint32_t *id, const char *line, struct of_error *error)
{
	struct of_slice rest = of_slice_of(line);
	struct of_word word;
	struct meter_reader r = {.line = line, .error = error};
	*id = 0;
	if (!of_word_next(&rest, &word) || (of_word_is(&word, "all") && !word.value))
		return 0;
	if (!of_word_is(&word, "meter") || !word.value)
		return fail(&r, &word, "wants meter=N or all");
	if (!of_slice_is(word.value, word.value_len, "all")) {
		int err = want_number(&r, &word, 1, OF_METER_MAX, id);
		if (err)
			return err;
	}
	return of_word_next(&rest, &word) ? fail(&r, &word, "is one word too many") : 0;
}
