#include "ctl/swctl/interval.h"

#include "ctl/swctl/field.h"

#include <string.h>

bool swctl_interval_fits(const struct rpc_method *method)
{
	return strcmp(method->name, "pmd.stats") == 0;
}

static bool names_thing(const char *key)
{
	return strcmp(key, "core") == 0 || strcmp(key, "numa") == 0;
}

static json_t *subtract_number(const json_t *before, const json_t *after)
{
	if (json_is_integer(after))
		return json_integer(json_integer_value(after) - json_integer_value(before));
	return json_real(json_real_value(after) - json_number_value(before));
}

// `after` with each number that counts less that of `before`.
static json_t *subtract(const json_t *before, json_t *after)
{
	json_t *difference = json_object(), *value;
	const char *key;
	json_object_foreach (after, key, value) {
		bool counts = json_is_number(value) && !names_thing(key);
		json_object_set_new(difference, key,
				    counts ? subtract_number(json_object_get(before, key), value)
					   : json_incref(value));
	}
	return difference;
}

static const json_t *find_core(const json_t *pmds, long long core)
{
	const json_t *pmd;
	size_t i;
	json_array_foreach (pmds, i, pmd) {
		if (field_count(pmd, "core") == core)
			return pmd;
	}
	return NULL;
}

static json_t *subtract_pmd(const json_t *before, json_t *after)
{
	// A thread that started anew has done less than the one before.
	if (field_count(after, "iterations") < field_count(before, "iterations"))
		before = NULL;
	return before ? subtract(before, after) : json_incref(after);
}

json_t *swctl_interval_difference(const json_t *before, json_t *after)
{
	json_t *pmd, *pmds = json_array(), *difference;
	const json_t *pmds_before = json_object_get(before, "pmds");
	size_t i;
	if (field_real(after, "seconds") < field_real(before, "seconds"))
		before = pmds_before = NULL; // swd started anew
	json_array_foreach (json_object_get(after, "pmds"), i, pmd) {
		json_array_append_new(pmds,
				      subtract_pmd(find_core(pmds_before, field_count(pmd, "core")),
						   pmd));
	}
	difference = subtract(before, after);
	json_object_set_new(difference, "pmds", pmds);
	return difference;
}
