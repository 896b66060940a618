#include "datapath/ethdev_probe.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool taken[RTE_MAX_ETHPORTS]; // ethdevs that belong to a port of ours

// A virtio-user server sits in accept() until a peer comes, and the switch with it.
static int check_blocking(const char *devargs, const char *name, char *err, size_t err_len)
{
	if (strncmp(name, "virtio_user", 11) != 0 && strncmp(name, "net_virtio_user", 15) != 0)
		return 0;
	const char *server = strstr(devargs, ",server=");
	if (!server || strcmp(server, ",server=0") == 0 || strncmp(server, ",server=0,", 10) == 0)
		return 0;
	snprintf(err, err_len,
		 "devargs=%.80s would stop the switch until a peer comes: leave out server=1 and "
		 "let the "
		 "peer listen",
		 devargs);
	return -EOPNOTSUPP;
}

// The value of iface=, as the device's driver will read it.
static bool iface_of(const char *devargs, char iface[IFNAMSIZ])
{
	const char *value = strstr(devargs, ",iface=");
	if (!value)
		return false;
	value += strlen(",iface=");
	size_t len = strcspn(value, ",");
	if (len == 0 || len >= IFNAMSIZ)
		return false;
	memcpy(iface, value, len);
	iface[len] = '\0';
	return true;
}

// With one key that it does not know, net_tap ignores all of them, iface= as well.
static int check_tap_keys(const char *devargs, char *err, size_t err_len)
{
	static const char *const known[] = {"iface=", "mac=", "remote="};
	for (const char *at = strchr(devargs, ','); at; at = strchr(at, ',')) {
		at++;
		bool found = false;
		for (size_t i = 0; i < RTE_DIM(known); i++)
			found |= strncmp(at, known[i], strlen(known[i])) == 0;
		found |= strcspn(at, ",") == strlen("persist") && strncmp(at, "persist", 7) == 0;
		if (found)
			continue;
		snprintf(err, err_len,
			 "net_tap does not know \"%.*s\" in devargs=: it takes iface=, mac=, "
			 "remote= and persist; queues= and mtu= stand outside",
			 (int)RTE_MIN(strcspn(at, ","), 40u), at);
		return -EINVAL;
	}
	return 0;
}

bool ethdev_has_iface(unsigned index)
{
	struct rte_eth_dev_info info;
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS && index != 0; id++) {
		if (taken[id] && rte_eth_dev_info_get(id, &info) == 0 && info.if_index == index)
			return true;
	}
	return false;
}

// A second tap device of the same interface would join it as one more queue, and the kernel would
// spread the host's packets over both ports.
static int check_tap_iface(const char *devargs, char *err, size_t err_len)
{
	char iface[IFNAMSIZ];
	if (!iface_of(devargs, iface) || !ethdev_has_iface(if_nametoindex(iface)))
		return 0;
	snprintf(err, err_len,
		 "interface %s of devargs=%.80s belongs to a port already: give another iface=",
		 iface, devargs);
	return -EEXIST;
}

static int check_tap(const char *devargs, const char *name, char *err, size_t err_len)
{
	if (strncmp(name, "net_tap", 7) != 0)
		return 0;
	int rc = check_tap_keys(devargs, err, err_len);
	return rc < 0 ? rc : check_tap_iface(devargs, err, err_len);
}

static int take(uint16_t id, const char *devargs, char *err, size_t err_len)
{
	if (taken[id]) {
		snprintf(err, err_len, "device of devargs=%.80s belongs to a port already",
			 devargs);
		return -EEXIST;
	}
	taken[id] = true;
	return 0;
}

static int probe(const char *devargs, const char *name, uint16_t *id, char *err, size_t err_len)
{
	if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) { // drivers would say "no memory"
		snprintf(err, err_len, "no room for another device: DPDK has %d; remove a port",
			 RTE_MAX_ETHPORTS);
		return -ENOSPC;
	}
	int rc = rte_dev_probe(devargs);
	if (rc == -EFAULT) { // DPDK's word for it
		snprintf(err, err_len,
			 "no DPDK driver takes device \"%.80s\": use a name like net_tap0, "
			 "virtio_user0 or net_memif0",
			 name);
		return -ENODEV;
	}
	if (rc < 0) {
		// Drivers return -1, which is no errno, for anything.
		const char *why = rc == -1 ? "its driver refused it" : rte_strerror(-rc);
		snprintf(
		    err, err_len,
		    "cannot open device \"%.80s\": %s: check its name and arguments (swd's log "
		    "may say more)",
		    devargs, why);
		return rc;
	}
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	snprintf(err, err_len,
		 "device \"%.80s\" is no network device: use one named net_... or virtio_user...",
		 devargs);
	rte_eal_hotplug_remove("vdev", name);
	return -ENODEV;
}

int ethdev_probe(const char *devargs, uint16_t *id, bool *probed, char *err, size_t err_len)
{
	char name[RTE_DEV_NAME_MAX_LEN];
	size_t len = strcspn(devargs, ",");
	if (len == 0 || len >= sizeof(name)) {
		snprintf(err, err_len, "devargs=%.80s does not start with a device name", devargs);
		return -EINVAL;
	}
	memcpy(name, devargs, len);
	name[len] = '\0';

	int rc = check_blocking(devargs, name, err, err_len);
	if (rc < 0)
		return rc;
	*probed = rte_eth_dev_get_port_by_name(name, id) < 0;
	if (*probed)
		rc = check_tap(devargs, name, err, err_len);
	if (rc == 0 && *probed)
		rc = probe(devargs, name, id, err, err_len);
	if (rc < 0)
		return rc;
	return take(*id, devargs, err, err_len);
}

void ethdev_remove(uint16_t id, bool probed)
{
	struct rte_eth_dev_info info;
	taken[id] = false;
	if (!probed || rte_eth_dev_info_get(id, &info) < 0)
		return;
	rte_eth_dev_close(id);
	rte_dev_remove(info.device);
}
