// Port kind "pf-ring": the pcap kind with PF_RING's libpcap, which reads PF_RING's own rings.
// DPDK's driver is bound to a libpcap when swd starts, before there is a port: that of PF_RING,
// when it was preloaded. So this kind checks that it is that one and says what is missing
// otherwise.
#define _GNU_SOURCE // RTLD_DEFAULT
#include "datapath/ethdev_kind.h"
#include "datapath/kind_iface.h"
#include "datapath/kind_pcap.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define MODULE_FOLDER "/proc/net/pf_ring"

// Only PF_RING's libpcap has this function.
static bool library_is_loaded(void)
{
	return dlsym(RTLD_DEFAULT, "pcap_get_pfring_id") != NULL;
}

static int pf_ring_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *library = port_option(&port->config, "library");
	bool module = access(MODULE_FOLDER, F_OK) == 0;
	bool installed = access(library, R_OK) == 0, loaded = library_is_loaded();
	if (module && loaded)
		return pcap_live_prepare(port, err, err_len);
	int n = snprintf(err, err_len, "PF_RING is missing:%s%s",
			 module ? "" : " its kernel module (`modprobe pf_ring`)",
			 module || loaded ? "" : " and");
	if (loaded || n < 0 || (size_t)n >= err_len)
		return -ENODEV;
	snprintf(err + n, err_len - (size_t)n,
		 installed ? " its libpcap in this swd (start that with LD_PRELOAD=%.200s)"
			   : " its libpcap (no %.200s: install it, or say where with library=)",
		 library);
	return -ENODEV;
}

static const struct ethdev_kind pf_ring = {.prepare = pf_ring_prepare,
					   .devargs = pcap_live_devargs,
					   .iface = kind_iface};
const struct port_kind port_kind_pf_ring = ETHDEV_PORT_KIND("pf-ring", &pf_ring);
