#include "vhost/request.h"

#include "datapath/stranger_fd.h"
#include "vhost/conn.h"
#include "vhost/mem_table.h"

#include <rte_arp.h>

#include <stdio.h>
#include <string.h>

#define PACKED_START 0x8000u // position 0 with the wrap counter at 1

static void refuse(struct vhost_session *s, struct message *m, const char *what, const char *why)
{
	port_log_warn(s->port, "%s refused: %s", what, why);
	message_close_fds(m); // librte_vhost does not when a callback refuses
}

static enum rte_vhost_msg_result take_away(struct vhost_conn *conn, struct message *m)
{
	(void)m;
	conn_pause(conn);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result check_mem_table(struct vhost_conn *conn, struct message *m)
{
	char why[128];

	if (message_fds_known(m) && mem_table_check_message(m, why, sizeof(why)) < 0) {
		refuse(conn->session, m, "guest memory", why);
		return RTE_VHOST_MSG_RESULT_ERR;
	}
	conn_pause(conn);
	__atomic_store_n(&conn->mem_known, false, __ATOMIC_RELAXED); // as has_driver
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static void mem_table_taken(struct vhost_conn *conn, const struct message *m)
{
	(void)m;
	__atomic_store_n(&conn->mem_known, true, __ATOMIC_RELAXED);
}

// librte_vhost 22.11 would never unmap all of it.
static enum rte_vhost_msg_result check_log(struct vhost_conn *conn, struct message *m)
{
	if (message_fds_known(m) && m->log.offset != 0) {
		refuse(conn->session, m, "dirty log", "it does not start where its file does");
		return RTE_VHOST_MSG_RESULT_ERR;
	}
	return take_away(conn, m);
}

// Offered to nobody, and it makes mapping fail when the guest does not acknowledge it.
static enum rte_vhost_msg_result refuse_postcopy(struct vhost_conn *conn, struct message *m)
{
	if (!message_fds_known(m))
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	refuse(conn->session, m, "postcopy migration", "not offered");
	return RTE_VHOST_MSG_RESULT_ERR;
}

// The answer of librte_vhost 22.11 is always 128; ours keeps a guest from using queues that nobody
// polls.
static enum rte_vhost_msg_result answer_queue_num(struct vhost_conn *conn, struct message *m)
{
	if (message_fds_known(m))
		message_close_fds(m);
	m->u64 = conn->session->n_pairs;
	m->size = sizeof(m->u64);
	return RTE_VHOST_MSG_RESULT_REPLY;
}

// librte_vhost forgets all vrings without telling that they are not ready any more.
static void owner_reset(struct vhost_conn *conn, const struct message *m)
{
	(void)m;
	conn->ready = 0;
	conn->was_reset = true;
}

// What a reset leaves is no position of a packed ring: its wrap counters start with 1.
static void features_agreed(struct vhost_conn *conn, const struct message *m)
{
	__atomic_store_n(&conn->has_driver, true, __ATOMIC_RELAXED); // the control thread looks
	if (!conn->was_reset || !(m->u64 >> VIRTIO_F_RING_PACKED & 1))
		return;
	for (uint16_t v = 0; v < rte_vhost_get_vring_num(conn->vid); v++)
		rte_vhost_set_vring_base(conn->vid, v, PACKED_START, PACKED_START);
	conn->was_reset = false;
}

static void call_changed(struct vhost_conn *conn, const struct message *m)
{
	uint16_t vring = m->u64 & 0xff;

	if (vring < VHOST_VRINGS_MAX)
		conn_vring_call(conn, vring);
}

// A guest that has moved here and cannot tell the network itself: the switch receives this RARP
// from it.
static void announce(struct vhost_conn *conn, const struct message *m)
{
	struct vhost_session *s = conn->session;
	struct rte_ether_addr mac;
	struct rte_mbuf *rarp;

	memcpy(mac.addr_bytes, m->mac, sizeof(mac.addr_bytes));
	rarp = rte_net_make_rarp_packet(packet_pool(), &mac);
	if (!rarp)
		port_log_warn(s->port, "out of packet buffers: its guest's new place is not told");
	else
		rte_pktmbuf_free(__atomic_exchange_n(&s->announce, rarp, __ATOMIC_ACQ_REL));
}

static const struct {
	enum rte_vhost_msg_result (*before)(struct vhost_conn *conn, struct message *m);
	void (*after)(struct vhost_conn *conn, const struct message *m);
} requests[] = {
    [MESSAGE_SET_FEATURES] = {take_away, features_agreed},
    [MESSAGE_RESET_OWNER] = {take_away, owner_reset},
    [MESSAGE_SET_MEM_TABLE] = {check_mem_table, mem_table_taken},
    [MESSAGE_SET_LOG_BASE] = {check_log, NULL},
    [MESSAGE_SET_VRING_NUM] = {take_away, NULL},
    [MESSAGE_SET_VRING_ADDR] = {take_away, NULL},
    [MESSAGE_SET_VRING_BASE] = {take_away, NULL},
    [MESSAGE_GET_VRING_BASE] = {take_away, NULL},
    [MESSAGE_SET_VRING_KICK] = {take_away, NULL},
    [MESSAGE_SET_VRING_CALL] = {NULL, call_changed},
    [MESSAGE_GET_QUEUE_NUM] = {answer_queue_num, NULL},
    [MESSAGE_SEND_RARP] = {NULL, announce},
    [MESSAGE_POSTCOPY_ADVISE] = {refuse_postcopy, NULL},
    [MESSAGE_POSTCOPY_LISTEN] = {refuse_postcopy, NULL},
};

#define NO_MEMORY "it is no memfd, nor a file of hugetlbfs or tmpfs (/dev/shm)"
#define NO_EVENT  "it is no eventfd"

// The files that belong to a message. With others, librte_vhost would wait for their owner, here or
// where it closes them.
static const struct file_row {
	uint32_t request;
	enum stranger_fd_kind kind;
	const char *what, *why;
} file_rows[] = {
    {MESSAGE_SET_MEM_TABLE, STRANGER_MEMORY, "guest memory", NO_MEMORY},
    {MESSAGE_SET_LOG_BASE, STRANGER_MEMORY, "dirty log", NO_MEMORY},
    {MESSAGE_SET_VRING_KICK, STRANGER_EVENT, "kick file", NO_EVENT},
    {MESSAGE_SET_VRING_CALL, STRANGER_EVENT, "call file", NO_EVENT},
    {MESSAGE_SET_VRING_ERR, STRANGER_EVENT, "error file", NO_EVENT},
};

static const struct file_row *file_row(uint32_t request)
{
	for (size_t i = 0; i < RTE_DIM(file_rows); i++) {
		if (file_rows[i].request == request)
			return &file_rows[i];
	}
	return NULL;
}

static bool files_fit(const struct message *m, const struct file_row *row)
{
	for (int i = 0; message_fds_known(m) && i < m->n_fds; i++) {
		enum stranger_fd_kind kind = stranger_fd_kind(m->fds[i]);

		if (row ? kind != row->kind : kind == STRANGER_OTHER)
			return false;
	}
	return true;
}

static enum rte_vhost_msg_result hang_up(struct vhost_conn *conn, struct message *m,
					 const struct file_row *row)
{
	char what[32];

	snprintf(what, sizeof(what), "message %u", m->request);
	refuse(conn->session, m, row ? row->what : what, row ? row->why : "it comes with a file");
	m->flags &= ~MESSAGE_NEED_REPLY; // without an answer to give librte_vhost hangs up
	return RTE_VHOST_MSG_RESULT_ERR;
}

enum rte_vhost_msg_result request_before(struct vhost_conn *conn, struct message *m)
{
	const struct file_row *row = file_row(m->request);

	conn->request = m->request;
	stranger_fd_place(conn->session->path);
	if (!files_fit(m, row))
		return hang_up(conn, m, row);
	if (m->request < RTE_DIM(requests) && requests[m->request].before)
		return requests[m->request].before(conn, m);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

void request_after(struct vhost_conn *conn, const struct message *m)
{
	if (conn->request < RTE_DIM(requests) && requests[conn->request].after)
		requests[conn->request].after(conn, m);
	conn_resume(conn);
}
