#include "ctl/swctld/revalidate.h"

#include "ctl/log.h"
#include "ctl/swctld/changes.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/rules.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS	      5 // of work at a time
#define LOG_FROM      1000
#define PAUSE_MS      10
#define MACS_DELAY_MS 10 // new addresses come in crowds
#define RELEARN_MS    FDB_IDLE_MS
#define WARN_REST_MS  10000

struct revalidator {
	struct swctld *d;
	struct event *turn;
	struct changes changes;
	unsigned pass_n; // megaflows looked at since something became stale
	uint64_t pass_started_ms;
	bool waiting;	   // for answers
	bool gives_up;	   // on states that are not known: they will not come any more
	unsigned n_states; // known when megaflows that stood aside came back
	uint64_t warn_from_ms;
	bool at_once; // the turn is due without delay
	struct xlate_result result;
	struct encoded_actions actions;
};

static void on_turn(evutil_socket_t fd, short what, void *arg);

struct revalidator *revalidator_create(struct swctld *d)
{
	struct revalidator *r = aligned_alloc(_Alignof(struct revalidator), sizeof(*r));
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->d = d;
	changes_init(&r->changes);
	r->turn = evtimer_new(d->base, on_turn, r);
	if (!r->turn) {
		free(r);
		return NULL;
	}
	return r;
}

void revalidator_destroy(struct revalidator *r)
{
	if (!r)
		return;
	event_free(r->turn);
	free(r);
}

static void schedule(struct revalidator *r, unsigned delay_ms)
{
	struct timeval tv = {.tv_usec = delay_ms * 1000};
	if (evtimer_pending(r->turn, NULL) && (r->at_once || delay_ms > 0))
		return;
	r->at_once = delay_ms == 0;
	evtimer_add(r->turn, &tv);
}

void revalidate_all(struct revalidator *r)
{
	changes_all(&r->changes);
	schedule(r, 0);
}

void revalidate_rules_changed(struct revalidator *r, const struct rules_change *change)
{
	changes_rules(&r->changes, change);
	schedule(r, 0);
}

void revalidate_links_changed(struct revalidator *r)
{
	changes_groups(&r->changes);
	schedule(r, 0);
}

void revalidate_macs_changed(struct revalidator *r)
{
	changes_macs(&r->changes);
	schedule(r, MACS_DELAY_MS);
}

void revalidate_resume(struct revalidator *r)
{
	schedule(r, 0);
}

void revalidate_answered(struct revalidator *r)
{
	if (!r->waiting || megaflows_n_awaited(r->d->megaflows) > MEGAFLOWS_AWAITED_MAX / 2)
		return;
	r->waiting = false;
	schedule(r, 0);
}

static void warn_dropped(const struct revalidator *r, const struct xlate_result *result)
{
	struct of_ports names = ports_names(r->d->ports);
	struct of_match match;
	struct of_flow_view view;
	char *text = NULL;
	if (result->n_rules > 0) {
		view = rule_view(result->rules[0], &match);
		text = of_flow_format(&view, &names);
	}
	log_warn("packets of rule \"%.200s\" are dropped: %s; swctl trace shows their way",
		 text ? text : "", xlate_end_text(result->end));
	free(text);
}

// Whether a rule that was learned before is to be refreshed, or there is room for it.
static bool may_learn(const struct rules *rules, const struct xlate_learned *learned)
{
	const struct of_flow *flow = &learned->flow;
	const struct classifier *table = rules_tables(rules)[flow->table];
	if (!learned->limit || (table && classifier_find(table, &flow->match, flow->priority)))
		return true;
	return rules_count_cookie(rules, flow->table, flow->cookie) < learned->limit;
}

void revalidate_learn(struct revalidator *r, struct xlate_result *result)
{
	struct rules_change change = {0};
	uint64_t now_ms = clock_now_ms();
	struct rules *rules = r->d->rules;
	for (unsigned i = 0; i < result->n_learned; i++) {
		const struct xlate_learned *learned = &result->learned[i];
		if (may_learn(rules, learned))
			rules_learn(rules, &learned->flow, now_ms, &change);
	}
	if (change.added || change.replaced || change.modified)
		revalidate_rules_changed(r, &change);
	if (result->fdb_changed)
		revalidate_macs_changed(r);
	xlate_result_fini(result);
}

int revalidate_translate(struct revalidator *r, const struct flow_key *key, bool learn,
			 struct xlate_result *result)
{
	struct xlate_ctx ctx = {
	    .tables = rules_tables(r->d->rules),
	    .groups = r->d->groups,
	    .fdb = r->d->fdb,
	    .frozen = r->d->frozen,
	    .now_ms = clock_now_ms(),
	    .learn = learn,
	};
	ctx.ports = ports_xlate(r->d->ports, &ctx.n_ports);
	int err = translate(&ctx, key, result);
	if (err == -E2BIG && ctx.now_ms >= r->warn_from_ms) {
		r->warn_from_ms = ctx.now_ms + WARN_REST_MS;
		warn_dropped(r, result);
	}
	return err;
}

