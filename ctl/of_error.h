// A mistake in a flow's text: what, which word, and where.
#ifndef CTL_OF_ERROR_H
#define CTL_OF_ERROR_H

#include <stddef.h>

struct of_error {
	unsigned column; // of the word at fault, from 1, in the text as the user wrote it
	char word[64];	 // the word at fault, cut to fit
	char text[200];	 // the whole message: "column 12: \"nw_srcc\": unknown field; did you mean
			 // nw_src?"
};

// Fills *error in for the word of `len` bytes at `word`, a part of `line`. Returns -EINVAL.
int of_error_set(struct of_error *error, const char *line, const char *word, size_t len,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

// "Did you mean": the nearest of the candidates that were tried.
struct of_guess {
	const char *word;
	size_t len;
	const char *best; // NULL when none is near
	unsigned distance;
};

void of_guess_init(struct of_guess *guess, const char *word, size_t len);
void of_guess_try(struct of_guess *guess, const char *candidate);
// The same mistake for all: "unknown <what>; did you mean <best>?". Returns -EINVAL.
int of_guess_fail(const struct of_guess *guess, struct of_error *error, const char *line,
		  const char *what);

#endif
