// Checks "guest-memory" and "features", of guests that run.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

#include <inttypes.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_PAGE 4096
#define NAMED_MAX  4 // ports in a finding

#define SHARE                                                                                  \
	"-object memory-backend-memfd,id=mem,size=SIZE,share=on -machine memory-backend=mem; " \
	"in libvirt's XML: <memoryBacking><source type='memfd'/><access mode='shared'/>"       \
	"</memoryBacking>"

// What swd offers, and what it costs a guest to do without.
static const struct {
	unsigned bit;
	enum doctor_level level;
	const char *name, *cost, *mend;
} wanted[] = {
    {VIRTIO_NET_F_MRG_RXBUF, DOCTOR_WARNING, "mergeable buffers",
     "frames longer than one of its buffers are dropped",
     "QEMU's -device virtio-net-pci,mrg_rxbuf=on, and a driver that takes it"},
    {VIRTIO_NET_F_CSUM, DOCTOR_HINT, "tx checksums", "each checksum is reckoned in the guest",
     "QEMU's csum=on; in the guest: ethtool -K IFACE tx on"},
    {VIRTIO_NET_F_GUEST_CSUM, DOCTOR_HINT, "rx checksums",
     "the switch completes what another guest has left out", "QEMU's guest_csum=on"},
    {VIRTIO_NET_F_HOST_TSO4, DOCTOR_HINT, "tx segmentation", "TCP goes out in small frames",
     "QEMU's host_tso4=on,host_tso6=on; in the guest: ethtool -K IFACE tso on"},
    {VIRTIO_NET_F_GUEST_TSO4, DOCTOR_HINT, "rx segmentation",
     "the switch cuts other guests' TCP into small frames", "QEMU's guest_tso4=on,guest_tso6=on"},
    {VIRTIO_RING_F_EVENT_IDX, DOCTOR_HINT, "event index", "more interrupts than needed",
     "QEMU's event_idx=on"},
    {VIRTIO_RING_F_INDIRECT_DESC, DOCTOR_HINT, "indirect descriptors",
     "long packets fill a ring sooner", "QEMU's indirect_desc=on"},
};

static const json_t *guests_of(const struct doctor *d)
{
	return doctor_list(d->now[FACT_GUESTS], "guests");
}

static bool runs(const json_t *guest)
{
	return strcmp(field_text(guest, "stage"), "running") == 0;
}

static unsigned count_running(const struct doctor *d)
{
	unsigned n = 0;
	size_t i;
	const json_t *guest;
	json_array_foreach (guests_of(d), i, guest) {
		n += runs(guest);
	}
	return n;
}

// Ports of which the same is told.
struct names {
	unsigned n;
	char text[200];
};

static void names_add(struct names *names, const char *name)
{
	size_t used = strlen(names->text);
	if (names->n++ < NAMED_MAX)
		snprintf(names->text + used, sizeof(names->text) - used, "%s%s", used ? ", " : "",
			 name);
	else if (names->n == NAMED_MAX + 1)
		snprintf(names->text + used, sizeof(names->text) - used, " and others");
}

// Nothing was ever written to its queues, as far as swd sees.
static bool is_blank(const json_t *guest)
{
	const json_t *queue, *queues = json_object_get(guest, "queues");
	size_t i;
	json_array_foreach (queues, i, queue) {
		if (!json_is_true(json_object_get(queue, "blank")))
			return false;
	}
	return runs(guest) && json_array_size(queues) > 0;
}

// A driver fills its receive queue when its interface comes up. When the guest works in a private
// copy of its memory, what swd sees stays as the file was made. How QEMU has mapped it tells which
// of both it is.
static void find_blank(struct doctor *d, const json_t *guest)
{
	const char *name = field_text(guest, "port");
	const json_t *port = doctor_member(doctor_list(d->now[FACT_PORTS], "ports"), "name", name);
	const char *path = field_text(json_object_get(port, "options"), "path");
	enum proc_memory memory = PROC_MEMORY_UNKNOWN;
	struct proc peer;
	if (*path && proc_find_argument(d->root, path, d->swd.pid, &peer))
		memory = proc_memory_of(d->root, peer.pid,
					(unsigned long long)field_count(guest, "mem_inode"));
	if (memory == PROC_MEMORY_SHARED) {
		doctor_find(d, DOCTOR_WARNING, name,
			    "its driver is there, and its interface was never up");
		doctor_mend(d, "in the guest: ip link set dev IFACE up");
	} else if (memory == PROC_MEMORY_PRIVATE) {
		doctor_find(d, DOCTOR_PROBLEM, name,
			    "nothing that the guest writes arrives: %s (pid %d) does not share its "
			    "memory",
			    peer.name, (int)peer.pid);
		doctor_mend(d, "start QEMU with " SHARE);
	} else {
		doctor_find(d, DOCTOR_WARNING, name,
			    "nothing that its driver writes arrives: its interface was never up, "
			    "or QEMU does not share the guest's memory");
		doctor_mend(d, "in the guest: ip link set dev IFACE up; or QEMU with " SHARE);
	}
}

