// One JSON-RPC call to swctld over its control socket.
#ifndef CTL_SWCTL_CLIENT_H
#define CTL_SWCTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#define SWCTL_REPLY_MAX ((size_t)1 << 30) // bytes of the longest answer

struct swctl_error {
	char text[1024]; // one line
	json_t *data;	 // of a refusal, or NULL; the caller's to release
	bool again;	 // too many clients at this moment: the call was not made
};

// Connects to `path`, calls, and waits until the whole answer has come; gives up after timeout_s
// (0: never) without a byte moved. Where a crowd has all places, it tries for some seconds. Returns
// the result (the caller's), or NULL with *error.
json_t *swctl_call(const char *path, unsigned timeout_s, const char *method, json_t *params,
		   struct swctl_error *error);

#endif
