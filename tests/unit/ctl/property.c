#include "tests/unit/ctl/property.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_TRIED 1024

static struct rule *make_rule(const struct of_flow *flow, unsigned no)
{
	size_t n_bytes = cls_match_bytes(&flow->match.mask);
	struct rule *rule = calloc(1, sizeof(*rule) + n_bytes);

	if (!rule || cls_rule_init(&rule->cls, rule->own, &flow->match, flow->priority))
		abort();
	rule->actions = flow->actions;
	rule->id = no;
	rule->n_refs = 1;
	rule->table = flow->table;
	return rule;
}

static void add_ref_rule(struct property *p, unsigned no)
{
	const struct of_flow *flow = &p->flows[no];
	struct ref_rule *rule = &p->ref_rules[no];
	const struct ref_rule **list = p->sw.rules[flow->table];
	unsigned i = p->sw.n_rules[flow->table]++;

	*rule = (struct ref_rule){flow->match, flow->actions, no, flow->priority, flow->table};
	for (; i > 0 && list[i - 1]->priority < rule->priority; i--)
		list[i] = list[i - 1];
	list[i] = rule;
}

static void add_rule(struct property *p, unsigned no)
{
	struct of_flow *flow = &p->flows[no];
	struct classifier **c = &p->classifiers[flow->table];

	if (!*c)
		*c = classifier_create();
	p->rules[no] = make_rule(flow, no);
	if (!*c || classifier_add(*c, &p->rules[no]->cls))
		abort();
	add_ref_rule(p, no);
}

// Of two rules with the same priority either may win.
static bool is_ambiguous(const struct property *p, unsigned no)
{
	const struct of_flow *flow = &p->flows[no];

	for (unsigned i = 0; i < no; i++) {
		if (p->flows[i].table == flow->table && p->flows[i].priority == flow->priority)
			return true;
	}
	return false;
}

static bool add_group(struct property *p, unsigned i, struct of_error *error)
{
	if (of_group_parse(&p->of_groups[i], p->text.groups[i], NULL, error))
		return false;
	p->groups.list[i].of = p->of_groups[i];
	p->groups.n = p->sw.n_groups = i + 1;
	return true;
}

static void init_switches(struct property *p, unsigned ports_down, const struct xlate_ctx *base)
{
	for (unsigned i = 0; i < 6; i++) {
		bool up = !(ports_down & 1u << i);

		p->ports[i] = (struct ref_port){i + 1, up};
		p->xlate_ports[i] = (struct xlate_port){.no = i + 1, .up = up};
	}
	p->sw.ports = p->ports;
	p->sw.n_ports = 6;
	p->sw.groups = p->of_groups;
	p->ctx = (struct xlate_ctx){
	    .tables = (const struct classifier *const *)p->classifiers,
	    .groups = &p->groups,
	    .fdb = base->fdb,
	    .frozen = base->frozen,
	    .ports = p->xlate_ports,
	    .n_ports = 6,
	    .now_ms = 1000,
	    .learn = true,
	};
}

bool property_init(struct property *p, const struct random_rules *text, unsigned ports_down,
		   const struct xlate_ctx *base, struct of_error *error)
{
	memset(p, 0, offsetof(struct property, text));
	random_rules_copy(&p->text, text);
	init_switches(p, ports_down, base);
	p->text.n_groups = p->text.n_rules = 0;
	for (; p->text.n_groups < text->n_groups; p->text.n_groups++) {
		if (!add_group(p, p->text.n_groups, error))
			goto refused;
	}
	for (; p->text.n_rules < text->n_rules; p->text.n_rules++) {
		unsigned no = p->text.n_rules;

		if (of_flow_parse(&p->flows[no], OF_FLOW_ADD, text->rules[no], NULL, error))
			goto refused;
		if (is_ambiguous(p, no)) {
			snprintf(error->text, sizeof(error->text), "two rules of a priority");
			of_flow_fini(&p->flows[no]);
			goto refused;
		}
		add_rule(p, no);
	}
	return true;
refused:
	property_fini(p);
	return false;
}

void property_fini(struct property *p)
{
	for (unsigned i = 0; i < p->text.n_rules; i++) {
		classifier_del(p->classifiers[p->rules[i]->table], &p->rules[i]->cls);
		cls_rule_fini(&p->rules[i]->cls);
		free(p->rules[i]);
		of_flow_fini(&p->flows[i]);
	}
	for (unsigned i = 0; i <= OF_TABLE_MAX; i++) {
		if (p->classifiers[i])
			classifier_destroy(p->classifiers[i]);
	}
	for (unsigned i = 0; i < p->groups.n; i++)
		of_group_fini(&p->of_groups[i]);
}

void arrival_key(const struct arrival *a, struct flow_key *key)
{
	model_key(&a->packet, key);
	key->in_port = a->in_port;
}

