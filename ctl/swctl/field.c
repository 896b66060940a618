#include "ctl/swctl/field.h"

#include <stdio.h>

const char *field_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

double field_real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

long long field_count(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_real(value) ? (long long)json_real_value(value) : json_integer_value(value);
}

bool field_present(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return value && !json_is_null(value);
}

const char *field_bytes(long long bytes, struct field_buf *buf)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes / 1024;
	unsigned unit = 0;
	if (bytes < 1024) {
		snprintf(buf->text, sizeof(buf->text), "%lld B", bytes);
		return buf->text;
	}
	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(buf->text, sizeof(buf->text), "%.1f %s", value, units[unit]);
	return buf->text;
}

const char *field_duration(double seconds, struct field_buf *buf)
{
	long long s = (long long)seconds;
	if (s < 60)
		snprintf(buf->text, sizeof(buf->text), "%lld s", s);
	else if (s < 3600)
		snprintf(buf->text, sizeof(buf->text), "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf->text, sizeof(buf->text), "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(buf->text, sizeof(buf->text), "%lld d %lld h", s / 86400, s / 3600 % 24);
	return buf->text;
}

const char *field_percent(double part, double whole, struct field_buf *buf)
{
	buf->text[0] = '\0';
	if (whole > 0)
		snprintf(buf->text, sizeof(buf->text), "%.1f %%", 100 * part / whole);
	return buf->text;
}

const char *field_ratio(double a, double b, struct field_buf *buf)
{
	buf->text[0] = '\0';
	if (b > 0)
		snprintf(buf->text, sizeof(buf->text), "%.1f", a / b);
	return buf->text;
}

const char *field_number(const json_t *object, const char *key, struct field_buf *buf)
{
	buf->text[0] = '\0';
	if (field_present(object, key))
		snprintf(buf->text, sizeof(buf->text), "%lld", field_count(object, key));
	return buf->text;
}
