#include "datapath/host_tap.h"

#include "datapath/host_iface.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct facts {
	struct host_tap tap;
	bool is_tun, is_tap, persists, has_queues_told;
	uint32_t n_queues;
};

static int on_tun(const struct nlattr *attr, void *arg)
{
	struct facts *facts = arg;
	uint16_t type = mnl_attr_get_type(attr);
	if (type == IFLA_TUN_TYPE)
		facts->is_tap = mnl_attr_get_u8(attr) == IFF_TAP;
	else if (type == IFLA_TUN_PERSIST)
		facts->persists = mnl_attr_get_u8(attr) != 0;
	else if (type == IFLA_TUN_NUM_QUEUES || type == IFLA_TUN_NUM_DISABLED_QUEUES)
		facts->n_queues += mnl_attr_get_u32(attr);
	facts->has_queues_told |= type == IFLA_TUN_NUM_QUEUES;
	return MNL_CB_OK;
}

static int on_info(const struct nlattr *attr, void *arg)
{
	struct facts *facts = arg;
	uint16_t type = mnl_attr_get_type(attr);
	if (type == IFLA_INFO_KIND)
		facts->is_tun = strcmp(mnl_attr_get_str(attr), "tun") == 0;
	else if (type == IFLA_INFO_DATA && facts->is_tun)
		mnl_attr_parse_nested(attr, on_tun, facts);
	return MNL_CB_OK;
}

static int on_attr(const struct nlattr *attr, void *arg)
{
	struct facts *facts = arg;
	uint16_t type = mnl_attr_get_type(attr);
	if (type == IFLA_ADDRESS && mnl_attr_get_payload_len(attr) == sizeof(facts->tap.mac))
		memcpy(facts->tap.mac, mnl_attr_get_payload(attr), sizeof(facts->tap.mac));
	else if (type == IFLA_MTU)
		facts->tap.mtu = mnl_attr_get_u32(attr);
	else if (type == IFLA_LINKINFO)
		mnl_attr_parse_nested(attr, on_info, facts);
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	return mnl_attr_parse(nlh, sizeof(struct ifinfomsg), on_attr, arg);
}

static bool link_ask(unsigned index, uint16_t type, uint16_t flags, mnl_cb_t cb, void *arg)
{
	char request[128], answer[16384]; // one link with all its statistics
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(nlh, sizeof(*link));
	link->ifi_index = (int)index;
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl)
		return false;
	ssize_t n = -1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	bool ok =
	    n > 0 && mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(nl), cb, arg) >= 0;
	mnl_socket_close(nl);
	return ok;
}

bool host_tap_is_left(const char *name, struct host_tap *out)
{
	struct facts facts = {.is_tun = false};
	unsigned index = host_iface_index(name);
	if (index == 0 || !link_ask(index, RTM_GETLINK, 0, on_link, &facts))
		return false;
	*out = facts.tap;
	return facts.is_tun && facts.is_tap && facts.persists && facts.has_queues_told &&
	       facts.n_queues == 0;
}

void host_tap_delete(const char *name)
{
	link_ask(host_iface_index(name), RTM_DELLINK, NLM_F_ACK, NULL, NULL);
}

void host_tap_let_go(int fd)
{
	ioctl(fd, TUNSETPERSIST, 0);
}