bool property_is_inside(const struct comparison *c, const struct arrival *a)
{
	struct flow_key key;

	arrival_key(a, &key);
	return flow_key_equal_masked(&key, &c->xlate.match.key, &c->xlate.match.mask);
}

static bool has_rule(const struct comparison *c, unsigned no)
{
	for (unsigned i = 0; i < c->n_rules; i++) {
		if (c->rules[i] == no)
			return true;
	}
	return false;
}

// In order, unless the datapath went another way round.
static bool rules_equal(const struct comparison *c)
{
	if (c->ref.n_rules != c->n_rules)
		return false;
	for (unsigned i = 0; i < c->n_rules; i++) {
		if (c->went_around ? !has_rule(c, c->ref.rules[i]) : c->rules[i] != c->ref.rules[i])
			return false;
	}
	return true;
}

// But for how they were written.
static bool actions_mean_the_same(const struct of_actions *a, const struct of_actions *b)
{
	const struct of_action *x = of_actions_first(a), *y = of_actions_first(b);

	for (; x && y; x = of_actions_next(a, x), y = of_actions_next(b, y)) {
		if (x->type != y->type || x->len != y->len ||
		    memcmp(x + 1, y + 1, x->len - sizeof(*x)) != 0)
			return false;
	}
	return !x && !y;
}

static bool learned_equal(const struct ref_learned *r, const struct xlate_learned *x)
{
	const struct of_flow *a = &r->flow, *b = &x->flow;

	return of_key_equal(&a->match.key, &b->match.key) &&
	       of_key_equal(&a->match.mask, &b->match.mask) && a->priority == b->priority &&
	       a->table == b->table && a->cookie == b->cookie &&
	       a->idle_timeout_s == b->idle_timeout_s && a->hard_timeout_s == b->hard_timeout_s &&
	       actions_mean_the_same(a->actions, b->actions);
}

static bool has_learned(const struct comparison *c, const struct ref_learned *learned)
{
	for (unsigned i = 0; i < c->n_learned; i++) {
		if (learned_equal(learned, c->learned[i]))
			return true;
	}
	return false;
}

// In order, as rules_equal().
static bool all_learned_equal(const struct comparison *c)
{
	if (c->ref.n_learned != c->n_learned)
		return false;
	for (unsigned i = 0; i < c->ref.n_learned; i++) {
		if (c->went_around ? !has_learned(c, &c->ref.learned[i])
				   : !learned_equal(&c->ref.learned[i], c->learned[i]))
			return false;
	}
	return true;
}

static void collect_rule(struct comparison *c, unsigned no)
{
	if (!has_rule(c, no))
		c->rules[c->n_rules++] = no;
}

static void collect(struct comparison *c, const struct xlate_result *x)
{
	for (unsigned i = 0; i < x->n_rules; i++)
		collect_rule(c, (unsigned)x->rules[i]->id);
	for (unsigned i = 0; i < x->n_learned && c->n_learned < REF_LEARNED_MAX; i++)
		c->learned[c->n_learned++] = &x->learned[i];
}

// The datapath with its megaflows.
struct path {
	struct recirculation around; // stands first
	const struct property *p;
	struct comparison *c;
	uint32_t in_port;
	unsigned depth;
};

static void translate_and_hold(const struct property *p, const struct flow_key *key,
			       struct xlate_result *x)
{
	translate(&p->ctx, key, x);
	for (unsigned i = 0; i < x->n_frozen; i++)
		frozen_take(p->ctx.frozen, x->frozen[i]);
}

static void let_go(const struct property *p, struct xlate_result *x)
{
	for (unsigned i = 0; i < x->n_frozen; i++)
		frozen_give(p->ctx.frozen, x->frozen[i]);
	x->n_frozen = 0;
}

void comparison_reset(struct comparison *c, const struct property *p)
{
	let_go(p, &c->xlate);
	for (unsigned i = 0; i < c->n_around; i++)
		let_go(p, &c->around[i]);
	c->n_around = 0;
}

// The megaflow of a recirculated packet, translated when there is none. NULL: no room.
static const struct xlate_result *megaflow_around(struct path *path, const struct flow_key *key)
{
	struct comparison *c = path->c;

	for (unsigned i = 0; i < c->n_around; i++) {
		const struct flow_match *match = &c->around[i].match;

		if (flow_key_equal_masked(key, &match->key, &match->mask))
			return &c->around[i];
	}
	if (c->n_around == AROUND_MAX)
		return NULL;
	translate_and_hold(path->p, key, &c->around[c->n_around]);
	return &c->around[c->n_around++];
}