static int send_change(struct revalidator *r, struct known_flow *f,
		       const struct encoded_actions *actions, bool echo)
{
	int err = known_flow_set_actions(f, actions->buf, actions->len);
	if (!err)
		err = flow_op_put(datapath_outbox(r->d->datapath), r->d->megaflows, f, echo);
	if (err) {
		// What swd has may be wrong now: to be done again.
		f->absent = true;
		megaflows_outdate(r->d->megaflows, f);
		return err;
	}
	f->absent = false;
	f->n_sent++;
	f->sent_ms = clock_now_ms();
	return 0;
}

static bool counts_for(const struct known_flow *f, const struct xlate_result *result)
{
	const struct known_rules *known = f->switching ? f->next_rules : f->rules;
	return known_rules_same(known, result->rules, result->n_rules);
}

// Packets count for other rules from now on; `asked`: from when swd answers.
static int count_for(struct revalidator *r, struct known_flow *f, const struct xlate_result *result,
		     bool asked)
{
	struct known_rules *rules;
	if (!known_rules_make(&rules, result->rules, result->n_rules))
		return -ENOMEM;
	if (asked) {
		megaflows_switch_begin(r->d->megaflows, f, rules);
	} else {
		known_rules_free(f->rules);
		f->rules = rules;
	}
	return 0;
}

int revalidate_apply(struct revalidator *r, struct known_flow *f, const struct xlate_result *result,
		     const struct encoded_actions *actions, bool force)
{
	bool same_rules = counts_for(f, result);
	// The counters stand in swd: only it can tell what still belongs to the rules before.
	bool ask = !same_rules && f->n_sent > 0 && !f->absent && !f->adopted;
	// One that was adopted gets our number by it.
	if (force || ask || f->absent || f->adopted || f->n_sent == 0 ||
	    !known_flow_same_actions(f, actions->buf, actions->len)) {
		int err = send_change(r, f, actions, ask);
		if (err)
			return err;
	}
	// While an answer is awaited for other rules, these come by another such change.
	if (!same_rules && (ask || !f->switching) && count_for(r, f, result, ask) < 0)
		return -ENOMEM;
	megaflows_refer(r->d->megaflows, f, result->frozen, result->n_frozen);
	f->adopted = false;
	f->on = result->on;
	f->learns = result->learns;
	f->used_normal = result->used_normal;
	f->normal_vlan = result->normal_vlan;
	f->normal_mac = result->normal_mac;
	megaflows_stamp(r->d->megaflows, f, r->changes.gen);
	return 0;
}

// Whether all packets of the megaflow `f` would meet with this translation of its key.
static bool holds_for_all(const struct known_flow *f, const struct xlate_result *result)
{
	struct flow_match canonical;
	if (flow_mask_covers(&f->match.mask, &result->match.mask))
		return true;
	// The protocol leaves out bits that say nothing in this kind of packet.
	return flow_match_canonical(&canonical, &result->match) == 0 &&
	       flow_mask_covers(&f->match.mask, &canonical.mask);
}

void revalidate_teach(struct revalidator *r, const struct known_flow *f)
{
	const struct flow_key *key = &f->match.key;
	if (!f->learns || !ports_by_no(r->d->ports, key->in_port))
		return;
	// The key of a stale one need not have what would be taught now.
	if (f->gen < r->changes.gen) {
		revalidate_translate(r, key, false, &r->result);
		if (!holds_for_all(f, &r->result))
			return;
	}
	revalidate_translate(r, key, true, &r->result);
	revalidate_learn(r, &r->result);
}

// A megaflow that has something new to teach goes: its next packet is missed and teaches at once,
// where its counters would only at the next reading.
static bool teaches_anew(const struct known_flow *f, const struct xlate_result *result)
{
	return result->learns && !counts_for(f, result);
}

// A megaflow of an address that is now elsewhere must go: if that one comes back here, its packets
// must be seen to be learned from.
static bool moved_away(const struct revalidator *r, const struct known_flow *f,
		       const struct xlate_result *result)
{
	if (!result->used_normal)
		return false;
	uint32_t at = fdb_lookup(r->d->fdb, result->normal_mac, result->normal_vlan);
	return at && at != f->match.key.in_port;
}

static int drop(struct revalidator *r, struct known_flow *f)
{
	if (f->absent && f->n_sent == 0) {
		megaflows_forget(r->d->megaflows, f);
		return 0;
	}
	int err = flow_op_del(datapath_outbox(r->d->datapath), f);
	if (!err)
		megaflows_leave(r->d->megaflows, f);
	return err;
}

// One that an earlier swctld made goes: its key tells best for whom its packets count.
static void inherit(struct revalidator *r, struct known_flow *f, const struct xlate_result *result)
{
	if (f->adopted && count_for(r, f, result, false) == 0)
		f->adopted = false;
}

