#include "ctl/of_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GUESS_WORD_MAX 24 // longer words get no guess

// Errors travel in JSON and to terminals: nothing but printable ASCII leaves here.
static void copy_printable(char *dst, size_t room, const char *src, size_t len)
{
	size_t n = len < room - 1 ? len : room - 1;
	for (size_t i = 0; i < n; i++)
		dst[i] = src[i] >= ' ' && src[i] < 0x7f ? src[i] : '?';
	dst[n] = '\0';
}

int of_error_set(struct of_error *error, const char *line, const char *word, size_t len,
		 const char *fmt, ...)
{
	error->column = (unsigned)(word - line) + 1;
	copy_printable(error->word, sizeof(error->word), word, len);
	int used;
	if (len > 0)
		used = snprintf(error->text, sizeof(error->text),
				"column %u: \"%s\": ", error->column, error->word);
	else
		used = snprintf(error->text, sizeof(error->text), "column %u: ", error->column);
	va_list args;
	va_start(args, fmt);
	vsnprintf(error->text + used, sizeof(error->text) - (size_t)used, fmt, args);
	va_end(args);
	return -EINVAL;
}

void of_guess_init(struct of_guess *guess, const char *word, size_t len)
{
	*guess = (struct of_guess){.word = word, .len = len};
	// A third of the letters may be wrong.
	guess->distance = (unsigned)(len / 3 < 2 ? 2 : len / 3 + 1);
}

// Levenshtein's distance, one row at a time.
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[GUESS_WORD_MAX + 1];
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			unsigned shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < shift ? change : shift;
		}
	}
	return row[b_len];
}

void of_guess_try(struct of_guess *guess, const char *candidate)
{
	size_t len = strlen(candidate);
	if (guess->len > GUESS_WORD_MAX || len > GUESS_WORD_MAX)
		return;
	unsigned distance = 0;
	if (len != guess->len || strncasecmp(guess->word, candidate, len) != 0)
		distance = edit_distance(guess->word, guess->len, candidate, len);
	// A guess that shares no letter with the word helps nobody.
	if (distance < guess->distance && distance < guess->len) {
		guess->distance = distance;
		guess->best = candidate;
	}
}

int of_guess_fail(const struct of_guess *guess, struct of_error *error, const char *line,
		  const char *what)
{
	if (guess->best)
		return of_error_set(error, line, guess->word, guess->len,
				    "unknown %s; did you mean %s?", what, guess->best);
	return of_error_set(error, line, guess->word, guess->len, "unknown %s", what);
}
