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
#define IFACE(help_text)                                                                      \
	{                                                                                     \
		.key = "iface", .type = PORT_OPTION_IFACE, .required = 1, .help = (help_text) \
	}
#define SWITCH(option_key, without, help_text)                                    \
	{                                                                         \
		.key = (option_key), .type = PORT_OPTION_WORD, .words = "on|off", \
		.fallback = (without), .help = (help_text)                        \
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

static const struct port_option_spec nic_options[] = {
    {.key = "pci",
     .type = PORT_OPTION_PCI,
     .required = 1,
     .help = "its address, of `swctl nic list`"},
    QUEUES(16, "receive queues, to which the card spreads flows"),
    MTU,
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

static const struct port_option_spec af_packet_options[] = {
    IFACE("the interface, whose frames the host goes on receiving too"),
    QUEUES(16, "sockets that share the received frames, each flow on one of them"),
    {.key = "mtu",
     .type = PORT_OPTION_NUMBER,
     .min = 68,
     .max = 1964,
     .help = "bytes of a packet without its Ethernet header, set on the interface (its own)"},
    {.key = "ring",
     .type = PORT_OPTION_NUMBER,
     .min = 64,
     .max = 16384,
     .fallback = "512",
     .help = "frames of 2 KiB in each queue's receive ring, and as many in its transmit ring"},
    SWITCH("qdisc-bypass", "on", "whether frames go past the interface's queueing discipline"),
    END,
};

static const struct port_option_spec af_xdp_options[] = {
    IFACE("the interface, whose frames go to the switch and no longer to the host"),
    QUEUES(16, "the interface's queues that are taken"),
    {.key = "start-queue",
     .type = PORT_OPTION_NUMBER,
     .max = 1023,
     .fallback = "0",
     .help = "the first of them"},
    {.key = "copy",
     .type = PORT_OPTION_WORD,
     .words = "auto|always",
     .fallback = "auto",
     .help = "auto: the driver receives into the switch's buffers where it can"},
    {.key = "busy-budget",
     .type = PORT_OPTION_NUMBER,
     .max = 65535,
     .fallback = "64",
     .help = "frames that the kernel handles a poll, on the poll-mode thread; 0: its own threads"},
    MTU,
    SWITCH("force", "off", "on: take the interface that carries the host's default route as well"),
    END,
};

static const struct port_option_spec pcap_options[] = {
    {.key = "iface",
     .type = PORT_OPTION_IFACE,
     .help = "an interface, whose frames the host goes on receiving too"},
    {.key = "rx-file",
     .type = PORT_OPTION_PATH,
     .help = "or: a capture file whose frames the port receives"},
    {.key = "tx-file",
     .type = PORT_OPTION_PATH,
     .help = "or: a capture file, written anew, of the frames that the port sends"},
    SWITCH("loop", "off", "whether rx-file begins again at its end"),
    END,
};

static const struct port_option_spec pf_ring_options[] = {
    IFACE("the interface, as PF_RING knows it"),
    {.key = "library",
     .type = PORT_OPTION_PATH,
     .fallback = "/usr/local/lib/libpcap.so",
     .help = "PF_RING's libpcap, with which swd was started (LD_PRELOAD)"},
    END,
};

static const struct port_option_spec tap_options[] = {
    {.key = "iface",
     .type = PORT_OPTION_IFACE,
     .help = "the interface that the host gets (named as the port)"},
    QUEUES(16, "queues, over which the host spreads its flows"),
    {.key = "mtu",
     .type = PORT_OPTION_NUMBER,
     .min = 68,
     .max = 9600,
     .help = "bytes of a packet without its Ethernet header, set on the interface (1500)"},
    {.key = "mac", .type = PORT_OPTION_MAC, .help = "the host's address (a random one)"},
    {.key = "address",
     .type = PORT_OPTION_PREFIX,
     .help = "the host's IPv4 or IPv6 address, with its prefix length"},
    END,
};

const struct port_kind_spec port_kind_specs[] = {
    {"vhost-user", "a virtual machine, by vhost-user",
     "vm1 type=vhost-user path=/run/swd/vm1.sock mode=client queues=2", vhost_user_options},
    {"nic", "a network card, by its PCI address, behind `swctl nic bind`",
     "uplink type=nic pci=0000:3b:00.0 queues=4 mtu=9000", nic_options},
    {"dpdk", "any virtual device that DPDK has a driver for, by its devargs",
     "null0 type=dpdk devargs=net_null0", dpdk_options},
    {"af-xdp", "a network interface, past the host's stack (AF_XDP)",
     "wan type=af-xdp iface=eth1 queues=2", af_xdp_options},
    {"af-packet", "a network interface, beside the host's stack (AF_PACKET)",
     "lan type=af-packet iface=eth1", af_packet_options},
    {"pcap", "a network interface by libpcap, or capture files",
     "replay type=pcap rx-file=/tmp/in.pcap tx-file=/tmp/out.pcap", pcap_options},
    {"pf-ring", "a network interface by PF_RING, where its module and its libpcap are installed",
     "span type=pf-ring iface=eth1", pf_ring_options},
    {"tap", "an interface for the host's own sockets",
     "host0 type=tap iface=host0 address=10.0.0.1/24", tap_options},
};

const unsigned n_port_kind_specs = sizeof(port_kind_specs) / sizeof(port_kind_specs[0]);
