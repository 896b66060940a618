#define _GNU_SOURCE // accept4
#include "ctl/swctld/rpc_server.h"

#include "ctl/account.h"
#include "ctl/log.h"
#include "ctl/peer.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rpc_budget.h"
#include "ctl/swctld/rpc_listen.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define EVICT_IDLE_MS 1000 // a client so long silent may give its place to a new one

#define READ_MAX 262144 // bytes at a time, about what a socket holds

#define PAUSE_MS 100   // until a connection is tried again that there was no descriptor for
#define TELL_MS	 10000 // between two lines about a crowd

struct client {
	struct rpc_server *server;
	struct bufferevent *bev;
	struct peer who;
	struct rpc_budget *budget; // NULL: who may change has none
	bool ready;		   // waits for its turn
	uint64_t taken_us;	   // of swctld's processor time
	struct client *ready_prev, *ready_next;
	char *line; // what has come and is not answered
	size_t len, cap;
	size_t scanned; // of that, bytes without a newline
	bool ended;	// sends no more: closed once its replies are out
	uint64_t active_ms;
	struct client *prev, *next;
};

struct rpc_server {
	struct swctld *d;
	int fd; // -1: none
	struct event *on_accept, *on_pause_over;
	uint64_t told_ms; // of a crowd
	char path[256];
	struct client *clients; // the longest silent first
	unsigned n_clients;
	struct client *ready; // who has taken the least has the next turn
	uint64_t taken_us;    // by who had the last turn, before it
	struct event *turn;
	struct rpc_budgets budgets;
	size_t buffered; // sum of their caps
};

static void client_free(struct client *c)
{
	struct rpc_server *s = c->server;
	DL_DELETE(s->clients, c);
	if (c->ready)
		DL_DELETE2(s->ready, c, ready_prev, ready_next);
	if (c->budget)
		rpc_budget_put(c->budget);
	s->n_clients--;
	s->buffered -= c->cap;
	bufferevent_free(c->bev);
	free(c->line);
	free(c);
}

static void client_touch(struct client *c)
{
	c->active_ms = clock_now_ms();
	DL_DELETE(c->server->clients, c);
	DL_APPEND(c->server->clients, c);
}

static size_t unread(const struct client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void free_text(const void *text, size_t len, void *arg)
{
	(void)len;
	(void)arg;
	free((void *)text);
}

// Takes the line over; NULL is no reply.
static void send_line(struct client *c, char *line)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);
	if (!line)
		return;
	// It may have grown in a buffer of twice its size, and wait for long.
	size_t len = strlen(line);
	char *fitting = realloc(line, len + 1);
	line = fitting ? fitting : line;
	if (evbuffer_add_reference(output, line, len, free_text, NULL) < 0)
		free(line);
	evbuffer_add(output, "\n", 1);
}

// Says why, and closes when that is out.
static void client_end(struct client *c, const char *why)
{
	send_line(c, rpc_error(NULL, RPC_NOT_A_REQUEST, why));
	c->ended = true;
	c->len = c->scanned = 0;
	bufferevent_disable(c->bev, EV_READ);
}

// Room for n more bytes of a line. false when the bounds forbid it.
static bool reserve(struct client *c, size_t n)
{
	size_t cap = c->cap ? c->cap : 4096;
	while (cap < c->len + n)
		cap *= 2;
	if (cap == c->cap)
		return true;
	if (c->server->buffered - c->cap + cap > RPC_BUFFERED_MAX)
		return false;
	char *line = realloc(c->line, cap);
	if (!line)
		return false;
	c->server->buffered += cap - c->cap;
	c->line = line;
	c->cap = cap;
	return true;
}

// Forgets the first n bytes; a big buffer does not outlive its line.
static void consume(struct client *c, size_t n)
{
	c->len -= n;
	c->scanned = 0;
	memmove(c->line, c->line + n, c->len);
	if (c->len == 0 && c->cap > 65536) {
		c->server->buffered -= c->cap;
		free(c->line);
		c->line = NULL;
		c->cap = 0;
	}
}

// Finds the end of the line that starts at `start`. false when it has not come yet.
static bool line_end(struct client *c, size_t start, size_t *end)
{
	size_t from = c->scanned > start ? c->scanned : start;
	char *newline = c->len > from ? memchr(c->line + from, '\n', c->len - from) : NULL;
	c->scanned = *end = newline ? (size_t)(newline - c->line) : c->len;
	return newline != NULL;
}

