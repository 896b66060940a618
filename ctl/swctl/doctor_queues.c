// Checks "queues" and "drops": what stands still, and what is lost while we look.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

#include <stdlib.h>
#include <string.h>

static const json_t *guest_at(json_t *const facts[FACTS], const char *port)
{
	return doctor_member(doctor_list(facts[FACT_GUESTS], "guests"), "port", port);
}

static const json_t *queue_of(const json_t *guest, long long index)
{
	size_t i;
	const json_t *queue;
	json_array_foreach (json_object_get(guest, "queues"), i, queue) {
		if (field_count(queue, "index") == index)
			return queue;
	}
	return NULL;
}

// A queue that the guest sends through: packets wait at both looks, and none was taken.
static bool stands_still(const json_t *queue, const json_t *before)
{
	return queue && before && field_count(queue, "index") % 2 == 1 &&
	       field_count(queue, "ready") > 0 && field_count(before, "ready") > 0 &&
	       field_count(queue, "position") == field_count(before, "position");
}

static void check_stuck(struct doctor *d, const json_t *guest)
{
	const char *port = field_text(guest, "port");
	const json_t *queue, *before = guest_at(d->before, port);
	size_t i;
	json_array_foreach (json_object_get(guest, "queues"), i, queue) {
		long long index = field_count(queue, "index");
		if (!stands_still(queue, queue_of(before, index)))
			continue;
		doctor_find(d, DOCTOR_PROBLEM, port,
			    "packets wait in queue %lld of its guest, and swd has taken none for "
			    "%.1f s",
			    index, d->seconds);
		doctor_mend(d, "swctl pmd show tells which core should: has it been taken away? If "
			       "not, restart swd, and report it with its log");
	}
}

static void check_stopped(struct doctor *d, const json_t *port)
{
	const char *reason = field_text(port, "reason"), *detail = field_text(port, "detail");
	const char *in_detail = strstr(detail, "; queue ");
	const char *text = strstr(reason, "of the guest stopped") ? reason
			   : in_detail				  ? in_detail + strlen("; ")
								  : NULL;
	if (!text)
		return;
	doctor_find(d, DOCTOR_PROBLEM, field_text(port, "name"), "%s", text);
	doctor_mend(d, "the guest's driver broke its ring: take it off the device and give it "
		       "back, or reboot the guest; update it when it happens again");
}

static bool is_polled(const struct doctor *d, const char *port, long long queue)
{
	const json_t *pmd, *rxq;
	size_t i, j;
	json_array_foreach (doctor_list(d->now[FACT_PMDS], "pmds"), i, pmd) {
		json_array_foreach (json_object_get(pmd, "rxqs"), j, rxq) {
			if (field_count(rxq, "queue") == queue &&
			    strcmp(field_text(rxq, "port"), port) == 0)
				return true;
		}
	}
	return false;
}

static void check_polled(struct doctor *d, const json_t *port)
{
	const char *name = field_text(port, "name");
	for (long long q = 0; q < field_count(port, "rx_queues"); q++) {
		if (is_polled(d, name, q))
			continue;
		doctor_find(d, DOCTOR_PROBLEM, name, "no packet thread polls its queue %lld", q);
		doctor_mend(d,
			    "leave a core that is not isolated: swctl pmd set --isolated LIST; "
			    "or pin the queue: swctl pmd set --port %s --queue %lld --core N",
			    name, q);
		return;
	}
}

void doctor_check_queues(struct doctor *d)
{
	const json_t *port, *ports = doctor_list(d->now[FACT_PORTS], "ports");
	size_t i;
	json_array_foreach (ports, i, port) {
		const json_t *guest = guest_at(d->now, field_text(port, "name"));
		check_stopped(d, port);
		if (strcmp(field_text(port, "link"), "up") != 0)
			continue;
		check_polled(d, port);
		if (guest)
			check_stuck(d, guest);
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "none stands still");
}

