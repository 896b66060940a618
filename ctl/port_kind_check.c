// What an operator wrote for a port, against the row of its kind.
#include "ctl/port_kinds.h"

#include "ctl/pci.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX "0123456789abcdefABCDEF"

struct complaint {
	char *err;
	size_t err_len;
};

static int refuse(const struct complaint *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(const struct complaint *c, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(c->err, c->err_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

const struct port_kind_spec *port_kind_spec_find(const char *name, char *err, size_t err_len)
{
	for (unsigned i = 0; i < n_port_kind_specs; i++) {
		if (strcmp(name, port_kind_specs[i].name) == 0)
			return &port_kind_specs[i];
	}
	int len = snprintf(err, err_len, "unknown kind \"%.40s\": use ", name);
	for (unsigned i = 0; i < n_port_kind_specs && len >= 0 && (size_t)len < err_len; i++) {
		const char *between = i == 0 ? "" : i + 1 == n_port_kind_specs ? " or " : ", ";
		len += snprintf(err + len, err_len - (size_t)len, "%s%s", between,
				port_kind_specs[i].name);
	}
	return NULL;
}

const struct port_option_spec *port_option_spec_find(const struct port_kind_spec *kind,
						     const char *key)
{
	for (const struct port_option_spec *o = kind->options; o->key; o++) {
		if (strcmp(o->key, key) == 0)
			return o;
	}
	return NULL;
}

// Values, by their type.

static int check_text(const struct port_option_spec *o, const char *value,
		      const struct complaint *c)
{
	return value[0] ? 0 : refuse(c, "%s= has no value: %s", o->key, o->help);
}

static int check_number(const struct port_option_spec *o, const char *value,
			const struct complaint *c)
{
	size_t len = strlen(value);
	unsigned long number = strtoul(value, NULL, 10);
	if (len > 0 && len < 10 && strspn(value, "0123456789") == len && number >= o->min &&
	    number <= o->max)
		return 0;
	return refuse(c, "%s=%.40s does not do: use a number from %u to %u", o->key, value, o->min,
		      o->max);
}

static int check_power(const struct port_option_spec *o, const char *value,
		       const struct complaint *c)
{
	unsigned long number = strtoul(value, NULL, 10);
	int rc = check_number(o, value, c);
	if (rc < 0 || (number & (number - 1)) == 0)
		return rc;
	return refuse(c, "%s=%.40s does not do: use a power of two", o->key, value);
}

static int check_word(const struct port_option_spec *o, const char *value,
		      const struct complaint *c)
{
	char list[96] = "";
	size_t used = 0, value_len = strlen(value), len;
	for (const char *word = o->words; *word; word += len + (word[len] == '|')) {
		len = strcspn(word, "|");
		if (len == value_len && memcmp(word, value, len) == 0)
			return 0;
		const char *between = !used ? "" : word[len] ? ", " : " or ";
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s", between,
					 (int)len, word);
	}
	return refuse(c, "%s=%.40s does not do: use %s", o->key, value, list);
}

static int check_path(const struct port_option_spec *o, const char *value,
		      const struct complaint *c)
{
	if (value[0] == '/')
		return 0;
	return refuse(c, "%s=%.80s does not do: give the whole path, from /", o->key, value);
}

// As the kernel's dev_valid_name(), and without what devargs split at.
static int check_iface(const struct port_option_spec *o, const char *value,
		       const struct complaint *c)
{
	size_t len = strlen(value), good = strcspn(value, "/: \t,=");
	if (len == 0 || len >= IFNAMSIZ)
		return refuse(c, "%s=%.40s does not do: an interface's name has 1 to %d bytes",
			      o->key, value, IFNAMSIZ - 1);
	if (good < len)
		return refuse(c, "%s=%s does not do: no \"%c\" may stand in an interface's name",
			      o->key, value, value[good]);
	if (strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return refuse(c, "%s=%s does not do: no interface has that name", o->key, value);
	return 0;
}

static int check_mac(const struct port_option_spec *o, const char *value, const struct complaint *c)
{
	bool ok = strlen(value) == 17 && strcmp(value, "00:00:00:00:00:00") != 0;
	for (size_t i = 0; ok && i < 17; i++)
		ok = i % 3 == 2 ? value[i] == ':' : strchr(HEX, value[i]) != NULL;
	if (ok && strtoul(value, NULL, 16) % 2 == 0)
		return 0;
	return refuse(c, "%s=%.40s does not do: give one station's address, as 02:00:00:00:00:01",
		      o->key, value);
}

static int check_prefix(const struct port_option_spec *o, const char *value,
			const struct complaint *c)
{
	char address[INET6_ADDRSTRLEN], raw[sizeof(struct in6_addr)];
	const char *slash = strchr(value, '/');
	size_t len = slash ? (size_t)(slash - value) : 0;
	if (len > 0 && len < sizeof(address)) {
		memcpy(address, value, len);
		address[len] = '\0';
		bool v6 = inet_pton(AF_INET6, address, raw) == 1;
		size_t digits = strspn(slash + 1, "0123456789");
		if ((v6 || inet_pton(AF_INET, address, raw) == 1) && digits > 0 && digits < 4 &&
		    slash[1 + digits] == '\0' && strtoul(slash + 1, NULL, 10) <= (v6 ? 128 : 32))
			return 0;
	}
	return refuse(c, "%s=%.60s does not do: give ADDRESS/LENGTH, as 10.0.0.1/24 or fd00::1/64",
		      o->key, value);
}

static int check_pci(const struct port_option_spec *o, const char *value, const struct complaint *c)
{
	char full[PCI_ADDRESS_LEN];
	if (pci_address_parse(value, full) == 0)
		return 0;
	return refuse(c, "%s=%.40s does not do: give a PCI address, as 0000:00:04.0", o->key,
		      value);
}

static int check_value(const struct port_option_spec *o, const char *value,
		       const struct complaint *c)
{
	static int (*const checks[])(const struct port_option_spec *, const char *,
				     const struct complaint *) = {
	    [PORT_OPTION_TEXT] = check_text,	 [PORT_OPTION_SECRET] = check_text,
	    [PORT_OPTION_NUMBER] = check_number, [PORT_OPTION_POWER] = check_power,
	    [PORT_OPTION_WORD] = check_word,	 [PORT_OPTION_PATH] = check_path,
	    [PORT_OPTION_IFACE] = check_iface,	 [PORT_OPTION_MAC] = check_mac,
	    [PORT_OPTION_PREFIX] = check_prefix, [PORT_OPTION_PCI] = check_pci,
	};
	return checks[o->type](o, value, c);
}

static const char *article_of(const struct port_kind_spec *kind)
{
	return strchr("aeiou", kind->name[0]) ? "an" : "a";
}

static int refuse_key(const struct port_kind_spec *kind, const char *key, const char *also,
		      const struct complaint *c)
{
	int len = snprintf(c->err, c->err_len, "option \"%.31s\" is not one of %s %s port: use ",
			   key, article_of(kind), kind->name);
	for (const struct port_option_spec *o = kind->options;
	     o->key && len >= 0 && (size_t)len < c->err_len; o++) {
		const char *between = o[1].key || *also ? ", " : "";
		len += snprintf(c->err + len, c->err_len - (size_t)len, "%s=%s", o->key, between);
	}
	if (len >= 0 && (size_t)len < c->err_len)
		snprintf(c->err + len, c->err_len - (size_t)len, "%s", also);
	return -EINVAL;
}

static bool has_key(const char *const *keys, unsigned n, const char *key)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return false;
}

int port_kind_check(const struct port_kind_spec *kind, const char *const *keys,
		    const char *const *values, unsigned n, const char *also, char *err,
		    size_t err_len)
{
	const struct complaint c = {err, err_len};
	for (unsigned i = 0; i < n; i++) {
		const struct port_option_spec *o = port_option_spec_find(kind, keys[i]);
		if (!o)
			return refuse_key(kind, keys[i], also, &c);
		if (has_key(keys, i, keys[i]))
			return refuse(&c, "option \"%s\" is given twice", keys[i]);
		int rc = check_value(o, values[i], &c);
		if (rc < 0)
			return rc;
	}
	for (const struct port_option_spec *o = kind->options; o->key; o++) {
		if (o->required && !has_key(keys, n, o->key))
			return refuse(&c, "%s %s port needs %s=: %s", article_of(kind), kind->name,
				      o->key, o->help);
	}
	return 0;
}
