#include "ctl/of_act.h"
#include "ctl/of_print.h"

typedef void print_fn(struct of_out *out, const char *name, const struct of_action *a,
		      const struct of_ports *ports);

static void print_list(struct of_out *out, const void *records, size_t n_bytes,
		       const struct of_ports *ports);

static void print_word(struct of_out *out, const char *name, const struct of_action *a,
		       const struct of_ports *ports)
{
	(void)a;
	(void)ports;
	of_out_text(out, name);
}

static void print_value(struct of_out *out, const char *name, const struct of_action *a,
			const struct of_ports *ports)
{
	(void)ports;
	of_out_text(out, name);
	of_out_dec(out, ((const struct of_act_value *)a)->value);
}

static void print_type(struct of_out *out, const char *name, const struct of_action *a,
		       const struct of_ports *ports)
{
	(void)ports;
	of_out_text(out, name);
	of_out_hex_wide(out, ((const struct of_act_value *)a)->value, 4);
}

static void print_output(struct of_out *out, const char *name, const struct of_action *a,
			 const struct of_ports *ports)
{
	const struct of_act_output *output = (const void *)a;
	of_out_text(out, name);
	of_out_text(out, output->max_len ? "(port=" : ":");
	of_port_print(out, output->port, ports);
	if (!output->max_len)
		return;
	of_out_text(out, ",max_len=");
	of_out_dec(out, output->max_len);
	of_out_char(out, ')');
}

static void print_output_reg(struct of_out *out, const char *name, const struct of_action *a,
			     const struct of_ports *ports)
{
	(void)ports;
	of_out_text(out, name);
	of_subfield_print(out, &((const struct of_act_output_reg *)a)->src);
}

static void print_set(struct of_out *out, const char *name, const struct of_action *a,
		      const struct of_ports *ports)
{
	(void)name;
	of_act_print_set(out, (const void *)a, ports);
}

static void print_move(struct of_out *out, const char *name, const struct of_action *a,
		       const struct of_ports *ports)
{
	const struct of_act_move *move = (const void *)a;
	(void)ports;
	of_out_text(out, name);
	of_subfield_print(out, &move->src);
	of_out_text(out, "->");
	of_subfield_print(out, &move->dst);
}

static void print_stack(struct of_out *out, const char *name, const struct of_action *a,
			const struct of_ports *ports)
{
	(void)ports;
	of_out_text(out, name);
	of_subfield_print(out, &((const struct of_act_stack *)a)->sf);
}

// mod_vlan_vid and mod_vlan_pcp, or set_field of the same field.
static void print_vlan(struct of_out *out, const char *name, const struct of_action *a,
		       const struct of_ports *ports)
{
	if (a->form == OF_FORM_PLAIN) {
		print_value(out, name, a, ports);
	} else {
		print_value(out, "set_field:", a, ports);
		of_out_text(out, a->type == OF_MOD_VLAN_VID ? "->dl_vlan" : "->dl_vlan_pcp");
	}
}

static void print_pop_vlan(struct of_out *out, const char *name, const struct of_action *a,
			   const struct of_ports *ports)
{
	(void)ports;
	of_out_text(out, a->form == OF_FORM_STRIP ? "strip_vlan" : name);
}

