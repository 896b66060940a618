// What tests of tunnels share: the forms that a packet may have.
#ifndef TESTS_UNIT_DATAPATH_TUNNEL_CHECK_H
#define TESTS_UNIT_DATAPATH_TUNNEL_CHECK_H

#include "edit_check.h"
#include "pmd_fixture.h"
#include "tunnel_vector.h"

#define TUNNEL_NO 9 // the tunnel's port
#define OUT_NO	  2 // its way out

static inline void frame_unhex(const char *hex, struct frame *f)
{
	memset(f, 0, sizeof *f);
	f->len = unhex(hex, f->b);
}

// A TUNNEL_PUSH with the headers behind it, as a list has it.
struct push_list {
	struct action action;
	uint8_t header[ACTION_TUNNEL_HDR_MAX];
};

static inline void push_make(struct push_list *list, const struct tunnel_vector *v)
{
	memset(list, 0, sizeof *list);
	list->action.type = ACTION_TUNNEL_PUSH;
	list->action.n_more = sizeof list->header / sizeof list->action;
	list->action.u.tunnel_push =
	    (struct action_tunnel_push){.tnl_port = TUNNEL_NO,
					.out_port = OUT_NO,
					.header_len = unhex(v->header, list->header)};
}

enum form { WHOLE, CUT, TIGHT, SHARED, LENT, LENT_SHORT, N_FORMS };

// In pieces; without room before it; with another that refers to its bytes, which is *other.
static inline struct rte_mbuf *packet_in(enum form form, const struct frame *f, uint8_t *memory,
					 struct rte_mbuf **other)
{
	struct rte_mbuf *m;

	*other = NULL;
	switch (form) {
	case CUT:
		return packet_of(f, 16);
	case TIGHT:
		m = packet_of(f, 2048);
		memmove(rte_pktmbuf_prepend(m, 120), f->b, f->len);
		rte_pktmbuf_trim(m, 120);
		return m;
	case SHARED:
		m = packet_of(f, 2048);
		*other = rte_pktmbuf_clone(m, packet_pool());
		return m;
	case LENT:
		return lent_of(f, HEAD_COPY, memory);
	case LENT_SHORT:
		return lent_of(f, 14, memory);
	default:
		return packet_of(f, 2048);
	}
}

static inline void other_is_whole(struct rte_mbuf *other, const struct frame *f)
{
	if (!other)
		return;
	assert_bytes(other, f->b, f->len);
	rte_pktmbuf_free(other);
}

#endif
