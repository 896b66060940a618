#include "ctl/swctld/datapath.h"

#include "ctl/log.h"
#include "ctl/swctld/dp_attempt.h"
#include "ctl/swctld/dp_sync.h"
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/port_hold.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/upcall.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS	20
#define RETRY_SLOW_MS	1000 // after swd answered, but not as it should
#define READS_PER_TURN	16   // datagrams; then others get their turn
#define DUMP_REST	3    // times as long as a dump took passes before the next
#define DUMP_TIMEOUT_MS 10000

struct datapath {
	struct swctld *d;
	struct dp_link link;
	struct dp_attempt *attempt;
	struct event *upcalls_read, *upcalls_write, *dump_read;
	struct event *connect_timer;
	struct outbox *outbox;
	struct port_hold *hold;
	bool connected;
	bool quiet;		  // the reason was logged
	uint64_t dump_started_ms; // 0: none under way
	uint64_t next_dump_ms;
	uint64_t dump_heard_ms; // when it last gave something
	uint64_t counted_ms;	// when the last whole dump was started
	struct dp_info info;
	char path[256];
	char away[640];
	char in[DP_DATAGRAM_MAX] __attribute__((aligned(8)));
	char out[DP_DATAGRAM_MAX] __attribute__((aligned(8)));
};

struct dp_client *datapath_calls(const struct datapath *dp)
{
	return dp->connected ? dp->link.calls : NULL;
}

const struct dp_info *datapath_info(const struct datapath *dp)
{
	return &dp->info;
}

unsigned datapath_max_flows(const struct datapath *dp)
{
	unsigned own = dp->info.max_flows, allowed = dp->d->limits.flows;
	return allowed && (!own || allowed < own) ? allowed : own;
}

struct outbox *datapath_outbox(const struct datapath *dp)
{
	return dp->outbox;
}

uint64_t datapath_counted_ms(const struct datapath *dp)
{
	return dp->counted_ms;
}

const char *datapath_away(const struct datapath *dp)
{
	return dp->away;
}

static void event_drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void disconnect(struct datapath *dp)
{
	event_drop(&dp->upcalls_read);
	event_drop(&dp->upcalls_write);
	event_drop(&dp->dump_read);
	port_hold_end(dp->hold);
	outbox_reset(dp->outbox, NULL);
	dp_link_close(&dp->link);
	megaflows_forget_leaving(dp->d->megaflows);
	megaflows_switch_end_all(dp->d->megaflows);
	dp->dump_started_ms = 0;
	dp->connected = false;
}

static void connect_after(struct datapath *dp, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	evtimer_add(dp->connect_timer, &tv);
}

// dp->away says why.
static void try_again(struct datapath *dp, unsigned retry_ms)
{
	if (!dp->quiet)
		log_warn("%s; trying again", dp->away);
	dp->quiet = true;
	connect_after(dp, retry_ms);
}

// Ends the connection from the loop: callers may stand inside code that uses it.
static void fail(struct datapath *dp, const char *why)
{
	if (!dp->connected)
		return;
	dp->connected = false;
	snprintf(dp->away, sizeof(dp->away), "swd is away (%s): %s", dp->path, why);
	dp->quiet = false; // it is news
	try_again(dp, 0);
}

int datapath_check(struct datapath *dp, int err)
{
	if (err == -ECONNRESET || err == -EPROTO)
		fail(dp, "the connection broke");
	else if (err == -ETIMEDOUT)
		fail(dp, "it did not answer in time");
	return err;
}

void datapath_flush(struct datapath *dp)
{
	if (!dp->connected)
		return;
	datapath_check(dp, outbox_flush(dp->outbox));
	if (dp->connected && outbox_blocked(dp->outbox))
		event_add(dp->upcalls_write, NULL);
	// No more upcalls while swd does not take what they lead to.
	if (dp->connected && outbox_full(dp->outbox))
		event_del(dp->upcalls_read);
}

// Hands each message of a datagram to fn. false when it is not netlink.
static bool each_message(struct datapath *dp, const char *buf, int len,
			 void (*fn)(struct swctld *d, const struct nlmsghdr *nlh))
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		fn(dp->d, nlh);
	return len <= 0;
}

