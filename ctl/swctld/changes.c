#include "ctl/swctld/changes.h"

#include <string.h>

void changes_init(struct changes *c)
{
	memset(c, 0, sizeof(*c));
	c->gen = c->all_gen = 1;
}

void changes_all(struct changes *c)
{
	c->all_gen = ++c->gen;
}

void changes_groups(struct changes *c)
{
	c->groups_gen = ++c->gen;
}

void changes_macs(struct changes *c)
{
	c->macs_gen = ++c->gen;
}

static void tell(struct changes *c, const struct rules_told *rule)
{
	struct changes_told *told = &c->told[c->n_told++ % CHANGES_TOLD_MAX];
	if (told->gen)
		c->forgotten_gen = told->gen;
	told->gen = c->gen;
	told->table = rule->table;
	told->match.key = rule->match.key.pkt;
	told->match.mask = rule->match.mask.pkt;
}

void changes_rules(struct changes *c, const struct rules_change *change)
{
	bool each_told = change->n_told <= RULES_TOLD_MAX;
	c->gen++;
	if (change->groups.added || change->groups.modified || change->groups.deleted)
		c->groups_gen = c->gen;
	for (unsigned t = 0; t <= OF_TABLE_MAX; t++) {
		if (!(change->tables[t / 64] >> t % 64 & 1))
			continue;
		c->table_gen[t] = c->gen;
		if (!each_told)
			c->table_many_gen[t] = c->gen;
	}
	for (unsigned i = 0; each_told && i < change->n_told; i++)
		tell(c, &change->told[i]);
}

static bool can_meet(const struct flow_match *a, const struct flow_match *b)
{
	struct flow_key common;
	flow_key_mask(&common, &a->mask, &b->mask);
	return flow_key_equal_masked(&a->key, &b->key, &common);
}

static bool a_told_rule_meets(const struct changes *c, uint64_t gen, const struct flow_match *match,
			      const struct dependences *on)
{
	for (uint64_t i = 1; i <= CHANGES_TOLD_MAX && i <= c->n_told; i++) {
		const struct changes_told *told = &c->told[(c->n_told - i) % CHANGES_TOLD_MAX];
		if (told->gen <= gen)
			break;
		if ((on->tables[told->table / 64] >> told->table % 64 & 1) &&
		    can_meet(match, &told->match))
			return true;
	}
	return false;
}

bool changes_concern(const struct changes *c, uint64_t gen, const struct flow_match *match,
		     const struct dependences *on)
{
	bool by_rules = false;
	if (gen < c->all_gen || (on->groups && gen < c->groups_gen) ||
	    (on->macs && gen < c->macs_gen))
		return true;
	for (unsigned w = 0; w < 4; w++) {
		for (uint64_t bits = on->tables[w]; bits; bits &= bits - 1) {
			unsigned t = w * 64 + (unsigned)__builtin_ctzll(bits);
			if (gen < c->table_many_gen[t])
				return true;
			by_rules |= gen < c->table_gen[t];
		}
	}
	if (!by_rules)
		return false;
	return on->edited || gen < c->forgotten_gen || a_told_rule_meets(c, gen, match, on);
}
