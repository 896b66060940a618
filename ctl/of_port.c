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
	const char *word = text;
	size_t word_len = len;
	static const char unknown[] = "no such port; add it first with swctl add-port";
	uint64_t number;
	// ovs-ofctl writes a name that is no identifier in quotes.
	if (len > 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (!of_text_u64(text, len, UINT64_MAX, &number)) {
		*port = port_by_name(text, len, ports);
		if (*port)
			return 0;
		bool is_foreign = (len == 5 && strncasecmp(text, "local", len) == 0) ||
				  (len == 10 && strncasecmp(text, "controller", len) == 0);
		return of_error_set(error, line, word, word_len, "%s",
				    is_foreign ? "not built yet" : unknown);
	}
	if (number == 0 || number > OF_PORT_NO_MAX)
		return of_error_set(error, line, text, len, "port numbers are 1 to %u",
				    OF_PORT_NO_MAX);
	*port = (uint32_t)number;
	if (ports && ports->by_no && !ports->by_no(*port, ports->arg))
		return of_error_set(error, line, word, word_len, unknown);
	return 0;
}

// Whether the name, in a flow's text, is read as this port again.
static bool name_is_plain(const char *name)
{
	uint64_t number;
	return name[0] && name[0] != '"' && !strpbrk(name, ", \t\r\n=:/*()[]>") &&
	       !of_text_u64(name, strlen(name), UINT64_MAX, &number) &&
	       !of_port_is_reserved(name, strlen(name));
}

void of_port_print(struct of_out *out, uint32_t port, const struct of_ports *ports)
{
	const char *name = ports && ports->by_no ? ports->by_no(port, ports->arg) : NULL;
	if (name && name_is_plain(name))
		of_out_text(out, name);
	else
		of_out_dec(out, port);
}
