// A line whose long string is lifted out before JSON is parsed: if that goes, the request is the
// one that jansson makes of the whole line. Strings are long here that are not in swctld.
#define _GNU_SOURCE // as json_lift.c
#include "ctl/json_lift.h"

#undef JSON_LIFT_MIN
#define JSON_LIFT_MIN 16
#undef _GNU_SOURCE
#include "ctl/json_lift.c"

#include <stdint.h>

#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY) // as rpc.c

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *load_lifted(const char *line, size_t len)
{
	struct json_lift lift;
	if (!json_lift_take(&lift, line, len))
		return NULL;
	json_t *request = json_loadb(lift.line, lift.len, LOAD_FLAGS, NULL);
	bool whole = request && json_lift_put(&lift, request, "params");
	json_lift_fini(&lift);
	if (whole)
		return request;
	json_decref(request);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size ? size : 1); // it ends where the input ends
	memcpy(line, data, size);
	json_t *lifted = load_lifted(line, size);
	if (lifted) {
		json_t *whole = json_loadb(line, size, LOAD_FLAGS, NULL);
		if (!json_equal(lifted, whole))
			abort();
		json_decref(whole);
	}
	json_decref(lifted);
	free(line);
	return 0;
}
