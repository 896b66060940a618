// The family of our own: the program, its memory, and its PMDs.
#include "datapath/server_internal.h"

#include "datapath/pmd.h"
#include "flowtable/isa.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_version.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct memory {
	uint64_t total, used;
	char kind[48];
};

// Several sizes at once are possible; the largest that is in use stands for them.
static int list_page_size(const struct rte_memseg_list *list, void *arg)
{
	uint64_t *page_bytes = arg;
	if (!list->external && list->memseg_arr.count > 0 && list->page_sz > *page_bytes)
		*page_bytes = list->page_sz;
	return 0;
}

static void memory_read(struct memory *memory)
{
	uint64_t page_bytes = 0;
	memset(memory, 0, sizeof(*memory));
	for (unsigned i = 0; i < rte_socket_count(); i++) {
		struct rte_malloc_socket_stats stats;
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) < 0)
			continue;
		memory->total += stats.heap_totalsz_bytes;
		memory->used += stats.heap_allocsz_bytes;
	}
	rte_memseg_list_walk(list_page_size, &page_bytes);
	if (rte_eal_has_hugepages())
		snprintf(memory->kind, sizeof(memory->kind), "hugepages %" PRIu64 " kB",
			 page_bytes / 1024);
	else
		snprintf(memory->kind, sizeof(memory->kind), "ordinary pages");
}

static const char *dpdk_version(void)
{
	static const char prefix[] = "DPDK ";
	const char *text = rte_version();
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text;
}

static bool put_tables(struct server *server, struct nlmsghdr *nlh, size_t room)
{
	struct flow_table_memory mem;
	flow_table_memory(server->flows, &mem);
	return mnl_attr_put_u64_check(nlh, room, SWD_INFO_ATTR_CACHE_BYTES,
				      pmd_pool_cache_bytes()) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_INFO_ATTR_MEGAFLOW_BYTES,
				      mem.slab_bytes + mem.bucket_bytes) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_INFO_ATTR_COUNTER_BYTES, mem.counter_bytes) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_MAX_FLOWS,
				      flow_table_max_flows(server->flows)) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_N_FLOWS,
				      flow_table_n_flows(server->flows)) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_N_MASKS,
				      flow_table_n_masks(server->flows));
}

static bool put_pool(struct nlmsghdr *nlh, size_t room)
{
	const struct rte_mempool *pool = packet_pool();
	if (pool == NULL)
		return true;
	return mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_POOL_TOTAL, pool->size) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_POOL_FREE,
				      rte_mempool_avail_count(pool));
}

static bool fill_info(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	struct memory memory;
	(void)arg;
	memory_read(&memory);
	return mnl_attr_put_strz_check(nlh, room, SWD_INFO_ATTR_VERSION, SWD_VERSION) &&
	       mnl_attr_put_strz_check(nlh, room, SWD_INFO_ATTR_DPDK, dpdk_version()) &&
	       mnl_attr_put_strz_check(nlh, room, SWD_INFO_ATTR_MEMORY_KIND, memory.kind) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_INFO_ATTR_MEMORY_TOTAL, memory.total) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_INFO_ATTR_MEMORY_USED, memory.used) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_INFO_ATTR_UPTIME_MS,
				      server_now_ms() - server->started_ms) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_PID, (uint32_t)getpid()) &&
	       mnl_attr_put_strz_check(nlh, room, SWD_INFO_ATTR_ISA, isa_name(isa_current())) &&
	       put_tables(server, nlh, room) && put_pool(nlh, room);
}

int server_swd_info(struct request *rq)
{
	return request_answer(rq, SWD_CMD_INFO_GET, fill_info, NULL);
}

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

static bool put_rxq(struct nlmsghdr *nlh, size_t room, const struct rxq *rxq)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, SWD_PMD_ATTR_RXQ);
	if (nest == NULL ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_RXQ_ATTR_PORT_NO, rxq->port->no) ||
	    !mnl_attr_put_strz_check(nlh, room, SWD_RXQ_ATTR_PORT_NAME, rxq->port->config.name) ||
	    !mnl_attr_put_u16_check(nlh, room, SWD_RXQ_ATTR_QUEUE, rxq->queue) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_RXQ_ATTR_WAITING, rte_ring_count(rxq->upcalls)))
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
	    (first == 0 && !put_stats(nlh, room, &info.stats)))
		return -EMSGSIZE;
	if (put_rxqs(nlh, room, info.index, &rxq))
		*cursor = (pmd + 1) << CURSOR_RXQ_BITS;
	else if (rxq > first)
		*cursor = pmd << CURSOR_RXQ_BITS | rxq;
	else
		return -EMSGSIZE;
	return 1;
}