static bool is_blank(const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	return len == 0;
}

static bool crowd_is_news(struct rpc_server *s)
{
	uint64_t now_ms = clock_now_ms();
	if (s->told_ms && now_ms - s->told_ms < TELL_MS)
		return false;
	s->told_ms = now_ms;
	return true;
}

// Keeps what all clients together have not read within bounds, and one reply: those that wait with
// more than their share go, the longest silent first.
static void drop_deaf(struct rpc_server *s, const struct client *asking)
{
	struct client *c, *tmp;
	size_t sum = 0;
	DL_FOREACH (s->clients, c)
		sum += unread(c);
	if (sum > RPC_UNREAD_MAX && crowd_is_news(s))
		log_warn("clients have not read %zu MiB of replies: dropping those that asked "
			 "first",
			 sum >> 20);
	DL_FOREACH_SAFE (s->clients, c, tmp) {
		if (sum <= RPC_UNREAD_MAX || c == asking || unread(c) <= RPC_OUTPUT_MAX)
			continue;
		sum -= unread(c);
		client_free(c);
	}
}

// Answers whole lines while the client reads its replies and its turn lasts. false when lines are
// left.
static bool answer_lines(struct client *c)
{
	uint64_t until_ms = clock_now_ms() + RPC_TURN_MS;
	size_t start = 0, end;
	bool left;
	while ((left = line_end(c, start, &end)) && unread(c) <= RPC_OUTPUT_MAX &&
	       clock_now_ms() <= until_ms) {
		if (!is_blank(c->line + start, end - start)) {
			send_line(c, rpc_dispatch(c->server->d, &c->who, c->line + start,
						  end - start));
			drop_deaf(c->server, c);
		}
		start = end + 1;
	}
	if (start > 0)
		consume(c, start);
	return !left;
}

static size_t line_max(const struct client *c)
{
	return c->who.may_change ? RPC_LINE_MAX : RPC_READER_LINE_MAX;
}

static unsigned wait_ms(const struct client *c)
{
	return c->budget ? rpc_budget_wait_ms(c->budget, clock_now_ms()) : 0;
}

// Each turn is a round of the event loop's: missed packets have theirs in between.
static void turn_later(struct rpc_server *s)
{
	unsigned ms = UINT_MAX;
	for (struct client *c = s->ready; c && ms > 0; c = c->ready_next) {
		unsigned its = wait_ms(c);
		ms = its < ms ? its : ms;
	}
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	if (s->ready)
		evtimer_add(s->turn, &tv);
}

// It is not read any further until its turn has come. What others took while it asked for nothing
// is not made up for.
static void get_ready(struct client *c)
{
	struct rpc_server *s = c->server;
	bufferevent_disable(c->bev, EV_READ);
	if (!c->ready)
		DL_APPEND2(s->ready, c, ready_prev, ready_next);
	c->ready = true;
	if (c->taken_us < s->taken_us)
		c->taken_us = s->taken_us;
	turn_later(s);
}

static uint64_t processor_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

// false when lines are left.
static bool answer_and_account(struct client *c)
{
	uint64_t began_us = processor_us();
	bool done = answer_lines(c);
	uint64_t us = processor_us() - began_us;
	c->taken_us += us;
	if (c->budget)
		rpc_budget_take(c->budget, us);
	return done;
}

static void refuse_long_line(struct client *c)
{
	char why[96];
	snprintf(why, sizeof(why), "line longer than %zu MiB%s; send it in smaller parts",
		 line_max(c) >> 20, c->who.may_change ? "" : ", the most for who may only read");
	client_end(c, why);
}

// What may be done for a client now. It may be gone afterwards.
static void serve(struct client *c)
{
	bool done = answer_and_account(c);
	if (!done) {
		// Either its turn is over, or its replies must be read first: on_written comes
		// then.
		if (unread(c) <= RPC_OUTPUT_MAX)
			get_ready(c);
		return;
	}
	if (!c->ended && c->len > line_max(c))
		refuse_long_line(c);
	if (c->ended && unread(c) == 0)
		client_free(c);
	else if (!c->ended)
		bufferevent_enable(c->bev, EV_READ);
}

