#include "ctl/swctld/flow_pool.h"

#include "ctl/swctld/huge_memory.h"

#define CACHE_LINE	64
#define BLOCK_BYTES_MIN (128 * 1024)
#define BLOCK_BYTES_MAX HUGE_MEMORY_PAGE

struct flow_pool_piece {
	struct flow_pool_piece *next;
};

// Stands in the first cache line of its memory.
struct flow_pool_block {
	struct flow_pool_block *next;
	size_t bytes;
};

void flow_pool_init(struct flow_pool *pool, size_t piece_bytes)
{
	size_t lines = (piece_bytes + CACHE_LINE - 1) / CACHE_LINE;
	*pool = (struct flow_pool){.piece_bytes = lines * CACHE_LINE};
}

void flow_pool_fini(struct flow_pool *pool)
{
	while (pool->blocks) {
		struct flow_pool_block *block = pool->blocks;
		pool->blocks = block->next;
		huge_memory_give(block, block->bytes);
	}
	flow_pool_init(pool, pool->piece_bytes);
}

static int add_block(struct flow_pool *pool)
{
	size_t bytes = pool->block_bytes ? pool->block_bytes : BLOCK_BYTES_MIN;
	char *memory = huge_memory_take(bytes);
	if (!memory)
		return -1;
	struct flow_pool_block *block = (struct flow_pool_block *)memory;
	*block = (struct flow_pool_block){pool->blocks, bytes};
	pool->blocks = block;
	pool->fresh = memory + CACHE_LINE;
	pool->end = memory + bytes;
	pool->block_bytes = bytes < BLOCK_BYTES_MAX ? 2 * bytes : bytes;
	return 0;
}

void *flow_pool_take(struct flow_pool *pool)
{
	struct flow_pool_piece *piece = pool->free_pieces;
	if (piece) {
		pool->free_pieces = piece->next;
		return piece;
	}
	if ((size_t)(pool->end - pool->fresh) < pool->piece_bytes && add_block(pool) < 0)
		return NULL;
	char *fresh = pool->fresh;
	pool->fresh += pool->piece_bytes;
	return fresh;
}

void flow_pool_give(struct flow_pool *pool, void *memory)
{
	struct flow_pool_piece *piece = memory;
	piece->next = pool->free_pieces;
	pool->free_pieces = piece;
}
