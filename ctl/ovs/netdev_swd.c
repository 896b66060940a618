#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/netdev_swd.h"

#include "ctl/ovs/conn.h"
#include "ctl/ovs/kernel_iface.h"
#include "ctl/ovs/port_types.h"
#include "ctl/ovs/vports.h"
#include "ctl/ovs/words.h"

#include "odp-netlink.h"
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-netlink.h"
#include "if-notifier.h"
#include "netdev-provider.h"
#include "netlink-notifier.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "rtnetlink.h"
#include "smap.h"
#include "timeval.h"
#include "unaligned.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_swd);

#define AWAIT_MS    1000
#define DEFAULT_MTU 1500

struct netdev_swd {
	struct netdev up;
	const struct port_type *type;

	struct ovs_mutex mutex; // of what follows
	struct smap config;	// the Interface's options
	bool is_configured;
	enum netdev_flags flags; // of what is no interface of the kernel
	struct eth_addr mac;
	int mtu_refused; // last, which the log was told of
};

static struct netdev_class *classes; // one a row of port_types

static bool awaited; // main thread
static long long int next_try_ms;

static struct netdev_swd *cast(const struct netdev *netdev)
{
	return CONTAINER_OF(netdev, struct netdev_swd, up);
}

static const struct port_type *type_of(const struct netdev *netdev)
{
	return &port_types[netdev_get_class(netdev) - classes];
}

bool netdev_is_swd(const struct netdev *netdev)
{
	const struct netdev_class *class = netdev_get_class(netdev);
	return classes != NULL && class >= classes && class < classes + n_port_types;
}

const char *netdev_swd_type_of_port(const char *name, const char *kind, const char *mode)
{
	const struct port_type *type = port_type_of(kind, mode);
	struct netdev *netdev = netdev_from_name(name);
	if (netdev != NULL && netdev_is_swd(netdev)) {
		const struct port_type *own = type_of(netdev);
		if (type != NULL && own->long_type != NULL &&
		    strcmp(own->long_type, type->name) == 0)
			type = own;
	}
	netdev_close(netdev);
	return type != NULL ? type->name : NULL;
}

int netdev_swd_put_options(const struct netdev *netdev, struct ofpbuf *options)
{
	struct netdev_swd *dev = cast(netdev);
	const struct port_type *type = type_of(netdev);
	char *text = NULL;
	if (type->is_linux) {
		struct smap none = SMAP_INITIALIZER(&none);
		return port_type_put(type, netdev_get_name(netdev), &none, options, &text);
	}
	ovs_mutex_lock(&dev->mutex);
	int err = port_type_put(type, netdev_get_name(netdev), &dev->config, options, &text);
	ovs_mutex_unlock(&dev->mutex);
	free(text);
	return err;
}

// What a type asks for by itself (port_types.c) may have changed with the version: that cuts nobody
// off.
static bool has_options(const struct port_type *type)
{
	return !type->is_linux && (type->options == NULL || type->options[0] != '\0');
}

static bool is_outdated(struct netdev *netdev)
{
	struct ofpbuf options;
	if (!netdev_is_swd(netdev) || !has_options(type_of(netdev)) || !cast(netdev)->is_configured)
		return false;
	ofpbuf_init(&options, 256);
	bool outdated = netdev_swd_put_options(netdev, &options) == 0 &&
			!vports_is_as(netdev_get_name(netdev), options.data, options.size);
	ofpbuf_uninit(&options);
	return outdated;
}

bool netdev_swd_is_outdated(const char *name)
{
	struct netdev *netdev = netdev_from_name(name);
	bool outdated = netdev != NULL && is_outdated(netdev);
	netdev_close(netdev);
	return outdated;
}

void netdev_swd_await(void)
{
	awaited = true;
	next_try_ms = time_msec() + AWAIT_MS;
}

static void all_changed(void)
{
	netdev_get_addrs_list_flush();
	for (size_t i = 0; i < n_port_types; i++) {
		struct shash devices = SHASH_INITIALIZER(&devices);
		struct shash_node *node;
		netdev_get_devices(&classes[i], &devices);
		SHASH_FOR_EACH(node, &devices)
		{
			netdev_change_seq_changed(node->data);
			netdev_close(node->data);
		}
		shash_destroy(&devices);
	}
}

