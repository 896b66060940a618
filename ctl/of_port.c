#include "ctl/of_port.h"

#include "ctl/of_text.h"

#include <string.h>
#include <strings.h>

#define PORT_NAME_MAX 64 // bytes, with the NUL

// Words that mean something else where a flow names a port: OpenFlow's own ports, and actions.
static const char *const reserved[] = {"all",	"any",	"controller", "drop",	"flood", "in_port",
				       "local", "none", "normal",     "output", "table"};

bool of_port_is_reserved(const char *text, size_t len)
{
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strlen(reserved[i]) == len && strncasecmp(reserved[i], text, len) == 0)
			return true;
	}
	return false;
}

static uint32_t port_by_name(const char *text, size_t len, const struct of_ports *ports)
{
	char name[PORT_NAME_MAX];
	if (!ports || !ports->by_name || len >= sizeof(name))
		return 0;
	memcpy(name, text, len);
	name[len] = '\0';
	return ports->by_name(name, ports->arg);
}

int of_port_parse(uint32_t *port, const char *line, const char *text, size_t len,
		  const struct of_ports *ports, struct of_error *error)
{
	static const char unknown[] = "no such port; add it first with swctl add-port";
	uint64_t number;
	if (!of_text_u64(text, len, UINT64_MAX, &number)) {
		*port = port_by_name(text, len, ports);
		return *port ? 0 : of_error_set(error, line, text, len, unknown);
	}
	if (number == 0 || number > OF_PORT_NO_MAX)
		return of_error_set(error, line, text, len, "port numbers are 1 to %u",
				    OF_PORT_NO_MAX);
	*port = (uint32_t)number;
	if (ports && ports->by_no && !ports->by_no(*port, ports->arg))
		return of_error_set(error, line, text, len, unknown);
	return 0;
}

void of_port_print(FILE *out, uint32_t port, const struct of_ports *ports)
{
	const char *name = ports && ports->by_no ? ports->by_no(port, ports->arg) : NULL;
	uint64_t number;
	if (!name || strpbrk(name, ", \t\r\n=:/*()") || !name[0] ||
	    of_text_u64(name, strlen(name), UINT64_MAX, &number) ||
	    of_port_is_reserved(name, strlen(name)))
		fprintf(out, "%u", port);
	else
		fputs(name, out);
}
