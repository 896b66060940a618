// Reads a flow's or filter's line: match fields, and the words that only one of them has.
#ifndef CTL_OF_LINE_H
#define CTL_OF_LINE_H

#include "ctl/of_flow.h"
#include "ctl/of_match_reader.h"

// What a line may be; a word says where it may stand.
enum of_line_kind {
	OF_LINE_ADD = 1 << 0,
	OF_LINE_MODIFY = 1 << 1,
	OF_LINE_FILTER = 1 << 2,
	OF_LINE_STRICT = 1 << 3, // a filter that names one rule
};

struct of_line {
	const char *line;
	enum of_line_kind kind;
	struct of_error *error;
	const struct of_ports *ports;
	struct of_flow *flow;	  // of ADD and MODIFY
	struct of_filter *filter; // of the others
	struct of_match_reader match;
	uint32_t seen; // words that were there
};

// Reads words up to "actions=" or the end. *actions is the text behind it, or NULL, and *at the
// word itself. 0 or -EINVAL.
int of_line_read(struct of_line *l, const char **actions, struct of_word *at);

#endif