// Of those that may take something, the one that has taken the least.
static struct client *next_client(const struct rpc_server *s)
{
	struct client *next = NULL;
	for (struct client *c = s->ready; c; c = c->ready_next) {
		if (wait_ms(c) == 0 && (!next || c->taken_us < next->taken_us))
			next = c;
	}
	return next;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_server *s = arg;
	struct client *c = next_client(s);
	(void)fd;
	(void)what;
	if (c) {
		DL_DELETE2(s->ready, c, ready_prev, ready_next);
		c->ready = false;
		s->taken_us = c->taken_us;
		serve(c);
	}
	turn_later(s);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(input);
	client_touch(c);
	if (!reserve(c, n)) {
		client_end(c, "too much is waiting in unfinished lines; send it in smaller parts");
		return;
	}
	evbuffer_remove(input, c->line + c->len, n);
	c->len += n;
	get_ready(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	get_ready(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;
	(void)bev;
	if (what & BEV_EVENT_TIMEOUT)
		log_warn("a client has not read its replies for %d s: dropped", RPC_STALL_S);
	// One that only ends its sending side still gets its replies.
	c->ended = true;
	if (what & BEV_EVENT_EOF)
		get_ready(c);
	else
		client_free(c);
}

struct rpc_server *rpc_server_create(struct swctld *d)
{
	struct rpc_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->d = d;
	s->fd = -1;
	s->turn = evtimer_new(d->base, on_turn, s);
	if (s->turn)
		return s;
	free(s);
	return NULL;
}

unsigned rpc_server_n_clients(const struct rpc_server *s)
{
	return s->n_clients;
}

static bool is_idle(const struct client *c)
{
	return !c->ready && clock_now_ms() - c->active_ms >= EVICT_IDLE_MS;
}

static struct client *longest_idle(const struct rpc_server *s)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (is_idle(c))
			return c;
	}
	return NULL;
}

// Who has to give its place to a newcomer: the longest silent one that only reads. One who may
// change does not wait until that has been silent for a while.
static struct client *to_evict(const struct rpc_server *s, const struct peer *newcomer)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (!c->who.may_change && (newcomer->may_change || is_idle(c)))
			return c;
	}
	return newcomer->may_change ? longest_idle(s) : NULL;
}

static bool evict(struct rpc_server *s, struct client *c)
{
	if (!c)
		return false;
	if (crowd_is_news(s))
		log_info("%u control clients: the longest silent one gives its place",
			 s->n_clients);
	client_free(c);
	return true;
}

// Silent clients must not keep others out.
static bool make_place(struct rpc_server *s, const struct peer *newcomer)
{
	return s->n_clients < RPC_CLIENTS_MAX || evict(s, to_evict(s, newcomer));
	return true;
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

// Finds it a place, and its budget if it needs one. false: there is none.
static bool admit(struct rpc_server *s, const struct peer *who, struct rpc_budget **budget)
{
	*budget = NULL;
	if (who->may_change)
		return make_place(s, who);
	*budget = rpc_budget_get(&s->budgets, who->uid, clock_now_ms());
	if (*budget && make_place(s, who))
		return true;
	if (*budget)
		rpc_budget_put(*budget);
	return false;
}

static struct client *client_new(struct rpc_server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(s->d->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c && c->bev)
		return c;
	free(c);
	close(fd);
	return NULL;
}

int rpc_server_adopt(struct rpc_server *s, int fd)
{
	struct timeval stall = {.tv_sec = RPC_STALL_S};
	struct peer who = peer_of(fd, s->d->admin_gid);
	struct rpc_budget *budget;
	if (!admit(s, &who, &budget)) {
		refuse_full(fd);
		return -EBUSY;
	}
	struct client *c = client_new(s, fd);
	if (!c) {
		if (budget)
			rpc_budget_put(budget);
		return -ENOMEM;
	}
	c->server = s;
	c->who = who;
	c->budget = budget;
	c->active_ms = clock_now_ms();
	DL_APPEND(s->clients, c);
	s->n_clients++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_set_max_single_read(c->bev, READ_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return 0;
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
		if (crowd_is_news(s))
			log_warn("%s: cannot take a client: %s", s->path, strerror(errno));
		if (evict(s, longest_idle(s)))
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
	struct client *c, *tmp;
	DL_FOREACH_SAFE (s->clients, c, tmp) {
		// cppcheck-suppress uninitvar // it does not see that DL_FOREACH_SAFE sets c
		client_free(c);
	}
	if (s->on_accept)
		event_free(s->on_accept);
	if (s->on_pause_over)
		event_free(s->on_pause_over);
	event_free(s->turn);
	if (s->fd >= 0)
		close(s->fd);
	if (s->path[0])
		unlink(s->path);
	free(s);
}
