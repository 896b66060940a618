// Port kinds as operators see them: one row each, with typed options. swctld and swd check what was
// written against a row, `swctl help add-port KIND` and completion print it.
#ifndef CTL_PORT_KINDS_H
#define CTL_PORT_KINDS_H

#include <stddef.h>

#define PORT_KIND_OPTIONS_MAX 16

enum port_option_type {
	PORT_OPTION_TEXT,   // anything; the kind checks it
	PORT_OPTION_SECRET, // such a text that nobody is shown again
	PORT_OPTION_NUMBER, // min to max
	PORT_OPTION_POWER,  // such a number that is a power of two
	PORT_OPTION_WORD,   // one of `words`
	PORT_OPTION_PATH,   // absolute
	PORT_OPTION_IFACE,  // name of a network interface, as the kernel takes it
	PORT_OPTION_MAC,    // 02:00:00:00:00:01, of one station
	PORT_OPTION_PREFIX, // IPv4 or IPv6 ADDRESS/LENGTH
	PORT_OPTION_PCI,    // [DOMAIN:]BUS:DEVICE.FUNCTION
};

struct port_option_spec {
	const char *key;
	enum port_option_type type;
	const char *help;     // what it is, with its unit
	const char *fallback; // what an absent one is taken for; NULL: nothing
	const char *words;    // "server|client", of PORT_OPTION_WORD
	unsigned min, max;    // of PORT_OPTION_NUMBER and PORT_OPTION_POWER
	int required;
};

struct port_kind_spec {
	const char *name;
	const char *help;
	const char *example;			// words of `swctl add-port`
	const struct port_option_spec *options; // a row without a key ends them
};

extern const struct port_kind_spec port_kind_specs[];
extern const unsigned n_port_kind_specs;

// NULL when there is no such kind, with one line in err that lists those that there are.
const struct port_kind_spec *port_kind_spec_find(const char *name, char *err, size_t err_len);
const struct port_option_spec *port_option_spec_find(const struct port_kind_spec *kind,
						     const char *key);

// Whether `n` options do for the kind: known keys, each once, values of their type, none missing
// that must be there. `also` names further options in the answer to an unknown key ("tag=, "), or
// is "". 0 or -EINVAL with one line in err. What only the host can tell is not looked at.
int port_kind_check(const struct port_kind_spec *kind, const char *const *keys,
		    const char *const *values, unsigned n, const char *also, char *err,
		    size_t err_len);

#endif
