// Ports in a flow's text: by name or by number.
#ifndef CTL_OF_PORT_H
#define CTL_OF_PORT_H

#include "ctl/of_match.h"
#include "ctl/of_out.h"

#define OF_PORT_NO_MAX 0xfeff // above are OpenFlow 1.0's reserved numbers

// 0, or -EINVAL with *error: not there. A number is checked only when ports->by_no is there.
int of_port_parse(uint32_t *port, const char *line, const char *text, size_t len,
		  const struct of_ports *ports, struct of_error *error);
// The name when it can be read again as that port, otherwise the number.
void of_port_print(struct of_out *out, uint32_t port, const struct of_ports *ports);
// Whether a flow's text has another meaning for it, as for "NORMAL" or "drop": no port may have
// such a name.
bool of_port_is_reserved(const char *text, size_t len);

#endif
