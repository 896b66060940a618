#include "ctl/swctld/port_hold.h"

#include "ctl/log.h"

#include <event2/event.h>
#include <stdlib.h>

#define SEQ_FENCE 2 // below any megaflow's id

enum state {
	HOLD_OFF,
	HOLD_SENDING, // megaflows
	HOLD_FENCED,  // the fence was sent
	HOLD_PASSED,  // and answered
};

struct port_hold {
	enum state state;
	struct event *end; // when the deadline has come, or the answer
	void (*release)(void *arg);
	void *arg;
};

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct port_hold *h = arg;
	(void)fd;
	(void)what;
	if (h->state != HOLD_PASSED)
		log_info("swd does not have all megaflows after %d ms: ports go first",
			 PORT_HOLD_MS);
	port_hold_end(h);
	h->release(h->arg);
}

struct port_hold *port_hold_create(struct event_base *base, void (*fn)(void *arg), void *arg)
{
	struct port_hold *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->release = fn;
	h->arg = arg;
	h->end = evtimer_new(base, on_end, h);
	if (!h->end) {
		free(h);
		return NULL;
	}
	return h;
}

void port_hold_destroy(struct port_hold *h)
{
	if (!h)
		return;
	event_free(h->end);
	free(h);
}

void port_hold_begin(struct port_hold *h)
{
	const struct timeval tv = {.tv_sec = PORT_HOLD_MS / 1000,
				   .tv_usec = PORT_HOLD_MS % 1000 * 1000};
	h->state = HOLD_SENDING;
	evtimer_add(h->end, &tv);
}

void port_hold_end(struct port_hold *h)
{
	h->state = HOLD_OFF;
	evtimer_del(h->end);
}

bool port_hold_is_on(const struct port_hold *h)
{
	return h->state != HOLD_OFF;
}

static bool fill_nothing(struct nlmsghdr *nlh, size_t room, const void *arg)
{
	(void)nlh;
	(void)room;
	(void)arg;
	return true;
}

// A change of the datapath that changes nothing.
void port_hold_all_sent(struct port_hold *h, struct outbox *ob)
{
	if (h->state == HOLD_SENDING &&
	    outbox_put(ob, DP_FAMILY_DATAPATH, OVS_DP_CMD_SET, NLM_F_REQUEST | NLM_F_ACK, SEQ_FENCE,
		       fill_nothing, NULL) == 0)
		h->state = HOLD_FENCED;
}

bool port_hold_answer(struct port_hold *h, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq != SEQ_FENCE)
		return false;
	if (h->state == HOLD_FENCED) {
		h->state = HOLD_PASSED;
		event_active(h->end, EV_TIMEOUT, 0);
	}
	return true;
}
