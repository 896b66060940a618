// The pool's settings: whether they fit together, and what they say of a core or a queue.
#include "datapath/pmd_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool has(const unsigned *cores, unsigned n, unsigned core)
{
	for (unsigned i = 0; i < n; i++) {
		if (cores[i] == core)
			return true;
	}
	return false;
}

bool pmd_settings_isolates(const struct pmd_settings *settings, unsigned core)
{
	return has(settings->isolated, settings->n_isolated, core);
}

int pmd_settings_pin(const struct pmd_settings *settings, uint32_t port_no, uint16_t queue)
{
	for (unsigned i = 0; i < settings->n_pins; i++) {
		if (settings->pins[i].port_no == port_no && settings->pins[i].queue == queue)
			return settings->pins[i].core;
	}
	return -1;
}

static int check_cores(const unsigned *cores, unsigned n, char *err, size_t err_len)
{
	long n_cores = RTE_MIN(sysconf(_SC_NPROCESSORS_CONF), (long)UINT16_MAX);

	if (n == 0) {
		snprintf(err, err_len, "no core given: at least one must poll the ports");
		return -EINVAL;
	}
	for (unsigned i = 0; i < n; i++) {
		if (cores[i] >= (unsigned long)n_cores) {
			snprintf(err, err_len,
				 "core %u does not exist: this machine has cores 0 to %ld",
				 cores[i], n_cores - 1);
			return -EINVAL;
		}
		if (has(cores, i, cores[i])) {
			snprintf(err, err_len, "core %u is named twice", cores[i]);
			return -EINVAL;
		}
	}
	return 0;
}

static int check_isolated(const struct pmd_settings *settings, const unsigned *cores, unsigned n,
			  char *err, size_t err_len)
{
	for (unsigned i = 0; i < settings->n_isolated; i++) {
		if (!has(cores, n, settings->isolated[i])) {
			snprintf(err, err_len,
				 "core %u cannot be isolated: no packet thread runs on it",
				 settings->isolated[i]);
			return -EINVAL;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		if (!pmd_settings_isolates(settings, cores[i]))
			return 0;
	}
	snprintf(err, err_len,
		 "all cores are isolated: one must poll the queues that are not "
		 "pinned; isolate fewer, or none (--isolated none)");
	return -EINVAL;
}

// A pin may be older than its port.
static int refuse_pin(const struct swd_pmd_pin *pin, char *err, size_t err_len)
{
	const struct port *port = port_get(pin->port_no);
	char name[PORT_NAME_MAX + 16];

	if (port)
		snprintf(name, sizeof(name), "%s", port->config.name);
	else
		snprintf(name, sizeof(name), "number %u", pin->port_no);
	snprintf(err, err_len,
		 "queue %u of port %s is pinned to core %u, on which no packet thread would run: "
		 "unpin it, or name that core too",
		 pin->queue, name, pin->core);
	return -EINVAL;
}

int pmd_settings_check(const struct pmd_settings *settings, const unsigned *cores, unsigned n_cores,
		       char *err, size_t err_len)
{
	int ret = check_cores(cores, n_cores, err, err_len);

	if (!ret)
		ret = check_isolated(settings, cores, n_cores, err, err_len);
	for (unsigned i = 0; i < settings->n_pins && !ret; i++) {
		const struct swd_pmd_pin *pin = &settings->pins[i];

		if (has(cores, n_cores, pin->core))
			continue;
		ret = refuse_pin(pin, err, err_len);
	}
	return ret;
}
