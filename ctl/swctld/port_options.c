#include "ctl/swctld/port_options.h"

#include "ctl/of_port.h"
#include "ctl/port_kinds.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static int refuse(char *err, size_t err_len, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char *err, size_t err_len, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(err, err_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

int port_name_check(const char *name, char *err, size_t err_len)
{
	size_t len = strlen(name);
	if (len == 0 || len > PORT_NAME_LEN_MAX)
		return refuse(err, err_len, "port name \"%.80s\": must have 1 to %d bytes", name,
			      PORT_NAME_LEN_MAX);
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return refuse(err, err_len, "port name \"%s\": must start with a letter or _",
			      name);
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("_-.", name[i]))
			return refuse(
			    err, err_len,
			    "port name \"%s\": only letters, digits and _ - . may stand in it",
			    name);
	}
	if (of_port_is_reserved(name, len))
		return refuse(err, err_len,
			      "port name \"%s\": has a meaning of its own in flows; choose another",
			      name);
	return 0;
}

// A VLAN id at *text, which moves behind it. -1 when there is none.
static int parse_vid(const char **text)
{
	if (!isdigit((unsigned char)**text))
		return -1;
	char *end;
	unsigned long vid = strtoul(*text, &end, 10);
	*text = end;
	return vid <= 4094 ? (int)vid : -1;
}

static int parse_tag(struct xlate_port *port, const char *value, char *err, size_t err_len)
{
	const char *p = value;
	int vid = parse_vid(&p);
	if (vid < 1 || *p)
		return refuse(err, err_len, "tag=%.40s: give one VLAN id, 1 to 4094", value);
	port->tag = (uint16_t)vid;
	return 0;
}

// "10,20,30-39"; 0 is untagged traffic.
static int parse_trunks(struct xlate_port *port, const char *value, char *err, size_t err_len)
{
	const char *p = value;
	do {
		p += p != value; // the comma
		int first = parse_vid(&p);
		int last = first;
		if (first >= 0 && *p == '-') {
			p++;
			last = parse_vid(&p);
		}
		if (first < 0 || last < first || (*p && *p != ','))
			return refuse(err, err_len,
				      "trunks=%.80s: give VLAN ids and ranges, as 10,20,30-39",
				      value);
		for (int vid = first; vid <= last; vid++)
			port->trunks[vid / 64] |= UINT64_C(1) << (vid % 64);
	} while (*p);
	port->trunks_set = true;
	return 0;
}

static const struct {
	const char *key;
	int (*parse)(struct xlate_port *port, const char *value, char *err, size_t err_len);
} vlan_options[] = {{"tag", parse_tag}, {"trunks", parse_trunks}};

static bool has_control(const char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return true;
	}
	return false;
}

static int parse_option(struct port *port, const char *key, const json_t *value, char *err,
			size_t err_len)
{
	const char *text = json_string_value(value);
	size_t key_len = strlen(key);
	if (!text)
		return refuse(err, err_len, "option %.40s: its value must be a string", key);
	if (key_len == 0 || key_len > 31 ||
	    strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-_") != key_len)
		return refuse(err, err_len, "option \"%.40s\": not a name of an option", key);
	if (strlen(text) > PORT_OPTION_LEN_MAX)
		return refuse(err, err_len, "option %s: its value is longer than %d bytes", key,
			      PORT_OPTION_LEN_MAX);
	if (has_control(text))
		return refuse(err, err_len,
			      "option %s: its value has a control character; leave it out", key);
	for (size_t i = 0; i < N_ELEMENTS(vlan_options); i++) {
		if (strcmp(key, vlan_options[i].key) == 0)
			return vlan_options[i].parse(&port->xlate, text, err, err_len);
	}
	if (json_object_set_new(port->device_options, key, json_string(text)) < 0)
		return refuse(err, err_len, "out of memory");
	return 0;
}

int port_options_parse(struct port *port, const json_t *options, char *err, size_t err_len)
{
	const char *key;
	json_t *value;
	if (json_object_size(options) > PORT_OPTIONS_MAX)
		return refuse(err, err_len, "more than %d options", PORT_OPTIONS_MAX);
	json_object_foreach ((json_t *)options, key, value) {
		int rc = parse_option(port, key, value, err, err_len);
		if (rc < 0)
			return rc;
	}
	if (port->xlate.tag && port->xlate.trunks_set)
		return refuse(err, err_len,
			      "tag= and trunks= exclude each other: an access port has one VLAN");
	return 0;
}

int port_options_check(const struct port *port, char *err, size_t err_len)
{
	const struct port_kind_spec *kind = port_kind_spec_find(port->kind, err, err_len);
	const char *keys[PORT_OPTIONS_MAX], *values[PORT_OPTIONS_MAX], *key;
	json_t *value;
	unsigned n = 0;
	if (!kind)
		return -EINVAL;
	json_object_foreach (port->device_options, key, value) {
		keys[n] = key;
		values[n++] = json_string_value(value);
	}
	return port_kind_check(kind, keys, values, n, "tag=, trunks=", err, err_len);
}