static void read_turn(struct datapath *dp, struct dp_client *c,
		      void (*fn)(struct swctld *d, const struct nlmsghdr *nlh))
{
	for (int i = 0; dp->connected && i < READS_PER_TURN && !outbox_full(dp->outbox); i++) {
		int len = dp_client_recv(c, dp->in, sizeof(dp->in));
		if (len == 0)
			break;
		if (len < 0)
			fail(dp, "it closed the connection");
		else if (!each_message(dp, dp->in, len, fn))
			fail(dp, "it sent what is not a message");
	}
	datapath_flush(dp);
}

static void upcalls_message(struct swctld *d, const struct nlmsghdr *nlh)
{
	if (!port_hold_answer(d->datapath->hold, nlh))
		upcall_message(d, nlh);
}

static void on_upcalls(evutil_socket_t fd, short what, void *arg)
{
	struct datapath *dp = arg;
	(void)fd;
	(void)what;
	read_turn(dp, dp->link.upcalls, upcalls_message);
}

void datapath_breathe(struct datapath *dp)
{
	if (dp->connected)
		read_turn(dp, dp->link.upcalls, upcalls_message);
}

void datapath_hold_ports(struct datapath *dp)
{
	port_hold_begin(dp->hold);
}

bool datapath_holds_ports(const struct datapath *dp)
{
	return port_hold_is_on(dp->hold);
}

void datapath_all_sent(struct datapath *dp)
{
	if (!port_hold_is_on(dp->hold))
		return;
	port_hold_all_sent(dp->hold, dp->outbox);
	datapath_flush(dp);
}

static void release_ports(void *arg)
{
	struct datapath *dp = arg;
	char text[DP_CALL_TEXT];
	if (dp->connected)
		datapath_check(dp, dp_sync_ports(dp->d, dp->link.calls, text));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct datapath *dp = arg;
	(void)fd;
	(void)what;
	datapath_flush(dp);
	if (!dp->connected || outbox_full(dp->outbox))
		return;
	event_add(dp->upcalls_read, NULL);
	revalidate_resume(dp->d->revalidator);
}

static void dump_message(struct swctld *d, const struct nlmsghdr *nlh)
{
	struct datapath *dp = d->datapath;
	struct dp_flow flow;
	if (nlh->nlmsg_type == DP_FAMILY_FLOW && dp_flow_parse(nlh, &flow) == 0) {
		flow.reading.at_ms = dp->dump_started_ms;
		flow_stats_reading(d, &flow);
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		uint64_t started_ms = dp->dump_started_ms;
		uint64_t now_ms = clock_now_ms();
		dp->dump_started_ms = 0;
		dp->next_dump_ms = now_ms + DUMP_REST * (now_ms - started_ms);
		dp->counted_ms = started_ms;
		flow_stats_round_end(d, started_ms);
	} else if (nlh->nlmsg_type == NLMSG_ERROR) {
		dp->dump_started_ms = 0;
	}
}

static void on_dump(evutil_socket_t fd, short what, void *arg)
{
	struct datapath *dp = arg;
	(void)fd;
	(void)what;
	dp->dump_heard_ms = clock_now_ms();
	read_turn(dp, dp->link.dump, dump_message);
}

bool datapath_dump_start(struct datapath *dp)
{
	uint64_t now_ms = clock_now_ms();
	if (!dp->connected || now_ms < dp->next_dump_ms)
		return false;
	if (dp->dump_started_ms) {
		if (now_ms - dp->dump_heard_ms > DUMP_TIMEOUT_MS)
			fail(dp, "it did not answer in time");
		return false;
	}
	struct dp_datagram dgram = {.buf = dp->out};
	struct nlmsghdr *nlh =
	    dp_msg_begin(&dgram, DP_FAMILY_FLOW, OVS_FLOW_CMD_GET, NLM_F_REQUEST | NLM_F_DUMP, 1);
	mnl_attr_put_u32_check(nlh, dp_msg_room(&dgram), OVS_FLOW_ATTR_UFID_FLAGS,
			       OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK |
				   OVS_UFID_F_OMIT_ACTIONS);
	dp_msg_end(&dgram, nlh);
	if (datapath_check(dp, dp_client_send(dp->link.dump, &dgram)) < 0)
		return false;
	dp->dump_started_ms = dp->dump_heard_ms = now_ms;
	flow_stats_round_begin(dp->d);
	return true;
}

