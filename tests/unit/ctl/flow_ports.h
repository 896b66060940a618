// Ports vm1 to vm6, numbered from 1, for tests of the flow language.
#ifndef TESTS_UNIT_CTL_FLOW_PORTS_H
#define TESTS_UNIT_CTL_FLOW_PORTS_H

#include "ctl/of_match.h"

#include <string.h>

static const char *const port_names[] = {"vm1", "vm2", "vm3", "vm4", "vm5", "vm6"};

static uint32_t port_by_name(const char *name, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 6; i++) {
		if (strcmp(name, port_names[i]) == 0)
			return i + 1;
	}
	return 0;
}

static const char *port_by_no(uint32_t no, void *arg)
{
	(void)arg;
	return no >= 1 && no <= 6 ? port_names[no - 1] : NULL;
}

static const struct of_ports ports = {port_by_name, port_by_no, NULL};

#endif
