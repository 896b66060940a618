// Port counters: what all PMDs have counted, those that have ended too. Control thread only.
#include "datapath/pmd_private.h"

static struct port_counters past[PORTS_MAX]; // of PMDs that have ended
static struct port_counters
    base_of[PORTS_MAX]; // what is to be subtracted: of a former port with that number

static void counters_add(struct port_counters *sum, const struct port_counters *c)
{
	const uint64_t *from = (const uint64_t *)c;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*c) / sizeof(*from); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static_assert(sizeof(struct port_counters) % sizeof(uint64_t) == 0, "counters are all u64");

static void counters_sum(uint32_t port_no, struct port_counters *sum)
{
	unsigned cursor = 0;

	*sum = past[port_no];
	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		counters_add(sum, &pmd->ports[port_no]);
}

void pmd_pool_port_counters(uint32_t port_no, struct port_counters *sum)
{
	struct port *port = port_get(port_no);
	const uint64_t *base;
	uint64_t *to = (uint64_t *)sum;

	*sum = (struct port_counters){0};
	if (port_no >= PORTS_MAX)
		return;
	base = (const uint64_t *)&base_of[port_no];
	counters_sum(port_no, sum);
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] -= base[i];
	if (port && port->kind->losses)
		port->kind->losses(port, sum->drops);
}

void pmd_pool_port_counters_reset(uint32_t port_no)
{
	// The counters are the PMDs' own: what they hold now is subtracted from here on.
	if (port_no < PORTS_MAX)
		counters_sum(port_no, &base_of[port_no]);
}

void port_counters_fold(const struct pmd *pmd)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		counters_add(&past[i], &pmd->ports[i]);
}
