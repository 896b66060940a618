// Options of a port, as an operator wrote them.
#include "datapath/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *port_option(const struct port_config *config, const char *key)
{
	for (unsigned i = 0; i < config->n_options; i++) {
		if (strcmp(config->options[i].key, key) == 0)
			return config->options[i].value;
	}
	return NULL;
}

static bool key_known(const char *key, const char *const *known)
{
	for (; *known; known++) {
		if (strcmp(*known, key) == 0)
			return true;
	}
	return false;
}

static int key_refuse(const struct port_config *config, const char *key, const char *const *known,
		      char *err, size_t err_len)
{
	int len = snprintf(err, err_len, "option \"%s\" is not one of a %s port: use ", key,
			   config->kind);
	for (size_t i = 0; known[i] && len >= 0 && (size_t)len < err_len; i++)
		len += snprintf(err + len, err_len - len, "%s%s=", i > 0 ? ", " : "", known[i]);
	return -EINVAL;
}

int port_options_check(const struct port_config *config, const char *const *known, char *err,
		       size_t err_len)
{
	for (unsigned i = 0; i < config->n_options; i++) {
		const char *key = config->options[i].key;
		if (!key_known(key, known))
			return key_refuse(config, key, known, err, err_len);
		if (port_option(config, key) != config->options[i].value) {
			snprintf(err, err_len, "option \"%s\" is given twice", key);
			return -EINVAL;
		}
	}
	return 0;
}

int port_option_uint(const struct port_config *config, const char *key, unsigned min, unsigned max,
		     unsigned fallback, unsigned *out, char *err, size_t err_len)
{
	const char *text = port_option(config, key);
	if (!text) {
		*out = fallback;
		return 0;
	}
	size_t len = strlen(text);
	unsigned long value = strtoul(text, NULL, 10);
	if (len == 0 || len > 9 || strspn(text, "0123456789") != len || value < min ||
	    value > max) {
		snprintf(err, err_len, "%s=%.40s does not do: use a number from %u to %u", key,
			 text, min, max);
		return -EINVAL;
	}
	*out = (unsigned)value;
	return 0;
}
