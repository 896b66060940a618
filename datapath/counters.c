// Port counters: what all PMDs have counted, those that have ended too. Control thread only.
#include "datapath/pmd_private.h"

static struct port_counters
    past[PORTS_MAX]; // of PMDs that have ended, and the control thread's own
static struct port_counters
    base_of[PORTS_MAX];		  // what is to be subtracted: of former ports with that number
static struct port_counters gone; // the sum of what is to be subtracted
static uint32_t n_numbers = 1;	  // below which all numbers are that were ever counted under

static void counters_add(struct port_counters *sum, const struct port_counters *c)
{
	const uint64_t *from = (const uint64_t *)c;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*c) / sizeof(*from); i++)
		to[i] += tally_read(&from[i]);
}

static_assert(sizeof(struct port_counters) % sizeof(uint64_t) == 0, "counters are all u64");

// Most of the numbers are never used, and a sum over all is asked for often.
void port_counters_use(uint32_t port_no)
{
	n_numbers = RTE_MAX(n_numbers, RTE_MIN(port_no + 1, (uint32_t)PORTS_MAX));
}

static void counters_sum(uint32_t port_no, struct port_counters *sum)
{
	unsigned cursor = 0;

	*sum = past[port_no];
	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		counters_add(sum, &pmd->ports[port_no]);
}

// Since the number's present port was added, or the last one was.
static void counters_since(uint32_t port_no, struct port_counters *sum)
{
	const uint64_t *base = (const uint64_t *)&base_of[port_no];
	uint64_t *to = (uint64_t *)sum;

	counters_sum(port_no, sum);
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] -= base[i];
}

void pmd_pool_port_counters(uint32_t port_no, struct port_counters *sum)
{
	struct port *port = port_get(port_no);

	*sum = (struct port_counters){0};
	if (port_no >= PORTS_MAX)
		return;
	counters_since(port_no, sum);
	if (port && port->kind->losses)
		port->kind->losses(port, sum->drops);
}

void pmd_pool_port_counters_reset(uint32_t port_no)
{
	struct port_counters since;

	if (port_no >= PORTS_MAX)
		return;
	port_counters_use(port_no);
	// The counters are the PMDs' own: what they hold now is subtracted from here on.
	counters_since(port_no, &since);
	counters_add(&gone, &since);
	counters_add(&base_of[port_no], &since);
}

void pmd_pool_gone_counters(struct port_counters *sum)
{
	struct port_counters since;

	*sum = gone;
	for (unsigned i = 0; i < N_DROP_REASONS; i++)
		sum->drops[i] += ports_gone_drops[i];
	// A packet of a port may be counted when the port has gone.
	for (uint32_t no = 0; no < n_numbers; no++) {
		if (port_get(no))
			continue;
		counters_since(no, &since);
		counters_add(sum, &since);
	}
}

void pmd_pool_count_drop(uint32_t port_no, enum drop_reason reason, uint64_t n)
{
	if (n == 0)
		return;
	port_no = port_no < PORTS_MAX ? port_no : 0;
	port_counters_use(port_no);
	past[port_no].drops[reason] += n;
}

void port_counters_fold(const struct pmd *pmd)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		counters_add(&past[i], &pmd->ports[i]);
}
