// Which of swd's port kinds serves an Interface's type, and how its options are said there.
//
// One netdev class a row. Open vSwitch's own types are mapped to a row when a bridge uses
// datapath_type "swd"; each kind of swd also has its own name, "swd-KIND", whose options are those
// of `swctl help add-port KIND`.
#ifndef CTL_OVS_PORT_TYPES_H
#define CTL_OVS_PORT_TYPES_H

#include <stdbool.h>
#include <stddef.h>

struct ofpbuf;
struct smap;

struct port_type {
	const char *name;      // of the netdev class
	const char *ovs_types; // "internal tap": the Interface types that it serves; or ""
	const char *kind;      // swd's
	const char
	    *pci_kind; // the kind instead, when options:dpdk-devargs is a PCI address; or NULL
	const char *long_type; // the row instead, when the interface's MTU is too long; or NULL
	const char *mode;      // of vhost-user: what tells rows of one kind apart; or NULL
	bool is_kernels;       // an interface of the kernel has its name, address and MTU
	bool must_exist;       // that interface is not made by swd
	bool is_linux;	       // its netdevs are Open vSwitch's own: QoS, ethtool; without options
	const char *options;   // "n_rxq ...": those that it takes; NULL: all, swd says which not
	// Puts the options beside KIND. 0, or a positive errno with a line in *errp.
	int (*put_options)(const struct port_type *type, const char *name,
			   const struct smap *config, struct ofpbuf *options, char **errp);
};

extern const struct port_type port_types[];
extern const size_t n_port_types;

// The row that serves an Interface's type. NULL: none.
const struct port_type *port_type_for(const char *ovs_type);
// The row of a port that swd has. NULL: none.
const struct port_type *port_type_of(const char *kind, const char *mode);

bool port_type_takes(const struct port_type *, const char *option);
// Puts KIND and the options as swd wants them. 0, or a positive errno with a line in *errp.
int port_type_put(const struct port_type *type, const char *name, const struct smap *config,
		  struct ofpbuf *options, char **errp);

#endif
