#include "vhost/conn.h"

#include "datapath/eventfd_kick.h"
#include "vhost/ring_check.h"

#include <rte_vhost.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	unsigned feature;
	uint32_t offload;
} tx_offloads[] = {
    {VIRTIO_NET_F_GUEST_CSUM, PORT_TX_CSUM},
    {VIRTIO_NET_F_GUEST_TSO4, PORT_TX_TSO4},
    {VIRTIO_NET_F_GUEST_TSO6, PORT_TX_TSO6},
    {VIRTIO_NET_F_GUEST_ECN, PORT_TX_TSO_ECN},
};

static bool has(uint64_t features, unsigned feature)
{
	return features >> feature & 1;
}

// In a signal handler: PMDs see the device no more, as if its guest had gone. If they did (this is
// their thread, or it is the one that publishes), it was this one.
static void memory_lost(struct memory_owner *owner)
{
	struct vhost_conn *conn = (struct vhost_conn *)owner;

	if (conn->session->active == conn)
		__atomic_store_n(&conn->session->device, NULL, __ATOMIC_SEQ_CST);
}

void conn_init(struct vhost_conn *conn, struct vhost_session *s)
{
	// Who asks for losses looks at all connections.
	pthread_mutex_lock(&s->mutex);
	memset(conn, 0, sizeof(*conn));
	conn->memory.lost = memory_lost;
	conn->vid = -1;
	conn->socket = -1;
	conn->session = s;
	pthread_mutex_unlock(&s->mutex);
}

// What PMDs see.

// Returns when no PMD sees what was published before.
static void publish(struct vhost_session *s, const struct vhost_device *device)
{
	struct vhost_device *next = NULL;

	if (device) {
		s->snapshot = !s->snapshot; // not the one that PMDs may still look at
		next = &s->snapshots[s->snapshot];
		*next = *device;
	}
	pthread_mutex_lock(&s->mutex);
	// A PMD that sees the device sees its queues set up.
	__atomic_store_n(&s->device, next, __ATOMIC_SEQ_CST);
	// Before that its loss would have been forgotten here; after it memory_lost() sees to it.
	if (next && memory_owner_lost(&s->active->memory))
		__atomic_store_n(&s->device, NULL, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&s->mutex);
	ports_synchronize();
}

static struct vhost_device device_of(struct vhost_conn *conn)
{
	struct vhost_device device = {0};

	for (unsigned q = 0; q < VHOST_PAIRS_MAX; q++) {
		if (conn->up >> 2 * q & 1)
			device.rx[device.n_rx++] = &conn->queues[2 * q];
		if (conn->up >> (2 * q + 1) & 1)
			device.tx[q] = &conn->queues[2 * q + 1];
	}
	return device;
}

// Publishes the queues that are up, so that no two PMDs meet unlocked in a receive queue.
static void show(struct vhost_conn *conn)
{
	struct vhost_session *s = conn->session;
	struct vhost_device next = device_of(conn);
	const struct vhost_device *now = session_device(s);

	if (now && memcmp(now->rx, next.rx, sizeof(next.rx)) != 0) {
		struct vhost_device old = *now;

		old.shared = true;
		publish(s, &old);
		next.shared = true;
		publish(s, &next);
		next.shared = false;
	}
	publish(s, &next);
}

// Queues.

static int queue_up(struct vhost_conn *conn, uint16_t v)
{
	struct rte_vhost_vring ring;
	struct virtqueue_config config = {
	    .ring = &ring,
	    .mem = &conn->mem,
	    .features = conn->features,
	    .index = v,
	    .vid = conn->vid,
	    .log = has(conn->features, VHOST_F_LOG_ALL),
	    .resume = !(conn->known >> v & 1),
	};
	const char *why = NULL;

	// A front end may have reset queues without telling.
	if (rte_vhost_get_vhost_vring(conn->vid, v, &ring) < 0 ||
	    rte_vhost_get_vring_base(conn->vid, v, &config.last_avail, &config.last_used) < 0)
		return -ENOENT;
	if (!ring_is_in_memory(&config))
		why = "its ring is not in its memory";
	else if (virtqueue_init(&conn->queues[v], &config) < 0)
		why = "its ring's size, position or place does not do";
	if (why) {
		port_log_warn(conn->session->port, "queue %u of the guest is left out: %s", v, why);
		return -EINVAL;
	}
	// A device before us may have died between what it used and the call.
	if (config.resume)
		virtqueue_call(&conn->queues[v]);
	pthread_mutex_lock(&conn->session->mutex);
	conn->told &= ~(1u << v);
	pthread_mutex_unlock(&conn->session->mutex);
	conn->up |= 1u << v;
	conn->known |= 1u << v;
	return 0;
}

// No PMD uses it.
static void queue_down(struct vhost_conn *conn, uint16_t v)
{
	struct vhost_session *s = conn->session;
	struct virtqueue *vq = &conn->queues[v];
	uint16_t last_avail, last_used;

	virtqueue_base(vq, &last_avail, &last_used);
	rte_vhost_set_vring_base(conn->vid, v, last_avail, last_used);
	pthread_mutex_lock(&s->mutex);
	s->n_malformed += vq->n_malformed;
	vq->n_malformed = 0;
	pthread_mutex_unlock(&s->mutex);
	virtqueue_fini(vq);
	conn->up &= ~(1u << v);
}

