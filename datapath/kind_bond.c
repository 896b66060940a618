// Port kind "bond": several interfaces of the host as one link. net_bonding does the work; each
// member is a packet ring of the kernel (net_af_packet), whose link the driver takes for always up,
// so we look at the interface's and take members out and put them back.
#include "datapath/kind_bond.h"
#include "datapath/ethdev_kind.h"
#include "datapath/ethdev_probe.h"
#include "datapath/host_iface.h"
#include "datapath/kind_iface.h"
#include "datapath/pmd.h"

#include <rte_dev.h>
#include <rte_eth_bond.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN (RTE_ETH_NAME_MAX_LEN / 2)

static void member_name(const struct port *port, unsigned i, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "net_af_packet_swd%u_%u", port->no, i);
}

unsigned bond_members(const struct port *port, char (*ifaces)[IFNAMSIZ])
{
	unsigned n = 0;
	for (const char *at = port_option(&port->config, "members"); at && n <= BOND_MEMBERS_MAX;) {
		size_t len = strcspn(at, ",");
		if (len == 0 || len >= IFNAMSIZ || strcspn(at, "/: \t=") < len)
			return 0;
		if (n < BOND_MEMBERS_MAX) {
			memcpy(ifaces[n], at, len);
			ifaces[n][len] = '\0';
		}
		n++;
		at = at[len] ? at + len + 1 : NULL;
	}
	return n;
}

static int check_member(const struct port *port, char (*ifaces)[IFNAMSIZ], unsigned i, char *err,
			size_t err_len)
{
	for (unsigned k = 0; k < i; k++) {
		if (strcmp(ifaces[k], ifaces[i]) != 0)
			continue;
		snprintf(err, err_len, "members= names %s twice", ifaces[i]);
		return -EINVAL;
	}
	int rc = kind_iface_check(port, ifaces[i], err, err_len);
	// Down for want of a carrier is what a bond is for; down by its operator cannot be opened.
	return rc < 0 ? rc : kind_iface_check_up(ifaces[i], err, err_len);
}

static void members_remove(const struct port *port)
{
	char name[NAME_MAX_LEN];
	uint16_t id;
	for (unsigned i = 0; i < BOND_MEMBERS_MAX; i++) {
		member_name(port, i, name);
		if (rte_eth_dev_get_port_by_name(name, &id) == 0)
			ethdev_remove(id, true);
	}
}

static int member_probe(const struct port *port, const char *iface, unsigned i, char *err,
			size_t err_len)
{
	char devargs[ETHDEV_DEVARGS_MAX], name[NAME_MAX_LEN];
	uint16_t id;
	bool probed;
	member_name(port, i, name);
	snprintf(devargs, sizeof(devargs), "%s,iface=%s,qpairs=1,qdisc_bypass=1", name, iface);
	return ethdev_probe(devargs, &id, &probed, err, err_len);
}

// 0 to 6, as net_bonding takes them.
static unsigned mode_number(const struct port *port)
{
	static const struct {
		const char *word;
		unsigned number;
	} modes[] = {{"active-backup", BONDING_MODE_ACTIVE_BACKUP},
		     {"balance", BONDING_MODE_BALANCE},
		     {"802.3ad", BONDING_MODE_8023AD}};
	unsigned i = 0;
	while (i + 1 < RTE_DIM(modes) && !port_option_is(&port->config, "mode", modes[i].word))
		i++;
	return modes[i].number;
}

static int members_read(const struct port *port, char (*ifaces)[IFNAMSIZ], char *err,
			size_t err_len)
{
	unsigned n = bond_members(port, ifaces);
	if (n >= 1 && n <= BOND_MEMBERS_MAX)
		return (int)n;
	snprintf(err, err_len, "members=%.80s does not do: give 1 to %d interfaces, as eth1,eth2",
		 port_option(&port->config, "members"), BOND_MEMBERS_MAX);
	return -EINVAL;
}

// The members are devices of their own, which the bond's driver wants to find.
static int bond_prepare(const struct port *port, char *err, size_t err_len)
{
	char ifaces[BOND_MEMBERS_MAX][IFNAMSIZ];
	int n = members_read(port, ifaces, err, err_len), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = check_member(port, ifaces, (unsigned)i, err, err_len);
	if (rc < 0)
		return rc;
	for (int i = 0; i < n && rc == 0; i++)
		rc = member_probe(port, ifaces[i], (unsigned)i, err, err_len);
	if (rc < 0)
		members_remove(port);
	return rc;
}

static const char *hash_word(const struct port *port)
{
	static const char *const hashes[][2] = {{"l2", "l2"}, {"l2+l3", "l23"}, {"l3+l4", "l34"}};
	for (unsigned i = 0; i < RTE_DIM(hashes); i++) {
		if (port_option_is(&port->config, "hash", hashes[i][0]))
			return hashes[i][1];
	}
	return "l34";
}

