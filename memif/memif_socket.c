#define _GNU_SOURCE // accept4
#include "memif/memif_socket.h"

#include "datapath/stranger_fd.h"
#include "memif/memif.h"
#include "memif/memif_conn.h"
#include "vhost/socket_path.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

struct memif_socket {
	struct sockaddr_un address;
	unsigned n_users;
	int fd;
	dev_t dev; // of its file
	ino_t ino;
	struct event *on_accept;
	LIST_ENTRY(memif_socket) all;
};

static LIST_HEAD(socket_list, memif_socket) sockets = LIST_HEAD_INITIALIZER(sockets);

static void accept_one(evutil_socket_t listener, short events, void *arg)
{
	struct memif_socket *s = arg;
	(void)events;
	stranger_fd_place(s->address.sun_path);
	if (!stranger_fd_room()) {
		event_del(s->on_accept); // until the next look
		return;
	}
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		memif_conn_open_server(s, fd);
	else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		event_del(s->on_accept); // out of descriptors, say: as above
}

void memif_sockets_look(void)
{
	struct memif_socket *s;
	for (s = LIST_FIRST(&sockets); s; s = LIST_NEXT(s, all))
		event_add(s->on_accept, NULL);
}

static int bind_it(struct memif_socket *s, char *err, size_t err_len)
{
	struct stat st;
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t old = umask(0117); // mode 0660 from the first moment
	int rc = s->fd < 0 ? -1 : bind(s->fd, (struct sockaddr *)&s->address, sizeof(s->address));
	umask(old);
	if (rc < 0 || listen(s->fd, BACKLOG) < 0 || lstat(s->address.sun_path, &st) < 0) {
		rc = -errno;
		snprintf(err, err_len, "cannot listen at path=%s: %s", s->address.sun_path,
			 strerror(-rc));
		return rc;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

static void destroy(struct memif_socket *s)
{
	struct stat st;
	if (s->on_accept)
		event_free(s->on_accept);
	if (s->ino && lstat(s->address.sun_path, &st) == 0 && st.st_ino == s->ino &&
	    st.st_dev == s->dev)
		unlink(s->address.sun_path);
	stranger_fd_place(s->address.sun_path);
	if (s->fd >= 0)
		stranger_fd_close(s->fd); // connections that nobody has accepted go with it
	free(s);
}

static int create(const char *path, const struct port_config *config, struct memif_socket **out,
		  char *err, size_t err_len)
{
	int rc = socket_path_claim(path, err, err_len);
	if (rc < 0)
		return rc;
	struct memif_socket *s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	s->address.sun_family = AF_UNIX;
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%s", path);
	rc = bind_it(s, err, err_len);
	if (rc == 0)
		rc = port_socket_give(config, path, err, err_len);
	if (rc < 0) {
		destroy(s);
		return rc;
	}
	s->on_accept = event_new(memif_base, s->fd, EV_READ | EV_PERSIST, accept_one, s);
	if (!s->on_accept || event_add(s->on_accept, NULL) < 0) {
		destroy(s);
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&sockets, s, all);
	*out = s;
	return 0;
}

int memif_socket_get(const char *path, const struct port_config *config, struct memif_socket **out,
		     char *err, size_t err_len)
{
	struct memif_socket *s;
	for (s = LIST_FIRST(&sockets); s; s = LIST_NEXT(s, all)) {
		if (strcmp(s->address.sun_path, path) == 0)
			break;
	}
	int rc = s ? 0 : create(path, config, &s, err, err_len);
	if (rc < 0)
		return rc;
	s->n_users++;
	*out = s;
	return 0;
}

const char *memif_socket_path(const struct memif_socket *s)
{
	return s->address.sun_path;
}

void memif_socket_put(struct memif_socket *s)
{
	if (--s->n_users > 0)
		return;
	LIST_REMOVE(s, all);
	memif_conns_close_of(s);
	destroy(s);
}
