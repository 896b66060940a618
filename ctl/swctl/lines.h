// A file as one JSON string: swctld counts its lines.
#ifndef CTL_SWCTL_LINES_H
#define CTL_SWCTL_LINES_H

#include <jansson.h>
#include <stddef.h>

// "-" is standard input. 0, or -errno with one line in err that starts with the file's name.
int swctl_lines_read(const char *path, json_t **text, char *err, size_t err_len);
// The name to show: the path, or "<stdin>".
const char *swctl_lines_name(const char *path);

#endif