void doctor_check_memory(struct doctor *d)
{
	const json_t *guest, *before = doctor_list(d->before[FACT_GUESTS], "guests");
	struct names small = {0};
	size_t i;
	if (!guests_of(d)) {
		doctor_find(d, DOCTOR_SKIPPED, "", "%s", d->refusals[FACT_GUESTS]);
		return;
	}
	json_array_foreach (guests_of(d), i, guest) {
		const char *port = field_text(guest, "port");
		long long page = field_count(guest, "page_bytes");
		if (is_blank(guest) && is_blank(doctor_member(before, "port", port)))
			find_blank(d, guest);
		if (page > 0 && page <= SMALL_PAGE)
			names_add(&small, port);
	}
	if (small.n > 0) {
		doctor_find(d, DOCTOR_HINT, "pages", "%s: of %d bytes", small.text, SMALL_PAGE);
		doctor_mend(d, "hugepages make each access cheaper: QEMU's -object "
			       "memory-backend-memfd,hugetlb=on,hugetlbsize=2M,share=on,...");
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "shared by all guests that run: %u",
			    count_running(d));
}

static uint64_t bits_of(const json_t *guest, const char *key)
{
	return strtoull(field_text(guest, key), NULL, 16);
}

static void check_feature(struct doctor *d, size_t row)
{
	const json_t *guest;
	struct names names = {0};
	size_t i;
	json_array_foreach (guests_of(d), i, guest) {
		uint64_t missing = bits_of(guest, "offered") & ~bits_of(guest, "features");
		if (runs(guest) && missing >> wanted[row].bit & 1)
			names_add(&names, field_text(guest, "port"));
	}
	if (names.n == 0)
		return;
	doctor_find(d, wanted[row].level, wanted[row].name, "%s without: %s", names.text,
		    wanted[row].cost);
	doctor_mend(d, "%s", wanted[row].mend);
}

static void check_pairs(struct doctor *d, const json_t *port)
{
	const char *queues = field_text(json_object_get(port, "options"), "queues");
	const char *name = field_text(port, "name");
	long offered = *queues ? strtol(queues, NULL, 10) : 1;
	long long rx = field_count(port, "rx_queues"), tx = field_count(port, "tx_queues");
	long long used = rx < tx ? rx : tx;
	if (strcmp(field_text(port, "link"), "up") != 0 || used >= offered)
		return;
	doctor_find(d, DOCTOR_WARNING, name,
		    "its guest uses %lld of %ld pairs of queues: one thread each does all the work",
		    used, offered);
	doctor_mend(d,
		    "in the guest: ethtool -L IFACE combined %ld; QEMU's -netdev "
		    "vhost-user,queues=%ld and -device virtio-net-pci,mq=on,vectors=%ld",
		    offered, offered, 2 * offered + 2);
}

void doctor_check_features(struct doctor *d)
{
	const json_t *guest, *ports = doctor_list(d->now[FACT_PORTS], "ports");
	size_t i;
	if (!guests_of(d)) {
		doctor_find(d, DOCTOR_SKIPPED, "", "%s", d->refusals[FACT_GUESTS]);
		return;
	}
	for (size_t row = 0; row < sizeof(wanted) / sizeof(wanted[0]); row++)
		check_feature(d, row);
	json_array_foreach (guests_of(d), i, guest) {
		const json_t *port = doctor_member(ports, "name", field_text(guest, "port"));
		if (runs(guest) && port)
			check_pairs(d, port);
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "all guests that run take what is wanted: %u",
			    count_running(d));
}