// Where the files are of different kinds, the smallest pages set the pace.
static void look_at_files(struct vhost_mem *mem, const struct rte_vhost_memory *table)
{
	struct stat st;

	mem->page_bytes = 0;
	mem->inode = 0;
	for (unsigned i = mem->n; i-- > 0;) {
		if (fstat(table->regions[i].fd, &st) < 0 || st.st_blksize <= 0)
			continue;
		mem->inode = st.st_ino;
		if (mem->page_bytes == 0 || (uint64_t)st.st_blksize < mem->page_bytes)
			mem->page_bytes = (uint64_t)st.st_blksize;
	}
}

static int mem_load(struct vhost_conn *conn)
{
	struct rte_vhost_memory *table = NULL;

	if (!conn->mem_known || rte_vhost_get_mem_table(conn->vid, &table) < 0)
		return -ENOMEM;
	conn->mem.n = RTE_MIN(table->nregions, (uint32_t)VHOST_REGIONS_MAX);
	for (unsigned i = 0; i < conn->mem.n; i++) {
		const struct rte_vhost_mem_region *r = &table->regions[i];

		conn->mem.regions[i] = (struct vhost_region){
		    .gpa = r->guest_phys_addr,
		    .size = r->size,
		    .hva = (uint8_t *)(uintptr_t)r->host_user_addr,
		};
	}
	look_at_files(&conn->mem, table);
	free(table);
	return 0;
}

static uint32_t offloads_of(uint64_t features)
{
	uint32_t offloads = 0;

	// The others say how a frame is to be cut whose checksum is left to do.
	for (size_t i = 0; has(features, VIRTIO_NET_F_GUEST_CSUM) && i < RTE_DIM(tx_offloads); i++)
		offloads |= has(features, tx_offloads[i].feature) ? tx_offloads[i].offload : 0;
	return offloads;
}

static bool is_shown(const struct vhost_conn *conn)
{
	return conn->running && !conn->paused;
}

static void appear(struct vhost_conn *conn)
{
	if (mem_load(conn) < 0 || rte_vhost_get_negotiated_features(conn->vid, &conn->features) < 0)
		return; // paused it stays
	conn->paused = false;
	for (uint16_t v = 0; v < VHOST_VRINGS_MAX; v++) {
		if (conn->ready >> v & 1)
			queue_up(conn, v);
	}
	// Before the guest is there: a frame that it could take whole is not cut.
	__atomic_store_n(&conn->session->port->tx_offloads, offloads_of(conn->features),
			 __ATOMIC_RELAXED);
	show(conn);
}

static void disappear(struct vhost_conn *conn)
{
	if (conn->paused)
		return;
	__atomic_store_n(&conn->session->port->tx_offloads, 0, __ATOMIC_RELAXED);
	publish(conn->session, NULL);
	for (uint16_t v = 0; v < VHOST_VRINGS_MAX; v++) {
		if (conn->up >> v & 1)
			queue_down(conn, v);
	}
	conn->paused = true;
}

void conn_start(struct vhost_conn *conn)
{
	conn->session->active = conn;
	conn->running = true;
	conn->paused = true;
	appear(conn);
}

void conn_stop(struct vhost_conn *conn)
{
	disappear(conn);
	conn->running = false;
	conn->session->active = NULL;
}

void conn_pause(struct vhost_conn *conn)
{
	if (conn->running)
		disappear(conn);
}

void conn_resume(struct vhost_conn *conn)
{
	if (conn->running && conn->paused)
		appear(conn);
}

void conn_vring_ready(struct vhost_conn *conn, uint16_t vring, bool ready)
{
	uint32_t bit = 1u << vring;

	conn->ready = ready ? conn->ready | bit : conn->ready & ~bit;
	if (!is_shown(conn) || ready == !!(conn->up & bit))
		return;
	if (ready) {
		if (queue_up(conn, vring) == 0)
			show(conn);
		return;
	}
	conn->up &= ~bit;
	show(conn);
	queue_down(conn, vring);
}

// A PMD may have called on the old file while nobody waited there any more: hence the call at the
// end.
void conn_vring_call(struct vhost_conn *conn, uint16_t vring)
{
	struct virtqueue *vq = &conn->queues[vring];
	struct rte_vhost_vring ring;
	int fd, old, rc;

	if (!is_shown(conn) || !(conn->up >> vring & 1) ||
	    rte_vhost_get_vhost_vring(conn->vid, vring, &ring) < 0)
		return;
	rc = virtqueue_call_fd_dup(ring.callfd, &fd);
	if (rc < 0)
		port_log_warn(conn->session->port, "queue %u of the guest gets no calls: %s", vring,
			      strerror(-rc));
	old = __atomic_exchange_n(&vq->call_fd, fd, __ATOMIC_RELEASE);
	ports_synchronize();
	if (old >= 0)
		close(old);
	if (fd >= 0)
		eventfd_kick_send(fd);
}
