#include "ctl/of_act.h"
#include "ctl/of_print.h"

static void print_list(struct of_out *out, const void *records, size_t n_bytes,
		       const struct of_ports *ports);

static void print_value(struct of_out *out, const char *name, const struct of_action *a)
{
	of_out_text(out, name);
	of_out_dec(out, ((const struct of_act_value *)a)->value);
}

static void print_output(struct of_out *out, const struct of_act_output *a,
			 const struct of_ports *ports)
{
	of_out_text(out, a->max_len ? "output(port=" : "output:");
	of_port_print(out, a->port, ports);
	if (!a->max_len)
		return;
	of_out_text(out, ",max_len=");
	of_out_dec(out, a->max_len);
	of_out_char(out, ')');
}

static void print_subfield(struct of_out *out, const char *name, const struct of_subfield *sf)
{
	of_out_text(out, name);
	of_subfield_print(out, sf);
}

static void print_move(struct of_out *out, const struct of_act_move *a)
{
	print_subfield(out, "move:", &a->src);
	print_subfield(out, "->", &a->dst);
}

// mod_vlan_vid, or set_field of the same field.
static void print_vlan(struct of_out *out, const struct of_act_value *a)
{
	bool is_vid = a->a.type == OF_MOD_VLAN_VID;
	if (a->a.form == OF_FORM_PLAIN) {
		print_value(out, is_vid ? "mod_vlan_vid:" : "mod_vlan_pcp:", &a->a);
	} else {
		print_value(out, "set_field:", &a->a);
		of_out_text(out, is_vid ? "->dl_vlan" : "->dl_vlan_pcp");
	}
}

static void print_type(struct of_out *out, const char *name, const struct of_action *a)
{
	of_out_text(out, name);
	of_out_hex_wide(out, ((const struct of_act_value *)a)->value, 4);
}

static void print_dec_ttl(struct of_out *out, const struct of_action *a)
{
	const struct of_act_ids *ids = (const struct of_act_ids *)a;
	of_out_text(out, "dec_ttl");
	if (a->form != OF_FORM_IDS)
		return;
	of_out_char(out, '(');
	for (unsigned i = 0; i < ids->n_ids; i++) {
		if (i > 0)
			of_out_char(out, ',');
		of_out_dec(out, ids->ids[i]);
	}
	of_out_char(out, ')');
}

static void print_resubmit(struct of_out *out, const struct of_act_resubmit *a,
			   const struct of_ports *ports)
{
	if (a->is_goto) {
		of_out_text(out, "goto_table:");
		of_out_dec(out, a->table);
		return;
	}
	bool is_short = a->table == OF_TABLE_MAX + 1;
	of_out_text(out, is_short ? "resubmit:" : "resubmit(");
	if (a->port)
		of_port_print(out, a->port, ports);
	if (is_short)
		return;
	of_out_char(out, ',');
	of_out_dec(out, a->table);
	of_out_char(out, ')');
}

static void print_nested(struct of_out *out, const char *name, const struct of_act_nested *a,
			 const struct of_ports *ports)
{
	of_out_text(out, name);
	print_list(out, a + 1, a->n_bytes, ports);
	of_out_char(out, ')');
}

static void print_note(struct of_out *out, const struct of_act_note *a)
{
	of_out_text(out, "note:");
	for (uint32_t i = 0; i < a->n_bytes; i++) {
		if (i > 0)
			of_out_char(out, '.');
		of_out_hex(out, a->bytes[i] >> 4);
		of_out_hex(out, a->bytes[i] & 0xf);
	}
}

static void print_action(struct of_out *out, const struct of_action *a,
			 const struct of_ports *ports)
{
	const void *record = a;
	switch ((enum of_action_type)a->type) {
	case OF_OUTPUT:
		print_output(out, record, ports);
		break;
	case OF_OUTPUT_REG:
		print_subfield(out, "output:", &((const struct of_act_output_reg *)record)->src);
		break;
	case OF_NORMAL:
		of_out_text(out, "NORMAL");
		break;
	case OF_FLOOD:
		of_out_text(out, "FLOOD");
		break;
	case OF_ALL:
		of_out_text(out, "ALL");
		break;
	case OF_IN_PORT:
		of_out_text(out, "IN_PORT");
		break;
	case OF_SET_FIELD:
		of_act_print_set(out, record, ports);
		break;
	case OF_MOVE:
		print_move(out, record);
		break;
	case OF_STACK_PUSH:
		print_subfield(out, "push:", &((const struct of_act_stack *)record)->sf);
		break;
	case OF_STACK_POP:
		print_subfield(out, "pop:", &((const struct of_act_stack *)record)->sf);
		break;
	case OF_MOD_VLAN_VID:
	case OF_MOD_VLAN_PCP:
		print_vlan(out, record);
		break;
	case OF_STRIP_VLAN:
		of_out_text(out, a->form == OF_FORM_STRIP ? "strip_vlan" : "pop_vlan");
		break;
	case OF_PUSH_VLAN:
		print_type(out, "push_vlan:", a);
		break;
	case OF_PUSH_MPLS:
		print_type(out, "push_mpls:", a);
		break;
	case OF_POP_MPLS:
		print_type(out, "pop_mpls:", a);
		break;
	case OF_DEC_MPLS_TTL:
		of_out_text(out, "dec_mpls_ttl");
		break;
	case OF_DEC_TTL:
		print_dec_ttl(out, a);
		break;
	case OF_RESUBMIT:
		print_resubmit(out, record, ports);
		break;
	case OF_WRITE_ACTIONS:
		print_nested(out, "write_actions(", record, ports);
		break;
	case OF_CLEAR_ACTIONS:
		of_out_text(out, "clear_actions");
		break;
	case OF_CLONE:
		print_nested(out, "clone(", record, ports);
		break;
	case OF_METER:
		print_value(out, "meter:", a);
		break;
	case OF_GROUP:
		print_value(out, "group:", a);
		break;
	case OF_MULTIPATH:
		of_act_print_multipath(out, record);
		break;
	case OF_BUNDLE:
		of_act_print_bundle(out, record, ports);
		break;
	case OF_LEARN:
		of_act_print_learn(out, record, ports);
		break;
	case OF_EXIT:
		of_out_text(out, "exit");
		break;
	case OF_NOTE:
		print_note(out, record);
		break;
	case OF_N_ACTION_TYPES:
		break;
	}
}

static void print_list(struct of_out *out, const void *records, size_t n_bytes,
		       const struct of_ports *ports)
{
	if (n_bytes == 0)
		of_out_text(out, "drop");
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		if (at > 0)
			of_out_char(out, ',');
		print_action(out, a, ports);
		at += a->len;
	}
}

void of_out_actions(struct of_out *out, const struct of_actions *list, const struct of_ports *ports)
{
	print_list(out, list ? list->records : NULL, list ? list->n_bytes : 0, ports);
}

void of_actions_print(FILE *file, const struct of_actions *list, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	of_out_actions(&out, list, ports);
	of_out_write(&out, file);
}

char *of_actions_format(const struct of_actions *list, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	of_out_actions(&out, list, ports);
	return of_out_take(&out);
}
