// Words, numbers and addresses out of slices of a flow's text.
#ifndef CTL_OF_TEXT_H
#define CTL_OF_TEXT_H

#include "flowtable/key.h"

// A part of a line that is read from its front.
struct of_slice {
	const char *p, *end;
};

struct of_slice of_slice_of(const char *text); // all of it

// A word as in "name=value", "name:value", "name(value)" or "name". All of it points into the text.
struct of_word {
	const char *name;
	size_t name_len;
	const char *value; // NULL when there is none
	size_t value_len;
	size_t len;   // of name, separator and value
	char assign;  // '=', ':' or '(' before the value; 0 without one
	bool is_open; // a parenthesis that nothing closes
};

// The next word of the slice, which moves past it; false at the end. Words are separated by commas
// and white space, which stand in a value only between parentheses.
bool of_word_next(struct of_slice *slice, struct of_word *word);
bool of_word_is(const struct of_word *word, const char *name); // compares the name

// The value, empty when there is none.
static inline struct of_slice of_word_value(const struct of_word *word)
{
	const char *at = word->value ? word->value : word->name;
	return (struct of_slice){at, at + word->value_len};
}

bool of_slice_is(const char *text, size_t len, const char *word);

// All of the slice must be the thing, or they return false. Numbers are written as in C: 0x, 0 and
// decimal.
bool of_text_u64(const char *text, size_t len, uint64_t max, uint64_t *out);
bool of_text_u128(const char *text, size_t len, unsigned __int128 max, unsigned __int128 *out);
bool of_text_mac(const char *text, size_t len, struct eth_addr *out);
bool of_text_ipv4(const char *text, size_t len, uint32_t *out_be);
bool of_text_ipv6(const char *text, size_t len, struct in6 *out);

#endif
