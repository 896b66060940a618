// A request's line. The text of a file is escaped here, piece by piece: jansson writes strings
// byte by byte.
#ifndef CTL_SWCTL_REQUEST_H
#define CTL_SWCTL_REQUEST_H

#include <jansson.h>
#include <stddef.h>

// One line of *len bytes with its newline; the caller's to free. NULL when out of memory.
char *swctl_request_make(const char *method, const json_t *params, size_t *len);

#endif
