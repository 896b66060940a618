#include <config.h>

#include "ctl/ovs/kernel_iface.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink-socket.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "socket-util.h"

bool kernel_iface_exists(const char *name)
{
	return if_nametoindex(name) != 0;
}

// A name that is longer than an interface's would be cut, and may then be another's.
static int iface_ioctl(const char *name, struct ifreq *ifr, unsigned long request, const char *what)
{
	if (strlen(name) >= IFNAMSIZ)
		return ENODEV;
	return af_inet_ifreq_ioctl(name, ifr, request, what);
}

int kernel_iface_mac(const char *name, uint8_t mac[6])
{
	struct ifreq ifr;
	memset(&ifr, 0, sizeof(ifr));
	int err = iface_ioctl(name, &ifr, SIOCGIFHWADDR, "SIOCGIFHWADDR");
	if (err == 0)
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return err;
}

int kernel_iface_set_mac(const char *name, const uint8_t mac[6])
{
	struct ifreq ifr;
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	return iface_ioctl(name, &ifr, SIOCSIFHWADDR, "SIOCSIFHWADDR");
}

int kernel_iface_mtu(const char *name, int *mtu)
{
	struct ifreq ifr;
	memset(&ifr, 0, sizeof(ifr));
	int err = iface_ioctl(name, &ifr, SIOCGIFMTU, "SIOCGIFMTU");
	if (err == 0)
		*mtu = ifr.ifr_mtu;
	return err;
}

int kernel_iface_set_mtu(const char *name, int mtu)
{
	struct ifreq ifr;
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_mtu = mtu;
	return iface_ioctl(name, &ifr, SIOCSIFMTU, "SIOCSIFMTU");
}

int kernel_iface_flags(const char *name, int *flags)
{
	struct ifreq ifr;
	memset(&ifr, 0, sizeof(ifr));
	int err = iface_ioctl(name, &ifr, SIOCGIFFLAGS, "SIOCGIFFLAGS");
	if (err == 0)
		*flags = (unsigned short)ifr.ifr_flags;
	return err;
}

int kernel_iface_set_flags(const char *name, int flags)
{
	struct ifreq ifr;
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = (short)flags;
	return iface_ioctl(name, &ifr, SIOCSIFFLAGS, "SIOCSIFFLAGS");
}

int kernel_iface_delete(const char *name)
{
	struct ofpbuf request;
	if (!kernel_iface_exists(name))
		return ENODEV;
	ofpbuf_init(&request, 0);
	nl_msg_put_nlmsghdr(&request, 0, RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
	struct ifinfomsg *link = ofpbuf_put_zeros(&request, sizeof(*link));
	link->ifi_index = (int)if_nametoindex(name);
	int err = nl_transact(NETLINK_ROUTE, &request, NULL);
	ofpbuf_uninit(&request);
	return err;
}
