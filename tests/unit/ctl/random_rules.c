#include "tests/unit/ctl/random_text.h"

#include "tests/unit/ctl/random_model.h"

#include <string.h>

static unsigned random_port(void)
{
	return one_in(24) ? 9 : 1 + pick(POOL_PORTS); // 9 is not there
}

static void put_output(struct text *t, struct place *p)
{
	(void)p;
	put(t, "output:%u", random_port());
}

static void put_truncated(struct text *t, struct place *p)
{
	(void)p;
	put(t, "output(port=%u,max_len=%u)", random_port(), 14 + pick(100));
}

static void put_output_reg(struct text *t, struct place *p)
{
	(void)p;
	put(t, "output:NXM_NX_REG%u[0..%u]", pick(2), one_in(2) ? 2u : 15u);
}

static void put_reserved(struct text *t, struct place *p)
{
	static const char *const words[] = {"in_port", "flood", "all"};

	(void)p;
	put(t, "%s", PICK(words));
}

static void put_set_action(struct text *t, struct place *p)
{
	put_set(t, p->kinds);
}

static void put_mod_vlan(struct text *t, struct place *p)
{
	if (one_in(3))
		put(t, "mod_vlan_pcp:%u", pick(8));
	else
		put(t, "mod_vlan_vid:%u", pool_vid());
	p->kinds |= OF_KIND_VLAN;
	p->n_tags += p->n_tags == 0;
}

// As a field, whose lower bits say the rest.
static void put_tci(struct text *t, struct place *p)
{
	put(t, "set_field:%#x->vlan_tci", 0x1000u | pick(8) << 13 | pool_vid());
	p->kinds |= OF_KIND_VLAN;
	p->n_tags += p->n_tags == 0;
}

static void put_strip_vlan(struct text *t, struct place *p)
{
	put(t, one_in(8) ? "set_field:0->vlan_tci" : "strip_vlan");
	p->kinds &= (uint16_t)~OF_KIND_VLAN;
	p->n_tags -= p->n_tags > 0;
}

// More than two are refused.
static void put_push_vlan(struct text *t, struct place *p)
{
	if (++p->n_tags > 2) {
		p->n_tags = 0;
		put(t, "strip_vlan,strip_vlan");
		p->kinds &= (uint16_t)~OF_KIND_VLAN;
		return;
	}
	put(t, "push_vlan:%s", one_in(2) ? "0x8100" : "0x88a8");
	p->kinds |= OF_KIND_VLAN;
}

static void put_push_mpls(struct text *t, struct place *p)
{
	put(t, "push_mpls:%s", one_in(4) ? "0x8848" : "0x8847");
	p->kinds = (uint16_t)((p->kinds & OF_KIND_VLAN) | OF_KIND_MPLS);
}

static void put_pop_mpls(struct text *t, struct place *p)
{
	static const struct {
		unsigned type;
		uint16_t kind;
	} carried[] = {{ETH_IPV4, OF_KIND_IPV4}, {ETH_IPV4, OF_KIND_IPV4},
		       {ETH_IPV6, OF_KIND_IPV6}, {ETH_ARP, OF_KIND_ARP},
		       {ETH_MPLS, OF_KIND_MPLS}, {ETH_MPLSM, OF_KIND_MPLS}};
	unsigned i = pick(6);

	if (!(p->kinds & OF_KIND_MPLS)) {
		put_set_action(t, p);
		return;
	}
	put(t, "pop_mpls:%#x", carried[i].type);
	p->kinds = (uint16_t)((p->kinds & OF_KIND_VLAN) | carried[i].kind);
}

static void put_dec_ttl(struct text *t, struct place *p)
{
	if (p->kinds & OF_KIND_MPLS)
		put(t, "dec_mpls_ttl");
	else if (p->kinds & OF_KIND_IP)
		put(t, "dec_ttl");
	else
		put_mod_vlan(t, p);
}

static void put_resubmit(struct text *t, struct place *p)
{
	unsigned n = p->rules->n_tables, to = p->table + 1 + pick(n - p->table);

	if (p->rules->loops && one_in(3))
		to = pick(n);
	if (p->n_resubmits++ >= 2 || to >= n) {
		put_output(t, p);
		return;
	}
	if (one_in(4))
		put(t, "resubmit(%u,%u)", 1 + pick(POOL_PORTS), to);
	else
		put(t, "resubmit(,%u)", to);
}

