// The family of our own: the PMDs, how they are to run, and what they have done.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "datapath/pmd_private.h"
#include "datapath/rebalance.h"

#include <errno.h>
#include <string.h>

static const struct {
	uint16_t type; // SWD_PMD_ATTR_*
	size_t offset; // in struct pmd_stats, of a u64
} stat_rows[] = {
    {SWD_PMD_ATTR_ITERATIONS, offsetof(struct pmd_stats, iterations)},
    {SWD_PMD_ATTR_BUSY_ITERATIONS, offsetof(struct pmd_stats, busy_iterations)},
    {SWD_PMD_ATTR_BUSY_CYCLES, offsetof(struct pmd_stats, busy_cycles)},
    {SWD_PMD_ATTR_IDLE_CYCLES, offsetof(struct pmd_stats, idle_cycles)},
    {SWD_PMD_ATTR_RX_PACKETS, offsetof(struct pmd_stats, rx_packets)},
    {SWD_PMD_ATTR_RX_BURSTS, offsetof(struct pmd_stats, rx_bursts)},
    {SWD_PMD_ATTR_RECIRCULATIONS, offsetof(struct pmd_stats, recirculations)},
    {SWD_PMD_ATTR_COPIES, offsetof(struct pmd_stats, copies)},
    {SWD_PMD_ATTR_REPEATS, offsetof(struct pmd_stats, lookup.repeats)},
    {SWD_PMD_ATTR_EMC_HITS, offsetof(struct pmd_stats, lookup.emc_hits)},
    {SWD_PMD_ATTR_SIGNATURE_HITS, offsetof(struct pmd_stats, lookup.signature_hits)},
    {SWD_PMD_ATTR_MEGAFLOW_HITS, offsetof(struct pmd_stats, lookup.megaflow_hits)},
    {SWD_PMD_ATTR_MISSES, offsetof(struct pmd_stats, lookup.misses)},
    {SWD_PMD_ATTR_MASKS_TRIED, offsetof(struct pmd_stats, lookup.masks_tried)},
    {SWD_PMD_ATTR_STAGE_PACKETS, offsetof(struct pmd_stats, stage_packets)},
    {SWD_PMD_ATTR_RX_CYCLES, offsetof(struct pmd_stats, stage_cycles[PMD_STAGE_RX])},
    {SWD_PMD_ATTR_EXTRACT_CYCLES, offsetof(struct pmd_stats, stage_cycles[PMD_STAGE_EXTRACT])},
    {SWD_PMD_ATTR_LOOKUP_CYCLES, offsetof(struct pmd_stats, stage_cycles[PMD_STAGE_LOOKUP])},
    {SWD_PMD_ATTR_ACTIONS_CYCLES, offsetof(struct pmd_stats, stage_cycles[PMD_STAGE_ACTIONS])},
    {SWD_PMD_ATTR_TX_CYCLES, offsetof(struct pmd_stats, stage_cycles[PMD_STAGE_TX])},
    {SWD_PMD_ATTR_SLEEPS, offsetof(struct pmd_stats, sleeps)},
    {SWD_PMD_ATTR_SLEEP_CYCLES, offsetof(struct pmd_stats, sleep_cycles)},
};

static bool put_stats(struct nlmsghdr *nlh, size_t room, const struct pmd_stats *stats)
{
	for (size_t i = 0; i < sizeof(stat_rows) / sizeof(stat_rows[0]); i++) {
		uint64_t value;
		memcpy(&value, (const char *)stats + stat_rows[i].offset, sizeof(value));
		if (!mnl_attr_put_u64_check(nlh, room, stat_rows[i].type, value))
			return false;
	}
	return true;
}

static bool put_pmd(struct nlmsghdr *nlh, size_t room, const struct pmd_info *info)
{
	return put_stats(nlh, room, &info->stats) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_PMD_ATTR_RECENT_BUSY, info->recent_busy) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_PMD_ATTR_RECENT_ALL, info->recent_all) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_PMD_ATTR_INDEX, info->index) &&
	       mnl_attr_put_u8_check(nlh, room, SWD_PMD_ATTR_ISOLATED, info->isolated);
}

