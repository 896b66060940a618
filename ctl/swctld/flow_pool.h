// Memory for megaflows, which come and go by the hundred thousand: pieces of one size out of large
// blocks, used again in turn. Blocks are given back at the end only.
#ifndef CTL_SWCTLD_FLOW_POOL_H
#define CTL_SWCTLD_FLOW_POOL_H

#include <stddef.h>

struct flow_pool_piece;
struct flow_pool_block;

struct flow_pool {
	size_t piece_bytes; // a multiple of a cache line
	struct flow_pool_piece *free_pieces;
	struct flow_pool_block *blocks;
	size_t block_bytes; // of the next block
	char *fresh, *end;  // of the newest block: what was never taken
};

// Pieces of at least so many bytes, aligned to a cache line.
void flow_pool_init(struct flow_pool *pool, size_t piece_bytes);
void flow_pool_fini(struct flow_pool *pool);  // no piece is in use
void *flow_pool_take(struct flow_pool *pool); // not zeroed; NULL when out of memory
void flow_pool_give(struct flow_pool *pool, void *piece);

#endif
