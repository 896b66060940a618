#include "datapath/ct_payload.h"

#include "datapath/csum.h"
#include "datapath/ip_view.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_tcp.h>

#define OPTION_SACK 5
#define OPTION_NOP  1
#define OPTION_END  0

struct offsets {
	int32_t before, after;
	uint32_t seq;
};

static struct offsets offsets_of(const struct ct_conn *conn, enum ct_dir dir)
{
	return (struct offsets){.before = conn->ext->seq_adj[dir].before,
				.after = conn->ext->seq_adj[dir].after,
				.seq = conn->ext->seq_adj[dir].seq};
}

static bool is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static uint32_t forward(const struct offsets *o, uint32_t seq)
{
	return seq + (uint32_t)(is_after(seq, o->seq) ? o->after : o->before);
}

static uint32_t back(const struct offsets *o, uint32_t ack)
{
	return ack - (uint32_t)(is_after(ack - (uint32_t)o->before, o->seq) ? o->after : o->before);
}

void ct_seq_moved(struct ct_conn *conn, enum ct_dir dir, uint32_t seq, int32_t more)
{
	struct ct_ext *ext = conn->ext;

	rte_spinlock_lock(&conn->lock);
	// A segment that is sent again has moved the others already.
	if (ext->seq_adj[dir].before == ext->seq_adj[dir].after ||
	    is_after(seq, ext->seq_adj[dir].seq)) {
		ext->seq_adj[dir].seq = seq;
		ext->seq_adj[dir].before = ext->seq_adj[dir].after;
		ext->seq_adj[dir].after += more;
	}
	rte_spinlock_unlock(&conn->lock);
}

uint32_t ct_seq_ack(struct ct_conn *conn, enum ct_dir dir, uint32_t ack)
{
	struct offsets other;

	rte_spinlock_lock(&conn->lock);
	other = offsets_of(conn, dir == CT_ORIG ? CT_REPLY : CT_ORIG);
	rte_spinlock_unlock(&conn->lock);
	return back(&other, ack);
}

static uint32_t load32(const uint8_t *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof be);
	return rte_be_to_cpu_32(be);
}

// A number that may stand at an odd place of the sum. Returns what that must take in.
static uint32_t store32(uint8_t *at, uint32_t value, const uint8_t *sum_start)
{
	uint8_t from[6] = {0}, to[6] = {0};
	uint32_t be = rte_cpu_to_be_32(value), odd = (uint32_t)(at - sum_start) & 1;

	memcpy(from + odd, at, sizeof be);
	memcpy(to + odd, &be, sizeof be);
	memcpy(at, &be, sizeof be);
	return csum_delta(from, to, sizeof from);
}

static uint32_t sack_adjust(uint8_t *tcp, uint32_t at, uint32_t end, const struct offsets *o)
{
	uint32_t delta = 0;

	for (; at + 4 <= end; at += 4)
		delta += store32(tcp + at, back(o, load32(tcp + at)), tcp);
	return delta;
}

// The SACK blocks in hdr_len bytes of a TCP header. A malformed option ends the walk.
static uint32_t options_adjust(uint8_t *tcp, uint32_t hdr_len, const struct offsets *o)
{
	uint32_t at = sizeof(struct rte_tcp_hdr), delta = 0, len;

	for (; at < hdr_len && tcp[at] != OPTION_END; at += len) {
		len = 1;
		if (tcp[at] == OPTION_NOP)
			continue;
		len = at + 1 < hdr_len ? tcp[at + 1] : 0;
		if (len < 2 || len > hdr_len - at)
			break;
		if (tcp[at] == OPTION_SACK)
			delta += sack_adjust(tcp, at + 2, at + len, o);
	}
	return delta;
}

static uint32_t header_adjust(uint8_t *l4, uint32_t hdr_len, const struct offsets *mine,
			      const struct offsets *other)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;
	uint8_t *seq = (uint8_t *)&tcp->sent_seq, *ack = (uint8_t *)&tcp->recv_ack;
	uint32_t delta = store32(seq, forward(mine, load32(seq)), l4);

	if (!(tcp->tcp_flags & RTE_TCP_ACK_FLAG))
		return delta;
	delta += store32(ack, back(other, load32(ack)), l4);
	return delta + options_adjust(l4, hdr_len, other);
}

static bool is_still(const struct offsets *o)
{
	return (o->before | o->after) == 0;
}

int ct_seq_adjust(struct ct_packet *p)
{
	struct offsets mine, other;
	struct ip_view ip = {0};
	uint32_t delta;

	rte_spinlock_lock(&p->conn->lock);
	mine = offsets_of(p->conn, p->dir);
	other = offsets_of(p->conn, p->dir == CT_ORIG ? CT_REPLY : CT_ORIG);
	rte_spinlock_unlock(&p->conn->lock);
	if (is_still(&mine) && is_still(&other))
		return 0;
	if (ip_view(&p->m, &ip) <= 0 || ip.proto != IPPROTO_TCP || !ip.l4 ||
	    ip.l4_len < p->tcp_hdr_len || p->tcp_hdr_len < sizeof(struct rte_tcp_hdr))
		return -EINVAL;
	delta = header_adjust(ip.l4, p->tcp_hdr_len, &mine, &other);
	l4_csum_update_inside(p->m, &ip, l4_csum_of(&ip), delta);
	return 0;
}
