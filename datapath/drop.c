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

bool drop_reason_is_output(enum drop_reason reason)
{
	return (unsigned)reason < N_DROP_REASONS && rows[reason].side == OUTPUT;
}
