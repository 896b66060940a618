#define _GNU_SOURCE // accept4
#include "ctl/swctld/rpc_server.h"

#include "ctl/log.h"
#include "ctl/swctld/rpc_listen.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 100 // until a connection is tried again that there was no descriptor for

struct rpc_server {
	struct swctld *d;
	int fd; // -1: none
	struct event *on_accept, *on_pause_over;
	char path[256];
	struct rpc_crowd crowd;
};

struct rpc_server *rpc_server_create(struct swctld *d)
{
	struct rpc_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->d = d;
	s->fd = -1;
	if (rpc_crowd_init(&s->crowd, d) == 0)
		return s;
	free(s);
	return NULL;
}

unsigned rpc_server_n_clients(const struct rpc_server *s)
{
	return s->crowd.n;
}

static void refuse_full(int fd)
{
	static const char text[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":"
	    "\"too many control clients; try again\",\"data\":{\"again\":true}}}\n";
	// Best effort: it is not waited for.
	ssize_t n = write(fd, text, sizeof(text) - 1);
	(void)n;
	close(fd);
}

int rpc_server_adopt(struct rpc_server *s, int fd)
{
	struct peer who = peer_of(fd, s->d->admin_gid);
	struct rpc_budget *budget;
	if (!rpc_crowd_admit(&s->crowd, &who, &budget)) {
		refuse_full(fd);
		return -EBUSY;
	}
	return rpc_client_create(&s->crowd, fd, &who, budget) ? 0 : -ENOMEM;
}

// One a turn: whoever connects without a pause does not keep the others waiting.
static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	static const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
	struct rpc_server *s = arg;
	(void)what;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		rpc_server_adopt(s, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		// The connection stays pending and the socket readable, so it must not be asked
		// again at once.
		if (rpc_crowd_is_news(&s->crowd))
			log_warn("%s: cannot take a client: %s", s->path, strerror(errno));
		if (rpc_crowd_free_one(&s->crowd))
			return;
		event_del(s->on_accept);
		event_add(s->on_pause_over, &pause);
	}
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_server *s = arg;
	(void)fd;
	(void)what;
	event_add(s->on_accept, NULL);
}

struct rpc_server *rpc_server_start(struct swctld *d, uid_t uid, gid_t gid, char *err,
				    size_t err_len)
{
	struct rpc_server *s = rpc_server_create(d);
	if (!s) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	snprintf(s->path, sizeof(s->path), "%s/control.sock", d->run_dir);
	s->fd = rpc_listen(s->path, uid, gid, err, err_len);
	if (s->fd < 0) {
		s->path[0] = '\0'; // what is there is not ours
		rpc_server_stop(s);
		return NULL;
	}
	s->on_accept = event_new(d->base, s->fd, EV_READ | EV_PERSIST, on_accept, s);
	s->on_pause_over = evtimer_new(d->base, on_pause_over, s);
	if (!s->on_accept || !s->on_pause_over || event_add(s->on_accept, NULL) < 0) {
		snprintf(err, err_len, "out of memory");
		rpc_server_stop(s);
		return NULL;
	}
	return s;
}

void rpc_server_stop(struct rpc_server *s)
{
	if (!s)
		return;
	rpc_crowd_fini(&s->crowd);
	if (s->on_accept)
		event_free(s->on_accept);
	if (s->on_pause_over)
		event_free(s->on_pause_over);
	if (s->fd >= 0)
		close(s->fd);
	if (s->path[0])
		unlink(s->path);
	free(s);
}