// An interface of the kernel has changed, or (NULL) any may have.
static void iface_changed(const struct rtnetlink_change *change, void *aux OVS_UNUSED)
{
	char name[IF_NAMESIZE];
	if (change == NULL)
		all_changed();
	if (change == NULL || change->irrelevant)
		return;
	if (rtnetlink_type_is_rtnlgrp_addr(change->nlmsg_type))
		netdev_get_addrs_list_flush();
	const char *known = change->ifname;
	if (known == NULL)
		known = if_indextoname((unsigned)change->if_index, name);
	struct netdev *netdev = known != NULL ? netdev_from_name(known) : NULL;
	if (netdev == NULL)
		return;
	if (netdev_is_swd(netdev))
		netdev_change_seq_changed(netdev);
	netdev_close(netdev);
}

static void await_run(void)
{
	if (!awaited || time_msec() < next_try_ms)
		return;
	next_try_ms = time_msec() + AWAIT_MS;
	if (!link_is_reachable())
		return;
	awaited = false;
	VLOG_INFO("%s: swd is there: configuring the bridges again", link_path());
	if_notifier_manual_report();
}

// Once for all classes.
static void netdev_swd_run(const struct netdev_class *class)
{
	static struct nln_notifier *notifier;
	if (class != &classes[0])
		return;
	if (notifier == NULL)
		notifier = rtnetlink_notifier_create(iface_changed, NULL);
	rtnetlink_run();
	await_run();
}

static void netdev_swd_wait(const struct netdev_class *class)
{
	if (class != &classes[0])
		return;
	rtnetlink_wait();
	if (awaited)
		poll_timer_wait_until(next_try_ms);
}

static struct netdev *netdev_swd_alloc(void)
{
	struct netdev_swd *dev = xzalloc(sizeof(*dev));
	return &dev->up;
}

static int netdev_swd_construct(struct netdev *netdev)
{
	struct netdev_swd *dev = cast(netdev);
	dev->type = type_of(netdev);
	if (dev->type->must_exist && !kernel_iface_exists(netdev_get_name(netdev)))
		return ENODEV;
	ovs_mutex_init(&dev->mutex);
	smap_init(&dev->config);
	eth_addr_random(&dev->mac);
	dev->flags = NETDEV_UP | NETDEV_PROMISC;
	return 0;
}

static void netdev_swd_destruct(struct netdev *netdev)
{
	struct netdev_swd *dev = cast(netdev);
	smap_destroy(&dev->config);
	ovs_mutex_destroy(&dev->mutex);
}

static void netdev_swd_dealloc(struct netdev *netdev)
{
	free(cast(netdev));
}

static int netdev_swd_get_config(const struct netdev *netdev, struct smap *args)
{
	struct netdev_swd *dev = cast(netdev);
	const struct smap_node *node;
	ovs_mutex_lock(&dev->mutex);
	SMAP_FOR_EACH(node, &dev->config)
	smap_add(args, node->key, node->value);
	ovs_mutex_unlock(&dev->mutex);
	return 0;
}

static void unknown_tell(const struct netdev_swd *dev)
{
	const struct smap_node *node;
	SMAP_FOR_EACH(node, &dev->config)
	{
		if (!port_type_takes(dev->type, node->key))
			VLOG_WARN("%s: options:%s is not followed: swd's ports of type %s do not "
				  "have it",
				  netdev_get_name(&dev->up), node->key, dev->type->ovs_types);
	}
}

static int netdev_swd_set_config(struct netdev *netdev, const struct smap *args, char **errp)
{
	struct netdev_swd *dev = cast(netdev);
	struct ofpbuf options;
	ofpbuf_init(&options, 256);
	int err = port_type_put(dev->type, netdev_get_name(netdev), args, &options, errp);
	ofpbuf_uninit(&options);
	if (err != 0)
		return err;
	ovs_mutex_lock(&dev->mutex);
	if (!dev->is_configured) {
		smap_clone(&dev->config, args);
		dev->is_configured = true;
		unknown_tell(dev);
	} else if (!smap_equal(&dev->config, args)) {
		// ovs-vswitchd says this, then does it.
		words_note(EBUSY, "its options have changed: it is deleted and added again");
		err = words_errno(EBUSY);
	}
	ovs_mutex_unlock(&dev->mutex);
	return err;
}

