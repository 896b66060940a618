#include "datapath/drop.h"

enum side { INPUT, OUTPUT };

static const struct {
	const char *name;
	const char *text;
	enum side side;
} rows[N_DROP_REASONS] = {
#define X(id, n, s, t) [DROP_##id] = {.name = n, .text = t, .side = s},
    DROP_REASONS(X)
#undef X
};

const char *drop_reason_name(enum drop_reason reason)
{
	return (unsigned)reason < N_DROP_REASONS ? rows[reason].name : "unknown";
}

const char *drop_reason_text(enum drop_reason reason)
{
	return (unsigned)reason < N_DROP_REASONS ? rows[reason].text : "unknown reason";
}

enum drop_reason drop_reason_of_code(uint32_t code)
{
	// Rows stand in the order of the codes, from 1 on.
	const uint32_t n_codes = DROP_XLATE_DISABLED - DROP_XLATE_BRIDGE + 1;

	return code > 0 && code <= n_codes ? (enum drop_reason)(DROP_XLATE_BRIDGE + code - 1)
					   : DROP_FLOW_DROP;
}

bool drop_reason_is_output(enum drop_reason reason)
{
	return (unsigned)reason < N_DROP_REASONS && rows[reason].side == OUTPUT;
}
