#include <config.h>

#include "ctl/ovs/port_types.h"

#include "ctl/ovs/kernel_iface.h"
#include "ctl/ovs/proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dirs.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "smap.h"
#include "util.h"

#define AF_PACKET_MTU_MAX 1964 // as swd has it
#define CONFIG_MAX	  8192 // bytes of all options

// A port that swd has kept over a restart of ovs-vswitchd, and that has not the options that its
// Interface puts now, is deleted and added again: what is put for an unchanged Interface of a type
// with options must stay the same from version to version.
static void option_put(struct ofpbuf *options, const char *key, const char *value)
{
	char *text = xasprintf("%s=%s", key, value);
	nl_msg_put_string(options, SWD_VPORT_ATTR_OPTION, text);
	free(text);
}

// Options of Open vSwitch that have another name in swd.
static void renamed_put(struct ofpbuf *options, const struct smap *config, const char *ovs_key,
			const char *key)
{
	const char *value = smap_get(config, ovs_key);
	if (value != NULL)
		option_put(options, key, value);
}

static int put_all(const struct port_type *type OVS_UNUSED, const char *name OVS_UNUSED,
		   const struct smap *config, struct ofpbuf *options, char **errp OVS_UNUSED)
{
	const struct smap_node *node;
	SMAP_FOR_EACH(node, config)
	option_put(options, node->key, node->value);
	return 0;
}

// The interface is the host's own way into the bridge: it has its addresses also when swd was away.
static int put_tap(const struct port_type *type OVS_UNUSED, const char *name OVS_UNUSED,
		   const struct smap *config OVS_UNUSED, struct ofpbuf *options,
		   char **errp OVS_UNUSED)
{
	option_put(options, "persist", "on");
	return 0;
}

static int put_iface(const struct port_type *type OVS_UNUSED, const char *name,
		     const struct smap *config, struct ofpbuf *options, char **errp OVS_UNUSED)
{
	option_put(options, "iface", name);
	renamed_put(options, config, "n_rxq", "queues");
	return 0;
}

// Frames pass the interface's queueing discipline, as an Interface's QoS wants it.
static int put_queued_iface(const struct port_type *type OVS_UNUSED, const char *name,
			    const struct smap *config OVS_UNUSED, struct ofpbuf *options,
			    char **errp OVS_UNUSED)
{
	option_put(options, "iface", name);
	option_put(options, "qdisc-bypass", "off");
	return 0;
}

static int put_vhost_client(const struct port_type *type, const char *name,
			    const struct smap *config, struct ofpbuf *options, char **errp)
{
	const char *path = smap_get(config, "vhost-server-path");
	if (path == NULL) {
		*errp = xasprintf(
		    "%s: options:vhost-server-path is missing: the socket that its guest's "
		    "QEMU listens at",
		    name);
		return EINVAL;
	}
	option_put(options, "path", path);
	option_put(options, "mode", type->mode);
	renamed_put(options, config, "n_rxq", "queues");
	return 0;
}

static int put_vhost_server(const struct port_type *type, const char *name,
			    const struct smap *config, struct ofpbuf *options,
			    char **errp OVS_UNUSED)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", ovs_rundir(), name);
	option_put(options, "path", path);
	option_put(options, "mode", type->mode);
	renamed_put(options, config, "n_rxq", "queues");
	return 0;
}

// [DOMAIN:]BUS:DEVICE.FUNCTION
static bool is_pci_address(const char *text)
{
	unsigned bus, device, function, domain;
	int end = 0;
	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 &&
	    sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3)
		return false;
	return text[end] == '\0';
}

static int put_devargs(const struct port_type *type OVS_UNUSED, const char *name,
		       const struct smap *config, struct ofpbuf *options, char **errp)
{
	const char *devargs = smap_get(config, "dpdk-devargs");
	if (devargs == NULL) {
		*errp = xasprintf("%s: options:dpdk-devargs is missing: a PCI address, or a device "
				  "in DPDK's words",
				  name);
		return EINVAL;
	}
	option_put(options, is_pci_address(devargs) ? "pci" : "devargs", devargs);
	renamed_put(options, config, "mtu", "mtu");
	renamed_put(options, config, "n_rxq", "queues");
	return 0;
}

