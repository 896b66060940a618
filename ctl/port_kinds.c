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

// Of the socket's file, where swd listens.
#define SOCKET_OWNER                                                                        \
	{.key = "owner",                                                                    \
	 .type = PORT_OPTION_TEXT,                                                          \
	 .help = "user of the socket that swd makes; else swd's --vhost-owner"},            \
	{                                                                                   \
		.key = "group", .type = PORT_OPTION_TEXT,                                   \
		.help = "group of the socket that swd makes, which may use it; else swd's " \
			"--vhost-group"                                                     \
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
    SOCKET_OWNER,
    END,
};

// Of the kinds that share memory with a peer.
#define RING(most, without, help_text)                                              \
	{                                                                           \
		.key = "ring", .type = PORT_OPTION_POWER, .min = 64, .max = (most), \
		.fallback = (without), .help = (help_text)                          \
	}
#define MAC                                                     \
	{                                                       \
		.key = "mac", .type = PORT_OPTION_MAC,          \
		.help = "the port's own address (a random one)" \
	}

static const struct port_option_spec virtio_user_options[] = {
    {.key = "path",
     .type = PORT_OPTION_PATH,
     .required = 1,
     .help = "the socket that the other end, a vhost-user backend, listens at"},
    QUEUES(8, "pairs of queues"),
    RING(1024, "256", "entries of a queue"),
    {.key = "packed",
     .type = PORT_OPTION_WORD,
     .words = "on|off",
     .fallback = "off",
     .help = "the packed layout of queues, where the other end has it"},
    MAC,
    END,
};

static const struct port_option_spec memif_options[] = {
    {.key = "path",
     .type = PORT_OPTION_PATH,
     .required = 1,
     .help = "the socket that the server listens at"},
    {.key = "role",
     .type = PORT_OPTION_WORD,
     .words = "server|client",
     .fallback = "client",
     .help = "who listens: swd (server), or the other end (client)"},
    {.key = "id",
     .type = PORT_OPTION_NUMBER,
     .max = 999999999,
     .fallback = "0",
     .help = "the link's number at this socket, the same at both ends"},
    {.key = "secret", .type = PORT_OPTION_SECRET, .help = "a word that both ends know (none)"},
    QUEUES(8, "pairs of queues; at most those of the server"),
    RING(16384, "1024", "entries of a queue, as the client says"),
    {.key = "buffer",
     .type = PORT_OPTION_NUMBER,
     .min = 128,
     .max = 16384,
     .fallback = "2048",
     .help = "bytes of a buffer, as the client says; longer frames take several"},
    SOCKET_OWNER,
    MAC,
    END,
};

static const struct port_option_spec bond_options[] = {
    {.key = "members",
     .type = PORT_OPTION_TEXT,
     .required = 1,
     .help = "1 to 8 interfaces, as eth1,eth2"},
    {.key = "mode",
     .type = PORT_OPTION_WORD,
     .words = "active-backup|balance|802.3ad",
     .fallback = "active-backup",
     .help = "one member at a time, each flow on one of them, or that as LACP agrees it"},
    {.key = "hash",
     .type = PORT_OPTION_WORD,
     .words = "l2|l2+l3|l3+l4",
     .fallback = "l3+l4",
     .help = "which headers choose a flow's member, where several carry frames"},
    {.key = "mac", .type = PORT_OPTION_MAC, .help = "the members' common address (the first's)"},
    END,
};

static const struct port_option_spec null_options[] = {
    {.key = "rx",
     .type = PORT_OPTION_WORD,
     .words = "on|off",
     .fallback = "off",
     .help = "whether it is a source: frames of zeros as fast as it is polled"},
    {.key = "size",
     .type = PORT_OPTION_NUMBER,
     .min = 60,
     .max = 1518,
     .fallback = "64",
     .help = "bytes of such a frame"},
    QUEUES(16, "receive queues"),
    END,
};

static const struct port_option_spec ring_options[] = {
    {.key = "name",
     .type = PORT_OPTION_TEXT,
     .required = 1,
     .help = "the cable, the same at both ends"},
    {.key = "size",
     .type = PORT_OPTION_POWER,
     .min = 64,
     .max = 16384,
     .fallback = "1024",
     .help = "packets that wait for this end"},
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
     .type = PORT_OPTION_POWER,
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
    {.key = "xdp",
     .type = PORT_OPTION_WORD,
     .words = "auto|native|generic",
     .fallback = "auto",
     .help = "native: in the driver; generic: behind it, for any interface; auto: what it has"},
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
     .help = "the interface of the host (named as the port)"},
    QUEUES(4, "queues, over which the host spreads its flows"), // ETHDEV_TAP_QUEUES_MAX
    {.key = "mtu",
     .type = PORT_OPTION_NUMBER,
     .min = 68,
     .max = 9600,
     .help = "bytes of a packet without its Ethernet header, set on the interface (1500)"},
    {.key = "mac", .type = PORT_OPTION_MAC, .help = "the host's address (a random one)"},
    {.key = "address",
     .type = PORT_OPTION_PREFIX,
     .help = "the host's IPv4 or IPv6 address, with its prefix length"},
    SWITCH("persist", "off", "on: the interface outlives swd, and the next one takes it up again"),
    END,
};

const struct port_kind_spec port_kind_specs[] = {
    {"vhost-user", "a virtual machine, by vhost-user",
     "vm1 type=vhost-user path=/run/swd/vm1.sock mode=client queues=2", vhost_user_options},
    {"nic", "a network card, by its PCI address, behind `swctl nic bind`",
     "uplink type=nic pci=0000:3b:00.0 queues=4 mtu=9000", nic_options},
    {"virtio-user", "a container or another switch that is a vhost-user backend",
     "pod1 type=virtio-user path=/run/pod1/vhost.sock", virtio_user_options},
    {"memif", "another process, by shared memory (VPP, DPDK, libmemif)",
     "vpp0 type=memif role=server path=/run/swd/memif.sock id=1", memif_options},
    {"bond", "several network interfaces as one link",
     "uplink type=bond members=eth1,eth2 mode=802.3ad", bond_options},
    {"null", "swallows frames, or is a source of them", "sink type=null", null_options},
    {"ring", "a patch cable to another port of this switch", "patch1 type=ring name=cable1",
     ring_options},
    {"dpdk", "any virtual device that DPDK has a driver for, by its devargs",
     "null0 type=dpdk devargs=net_null0,no-rx=1", dpdk_options},
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
