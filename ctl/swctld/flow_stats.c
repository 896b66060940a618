#include "ctl/swctld/flow_stats.h"

#include "ctl/log.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/flow_ops.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rules.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE_MS     1000 // a megaflow may be under way to swd for so long
#define BREATHE_FLOWS 256
#define RETURN_MS     5000  // for guests to return to a swd that started anew
#define REFRESH_MAX   50000 // more megaflows than this are not read for one reply

static uint32_t current_round;

// The counters show who is still there, since packets of established flows do not come here to be
// learned from.
static void refresh_mac(struct swctld *d, const struct known_flow *f, uint64_t now_ms)
{
	uint32_t in_port = f->match.key.in_port;
	if (!f->used_normal || !ports_by_no(d->ports, in_port))
		return;
	// One that moved away is known from its packets at the new place, which are younger than
	// these counters.
	uint32_t at = fdb_lookup(d->fdb, f->normal_mac, f->normal_vlan);
	if (at && at != in_port)
		return;
	if (fdb_learn(d->fdb, f->normal_mac, f->normal_vlan, in_port, now_ms))
		revalidate_macs_changed(d->revalidator);
}

static void keep_reading(struct swctld *d, const struct known_flow *f)
{
	counts_flow_stage(d->counts, f->id, (struct counted){f->last.packets, f->last.bytes});
	counts_commit(d->counts);
}

static void credit(struct swctld *d, struct known_flow *f, const struct flow_reading *reading)
{
	// Whose packets these are is known when it has been translated.
	if (f->adopted) {
		f->last.used_ms = reading->used_ms;
		return;
	}
	struct flow_reading delta = known_flow_account(f, reading);
	if (delta.packets == 0)
		return;
	for (unsigned i = 0; f->rules && i < f->rules->n; i++)
		rules_hit(d->counts, f->rules->list[i], delta.packets, delta.bytes, delta.used_ms);
	keep_reading(d, f);
	revalidate_teach(d->revalidator, f);
	refresh_mac(d, f, clock_now_ms());
}

static void adopt(struct swctld *d, const struct dp_flow *flow)
{
	struct known_flow *f = NULL;
	uint64_t now_ms = clock_now_ms();
	if (flow->has_ufid)
		f = megaflows_resume(d->megaflows, &flow->ufid, &flow->match, now_ms);
	if (!f) {
		f = megaflows_add(d->megaflows, &flow->match, now_ms);
		if (!f)
			return;
		// What it has counted so far is nobody's.
		f->last = flow->reading;
		keep_reading(d, f);
	}
	f->seen = true;
	f->n_sent = 1;
	f->adopted = true;
	f->round = current_round;
	if (flow->actions && known_flow_set_actions(f, mnl_attr_get_payload(flow->actions),
						    mnl_attr_get_payload_len(flow->actions)) < 0)
		megaflows_forget(d->megaflows, f);
	else
		revalidate_resume(d->revalidator);
}

void flow_stats_reading(struct swctld *d, const struct dp_flow *flow)
{
	struct known_flow *f = NULL;
	if (flow->has_ufid)
		f = megaflows_by_ufid(d->megaflows, &flow->ufid);
	if (!f && flow->has_match)
		f = megaflows_find(d->megaflows, &flow->match);
	if (!f && flow->has_match)
		adopt(d, flow);
	if (!f)
		return; // its number was not ours, or is under way to swd
	f->seen = true;
	f->round = current_round;
	credit(d, f, &flow->reading);
}

void flow_stats_answer(struct swctld *d, struct known_flow *f, const struct flow_reading *reading)
{
	// A dump may have shown younger figures before, over its own connection. If they did start
	// again, the next dump tells.
	if (reading->packets >= f->last.packets && reading->bytes >= f->last.bytes)
		credit(d, f, reading);
}

void flow_stats_round_begin(struct swctld *d)
{
	(void)d;
	current_round++;
}

static uint64_t idle_limit_ms(const struct swctld *d)
{
	uint64_t max = datapath_max_flows(d->datapath);
	bool full = max && megaflows_count(d->megaflows) > max - max / 4;
	return full ? MEGAFLOW_IDLE_FULL_MS : MEGAFLOW_IDLE_MS;
}

void flow_stats_round_end(struct swctld *d, uint64_t started_ms)
{
	uint64_t limit_ms = idle_limit_ms(d), now_ms = clock_now_ms();
	struct outbox *ob = datapath_outbox(d->datapath);
	struct known_flow *f, *next;
	for (f = megaflows_first(d->megaflows); f; f = next) {
		next = f->next;
		if (f->round != current_round) {
			if (!f->absent && !f->adopted && f->sent_ms + SETTLE_MS < started_ms)
				megaflows_forget(d->megaflows, f);
			continue;
		}
		int64_t unused_ms = (int64_t)(now_ms - known_flow_used_ms(f));
		if (unused_ms < (int64_t)limit_ms)
			continue;
		if (!megaflows_may_await(d->megaflows) || flow_op_del(ob, f) < 0)
			break; // the next round goes on
		megaflows_leave(d->megaflows, f);
	}
	datapath_flush(d->datapath);
}

static int by_use(const void *a, const void *b)
{
	const struct known_flow *x = *(struct known_flow *const *)a,
				*y = *(struct known_flow *const *)b;
	return x->last.used_ms < y->last.used_ms ? -1 : x->last.used_ms > y->last.used_ms;
}

unsigned flow_stats_mark_absent(struct swctld *d)
{
	unsigned n = 0;
	uint64_t now_ms = clock_now_ms();
	struct known_flow *f,
	    **list = calloc(megaflows_count(d->megaflows) + 1, sizeof(struct known_flow *));
	if (!list)
		return 0; // their packets will be missed
	megaflows_take_back(d->megaflows);
	for (f = megaflows_first(d->megaflows); f; f = f->next) {
		if (f->round != current_round)
			list[n++] = f;
	}
	qsort(list, n, sizeof(struct known_flow *), by_use);
	for (unsigned i = 0; i < n; i++) {
		f = list[i];
		f->absent = true;
		f->created_ms = now_ms + RETURN_MS; // idle from then on
		memset(&f->last, 0, sizeof(f->last));
		keep_reading(d, f); // before swd counts anew
		megaflows_outdate(d->megaflows, f);
	}
	free(list);
	return n;
}

struct refresh {
	struct swctld *d;
	unsigned n;
	uint64_t at_ms;
};

static void take_flow(const struct dp_flow *flow, void *arg)
{
	struct refresh *refresh = arg;
	struct dp_flow stamped = *flow;
	stamped.reading.at_ms = refresh->at_ms;
	flow_stats_reading(refresh->d, &stamped);
	if (++refresh->n % BREATHE_FLOWS == 0)
		datapath_breathe(refresh->d->datapath);
}

int flow_stats_read(struct swctld *d, struct dp_client *calls, char *text)
{
	struct refresh refresh = {.d = d, .at_ms = clock_now_ms()};
	return dp_call_flows(calls, take_flow, &refresh, text);
}

void flow_stats_refresh(struct swctld *d)
{
	struct dp_client *calls = datapath_calls(d->datapath);
	char text[DP_CALL_TEXT];
	if (calls && megaflows_count(d->megaflows) <= REFRESH_MAX)
		datapath_check(d->datapath, flow_stats_read(d, calls, text));
}
