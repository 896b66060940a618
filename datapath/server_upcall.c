// Packets from the PMDs' rings to the clients that asked for them: one has the first datapath's,
// several may share another's. While none of a datapath's reads, its rings are left alone: they are
// the bound, and the PMDs count what they cannot take. Ports past their budget have only the first
// part of the socket's room: the others' misses do not wait behind theirs for long, and find room
// while the client is busy with something else.
#include "datapath/server_internal.h"

#include "ctl/dp_put.h"
#include "ctl/dp_tunnel.h"
#include "ctl/log.h"
#include "datapath/upcall.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define UNREAD_MAX	 (64 * 1024) // bytes that the client has not read, for ports past their budget
#define LATER_US	 1000
#define DRAIN_BATCH	 32
#define BATCHES_PER_TURN 8 // so that requests have their turn

// As the PMD has it, but for what OVS_PACKET_ATTR_KEY says otherwise.
static void key_of(const struct packet_meta *meta, const uint8_t *data, uint32_t len,
		   struct flow_key *key)
{
	flow_meta_extract(&meta->flow, meta->in_port, meta->recirc_id, data,
			  RTE_MIN(len, HEADERS_MAX), key);
	if (meta->no_eth)
		key->nw_frag |= NW_NO_ETH;
}

// The tunnel that the packet is to be sent through: what was set last.
static bool put_egress_tunnel(struct nlmsghdr *nlh, size_t room, const struct flow_key *key)
{
	return !flow_tunnel_is_set(&key->tun) ||
	       dp_tunnel_put(nlh, room, OVS_PACKET_ATTR_EGRESS_TUN_KEY, &key->tun, key->tun_opts);
}

// Those of the flow that the packet hits. Where it was changed before it came here, and hits none,
// they are left out.
static bool put_actions(struct server *server, struct nlmsghdr *nlh, size_t room,
			const struct flow_key *key)
{
	const struct megaflow *mf =
	    flow_table_match(server->flows, key, datapath_of_port(key->in_port)->slot);
	return mf == NULL || dp_actions_put(nlh, room, OVS_PACKET_ATTR_ACTIONS, mf->actions->list,
					    mf->actions->n);
}

static bool put_userspace(struct server *server, struct nlmsghdr *nlh, size_t room,
			  const struct action_userspace *user, const struct flow_key *key)
{
	if (user->cookie_len > 0 &&
	    !dp_put(nlh, room, OVS_PACKET_ATTR_USERDATA, user->cookie_len, user->cookie))
		return false;
	if (user->wants_tunnel && !put_egress_tunnel(nlh, room, key))
		return false;
	return !user->wants_actions || put_actions(server, nlh, room, key);
}

static bool fill_upcall(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	static uint8_t linear[UPCALL_PACKET_MAX];
	struct rte_mbuf *m = arg;
	const struct packet_meta *meta = packet_meta(m);
	uint32_t len = rte_pktmbuf_pkt_len(m), skip = meta->no_eth ? FRAME_MIN : 0;
	if (len > sizeof(linear))
		return false;
	const uint8_t *data = rte_pktmbuf_read(m, 0, len, linear);
	const struct datapath *dp = datapath_of_port(meta->in_port);
	struct flow_key key, told;
	key_of(meta, data, len, &key);
	told = key;
	if (dp->none_no != 0 && key.in_port == dp->none_no)
		told.in_port = DP_IN_PORT_NONE;
	if (!dp_key_put(nlh, room, OVS_PACKET_ATTR_KEY, &told, NULL))
		return false;
	if (meta->is_action && !put_userspace(server, nlh, room, &meta->userspace, &key))
		return false;
	return dp_put(nlh, room, OVS_PACKET_ATTR_PACKET, len - skip, data + skip);
}

static struct client *client_by_id(struct server *server, uint32_t id)
{
	for (struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry)) {
		if (c->id == id)
			return c;
	}
	return NULL;
}

// As the kernel chooses: by whom the packet came through, or with per-vport dispatch by its port,
// or as the action says. NULL: nobody is there.
static struct client *handler_of(struct server *server, const struct datapath *dp,
				 const struct packet_meta *meta)
{
	const struct vport *vport = &server->vports[meta->in_port];
	if (dp->features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU)
		return dp->n_pids == 0
			   ? NULL
			   : client_by_id(server, dp->pids[meta->pmd_index % dp->n_pids]);
	if (meta->is_action && meta->userspace.pid != 0)
		return client_by_id(server, meta->userspace.pid);
	return vport->n_pids == 0
		   ? NULL
		   : client_by_id(server, vport->pids[meta->pmd_index % vport->n_pids]);
}