static const char *run_around(const struct recirculation *self, uint32_t recirc_id,
			      const struct model *packet, struct ref_events *events)
{
	struct path *path = (struct path *)(uintptr_t)self;
	const struct xlate_result *x;
	const char *wrong;
	struct flow_key key;

	path->c->went_around = true;
	model_key(packet, &key);
	key.in_port = path->in_port;
	key.recirc_id = recirc_id;
	x = path->depth < AROUND_MAX ? megaflow_around(path, &key) : NULL;
	if (!x || x->end != XLATE_OK) {
		path->c->failed_around = true;
		return NULL;
	}
	collect(path->c, x);
	path->depth++;
	wrong = model_execute(packet, x->actions, x->n_actions, self, events);
	path->depth--;
	return wrong;
}

static const char *run_datapath(const struct property *p, struct comparison *c,
				const struct arrival *a, const struct xlate_result *x,
				struct ref_events *events)
{
	struct path path = {{run_around}, p, c, a->in_port, 0};

	events->n = c->n_rules = c->n_learned = 0;
	c->went_around = c->failed_around = false;
	collect(c, x);
	return model_execute(&a->packet, x->actions, x->n_actions, &path.around, events);
}

static bool is_comparable(const struct comparison *c)
{
	if (c->ref.unclear || c->failed_around || (c->went_around && c->ref.dropped))
		return false;
	if (c->xlate.end == XLATE_TOO_MANY_ACTIONS && c->ref.events.n > 30)
		return false;
	// What comes behind an expired TTL the translator has walked all the same.
	return c->xlate.end == XLATE_OK || !c->ref.expired;
}

// One run of the reference against c->events.
static enum verdict compare(struct comparison *c, bool is_own)
{
	if (!is_comparable(c))
		return SKIPPED;
	c->why = "what comes out";
	if (!ref_events_equal(&c->ref.events, &c->events))
		return DIFFERENT;
	// The datapath counts a TTL down without telling: rules behind it count the packet all the
	// same. So do those of a copy that has come round, which is a packet of its own then.
	if (c->ref.expired || c->ref.dropped || (c->went_around && c->ref.copy_expired))
		return SAME;
	c->why = "the rules that it met";
	if (!rules_equal(c))
		return DIFFERENT;
	c->why = "what it teaches";
	if (is_own && !all_learned_equal(c))
		return DIFFERENT;
	return SAME;
}

// Whether some outcome of the decisions that a hash makes is what came out.
static enum verdict compare_choices(const struct property *p, struct comparison *c,
				    const struct arrival *a, bool is_own)
{
	enum verdict verdict;
	unsigned tries = 0;
	const char *wrong = run_datapath(p, c, a, &c->xlate, &c->events);

	memset(&c->choices, 0, sizeof(c->choices));
	do {
		ref_run(&p->sw, a->in_port, &a->packet, &c->choices, &c->ref);
		verdict = compare(c, is_own);
		if (++tries == CHOICES_TRIED)
			verdict = SKIPPED;
	} while (verdict == DIFFERENT && ref_choices_next(&c->choices));
	if (verdict != SKIPPED && wrong) {
		c->why = wrong;
		return DIFFERENT;
	}
	return verdict;
}

// The rules that it teaches are not needed any more.
static void forget_learned(struct xlate_result *x)
{
	xlate_result_fini(x);
	x->n_learned = 0;
}

enum verdict property_check(const struct property *p, struct comparison *c, const struct arrival *a)
{
	struct flow_key key;
	enum verdict verdict;

	comparison_reset(c, p);
	arrival_key(a, &key);
	translate_and_hold(p, &key, &c->xlate);
	if (!property_is_inside(c, a)) {
		c->why = "the megaflow does not match its own packet";
		verdict = DIFFERENT;
	} else {
		verdict = compare_choices(p, c, a, true);
	}
	forget_learned(&c->xlate);
	for (unsigned i = 0; i < c->n_around; i++)
		forget_learned(&c->around[i]);
	return verdict;
}

// Hashes may only be of what the megaflow matches on.
static bool is_translated_alike(const struct property *p, struct comparison *c,
				const struct arrival *a)
{
	struct flow_key key;

	arrival_key(a, &key);
	translate(&p->ctx, &key, &c->again);
	run_datapath(p, c, a, &c->again, &c->events_again);
	forget_learned(&c->again);
	return ref_events_equal(&c->events, &c->events_again);
}

enum verdict property_check_inside(const struct property *p, struct comparison *c,
				   const struct arrival *a)
{
	unsigned n_around = c->n_around;
	enum verdict verdict = compare_choices(p, c, a, false);

	if (verdict == SAME && c->choices.n > 0 && !is_translated_alike(p, c, a)) {
		c->why = "the decision of a hash";
		verdict = DIFFERENT;
	}
	for (unsigned i = n_around; i < c->n_around; i++)
		forget_learned(&c->around[i]);
	return verdict;
}
