#include "flowtable/classifier.h"

#include "flowtable/cls_mask.h"
#include "flowtable/cls_subtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_MIN 4

// A subtable in the order of lookup.
struct place {
	struct cls_subtable *subtable;
	uint32_t max_priority;
};

struct classifier {
	struct place *order; // by greatest priority, descending
	uint32_t n_subtables, room;
	struct cls_subtable **by_mask; // chains; as many as `room`
	unsigned n_rules;
	struct trie tries[CLS_N_PREFIX_FIELDS]; // of the rules' prefixes
};

struct classifier *classifier_create(void)
{
	struct classifier *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	for (unsigned f = 0; f < CLS_N_PREFIX_FIELDS; f++)
		trie_init(&c->tries[f], cls_prefix_bytes(f));
	return c;
}

void classifier_destroy(struct classifier *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n_subtables; i++)
		cls_subtable_destroy(c->order[i].subtable);
	for (unsigned f = 0; f < CLS_N_PREFIX_FIELDS; f++)
		trie_fini(&c->tries[f]);
	free(c->order);
	free(c->by_mask);
	free(c);
}

static struct cls_subtable **by_mask_of(const struct classifier *c, const struct cls_mask *mask)
{
	return &c->by_mask[mask->hash & (c->room - 1)];
}

static struct cls_subtable *find_subtable(const struct classifier *c, const struct cls_mask *mask)
{
	struct cls_subtable *s = c->room && mask ? *by_mask_of(c, mask) : NULL;

	while (s && s->mask != mask)
		s = s->next;
	return s;
}

static void link_by_mask(struct classifier *c, struct cls_subtable *s)
{
	struct cls_subtable **head = by_mask_of(c, s->mask);

	s->next = *head;
	*head = s;
}

static int make_room(struct classifier *c)
{
	uint32_t room = c->room ? c->room * 2 : ORDER_MIN;
	struct place *order;
	struct cls_subtable **by_mask;

	if (c->n_subtables < c->room)
		return 0;
	by_mask = calloc(room, sizeof(struct cls_subtable *));
	order = by_mask ? realloc(c->order, room * sizeof(*order)) : NULL;
	if (!order) {
		free(by_mask);
		return -ENOMEM;
	}
	free(c->by_mask);
	c->order = order;
	c->by_mask = by_mask;
	c->room = room;
	for (uint32_t i = 0; i < c->n_subtables; i++)
		link_by_mask(c, order[i].subtable);
	return 0;
}