// Who gets the packet; NULL: it is lost, since nobody is there, or one who does not read. The first
// datapath's packets wait in their rings instead.
static struct client *target_of(struct server *server, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	const struct datapath *dp = datapath_of_port(meta->in_port);
	if (meta->in_port >= PORTS_MAX || datapath_is_first(dp))
		return server->upcall_client;
	struct client *c = handler_of(server, dp, meta);
	return c != NULL && !client_blocked(c) && !c->dead ? c : NULL;
}

static void hand_over(struct server *server, struct client *c, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	struct datapath *dp = datapath_of_port(meta->in_port);
	const struct message_head head = {.family = DP_FAMILY_PACKET,
					  .cmd = meta->is_action ? OVS_PACKET_CMD_ACTION
								 : OVS_PACKET_CMD_MISS,
					  .dp_ifindex = dp->ifindex};
	if (c == NULL || client_put(c, &head, fill_upcall, m) < 0) {
		pmd_pool_count_drop(meta->in_port, DROP_UPCALL_LOST, 1);
		return;
	}
	dp->n_missed += !meta->is_action;
	if (!meta->is_action && datapath_is_first(dp))
		server->n_unanswered[meta->in_port]++;
}

bool upcalls_answered(struct server *server, const struct client *c, uint32_t in_port)
{
	if (c != server->upcall_client || in_port >= PORTS_MAX ||
	    server->n_unanswered[in_port] == 0)
		return false;
	server->n_unanswered[in_port]--;
	return true;
}

// The client has gone with them.
static void unanswered_drop(struct server *server)
{
	for (uint32_t no = 0; no < PORTS_MAX; no++) {
		pmd_pool_count_drop(no, DROP_UPCALL_LOST, server->n_unanswered[no]);
		server->n_unanswered[no] = 0;
	}
}

static bool has_read_most(const struct client *c)
{
	int unread;
	return ioctl(c->fd, SIOCOUTQ, &unread) < 0 || unread < UNREAD_MAX;
}

// A turn each for those to whom the packets go: they have one buffer together.
static unsigned drain_batch(struct server *server, uint32_t dps, uint32_t dps_past)
{
	struct rte_mbuf *pkts[DRAIN_BATCH];
	struct client *targets[DRAIN_BATCH];
	unsigned n = upcall_drain_of(dps, dps_past, pkts, DRAIN_BATCH);
	uint32_t done = 0;
	for (unsigned i = 0; i < n; i++)
		targets[i] = target_of(server, pkts[i]);
	for (unsigned i = 0; i < n; i++) {
		if (done >> i & 1)
			continue;
		for (unsigned j = i; j < n; j++) {
			if (targets[j] != targets[i])
				continue;
			hand_over(server, targets[j], pkts[j]);
			rte_pktmbuf_free(pkts[j]);
			done |= UINT32_C(1) << j;
		}
		if (targets[i] != NULL)
			client_flush(targets[i]);
	}
	return n;
}

static_assert(DRAIN_BATCH <= 32, "a batch's bits stand in a word");

// What was under way when nobody takes these datapaths' any more.
static void rings_empty(uint32_t dps)
{
	struct rte_mbuf *pkts[DRAIN_BATCH];
	unsigned n;
	while ((n = upcall_drain_of(dps, dps, pkts, DRAIN_BATCH)) > 0) {
		for (unsigned i = 0; i < n; i++)
			pmd_pool_count_drop(packet_meta(pkts[i])->in_port, DROP_UPCALL_LOST, 1);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

// Datapaths of which somebody reads: those whose rings may be emptied, and of these those whose
// ports may be past their budget.
static void ready_find(const struct server *server, uint32_t *ready, uint32_t *past)
{
	const struct client *first = server->upcall_client;
	*ready = first == NULL || (!client_blocked(first) && !first->dead);
	*past = first == NULL || (*ready && has_read_most(first));
	for (const struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry)) {
		if (c->handles == 0 || c->dead || client_blocked(c))
			continue;
		*ready |= c->handles;
		if ((*past & c->handles) != c->handles && has_read_most(c))
			*past |= c->handles;
	}
}

static void drain(struct server *server)
{
	static const struct timeval later = {.tv_usec = LATER_US};
	uint32_t ready, past;
	for (unsigned i = 0; i < BATCHES_PER_TURN; i++) {
		ready_find(server, &ready, &past);
		server->upcalls_stalled = server->upcalls_attached & ~ready;
		if (ready == 0)
			return;
		if (drain_batch(server, ready, past) > 0)
			continue;
		if (past != ready) {
			// That the client reads makes no event; its requests show it.
			server->upcalls_stalled |= ready & ~past;
			event_add(server->on_upcall_later, &later);
			return;
		}
		if (upcall_arm_of(ready))
			return; // a PMD writes the eventfd at the next miss
	}
	event_active(server->on_upcall, EV_READ, 0);
}

static void dead_bury(struct server *server)
{
	struct client *c = TAILQ_FIRST(&server->clients), *next;
	for (; c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->dead)
			client_destroy(c);
	}
}

