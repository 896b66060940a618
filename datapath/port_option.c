// Options of a port, as an operator wrote them.
#include "datapath/port.h"

#include "ctl/port_kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *port_option(const struct port_config *config, const char *key)
{
	for (unsigned i = 0; i < config->n_options; i++) {
		if (strcmp(config->options[i].key, key) == 0)
			return config->options[i].value;
	}
	char err[8];
	const struct port_kind_spec *kind = port_kind_spec_find(config->kind, err, sizeof(err));
	const struct port_option_spec *option = kind ? port_option_spec_find(kind, key) : NULL;
	return option ? option->fallback : NULL;
}

bool port_option_is(const struct port_config *config, const char *key, const char *word)
{
	const char *value = port_option(config, key);
	return value && strcmp(value, word) == 0;
}

unsigned port_option_number(const struct port_config *config, const char *key)
{
	const char *value = port_option(config, key);
	return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

int port_options_check(const struct port_config *config, char *err, size_t err_len)
{
	const char *keys[PORT_OPTIONS_MAX], *values[PORT_OPTIONS_MAX];
	const struct port_kind_spec *kind = port_kind_spec_find(config->kind, err, err_len);
	if (!kind)
		return -EINVAL;
	for (unsigned i = 0; i < config->n_options; i++) {
		keys[i] = config->options[i].key;
		values[i] = config->options[i].value;
	}
	return port_kind_check(kind, keys, values, config->n_options, "", err, err_len);
}