#define KIND(kind_name)                                                                       \
	{                                                                                     \
		.name = "swd-" kind_name, .ovs_types = "swd-" kind_name, .kind = (kind_name), \
		.put_options = put_all                                                        \
	}

const struct port_type port_types[] = {
    // Of two rows of one kind, the first is taken for a port that swd has already.
    {.name = "swd-internal",
     .ovs_types = "internal tap",
     .kind = "tap",
     .is_kernels = true,
     .options = "",
     .put_options = put_tap},
    {.name = "swd-system",
     .ovs_types = "system",
     .kind = "af-packet",
     .is_kernels = true,
     .must_exist = true,
     .is_linux = true,
     .long_type = "swd-afxdp",
     .put_options = put_queued_iface},
    {.name = "swd-afxdp",
     .ovs_types = "afxdp afxdp-nonpmd",
     .kind = "af-xdp",
     .is_kernels = true,
     .must_exist = true,
     .options = "n_rxq",
     .put_options = put_iface},
    {.name = "swd-vhost-client",
     .ovs_types = "dpdkvhostuserclient",
     .kind = "vhost-user",
     .mode = "client",
     .options = "vhost-server-path n_rxq",
     .put_options = put_vhost_client},
    {.name = "swd-vhost-server",
     .ovs_types = "dpdkvhostuser",
     .kind = "vhost-user",
     .mode = "server",
     .options = "n_rxq",
     .put_options = put_vhost_server},
    {.name = "swd-dpdk",
     .ovs_types = "dpdk",
     .kind = "dpdk",
     .pci_kind = "nic",
     .options = "dpdk-devargs n_rxq mtu",
     .put_options = put_devargs},
    KIND("virtio-user"),
    KIND("memif"),
    KIND("bond"),
    KIND("null"),
    KIND("ring"),
    KIND("pcap"),
    KIND("pf-ring"),
};

const size_t n_port_types = ARRAY_SIZE(port_types);

static bool word_in(const char *words, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = words; (at = strstr(at, word)) != NULL; at += len) {
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return len > 0;
	}
	return false;
}

const struct port_type *port_type_for(const char *ovs_type)
{
	for (size_t i = 0; i < n_port_types; i++) {
		if (word_in(port_types[i].ovs_types, ovs_type))
			return &port_types[i];
	}
	return NULL;
}

bool port_type_takes(const struct port_type *type, const char *option)
{
	return type->options == NULL || word_in(type->options, option);
}

const struct port_type *port_type_of(const char *kind, const char *mode)
{
	for (size_t i = 0; i < n_port_types; i++) {
		const struct port_type *type = &port_types[i];
		if ((strcmp(type->kind, kind) == 0 ||
		     (type->pci_kind != NULL && strcmp(type->pci_kind, kind) == 0)) &&
		    (type->mode == NULL || strcmp(type->mode, mode != NULL ? mode : "server") == 0))
			return type;
	}
	return NULL;
}

// DPDK's driver for AF_PACKET has frames of 2048 bytes.
static bool is_too_long(const char *name)
{
	int mtu;
	return kernel_iface_mtu(name, &mtu) == 0 && mtu > AF_PACKET_MTU_MAX;
}

static const struct port_type *row_named(const char *name)
{
	const struct port_type *type = port_types;
	while (strcmp(type->name, name) != 0)
		type++;
	return type;
}

// A netlink attribute has at most 65535 bytes.
static int config_check(const char *name, const struct smap *config, char **errp)
{
	const struct smap_node *node;
	size_t total = 0;
	SMAP_FOR_EACH(node, config)
	total += strlen(node->key) + strlen(node->value);
	if (total <= CONFIG_MAX)
		return 0;
	*errp = xasprintf("%s: its options are longer than %d bytes", name, CONFIG_MAX);
	return EINVAL;
}

int port_type_put(const struct port_type *type, const char *name, const struct smap *config,
		  struct ofpbuf *options, char **errp)
{
	int err = config_check(name, config, errp);
	if (err != 0)
		return err;
	if (type->long_type != NULL && is_too_long(name))
		type = row_named(type->long_type);
	const char *devargs = smap_get_def(config, "dpdk-devargs", "");
	bool is_pci = type->pci_kind != NULL && is_pci_address(devargs);
	nl_msg_put_string(options, SWD_VPORT_ATTR_KIND, is_pci ? type->pci_kind : type->kind);
	return type->put_options(type, name, config, options, errp);
}
