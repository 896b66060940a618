// Actions that change fields: mod_dl_src, set_field, load, move, push, pop, write_metadata.
#include "ctl/of_act.h"

#include <errno.h>
#include <string.h>

// "VALUE->FIELD". The arrow is the last one: a port's name may hold another.
struct arrow {
	const char *value, *field;
	size_t value_len, field_len;
};

static int split_arrow(const struct of_act_reader *r, const struct of_word *word, struct arrow *out)
{
	const char *at = NULL, *end = word->value + word->value_len;
	for (const char *p = word->value; p + 1 < end; p++) {
		if (p[0] == '-' && p[1] == '>')
			at = p;
	}
	if (!at || at == word->value || at + 2 == end)
		return of_act_fail(r, word, word->name[0] == 'm' ? "FIELD->FIELD" : "VALUE->FIELD");
	*out =
	    (struct arrow){word->value, at + 2, (size_t)(at - word->value), (size_t)(end - at - 2)};
	return 0;
}

static int put_set(struct of_act_reader *r, const struct of_word *word, enum of_field_id field,
		   enum of_action_form form, of_value value, of_value mask)
{
	struct of_act_set *a = of_act_put(r, word, OF_SET_FIELD, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->a.form = (uint8_t)form;
	a->field = (uint8_t)field;
	of_act_value_to(a->value, value & mask);
	of_act_value_to(a->mask, mask);
	return 0;
}

int of_act_read_mod(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	const struct of_field *field = &of_fields[arg];
	struct of_text_at at = of_act_at(r, word);
	of_value value, mask = of_field_bits(field);
	int err = of_act_check_needs(r, word->name, word->name_len, field->needs);
	if (err)
		return err;
	if (arg == OF_F_VLAN_VID) {
		// The VLAN alone: whether there is a tag does not change.
		mask = VLAN_VID_MASK;
		if (!of_text_u128(word->value, word->value_len, mask, &value))
			return of_act_fail(r, word, "a VLAN from 0 to 4095");
	} else {
		err = of_value_parse_exact(field, &at, &value);
	}
	return err ? err : put_set(r, word, (enum of_field_id)arg, OF_FORM_MOD, value, mask);
}

int of_act_read_write_metadata(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct of_text_at at = of_act_at(r, word);
	of_value value, mask;
	(void)arg;
	int err = of_value_parse(&of_fields[OF_F_METADATA], &at, &value, &mask);
	return err ? err : put_set(r, word, OF_F_METADATA, OF_FORM_MOD, value, mask);
}

// After set_field of the whole TCI there is a tag, or there is none.
static void note_tci(struct of_act_reader *r, enum of_field_id id, of_value value, of_value mask)
{
	if (id == OF_F_DL_VLAN || id == OF_F_DL_VLAN_PCP ||
	    (id == OF_F_VLAN_TCI && (value & VLAN_CFI)))
		r->kinds |= OF_KIND_VLAN;
	else if (id == OF_F_VLAN_TCI && (mask & VLAN_CFI))
		r->kinds &= (uint16_t)~OF_KIND_VLAN;
	if ((r->kinds & OF_KIND_VLAN) && r->n_tags == 0)
		r->n_tags = 1;
	else if (!(r->kinds & OF_KIND_VLAN))
		r->n_tags = 0;
}

static int put_set_field(struct of_act_reader *r, const struct of_word *word, enum of_field_id id,
			 of_value value, of_value mask)
{
	const struct of_field *field = &of_fields[id];
	if (mask == 0)
		return of_act_fail(r, word, "a mask with a bit that changes");
	if (id == OF_F_VLAN_VID && (mask & VLAN_CFI) && !(value & VLAN_CFI))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "vlan_vid's value has the bit that says that there is a tag: "
				    "%u",
				    (unsigned)value | VLAN_CFI);
	// These two add a tag when there is none.
	if (id == OF_F_DL_VLAN || id == OF_F_DL_VLAN_PCP) {
		struct of_act_value *a =
		    of_act_put(r, word, id == OF_F_DL_VLAN ? OF_MOD_VLAN_VID : OF_MOD_VLAN_PCP,
			       sizeof(*a));
		if (!a)
			return -EINVAL;
		a->a.form = OF_FORM_MOD;
		a->value = (uint32_t)value;
	} else if (put_set(r, word, id, OF_FORM_PLAIN, value, mask)) {
		return -EINVAL;
	}
	if (field->offset == of_fields[OF_F_VLAN_TCI].offset)
		note_tci(r, id, value, mask);
	return 0;
}

int of_act_read_set_field(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct arrow arrow = {0};
	struct of_subfield sf;
	of_value value, mask;
	(void)arg;
	int err = split_arrow(r, word, &arrow);
	if (err)
		return err;
	err = of_act_read_subfield(r, arrow.field, arrow.field_len, true, &sf);
	if (err)
		return err;
	if (!of_subfield_is_whole(&sf))
		return of_error_set(r->error, r->line, arrow.field, arrow.field_len,
				    "set_field takes whole fields, maybe with a mask; load takes "
				    "parts");
	enum of_field_id id = (enum of_field_id)sf.field;
	struct of_text_at at = {r->line,	 arrow.field, arrow.field_len, arrow.value,
				arrow.value_len, r->ports,    r->error};
	err = of_value_parse(&of_fields[id], &at, &value, &mask);
	return err ? err : put_set_field(r, word, id, value, mask);
}