static bool put_rxq(struct nlmsghdr *nlh, size_t room, const struct rxq *rxq)
{
	int pin = pmd_settings_pin(pmd_pool_settings(), rxq->port->no, rxq->queue);
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, SWD_PMD_ATTR_RXQ);
	if (nest == NULL ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_RXQ_ATTR_PORT_NO, rxq->port->no) ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_RXQ_ATTR_PORT_NAME, rxq->port->config.name) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_RXQ_ATTR_QUEUE, rxq->queue) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_RXQ_ATTR_WAITING,
				    rte_ring_count(rxq->upcalls)) ||
	    !mnl_attr_put_u64_check(nlh, room, SWD_RXQ_ATTR_BUSY, load_window_sum(&rxq->load)) ||
	    (pin >= 0 && !mnl_attr_put_u32_check(nlh, room, SWD_RXQ_ATTR_PIN, (uint32_t)pin)) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_RXQ_ATTR_NUMA,
				    (uint32_t)__atomic_load_n(&rxq->port->numa_node,
							      __ATOMIC_RELAXED)))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

// Puts the PMD's queues from *at on and moves it past them. Returns whether all found room.
static bool put_rxqs(struct nlmsghdr *nlh, size_t room, unsigned pmd_index, unsigned *at)
{
	const struct rxq *rxq;
	for (; (rxq = pmd_pool_rxq(*at)) != NULL; (*at)++) {
		uint32_t len = nlh->nlmsg_len;
		if (rxq->pmd_index != pmd_index || put_rxq(nlh, room, rxq))
			continue;
		nlh->nlmsg_len = len;
		return false;
	}
	return true;
}

// The queues may be more than a datagram holds; then the PMD goes on in the next. The cursor is the
// PMD's place and, below, that of the first queue to put.
#define CURSOR_RXQ_BITS 16

static_assert(PORTS_MAX * PORT_QUEUES_MAX < 1 << CURSOR_RXQ_BITS, "the cursor holds each queue");

int server_swd_pmd_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	unsigned pmd = *cursor >> CURSOR_RXQ_BITS;
	unsigned first = *cursor & ((1u << CURSOR_RXQ_BITS) - 1), rxq = first;
	struct pmd_info info;
	(void)c;
	if (!pmd_pool_info(pmd, &info))
		return 0;
	if (!mnl_attr_put_u32_check(nlh, room, SWD_PMD_ATTR_CORE, info.core) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_PMD_ATTR_NUMA, (uint32_t)info.numa_node) ||
	    (first == 0 && !put_pmd(nlh, room, &info)))
		return -EMSGSIZE;
	if (put_rxqs(nlh, room, info.index, &rxq))
		*cursor = (pmd + 1) << CURSOR_RXQ_BITS;
	else if (rxq > first)
		*cursor = pmd << CURSOR_RXQ_BITS | rxq;
	else
		return -EMSGSIZE;
	return 1;
}

// Settings.

static const struct {
	uint16_t type; // SWD_PMD_SET_ATTR_*
	const char *name;
	uint32_t max;
	size_t offset; // in struct pmd_settings, of an unsigned
} number_rows[] = {
    {SWD_PMD_SET_ATTR_IDLE_US, "IDLE_US", SWD_PMD_IDLE_US_MAX,
     offsetof(struct pmd_settings, idle_us)},
    {SWD_PMD_SET_ATTR_SLEEP_US, "SLEEP_US", SWD_PMD_SLEEP_US_MAX,
     offsetof(struct pmd_settings, sleep_us)},
    {SWD_PMD_SET_ATTR_REBALANCE_S, "REBALANCE_S", SWD_PMD_REBALANCE_S_MAX,
     offsetof(struct pmd_settings, rebalance_s)},
};

static int numbers_get(struct request *rq, const struct nlattr **a, struct pmd_settings *settings)
{
	for (size_t i = 0; i < sizeof(number_rows) / sizeof(number_rows[0]); i++) {
		const struct nlattr *attr = a[number_rows[i].type];
		uint32_t value = 0;
		if (attr != NULL && !dp_attr_has_len(attr, sizeof(value)))
			return request_fail(rq, attr, -EINVAL, "%s is no 32-bit number",
					    number_rows[i].name);
		if (attr != NULL)
			value = mnl_attr_get_u32(attr);
		if (value > number_rows[i].max)
			return request_fail(rq, attr, -EINVAL, "%s %u does not do: use 0 to %u",
					    number_rows[i].name, value, number_rows[i].max);
		*(unsigned *)(void *)((char *)settings + number_rows[i].offset) = value;
	}
	if (settings->idle_us != 0 && settings->sleep_us == 0)
		return request_fail(rq, a[SWD_PMD_SET_ATTR_SLEEP_US], -EINVAL,
				    "SLEEP_US 0 does not do: use 1 to %u", SWD_PMD_SLEEP_US_MAX);
	return 0;
}