static void put_stack(struct text *t, struct place *p)
{
	if (p->n_pushed > 0 && one_in(2)) {
		put(t, "pop:");
		put_subfield(t, p->kinds, 128, true);
		p->n_pushed--;
	} else {
		put(t, "push:");
		put_subfield(t, p->kinds, 128, false);
		p->n_pushed++;
	}
}

static void put_group(struct text *t, struct place *p)
{
	if (p->max_group == 0)
		put_output(t, p);
	else
		put(t, "group:%u", 1 + pick(p->max_group));
}

static void put_hash(struct text *t, struct place *p)
{
	static const char *const hashes[] = {"eth_src",	       "symmetric_l4",
					     "symmetric_l3l4", "symmetric_l3l4+udp",
					     "symmetric_l3",   "nw_src",
					     "nw_dst"};
	static const char *const algorithms[] = {"modulo_n", "hash_threshold", "hrw", "iter_hash"};
	static const char *const members[] = {"1", "2,3", "4,5,9", "6,1,2"};
	const char *algorithm = one_in(2) ? "hrw" : "active_backup";

	(void)p;
	switch (pick(3)) {
	case 0:
		put(t, "multipath(%s,%u,%s,%u,%u,", PICK(hashes), pick(3), PICK(algorithms),
		    1 + pick(4), pick(2));
		put_register(t, 2 + pick(3));
		put(t, ")");
		return;
	case 1:
		put(t, "bundle(%s,%u,%s,ofport,members:%s)", PICK(hashes), pick(3), algorithm,
		    PICK(members));
		return;
	default:
		put(t, "bundle_load(%s,%u,%s,ofport,", PICK(hashes), pick(3), algorithm);
		put_register(t, 16);
		put(t, ",members:%s)", PICK(members));
	}
}

static void put_clone(struct text *t, struct place *p)
{
	struct place inner = *p;

	if (p->depth >= 2) {
		put_output(t, p);
		return;
	}
	inner.depth++;
	inner.n_resubmits = 1;
	put(t, "clone(");
	put_actions(t, &inner);
	put(t, ")");
}

static void put_note(struct text *t, struct place *p)
{
	(void)p;
	put(t, "note:01.02.03");
}

// Makes a few bits of the packet visible, as the port that it goes to.
static void put_observe(struct text *t, struct place *p)
{
	unsigned n_bits;

	put(t, "load:0->reg1[],move:");
	n_bits = put_subfield(t, p->kinds, 3, false);
	put(t, "->reg1[0..%u],output:NXM_NX_REG1[0..2]", n_bits - 1);
}

static void put_learn_action(struct text *t, struct place *p)
{
	put_learn(t, p);
}

static void put_exit(struct text *t, struct place *p)
{
	(void)p;
	put(t, one_in(2) ? "exit" : "note:05");
}

// More often what stands here more often.
static void (*const any_action[])(struct text *t, struct place *p) = {
    put_output,	    put_output,	    put_output,	      put_output,     put_output,
    put_output,	    put_truncated,  put_output_reg,   put_reserved,   put_set_action,
    put_set_action, put_set_action, put_set_action,   put_set_action, put_set_action,
    put_set_action, put_mod_vlan,   put_tci,	      put_mod_vlan,   put_strip_vlan,
    put_push_vlan,  put_push_mpls,  put_pop_mpls,     put_pop_mpls,   put_dec_ttl,
    put_dec_ttl,    put_resubmit,   put_resubmit,     put_resubmit,   put_resubmit,
    put_stack,	    put_stack,	    put_group,	      put_group,      put_hash,
    put_clone,	    put_note,	    put_learn_action, put_exit,	      put_observe,
    put_observe,
};

static void (*const set_action[])(struct text *t, struct place *p) = {
    put_set_action, put_set_action, put_set_action, put_set_action, put_mod_vlan,
    put_strip_vlan, put_push_vlan,  put_push_mpls,  put_pop_mpls,   put_dec_ttl,
};

// What the label hid decides then, with what was there before.
static void put_pop_and_look(struct text *t, struct place *p)
{
	if (p->depth == 0 && one_in(4)) {
		put_clone(t, p);
		return;
	}
	if (one_in(3))
		put_stack(t, p);
	else
		put_set(t, 0);
	put(t, ",");
	put_pop_mpls(t, p);
	put(t, ",");
	p->n_resubmits = 0;
	put_resubmit(t, p);
}

