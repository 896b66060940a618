// Checks "guest-memory" and "features", of guests that run.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

#include <inttypes.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_PAGE 4096

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
     "frames that are longer than one of its buffers are dropped",
     "QEMU's -device virtio-net-pci,mrg_rxbuf=on, and a driver that takes it"},
    {VIRTIO_NET_F_CSUM, DOCTOR_HINT, "checksum offload (sending)",
     "the guest reckons each checksum itself",
     "QEMU's csum=on; in the guest: ethtool -K IFACE tx on"},
    {VIRTIO_NET_F_GUEST_CSUM, DOCTOR_HINT, "checksum offload (receiving)",
     "the switch completes checksums that another guest has left out", "QEMU's guest_csum=on"},
    {VIRTIO_NET_F_HOST_TSO4, DOCTOR_HINT, "segmentation offload (sending)",
     "TCP goes out in small frames",
     "QEMU's host_tso4=on,host_tso6=on; in the guest: ethtool -K IFACE tso on"},
    {VIRTIO_NET_F_GUEST_TSO4, DOCTOR_HINT, "segmentation offload (receiving)",
     "the switch cuts other guests' TCP into small frames for it",
     "QEMU's guest_tso4=on,guest_tso6=on"},
    {VIRTIO_RING_F_EVENT_IDX, DOCTOR_HINT, "event index",
     "it is interrupted more often than it needs", "QEMU's event_idx=on"},
    {VIRTIO_RING_F_INDIRECT_DESC, DOCTOR_HINT, "indirect descriptors",
     "long packets fill its ring sooner", "QEMU's indirect_desc=on"},
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
	json_array_foreach (guests_of(d), i, guest)
		n += runs(guest);
	return n;
}

// A driver fills its receive queue before anything else, and so at both looks. When the guest works
// in a private copy of its memory, what swd sees stays as the file was made: all zeros.
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

static void check_memory_of(struct doctor *d, const json_t *guest, const json_t *before)
{
	const char *port = field_text(guest, "port");
	long long page = field_count(guest, "page_bytes");
	if (is_blank(guest) && is_blank(before)) {
		doctor_find(d, DOCTOR_PROBLEM, port,
			    "its driver runs, and nothing that it writes arrives: QEMU's memory "
			    "is not shared");
		doctor_mend(d, "start QEMU with " SHARE);
	} else if (page > 0 && page <= SMALL_PAGE) {
		doctor_find(d, DOCTOR_HINT, port, "its memory is of pages of %lld bytes", page);
		doctor_mend(d, "hugepages make each access cheaper: QEMU's -object "
			       "memory-backend-memfd,hugetlb=on,hugetlbsize=2M,share=on,...");
	}
}

void doctor_check_memory(struct doctor *d)
{
	const json_t *guest, *before = doctor_list(d->before[FACT_GUESTS], "guests");
	size_t i;
	if (!guests_of(d)) {
		doctor_find(d, DOCTOR_SKIPPED, "", "%s", d->refusals[FACT_GUESTS]);
		return;
	}
	json_array_foreach (guests_of(d), i, guest) {
		if (runs(guest))
			check_memory_of(d, guest,
					doctor_member(before, "port", field_text(guest, "port")));
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "%u guests share theirs", count_running(d));
}

static uint64_t bits_of(const json_t *guest, const char *key)
{
	return strtoull(field_text(guest, key), NULL, 16);
}

// One finding for all that is missing, with the mend of the worst.
static void check_features_of(struct doctor *d, const json_t *guest)
{
	uint64_t missing = bits_of(guest, "offered") & ~bits_of(guest, "features");
	const char *between = "", *mend = NULL;
	enum doctor_level level = DOCTOR_OK;
	char text[700];
	size_t used = 0;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!(missing >> wanted[i].bit & 1) || used >= sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s (%s)", between,
					 wanted[i].name, wanted[i].cost);
		between = ", ";
		level = level > wanted[i].level ? level : wanted[i].level;
		mend = mend ? mend : wanted[i].mend;
	}
	if (!mend)
		return;
	doctor_find(d, level, field_text(guest, "port"), "its driver does without %s", text);
	doctor_mend(d, "%s", mend);
}

static void check_pairs(struct doctor *d, const json_t *port)
{
	const json_t *option = json_object_get(json_object_get(port, "options"), "queues");
	const char *name = field_text(port, "name");
	long offered = option ? strtol(json_string_value(option), NULL, 10) : 1;
	long long rx = field_count(port, "rx_queues"), tx = field_count(port, "tx_queues");
	long long used = rx < tx ? rx : tx;
	if (strcmp(field_text(port, "link"), "up") != 0 || used >= offered)
		return;
	doctor_find(d, DOCTOR_WARNING, name, "its guest uses %lld of %ld pairs of queues", used,
		    offered);
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
	json_array_foreach (guests_of(d), i, guest) {
		const json_t *port = doctor_member(ports, "name", field_text(guest, "port"));
		if (!runs(guest) || !port)
			continue;
		check_features_of(d, guest);
		check_pairs(d, port);
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "%u guests take all that is wanted",
			    count_running(d));
}