static int add_events(struct datapath *dp)
{
	struct event_base *base = dp->d->base;
	dp->upcalls_read =
	    event_new(base, dp_client_fd(dp->link.upcalls), EV_READ | EV_PERSIST, on_upcalls, dp);
	dp->upcalls_write =
	    event_new(base, dp_client_fd(dp->link.upcalls), EV_WRITE, on_writable, dp);
	dp->dump_read =
	    event_new(base, dp_client_fd(dp->link.dump), EV_READ | EV_PERSIST, on_dump, dp);
	if (!dp->upcalls_read || !dp->upcalls_write || !dp->dump_read ||
	    event_add(dp->upcalls_read, NULL) < 0 || event_add(dp->dump_read, NULL) < 0)
		return -ENOMEM;
	return 0;
}

// Everything that makes the connection of use. 0 or -errno with text.
static int set_up(struct datapath *dp, char *text)
{
	dp->counted_ms = clock_now_ms();
	text[0] = '\0';
	int err = dp_sync(dp->d, dp->link.calls, text);
	if (!err)
		err = add_events(dp);
	if (err && text[0] == '\0')
		snprintf(text, DP_CALL_TEXT, "%s", strerror(-err));
	return err;
}

static void tell_connected(const struct datapath *dp)
{
	unsigned n_ports = ports_count(dp->d->ports), n_flows = megaflows_count(dp->d->megaflows);
	log_info("connected to swd %s (pid %u): %u port%s, %u megaflow%s", dp->info.version,
		 dp->info.pid, n_ports, log_plural(n_ports), n_flows, log_plural(n_flows));
}

static void on_up(const struct dp_link *link, const struct dp_info *info, const char *answer,
		  int len, void *arg)
{
	struct datapath *dp = arg;
	char text[DP_CALL_TEXT];
	dp->link = *link;
	dp->info = *info;
	if (set_up(dp, text) < 0) {
		snprintf(dp->away, sizeof(dp->away), DP_OF_NO_USE, dp->path, text);
		disconnect(dp);
		try_again(dp, RETRY_SLOW_MS);
		return;
	}
	outbox_reset(dp->outbox, dp->link.upcalls);
	dp->connected = true;
	dp->quiet = false;
	tell_connected(dp);
	revalidate_all(dp->d->revalidator);
	if (!each_message(dp, answer, len, upcalls_message))
		fail(dp, "it sent what is not a message");
	datapath_flush(dp);
}

static void on_failed(bool present, const char *why, void *arg)
{
	struct datapath *dp = arg;
	snprintf(dp->away, sizeof(dp->away), "%s", why);
	try_again(dp, present ? RETRY_SLOW_MS : RETRY_MS);
}

static void on_connect_timer(evutil_socket_t fd, short what, void *arg)
{
	struct datapath *dp = arg;
	(void)fd;
	(void)what;
	if (dp->link.calls) // it has failed
		disconnect(dp);
	dp_attempt_begin(dp->attempt);
}

struct datapath *datapath_create(struct swctld *d)
{
	static const struct dp_attempt_ends ends = {.up = on_up, .failed = on_failed};
	struct datapath *dp = calloc(1, sizeof(*dp));
	if (!dp)
		return NULL;
	dp->d = d;
	snprintf(dp->path, sizeof(dp->path), "%s/datapath.sock", d->run_dir);
	snprintf(dp->away, sizeof(dp->away), "swd is away (%s): not yet connected", dp->path);
	dp->outbox = outbox_create();
	dp->connect_timer = evtimer_new(d->base, on_connect_timer, dp);
	dp->hold = port_hold_create(d->base, release_ports, dp);
	dp->attempt = dp_attempt_create(d->base, dp->path, &ends, dp);
	if (!dp->outbox || !dp->connect_timer || !dp->hold || !dp->attempt) {
		datapath_destroy(dp);
		return NULL;
	}
	connect_after(dp, 0);
	return dp;
}

void datapath_destroy(struct datapath *dp)
{
	if (!dp)
		return;
	if (dp->outbox && dp->hold)
		disconnect(dp);
	event_drop(&dp->connect_timer);
	dp_attempt_destroy(dp->attempt);
	port_hold_destroy(dp->hold);
	outbox_destroy(dp->outbox);
	free(dp);
}
