// The family of our own: the program and its memory.
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

static bool put_gone(struct nlmsghdr *nlh, size_t room)
{
	struct port_counters gone;
	pmd_pool_gone_counters(&gone);
	return put_drops(nlh, room, SWD_INFO_ATTR_DROP, &gone);
}

static bool fill_info(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	struct memory memory;
	const struct client *c = arg;
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
	       mnl_attr_put_u32_check(nlh, room, SWD_INFO_ATTR_CLIENT_ID, c->id) &&
	       put_tables(server, nlh, room) && put_pool(nlh, room) && put_gone(nlh, room);
}

int server_swd_info(struct request *rq)
{
	return request_answer(rq, SWD_CMD_INFO_GET, fill_info, rq->client);
}
