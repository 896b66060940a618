// The long string of a bulk load or dump, taken out of its line before that is parsed: jansson
// reads strings byte by byte, twice, which takes longer than to parse the rules in it.
#ifndef CTL_JSON_LIFT_H
#define CTL_JSON_LIFT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define JSON_LIFT_MIN 65536 // bytes

struct json_lift {
	char *line; // with a mark in the string's place
	size_t len;
	char *text; // the string
	size_t text_len;
};

// false when there is nothing to take out: no string of that length, or one with more than ASCII
// and plain escapes, or with mistakes, which is left to jansson. True is ended by json_lift_fini().
bool json_lift_take(struct json_lift *lift, const char *line, size_t len);
// Puts the string into the object `member` ("params") of the parsed line, where its mark stands.
// false: it stands elsewhere.
bool json_lift_put(struct json_lift *lift, json_t *parsed, const char *member);
void json_lift_fini(struct json_lift *lift);

#endif
