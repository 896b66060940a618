// What dump-flows and del-flows choose rules by.
#include "ctl/of_line.h"

#include <string.h>

int of_filter_parse(struct of_filter *filter, bool strict, const char *line,
		    const struct of_ports *ports, struct of_error *error)
{
	// Rules may still name the number of a port that is gone.
	struct of_ports names = ports ? *ports : (struct of_ports){0};
	struct of_line l = {.line = line,
			    .kind = strict ? OF_LINE_STRICT : OF_LINE_FILTER,
			    .error = error,
			    .ports = &names,
			    .filter = filter};
	const char *actions;
	struct of_word at;
	names.by_no = NULL;
	memset(filter, 0, sizeof(*filter));
	filter->out_group = UINT32_MAX;
	filter->priority = OF_PRIORITY_DEFAULT;
	filter->table = OF_TABLE_ALL;
	of_match_reader_init(&l.match, &filter->match, line, &names, error);
	int err = of_line_read(&l, &actions, &at);
	if (err || !actions)
		return err;
	return of_error_set(error, line, at.name, at.name_len, "is no part of a filter");
}
