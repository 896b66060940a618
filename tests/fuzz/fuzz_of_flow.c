// A flow's text: whatever it is, it is refused with a place in the text, or it reads the same after
// printing.
//
// clang -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_of_flow.c ctl/of_*.c
// flowtable/key.c -o fuzz_of_flow
#include "ctl/of_flow.h"

#include "tests/unit/ctl/flow_ports.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(const struct of_error *error, const char *line)
{
	check(error->column >= 1 && error->column <= strlen(line) + 1);
	check(strlen(error->text) < sizeof(error->text) && error->text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct of_flow flow, again;
	struct of_filter filter;
	struct of_error error;
	char *line = malloc(len + 1);
	check(line);
	memcpy(line, data, len);
	line[len] = '\0';
	if (of_filter_parse(&filter, line, &ports, &error) != 0)
		check_error(&error, line);
	if (of_flow_parse(&flow, line, &ports, &error) == 0) {
		char *text = of_flow_format(&flow, &ports);
		check(text);
		check(of_flow_parse(&again, text, &ports, &error) == 0);
		check(memcmp(&flow.match, &again.match, sizeof(flow.match)) == 0);
		check(flow.n_actions == again.n_actions && flow.cookie == again.cookie);
		free(text);
	} else {
		check_error(&error, line);
	}
	free(line);
	return 0;
}
