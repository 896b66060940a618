// Fields of a result, with answers for what is missing, and numbers as people read them.
#ifndef CTL_SWCTL_FIELD_H
#define CTL_SWCTL_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

const char *field_text(const json_t *object, const char *key); // "" when absent
long long field_count(const json_t *object, const char *key);  // 0 when absent
double field_real(const json_t *object, const char *key);      // integers too; 0 when absent
bool field_present(const json_t *object, const char *key);     // there and not null

struct field_buf {
	char text[64];
};

// "1.5 KiB", "64.0 MiB".
const char *field_bytes(long long bytes, struct field_buf *buf);
// "45 s", "3 h 12 min", "12 d 3 h".
const char *field_duration(double seconds, struct field_buf *buf);
// part of whole in percent, "" when whole is 0.
const char *field_percent(double part, double whole, struct field_buf *buf);
// a / b with one decimal, "" when b is 0.
const char *field_ratio(double a, double b, struct field_buf *buf);
// A count, "" when the key is absent.
const char *field_number(const json_t *object, const char *key, struct field_buf *buf);

#endif
