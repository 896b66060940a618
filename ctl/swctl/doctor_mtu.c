// Check "mtu": ports that may send to each other take frames of the same length.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"

// NORMAL sends from one to the other: they have a VLAN in common. Two trunks are taken to.
static bool meet(const json_t *a, const json_t *b)
{
	long long tag_a = field_count(a, "tag"), tag_b = field_count(b, "tag");
	return tag_a == 0 || tag_b == 0 || tag_a == tag_b;
}

// The port with the largest MTU among those that `port` may receive from, or NULL.
static const json_t *largest_beside(const json_t *ports, const json_t *port)
{
	const json_t *other, *largest = NULL;
	size_t i;
	json_array_foreach (ports, i, other) {
		if (other != port && field_count(other, "mtu") > 0 && meet(port, other) &&
		    (!largest || field_count(other, "mtu") > field_count(largest, "mtu")))
			largest = other;
	}
	return largest;
}

void doctor_check_mtu(struct doctor *d)
{
	const json_t *port, *ports = doctor_list(d->now[FACT_PORTS], "ports");
	unsigned n_known = 0;
	size_t i;
	json_array_foreach (ports, i, port) {
		long long mtu = field_count(port, "mtu");
		const json_t *other = mtu > 0 ? largest_beside(ports, port) : NULL;
		n_known += mtu > 0;
		if (!other || field_count(other, "mtu") <= mtu)
			continue;
		doctor_find(d, DOCTOR_WARNING, field_text(port, "name"),
			    "its MTU is %lld; %s has %lld, and what comes from there and is longer "
			    "is dropped",
			    mtu, field_text(other, "name"), field_count(other, "mtu"));
		doctor_mend(d,
			    "give both the same: port option mtu=, or ip link set dev IFACE mtu "
			    "%lld; what sends through them, too",
			    mtu);
	}
	if (!doctor_found(d))
		doctor_find(
		    d, DOCTOR_OK, "",
		    "the same where ports meet (%u tell theirs; guests may have up to 9000)",
		    n_known);
}
