// Packets from the PMDs' rings to the one client that asked for them. While its socket is full the
// rings are left alone: they are the bound, and the PMDs count what they cannot take. Ports past
// their budget have only the first part of the socket's room: the others' misses do not wait behind
// theirs for long, and find room while the client is busy with something else.
#include "datapath/server_internal.h"

#include "ctl/dp_put.h"
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

// What was under way when nobody takes it any more.
static void rings_empty(void)
{
	struct rte_mbuf *pkts[DRAIN_BATCH];
	unsigned n;
	while ((n = upcall_drain(pkts, DRAIN_BATCH, true)) > 0) {
		for (unsigned i = 0; i < n; i++)
			pmd_pool_count_drop(packet_meta(pkts[i])->in_port, DROP_UPCALL_LOST, 1);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

static bool fill_upcall(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	static uint8_t linear[UPCALL_PACKET_MAX];
	struct rte_mbuf *m = arg;
	const struct packet_meta *meta = packet_meta(m);
	uint32_t len = rte_pktmbuf_pkt_len(m);
	(void)server;
	if (len > sizeof(linear))
		return false;
	const void *data = rte_pktmbuf_read(m, 0, len, linear);
	struct flow_key key; // as the PMD has it
	flow_meta_extract(&meta->flow, meta->in_port, meta->recirc_id, data,
			  RTE_MIN(len, HEADERS_MAX), &key);
	const struct action_userspace *user = &meta->userspace;
	if (!dp_key_put(nlh, room, OVS_PACKET_ATTR_KEY, &key, NULL))
		return false;
	if (meta->is_action && user->cookie_len > 0 &&
	    !dp_put(nlh, room, OVS_PACKET_ATTR_USERDATA, user->cookie_len, user->cookie))
		return false;
	return dp_put(nlh, room, OVS_PACKET_ATTR_PACKET, len, data);
}

static void hand_over(struct server *server, struct client *c, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	const struct message_head head = {.family = DP_FAMILY_PACKET,
					  .cmd = meta->is_action ? OVS_PACKET_CMD_ACTION
								 : OVS_PACKET_CMD_MISS,
					  .dp_ifindex = DP_IFINDEX};
	if (client_put(c, &head, fill_upcall, m) < 0)
		pmd_pool_count_drop(meta->in_port, DROP_UPCALL_LOST, 1);
	else if (!meta->is_action)
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

static unsigned drain_batch(struct server *server, struct client *c, bool past_budget)
{
	struct rte_mbuf *pkts[DRAIN_BATCH];
	unsigned n = upcall_drain(pkts, DRAIN_BATCH, past_budget);
	for (unsigned i = 0; i < n; i++)
		hand_over(server, c, pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
	client_flush(c);
	return n;
}

static void drain(struct server *server)
{
	static const struct timeval later = {.tv_usec = LATER_US};
	struct client *c = server->upcall_client;
	for (unsigned i = 0; i < BATCHES_PER_TURN; i++) {
		server->upcalls_stalled = client_blocked(c);
		if (server->upcalls_stalled || c->dead)
			return;
		bool past_budget = has_read_most(c);
		if (drain_batch(server, c, past_budget) > 0)
			continue;
		if (!past_budget) {
			// That the client reads makes no event; its requests show it.
			server->upcalls_stalled = true;
			event_add(server->on_upcall_later, &later);
			return;
		}
		if (upcall_arm())
			return; // a PMD writes the eventfd at the next miss
	}
	event_active(server->on_upcall, EV_READ, 0);
}

static void on_upcall(evutil_socket_t fd, short events, void *arg)
{
	struct server *server = arg;
	uint64_t count;
	(void)events;
	// It only wakes: what there is to do stands in the rings.
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		log_error("upcall eventfd: cannot read");
	struct client *c = server->upcall_client;
	if (c == NULL) {
		rings_empty();
		return;
	}
	drain(server);
	if (c->dead)
		client_destroy(c);
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
	rings_empty();
}

int upcalls_attach(struct server *server, struct client *c)
{
	if (server->upcall_client != NULL && server->upcall_client != c)
		return -EBUSY;
	if (server->upcall_client == NULL)
		log_info("control daemon attached (client %u)", c->id);
	server->upcall_client = c;
	server->version_logged = 0;
	upcall_set_attached(true);
	// Arms, too.
	event_active(server->on_upcall, EV_READ, 0);
	return 0;
}

void upcalls_detach(struct server *server, const struct client *c)
{
	if (server->upcall_client != c)
		return;
	log_info("control daemon detached (client %u): established flows go on", c->id);
	server->upcall_client = NULL;
	server->upcalls_stalled = false;
	upcall_set_attached(false);
	unanswered_drop(server);
	rings_empty();
}

void upcalls_refresh(struct server *server)
{
	(void)server;
}

void upcalls_resume(struct server *server, const struct client *c)
{
	if (server->upcall_client != c || !server->upcalls_stalled)
		return;
	server->upcalls_stalled = false;
	event_active(server->on_upcall, EV_READ, 0);
}
