// Packets between two ends, A and B, that are tracked by a PMD without a thread.
#ifndef TESTS_UNIT_DATAPATH_CT_FIXTURE_H
#define TESTS_UNIT_DATAPATH_CT_FIXTURE_H

#include "datapath/ct_execute.h"
#include "datapath/ct_expire.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_table.h"
#include "datapath/ct_timeout.h"

#include "frames.h"
#include "pmd_fixture.h"

#define CT_ZONE	    5
#define CT_MAX	    64
#define START_MS    1000000u
#define NEW	    CT_STATE_NEW
#define EST	    CT_STATE_ESTABLISHED
#define REL	    CT_STATE_RELATED
#define RPL	    CT_STATE_REPLY
#define INV	    CT_STATE_INVALID
#define TRK	    CT_STATE_TRACKED
#define F_FIN	    0x01
#define F_SYN	    0x02
#define F_RST	    0x04
#define F_PSH	    0x08
#define F_ACK	    0x10
#define FROM_A	    false
#define FROM_B	    true
#define TCP_WINDOW  20000u
#define TCP_OPT_MAX 40

static inline int ct_up(void **state)
{
	int err = fixture_up(state);

	fx.pmd->now_ms = START_MS;
	if (!err)
		err = ct_init(fx.rcu, CT_MAX);
	return err ? err : ct_prepare(0);
}

static inline int ct_down(void **state)
{
	ct_fini();
	return fixture_down(state);
}

static inline void wait_ms(uint64_t ms)
{
	fx.pmd->now_ms += ms;
}

static inline void frame_reverse(struct frame *f)
{
	uint32_t at = f->l3 + (f->v6 ? 8 : 12), len = f->v6 ? 16 : 4;
	uint8_t src[16], port[2];

	memcpy(src, f->b + at, len);
	memmove(f->b + at, f->b + at + len, len);
	memcpy(f->b + at + len, src, len);
	if (f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP) {
		memcpy(port, f->b + f->l4, 2);
		memcpy(f->b + f->l4, f->b + f->l4 + 2, 2);
		memcpy(f->b + f->l4 + 2, port, 2);
	}
	frame_fix(f);
}

static inline struct frame frame_of(uint8_t proto, bool v6, bool from_b, uint32_t payload)
{
	const struct frame_spec spec = {.v6 = v6, .proto = proto, .payload = payload};
	struct frame f;

	frame_make(&f, &spec);
	if (from_b)
		frame_reverse(&f);
	return f;
}

static inline struct frame udp(bool from_b)
{
	return frame_of(IPPROTO_UDP, false, from_b, 20);
}

static inline struct frame echo(bool v6, bool from_b)
{
	struct frame f = frame_of(v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, v6, from_b, 20);

	f.b[f.l4] = v6 ? (from_b ? 129 : 128) : (from_b ? 0 : 8);
	frame_fix(&f);
	return f;
}

struct tcp_spec {
	bool from_b;
	uint8_t flags;
	uint32_t seq, ack, win, payload;
	uint8_t options[TCP_OPT_MAX];
	uint32_t options_len;
};

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline struct frame tcp(const struct tcp_spec *spec)
{
	struct frame f = frame_of(IPPROTO_TCP, false, false, spec->options_len + spec->payload);
	uint8_t *l4 = f.b + f.l4;

	put32(l4 + 4, spec->seq);
	put32(l4 + 8, spec->ack);
	l4[12] = (uint8_t)((5 + spec->options_len / 4) << 4);
	l4[13] = spec->flags;
	put16(l4 + 14, spec->win ? spec->win : TCP_WINDOW);
	memcpy(l4 + 20, spec->options, spec->options_len);
	frame_fix(&f);
	if (spec->from_b)
		frame_reverse(&f);
	return f;
}

static inline struct rte_mbuf *mbuf_of(const struct frame *f)
{
	struct rte_mbuf *m = packet_make(f->b, f->len);
	struct flow_key key;

	packet_meta(m)->in_port = 1;
	flow_extract(f->b, f->len, &key, &packet_meta(m)->layout);
	return m;
}

static const struct action_ct ct_look = {.zone = CT_ZONE};
static const struct action_ct ct_commit = {.zone = CT_ZONE, .flags = ACTION_CT_COMMIT};

// What the last packet was said to be.
static struct flow_meta said;

// Tracks one packet: its state, or UINT32_MAX when it was dropped.
static inline uint32_t track_mbuf(const struct action_ct *ct, struct rte_mbuf *m)
{
	if (ct_execute(fx.pmd, ct, &m, 1) == 0)
		return UINT32_MAX;
	flow_meta_copy(&said, &packet_meta(m)->flow);
	packet_free(m);
	return said.ct_state;
}

static inline uint32_t track(const struct action_ct *ct, struct frame f)
{
	return track_mbuf(ct, mbuf_of(&f));
}

#define assert_state(state, wanted) assert_int_equal(state, (wanted) | TRK)

#endif
