#include "ctl/swctld/flow_pool.h"

#include <stdlib.h>

#define CACHE_LINE   64
#define BLOCK_PIECES 256

struct flow_pool_piece {
	struct flow_pool_piece *next;
};

// Stands in the first cache line of its memory.
struct flow_pool_block {
	struct flow_pool_block *next;
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
		free(block);
	}
	pool->free_pieces = NULL;
}

static int add_block(struct flow_pool *pool)
{
	char *memory = aligned_alloc(CACHE_LINE, CACHE_LINE + BLOCK_PIECES * pool->piece_bytes);
	if (!memory)
		return -1;
	struct flow_pool_block *block = (struct flow_pool_block *)memory;
	block->next = pool->blocks;
	pool->blocks = block;
	// The first piece is taken first: neighbours are used together.
	for (size_t i = BLOCK_PIECES; i-- > 0;)
		flow_pool_give(pool, memory + CACHE_LINE + i * pool->piece_bytes);
	return 0;
}

void *flow_pool_take(struct flow_pool *pool)
{
	if (!pool->free_pieces && add_block(pool) < 0)
		return NULL;
	struct flow_pool_piece *piece = pool->free_pieces;
	pool->free_pieces = piece->next;
	return piece;
}

void flow_pool_give(struct flow_pool *pool, void *memory)
{
	struct flow_pool_piece *piece = memory;
	piece->next = pool->free_pieces;
	pool->free_pieces = piece;
}
