#include "ctl/swctld/dp_attempt.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 2000 // for each answer

#define FOREIGN	     "it does not speak this protocol"
#define SAME_RELEASE "; run swd and swctld of the same release"

struct dp_attempt {
	struct event_base *base;
	const char *path;
	const struct dp_attempt_ends *ends;
	void *arg;
	struct dp_link link;
	struct dp_info info;
	struct event *answer, *deadline;
	char buf[DP_DATAGRAM_MAX] __attribute__((aligned(8))); // a request, or an answer
};

void dp_link_close(struct dp_link *link)
{
	dp_client_close(link->calls);
	dp_client_close(link->upcalls);
	dp_client_close(link->dump);
	*link = (struct dp_link){0};
}

static void stop_waiting(struct dp_attempt *a)
{
	if (a->answer)
		event_free(a->answer);
	a->answer = NULL;
	evtimer_del(a->deadline);
}

static void fail(struct dp_attempt *a, bool present, const char *why)
{
	stop_waiting(a);
	dp_link_close(&a->link);
	a->ends->failed(present, why, a->arg);
}

static void not_usable(struct dp_attempt *a, const char *reason)
{
	char why[640];
	snprintf(why, sizeof(why), DP_OF_NO_USE, a->path, reason);
	fail(a, true, why);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	not_usable(arg, "it does not answer");
}

// Reads an answer. 0: there is none yet; otherwise the attempt has ended, or the caller goes on
// with what stands in a->buf.
static int hear(struct dp_attempt *a)
{
	char why[640];
	const char *at = a->buf;
	int len = dp_client_recv(a->link.upcalls, a->buf, sizeof(a->buf));
	size_t left = len > 0 ? (size_t)len : 0;
	if (len == 0)
		return 0;
	stop_waiting(a);
	if (len < 0) {
		snprintf(why, sizeof(why), "swd is away (%s): it closed the connection", a->path);
		fail(a, false, why);
	} else if (!dp_datagram_next(&at, &left)) {
		not_usable(a, FOREIGN);
		len = -EPROTO;
	}
	return len;
}

static int ask(struct dp_attempt *a, struct dp_datagram *dgram, struct nlmsghdr *nlh,
	       event_callback_fn on_answer)
{
	static const struct timeval timeout = {.tv_sec = TIMEOUT_MS / 1000,
					       .tv_usec = TIMEOUT_MS % 1000 * 1000};
	dp_msg_end(dgram, nlh);
	int err = dp_client_send(a->link.upcalls, dgram);
	if (err)
		return err;
	a->answer =
	    event_new(a->base, dp_client_fd(a->link.upcalls), EV_READ | EV_PERSIST, on_answer, a);
	if (!a->answer || event_add(a->answer, NULL) < 0 || evtimer_add(a->deadline, &timeout) < 0)
		return -ENOMEM;
	return 0;
}

// The answer to the attachment.
static void on_attached(evutil_socket_t fd, short what, void *arg)
{
	struct dp_attempt *a = arg;
	char text[DP_CALL_TEXT];
	(void)fd;
	(void)what;
	int len = hear(a);
	if (len <= 0)
		return;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)a->buf;
	int err =
	    nlh->nlmsg_type == NLMSG_ERROR ? dp_msg_error_parse(nlh, text, sizeof(text)) : -EPROTO;
	if (err == -EBUSY) {
		not_usable(a, "another control daemon has its upcalls; stop that one");
	} else if (err) {
		not_usable(a, err == -EPROTO ? FOREIGN : text);
	} else {
		struct dp_link link = a->link;
		a->link = (struct dp_link){0};
		a->ends->up(&link, &a->info, a->buf, len, a->arg);
	}
}

// Asks for upcalls. swd queues them from then on, so that none is lost while the rest is set up.
static int attach(struct dp_attempt *a)
{
	struct dp_datagram dgram = {.buf = a->buf};
	struct nlmsghdr *nlh =
	    dp_msg_begin(&dgram, DP_FAMILY_DATAPATH, OVS_DP_CMD_SET, NLM_F_REQUEST | NLM_F_ACK, 1);
	mnl_attr_put_u32_check(nlh, dp_msg_room(&dgram), OVS_DP_ATTR_UPCALL_PID, 1);
	return ask(a, &dgram, nlh, on_attached);
}

// What swd says of itself, or the refusal of one that speaks another version.
static int greeting_take(struct dp_attempt *a, char *text, size_t text_len)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)a->buf;
	snprintf(text, text_len, FOREIGN);
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		char why[DP_CALL_TEXT];
		int err = dp_msg_error_parse(nlh, why, sizeof(why));
		if (why[0] != '\0')
			snprintf(text, text_len, "%s%s", why,
				 err == -EPROTONOSUPPORT ? SAME_RELEASE : "");
		return -EPROTO;
	}
	if (nlh->nlmsg_type != DP_FAMILY_SWD || dp_info_parse(nlh, &a->info) < 0)
		return -EPROTO;
	if (dp_msg_version(nlh) == DP_PROTO_VERSION)
		return 0;
	snprintf(text, text_len, "swd %s speaks version %u of the datapath protocol, not %d%s",
		 a->info.version, dp_msg_version(nlh), DP_PROTO_VERSION, SAME_RELEASE);
	return -EPROTONOSUPPORT;
}

static void on_greeting(evutil_socket_t fd, short what, void *arg)
{
	struct dp_attempt *a = arg;
	char text[DP_CALL_TEXT + sizeof(SAME_RELEASE)];
	(void)fd;
	(void)what;
	if (hear(a) <= 0)
		return;
	if (greeting_take(a, text, sizeof(text)) < 0)
		not_usable(a, text);
	else if (attach(a) < 0)
		not_usable(a, "cannot ask for upcalls");
}

// Asks which version of the protocol swd speaks before anything else is asked of it.
static int greet(struct dp_attempt *a)
{
	struct dp_datagram dgram = {.buf = a->buf};
	struct nlmsghdr *nlh =
	    dp_msg_begin(&dgram, DP_FAMILY_SWD, SWD_CMD_INFO_GET, NLM_F_REQUEST, 1);
	return ask(a, &dgram, nlh, on_greeting);
}

static int open_link(struct dp_attempt *a)
{
	struct dp_client **const clients[] = {&a->link.calls, &a->link.upcalls, &a->link.dump};
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(clients) / sizeof(clients[0]); i++)
		*clients[i] = dp_client_connect(a->path, &err);
	return err;
}

void dp_attempt_begin(struct dp_attempt *a)
{
	char why[640];
	int err = open_link(a);
	if (err) {
		snprintf(why, sizeof(why), "swd is away: %s: %s; start swd with %s", a->path,
			 strerror(-err),
			 err == -EACCES ? "a --group that swctld's user is in" : "this --run-dir");
		fail(a, false, why);
	} else if (greet(a) < 0) {
		not_usable(a, "cannot ask what it is");
	}
}

struct dp_attempt *dp_attempt_create(struct event_base *base, const char *path,
				     const struct dp_attempt_ends *ends, void *arg)
{
	struct dp_attempt *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->base = base;
	a->path = path;
	a->ends = ends;
	a->arg = arg;
	a->deadline = evtimer_new(base, on_deadline, a);
	if (a->deadline)
		return a;
	free(a);
	return NULL;
}

void dp_attempt_destroy(struct dp_attempt *a)
{
	if (!a)
		return;
	stop_waiting(a);
	dp_link_close(&a->link);
	event_free(a->deadline);
	free(a);
}