static int netdev_swd_get_etheraddr(const struct netdev *netdev, struct eth_addr *mac)
{
	struct netdev_swd *dev = cast(netdev);
	struct vport_state state;
	if (dev->type->is_kernels && kernel_iface_mac(netdev_get_name(netdev), mac->ea) == 0)
		return 0;
	ovs_mutex_lock(&dev->mutex);
	*mac = dev->mac;
	ovs_mutex_unlock(&dev->mutex);
	if (vports_find(netdev_get_name(netdev), &state) && state.has_mac)
		memcpy(mac->ea, state.mac, sizeof(mac->ea));
	return 0;
}

static int netdev_swd_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
	struct netdev_swd *dev = cast(netdev);
	struct eth_addr now;
	// The kernel tells of each setting, and who is told configures again.
	if (netdev_swd_get_etheraddr(netdev, &now) == 0 && eth_addr_equals(now, mac))
		return 0;
	if (dev->type->is_kernels) {
		int err = kernel_iface_set_mac(netdev_get_name(netdev), mac.ea);
		if (err != 0)
			return err;
	}
	ovs_mutex_lock(&dev->mutex);
	dev->mac = mac;
	ovs_mutex_unlock(&dev->mutex);
	netdev_change_seq_changed(netdev);
	return 0;
}

static int netdev_swd_get_mtu(const struct netdev *netdev, int *mtu)
{
	struct netdev_swd *dev = cast(netdev);
	struct vport_state state;
	if (dev->type->is_kernels && kernel_iface_mtu(netdev_get_name(netdev), mtu) == 0)
		return 0;
	bool is_known = vports_find(netdev_get_name(netdev), &state) && state.mtu != 0;
	*mtu = is_known ? (int)state.mtu : DEFAULT_MTU;
	return 0;
}

// It is asked each time that the bridges are configured. Main thread.
static void mtu_refuse(struct netdev_swd *dev, int mtu)
{
	if (dev->mtu_refused == mtu)
		return;
	dev->mtu_refused = mtu;
	VLOG_WARN("%s: its MTU is what swd and its peer make it: mtu_request=%d is not followed%s",
		  netdev_get_name(&dev->up), mtu,
		  port_type_takes(dev->type, "mtu") ? "; where its kind has one, options:mtu is"
						    : "");
}

static int netdev_swd_set_mtu(struct netdev *netdev, int mtu)
{
	struct netdev_swd *dev = cast(netdev);
	int now;
	if (netdev_swd_get_mtu(netdev, &now) == 0 && now == mtu)
		return 0;
	if (!dev->type->is_kernels) {
		mtu_refuse(dev, mtu);
		return EOPNOTSUPP;
	}
	int err = kernel_iface_set_mtu(netdev_get_name(netdev), mtu);
	if (err == 0)
		netdev_change_seq_changed(netdev);
	return err;
}

static int netdev_swd_get_ifindex(const struct netdev *netdev)
{
	unsigned index = 0;
	if (cast(netdev)->type->is_kernels)
		index = if_nametoindex(netdev_get_name(netdev));
	return index != 0 ? (int)index : -ENODEV;
}

static int netdev_swd_get_carrier(const struct netdev *netdev, bool *carrier)
{
	struct vport_state state;
	*carrier = vports_find(netdev_get_name(netdev), &state) && state.link_up;
	return 0;
}

static int netdev_swd_get_stats(const struct netdev *netdev, struct netdev_stats *stats)
{
	struct dpif_netlink_vport vport;
	struct ofpbuf *buf;
	int err = dpif_netlink_vport_get(netdev_get_name(netdev), &vport, &buf);
	if (err != 0)
		return err;
	memset(stats, 0xff, sizeof(*stats));
	if (vport.stats != NULL) {
		stats->rx_packets = get_32aligned_u64(&vport.stats->rx_packets);
		stats->tx_packets = get_32aligned_u64(&vport.stats->tx_packets);
		stats->rx_bytes = get_32aligned_u64(&vport.stats->rx_bytes);
		stats->tx_bytes = get_32aligned_u64(&vport.stats->tx_bytes);
		stats->rx_errors = get_32aligned_u64(&vport.stats->rx_errors);
		stats->tx_errors = get_32aligned_u64(&vport.stats->tx_errors);
		stats->rx_dropped = get_32aligned_u64(&vport.stats->rx_dropped);
		stats->tx_dropped = get_32aligned_u64(&vport.stats->tx_dropped);
	}
	ofpbuf_delete(buf);
	return 0;
}