static void print_dec_ttl(struct of_out *out, const char *name, const struct of_action *a,
			  const struct of_ports *ports)
{
	const struct of_act_ids *ids = (const void *)a;
	(void)ports;
	of_out_text(out, name);
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

static void print_resubmit(struct of_out *out, const char *name, const struct of_action *a,
			   const struct of_ports *ports)
{
	const struct of_act_resubmit *resubmit = (const void *)a;
	if (resubmit->is_goto) {
		of_out_text(out, "goto_table:");
		of_out_dec(out, resubmit->table);
		return;
	}
	bool is_short = resubmit->table == OF_TABLE_MAX + 1;
	of_out_text(out, name);
	of_out_char(out, is_short ? ':' : '(');
	if (resubmit->port)
		of_port_print(out, resubmit->port, ports);
	if (is_short)
		return;
	of_out_char(out, ',');
	of_out_dec(out, resubmit->table);
	of_out_char(out, ')');
}

static void print_nested(struct of_out *out, const char *name, const struct of_action *a,
			 const struct of_ports *ports)
{
	const struct of_act_nested *nested = (const void *)a;
	of_out_text(out, name);
	print_list(out, nested + 1, nested->n_bytes, ports);
	of_out_char(out, ')');
}

static void print_multipath(struct of_out *out, const char *name, const struct of_action *a,
			    const struct of_ports *ports)
{
	(void)name;
	(void)ports;
	of_act_print_multipath(out, (const void *)a);
}

static void print_bundle(struct of_out *out, const char *name, const struct of_action *a,
			 const struct of_ports *ports)
{
	(void)name;
	of_act_print_bundle(out, (const void *)a, ports);
}

static void print_learn(struct of_out *out, const char *name, const struct of_action *a,
			const struct of_ports *ports)
{
	(void)name;
	of_act_print_learn(out, (const void *)a, ports);
}

static void print_ct(struct of_out *out, const char *name, const struct of_action *a,
		     const struct of_ports *ports)
{
	const struct of_act_ct *ct = (const void *)a;
	of_out_text(out, name);
	of_act_print_ct(out, ct);
	if (ct->n_bytes) {
		of_out_text(out, "exec(");
		print_list(out, ct + 1, ct->n_bytes, ports);
		of_out_text(out, "),");
	}
	of_act_print_ct_alg(out, ct);
	of_out_chomp(out, ',');
	of_out_char(out, ')');
}

static void print_note(struct of_out *out, const char *name, const struct of_action *a,
		       const struct of_ports *ports)
{
	const struct of_act_note *note = (const void *)a;
	(void)ports;
	of_out_text(out, name);
	for (uint32_t i = 0; i < note->n_bytes; i++) {
		if (i > 0)
			of_out_char(out, '.');
		of_out_hex(out, note->bytes[i] >> 4);
		of_out_hex(out, note->bytes[i] & 0xf);
	}
}

static const struct {
	print_fn *print;
	const char *name;
} printers[OF_N_ACTION_TYPES] = {
    [OF_OUTPUT] = {print_output, "output"},
    [OF_OUTPUT_REG] = {print_output_reg, "output:"},
    [OF_NORMAL] = {print_word, "NORMAL"},
    [OF_FLOOD] = {print_word, "FLOOD"},
    [OF_ALL] = {print_word, "ALL"},
    [OF_IN_PORT] = {print_word, "IN_PORT"},
    [OF_SET_FIELD] = {print_set, NULL},
    [OF_MOVE] = {print_move, "move:"},
    [OF_STACK_PUSH] = {print_stack, "push:"},
    [OF_STACK_POP] = {print_stack, "pop:"},
    [OF_MOD_VLAN_VID] = {print_vlan, "mod_vlan_vid:"},
    [OF_MOD_VLAN_PCP] = {print_vlan, "mod_vlan_pcp:"},
    [OF_STRIP_VLAN] = {print_pop_vlan, "pop_vlan"},
    [OF_PUSH_VLAN] = {print_type, "push_vlan:"},
    [OF_PUSH_MPLS] = {print_type, "push_mpls:"},
    [OF_POP_MPLS] = {print_type, "pop_mpls:"},
    [OF_DEC_MPLS_TTL] = {print_word, "dec_mpls_ttl"},
    [OF_DEC_TTL] = {print_dec_ttl, "dec_ttl"},
    [OF_RESUBMIT] = {print_resubmit, "resubmit"},
    [OF_WRITE_ACTIONS] = {print_nested, "write_actions("},
    [OF_CLEAR_ACTIONS] = {print_word, "clear_actions"},
    [OF_CLONE] = {print_nested, "clone("},
    [OF_METER] = {print_value, "meter:"},
    [OF_GROUP] = {print_value, "group:"},
    [OF_MULTIPATH] = {print_multipath, NULL},
    [OF_BUNDLE] = {print_bundle, NULL},
    [OF_LEARN] = {print_learn, NULL},
    [OF_CT] = {print_ct, "ct("},
    [OF_CT_CLEAR] = {print_word, "ct_clear"},
    [OF_EXIT] = {print_word, "exit"},
    [OF_NOTE] = {print_note, "note:"},
};

static void print_list(struct of_out *out, const void *records, size_t n_bytes,
		       const struct of_ports *ports)
{
	if (n_bytes == 0)
		of_out_text(out, "drop");
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		if (at > 0)
			of_out_char(out, ',');
		printers[a->type].print(out, printers[a->type].name, a, ports);
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
