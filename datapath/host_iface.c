#include "datapath/host_iface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned host_iface_index(const char *name)
{
	return if_nametoindex(name);
}

// An ioctl of an interface. 0 or -errno.
static int iface_ioctl(const char *name, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	int rc = ioctl(fd, request, ifr) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

bool host_iface_ethernet(const char *name)
{
	struct ifreq ifr = {.ifr_flags = 0};
	if (iface_ioctl(name, SIOCGIFHWADDR, &ifr) < 0)
		return false;
	return ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
	       ifr.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

static bool has_flag(const char *name, short flag)
{
	struct ifreq ifr = {.ifr_flags = 0};
	return iface_ioctl(name, SIOCGIFFLAGS, &ifr) == 0 && ifr.ifr_flags & flag;
}

bool host_iface_up(const char *name)
{
	return has_flag(name, IFF_UP);
}

bool host_iface_promisc(const char *name)
{
	return has_flag(name, IFF_PROMISC);
}

bool host_iface_link(const char *name, char *reason, size_t len)
{
	struct ifreq ifr = {.ifr_flags = 0};
	int rc = iface_ioctl(name, SIOCGIFFLAGS, &ifr);
	if (rc == -ENODEV)
		snprintf(reason, len, "interface %s is gone", name);
	else if (rc < 0)
		snprintf(reason, len, "interface %s: %s", name, strerror(-rc));
	else if (!(ifr.ifr_flags & IFF_UP))
		snprintf(reason, len, "interface %s is down: `ip link set %s up`", name, name);
	else if (!(ifr.ifr_flags & IFF_RUNNING))
		snprintf(reason, len, "interface %s has no carrier", name);
	else
		return true;
	return false;
}

unsigned host_iface_mtu(const char *name)
{
	struct ifreq ifr = {.ifr_mtu = 0};
	return iface_ioctl(name, SIOCGIFMTU, &ifr) < 0 ? 0 : (unsigned)ifr.ifr_mtu;
}

int host_iface_mtu_set(const char *name, unsigned mtu)
{
	struct ifreq ifr = {.ifr_mtu = (int)mtu};
	return iface_ioctl(name, SIOCSIFMTU, &ifr);
}

unsigned host_iface_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (void *)&channels};
	if (iface_ioctl(name, SIOCETHTOOL, &ifr) < 0 || channels.combined_count == 0)
		return 1;
	return channels.combined_count;
}

// The address and its length out of ADDRESS/LENGTH. Returns its bytes, 0 when it is none.
static size_t prefix_parse(const char *prefix, struct ifaddrmsg *msg, struct in6_addr *raw)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(prefix, "/");
	if (prefix[len] != '/' || len >= sizeof(address))
		return 0;
	memcpy(address, prefix, len);
	address[len] = '\0';
	msg->ifa_prefixlen = (unsigned char)strtoul(prefix + len + 1, NULL, 10);
	msg->ifa_family = AF_INET;
	if (inet_pton(AF_INET, address, raw) == 1)
		return sizeof(struct in_addr);
	msg->ifa_family = AF_INET6;
	return inet_pton(AF_INET6, address, raw) == 1 ? sizeof(struct in6_addr) : 0;
}

// Sends a request and reads what the kernel says to it. 0 or -errno.
static int request_run(struct nlmsghdr *nlh)
{
	char answer[1024]; // an error carries the request
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	int rc = -EIO;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0) {
		ssize_t n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
		rc = n < 0 ? -errno
			   : mnl_cb_run(answer, (size_t)n, nlh->nlmsg_seq,
					mnl_socket_get_portid(nl), NULL, NULL);
		rc = rc < 0 ? -errno : 0;
	}
	mnl_socket_close(nl);
	return rc;
}

int host_iface_address_add(const char *name, const char *prefix)
{
	char buf[256];
	struct in6_addr raw;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_NEWADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	struct ifaddrmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));
	size_t bytes = prefix_parse(prefix, msg, &raw);
	if (bytes == 0)
		return -EINVAL;
	msg->ifa_index = host_iface_index(name);
	if (msg->ifa_index == 0)
		return -ENODEV;
	// The host's own address: nothing to wait for before it is used.
	if (msg->ifa_family == AF_INET6)
		msg->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(nlh, IFA_LOCAL, bytes, &raw);
	mnl_attr_put(nlh, IFA_ADDRESS, bytes, &raw);
	return request_run(nlh);
}
