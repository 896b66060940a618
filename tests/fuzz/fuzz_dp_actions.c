// Action lists as swd takes them, and what the promise rests on: a list that the check lets through
// is run on a packet of its flow, which stays whole. The packet is the switch's own or a guest's,
// in pieces or not, with work left to do or not.
//
//     1 byte   how, below
//     1 byte   bytes of the first piece
//     1 byte   bytes of the frame that are there at most
//     10 bytes virtio_net_hdr
//     1 byte   bytes of the frame, and the frame; then the actions' attributes
#include "datapath/ct_execute.h"
#include "datapath/ct_table.h"
#include "datapath/edit.h"
#include "datapath/execute_run.h"
#include "datapath/meter.h"
#include "datapath/metering.h"
#include "datapath/punt.h"
#include "datapath/server_internal.h"
#include "datapath/tunnel.h"
#include "datapath/tx.h"
#include "vhost/ring_offload.h"

#include "tests/fuzz/fuzz_packets.h"

#include <sanitizer/asan_interface.h>

enum { LENT = 1, TYPE_KNOWN = 2, PROTO_KNOWN = 4, VLANS_KNOWN = 8 };

#define METERS	  3u // with ids from 0 on
#define ATTRS_MAX 8192u
#define PIECE	  40u // bytes of those behind the first

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct meter *meters_published[DATAPATHS_MAX][DP_METERS_MAX + 1];
struct port *ports_published[PORTS_MAX];
uint8_t datapath_slots[PORTS_MAX];
static struct datapath dp;
static struct pmd pmd = {.in_port = 1};
static struct server server;

static void packet_end(struct rte_mbuf *m);

// In place of what is around: the server, other ports, meters.

int request_fail(struct request *rq, const struct nlattr *attr, int err, const char *fmt, ...)
{
	(void)attr;
	snprintf(rq->error.text, sizeof(rq->error.text), "%s", fmt);
	return err;
}

struct flow_actions *flow_table_actions(struct flow_table *t, const struct action *list, unsigned n)
{
	struct flow_actions *actions = malloc(sizeof(*actions) + n * sizeof(*list));

	(void)t;
	actions->n = (uint16_t)n;
	memcpy(actions->list, list, n * sizeof(*list));
	return actions;
}

void tx_add(struct pmd *p, uint32_t port_no, struct rte_mbuf **pkts, unsigned n)
{
	(void)p;
	assert_in_range(port_no, 1, PORTS_MAX - 1);
	for (unsigned i = 0; i < n; i++)
		packet_end(pkts[i]);
}

void punt(struct pmd *p, struct rte_mbuf *m)
{
	(void)p;
	packet_end(m);
}

unsigned metering_run(struct pmd *p, uint32_t meter_id, struct rte_mbuf **pkts, unsigned n)
{
	(void)p;
	assert_in_range(meter_id, 0, METERS - 1);
	for (unsigned i = 0; i < n; i++)
		edit_raise_precedence(&pkts[i], meter_id);
	return n;
}

// Connections are tests of their own; packets pass.
unsigned ct_execute_all(struct pmd *p, const struct action_ct *ct, struct rte_mbuf **pkts,
			unsigned n, const struct ct_go_on *go_on)
{
	(void)p;
	(void)ct;
	(void)pkts;
	(void)go_on;
	return n;
}

bool datapath_number_is_anothers(const struct datapath *of, uint32_t port_no)
{
	(void)of;
	(void)port_no;
	return false;
}

int ct_prepare(uint8_t slot)
{
	(void)slot;
	return 0;
}

uint32_t ct_table_max(void)
{
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_pmd_begin(&pmd);
	for (unsigned i = 0; i < METERS; i++)
		meters_published[0][i] =
		    (struct meter *)&meters_published[0][i]; // only compared with NULL
	tunnel_port_set(9, TUNNEL_VXLAN, 0);
	return 0;
}

// What an output sees of a packet.
static void check_whole(struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	static uint8_t bytes[UINT16_MAX]; // more than a list of pushes makes of a frame
	uint32_t len = 0, n_segs = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next, n_segs++) {
		assert_in_range(len + seg->data_len, 0, sizeof(bytes));
		memcpy(bytes + len, rte_pktmbuf_mtod(seg, void *), seg->data_len);
		len += seg->data_len;
	}
	assert_int_equal(len, m->pkt_len);
	assert_int_equal(n_segs, m->nb_segs);
	assert_in_range(len, FRAME_MIN, UINT16_MAX);
	if (m->ol_flags & PACKET_OFFLOAD) {
		const struct packet_offload *o = &meta->offload;

		assert_in_range(o->csum_start, FRAME_MIN, m->data_len);
		assert_in_range(o->csum_start + o->csum_offset + 2u, 0, m->data_len);
		assert_in_range(o->gso_headers, 0, m->data_len);
	}
}

static void packet_end(struct rte_mbuf *m)
{
	if (!m)
		abort();
	check_whole(m);
	packet_free(m);
}

