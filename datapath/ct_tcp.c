// TCP: whether a segment fits its connection, after "Real Stateful TCP Packet Filtering in IP
// Filter" (Guido van Rooij, 2001), with the answers that Open vSwitch's userspace conntrack gives:
// its rules see OVS_CS_F_* as they know them.
//
// For each end the paper's bounds are kept: a segment may not end behind what the receiver's window
// admits (seq_hi), nor start more than a window before what the sender has sent (seq_lo), nor
// acknowledge far outside of what the other end has sent. A connection whose SYN was not seen is
// picked up: its bounds are learnt from its first segments.
//
// Segments of an established connection, which change no state, take no lock.
#include "datapath/ct_payload.h"
#include "datapath/ct_proto.h"

#include <linux/openvswitch.h>
#include <rte_byteorder.h>
#include <rte_tcp.h>

#define FIN  RTE_TCP_FIN_FLAG
#define SYN  RTE_TCP_SYN_FLAG
#define RST  RTE_TCP_RST_FLAG
#define PUSH RTE_TCP_PSH_FLAG
#define ACK  RTE_TCP_ACK_FLAG
#define URG  RTE_TCP_URG_FLAG

#define WSCALE_MAX 14 // RFC 7323, section 2.3
#define NATTED	   (OVS_CS_F_SRC_NAT | OVS_CS_F_DST_NAT)
#define ACK_WINDOW (0xffff + 1500) // how far an acknowledgement may be off

enum { OPT_END, OPT_NOP, OPT_WSCALE = 3 };

// Sequence numbers, modulo 2^32 (RFC 9293, section 3.4).
static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

struct segment {
	uint32_t seq, end, ack; // end: behind the last octet, with SYN and FIN
	uint32_t win;
	uint8_t flags;
	bool skew_counts; // the acknowledgement must be near what the other end has sent
	uint8_t src_scale, dst_scale;
	// What the connection waits for from here on, if the segment keeps it alive.
	bool touches;
	enum ct_timeout timeout;
};

static const struct rte_tcp_hdr *header(const struct ct_packet *p)
{
	return (const struct rte_tcp_hdr *)ct_packet_l4(p);
}

static bool flags_make_sense(uint8_t flags)
{
	if (flags & SYN) {
		if (flags & (RST | FIN))
			return false;
	} else if (!(flags & (ACK | RST))) {
		return false;
	}
	return (flags & ACK) || !(flags & (FIN | PUSH | URG));
}

// The window scale option; 0: there is none. Never looks behind the header, whatever it says.
static uint8_t wscale_of(const struct ct_packet *p)
{
	const uint8_t *opt = ct_packet_l4(p) + sizeof(struct rte_tcp_hdr);
	int left = p->tcp_hdr_len - (int)sizeof(struct rte_tcp_hdr);

	while (left >= 3 && *opt != OPT_END) {
		int len = *opt == OPT_NOP ? 1 : RTE_MAX(opt[1], 2);

		if (*opt == OPT_WSCALE)
			return (uint8_t)RTE_MIN(opt[2], WSCALE_MAX) | CT_WSCALE_KNOWN;
		opt += len;
		left -= len;
	}
	return 0;
}

static uint32_t unscaled(uint32_t win, uint8_t scale)
{
	return (win + (1u << scale) - 1) >> scale;
}

static void segment_read(const struct ct_packet *p, struct segment *seg)
{
	const struct rte_tcp_hdr *tcp = header(p);

	seg->seq = rte_be_to_cpu_32(tcp->sent_seq);
	seg->ack = rte_be_to_cpu_32(tcp->recv_ack);
	// Of payload that was rewritten on its way, unless that was undone in this zone already.
	if (unlikely(p->conn && ct_conn_alg(p->conn) == CT_ALG_FTP) && !(p->state & NATTED))
		seg->ack = ct_seq_ack(p->conn, p->dir, seg->ack);
	seg->win = rte_be_to_cpu_16(tcp->rx_win);
	seg->flags = tcp->tcp_flags;
	seg->end = seg->seq + p->l4_len - p->tcp_hdr_len;
	seg->end += !!(seg->flags & SYN) + !!(seg->flags & FIN);
	seg->skew_counts = true;
	seg->src_scale = seg->dst_scale = 0;
	seg->touches = false;
}

// Peers are worked on in copies: two words of numbers, and one of the rest.
#define PEER_WORDS 3
#define PEER_REST  2

typedef uint32_t __attribute__((may_alias)) peer_word;

union peer_copy {
	struct ct_tcp_peer peer;
	uint32_t words[PEER_WORDS];
};

static_assert(sizeof(union peer_copy) == sizeof(struct ct_tcp_peer), "three words");
static_assert(offsetof(struct ct_tcp_peer, max_win) == PEER_REST * sizeof(uint32_t), "the last");