static void on_upcall(evutil_socket_t fd, short events, void *arg)
{
	struct server *server = arg;
	uint64_t count;
	(void)events;
	// It only wakes: what there is to do stands in the rings.
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		log_error("upcall eventfd: cannot read");
	drain(server);
	dead_bury(server);
}

static void on_upcall_later(evutil_socket_t fd, short events, void *arg)
{
	struct server *server = arg;
	(void)fd;
	(void)events;
	event_active(server->on_upcall, EV_READ, 0);
}

int upcalls_start(struct server *server)
{
	server->on_upcall_later = event_new(server->base, -1, 0, on_upcall_later, server);
	server->on_upcall =
	    event_new(server->base, upcall_fd(), EV_READ | EV_PERSIST, on_upcall, server);
	if (server->on_upcall_later == NULL || server->on_upcall == NULL ||
	    event_add(server->on_upcall, NULL) < 0)
		return -ENOMEM;
	return 0;
}

void upcalls_stop(struct server *server)
{
	if (server->on_upcall_later != NULL)
		event_free(server->on_upcall_later);
	server->on_upcall_later = NULL;
	if (server->on_upcall == NULL)
		return;
	event_free(server->on_upcall);
	server->on_upcall = NULL;
	rings_empty(UINT32_MAX);
}

int upcalls_attach(struct server *server, struct client *c)
{
	if (server->upcall_client != NULL && server->upcall_client != c)
		return -EBUSY;
	if (server->upcall_client == NULL)
		log_info("control daemon attached (client %u)", c->id);
	server->upcall_client = c;
	server->version_logged = 0;
	upcalls_refresh(server);
	return 0;
}

void upcalls_detach(struct server *server, const struct client *c)
{
	if (server->upcall_client != c)
		return;
	log_info("control daemon detached (client %u): established flows go on", c->id);
	server->upcall_client = NULL;
	unanswered_drop(server);
	upcalls_refresh(server);
}

static void handler_mark(struct server *server, unsigned slot, const uint32_t *pids, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct client *c = client_by_id(server, pids[i]);
		if (c != NULL)
			c->handles |= UINT32_C(1) << slot;
	}
}

static void handlers_mark(struct server *server, const struct datapath *dp)
{
	if (dp->features & OVS_DP_F_DISPATCH_UPCALL_PER_CPU) {
		handler_mark(server, dp->slot, dp->pids, dp->n_pids);
		return;
	}
	for (uint32_t no = 1; no < PORTS_MAX; no++) {
		if (datapath_has_port(dp, no))
			handler_mark(server, dp->slot, server->vports[no].pids,
				     server->vports[no].n_pids);
	}
}

void upcalls_refresh(struct server *server)
{
	uint32_t before = server->upcalls_attached, now = server->upcall_client != NULL;
	unsigned cursor = 1; // behind the first, which has upcall_client
	for (struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry))
		c->handles = 0;
	for (const struct datapath *dp; (dp = datapath_next(&cursor)) != NULL;)
		handlers_mark(server, dp);
	for (const struct client *c = TAILQ_FIRST(&server->clients); c; c = TAILQ_NEXT(c, entry))
		now |= c->handles;
	server->upcalls_attached = now;
	server->upcalls_stalled &= now;
	upcall_set_attached(now);
	rings_empty(before & ~now);
	// Arms, too.
	if (server->on_upcall != NULL)
		event_active(server->on_upcall, EV_READ, 0);
}

void upcalls_resume(struct server *server, const struct client *c)
{
	uint32_t of = c->handles | (c == server->upcall_client);
	if ((server->upcalls_stalled & of) == 0)
		return;
	server->upcalls_stalled &= ~of;
	event_active(server->on_upcall, EV_READ, 0);
}