int of_act_read_load(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct arrow arrow = {0};
	struct of_subfield sf;
	of_value value = 0;
	(void)arg;
	int err = split_arrow(r, word, &arrow);
	if (err)
		return err;
	err = of_act_read_subfield(r, arrow.field, arrow.field_len, true, &sf);
	if (err)
		return err;
	struct of_text_at at = {r->line,	 arrow.field, arrow.field_len, arrow.value,
				arrow.value_len, r->ports,    r->error};
	err = of_value_parse_bits(sf.n_bits, &at, &value);
	// OpenFlow's load has 64 bits: more of them are loads one behind the other.
	for (unsigned done = 0; !err && done < sf.n_bits; done += 64) {
		unsigned n = sf.n_bits - done < 64 ? sf.n_bits - done : 64;
		err = put_set(r, word, (enum of_field_id)sf.field, OF_FORM_LOAD,
			      (value >> done & of_value_ones(n)) << (sf.ofs + done),
			      of_value_ones(n) << (sf.ofs + done));
	}
	return err;
}

int of_act_read_move(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct arrow arrow = {0};
	struct of_subfield src, dst;
	(void)arg;
	int err = split_arrow(r, word, &arrow);
	if (!err)
		err = of_act_read_subfield(r, arrow.value, arrow.value_len, false, &src);
	if (!err)
		err = of_act_read_subfield(r, arrow.field, arrow.field_len, true, &dst);
	if (err)
		return err;
	if (src.n_bits != dst.n_bits)
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "moves %u bits into %u: both sides must be as wide", src.n_bits,
				    dst.n_bits);
	struct of_act_move *a = of_act_put(r, word, OF_MOVE, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->src = src;
	a->dst = dst;
	return 0;
}

int of_act_read_stack(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	struct of_subfield sf;
	int err = of_act_read_subfield(r, word->value, word->value_len, type == OF_STACK_POP, &sf);
	if (err)
		return err;
	struct of_act_stack *a = of_act_put(r, word, (enum of_action_type)type, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->sf = sf;
	return 0;
}

// How a field's own action is called.
static const struct {
	const char *name;
	uint8_t field;
	bool in_parentheses;
} mods[] = {
    {"mod_dl_src", OF_F_DL_SRC, false},	       {"mod_dl_dst", OF_F_DL_DST, false},
    {"mod_nw_src", OF_F_NW_SRC, false},	       {"mod_nw_dst", OF_F_NW_DST, false},
    {"mod_nw_tos", OF_F_NW_TOS, false},	       {"mod_nw_ecn", OF_F_NW_ECN, false},
    {"mod_nw_ttl", OF_F_NW_TTL, false},	       {"mod_tp_src", OF_F_TP_SRC, false},
    {"mod_tp_dst", OF_F_TP_DST, false},	       {"set_vlan_vid", OF_F_VLAN_VID, false},
    {"set_vlan_pcp", OF_F_VLAN_PCP, false},    {"write_metadata", OF_F_METADATA, false},
    {"set_mpls_label", OF_F_MPLS_LABEL, true}, {"set_mpls_tc", OF_F_MPLS_TC, true},
    {"set_mpls_ttl", OF_F_MPLS_TTL, true},
};

static void print_mod(struct of_out *out, const struct of_act_set *a)
{
	const struct of_field *field = &of_fields[a->field];
	for (unsigned i = 0; i < sizeof(mods) / sizeof(mods[0]); i++) {
		if (mods[i].field != a->field)
			continue;
		of_out_text(out, mods[i].name);
		of_out_char(out, mods[i].in_parentheses ? '(' : ':');
		of_value mask = of_act_value_of(a->mask);
		if (a->field == OF_F_VLAN_VID)
			mask = of_field_bits(field);
		of_value_print(out, field, of_act_value_of(a->value), mask, NULL);
		if (mods[i].in_parentheses)
			of_out_char(out, ')');
	}
}

// The mask's lowest run of ones, of 64 at most.
static struct of_subfield lowest_run(uint8_t field, of_value mask)
{
	struct of_subfield sf = {.field = field};
	while (!(mask >> sf.ofs & 1))
		sf.ofs++;
	while (sf.n_bits < 64 && sf.ofs + sf.n_bits < 128 && mask >> (sf.ofs + sf.n_bits) & 1)
		sf.n_bits++;
	return sf;
}

static void print_load(struct of_out *out, const struct of_act_set *a)
{
	of_value value = of_act_value_of(a->value), mask = of_act_value_of(a->mask);
	while (mask) {
		struct of_subfield sf = lowest_run(a->field, mask);
		of_out_text(out, "load:");
		of_out_0x(out, value >> sf.ofs & of_value_ones(sf.n_bits));
		of_out_text(out, "->");
		of_subfield_print(out, &sf);
		mask &= ~(of_value_ones(sf.n_bits) << sf.ofs);
		if (mask)
			of_out_char(out, ',');
	}
}

void of_act_print_set(struct of_out *out, const struct of_act_set *a, const struct of_ports *ports)
{
	const struct of_field *field = &of_fields[a->field];
	of_value mask = of_act_value_of(a->mask);
	bool whole = mask == of_field_bits(field);
	if (a->a.form == OF_FORM_MOD) {
		print_mod(out, a);
	} else if (a->a.form == OF_FORM_LOAD || (!whole && !field->maskable)) {
		print_load(out, a);
	} else {
		of_out_text(out, "set_field:");
		of_value_print(out, field, of_act_value_of(a->value), mask, ports);
		of_out_text(out, "->");
		of_out_text(out, field->name);
	}
}
