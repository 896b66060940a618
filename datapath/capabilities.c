#include "datapath/capabilities.h"

#include "ctl/log.h"
#include "ctl/privileges.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// docs/man/swd.8 has this table in words.
static const struct {
	unsigned cap;
	const char *name;
	const char *kinds; // of ports that do not open without it
} kept[] = {
    // Makes taps, sets MTU, promiscuous mode and XDP programs of the host's interfaces.
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", " tap af-packet af-xdp bond "},
    // Raw sockets.
    {CAP_NET_RAW, "CAP_NET_RAW", " af-packet af-xdp bond pcap pf-ring "},
    // Packet memory that a card or the kernel writes to stays where it is, whatever RLIMIT_MEMLOCK.
    {CAP_IPC_LOCK, "CAP_IPC_LOCK", " nic "},
    // Sockets of guests and other peers, and files below /dev/vfio, that belong to others.
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE", " "},
    // Gives sockets to the owner= and group= of ports, and to --group.
    {CAP_CHOWN, "CAP_CHOWN", " "},
    // Replaces a stale socket of another user in a folder like /tmp.
    {CAP_FOWNER, "CAP_FOWNER", " "},
    // The AF_XDP driver's library finds its program by number; a card without an IOMMU is told
    // physical addresses.
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", " af-xdp "},
    // Such a card's registers.
    {CAP_SYS_RAWIO, "CAP_SYS_RAWIO", " "},
};
#define N_KEPT (sizeof(kept) / sizeof(kept[0]))

int capabilities_keep(char *err, size_t err_len)
{
	uint64_t caps = 0;
	for (size_t i = 0; i < N_KEPT; i++)
		caps |= CAP_BIT(kept[i].cap);
	return privileges_keep(caps, err, err_len);
}

void capabilities_drop(void)
{
	char err[128];
	if (privileges_keep(0, err, sizeof(err)) < 0)
		log_warn("a packet thread goes on with swd's capabilities: %s", err);
}

static bool needed_by(size_t i, const char *kind)
{
	char word[40];
	snprintf(word, sizeof(word), " %s ", kind);
	return strstr(kept[i].kinds, word) != NULL;
}

void capabilities_explain(const char *kind, char *err, size_t err_len)
{
	uint64_t has = privileges_effective();
	char list[N_KEPT * 24] = "";
	size_t len = 0, end = strlen(err);
	for (size_t i = 0; i < N_KEPT; i++) {
		if (needed_by(i, kind) && !(has & CAP_BIT(kept[i].cap)))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						len ? " " : "", kept[i].name);
	}
	if (len)
		snprintf(err + end, err_len - end,
			 "; %s ports need %s, which swd does not have: add that to its unit", kind,
			 list);
}