static int netdev_swd_get_features(const struct netdev *netdev, enum netdev_features *current,
				   enum netdev_features *advertised,
				   enum netdev_features *supported, enum netdev_features *peer)
{
	if (!cast(netdev)->type->is_kernels)
		return EOPNOTSUPP;
	*current = NETDEV_F_10GB_FD | NETDEV_F_COPPER;
	*advertised = *supported = *peer = 0;
	return 0;
}

static int netdev_swd_get_status(const struct netdev *netdev, struct smap *status)
{
	struct vport_state state;
	smap_add(status, "driver_name", "swd");
	smap_add(status, "swd_kind", cast(netdev)->type->kind);
	if (link_is_lost())
		smap_add(status, "link_reason", link_why());
	else if (!vports_find(netdev_get_name(netdev), &state))
		smap_add(status, "link_reason", "swd does not have this port now");
	else if (!state.link_up && state.reason[0] != '\0')
		smap_add(status, "link_reason", state.reason);
	return 0;
}

static int netdev_swd_get_addr_list(const struct netdev *netdev, struct in6_addr **addrs,
				    struct in6_addr **masks, int *n)
{
	if (!cast(netdev)->type->is_kernels)
		return EOPNOTSUPP;
	return netdev_get_addrs(netdev_get_name(netdev), addrs, masks, n);
}

static const struct {
	enum netdev_flags ours;
	int kernels;
} flag_pairs[] = {{NETDEV_UP, IFF_UP},
		  {NETDEV_PROMISC, IFF_PROMISC},
		  {NETDEV_LOOPBACK, IFF_LOOPBACK}};

static int kernel_flags_update(const char *name, enum netdev_flags off, enum netdev_flags on,
			       enum netdev_flags *old)
{
	int flags;
	int err = kernel_iface_flags(name, &flags);
	if (err != 0)
		return err;
	int wanted = flags;
	*old = 0;
	for (size_t i = 0; i < ARRAY_SIZE(flag_pairs); i++) {
		if (flags & flag_pairs[i].kernels)
			*old |= flag_pairs[i].ours;
		if (off & flag_pairs[i].ours)
			wanted &= ~flag_pairs[i].kernels;
		if (on & flag_pairs[i].ours)
			wanted |= flag_pairs[i].kernels;
	}
	return wanted == flags ? 0 : kernel_iface_set_flags(name, wanted);
}

static int netdev_swd_update_flags(struct netdev *netdev, enum netdev_flags off,
				   enum netdev_flags on, enum netdev_flags *old)
{
	struct netdev_swd *dev = cast(netdev);
	if (dev->type->is_kernels && kernel_iface_exists(netdev_get_name(netdev)))
		return kernel_flags_update(netdev_get_name(netdev), off, on, old);
	ovs_mutex_lock(&dev->mutex);
	*old = dev->flags;
	dev->flags = (dev->flags & ~off) | on;
	bool changed = dev->flags != *old;
	ovs_mutex_unlock(&dev->mutex);
	if (changed)
		netdev_change_seq_changed(netdev);
	return 0;
}

static const struct netdev_class template = {
    .run = netdev_swd_run,
    .wait = netdev_swd_wait,
    .alloc = netdev_swd_alloc,
    .construct = netdev_swd_construct,
    .destruct = netdev_swd_destruct,
    .dealloc = netdev_swd_dealloc,
    .get_config = netdev_swd_get_config,
    .set_config = netdev_swd_set_config,
    .set_etheraddr = netdev_swd_set_etheraddr,
    .get_etheraddr = netdev_swd_get_etheraddr,
    .get_mtu = netdev_swd_get_mtu,
    .set_mtu = netdev_swd_set_mtu,
    .get_ifindex = netdev_swd_get_ifindex,
    .get_carrier = netdev_swd_get_carrier,
    .get_stats = netdev_swd_get_stats,
    .get_features = netdev_swd_get_features,
    .get_status = netdev_swd_get_status,
    .get_addr_list = netdev_swd_get_addr_list,
    .update_flags = netdev_swd_update_flags,
};

void netdev_swd_register(void)
{
	struct netdev_class *made = xcalloc(n_port_types, sizeof(*made));
	for (size_t i = 0; i < n_port_types; i++) {
		memcpy(&made[i], port_types[i].is_linux ? &netdev_linux_class : &template,
		       sizeof(template));
		made[i].type = port_types[i].name;
		made[i].get_stats = netdev_swd_get_stats; // swd's, whose ports they are
	}
	classes = made;
	for (size_t i = 0; i < n_port_types; i++)
		netdev_register_provider(&classes[i]);
}
