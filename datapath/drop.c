#include "datapath/drop.h"

static const struct {
	const char *name;
	const char *text;
} rows[N_DROP_REASONS] = {
#define X(id, n, t) [DROP_##id] = {.name = n, .text = t},
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