static struct flow_match match_of(const struct flow_key *key, uint8_t how)
{
	struct flow_match match = {.key = *key};

	if (how & TYPE_KNOWN)
		match.mask.eth_type_be = UINT16_MAX;
	if (how & PROTO_KNOWN)
		match.mask.nw_proto = UINT8_MAX;
	if (how & VLANS_KNOWN)
		memset(match.mask.vlan, 0xff, sizeof(match.mask.vlan));
	return match;
}

// What those who run it do not look at again.
static void check_list(const struct flow_actions *actions)
{
	assert_in_range(actions->n, 0, ACTIONS_MAX);
	for (unsigned i = 0; i < actions->n;) {
		const struct action *a = &actions->list[i];

		assert_in_range(a->type, 0, N_ACTION_TYPES - 1);
		assert_in_range(i + action_entries(a), 1, actions->n);
		if (a->type == ACTION_CHECK_PKT_LEN)
			assert_in_range(a->u.check_pkt_len.n_greater, 0, a->n_more);
		// The entries of others are data.
		i += action_traits(a) & ACTION_NESTS ? 1 : action_entries(a);
		if (a->type == ACTION_USERSPACE)
			assert_in_range(a->u.userspace.cookie_len, 0, ACTION_COOKIE_MAX);
		if (a->type == ACTION_TRUNC)
			assert_true(a->u.max_len >= FRAME_MIN);
	}
}

static struct flow_actions *actions_take(const struct flow_match *match, struct fuzz_input *in)
{
	size_t len = RTE_MIN(in->left, (size_t)ATTRS_MAX);
	struct nlattr *nest = malloc(sizeof(*nest) + len);
	struct request rq = {.server = &server, .dp = &dp};
	int err = 0;

	nest->nla_type = OVS_FLOW_ATTR_ACTIONS;
	nest->nla_len = (uint16_t)(sizeof(*nest) + len);
	fuzz_bytes(in, nest + 1, len);
	struct flow_actions *actions = request_actions(&rq, nest, match, &err);
	assert_true(actions ? err == 0 : err < 0 && rq.error.text[0]);
	free(nest);
	if (actions)
		check_list(actions);
	return actions;
}

// Headers stand in buffers of their own, and what is copied then may be in the packet's first one
// again.
static bool may_use_again(const struct flow_actions *actions)
{
	for (unsigned i = 0; actions && i < actions->n; i++)
		if (actions->list[i].type == ACTION_TUNNEL_PUSH)
			return true;
	return false;
}

static void run(const struct flow_actions *actions, struct rte_mbuf *m)
{
	execute(&pmd, actions, &m, 1);
	for (unsigned i = 0; i < pmd.n_recirc; i++)
		packet_end(pmd.recirc[i]);
	pmd.n_recirc = 0;
}

// The frame's packet, with what its sender left to do, if a port would let that through.
static struct rte_mbuf *packet_make(uint8_t *frame, uint32_t len, uint8_t how, uint8_t first,
				    const struct virtio_net_hdr *hdr, struct flow_key *key)
{
	struct rte_mbuf *m = how & LENT
				 ? fuzz_lent_packet(pmd.arena, frame, len, HEAD_COPY, UINT32_MAX)
				 : fuzz_own_packet(frame, len, RTE_MAX(first, FRAME_MIN), PIECE);
	struct packet_meta *meta = packet_meta(m);

	memset(meta, 0, sizeof(*meta));
	meta->in_port = 1;
	flow_extract(frame, len, key, &meta->layout);
	if (header_check(UINT64_MAX, hdr, rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
			 &meta->offload) == 0)
		m->ol_flags |= PACKET_OFFLOAD;
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t how = fuzz_u8(&in), first = fuzz_u8(&in), cut = fuzz_u8(&in), room[UINT8_MAX];
	struct flow_key key = {.in_port = 1};
	struct virtio_net_hdr hdr = {0};

	fuzz_bytes(&in, &hdr, sizeof(hdr));
	uint32_t len = RTE_MIN((uint32_t)fuzz_bytes(&in, room, fuzz_u8(&in)), cut);
	if (len < FRAME_MIN)
		return 0;
	uint8_t *frame = malloc(len); // it ends where the frame ends
	memcpy(frame, room, len);
	struct rte_mbuf *m = packet_make(frame, len, how, first, &hdr, &key);
	const struct flow_match match = match_of(&key, how);
	struct flow_actions *actions = actions_take(&match, &in);
	// Nothing is read or written behind the end of a packet in one piece.
	uint8_t *end = rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len);
	size_t n_behind = m->nb_segs == 1 && !may_use_again(actions)
			      ? (size_t)((uint8_t *)m->buf_addr + m->buf_len - end)
			      : 0;

	ASAN_POISON_MEMORY_REGION(end, n_behind);
	if (actions)
		run(actions, m);
	else
		packet_end(m);
	ASAN_UNPOISON_MEMORY_REGION(end, n_behind);
	free(actions);
	free(frame);
	packet_arena_reset(pmd.arena);
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
	return 0;
}
