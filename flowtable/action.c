#include "flowtable/megaflow.h"

#include <stdlib.h>

struct flow_actions *flow_actions_alloc(unsigned n)
{
	if (n > UINT16_MAX)
		return NULL;

	struct flow_actions *actions = calloc(1, sizeof(*actions) + n * sizeof(actions->list[0]));

	if (actions)
		actions->n = (uint16_t)n;
	return actions;
}

void flow_actions_free(void *actions)
{
	free(actions);
}