static void put_any_action(struct text *t, struct place *p)
{
	static void (*const of_copies[])(struct text * t, struct place * p) = {
	    put_clone, put_clone, put_group,	  put_group,	  put_stack,
	    put_stack, put_stack, put_set_action, put_set_action, put_output};

	if (random_theme == THEME_COPIES && one_in(2))
		PICK(of_copies)(t, p);
	else if (random_theme == THEME_MPLS && p->kinds & OF_KIND_MPLS && one_in(3))
		put_pop_and_look(t, p);
	else
		PICK(any_action)(t, p);
}

void put_actions(struct text *t, struct place *p)
{
	unsigned n = 1 + pick(p->depth ? 3 : 6);

	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			put(t, ",");
		put_any_action(t, p);
	}
	if (one_in(2))
		put(t, ",output:%u", random_port());
}

void put_action_set(struct text *t, struct place *p)
{
	unsigned n = pick(4);

	for (unsigned i = 0; i < n; i++) {
		PICK(set_action)(t, p);
		put(t, ",");
	}
	if (one_in(6) && p->max_group > 0)
		put(t, "group:%u", 1 + pick(p->max_group));
	else if (one_in(8) && p->table + 1 < p->rules->n_tables)
		put(t, "resubmit(,%u)", p->table + 1 + pick(p->rules->n_tables - p->table - 1));
	else if (one_in(8) && p->table == p->rules->n_tables)
		put(t, "resubmit(,%u)", p->table - 1);
	else if (one_in(8))
		put_reserved(t, p);
	else
		put(t, "output:%u", random_port());
}

void put_learn(struct text *t, const struct place *p)
{
	static const char *const specs[] = {
	    "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]",
	    "eth_src=52:54:00:00:00:01",
	    "NXM_OF_VLAN_TCI[0..11]",
	    "in_port=3",
	    "NXM_NX_REG0[0..7]=NXM_NX_REG1[8..15]",
	    "load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]",
	    "load:5->NXM_NX_REG2[3..10]",
	    "output:NXM_OF_IN_PORT[]",
	    "load:NXM_OF_ETH_SRC[0..15]->NXM_OF_ETH_DST[16..31]",
	};
	static const char *const ip_specs[] = {
	    "eth_type=0x800,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[]",
	    "load:NXM_OF_IP_SRC[]->NXM_NX_REG3[]",
	};
	unsigned n = 1 + pick(4);

	put(t, "learn(table=%u,priority=%u,idle_timeout=%u", p->rules->n_tables, 1 + pick(1000),
	    pick(100));
	if (one_in(2))
		put(t, ",hard_timeout=%u,cookie=%#x", pick(100), pick(1000));
	if (one_in(4))
		put(t, ",result_dst=NXM_NX_REG%u[%u]", pick(4), pick(32));
	for (unsigned i = 0; i < n; i++)
		put(t, ",%s", specs[(i * 4 + pick(4)) % 9]);
	if (p->kinds & OF_KIND_IPV4)
		put(t, ",%s", PICK(ip_specs));
	put(t, ")");
}

// In this order they have to stand.
static void put_instructions(struct text *t, struct place *p)
{
	const char *comma = "";
	unsigned seldom = random_theme == THEME_NONE ? 2 : 1;

	if (one_in(24)) {
		put(t, "meter:%u", 1 + pick(3));
		comma = ",";
	}
	if (!one_in(8)) {
		put(t, "%s", comma);
		put_actions(t, p);
		comma = ",";
	}
	if (one_in(8 * seldom)) {
		put(t, "%sclear_actions", comma);
		comma = ",";
	}
	if (one_in(4 * seldom)) {
		put(t, "%swrite_actions(", comma);
		put_action_set(t, p);
		put(t, ")");
		comma = ",";
	}
	if (one_in(12)) {
		put(t, "%swrite_metadata:%#x/%#x", comma, pick(4), 3 + pick(12));
		comma = ",";
	}
	if (p->table + 1 < p->rules->n_tables && (*comma == '\0' || one_in(4)))
		put(t, "%sgoto_table:%u", comma,
		    p->table + 1 + pick(p->rules->n_tables - p->table - 1));
	else if (*comma == '\0')
		put(t, "drop");
}