// The first place whose priority is not above.
static uint32_t first_not_above(const struct classifier *c, uint32_t priority)
{
	uint32_t low = 0, high = c->n_subtables;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (c->order[middle].max_priority > priority)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void order_add(struct classifier *c, struct cls_subtable *s)
{
	uint32_t max = priorities_max(&s->priorities), at = first_not_above(c, max);

	memmove(&c->order[at + 1], &c->order[at], (c->n_subtables - at) * sizeof(c->order[0]));
	c->order[at] = (struct place){s, max};
	c->n_subtables++;
}

// `max` is the priority by which it stands there.
static void order_del(struct classifier *c, const struct cls_subtable *s, uint32_t max)
{
	uint32_t at = first_not_above(c, max);

	while (c->order[at].subtable != s)
		at++;
	c->n_subtables--;
	memmove(&c->order[at], &c->order[at + 1], (c->n_subtables - at) * sizeof(c->order[0]));
}

static void unlink_by_mask(struct classifier *c, const struct cls_subtable *s)
{
	struct cls_subtable **at = by_mask_of(c, s->mask);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

// The subtable's greatest priority was `old_max`.
static void reorder(struct classifier *c, struct cls_subtable *s, uint32_t old_max)
{
	if (priorities_max(&s->priorities) == old_max)
		return;
	order_del(c, s, old_max);
	order_add(c, s);
}

static int add_first(struct classifier *c, struct cls_rule *rule)
{
	struct cls_subtable *s = make_room(c) == 0 ? cls_subtable_create(rule->mask) : NULL;
	int err;

	if (!s)
		return -ENOMEM;
	err = cls_subtable_add(s, rule);
	if (err) {
		cls_subtable_destroy(s);
		return err;
	}
	link_by_mask(c, s);
	order_add(c, s);
	return 0;
}

static void tries_del(struct classifier *c, const struct cls_rule *rule, unsigned n)
{
	const struct cls_mask *mask = rule->mask;
	struct of_key key;

	if (n == 0)
		return;
	cls_mask_unpack(mask, rule->words, &key);
	for (unsigned i = 0; i < n; i++) {
		const struct cls_prefix *p = &mask->prefixes[i];

		trie_del(&c->tries[p->field], cls_prefix_value(&key, p->field), p->len);
	}
}

static int tries_add(struct classifier *c, const struct cls_rule *rule)
{
	const struct cls_mask *mask = rule->mask;
	struct of_key key;

	if (mask->n_prefixes == 0)
		return 0;
	cls_mask_unpack(mask, rule->words, &key);
	for (unsigned i = 0; i < mask->n_prefixes; i++) {
		const struct cls_prefix *p = &mask->prefixes[i];
		trie_value value = cls_prefix_value(&key, p->field);
		int err = trie_add(&c->tries[p->field], value, p->len);

		if (err) {
			tries_del(c, rule, i);
			return err;
		}
	}
	return 0;
}

static int subtables_add(struct classifier *c, struct cls_rule *rule)
{
	struct cls_subtable *s = find_subtable(c, rule->mask);
	uint32_t old_max;
	int err;

	if (!s)
		return add_first(c, rule);
	old_max = priorities_max(&s->priorities);
	err = cls_subtable_add(s, rule);
	if (!err)
		reorder(c, s, old_max);
	return err;
}

int classifier_add(struct classifier *c, struct cls_rule *rule)
{
	int err = tries_add(c, rule);

	if (err)
		return err;
	err = subtables_add(c, rule);
	if (err)
		tries_del(c, rule, rule->mask->n_prefixes);
	else
		c->n_rules++;
	return err;
}

void classifier_del(struct classifier *c, struct cls_rule *rule)
{
	struct cls_subtable *s = rule->subtable;
	uint32_t old_max = priorities_max(&s->priorities);

	tries_del(c, rule, rule->mask->n_prefixes);
	cls_subtable_del(s, rule);
	c->n_rules--;
	if (s->n_rules > 0) {
		reorder(c, s, old_max);
		return;
	}
	order_del(c, s, old_max);
	unlink_by_mask(c, s);
	cls_subtable_destroy(s);
}

struct cls_rule *classifier_find_same(const struct classifier *c, const struct cls_rule *rule)
{
	const struct cls_subtable *s = find_subtable(c, rule->mask);

	return s ? cls_subtable_find(s, rule->words, rule->priority) : NULL;
}

struct cls_rule *classifier_find(const struct classifier *c, const struct of_match *match,
				 uint16_t priority)
{
	const struct cls_subtable *s = find_subtable(c, cls_mask_find(&match->mask));
	const key_word *key = of_words(&match->key);
	uint64_t words[OF_KEY_WORDS], *word = words;

	if (!s)
		return NULL;
	for (uint64_t map = s->mask->map; map; map &= map - 1)
		*word++ = key[__builtin_ctzll(map)];
	return cls_subtable_find(s, words, priority);
}

struct lookup {
	const struct classifier *c;
	const struct of_key *key;
	struct of_key *looked_at; // may be NULL
	bool done[CLS_N_PREFIX_FIELDS];
	// Where `done`: leading bits that are in looked_at already, and what the trie says.
	uint8_t have_bits[CLS_N_PREFIX_FIELDS];
	struct trie_result tries[CLS_N_PREFIX_FIELDS];
};

static void look_in_trie(struct lookup *l, enum cls_prefix_field field)
{
	trie_value missing = l->looked_at ? ~cls_prefix_value(l->looked_at, field) : 0;
	trie_value value = cls_prefix_value(l->key, field);

	l->have_bits[field] = (uint8_t)trie_common_bits(missing, 0);
	trie_lookup(&l->c->tries[field], value, &l->tries[field]);
	l->done[field] = true;
}

// Whether the trie tells that no rule with this prefix matches; *price: how many bits more that
// would take.
static bool trie_tells(const struct lookup *l, const struct cls_prefix *p, unsigned *price)
{
	const struct trie_result *r = &l->tries[p->field];
	unsigned need = r->need_bits[p->len], have = l->have_bits[p->field];

	if (trie_lens_has(&r->matches, p->len))
		return false;
	*price = need > have ? need - have : 0;
	return true;
}

enum { UNKNOWN = -1 };

// The least price at which tries that were searched before tell that no rule of the mask matches.
static int known_price(const struct lookup *l, const struct cls_mask *mask)
{
	unsigned price;
	int least = UNKNOWN;

	for (unsigned i = 0; i < mask->n_prefixes; i++) {
		const struct cls_prefix *p = &mask->prefixes[i];

		if (l->done[p->field] && trie_tells(l, p, &price) &&
		    (least == UNKNOWN || (int)price < least))
			least = (int)price;
	}
	return least;
}

// Adds the mask's bits up to and with a stage.
static void look_at_stages(struct lookup *l, const struct cls_mask *mask, unsigned stage)
{
	if (!l->looked_at)
		return;
	cls_mask_look(l->looked_at, mask, stage);
	for (unsigned i = 0; i < mask->n_prefixes; i++) {
		const struct cls_prefix *p = &mask->prefixes[i];

		if (p->stage <= stage && l->have_bits[p->field] < p->len)
			l->have_bits[p->field] = p->len;
	}
}

// Whether a trie of the stage tells that no rule of the mask matches. Takes that which costs least.
static bool tries_tell(struct lookup *l, const struct cls_mask *mask, unsigned stage)
{
	const struct cls_prefix *best = NULL;
	unsigned best_price = 0, price, need;

	for (unsigned i = 0; i < mask->n_prefixes; i++) {
		const struct cls_prefix *p = &mask->prefixes[i];

		if (p->stage != stage)
			continue;
		if (!l->done[p->field])
			look_in_trie(l, p->field);
		if (trie_tells(l, p, &price) && (!best || price < best_price)) {
			best = p;
			best_price = price;
		}
	}
	if (!best || best_price == 0)
		return best;
	need = l->tries[best->field].need_bits[best->len];
	cls_prefix_look(l->looked_at, mask, best->field, need);
	l->have_bits[best->field] = (uint8_t)need;
	return true;
}

// Looks at a subtable, stage by stage, for a rule better than `best`.
static struct cls_rule *look(struct lookup *l, const struct cls_subtable *s, struct cls_rule *best)
{
	const struct cls_mask *mask = s->mask;
	uint32_t hashes[CLS_STAGES] = {0}, hash;
	unsigned stage = 0, last = mask->n_stages - 1u;
	int price = known_price(l, mask);

	if (price == 0)
		return best;
	hash = cls_mask_hashes(mask, of_words(l->key), false, hashes);
	if (price == UNKNOWN)
		cls_subtable_prefetch(s, hashes, hash);
	for (;; stage++) {
		if (tries_tell(l, mask, stage))
			return best;
		if (stage == last) {
			best = cls_subtable_lookup(s, l->key, hash, best);
			break;
		}
		if (!hash_counts_has(&s->stages.early[stage], hashes[stage]))
			break;
	}
	look_at_stages(l, mask, stage);
	return best;
}

struct cls_rule *classifier_lookup(const struct classifier *c, const struct of_key *key,
				   struct of_key *looked_at)
{
	struct lookup l = {.c = c, .key = key, .looked_at = looked_at};
	struct cls_rule *best = NULL;

	for (uint32_t i = 0; i < c->n_subtables; i++) {
		if (best && c->order[i].max_priority <= best->priority)
			break;
		best = look(&l, c->order[i].subtable, best);
	}
	return best;
}

void classifier_each(const struct classifier *c, bool (*fn)(struct cls_rule *rule, void *arg),
		     void *arg)
{
	for (uint32_t i = 0; i < c->n_subtables; i++) {
		const struct cls_subtable *s = c->order[i].subtable;

		for (uint32_t b = 0; b < s->n_buckets; b++) {
			for (struct cls_rule *rule = s->buckets[b]; rule; rule = rule->next) {
				if (!fn(rule, arg))
					return;
			}
		}
	}
}

unsigned classifier_n_rules(const struct classifier *c)
{
	return c->n_rules;
}

unsigned classifier_n_masks(const struct classifier *c)
{
	return c->n_subtables;
}
