// Keys and masks alone: the first byte says where the key's attribute ends and the mask's begins.
#include "ctl/dp_actions.h"
#include "ctl/dp_key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nlattr *nest_make(const uint8_t *data, size_t size, uint16_t type)
{
	struct nlattr *nest = malloc(sizeof(*nest) + size);
	if (nest == NULL)
		abort();
	nest->nla_len = (uint16_t)(sizeof(*nest) + size);
	nest->nla_type = type;
	memcpy(nest + 1, data, size);
	return nest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct action list[ACTIONS_MAX];
	if (size < 1 || size > 60000)
		return 0;
	size_t key_len = data[0] < size ? data[0] : size - 1;
	struct nlattr *key = nest_make(data + 1, key_len, 1);
	struct nlattr *mask = nest_make(data + 1 + key_len, size - 1 - key_len, 2);
	struct flow_match match;
	struct flow_key out;
	struct dp_error error;
	dp_key_parse(key, &out, &error);
	if (dp_match_parse(key, mask, &match, &error) == 0)
		free(dp_match_format(&match, NULL, NULL));
	int n = dp_actions_parse(mask, list, ACTIONS_MAX, &error);
	if (n >= 0)
		free(dp_actions_format(list, (unsigned)n, NULL, NULL));
	free(key);
	free(mask);
	return 0;
}
