#include "ctl/swctld/megaflows.h"

#include "ctl/swctld/db.h"
#include "ctl/swctld/flow_index.h"
#include "ctl/swctld/flow_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#define PORTS_MAX (DB_PORT_NO_MAX + 1)

struct megaflows {
	struct flow_index by_match;
	struct known_flow *list, *aside;
	struct flow_ids ids;
	struct flow_pool pool;
	uint64_t token; // of this process, or of all that share `counts`
	unsigned n_awaited;
	unsigned n_by_port[PORTS_MAX];
	struct mask_budget *masks;
	struct frozen_states *frozen;
	struct counts *counts; // NULL: there are none
};

struct megaflows *megaflows_create(unsigned max_masks, struct frozen_states *frozen)
{
	struct megaflows *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	flow_ids_init(&m->ids);
	flow_pool_init(&m->pool, sizeof(struct known_flow));
	m->frozen = frozen;
	m->masks = mask_budget_create(max_masks);
	if (!m->masks || getrandom(&m->token, sizeof(m->token), 0) != sizeof(m->token)) {
		mask_budget_destroy(m->masks);
		free(m);
		return NULL;
	}
	return m;
}

void megaflows_destroy(struct megaflows *m)
{
	if (!m)
		return;
	struct known_flow *f;
	uint32_t cursor = 0;
	m->counts = NULL; // they are for the next swctld
	while ((f = flow_ids_next(&m->ids, &cursor)))
		megaflows_forget(m, f);
	flow_ids_fini(&m->ids);
	flow_index_fini(&m->by_match);
	flow_pool_fini(&m->pool);
	mask_budget_destroy(m->masks);
	free(m);
}

struct mask_budget *megaflows_masks(const struct megaflows *m)
{
	return m->masks;
}

// swd may name any number: those that no port has share a place.
static unsigned place_of(uint32_t in_port)
{
	return in_port < PORTS_MAX ? in_port : 0;
}

unsigned megaflows_count_port(const struct megaflows *m, uint32_t in_port)
{
	return m->n_by_port[place_of(in_port)];
}

static_assert(offsetof(struct known_flow, match) == 0, "a match in the index is its megaflow");

struct known_flow *megaflows_find(const struct megaflows *m, const struct flow_match *match)
{
	return (struct known_flow *)flow_index_find(&m->by_match, match);
}

struct known_flow *megaflows_by_id(const struct megaflows *m, uint32_t id)
{
	return flow_ids_find(&m->ids, id);
}

void megaflows_ufid(const struct megaflows *m, const struct known_flow *f, struct flow_ufid *ufid)
{
	*ufid = (struct flow_ufid){.token = m->token, .id = f->id};
}

struct known_flow *megaflows_by_ufid(const struct megaflows *m, const struct flow_ufid *ufid)
{
	return ufid->token == m->token ? flow_ids_find(&m->ids, ufid->id) : NULL;
}

// `id` 0: a new number.
static struct known_flow *add(struct megaflows *m, uint32_t id, const struct flow_match *match,
			      uint64_t now_ms)
{
	struct known_flow *f = flow_pool_take(&m->pool);
	if (!f)
		return NULL;
	memset(&f->next, 0, sizeof(*f) - offsetof(struct known_flow, next));
	f->match = *match;
	if (!id)
		f->id = flow_ids_take(&m->ids, f);
	else if (flow_ids_claim(&m->ids, id, f))
		f->id = id;
	if (!f->id || flow_index_add(&m->by_match, &f->match) < 0) {
		if (f->id)
			flow_ids_give(&m->ids, f->id);
		flow_pool_give(&m->pool, f);
		return NULL;
	}
	f->created_ms = now_ms;
	DL_PREPEND(m->list, f);
	m->n_by_port[place_of(match->key.in_port)]++;
	mask_budget_take(m->masks, match);
	frozen_take(m->frozen, match->key.recirc_id);
	return f;
}

struct known_flow *megaflows_add(struct megaflows *m, const struct flow_match *match,
				 uint64_t now_ms)
{
	struct known_flow *f = add(m, 0, match, now_ms);
	if (f)
		counts_flow_add(m->counts, f->id);
	return f;
}

bool megaflows_keep_counts(struct megaflows *m, struct counts *counts)
{
	uint32_t id, cursor = 0;
	if (!counts_token(counts))
		return true;
	m->counts = counts;
	m->token = counts_token(counts);
	while ((id = counts_flow_next(counts, &cursor))) {
		if (!flow_ids_reserve(&m->ids, id))
			return false;
	}
	return true;
}

struct known_flow *megaflows_resume(struct megaflows *m, const struct flow_ufid *ufid,
				    const struct flow_match *match, uint64_t now_ms)
{
	struct counted counted;
	if (ufid->token != m->token || !counts_flow_find(m->counts, ufid->id, &counted))
		return NULL;
	struct known_flow *f = add(m, ufid->id, match, now_ms);
	if (!f)
		return NULL;
	f->last.packets = counted.packets;
	f->last.bytes = counted.bytes;
	return f;
}

static void forget_counted(uint32_t id, void *arg)
{
	const struct megaflows *m = arg;
	counts_flow_gone(m->counts, id);
}

void megaflows_resumed(struct megaflows *m)
{
	flow_ids_release(&m->ids, forget_counted, m);
}

static void unlist(struct megaflows *m, struct known_flow *f)
{
	flow_index_del(&m->by_match, &f->match);
	if (f->aside)
		DL_DELETE(m->aside, f);
	else
		DL_DELETE(m->list, f);
}

