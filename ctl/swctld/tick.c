#include "ctl/swctld/tick.h"

#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_sync.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rules.h"

#include <event2/event.h>
#include <stdlib.h>

struct tick {
	struct swctld *d;
	struct event *timer;
};

static void look_at_swd(struct swctld *d)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	if (calls)
		datapath_check(d->datapath, dp_sync_ports(d, calls, text));
	datapath_dump_start(d->datapath);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct swctld *d = ((struct tick *)arg)->d;
	uint64_t now_ms = clock_now_ms();
	(void)fd;
	(void)what;
	struct rules_change change = {0};
	if (rules_expire(d->rules, now_ms, datapath_counted_ms(d->datapath), &change) > 0)
		revalidate_rules_changed(d->revalidator, &change);
	if (fdb_expire(d->fdb, now_ms))
		revalidate_macs_changed(d->revalidator);
	look_at_swd(d);
}

struct tick *tick_start(struct swctld *d)
{
	struct timeval tv = {.tv_sec = TICK_MS / 1000, .tv_usec = TICK_MS % 1000 * 1000};
	struct tick *tick = calloc(1, sizeof(*tick));
	if (!tick)
		return NULL;
	tick->d = d;
	tick->timer = event_new(d->base, -1, EV_PERSIST, on_tick, tick);
	if (!tick->timer || evtimer_add(tick->timer, &tv) < 0) {
		tick_stop(tick);
		return NULL;
	}
	return tick;
}

void tick_stop(struct tick *tick)
{
	if (!tick)
		return;
	if (tick->timer)
		event_free(tick->timer);
	free(tick);
}
