#include "ctl/port_kinds.h"

#define QUEUES(most, help_text)                                                       \
	{                                                                             \
		.key = "queues", .type = PORT_OPTION_NUMBER, .min = 1, .max = (most), \
		.fallback = "1", .help = (help_text)                                  \
	}
// RFC 791's least, and what a buffer chain of a jumbo frame may have.
#define MTU                                                                                \
	{                                                                                  \
		.key = "mtu", .type = PORT_OPTION_NUMBER, .min = 68, .max = 9600,          \
		.help = "bytes of a packet without its Ethernet header (the device's own)" \
	}
#define END                 \
	{                   \
		.key = NULL \
	}

static const struct port_option_spec vhost_user_options[] = {
    {.key = "path",
     .type = PORT_OPTION_PATH,
     .required = 1,
     .help = "the socket that swd and the guest's QEMU share"},
    {.key = "mode",
     .type = PORT_OPTION_WORD,
     .words = "server|client",
     .fallback = "server",
     .help = "who listens: swd, or the guest's QEMU"},
    QUEUES(8, "pairs of queues"),
    {.key = "offloads",
     .type = PORT_OPTION_WORD,
     .words = "on|off",
     .fallback = "on",
     .help = "whether the guest may leave checksums and segmentation to the switch"},
    END,
};

static const struct port_option_spec dpdk_options[] = {
    {.key = "devargs",
     .type = PORT_OPTION_TEXT,
     .required = 1,
     .help = "the device, in DPDK's words, as in devargs=net_tap0,iface=tap0"},
    QUEUES(16, "receive queues"),
    MTU,
    END,
};

const struct port_kind_spec port_kind_specs[] = {
    {"vhost-user", "a virtual machine, by vhost-user",
     "vm1 type=vhost-user path=/run/swd/vm1.sock mode=client queues=2", vhost_user_options},
    {"dpdk", "any virtual device that DPDK has a driver for, by its devargs",
     "null0 type=dpdk devargs=net_null0", dpdk_options},
};

const unsigned n_port_kind_specs = sizeof(port_kind_specs) / sizeof(port_kind_specs[0]);
