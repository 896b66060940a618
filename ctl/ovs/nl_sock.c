// Connections that swd sends to unasked: OVS's nl_sock_*(). One a handler, for misses, and one for
// what happens to ports.
//
// One that broke says nothing any more, instead of an error at each try (handlers would spin on
// it), and its link is lost. provider.c destroys it and makes another when swd is back. A handler
// whose connection could not be made has none (NULL).
#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/conn.h"
#include "ctl/ovs/proto.h"
#include "ctl/ovs/vports.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "openvswitch/ofpbuf.h"
#include "openvswitch/poll-loop.h"
#include "util.h"

struct nl_sock {
	struct conn *conn; // NULL: broken
};

int swd_sock_create(int protocol OVS_UNUSED, struct nl_sock **sockp)
{
	struct conn *c;
	*sockp = NULL;
	int err = conn_open(&c);
	if (err != 0)
		return err;
	struct nl_sock *sock = xzalloc(sizeof(*sock));
	sock->conn = c;
	*sockp = sock;
	return 0;
}

void swd_sock_destroy(struct nl_sock *sock)
{
	if (sock == NULL)
		return;
	conn_close(sock->conn);
	free(sock);
}

static void broken(struct nl_sock *sock)
{
	conn_broken(sock->conn);
	sock->conn = NULL;
}

int swd_sock_join_mcgroup(struct nl_sock *sock, unsigned int group OVS_UNUSED)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct ovs_header ovs;
	} ask = {
	    .nlh = {.nlmsg_len = sizeof(ask),
		    .nlmsg_type = DP_FAMILY_SWD,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		    .nlmsg_seq = ++sock->conn->seq},
	    .genl = {.cmd = SWD_CMD_SUBSCRIBE, .version = DP_PROTO_VERSION},
	};
	const struct nlmsghdr *nlh;
	char text[256];
	int err = conn_send(sock->conn, &ask, sizeof(ask));
	while (err == 0) {
		err = conn_recv(sock->conn, &nlh, CONN_TIMEOUT_MS);
		if (err == 0 && nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_seq == sock->conn->seq)
			return conn_error_of(nlh, text, sizeof(text));
	}
	broken(sock);
	return err == EAGAIN ? ETIMEDOUT : err;
}

int swd_sock_recv(struct nl_sock *sock, struct ofpbuf *buf, int *nsid OVS_UNUSED,
		  bool wait OVS_UNUSED)
{
	const struct nlmsghdr *nlh;
	char text[256];
	if (sock == NULL || sock->conn == NULL)
		return EAGAIN;
	int err = conn_recv(sock->conn, &nlh, 0);
	if (err == EAGAIN)
		return EAGAIN;
	if (err != 0) {
		broken(sock);
		return EAGAIN;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return conn_error_of(nlh, text, sizeof(text)) == ENOBUFS ? ENOBUFS : EAGAIN;
	vports_hear(nlh);
	ofpbuf_clear(buf);
	ofpbuf_put(buf, nlh, nlh->nlmsg_len);
	return 0;
}

int swd_sock_drain(struct nl_sock *sock)
{
	const struct nlmsghdr *nlh;
	for (unsigned i = 0; i < 4096 && sock != NULL && sock->conn != NULL; i++) {
		int err = conn_recv(sock->conn, &nlh, 0);
		if (err == EAGAIN)
			break;
		if (err != 0)
			broken(sock);
	}
	return 0;
}

void swd_sock_wait(const struct nl_sock *sock, short int events)
{
	link_wait();
	if (sock == NULL || sock->conn == NULL)
		return;
	if (sock->conn->in_len > 0)
		poll_immediate_wake();
	else
		poll_fd_wait(sock->conn->fd, events);
}

int swd_sock_fd(const struct nl_sock *sock) // of per-vport dispatch, which is not used
{
	return sock->conn != NULL ? sock->conn->fd : -1;
}

uint32_t swd_sock_pid(const struct nl_sock *sock)
{
	return sock->conn != NULL ? sock->conn->id : 0;
}
