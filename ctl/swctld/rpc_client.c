#include "ctl/swctld/rpc_client.h"

#include "ctl/log.h"
#include "ctl/swctld/daemon.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rpc_crowd.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX 262144 // bytes at a time, about what a socket holds

size_t rpc_client_unread(const struct rpc_client *c)
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
static void send_line(struct rpc_client *c, char *line)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);
	if (!line)
		return;
	// It may have grown in a buffer of twice its size, and wait for long.
	size_t len = strlen(line);
	char *fitting = realloc(line, len + 1);
	if (fitting)
		line = fitting;
	// Added by itself, the newline would get a buffer as long as the line (evbuffer_add).
	line[len] = '\n';
	if (evbuffer_add_reference(output, line, len + 1, free_text, NULL) < 0)
		free(line);
}

// Says why, and closes when that is out.
static void end(struct rpc_client *c, const char *why)
{
	send_line(c, rpc_error(NULL, RPC_NOT_A_REQUEST, why));
	c->ended = true;
	rpc_lines_free(&c->lines);
	bufferevent_disable(c->bev, EV_READ);
}

static size_t line_max(const struct rpc_client *c)
{
	return c->who.may_change ? RPC_LINE_MAX : RPC_READER_LINE_MAX;
}

static void refuse_long_line(struct rpc_client *c)
{
	char why[96];
	snprintf(why, sizeof(why), "line longer than %zu MiB%s; send it in smaller parts",
		 line_max(c) >> 20, c->who.may_change ? "" : ", the most for who may only read");
	end(c, why);
}

static bool is_blank(const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	return len == 0;
}

// Answers whole lines while the client reads its replies and its turn lasts. false when lines are
// left.
static bool answer_lines(struct rpc_client *c)
{
	uint64_t until_ms = clock_now_ms() + RPC_TURN_MS;
	size_t start = 0, line_end;
	bool left;
	while ((left = rpc_lines_end(&c->lines, start, &line_end)) &&
	       rpc_client_unread(c) <= RPC_OUTPUT_MAX && clock_now_ms() <= until_ms) {
		const char *line = c->lines.text + start;
		if (!is_blank(line, line_end - start)) {
			send_line(c, rpc_dispatch(c->crowd->d, &c->who, line, line_end - start));
			rpc_crowd_drop_deaf(c->crowd, c);
		}
		start = line_end + 1;
	}
	rpc_lines_consume(&c->lines, start);
	return !left;
}

// It is not read any further until its turn has come.
static void wait_for_turn(struct rpc_client *c)
{
	bufferevent_disable(c->bev, EV_READ);
	rpc_turns_wait(c->crowd->turns, &c->turn);
}

// The client may be gone afterwards.
void rpc_client_serve(struct rpc_turn *turn)
{
	struct rpc_client *c =
	    (struct rpc_client *)((char *)turn - offsetof(struct rpc_client, turn));
	uint64_t began_us = rpc_turn_begin();
	bool done = answer_lines(c);
	rpc_turn_end(turn, began_us);
	if (!done) {
		// Either its turn is over, or its replies must be read first: on_written comes
		// then.
		if (rpc_client_unread(c) <= RPC_OUTPUT_MAX)
			wait_for_turn(c);
		return;
	}
	if (!c->ended && c->lines.len > line_max(c))
		refuse_long_line(c);
	if (c->ended && rpc_client_unread(c) == 0)
		rpc_client_destroy(c);
	else if (!c->ended)
		bufferevent_enable(c->bev, EV_READ);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct rpc_client *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(input);
	rpc_crowd_touch(c->crowd, c);
	char *room = rpc_lines_reserve(&c->lines, n);
	if (!room) {
		end(c, "too much is waiting in unfinished lines; send it in smaller parts");
		return;
	}
	evbuffer_remove(input, room, n);
	rpc_lines_add(&c->lines, n);
	wait_for_turn(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	wait_for_turn(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct rpc_client *c = arg;
	(void)bev;
	if (what & BEV_EVENT_TIMEOUT)
		log_warn("a client has not read its replies for %d s: dropped", RPC_STALL_S);
	// One that only ends its sending side still gets its replies.
	c->ended = true;
	if (what & BEV_EVENT_EOF)
		wait_for_turn(c);
	else
		rpc_client_destroy(c);
}

static struct rpc_client *client_new(struct rpc_crowd *crowd, int fd)
{
	struct rpc_client *c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(crowd->d->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c && c->bev)
		return c;
	free(c);
	close(fd);
	return NULL;
}

struct rpc_client *rpc_client_create(struct rpc_crowd *crowd, int fd, const struct peer *who,
				     struct rpc_budget *budget)
{
	struct timeval stall = {.tv_sec = RPC_STALL_S};
	struct rpc_client *c = client_new(crowd, fd);
	if (!c) {
		if (budget)
			rpc_budget_put(budget);
		return NULL;
	}
	c->crowd = crowd;
	c->who = *who;
	c->turn.budget = budget;
	c->lines.buffered = &crowd->buffered;
	rpc_crowd_join(crowd, c);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_set_max_single_read(c->bev, READ_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}

void rpc_client_destroy(struct rpc_client *c)
{
	rpc_crowd_leave(c->crowd, c);
	rpc_turns_leave(c->crowd->turns, &c->turn);
	if (c->turn.budget)
		rpc_budget_put(c->turn.budget);
	rpc_lines_free(&c->lines);
	bufferevent_free(c->bev);
	free(c);
}