static void peer_load(const struct ct_tcp_peer *from, union peer_copy *copy)
{
	const peer_word *words = (const peer_word *)from;

	for (unsigned i = 0; i < PEER_WORDS; i++)
		copy->words[i] = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
}

// What this packet has changed of the rest, into what another PMD's packet may have made of it
// since: an end that has closed stays so. Orders a state before the connection's end that goes with
// it: pairs with the fence in end_settle().
static __rte_noinline void rest_store(peer_word *at, const union peer_copy *was,
				      const struct ct_tcp_peer *is)
{
	union peer_copy now = *was, next;

	do {
		next = now;
		if (is->max_win != was->peer.max_win)
			next.peer.max_win = is->max_win;
		if (is->wscale != was->peer.wscale)
			next.peer.wscale = is->wscale;
		if (is->state != was->peer.state)
			next.peer.state = is->state;
	} while (!__atomic_compare_exchange_n(at, &now.words[PEER_REST], next.words[PEER_REST],
					      false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

// Writes what this packet has changed, and nothing else: the other end's packets come through
// another PMD.
static void peer_store(struct ct_tcp_peer *to, const union peer_copy *was,
		       const union peer_copy *is)
{
	peer_word *words = (peer_word *)to;

	for (unsigned i = 0; i < PEER_REST; i++) {
		if (is->words[i] != was->words[i])
			__atomic_store_n(&words[i], is->words[i], __ATOMIC_RELAXED);
	}
	if (unlikely(is->words[PEER_REST] != was->words[PEER_REST]))
		rest_store(&words[PEER_REST], was, &is->peer);
}

// Windows of SYNs are never scaled.
static void scales_choose(const struct ct_tcp_peer *src, const struct ct_tcp_peer *dst,
			  struct segment *seg)
{
	if (seg->flags & SYN)
		return;
	if (src->wscale & dst->wscale & CT_WSCALE_KNOWN) {
		seg->src_scale = src->wscale & CT_WSCALE_MASK;
		seg->dst_scale = dst->wscale & CT_WSCALE_MASK;
	} else if (src->wscale & dst->wscale & CT_WSCALE_UNKNOWN) {
		seg->src_scale = seg->dst_scale = WSCALE_MAX;
	}
}

// The answer to a SYN says whether windows will be scaled.
static void answer_scales(const struct ct_packet *p, struct ct_tcp_peer *src,
			  struct ct_tcp_peer *dst, struct segment *seg)
{
	if (!(dst->wscale & CT_WSCALE_KNOWN))
		return;
	src->wscale = wscale_of(p);
	if (src->wscale & CT_WSCALE_KNOWN) {
		seg->src_scale = src->wscale & CT_WSCALE_MASK;
		seg->dst_scale = dst->wscale & CT_WSCALE_MASK;
		seg->win = unscaled(seg->win, seg->src_scale);
	} else { // they won't
		dst->max_win = (uint16_t)(dst->max_win << (dst->wscale & CT_WSCALE_MASK));
		dst->wscale = 0;
	}
}

// The first segment from an end.
static void first_from(const struct ct_packet *p, struct ct_tcp_peer *src, struct ct_tcp_peer *dst,
		       struct segment *seg)
{
	uint32_t admitted;

	if (seg->flags & SYN)
		answer_scales(p, src, dst, seg);
	src->seq_lo = seg->seq;
	src->state = CT_TCP_SYN_SENT;
	admitted = seg->end + RTE_MAX(1u, (uint32_t)dst->max_win << seg->dst_scale);
	// seq_hi may have been learnt from the other end's acknowledgements.
	if (src->seq_hi == 1 || seq_ge(admitted, src->seq_hi)) {
		src->seq_hi = admitted;
		seg->skew_counts = false; // it may be the middle of a connection
	}
	src->max_win = (uint16_t)RTE_MAX(src->max_win, seg->win);
}

// Makes numbers that say nothing such as fit.
static void numbers_ease(const struct ct_tcp_peer *src, const struct ct_tcp_peer *dst,
			 struct segment *seg)
{
	// Some stacks reset a SYN that timed out with an acknowledgement of nothing.
	if (!(seg->flags & ACK) || (seg->ack == 0 && (seg->flags & RST)))
		seg->ack = dst->seq_lo;
	if (seg->seq == seg->end) // nothing in it that could be out of order
		seg->seq = seg->end = src->seq_lo;
}

static bool is_in_window(const struct ct_tcp_peer *src, const struct ct_tcp_peer *dst,
			 const struct segment *seg, uint32_t wire_seq)
{
	int64_t skew = seg->skew_counts ? (int32_t)(dst->seq_lo - seg->ack) : 0;

	if (!seq_ge(src->seq_hi, seg->end) ||
	    !seq_ge(seg->seq, src->seq_lo - ((uint32_t)dst->max_win << seg->dst_scale)))
		return false;
	if (skew < -(int64_t)ACK_WINDOW || skew > ((int64_t)ACK_WINDOW << seg->src_scale))
		return false;
	// A reset must be exact, but for one: otherwise it could be guessed (RFC 5961).
	return !(seg->flags & RST) || wire_seq - src->seq_lo + 1 <= 2;
}

// Wider, while a connection opens or when it has closed: ends may open it at the same time, or send
// a rest after closing.
static bool is_near(const struct ct_tcp_peer *src, const struct ct_tcp_peer *dst,
		    const struct segment *seg)
{
	if (dst->state >= CT_TCP_SYN_SENT && dst->state < CT_TCP_FIN_WAIT_2 &&
	    src->state < CT_TCP_FIN_WAIT_2)
		return false;
	return seq_ge(src->seq_hi + ACK_WINDOW, seg->end) &&
	       seq_ge(seg->seq, src->seq_lo - ACK_WINDOW);
}

static void windows_slide(struct ct_tcp_peer *src, struct ct_tcp_peer *dst,
			  const struct segment *seg)
{
	uint32_t win = seg->win << seg->src_scale;

	src->max_win = (uint16_t)RTE_MAX(src->max_win, seg->win);
	if (!seq_ge(src->seq_lo, seg->end))
		src->seq_lo = seg->end;
	if (seq_ge(seg->ack + win, dst->seq_hi))
		dst->seq_hi = seg->ack + RTE_MAX(win, 1u);
}

static void close_by(struct ct_tcp_peer *src, struct ct_tcp_peer *dst, uint8_t flags)
{
	if ((flags & FIN) && src->state < CT_TCP_CLOSING)
		src->state = CT_TCP_CLOSING;
	if (flags & RST)
		src->state = dst->state = CT_TCP_TIME_WAIT;
}

static void states_advance(struct ct_tcp_peer *src, struct ct_tcp_peer *dst, uint8_t flags)
{
	bool acked_close = (flags & ACK) && dst->state == CT_TCP_CLOSING;

	if ((flags & ACK) && dst->state == CT_TCP_SYN_SENT)
		dst->state = CT_TCP_ESTABLISHED;
	if (acked_close)
		dst->state = CT_TCP_FIN_WAIT_2;
	close_by(src, dst, flags);
}

static enum ct_timeout timeout_of(const struct ct_tcp_peer *a, const struct ct_tcp_peer *b)
{
	uint8_t less = RTE_MIN(a->state, b->state), more = RTE_MAX(a->state, b->state);

	if (less >= CT_TCP_FIN_WAIT_2)
		return CT_TIMEOUT_TCP_CLOSE;
	if (less >= CT_TCP_CLOSING)
		return CT_TIMEOUT_TCP_TIME_WAIT;
	if (less < CT_TCP_ESTABLISHED)
		return CT_TIMEOUT_TCP_SYN_RECV;
	return more >= CT_TCP_CLOSING ? CT_TIMEOUT_TCP_FIN_WAIT : CT_TIMEOUT_TCP_ESTABLISHED;
}

static void keep_alive(struct segment *seg, enum ct_timeout timeout)
{
	seg->touches = true;
	seg->timeout = timeout;
}

// A SYN without ACK, whose first or only answer is yet to come, or that starts anew.
static bool opens_again(struct ct_tcp_peer *src, struct ct_tcp_peer *dst, struct segment *seg,
			enum ct_verdict *verdict)
{
	if (src->state >= CT_TCP_FIN_WAIT_2 && dst->state >= CT_TCP_FIN_WAIT_2) {
		src->state = dst->state = CT_TCP_CLOSED;
		*verdict = CT_REOPENS;
		return true;
	}
	if (src->state > CT_TCP_SYN_SENT)
		return false;
	src->state = CT_TCP_SYN_SENT;
	keep_alive(seg, CT_TIMEOUT_TCP_SYN_SENT);
	*verdict = CT_STILL_NEW;
	return true;
}

static enum ct_verdict judge(const struct ct_packet *p, struct ct_tcp_peer *src,
			     struct ct_tcp_peer *dst, struct segment *seg, bool liberal)
{
	uint32_t wire_seq = seg->seq;
	enum ct_verdict verdict;

	if (unlikely((seg->flags & (SYN | ACK)) == SYN) && opens_again(src, dst, seg, &verdict))
		return verdict;
	scales_choose(src, dst, seg);
	if (unlikely(src->state < CT_TCP_SYN_SENT))
		first_from(p, src, dst, seg);
	numbers_ease(src, dst, seg);
	if (likely(liberal || is_in_window(src, dst, seg, wire_seq))) {
		windows_slide(src, dst, seg);
		states_advance(src, dst, seg->flags);
		keep_alive(seg, timeout_of(src, dst));
		return CT_VALID;
	}
	if (!is_near(src, dst, seg))
		return CT_INVALID;
	windows_slide(src, dst, seg);
	close_by(src, dst, seg->flags);
	return CT_VALID; // a flood of such keeps nothing alive
}

// Sets *moved when the connection's end has moved.
static enum ct_verdict update_peers(const struct ct_packet *p, struct segment *seg, uint32_t now,
				    bool liberal, bool *moved)
{
	struct ct_tcp_peer *at = p->conn->tcp;
	union peer_copy was_src, was_dst, src, dst;
	enum ct_verdict verdict;

	peer_load(&at[p->dir], &was_src);
	peer_load(&at[!p->dir], &was_dst);
	src = was_src;
	dst = was_dst;
	verdict = judge(p, &src.peer, &dst.peer, seg, liberal);
	if (likely(verdict != CT_INVALID)) {
		peer_store(&at[p->dir], &was_src, &src);
		peer_store(&at[!p->dir], &was_dst, &dst);
	}
	*moved = seg->touches && ct_timeout_touch(p->conn, seg->timeout, now);
	return verdict;
}

static uint8_t state_of(const struct ct_conn *conn, enum ct_dir dir)
{
	return __atomic_load_n(&conn->tcp[dir].state, __ATOMIC_RELAXED);
}

static bool is_steady(const struct ct_conn *conn, uint8_t flags)
{
	return !(flags & (SYN | FIN | RST)) && state_of(conn, CT_ORIG) == CT_TCP_ESTABLISHED &&
	       state_of(conn, CT_REPLY) == CT_TCP_ESTABLISHED;
}

// After a segment that took no lock has moved the connection's end: where the other end's has
// changed a state meanwhile, the end is that state's, whoever came last.
static __rte_noinline void end_settle(struct ct_conn *conn, uint32_t now)
{
	struct ct_tcp_peer orig, reply;

	// Orders the end's store before the look at the states: pairs with that in rest_store().
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(is_steady(conn, 0)))
		return;
	rte_spinlock_lock(&conn->lock);
	orig.state = state_of(conn, CT_ORIG);
	reply.state = state_of(conn, CT_REPLY);
	ct_timeout_touch(conn, timeout_of(&orig, &reply), now);
	rte_spinlock_unlock(&conn->lock);
}

static enum ct_verdict tcp_update(const struct ct_packet *p, uint32_t now, bool liberal)
{
	struct segment seg;
	enum ct_verdict verdict;
	bool moved;

	segment_read(p, &seg);
	if (unlikely(!flags_make_sense(seg.flags)))
		return CT_INVALID;
	if (likely(is_steady(p->conn, seg.flags))) {
		verdict = update_peers(p, &seg, now, liberal, &moved);
		if (unlikely(moved))
			end_settle(p->conn, now);
		return verdict;
	}
	rte_spinlock_lock(&p->conn->lock);
	verdict = update_peers(p, &seg, now, liberal, &moved);
	rte_spinlock_unlock(&p->conn->lock);
	return verdict;
}

// A SYN with ACK is an answer; the middle of a connection is picked up.
static bool tcp_opens(const struct ct_packet *p)
{
	uint8_t flags = header(p)->tcp_flags;

	return flags_make_sense(flags) && (flags & (SYN | ACK)) != (SYN | ACK);
}

static void tcp_start(struct ct_conn *conn, const struct ct_packet *p, uint32_t now)
{
	struct ct_tcp_peer *src = &conn->tcp[CT_ORIG], *dst = &conn->tcp[CT_REPLY];
	struct segment seg;

	segment_read(p, &seg);
	src->seq_lo = seg.seq;
	src->seq_hi = seg.end + 1;
	src->wscale = dst->wscale = CT_WSCALE_UNKNOWN;
	if (seg.flags & SYN) {
		src->wscale = wscale_of(p);
		dst->wscale = 0;
	}
	src->max_win = (uint16_t)unscaled(RTE_MAX(seg.win, 1u), src->wscale & CT_WSCALE_MASK);
	src->state = CT_TCP_SYN_SENT;
	dst->seq_hi = 1;
	dst->max_win = 1;
	dst->state = CT_TCP_CLOSED;
	conn->timeout = CT_TIMEOUT_TCP_SYN_SENT;
	conn->expires = ct_timeout_end(conn, CT_TIMEOUT_TCP_SYN_SENT, now);
}

const struct ct_proto ct_proto_tcp = {.opens = tcp_opens, .start = tcp_start, .update = tcp_update};
