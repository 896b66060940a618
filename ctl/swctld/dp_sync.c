#include "ctl/swctld/dp_sync.h"

#include "ctl/log.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/pmd_settings.h"
#include "ctl/swctld/revalidate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_RETRY_MS  5000
#define PORT_ABSENT_MS 1000

struct port_sync {
	struct swctld *d;
	unsigned n_strangers;
	uint32_t strangers[DB_PORT_NO_MAX + 1];
};

static void take_vport(const struct dp_vport *vport, void *arg)
{
	struct port_sync *sync = arg;
	struct port *port = ports_by_no(sync->d->ports, vport->no);
	if (!port || !dp_vport_same(vport, port)) {
		if (sync->n_strangers <= DB_PORT_NO_MAX)
			sync->strangers[sync->n_strangers++] = vport->no;
		return;
	}
	port->installed = true;
	port->state = vport->state;
}

// Whether swd said no; otherwise there is no use in asking on, and each question may cost seconds.
static bool is_refusal(int err)
{
	return err != -ETIMEDOUT && err != -ECONNRESET && err != -EPROTO;
}

// When to offer a port again. One whose interface is absent or down may come at any moment, and swd
// says so before it has asked a driver, which costs more and is logged.
static unsigned retry_ms(int err)
{
	return err == -ENODEV || err == -ENETDOWN ? PORT_ABSENT_MS : PORT_RETRY_MS;
}

// 0, or -errno when the connection is of no use any more.
static int install(struct dp_client *calls, struct port *port, uint64_t now_ms, char *text)
{
	if (port->retry_at_ms > now_ms)
		return 0;
	int err = dp_call_port_add(calls, port, text);
	if (!err) {
		port->installed = true;
		port->retry_at_ms = 0;
		snprintf(port->state.reason, sizeof(port->state.reason), "just added");
		log_info("port %s (%u) added to swd", port->name, port->no);
		return 0;
	}
	if (!is_refusal(err))
		return err;
	// Once is enough for the log; list-ports tells it at any time.
	if (port->retry_at_ms == 0)
		log_warn("port %s: swd refused it: %s; trying again every %u s", port->name, text,
			 retry_ms(err) / 1000);
	port->retry_at_ms = now_ms + retry_ms(err);
	snprintf(port->state.reason, sizeof(port->state.reason), "refused by swd: %.130s", text);
	port->state.up = false;
	return 0;
}

static int remove_strangers(const struct port_sync *sync, struct dp_client *calls, char *text)
{
	for (unsigned i = 0; i < sync->n_strangers; i++) {
		uint32_t no = sync->strangers[i];
		log_info("port number %u in swd is not as configured: removing it", no);
		int err = dp_call_port_del(calls, no, text);
		if (err && !is_refusal(err))
			return err;
		if (err)
			log_warn("port number %u: cannot remove it: %s", no, text);
	}
	return 0;
}

static void take_links(struct swctld *d)
{
	bool changed = false;
	struct port *port;
	for (port = ports_next(d->ports, 0); port; port = ports_next(d->ports, port->no))
		changed |= ports_set_up(d->ports, port, port->installed && port->state.up);
	if (changed)
		revalidate_links_changed(d->revalidator);
}

// Adopts what swd has, removes what is not ours.
static int read_ports(struct swctld *d, struct dp_client *calls, char *text)
{
	struct port_sync sync = {.d = d};
	struct port *port;
	for (port = ports_next(d->ports, 0); port; port = ports_next(d->ports, port->no))
		port->installed = false;
	int err = dp_call_ports(calls, take_vport, &sync, text);
	return err ? err : remove_strangers(&sync, calls, text);
}

static int add_ports(struct swctld *d, struct dp_client *calls, char *text)
{
	int err = 0;
	uint64_t now_ms = clock_now_ms();
	struct port *port = ports_next(d->ports, 0);
	for (; !err && port; port = ports_next(d->ports, port->no)) {
		if (!port->installed)
			err = install(calls, port, now_ms, text);
	}
	return err;
}

int dp_sync_ports(struct swctld *d, struct dp_client *calls, char *text)
{
	if (datapath_holds_ports(d->datapath))
		return 0;
	int err = read_ports(d, calls, text);
	if (!err)
		err = add_ports(d, calls, text);
	take_links(d);
	return err;
}

static bool has_none(const struct ports *ports)
{
	const struct port *port = ports_next(ports, 0);
	while (port && !port->installed)
		port = ports_next(ports, port->no);
	return !port;
}

// Links stay as they were, since translation asks for them.
static void hold_ports(struct swctld *d)
{
	struct port *port;
	for (port = ports_next(d->ports, 0); port; port = ports_next(d->ports, port->no))
		snprintf(port->state.reason, sizeof(port->state.reason),
			 "swd gets its megaflows first");
	datapath_hold_ports(d->datapath);
}

// What swd lacks is to be sent; a swd that started anew gets its ports when it has that.
static int sync_flows(struct swctld *d, struct dp_client *calls, char *text)
{
	flow_stats_round_begin(d);
	int err = flow_stats_read(d, calls, text);
	if (err)
		return err;
	megaflows_resumed(d->megaflows);
	unsigned n_absent = flow_stats_mark_absent(d);
	if (n_absent > 0 && has_none(d->ports))
		hold_ports(d);
	return 0;
}

int dp_sync(struct swctld *d, struct dp_client *calls, char *text)
{
	struct port *port;
	for (port = ports_next(d->ports, 0); port; port = ports_next(d->ports, port->no))
		port->retry_at_ms = 0; // another swd may take it
	int err = pmd_settings_sync(d, calls, text);
	if (!err)
		err = read_ports(d, calls, text);
	if (!err)
		err = dp_sync_meters(d, calls, text); // megaflows name them
	if (!err)
		err = sync_flows(d, calls, text);
	if (!err)
		err = dp_sync_ports(d, calls, text);
	if (!err)
		revalidate_learn_again(d->revalidator);
	return err;
}
