// The ports: what the operator configured, and what swd last said of them.
#ifndef CTL_SWCTLD_PORTS_H
#define CTL_SWCTLD_PORTS_H

#include "ctl/of_match.h"
#include "ctl/swctld/db.h"
#include "ctl/swctld/translate.h"

#include <jansson.h>
#include <uthash.h>

#define PORT_NAME_LEN_MAX   63 // bytes, as swd's
#define PORT_OPTIONS_MAX    16
#define PORT_OPTION_LEN_MAX 511 // bytes of a value, as swd's

struct ports;

struct port_state {
	bool up;
	char reason[160]; // why it is down
	char detail[160];
	uint16_t n_rxq, n_txq;
	uint16_t mtu; // 0: not set
	bool has_mac;
	struct eth_addr mac;
};

struct port {
	uint32_t no;
	char name[PORT_NAME_LEN_MAX + 1];
	char kind[16];
	json_t *options;	// strings; all that the operator gave
	json_t *device_options; // without tag and trunks, which are ours
	struct xlate_port xlate;
	struct port_state state;
	bool installed;	      // swd has it
	uint64_t retry_at_ms; // when to offer it to swd again, after a refusal
	UT_hash_handle hh;    // by name
};

struct ports *ports_create(struct db *db);
void ports_destroy(struct ports *ports);
int ports_load(struct ports *ports, char *err, size_t err_len);

// Checks and makes a port that is not yet in the table, with the number it will have. NULL with one
// line in err.
struct port *port_make(struct ports *ports, const char *name, const char *kind,
		       const json_t *options, char *err, size_t err_len);
void port_free(struct port *port);
// Stores it on disk, then takes it in. 0 or -errno (see db_error()); then the port stays the
// caller's.
int ports_add(struct ports *ports, struct port *port);
// Off the disk, then out of the table, and frees it.
int ports_del(struct ports *ports, struct port *port);

// Whether it has a link now, as translation is to see it. true: that has changed.
bool ports_set_up(struct ports *ports, struct port *port, bool up);

struct port *ports_by_name(const struct ports *ports, const char *name);
struct port *ports_by_no(const struct ports *ports, uint32_t no);
// The first port with a number above `no`; start with 0.
struct port *ports_next(const struct ports *ports, uint32_t no);
unsigned ports_count(const struct ports *ports);

// For translation: sorted by number; valid until a port comes, goes or changes.
const struct xlate_port *ports_xlate(const struct ports *ports, unsigned *n);
// For text: names to numbers (a number stands for itself when there is such a port).
struct of_ports ports_names(const struct ports *ports);
// For ctl/dp_actions.h; arg is the table.
const char *ports_name_of(uint32_t no, void *ports);

#endif
