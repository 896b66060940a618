#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/provider.h"

#include "ctl/ovs/conn.h"
#include "ctl/ovs/ct.h"
#include "ctl/ovs/kernel_iface.h"
#include "ctl/ovs/meters.h"
#include "ctl/ovs/netdev_swd.h"
#include "ctl/ovs/port_types.h"
#include "ctl/ovs/proto.h"
#include "ctl/ovs/unfollowed.h"
#include "ctl/ovs/vports.h"
#include "ctl/ovs/words.h"

#include <net/if.h>

#include "dpif-netlink-rtnl.h"
#include "dpif-provider.h"
#include "if-notifier.h"
#include "netdev-linux.h"
#include "netdev-offload.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "unixctl.h"

VLOG_DEFINE_THIS_MODULE(dpif_swd);

// The class that is registered: OVS's own with what differs here.
static struct dpif_class swd_class;

// What dpif-netlink.c finds different:
#undef VLOG_DEFINE_THIS_MODULE
#define VLOG_DEFINE_THIS_MODULE(name)  struct nl_sock
#define dpif_init(dpif, class, ...)    (dpif_init)(dpif, &swd_class, __VA_ARGS__)
#define dpif_assert_class(dpif, class) ((void)0)
// Tunnels have no devices in the kernel.
#define dpif_netlink_rtnl_probe_oot_tunnels() true
// That is registered by the original.
#define unixctl_command_register(...) ((void)0)
// swd's ports say themselves what they are, and have longer names.
#define netdev_get_type_from_name(name) type_of_vport(name, vport->options, vport->options_len)
#undef IFNAMSIZ
#define IFNAMSIZ 64

