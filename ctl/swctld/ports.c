#include "ctl/swctld/ports.h"

#include "ctl/swctld/port_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ports {
	struct db *db;
	struct port *by_no[DB_PORT_NO_MAX + 1];
	struct port *by_name;
	struct xlate_port xlate[DB_PORT_NO_MAX + 1];
	unsigned n_xlate;
};

struct ports *ports_create(struct db *db)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	if (ports)
		ports->db = db;
	return ports;
}

void ports_destroy(struct ports *ports)
{
	if (!ports)
		return;
	HASH_CLEAR(hh, ports->by_name);
	for (uint32_t no = 0; no <= DB_PORT_NO_MAX; no++)
		port_free(ports->by_no[no]);
	free(ports);
}

void port_free(struct port *port)
{
	if (!port)
		return;
	json_decref(port->options);
	json_decref(port->device_options);
	free(port);
}

static struct port *make(uint32_t no, const char *name, const char *kind, const json_t *options,
			 char *err, size_t err_len)
{
	if (port_name_check(name, err, err_len) < 0)
		return NULL;
	struct port *port = calloc(1, sizeof(*port));
	if (!port)
		goto no_memory;
	port->no = port->xlate.no = no;
	snprintf(port->name, sizeof(port->name), "%s", name);
	snprintf(port->kind, sizeof(port->kind), "%s", kind);
	snprintf(port->state.reason, sizeof(port->state.reason), "not yet known");
	port->options = options ? json_deep_copy(options) : json_object();
	port->device_options = json_object();
	if (!port->options || !port->device_options)
		goto no_memory;
	if (port_options_parse(port, port->options, err, err_len) < 0) {
		port_free(port);
		return NULL;
	}
	return port;

no_memory:
	port_free(port);
	snprintf(err, err_len, "out of memory");
	return NULL;
}

struct port *port_make(struct ports *ports, const char *name, const char *kind,
		       const json_t *options, char *err, size_t err_len)
{
	if (ports_by_name(ports, name)) {
		snprintf(err, err_len, "port %s: there is one of that name; remove it first", name);
		return NULL;
	}
	struct port *port = make(0, name, kind, options, err, err_len);
	if (!port)
		return NULL;
	if (port_options_check(port, err, err_len) < 0) {
		port_free(port);
		return NULL;
	}
	if (db_port_number(ports->db, name, &port->no) < 0) {
		snprintf(err, err_len, "%s", db_error(ports->db));
		port_free(port);
		return NULL;
	}
	port->xlate.no = port->no;
	return port;
}

static void rebuild_xlate(struct ports *ports)
{
	ports->n_xlate = 0;
	for (const struct port *p = ports_next(ports, 0); p; p = ports_next(ports, p->no))
		ports->xlate[ports->n_xlate++] = p->xlate;
}

bool ports_set_up(struct ports *ports, struct port *port, bool up)
{
	if (port->xlate.up == up)
		return false;
	port->xlate.up = up;
	rebuild_xlate(ports);
	return true;
}

static void insert(struct ports *ports, struct port *port)
{
	ports->by_no[port->no] = port;
	HASH_ADD_STR(ports->by_name, name, port);
	rebuild_xlate(ports);
}

int ports_add(struct ports *ports, struct port *port)
{
	char *options = json_dumps(port->options, JSON_COMPACT);
	if (!options)
		return -ENOMEM;
	struct db_port row = {port->no, port->name, port->kind, options};
	int err = db_port_insert(ports->db, &row);
	free(options);
	if (!err)
		insert(ports, port);
	return err;
}

int ports_del(struct ports *ports, struct port *port)
{
	int err = db_port_delete(ports->db, port->no);
	if (err)
		return err;
	ports->by_no[port->no] = NULL;
	HASH_DEL(ports->by_name, port);
	port_free(port);
	rebuild_xlate(ports);
	return 0;
}

struct load {
	struct ports *ports;
	char *err;
	size_t err_len;
};

// A kind or an option that this version does not know stays, for swd to refuse it: list-ports tells
// why, del-port mends it, and all else goes on.
static int load_port(const struct db_port *row, void *arg)
{
	const struct load *load = arg;
	char why[200];
	json_t *options = json_loads(row->options, 0, NULL);
	struct port *port = NULL;
	snprintf(why, sizeof(why), "its number or options are damaged");
	if (json_is_object(options) && row->no >= 1 && row->no <= DB_PORT_NO_MAX)
		port = make(row->no, row->name, row->kind, options, why, sizeof(why));
	json_decref(options);
	if (!port) {
		snprintf(load->err, load->err_len, "port %s in the database: %s", row->name, why);
		return -EINVAL;
	}
	insert(load->ports, port);
	return 0;
}

int ports_load(struct ports *ports, char *err, size_t err_len)
{
	struct load load = {ports, err, err_len};
	snprintf(err, err_len, "cannot read the ports");
	int rc = db_ports_each(ports->db, load_port, &load);
	if (rc == -EIO || rc == -ENOSPC)
		snprintf(err, err_len, "%s", db_error(ports->db));
	return rc;
}

struct port *ports_by_name(const struct ports *ports, const char *name)
{
	struct port *port;
	HASH_FIND_STR(ports->by_name, name, port);
	return port;
}

struct port *ports_by_no(const struct ports *ports, uint32_t no)
{
	return no <= DB_PORT_NO_MAX ? ports->by_no[no] : NULL;
}

struct port *ports_next(const struct ports *ports, uint32_t no)
{
	while (++no <= DB_PORT_NO_MAX) {
		if (ports->by_no[no])
			return ports->by_no[no];
	}
	return NULL;
}

unsigned ports_count(const struct ports *ports)
{
	return HASH_COUNT(ports->by_name);
}

const struct xlate_port *ports_xlate(const struct ports *ports, unsigned *n)
{
	*n = ports->n_xlate;
	return ports->xlate;
}

static uint32_t number_by_name(const char *name, void *arg)
{
	const struct port *port = ports_by_name(arg, name);
	char *end;
	if (!port && *name >= '0' && *name <= '9') {
		unsigned long no = strtoul(name, &end, 10);
		if (*end == '\0' && no <= DB_PORT_NO_MAX)
			port = ports_by_no(arg, (uint32_t)no);
	}
	return port ? port->no : 0;
}

struct of_ports ports_names(const struct ports *ports)
{
	return (struct of_ports){.by_name = number_by_name,
				 .by_no = ports_name_of,
				 .arg = (void *)ports};
}

const char *ports_name_of(uint32_t no, void *ports)
{
	const struct port *port = ports_by_no(ports, no);
	return port ? port->name : NULL;
}