static void random_rule(struct random_rules *rules, unsigned no)
{
	struct text t = {rules->rules[no], RANDOM_LINE};
	struct place p = {.rules = rules, .max_group = rules->n_groups};
	bool is_themed = random_theme == THEME_MPLS || random_theme == THEME_COPIES;
	// The first rule of each table takes what is left.
	bool is_miss = no < rules->n_tables && !one_in(8);

	p.table = no < rules->n_tables ? no : pick(rules->n_tables);
	// What an earlier table may have pushed.
	p.n_pushed = is_themed && p.table > 0 && one_in(4);
	// Buckets may resubmit to the last table, which therefore uses no groups.
	if (p.table + 1 == rules->n_tables && !rules->loops)
		p.max_group = 0;
	put(&t, "table=%u,priority=%u,", p.table, is_miss ? no : 100 + pick(100) * 100 + no);
	if (!is_miss)
		p.kinds = put_match(&t);
	else if (random_theme == THEME_MPLS && p.table == 0 && !one_in(4))
		p.kinds = put_mpls(&t);
	p.n_tags = p.kinds & (OF_KIND_VLAN | OF_KIND_MAYBE_VLAN) ? 1 : 0;
	put(&t, "actions=");
	put_instructions(&t, &p);
}

static void random_group(struct random_rules *rules, unsigned id)
{
	static const char *const types[] = {"all", "select", "indirect", "ff"};
	// Nobody checks what packets come to a bucket.
	static const uint16_t kinds[] = {0,
					 0,
					 OF_KIND_IPV4,
					 OF_KIND_IPV4 | OF_KIND_TCP | OF_KIND_VLAN,
					 OF_KIND_IPV6 | OF_KIND_UDP,
					 OF_KIND_ARP,
					 OF_KIND_MPLS};
	struct text t = {rules->groups[id - 1], RANDOM_LINE};
	unsigned type = pick(4), n = type == 2 ? 1 : 1 + pick(3);

	put(&t, "group_id=%u,type=%s", id, types[type]);
	if (type == 1 && one_in(3))
		put(&t, ",selection_method=hash,fields(ip_src,ip_dst,%s)",
		    one_in(2) ? "tcp_dst" : "eth_src");
	for (unsigned i = 0; i < n; i++) {
		struct place p = {.rules = rules, .table = rules->n_tables, .max_group = id - 1};

		put(&t, ",bucket=");
		if (type == 1 && one_in(2))
			put(&t, "weight:%u,", pick(4));
		if (type == 3 && id > 1 && one_in(4))
			put(&t, "watch_group:%u,", 1 + pick(id - 1));
		else if (type == 3)
			put(&t, "watch_port:%u,", 1 + pick(POOL_PORTS));
		p.kinds = PICK(kinds);
		put(&t, "actions=");
		put_action_set(&t, &p);
	}
}

void random_rules_copy(struct random_rules *to, const struct random_rules *from)
{
	memcpy(to, from, offsetof(struct random_rules, rules));
	memcpy(to->rules, from->rules, sizeof(to->rules[0]) * from->n_rules);
}

// Many rules that differ in prefixes and ports alone.
static void add_crowd(struct random_rules *rules)
{
	unsigned table = pick(rules->n_tables);

	while (rules->n_rules < RANDOM_CROWD_MAX) {
		struct text t = {rules->rules[rules->n_rules], RANDOM_LINE};

		put(&t, "table=%u,priority=%u,", table, 20000 + pick(40) * 1000 + rules->n_rules);
		put_prefixes(&t);
		put(&t, "actions=output:%u", random_port());
		rules->n_rules++;
	}
}

void random_rules(struct random_rules *rules)
{
	random_theme = pick(N_THEMES);
	rules->n_tables = 1 + pick(6);
	rules->n_groups = one_in(2) ? 0 : pick(RANDOM_GROUPS_MAX + 1);
	rules->n_rules = one_in(3) ? 1 + pick(6) : 1 + pick(RANDOM_RULES_MAX);
	rules->loops = one_in(40);
	for (unsigned id = 1; id <= rules->n_groups; id++)
		random_group(rules, id);
	for (unsigned i = 0; i < rules->n_rules; i++)
		random_rule(rules, i);
	if (one_in(40))
		add_crowd(rules);
}
