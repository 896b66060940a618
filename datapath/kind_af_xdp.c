// Port kind "af-xdp": an interface whose frames an XDP program hands to the switch before the
// host's stack sees them.
#include "ctl/default_route.h"
#include "datapath/ethdev_kind.h"
#include "datapath/host_iface.h"
#include "datapath/kind_iface.h"
#include "datapath/xsk_program.h"
#include "datapath/xsk_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// By the port's number, while its device is there. Control thread.
static struct attached {
	bool opened;
	struct xsk_program program;
	struct xsk_sockets sockets; // of one that is opened
} attached[PORTS_MAX];

#define RELEASE_US 100000  // the control thread stands still, when one is added so soon
static uint64_t closed_us; // when the last one was

static int check_route(const struct port *port, const char *iface, char *err, size_t err_len)
{
	if (port_option_is(&port->config, "force", "on") || !default_route_uses("", iface))
		return 0;
	snprintf(err, err_len,
		 "interface %s carries the host's default route, which an af-xdp port would cut: "
		 "use another, or give force=on",
		 iface);
	return -EBUSY;
}

static int check_queues(const struct port *port, const char *iface, char *err, size_t err_len)
{
	unsigned n = port_option_number(&port->config, "queues");
	unsigned start = port_option_number(&port->config, "start-queue");
	unsigned has = host_iface_queues(iface);
	if (start + n <= has)
		return 0;
	snprintf(err, err_len,
		 "interface %s has %u queue%s: start-queue=%u with queues=%u is too many (see "
		 "`ethtool -l %s`)",
		 iface, has, has == 1 ? "" : "s", start, n, iface);
	return -EINVAL;
}

static enum xsk_mode mode_asked(const struct port *port)
{
	if (port_option_is(&port->config, "xdp", "native"))
		return XSK_NATIVE;
	return port_option_is(&port->config, "xdp", "generic") ? XSK_GENERIC : XSK_AUTO;
}

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// A queue is free a moment after its socket was closed, when a worker of the kernel's has seen to
// it (xp_release_deferred()). The driver is not to try before: each time that it fails it loses
// 2048 buffers.
static void await_release(void)
{
	uint64_t us = now_us() - closed_us;
	if (us < RELEASE_US)
		usleep((useconds_t)(RELEASE_US - us));
}

static int af_xdp_check(const struct port *port, const char *iface, char *err, size_t err_len)
{
	int rc = kind_iface_check(port, iface, err, err_len);
	if (rc == 0)
		rc = kind_iface_check_up(iface, err, err_len);
	if (rc == 0)
		rc = check_route(port, iface, err, err_len);
	return rc < 0 ? rc : check_queues(port, iface, err, err_len);
}

static int af_xdp_prepare(const struct port *port, char *err, size_t err_len)
{
	struct attached *a = &attached[port->no];
	const char *iface = kind_iface(port);
	unsigned end = port_option_number(&port->config, "start-queue") +
		       port_option_number(&port->config, "queues");
	int rc = af_xdp_check(port, iface, err, err_len);
	if (rc == 0)
		rc = xsk_program_attach(iface, end, mode_asked(port), &a->program, err, err_len);
	*a = (struct attached){.program = a->program};
	await_release();
	xsk_sockets_begin();
	return rc;
}

static void af_xdp_devargs(const struct port *port, char *devargs, size_t len)
{
	// A driver that receives into the switch's buffers does not ask a generic program.
	snprintf(
	    devargs, len,
	    "net_af_xdp_swd%u,iface=%s,start_queue=%u,queue_count=%u,busy_budget=%u,force_copy=%d",
	    port->no, kind_iface(port), port_option_number(&port->config, "start-queue"),
	    port_option_number(&port->config, "queues"),
	    port_option_number(&port->config, "busy-budget"),
	    attached[port->no].program.generic || port_option_is(&port->config, "copy", "always"));
}

static int af_xdp_started(struct port *port, uint16_t ethdev, char *err, size_t err_len)
{
	struct attached *a = &attached[port->no];
	(void)ethdev;
	(void)err;
	(void)err_len;
	a->opened = true;
	xsk_sockets_end(&a->sockets);
	xsk_program_settled();
	return 0;
}

static void af_xdp_closed(const struct port *port)
{
	struct attached *a = &attached[port->no];
	if (!a->opened) // it failed half-way
		xsk_sockets_end(&a->sockets);
	xsk_sockets_close(&a->sockets);
	xsk_program_detach(&a->program);
	closed_us = now_us();
	*a = (struct attached){.opened = false};
}

static void af_xdp_status(const struct port *port, struct port_status *status)
{
	const struct attached *a = &attached[port->no];
	char detail[sizeof(status->detail)];
	memcpy(detail, status->detail, sizeof(detail));
	snprintf(status->detail, sizeof(status->detail), "%s XDP: %.140s",
		 a->program.generic ? "generic" : "native", detail);
	if (a->program.native_rc < 0 && !status->reason[0])
		snprintf(status->reason, sizeof(status->reason),
			 "XDP in generic mode, with a copy more: the driver of %s %s",
			 kind_iface(port), xsk_native_refusal(a->program.native_rc));
}

static const struct ethdev_kind af_xdp = {.prepare = af_xdp_prepare,
					  .devargs = af_xdp_devargs,
					  .started = af_xdp_started,
					  .iface = kind_iface,
					  .closed = af_xdp_closed,
					  .status = af_xdp_status};
const struct port_kind port_kind_af_xdp = ETHDEV_PORT_KIND("af-xdp", &af_xdp);
