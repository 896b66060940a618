// What an operator wrote for a port, checked: its name, its kind, its VLANs.
#ifndef CTL_SWCTLD_PORT_OPTIONS_H
#define CTL_SWCTLD_PORT_OPTIONS_H

#include "ctl/swctld/ports.h"

// All: 0 or -EINVAL with one line in err that names the word at fault and the mend.
int port_name_check(const char *name, char *err, size_t err_len);
// Reads tag= and trunks= into port->xlate and the others into port->device_options.
int port_options_parse(struct port *port, const json_t *options, char *err, size_t err_len);
// Whether port->device_options are such as the row of port->kind has. swd looks too, but it may be
// away.
int port_options_check(const struct port *port, char *err, size_t err_len);

#endif
