// A table of fragments, and fragments that are put into it.
#ifndef TESTS_UNIT_DATAPATH_FRAG_FIXTURE_H
#define TESTS_UNIT_DATAPATH_FRAG_FIXTURE_H

#include "datapath/ct_frag.h"

#include "fragments.h"

#define SIZE  512u // bytes of a part
#define PARTS 8
#define ZONE  9
#define NOW   1000000u

static struct ct_frags *frags;

static inline int frags_up(void **state)
{
	(void)state;
	frags = ct_frags_create();
	return frags && ct_frags_set_min_size(frags, false, 400) == 0 &&
		       ct_frags_set_min_size(frags, true, 400) == 0
		   ? 0
		   : -1;
}

static inline int frags_down(void **state)
{
	ct_frags_destroy(frags);
	return no_leak(state);
}

static inline struct frame udp_frame(unsigned i)
{
	struct frame_spec spec = {.v6 = i & 1,
				  .proto = IPPROTO_UDP,
				  .n_tags = i / 2 % 3,
				  .extensions = (i & 1) && i & 8,
				  .payload = 1800 - i};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

static inline enum ct_frag_verdict add_at(const struct frame *f, uint32_t port, uint64_t now,
					  struct ct_frag_result *result)
{
	struct rte_mbuf *m = packet_of(f, 512);
	enum ct_frag_verdict verdict;

	packet_meta(m)->in_port = port;
	verdict = ct_frag_add(frags, &m, ZONE, now, result);
	if (verdict == CT_FRAG_INVALID || verdict == CT_FRAG_WHOLE)
		rte_pktmbuf_free(m);
	else
		assert_null(m);
	return verdict;
}

static inline enum ct_frag_verdict add(const struct frame *f, struct ct_frag_result *result)
{
	return add_at(f, 1, NOW, result);
}

static inline void result_free(struct ct_frag_result *result)
{
	packet_free_bulk(result->frags, result->n);
}

static inline struct ct_frag_counters counters(bool v6)
{
	struct ct_frag_status status;

	ct_frags_status(frags, &status);
	return status.counters[v6];
}

static inline uint32_t held(void)
{
	struct ct_frag_status status;

	ct_frags_status(frags, &status);
	return status.held;
}

#define F(name) cmocka_unit_test_setup_teardown(name, frags_up, frags_down)

#endif