static void bond_devargs(const struct port *port, char *devargs, size_t len)
{
	char ifaces[BOND_MEMBERS_MAX][IFNAMSIZ], name[NAME_MAX_LEN];
	const char *mac = port_option(&port->config, "mac");
	unsigned n = bond_members(port, ifaces);
	size_t used = (size_t)snprintf(devargs, len, "net_bonding_swd%u,mode=%u,xmit_policy=%s%s%s",
				       port->no, mode_number(port), hash_word(port),
				       mac ? ",mac=" : "", mac ? mac : "");
	for (unsigned i = 0; i < n; i++) {
		member_name(port, i, name);
		used += (size_t)snprintf(devargs + used, len - used, ",slave=%s", name);
	}
}

static bool is_member(uint16_t bond, uint16_t id)
{
	uint16_t ids[RTE_MAX_ETHPORTS];
	int n = rte_eth_bond_slaves_get(bond, ids, RTE_DIM(ids));
	for (int i = 0; i < n; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

static int n_members(uint16_t bond)
{
	uint16_t ids[RTE_MAX_ETHPORTS];
	return rte_eth_bond_slaves_get(bond, ids, RTE_DIM(ids));
}

static void member_take_out(struct port *port, uint16_t bond, uint16_t id, const char *reason)
{
	// The driver polls the last one even when it has gone.
	if (n_members(bond) == 1)
		pmd_pool_del_port(port);
	if (rte_eth_bond_slave_remove(bond, id) < 0)
		return;
	ports_synchronize(); // a PMD may be sending by it
	rte_eth_promiscuous_disable(id);
	rte_eth_dev_stop(id);
	port_log_warn(port, "member taken out: %s", reason);
}

// Its ring may be that of an interface which is no more: it is made anew.
static void member_put_in(struct port *port, uint16_t bond, unsigned i, const char *iface)
{
	char name[NAME_MAX_LEN], err[256];
	uint16_t id;
	bool first = n_members(bond) == 0;
	member_name(port, i, name);
	if (rte_eth_dev_get_port_by_name(name, &id) == 0)
		ethdev_remove(id, true);
	if (member_probe(port, iface, i, err, sizeof(err)) < 0 ||
	    rte_eth_dev_get_port_by_name(name, &id) < 0)
		return; // until the next look
	if (rte_eth_bond_slave_add(bond, id) < 0) {
		ethdev_remove(id, true);
		return;
	}
	if (first && pmd_pool_add_port(port) < 0)
		port_log_warn(port, "no memory for its queues: give swd more with --mem");
	port_log_info(port, "member %s is in", iface);
}

static void bond_look(struct port *port, uint16_t bond)
{
	char ifaces[BOND_MEMBERS_MAX][IFNAMSIZ], name[NAME_MAX_LEN], reason[160];
	unsigned n = bond_members(port, ifaces);
	for (unsigned i = 0; i < n; i++) {
		uint16_t id = RTE_MAX_ETHPORTS;
		member_name(port, i, name);
		bool in = rte_eth_dev_get_port_by_name(name, &id) == 0 && is_member(bond, id);
		bool up = host_iface_link(ifaces[i], reason, sizeof(reason));
		if (in && !up)
			member_take_out(port, bond, id, reason);
		else if (!in && up)
			member_put_in(port, bond, i, ifaces[i]);
	}
}

static void bond_down_reason(const struct port *port, uint16_t bond, char *reason, size_t len)
{
	if (n_members(bond) > 0)
		snprintf(reason, len, "its members are coming up");
	else
		snprintf(reason, len, "no member of %.100s has a carrier",
			 port_option(&port->config, "members"));
}

// Up, but not with all of its members: the first of them that is out.
static void bond_status(const struct port *port, struct port_status *status)
{
	char ifaces[BOND_MEMBERS_MAX][IFNAMSIZ], reason[160];
	unsigned n = bond_members(port, ifaces);
	for (unsigned i = 0; i < n && status->link_up && !status->reason[0]; i++) {
		if (!host_iface_link(ifaces[i], reason, sizeof(reason)))
			snprintf(status->reason, sizeof(status->reason),
				 "without member %.15s: %.100s", ifaces[i], reason);
	}
}

static const struct ethdev_kind bond = {.prepare = bond_prepare,
					.devargs = bond_devargs,
					.look = bond_look,
					.closed = members_remove,
					.down_reason = bond_down_reason,
					.status = bond_status,
					.txq_as_rxq = true,
					.tx_polls = true};

const struct port_kind port_kind_bond = ETHDEV_PORT_KIND("bond", &bond);
