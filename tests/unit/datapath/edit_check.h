// What tests of edits share: an edit of a frame, in every form that a packet has, against the frame
// that must come out.
#ifndef TESTS_UNIT_DATAPATH_EDIT_CHECK_H
#define TESTS_UNIT_DATAPATH_EDIT_CHECK_H

#include "datapath/edit.h"
#include "frames.h"

#include "fake_port.h"
#include "flowtable/extract.h"

#include <errno.h>
#include <rte_malloc.h>

typedef int (*edit_fn)(struct rte_mbuf **m, const struct action *action);

static inline struct rte_mbuf *packet_of(const struct frame *f, uint32_t cut)
{
	struct rte_mbuf *m = packet_make_cut(f->b, f->len, cut);
	struct flow_key key;

	flow_extract(f->b, f->len, &key, &packet_meta(m)->layout);
	return m;
}

// A guest's packet, of which so many bytes are private: the rest is in `memory`.
static inline struct rte_mbuf *lent_of(const struct frame *f, uint32_t head, uint8_t *memory)
{
	static struct packet_arena *arena;
	uint32_t n = RTE_MIN(head, f->len);
	struct rte_mbuf *m;
	struct flow_key key;

	if (!arena)
		arena = rte_malloc(NULL, sizeof *arena, RTE_CACHE_LINE_SIZE);
	assert_non_null(arena);
	packet_arena_init(arena);
	m = packet_lend(arena, n, f->len);
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), f->b, n);
	memcpy(memory, f->b, f->len);
	if (n < f->len)
		packet_lend_segment(arena, m, m, memory + n, f->len - n);
	flow_extract(f->b, f->len, &key, &packet_meta(m)->layout);
	return m;
}

static inline void assert_bytes(const struct rte_mbuf *m, const uint8_t *bytes, uint32_t len)
{
	uint8_t copy[2048];

	assert_int_equal(rte_pktmbuf_pkt_len(m), len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, len, copy), bytes, len);
	if (!packet_is_lent(m))
		assert_int_equal(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
}

// Edits `before`, in one segment and in several, and as a guest's, and wants `after`.
static inline void check_edit(edit_fn edit, const struct action *action, const struct frame *before,
			      const struct frame *after)
{
	const uint32_t cuts[] = {512, 100, 20, 16};
	const uint32_t heads[] = {HEAD_COPY, 33, 14};
	uint8_t memory[2048];

	for (unsigned i = 0; i < RTE_DIM(cuts); i++) {
		struct rte_mbuf *m = packet_of(before, cuts[i]);

		assert_int_equal(edit(&m, action), 0);
		assert_bytes(m, after->b, after->len);
		rte_pktmbuf_free(m);
	}
	for (unsigned i = 0; i < RTE_DIM(heads); i++) {
		struct rte_mbuf *m = lent_of(before, heads[i], memory);

		assert_int_equal(edit(&m, action), 0);
		assert_bytes(m, after->b, after->len);
		assert_memory_equal(memory, before->b, before->len); // the guest's own
		packet_free(m);
	}
}

// Wants the edit to fail with `err` and the frame to stay as it was.
static inline void check_refused(edit_fn edit, const struct action *action, const struct frame *f,
				 int err)
{
	struct rte_mbuf *m = packet_of(f, 512);

	assert_int_equal(edit(&m, action), err);
	assert_bytes(m, f->b, f->len);
	rte_pktmbuf_free(m);
}

// The first len bytes, and behind them what must not change; `tail` is a copy of that.
static inline struct rte_mbuf *packet_cut_off(const struct frame *f, uint32_t len, uint8_t *tail)
{
	struct frame cut = *f;
	struct rte_mbuf *m;

	cut.len = len;
	m = packet_of(&cut, 512);
	memset(rte_pktmbuf_mtod_offset(m, uint8_t *, len), 0xa5, 256);
	memset(tail, 0xa5, 256);
	return m;
}

// At every length, the edit either fits or leaves the bytes alone, and never touches what lies
// behind the end. Returns the least length at which it fits.
static inline uint32_t check_truncated(edit_fn edit, const struct action *action,
				       const struct frame *f)
{
	uint32_t least = UINT32_MAX;
	uint8_t tail[256];

	for (uint32_t len = 14; len < f->len; len++) {
		struct rte_mbuf *m = packet_cut_off(f, len, tail);
		int ret = edit(&m, action);

		assert_true(ret == 0 || ret == -EINVAL);
		if (ret)
			assert_bytes(m, f->b, len);
		else
			least = RTE_MIN(least, len);
		assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), tail, 256);
		rte_pktmbuf_free(m);
	}
	return least;
}

// Neither of two packets that share their bytes sees what is done to the other.
static inline void check_shared(edit_fn edit, const struct action *action, const struct frame *f)
{
	struct rte_mbuf *m = packet_of(f, 512);
	struct rte_mbuf *clone = rte_pktmbuf_clone(m, packet_pool());

	assert_int_equal(edit(&m, action), 0);
	assert_bytes(clone, f->b, f->len);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(clone);
	// And the other way round: the edited one refers to another's bytes.
	m = packet_of(f, 512);
	clone = rte_pktmbuf_clone(m, packet_pool());
	*packet_meta(clone) = *packet_meta(m);
	assert_int_equal(edit(&clone, action), 0);
	assert_bytes(m, f->b, f->len);
	rte_pktmbuf_free(clone);
	rte_pktmbuf_free(m);
}

static inline int no_leak(void **state)
{
	(void)state;
	packets_assert_all_back();
	return 0;
}

#define T(name) cmocka_unit_test_teardown(name, no_leak)

#endif