// Copies an attribute that is an array. The number of its elements, or -EINVAL.
static int array_get(struct request *rq, const struct nlattr *attr, const char *name, void *out,
		     size_t size, unsigned max)
{
	size_t len = attr != NULL ? mnl_attr_get_payload_len(attr) : 0;
	if (len % size != 0 || len / size > max)
		return request_fail(rq, attr, -EINVAL, "%s is no list of at most %u of %zu bytes",
				    name, max, size);
	if (len > 0)
		memcpy(out, mnl_attr_get_payload(attr), len);
	return (int)(len / size);
}

static_assert(sizeof(unsigned) == sizeof(uint32_t), "cores are copied");
static_assert(SWD_PMD_CORES_MAX == PMDS_MAX, "the pool's places");

int server_pmd_set(struct request *rq)
{
	static struct pmd_settings settings; // large
	const struct nlattr *a[SWD_PMD_SET_ATTR_MAX + 1] = {0};
	char text[200];
	int rc = dp_msg_parse(rq->nlh, a, SWD_PMD_SET_ATTR_MAX, &rq->error);
	if (rc == 0)
		rc = numbers_get(rq, a, &settings);
	if (rc < 0)
		return rc;
	int n_cores = array_get(rq, a[SWD_PMD_SET_ATTR_CORES], "CORES", settings.cores,
				sizeof(settings.cores[0]), PMDS_MAX);
	int n_isolated = n_cores < 0
			     ? n_cores
			     : array_get(rq, a[SWD_PMD_SET_ATTR_ISOLATED], "ISOLATED",
					 settings.isolated, sizeof(settings.isolated[0]), PMDS_MAX);
	int n_pins = n_isolated < 0 ? n_isolated
				    : array_get(rq, a[SWD_PMD_SET_ATTR_PINS], "PINS", settings.pins,
						sizeof(settings.pins[0]), SWD_PMD_PINS_MAX);
	if (n_pins < 0)
		return n_pins;
	settings.n_cores = (unsigned)n_cores;
	settings.n_isolated = (unsigned)n_isolated;
	settings.n_pins = (unsigned)n_pins;
	rc = pmd_pool_set(&settings, text, sizeof(text));
	return rc < 0 ? request_fail(rq, NULL, rc, "%s", text) : 0;
}

// Rebalancing.

static bool put_move(struct nlmsghdr *nlh, size_t room, const struct rxq *rxq,
		     const struct spread_queue *place)
{
	const struct pmd *from = place->before < PMDS_MAX ? pmd_pool_at(place->before) : NULL;
	const struct pmd *to = pmd_pool_at(place->owner);
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, SWD_REBALANCE_ATTR_MOVE);
	if (nest == NULL ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_MOVE_ATTR_PORT_NAME, rxq->port->config.name) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_MOVE_ATTR_QUEUE, rxq->queue) ||
	    (from != NULL && !mnl_attr_put_u32_check(nlh, room, SWD_MOVE_ATTR_FROM, from->core)) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_MOVE_ATTR_TO, to->core) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_MOVE_ATTR_LOAD, (uint32_t)place->load))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool fill_plan(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct rebalance_plan *plan = arg;
	unsigned n_told = 0;
	(void)server;
	if (!mnl_attr_put_u32_check(nlh, room, SWD_REBALANCE_ATTR_BEFORE,
				    (uint32_t)plan->busiest_before) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_REBALANCE_ATTR_AFTER,
				    (uint32_t)plan->busiest_after) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_REBALANCE_ATTR_N_MOVES, plan->n_moves))
		return false;
	for (unsigned i = 0; i < plan->n && n_told < SWD_REBALANCE_MOVES_MAX; i++) {
		const struct spread_queue *place = &plan->places[i];
		if (place->owner == place->before)
			continue;
		if (!put_move(nlh, room, pmd_pool_rxq(i), place))
			return false;
		n_told++;
	}
	return true;
}

int server_pmd_rebalance(struct request *rq)
{
	const struct nlattr *a[SWD_REBALANCE_ATTR_MAX + 1] = {0};
	struct rebalance_plan plan;
	int rc = dp_msg_parse(rq->nlh, a, SWD_REBALANCE_ATTR_MAX, &rq->error);
	if (rc < 0)
		return rc;
	rc = rebalance_plan_make(&plan);
	if (rc == 0 && a[SWD_REBALANCE_ATTR_DRY_RUN] == NULL)
		rc = rebalance_apply(&plan);
	rc = rc < 0 ? request_fail(rq, NULL, rc, "no memory to rebalance")
		    : request_answer(rq, SWD_CMD_PMD_REBALANCE, fill_plan, &plan);
	rebalance_plan_fini(&plan);
	return rc;
}
