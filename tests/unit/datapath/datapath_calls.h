// Datapaths and vports as a client asks for them.
#ifndef TESTS_UNIT_DATAPATH_DATAPATH_CALLS_H
#define TESTS_UNIT_DATAPATH_DATAPATH_CALLS_H

#include "datapath/datapaths.h"
#include "tests/unit/datapath/server_fixture.h"

#include <errno.h>

// What the last answer said.
static struct {
	unsigned n;
	uint32_t ifindex, features, port_no, type;
	char name[64];
	struct ovs_dp_stats stats;
} got;

static inline void on_dp(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a[OVS_DP_ATTR_MAX + 1];
	(void)arg;
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_DATAPATH);
	assert_int_equal(dp_msg_parse(nlh, a, OVS_DP_ATTR_MAX, NULL), 0);
	got.n++;
	got.ifindex = dp_msg_ifindex(nlh);
	got.features = mnl_attr_get_u32(a[OVS_DP_ATTR_USER_FEATURES]);
	snprintf(got.name, sizeof(got.name), "%s", mnl_attr_get_str(a[OVS_DP_ATTR_NAME]));
	memcpy(&got.stats, mnl_attr_get_payload(a[OVS_DP_ATTR_STATS]), sizeof(got.stats));
	assert_int_equal(mnl_attr_get_payload_len(a[OVS_DP_ATTR_MEGAFLOW_STATS]),
			 sizeof(struct ovs_dp_megaflow_stats));
}

static inline struct nlmsghdr *begin(struct dp_client *c, uint16_t family, uint8_t cmd,
				     uint16_t flags, uint32_t ifindex)
{
	struct nlmsghdr *nlh = dp_client_begin(c, family, cmd, flags);
	dp_msg_set_ifindex(nlh, ifindex);
	return nlh;
}

static inline int dp_new(struct dp_client *c, const char *name, uint32_t features)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_NEW, NLM_F_ECHO, 0);
	mnl_attr_put_strz(nlh, OVS_DP_ATTR_NAME, name);
	mnl_attr_put_u32(nlh, OVS_DP_ATTR_UPCALL_PID, 0);
	mnl_attr_put_u32(nlh, OVS_DP_ATTR_USER_FEATURES, features);
	mnl_attr_put(nlh, SWD_DP_ATTR_NO_LOCAL, 0, NULL);
	return call(c, on_dp, NULL);
}

static inline uint32_t dp_made(struct dp_client *c, const char *name)
{
	assert_int_equal(dp_new(c, name, OVS_DP_F_UNALIGNED), 0);
	return got.ifindex;
}

static inline int dp_ask(struct dp_client *c, uint8_t cmd, uint32_t ifindex, const char *name)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_DATAPATH, cmd, 0, ifindex);
	if (name != NULL)
		mnl_attr_put_strz(nlh, OVS_DP_ATTR_NAME, name);
	return call(c, on_dp, NULL);
}

static inline unsigned dp_dump(struct dp_client *c, uint32_t ifindex)
{
	got.n = 0;
	begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_GET, NLM_F_DUMP, ifindex);
	assert_int_equal(call(c, on_dp, NULL), 0);
	return got.n;
}

static inline void on_vport(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a[OVS_VPORT_ATTR_MAX + 1];
	(void)arg;
	assert_int_equal(nlh->nlmsg_type, DP_FAMILY_VPORT);
	assert_int_equal(dp_msg_parse(nlh, a, OVS_VPORT_ATTR_MAX, NULL), 0);
	got.n++;
	got.ifindex = dp_msg_ifindex(nlh);
	got.port_no = mnl_attr_get_u32(a[OVS_VPORT_ATTR_PORT_NO]);
	got.type = mnl_attr_get_u32(a[OVS_VPORT_ATTR_TYPE]);
	snprintf(got.name, sizeof(got.name), "%s", mnl_attr_get_str(a[OVS_VPORT_ATTR_NAME]));
	assert_non_null(a[OVS_VPORT_ATTR_UPCALL_PID]); // dpif-netlink wants it in each
	assert_non_null(a[OVS_VPORT_ATTR_STATS]);
}

// A port without a device, of the tunnel type.
static inline int vport_new(struct dp_client *c, uint32_t ifindex, const char *name, uint32_t no)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_NEW, NLM_F_ECHO, ifindex);
	if (no != 0)
		mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_PORT_NO, no);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_VXLAN);
	mnl_attr_put_strz(nlh, OVS_VPORT_ATTR_NAME, name);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_UPCALL_PID, 0);
	struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_VPORT_ATTR_OPTIONS);
	mnl_attr_put_u16(nlh, OVS_TUNNEL_ATTR_DST_PORT, 4789);
	mnl_attr_nest_end(nlh, nest);
	return call(c, on_vport, NULL);
}

static inline uint32_t vport_made(struct dp_client *c, uint32_t ifindex, const char *name)
{
	if (vport_new(c, ifindex, name, 0) < 0)
		fail_msg("%s", fx.text);
	return got.port_no;
}

static inline int vport_ask(struct dp_client *c, uint8_t cmd, uint32_t ifindex, const char *name,
			    uint32_t no)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_VPORT, cmd, 0, ifindex);
	if (name != NULL)
		mnl_attr_put_strz(nlh, OVS_VPORT_ATTR_NAME, name);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_PORT_NO, no);
	return call(c, on_vport, NULL);
}

static inline unsigned vport_dump(struct dp_client *c, uint32_t ifindex)
{
	got.n = 0;
	begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, NLM_F_DUMP, ifindex);
	assert_int_equal(call(c, on_vport, NULL), 0);
	return got.n;
}

#endif