static const char *type_of_vport(const char *name, const struct nlattr *options, size_t len)
{
	struct vport_state state;
	vport_options_read(options, len, &state);
	return netdev_swd_type_of_port(name, state.kind, state.mode);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "dpif-netlink.c"
#pragma GCC diagnostic pop

#undef unixctl_command_register

#define DATAPATH_PREFIX "ovs-" // of names of datapaths that ofproto makes
#define RETRY_MS	500

static unsigned n_open; // main thread, as all here
static long long int next_try_ms, next_notifier_ms;
static char replaced_name[IFNAMSIZ]; // of a port that was deleted and is added next; or ""
static uint32_t replaced_no;
static bool is_adopted; // the datapath of an ovs-vswitchd before this, and its ports not looked at
static bool is_emptied; // swd has fewer flows than udpif thinks
static __thread bool is_purging;
static dp_purge_callback *purge_cb;
static void *purge_aux;

int provider_dp_ifindex(const struct dpif *dpif)
{
	return dpif_netlink_cast(dpif)->dp_ifindex;
}

static const char *swd_port_open_type(const struct dpif_class *class OVS_UNUSED,
				      const char *ovs_type)
{
	const struct port_type *type = port_type_for(ovs_type);
	return type != NULL ? type->name : ovs_type;
}

// The datapath of swctld is not ours to remove: ofproto deletes what it does not know.
static int swd_enumerate(struct sset *all, const struct dpif_class *class)
{
	struct sset found = SSET_INITIALIZER(&found);
	const char *name;
	// dpctl/dump-dps comes here where no bridge is ours, too: no swd is no news.
	if (n_open == 0 && !link_is_reachable())
		return 0;
	int err = dpif_netlink_enumerate(&found, class);
	SSET_FOR_EACH(name, &found)
	{
		if (strncmp(name, DATAPATH_PREFIX, strlen(DATAPATH_PREFIX)) == 0)
			sset_add(all, name);
	}
	sset_destroy(&found);
	return err;
}

static void opened(struct dpif *dpif, bool is_new)
{
	n_open++;
	swd_transact_default_dp(provider_dp_ifindex(dpif));
	if (is_new) {
		vports_clear();
		meters_clear();
		ct_fresh_datapath(dpif);
	} else if (n_open == 1) {
		ct_adopt_datapath(dpif);
		is_adopted = true;
	}
}

static int swd_open(const struct dpif_class *class, const char *name, bool create,
		    struct dpif **dpifp)
{
	// Nobody is left who would restore what was lost.
	if (n_open == 0 && link_is_lost()) {
		link_restore_begin();
		link_restore_end(true);
	}
	words_note(0, "");
	int err = dpif_netlink_open(class, name, create, dpifp);
	if (err == 0)
		opened(*dpifp, create);
	else if (create && !link_is_reachable())
		netdev_swd_await();
	// For these two the caller opens the one that is there.
	return err == EEXIST || err == EBUSY ? err : words_errno(err);
}

static void swd_close(struct dpif *dpif)
{
	n_open--;
	dpif_netlink_close(dpif);
}

// The number of a port that was deleted to be added again is what flows know it by.
static void number_keep(const struct netdev *netdev, odp_port_t *port_no)
{
	if (*port_no == ODPP_NONE && strcmp(netdev_get_name(netdev), replaced_name) == 0)
		*port_no = u32_to_odp(replaced_no);
	replaced_name[0] = '\0';
}

static int swd_port_add(struct dpif *dpif_, struct netdev *netdev, odp_port_t *port_no)
{
	struct dpif_netlink_vport request, reply;
	struct ofpbuf options, *buf = NULL;
	uint32_t no_pid = 0;
	words_note(0, "");
	if (!netdev_is_swd(netdev))
		return words_errno(dpif_netlink_port_add(dpif_, netdev, port_no));
	number_keep(netdev, port_no);
	ofpbuf_init(&options, 256);
	int err = netdev_swd_put_options(netdev, &options);
	if (err == 0) {
		dpif_netlink_vport_init(&request);
		request.cmd = OVS_VPORT_CMD_NEW;
		request.dp_ifindex = dpif_netlink_cast(dpif_)->dp_ifindex;
		request.type = OVS_VPORT_TYPE_NETDEV;
		request.name = netdev_get_name(netdev);
		request.port_no = *port_no;
		request.n_upcall_pids = 1;
		request.upcall_pids = &no_pid;
		request.options = options.data;
		request.options_len = options.size;
		err = words_errno(dpif_netlink_vport_transact(&request, &reply, &buf));
	}
	if (err == 0)
		*port_no = reply.port_no;
	ofpbuf_delete(buf);
	ofpbuf_uninit(&options);
	return err;
}

// An swd that is away will not be given it again. It has left its interface, if it made one.
static int port_del_here(odp_port_t port_no)
{
	struct vport_state state;
	char *name = vports_name_of(odp_to_u32(port_no));
	if (name != NULL && vports_find(name, &state) && strcmp(state.kind, "tap") == 0)
		kernel_iface_delete(name);
	free(name);
	return 0;
}

static int swd_port_del(struct dpif *dpif, odp_port_t port_no)
{
	int err = dpif_netlink_port_del(dpif, port_no);
	if (err == CONN_NO_ANSWER && link_is_lost())
		err = port_del_here(port_no);
	if (err == 0 || err == ENODEV)
		vports_forget(odp_to_u32(port_no));
	return err;
}

static int swd_port_set_config(struct dpif *dpif OVS_UNUSED, odp_port_t no,
			       const struct smap *other_config)
{
	char *name = vports_name_of(odp_to_u32(no));
	if (name != NULL)
		unfollowed_port_tell(name, other_config);
	free(name);
	return 0;
}

static int swd_set_config(struct dpif *dpif OVS_UNUSED, const struct smap *other_config)
{
	unfollowed_tell(other_config);
	return 0;
}

// What an swd that was emptied does not have is no news. With EEXIST the log is not told; with 0
// its statistics would count, which are none.
static void purge_done(struct dpif_op *op)
{
	if (op->type == DPIF_OP_FLOW_DEL && op->error == ENOENT)
		op->error = EEXIST;
}

// Never to the kernel's "tc", where the original sends flows that it can take.
static void swd_operate(struct dpif *dpif, struct dpif_op **ops, size_t n,
			enum dpif_offload_type type)
{
	if (type != DPIF_OFFLOAD_ALWAYS) {
		dpif_netlink_operate(dpif, ops, n, DPIF_OFFLOAD_NEVER);
		for (size_t i = 0; is_purging && i < n; i++)
			purge_done(ops[i]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		ops[i]->error = EOPNOTSUPP;
}

static uint32_t meter_feature_bands(const struct nlattr *bands)
{
	const struct nlattr *band, *attr;
	size_t left, band_left;
	uint32_t types = 0;
	NL_NESTED_FOR_EACH(band, left, bands)
	{
		NL_NESTED_FOR_EACH(attr, band_left, band)
		{
			if (nl_attr_type(attr) == OVS_BAND_ATTR_TYPE &&
			    nl_attr_get_size(attr) == sizeof(uint32_t) &&
			    nl_attr_get_u32(attr) == OVS_METER_BAND_TYPE_DROP)
				types |= 1u << OFPMBT13_DROP;
		}
	}
	return types;
}

// Without the original's probe for a kernel that mistakes meters' numbers: it takes numbers for it
// that swd does not have.
static void swd_meter_get_features(const struct dpif *dpif, struct ofputil_meter_features *features)
{
	static const struct nl_policy policy[] = {
	    [OVS_METER_ATTR_MAX_METERS] = {.type = NL_A_U32},
	    [OVS_METER_ATTR_MAX_BANDS] = {.type = NL_A_U32},
	    [OVS_METER_ATTR_BANDS] = {.type = NL_A_NESTED, .optional = true},
	};
	struct nlattr *a[ARRAY_SIZE(policy)];
	struct ofpbuf request, *reply;
	uint64_t stub[16];
	dpif_netlink_meter_init(dpif_netlink_cast(dpif), &request, stub, sizeof(stub),
				OVS_METER_CMD_FEATURES);
	if (dpif_netlink_meter_transact(&request, &reply, policy, a, ARRAY_SIZE(policy)) != 0)
		return;
	features->max_meters = nl_attr_get_u32(a[OVS_METER_ATTR_MAX_METERS]);
	features->max_bands = nl_attr_get_u32(a[OVS_METER_ATTR_MAX_BANDS]);
	if (a[OVS_METER_ATTR_BANDS] != NULL)
		features->band_types = meter_feature_bands(a[OVS_METER_ATTR_BANDS]);
	features->capabilities = DP_SUPPORTED_METER_FLAGS_MASK;
	ofpbuf_delete(reply);
}

// While swd does not answer its ports are those that it will be given again: what asks for them
// must not take them for deleted.
static int known_port(const char *name, struct dpif_port *port)
{
	struct vport_state state;
	if (name == NULL || !vports_find(name, &state))
		return ENODEV;
	if (port == NULL)
		return 0;
	const char *type = netdev_swd_type_of_port(name, state.kind, state.mode);
	struct dpif_netlink_vport vport = {.type = state.type, .name = name};
	port->name = xstrdup(name);
	port->type = xstrdup(type != NULL ? type : get_vport_type(&vport));
	port->port_no = u32_to_odp(state.no);
	return 0;
}

// One that swd has kept since an ovs-vswitchd before this: its Interface was changed in between.
static int outdated_delete(struct dpif *dpif, const char *name)
{
	struct vport_state state;
	if (!vports_find(name, &state))
		return 0;
	int err = dpif_port_del(dpif, u32_to_odp(state.no), false);
	if (err != 0) {
		VLOG_WARN("%s: its options have changed, and those of before stay: %s", name,
			  ovs_strerror(err));
		return 0;
	}
	VLOG_INFO("%s: its options have changed: it was deleted and is added again", name);
	replaced_no = state.no;
	ovs_strlcpy(replaced_name, name, sizeof(replaced_name));
	return ENODEV;
}

// Without `port` it is the question whether a port that is wanted must be added.
static int swd_port_query_by_name(const struct dpif *dpif, const char *name, struct dpif_port *port)
{
	int err = dpif_netlink_port_query_by_name(dpif, name, port);
	if (err == CONN_NO_ANSWER)
		return known_port(name, port);
	if (err == 0 && port == NULL && netdev_swd_is_outdated(name))
		return outdated_delete(CONST_CAST(struct dpif *, dpif), name);
	return err;
}

static int swd_port_query_by_number(const struct dpif *dpif, odp_port_t no, struct dpif_port *port)
{
	int err = dpif_netlink_port_query_by_number(dpif, no, port);
	if (err != CONN_NO_ANSWER)
		return err;
	char *name = vports_name_of(odp_to_u32(no));
	err = known_port(name, port);
	free(name);
	return err;
}

// An Interface whose type was changed meanwhile finds its name taken by the port of before. That
// one goes when ofproto looks at all ports, as it does first; the Interface is tried again when the
// bridges are configured again.
static void look_after_adoption(void)
{
	if (is_adopted)
		if_notifier_manual_report();
	is_adopted = false;
}

// While there is no connection for these events, one is made twice a second at most, and none while
// the link is lost: restoring it says that anything may have changed.
static int swd_port_poll(const struct dpif *dpif_, char **name)
{
	const struct dpif_netlink *dpif = dpif_netlink_cast(dpif_);
	look_after_adoption();
	if (dpif->port_notifier == NULL && (link_is_lost() || time_msec() < next_notifier_ms))
		return EAGAIN;
	int err = dpif_netlink_port_poll(dpif_, name);
	if (dpif->port_notifier == NULL)
		next_notifier_ms = time_msec() + RETRY_MS;
	return err;
}

static void swd_port_poll_wait(const struct dpif *dpif_)
{
	const struct dpif_netlink *dpif = dpif_netlink_cast(dpif_);
	if (dpif->port_notifier != NULL)
		nl_sock_wait(dpif->port_notifier, POLLIN);
	else if (!link_is_lost())
		poll_timer_wait_until(next_notifier_ms);
}

static int swd_get_stats(const struct dpif *dpif, struct dpif_dp_stats *stats)
{
	int err = dpif_netlink_get_stats(dpif, stats);
	if (err != CONN_NO_ANSWER)
		return err;
	// Revalidators ask twice a second, and would log each error.
	memset(stats, 0, sizeof(*stats));
	return 0;
}

static int swd_meter_set(struct dpif *dpif, ofproto_meter_id id,
			 struct ofputil_meter_config *config)
{
	int err = dpif_netlink_meter_set__(dpif, id, config);
	if (err == 0)
		meters_note(id.uint32, config);
	return err;
}

static int swd_meter_del(struct dpif *dpif, ofproto_meter_id id, struct ofputil_meter_stats *stats,
			 uint16_t n_bands)
{
	meters_forget(id.uint32);
	return dpif_netlink_meter_del(dpif, id, stats, n_bands);
}

static void swd_register_dp_purge_cb(struct dpif *dpif OVS_UNUSED, dp_purge_callback *cb, void *aux)
{
	purge_cb = cb;
	purge_aux = aux;
}

static char *swd_get_datapath_version(void)
{
	return xstrdup("swd " SWD_VERSION);
}

static int restore_datapath(struct dpif_netlink *dpif)
{
	struct dpif_netlink_dp request, reply;
	struct ofpbuf *buf;
	uint32_t no_pid = 0;
	dpif_netlink_dp_init(&request);
	request.cmd = OVS_DP_CMD_NEW;
	request.name = dpif->dpif.base_name;
	request.upcall_pid = &no_pid;
	request.user_features = dpif->user_features;
	int err = dpif_netlink_dp_transact(&request, &reply, &buf);
	is_emptied |= err == 0;
	if (err == EEXIST) { // only our connections broke
		request.cmd = OVS_DP_CMD_GET;
		err = dpif_netlink_dp_transact(&request, &reply, &buf);
	}
	if (err == 0) {
		dpif->dp_ifindex = reply.dp_ifindex;
		swd_transact_default_dp(dpif->dp_ifindex);
		ofpbuf_delete(buf);
	}
	return err;
}

struct restore {
	struct dpif_netlink *dpif;
	unsigned n_refused;
};

static void restore_port(const struct vport_request *port, void *arg)
{
	struct restore *r = arg;
	struct dpif_netlink_vport request, reply;
	struct ofpbuf *buf;
	uint32_t no_pid = 0;
	if (link_restore_has_failed())
		return;
	dpif_netlink_vport_init(&request);
	request.cmd = OVS_VPORT_CMD_NEW;
	request.dp_ifindex = r->dpif->dp_ifindex;
	request.type = port->type;
	request.name = port->name;
	request.port_no = u32_to_odp(port->no);
	request.n_upcall_pids = 1;
	request.upcall_pids = &no_pid;
	request.options = port->options;
	request.options_len = port->options_len;
	int err = dpif_netlink_vport_transact(&request, &reply, &buf);
	int told = words_errno(err);
	// In one that has not started anew, it is there.
	if (err != 0 && err != CONN_NO_ANSWER &&
	    dpif_netlink_port_query_by_name(&r->dpif->dpif, port->name, NULL) != 0) {
		r->n_refused++;
		VLOG_WARN("%s: port %s does not come back: %s", dpif_name(&r->dpif->dpif),
			  port->name, ovs_strerror(told));
	}
	ofpbuf_delete(err == 0 ? buf : NULL);
}

static void restore_meter(uint32_t id, struct ofputil_meter_config *config, void *arg)
{
	struct restore *r = arg;
	int err =
	    dpif_netlink_meter_set__(&r->dpif->dpif, (ofproto_meter_id){.uint32 = id}, config);
	if (err != 0 && err != CONN_NO_ANSWER)
		VLOG_WARN("%s: meter %u does not come back: %s", dpif_name(&r->dpif->dpif), id,
			  ovs_strerror(words_errno(err)));
}

static void restore_ct(struct dpif_netlink *dpif)
{
	int err = ct_restore(&dpif->dpif);
	if (err != 0 && err != CONN_NO_ANSWER)
		VLOG_WARN("%s: limits and timeouts of connections do not come back: %s",
			  dpif_name(&dpif->dpif), ovs_strerror(words_errno(err)));
}

// Without its connection, a handler's share of the misses would go nowhere.
static void restore_handlers(struct dpif_netlink *dpif)
{
	fat_rwlock_wrlock(&dpif->upcall_lock);
	if (dpif->handlers != NULL && !link_restore_has_failed()) {
		destroy_all_handlers(dpif);
		dpif_netlink_refresh_handlers_cpu_dispatch(dpif);
	}
	fat_rwlock_unlock(&dpif->upcall_lock);
}

// swd has started anew, or cut us off. Flows are not put back: the first packet of each is missed,
// and answered from what the rules say now.
static void restore(struct dpif_netlink *dpif)
{
	struct restore r = {.dpif = dpif};
	link_restore_begin();
	int err = restore_datapath(dpif);
	if (err == 0) {
		vports_for_each(restore_port, &r);
		meters_for_each(restore_meter, &r);
		restore_handlers(dpif);
		restore_ct(dpif);
	}
	if (!link_restore_end(err == 0))
		return;
	nl_sock_destroy(dpif->port_notifier);
	dpif->port_notifier = NULL;
	next_notifier_ms = 0;
	VLOG_INFO("%s: swd is back and has the datapath's ports and meters again (%u refused)",
		  dpif_name(&dpif->dpif), r.n_refused);
	is_purging = true;
	if (is_emptied && purge_cb != NULL)
		purge_cb(purge_aux, PMD_ID_NULL);
	is_purging = false;
	is_emptied = false;
	if_notifier_manual_report(); // what was asked for meanwhile is tried again
}

static bool swd_run(struct dpif *dpif_)
{
	if (link_is_lost() && time_msec() >= next_try_ms) {
		restore(dpif_netlink_cast(dpif_));
		next_try_ms = time_msec() + RETRY_MS; // also when it took long
	}
	return dpif_netlink_run(dpif_);
}

// The original polls the descriptor alone: a connection has more to say than that (nl_sock.c).
static void swd_recv_wait(struct dpif *dpif_, uint32_t handler_id)
{
	struct dpif_netlink *dpif = dpif_netlink_cast(dpif_);
	fat_rwlock_rdlock(&dpif->upcall_lock);
	if (dpif->handlers != NULL && handler_id < dpif->n_handlers)
		nl_sock_wait(dpif->handlers[handler_id].sock, POLLIN);
	fat_rwlock_unlock(&dpif->upcall_lock);
}

static void swd_wait(struct dpif *dpif OVS_UNUSED)
{
	link_wait();
	if (link_is_lost())
		poll_timer_wait_until(next_try_ms);
}

void provider_register(void)
{
	swd_class = dpif_netlink_class;
	swd_class.type = "swd";
	swd_class.enumerate = swd_enumerate;
	swd_class.port_open_type = swd_port_open_type;
	swd_class.open = swd_open;
	swd_class.close = swd_close;
	swd_class.run = swd_run;
	swd_class.wait = swd_wait;
	swd_class.recv_wait = swd_recv_wait;
	swd_class.port_add = swd_port_add;
	swd_class.port_del = swd_port_del;
	swd_class.port_set_config = swd_port_set_config;
	swd_class.port_query_by_name = swd_port_query_by_name;
	swd_class.port_query_by_number = swd_port_query_by_number;
	swd_class.port_poll = swd_port_poll;
	swd_class.port_poll_wait = swd_port_poll_wait;
	swd_class.get_stats = swd_get_stats;
	swd_class.set_config = swd_set_config;
	swd_class.operate = swd_operate;
	swd_class.meter_get_features = swd_meter_get_features;
	swd_class.meter_set = swd_meter_set;
	swd_class.meter_del = swd_meter_del;
	swd_class.register_dp_purge_cb = swd_register_dp_purge_cb;
	swd_class.get_datapath_version = swd_get_datapath_version;
	ct_fill_class(&swd_class); // swd tracks connections, not the kernel
	dp_register_provider(&swd_class);
}