static int revalidate_one(struct revalidator *r, struct known_flow *f)
{
	if (!f->absent && !changes_concern(&r->changes, f->gen, &f->match, &f->on)) {
		megaflows_stamp(r->d->megaflows, f, r->changes.gen);
		return 0;
	}
	uint32_t round = f->match.key.recirc_id;
	if (!ports_by_no(r->d->ports, f->match.key.in_port))
		return drop(r, f);
	if (round && !frozen_find(r->d->frozen, round)) {
		if (!f->adopted || r->gives_up)
			return drop(r, f);
		megaflows_put_aside(r->d->megaflows, f);
		return 0;
	}
	revalidate_translate(r, &f->match.key, false, &r->result);
	if (!holds_for_all(f, &r->result) || moved_away(r, f, &r->result) ||
	    teaches_anew(f, &r->result) ||
	    flow_actions_encode(&r->actions, r->result.actions, r->result.n_actions) < 0) {
		inherit(r, f, &r->result);
		return drop(r, f);
	}
	return revalidate_apply(r, f, &r->result, &r->actions, false);
}

// What is to be looked at next; NULL: all are right. A megaflow of an earlier swctld goes on from a
// state that the translation of another one brings back: those that stand aside have another turn
// as long as that brings more of them.
static struct known_flow *stale_next(struct revalidator *r)
{
	struct known_flow *f = megaflows_first(r->d->megaflows);
	if (f && f->gen < r->changes.gen)
		return f;
	unsigned n = frozen_count(r->d->frozen);
	r->gives_up = n == r->n_states;
	r->n_states = n;
	megaflows_take_back(r->d->megaflows);
	f = megaflows_first(r->d->megaflows);
	return f && f->gen < r->changes.gen ? f : NULL;
}

// It ends when nothing is stale, when its time is up, or when swd does not read or has answers to
// give first.
static void take_turn(struct revalidator *r)
{
	uint64_t now_ms = clock_now_ms(), until_ms = now_ms + TURN_MS;
	struct megaflows *m = r->d->megaflows;
	struct known_flow *f;
	unsigned n = 0;
	int err = 0;
	if (!datapath_calls(r->d->datapath))
		return; // a connection starts it again
	if (r->pass_n == 0)
		r->pass_started_ms = now_ms;
	while (!err && (f = stale_next(r)) && megaflows_may_await(m)) {
		if ((++n & 63) == 0 && clock_now_ms() >= until_ms)
			break;
		err = revalidate_one(r, f);
	}
	datapath_flush(r->d->datapath);
	r->pass_n += n;
	r->waiting = false;
	if (stale_next(r)) {
		r->waiting = !megaflows_may_await(m);
		if (err != -ENOTCONN)
			schedule(r, err || r->waiting ? PAUSE_MS : 0);
		return;
	}
	if (r->pass_n > LOG_FROM)
		log_debug("%u megaflows checked in %u ms", r->pass_n,
			  (unsigned)(clock_now_ms() - r->pass_started_ms));
	r->pass_n = 0;
	datapath_all_sent(r->d->datapath);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take_turn(arg);
}

void revalidate_now(struct revalidator *r)
{
	take_turn(r);
}

static int by_use(const void *a, const void *b)
{
	const struct known_flow *x = *(struct known_flow *const *)a,
				*y = *(struct known_flow *const *)b;
	return x->last.used_ms > y->last.used_ms ? -1 : x->last.used_ms < y->last.used_ms;
}

static bool used_lately(const struct known_flow *f, uint64_t now_ms)
{
	return f->last.used_ms != 0 && now_ms - f->last.used_ms <= RELEARN_MS;
}

static void learn_from(struct revalidator *r, const struct known_flow *f)
{
	const struct flow_key *key = &f->match.key;
	if (!ports_by_no(r->d->ports, key->in_port))
		return;
	revalidate_translate(r, key, false, &r->result);
	const struct xlate_result *result = &r->result;
	if (result->used_normal && holds_for_all(f, result) &&
	    !fdb_lookup(r->d->fdb, result->normal_mac, result->normal_vlan))
		fdb_learn(r->d->fdb, result->normal_mac, result->normal_vlan, key->in_port,
			  f->last.used_ms);
}

void revalidate_learn_again(struct revalidator *r)
{
	unsigned n = 0;
	uint64_t now_ms = clock_now_ms();
	struct known_flow **list =
	    calloc(megaflows_count(r->d->megaflows) + 1, sizeof(struct known_flow *));
	if (!list)
		return;
	for (struct known_flow *f = megaflows_first(r->d->megaflows); f; f = f->next) {
		if (used_lately(f, now_ms))
			list[n++] = f;
	}
	qsort(list, n, sizeof(struct known_flow *), by_use);
	for (unsigned i = 0; i < n; i++)
		learn_from(r, list[i]);
	free(list);
	revalidate_macs_changed(r);
}