void megaflows_put_aside(struct megaflows *m, struct known_flow *f)
{
	DL_DELETE(m->list, f);
	DL_PREPEND(m->aside, f);
	f->aside = true;
}

void megaflows_take_back(struct megaflows *m)
{
	struct known_flow *f;
	while ((f = m->aside)) {
		DL_DELETE(m->aside, f);
		DL_PREPEND(m->list, f);
		f->aside = false;
	}
}

void megaflows_refer(struct megaflows *m, struct known_flow *f, const uint32_t *frozen, unsigned n)
{
	// First the new ones: a state that stays must not go in between.
	for (unsigned i = 0; i < n; i++)
		frozen_take(m->frozen, frozen[i]);
	for (unsigned i = 0; i < f->n_frozen; i++)
		frozen_give(m->frozen, f->frozen[i]);
	f->n_frozen = (uint8_t)n;
	if (n)
		memcpy(f->frozen, frozen, n * sizeof(frozen[0]));
}

void megaflows_leave(struct megaflows *m, struct known_flow *f)
{
	unlist(m, f);
	f->leaving = true;
	m->n_awaited++;
}

void megaflows_forget(struct megaflows *m, struct known_flow *f)
{
	if (!f->leaving)
		unlist(m, f);
	else
		m->n_awaited--;
	megaflows_switch_end(m, f);
	counts_flow_gone(m->counts, f->id);
	flow_ids_give(&m->ids, f->id);
	m->n_by_port[place_of(f->match.key.in_port)]--;
	mask_budget_give(m->masks, &f->match);
	megaflows_refer(m, f, NULL, 0);
	frozen_give(m->frozen, f->match.key.recirc_id);
	known_rules_free(f->rules);
	free(f->actions);
	flow_pool_give(&m->pool, f);
}

void megaflows_forget_leaving(struct megaflows *m)
{
	struct known_flow *f;
	uint32_t cursor = 0;
	while (m->n_awaited > 0 && (f = flow_ids_next(&m->ids, &cursor))) {
		if (f->leaving)
			megaflows_forget(m, f);
	}
}

void megaflows_stamp(struct megaflows *m, struct known_flow *f, uint64_t gen)
{
	f->gen = gen;
	DL_DELETE(m->list, f);
	DL_APPEND(m->list, f);
}

void megaflows_outdate(struct megaflows *m, struct known_flow *f)
{
	f->gen = 0;
	DL_DELETE(m->list, f);
	DL_PREPEND(m->list, f);
}

void megaflows_switch_begin(struct megaflows *m, struct known_flow *f, struct known_rules *rules)
{
	if (f->switching)
		known_rules_free(f->next_rules);
	else
		m->n_awaited++;
	f->next_rules = rules;
	f->switching = true;
}

void megaflows_switch_end(struct megaflows *m, struct known_flow *f)
{
	if (!f->switching)
		return;
	f->switching = false;
	known_rules_free(f->rules);
	f->rules = f->next_rules;
	f->next_rules = NULL;
	m->n_awaited--;
}

void megaflows_switch_end_all(struct megaflows *m)
{
	for (struct known_flow *f = m->list; f && m->n_awaited > 0; f = f->next)
		megaflows_switch_end(m, f);
}

unsigned megaflows_n_awaited(const struct megaflows *m)
{
	return m->n_awaited;
}

bool megaflows_may_await(const struct megaflows *m)
{
	return m->n_awaited < MEGAFLOWS_AWAITED_MAX;
}

struct known_flow *megaflows_first(const struct megaflows *m)
{
	return m->list;
}

unsigned megaflows_count(const struct megaflows *m)
{
	return m->by_match.n;
}

bool known_rules_make(struct known_rules **rules, struct rule *const *list, unsigned n)
{
	*rules = NULL;
	if (n == 0)
		return true;
	struct known_rules *made = malloc(sizeof(*made) + n * sizeof(made->list[0]));
	if (!made)
		return false;
	made->n = n;
	for (unsigned i = 0; i < n; i++) {
		rule_ref(list[i]);
		made->list[i] = list[i];
	}
	*rules = made;
	return true;
}

void known_rules_free(struct known_rules *rules)
{
	for (unsigned i = 0; rules && i < rules->n; i++)
		rule_unref(rules->list[i]);
	free(rules);
}

bool known_rules_same(const struct known_rules *rules, struct rule *const *list, unsigned n)
{
	if (!rules || n == 0)
		return !rules && n == 0;
	return rules->n == n && memcmp(rules->list, list, n * sizeof(list[0])) == 0;
}

bool known_flow_same_actions(const struct known_flow *f, const void *actions, uint16_t len)
{
	return f->actions_len == len && (len == 0 || memcmp(f->actions, actions, len) == 0);
}

int known_flow_set_actions(struct known_flow *f, const void *actions, uint16_t len)
{
	char *copy = NULL;
	if (len > 0) {
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, actions, len);
	}
	free(f->actions);
	f->actions = copy;
	f->actions_len = len;
	return 0;
}

struct flow_reading known_flow_account(struct known_flow *f, const struct flow_reading *reading)
{
	struct flow_reading delta = {0};
	if (reading->at_ms < f->last.at_ms)
		return delta;
	bool restarted = reading->packets < f->last.packets || reading->bytes < f->last.bytes;
	delta = *reading;
	if (!restarted) {
		delta.packets -= f->last.packets;
		delta.bytes -= f->last.bytes;
	}
	f->last = *reading;
	return delta;
}

uint64_t known_flow_used_ms(const struct known_flow *f)
{
	return f->last.used_ms > f->created_ms ? f->last.used_ms : f->created_ms;
}