// What a reason that goes on asks for. Those that are not here are what rules say.
static const struct {
	const char *reason;
	enum doctor_level level;
	const char *mend;
} reasons[] = {
    {"upcall-ring-full", DOCTOR_WARNING,
     "more new flows than swctld takes: `swctl dp dump-flows` shows them; wider rules need fewer"},
    {"no-controller", DOCTOR_PROBLEM, "start swctld, which tells swd what new flows do"},
    {"upcall-too-big", DOCTOR_WARNING,
     "turn segmentation off at the sender: ethtool -K IFACE tso off"},
    {"malformed", DOCTOR_WARNING,
     "look at the sender's driver, or who writes such frames: swctl dp trace PORT"},
    {"no-such-port", DOCTOR_WARNING, "swctl dump-flows tells which rule names a port that is gone"},
    {"port-down", DOCTOR_WARNING, "check \"links\" tells why; until then a rule may drop it"},
    {"tx-full", DOCTOR_WARNING,
     "its reader is too slow: more queues and processors for the guest, or larger rings (QEMU's "
     "rx_queue_size=1024)"},
    {"mtu", DOCTOR_PROBLEM,
     "senders use longer frames than this port takes: the same MTU at all ends (ip link set dev "
     "IFACE mtu N in guests; port option mtu=), or mergeable buffers in the receiving guest"},
    {"device-missed", DOCTOR_WARNING,
     "packets come faster than they are polled: swctl pmd show; more queues or cores"},
    {"device-rx-error", DOCTOR_WARNING, "look at the cable and at the other end"},
    {"device-tx-error", DOCTOR_WARNING, "look at the device: ip -s link"},
    {"cut-off", DOCTOR_PROBLEM, "at the sender's interface: ethtool -K IFACE tso off gso off"},
    {"no-memory", DOCTOR_PROBLEM, "start swd with a larger --mem"},
    {"action-invalid", DOCTOR_WARNING, "swctl dp trace PORT shows the packet and its actions"},
    {"recirculation-limit", DOCTOR_WARNING, "a rule sends packets round: swctl trace"},
    {"ttl-exceeded", DOCTOR_WARNING, "packets go round in the network: look for a routing loop"},
};

static long long packets_before(const struct doctor *d, const char *port, const char *reason)
{
	const json_t *drop;
	size_t i;
	json_array_foreach (doctor_list(d->before[FACT_DROPS], "drops"), i, drop) {
		if (strcmp(field_text(drop, "port"), port) == 0 &&
		    strcmp(field_text(drop, "reason"), reason) == 0)
			return field_count(drop, "packets");
	}
	return 0;
}

// Whether the guest gives no buffers at all: then it does not just lag behind.
static bool takes_nothing(const struct doctor *d, const char *port)
{
	const json_t *now = guest_at(d->now, port), *before = guest_at(d->before, port), *queue;
	size_t i;
	json_array_foreach (json_object_get(now, "queues"), i, queue) {
		const json_t *then = queue_of(before, field_count(queue, "index"));
		if (field_count(queue, "index") % 2 == 0 &&
		    (field_count(queue, "ready") > 0 || !then ||
		     field_count(queue, "position") != field_count(then, "position")))
			return false;
	}
	return now && before;
}

static void check_drop(struct doctor *d, const json_t *drop)
{
	const char *port = field_text(drop, "port"), *reason = field_text(drop, "reason");
	long long lost = field_count(drop, "packets") - packets_before(d, port, reason);
	if (lost <= 0)
		return;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (strcmp(reasons[i].reason, reason) != 0)
			continue;
		if (strcmp(reason, "tx-full") == 0 && takes_nothing(d, port)) {
			doctor_find(d, DOCTOR_PROBLEM, port,
				    "its guest takes no packets at all: %lld lost in %.1f s", lost,
				    d->seconds);
			doctor_mend(d, "in the guest: is it alive, is the interface up (ip link "
				       "set dev IFACE up), does its DPDK program poll?");
			return;
		}
		doctor_find(d, reasons[i].level, port, "%s: %lld packets in %.1f s (%s)", reason,
			    lost, d->seconds, field_text(drop, "text"));
		doctor_mend(d, "%s", reasons[i].mend);
		return;
	}
}

void doctor_check_drops(struct doctor *d)
{
	const json_t *drop;
	size_t i;
	json_array_foreach (doctor_list(d->now[FACT_DROPS], "drops"), i, drop) {
		check_drop(d, drop);
	}
	if (!doctor_found(d))
		doctor_find(d, DOCTOR_OK, "", "nothing was lost in %.1f s but what rules say",
			    d->seconds);
}
