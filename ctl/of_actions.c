// The words of a list of actions: which there are, and where each may stand.
#include "ctl/of_actions.h"

#include "ctl/of_act.h"
#include "ctl/of_group.h"
#include "ctl/of_meter.h"
#include "ctl/of_names.h"
#include "ctl/of_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ETH_8021Q      0x8100
#define ETH_8021AD     0x88a8
#define ETH_MPLS       0x8847
#define ETH_MPLS_MCAST 0x8848

#define DEPTH_MAX     9	 // lists within lists
#define TRUNCATED_MIN 14 // bytes: an Ethernet header
#define TABLE_THIS    255

// OpenFlow 1.3's instructions, in the order in which they must be written. All that is no
// instruction is a part of apply_actions.
enum instruction { I_METER, I_APPLY, I_CLEAR, I_WRITE, I_METADATA, I_GOTO };
static const char *const instruction_names[] = {
    [I_METER] = "meter",	 [I_APPLY] = "an action",	  [I_CLEAR] = "clear_actions",
    [I_WRITE] = "write_actions", [I_METADATA] = "write_metadata", [I_GOTO] = "goto_table",
};

enum takes { NO_VALUE, A_VALUE, ANY_VALUE };

static int read_plain(struct of_act_reader *r, const struct of_word *word, unsigned type);
static int read_drop(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_output(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_vlan_value(struct of_act_reader *r, const struct of_word *word, unsigned type);
static int read_strip_vlan(struct of_act_reader *r, const struct of_word *word, unsigned form);
static int read_push_vlan(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_push_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_pop_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_dec_mpls_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_dec_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_resubmit(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_goto_table(struct of_act_reader *r, const struct of_word *word, unsigned arg);
static int read_nested(struct of_act_reader *r, const struct of_word *word, unsigned type);
static int read_number(struct of_act_reader *r, const struct of_word *word, unsigned type);
static int read_note(struct of_act_reader *r, const struct of_word *word, unsigned arg);

// An action's names are read in any case, as ovs-ofctl does.
static const struct action_row {
	const char *name;
	int (*read)(struct of_act_reader *r, const struct of_word *word, unsigned arg);
	uint8_t arg;	     // the reader's
	uint8_t takes;	     // enum takes
	uint8_t instruction; // enum instruction
	bool in_set;	     // may stand in write_actions
} rows[] = {
    {"output", read_output, 0, A_VALUE, I_APPLY, true},
    {"drop", read_drop, 0, NO_VALUE, I_APPLY, true},
    {"NORMAL", read_plain, OF_NORMAL, NO_VALUE, I_APPLY, true},
    {"FLOOD", read_plain, OF_FLOOD, NO_VALUE, I_APPLY, true},
    {"ALL", read_plain, OF_ALL, NO_VALUE, I_APPLY, true},
    {"IN_PORT", read_plain, OF_IN_PORT, NO_VALUE, I_APPLY, true},
    {"set_field", of_act_read_set_field, 0, A_VALUE, I_APPLY, true},
    {"load", of_act_read_load, 0, A_VALUE, I_APPLY, true},
    {"move", of_act_read_move, 0, A_VALUE, I_APPLY, true},
    {"push", of_act_read_stack, OF_STACK_PUSH, A_VALUE, I_APPLY, false},
    {"pop", of_act_read_stack, OF_STACK_POP, A_VALUE, I_APPLY, false},
    {"mod_vlan_vid", read_vlan_value, OF_MOD_VLAN_VID, A_VALUE, I_APPLY, true},
    {"mod_vlan_pcp", read_vlan_value, OF_MOD_VLAN_PCP, A_VALUE, I_APPLY, true},
    {"set_vlan_vid", of_act_read_mod, OF_F_VLAN_VID, A_VALUE, I_APPLY, true},
    {"set_vlan_pcp", of_act_read_mod, OF_F_VLAN_PCP, A_VALUE, I_APPLY, true},
    {"strip_vlan", read_strip_vlan, OF_FORM_STRIP, NO_VALUE, I_APPLY, true},
    {"pop_vlan", read_strip_vlan, OF_FORM_PLAIN, NO_VALUE, I_APPLY, true},
    {"push_vlan", read_push_vlan, 0, A_VALUE, I_APPLY, true},
    {"mod_dl_src", of_act_read_mod, OF_F_DL_SRC, A_VALUE, I_APPLY, true},
    {"mod_dl_dst", of_act_read_mod, OF_F_DL_DST, A_VALUE, I_APPLY, true},
    {"mod_nw_src", of_act_read_mod, OF_F_NW_SRC, A_VALUE, I_APPLY, true},
    {"mod_nw_dst", of_act_read_mod, OF_F_NW_DST, A_VALUE, I_APPLY, true},
    {"mod_nw_tos", of_act_read_mod, OF_F_NW_TOS, A_VALUE, I_APPLY, true},
    {"mod_nw_ecn", of_act_read_mod, OF_F_NW_ECN, A_VALUE, I_APPLY, true},
    {"mod_nw_ttl", of_act_read_mod, OF_F_NW_TTL, A_VALUE, I_APPLY, true},
    {"set_nw_ttl", of_act_read_mod, OF_F_NW_TTL, A_VALUE, I_APPLY, true},
    {"mod_tp_src", of_act_read_mod, OF_F_TP_SRC, A_VALUE, I_APPLY, true},
    {"mod_tp_dst", of_act_read_mod, OF_F_TP_DST, A_VALUE, I_APPLY, true},
    {"set_mpls_label", of_act_read_mod, OF_F_MPLS_LABEL, A_VALUE, I_APPLY, true},
    {"set_mpls_tc", of_act_read_mod, OF_F_MPLS_TC, A_VALUE, I_APPLY, true},
    {"set_mpls_ttl", of_act_read_mod, OF_F_MPLS_TTL, A_VALUE, I_APPLY, true},
    {"push_mpls", read_push_mpls, 0, A_VALUE, I_APPLY, true},
    {"pop_mpls", read_pop_mpls, 0, A_VALUE, I_APPLY, true},
    {"dec_mpls_ttl", read_dec_mpls_ttl, 0, NO_VALUE, I_APPLY, true},
    {"dec_ttl", read_dec_ttl, 0, ANY_VALUE, I_APPLY, true},
    {"resubmit", read_resubmit, 0, A_VALUE, I_APPLY, true},
    {"clone", read_nested, OF_CLONE, A_VALUE, I_APPLY, false},
    {"group", read_number, OF_GROUP, A_VALUE, I_APPLY, true},
    {"multipath", of_act_read_multipath, 0, A_VALUE, I_APPLY, false},
    {"bundle", of_act_read_bundle, 0, A_VALUE, I_APPLY, false},
    {"bundle_load", of_act_read_bundle, 1, A_VALUE, I_APPLY, false},
    {"learn", of_act_read_learn, 0, ANY_VALUE, I_APPLY, false},
    {"note", read_note, 0, ANY_VALUE, I_APPLY, false},
    {"exit", read_plain, OF_EXIT, NO_VALUE, I_APPLY, false},
    {"meter", read_number, OF_METER, A_VALUE, I_METER, false},
    {"clear_actions", read_plain, OF_CLEAR_ACTIONS, NO_VALUE, I_CLEAR, false},
    {"write_actions", read_nested, OF_WRITE_ACTIONS, A_VALUE, I_WRITE, false},
    {"write_metadata", of_act_read_write_metadata, 0, A_VALUE, I_METADATA, false},
    {"goto_table", read_goto_table, 0, A_VALUE, I_GOTO, false},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

// Actions and ports of ovs-ofctl's that this switch does not have yet.
static const char *const foreign[] = {
    "controller",   "enqueue",	    "set_queue",    "pop_queue",    "set_tunnel",
    "set_tunnel64", "sample",	    "conjunction",  "fin_timeout",  "check_pkt_larger",
    "encap",	    "decap",	    "dec_nsh_ttl",  "delete_field", "output_trunc",
    "output_reg",   "unroll_xlate", "debug_recirc", "debug_slow",   "local",
    "table",
};
static const char *const connection[] = {"ct", "nat", "ct_clear"};

#define ID_FOREIGN    1000
#define ID_CONNECTION 1001
#define ID_APPLY      1002

static struct of_names action_names;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void names_init(void)
{
	for (unsigned i = 0; i < N_ROWS; i++)
		of_names_add(&action_names, rows[i].name, i);
	for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		of_names_add(&action_names, foreign[i], ID_FOREIGN);
	for (unsigned i = 0; i < sizeof(connection) / sizeof(connection[0]); i++)
		of_names_add(&action_names, connection[i], ID_CONNECTION);
	of_names_add(&action_names, "apply_actions", ID_APPLY);
}

static int fail_at_name(const struct of_act_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->name, word->name_len, "%s", text);
}

int of_act_fail(const struct of_act_reader *r, const struct of_word *word, const char *text)
{
	return of_error_set(r->error, r->line, word->value, word->value_len, "%.*s wants %s",
			    (int)word->name_len, word->name, text);
}

struct of_text_at of_act_at(const struct of_act_reader *r, const struct of_word *word)
{
	return (struct of_text_at){r->line,	    word->name, word->name_len, word->value,
				   word->value_len, r->ports,	r->error};
}

int of_act_check_needs(const struct of_act_reader *r, const char *name, size_t len, uint16_t needs)
{
	char text[96];
	if (!r->checks || !needs || (needs & r->kinds))
		return 0;
	if (needs == OF_KIND_VLAN)
		return of_error_set(r->error, r->line, name, len,
				    "needs a tag: match dl_vlan, or push_vlan first");
	of_kinds_text(needs, text, sizeof(text));
	return of_error_set(r->error, r->line, name, len, "needs %s in the match", text);
}

int of_act_read_subfield(const struct of_act_reader *r, const char *text, size_t len,
			 bool is_written, struct of_subfield *sf)
{
	int err = of_subfield_parse(sf, r->line, text, len, r->error);
	if (err)
		return err;
	const struct of_field *field = &of_fields[sf->field];
	if (is_written && !field->writable)
		return of_error_set(r->error, r->line, text, len, "%s cannot be changed",
				    field->name);
	return of_act_check_needs(r, text, len, field->needs);
}

static int read_plain(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	return of_act_put(r, word, (enum of_action_type)type, sizeof(struct of_action)) ? 0
											: -EINVAL;
}

static int read_drop(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	if (r->buf->n_bytes > r->start || r->drops)
		return fail_at_name(r, word, "drop must stand alone");
	r->drops = true;
	return 0;
}

static int put_output(struct of_act_reader *r, const struct of_word *word, uint32_t port,
		      uint32_t max_len)
{
	struct of_act_output *a = of_act_put(r, word, OF_OUTPUT, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->port = port;
	a->max_len = max_len;
	return 0;
}

// "output(port=1,max_len=100)".
static int read_truncated(struct of_act_reader *r, const struct of_word *word)
{
	struct of_slice rest = {word->value, word->value + word->value_len};
	struct of_word arg;
	uint32_t port = 0;
	uint64_t max_len = 0;
	while (of_word_next(&rest, &arg)) {
		if (of_word_is(&arg, "port") && arg.value) {
			int err = of_port_parse(&port, r->line, arg.value, arg.value_len, r->ports,
						r->error);
			if (err)
				return err;
		} else if (of_word_is(&arg, "max_len") && arg.value) {
			if (!of_text_u64(arg.value, arg.value_len, UINT32_MAX, &max_len) ||
			    max_len < TRUNCATED_MIN)
				return of_act_fail(r, &arg, "a number of bytes from 14 on");
		} else {
			return fail_at_name(r, &arg, "output wants port=PORT and max_len=BYTES");
		}
	}
	if (!port || !max_len)
		return of_act_fail(r, word, "port=PORT and max_len=BYTES");
	return put_output(r, word, port, (uint32_t)max_len);
}

static const struct action_row *row_find(const char *name, size_t len)
{
	pthread_once(&names_once, names_init);
	int id = of_names_find_nocase(&action_names, name, len);
	return id >= 0 && id < (int)N_ROWS ? &rows[id] : NULL;
}

// "output:NXM_NX_REG0[0..15]".
static int read_output_subfield(struct of_act_reader *r, const struct of_word *word)
{
	struct of_subfield sf;
	int err = of_act_read_subfield(r, word->value, word->value_len, false, &sf);
	if (err)
		return err;
	if (r->place == OF_IN_WRITE_ACTIONS)
		return fail_at_name(r, word, "a field as port cannot stand in write_actions");
	struct of_act_output_reg *a = of_act_put(r, word, OF_OUTPUT_REG, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->src = sf;
	return 0;
}

// "output:PORT", where PORT may be one of OpenFlow's own, or a field.
static int read_output(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	if (word->assign == '(' && memchr(word->value, '=', word->value_len))
		return read_truncated(r, word);
	const struct action_row *row = row_find(word->value, word->value_len);
	if (row && row->read == read_plain && row->arg <= OF_IN_PORT)
		return read_plain(r, word, row->arg);
	if (of_port_is_reserved(word->value, word->value_len))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "not built yet");
	uint32_t port;
	int err = of_port_parse(&port, r->line, word->value, word->value_len, r->ports, r->error);
	if (!err)
		return put_output(r, word, port, 0);
	const char *bracket = memchr(word->value, '[', word->value_len);
	size_t len = bracket ? (size_t)(bracket - word->value) : word->value_len;
	if (!bracket && !of_field_find(word->value, len))
		return err;
	return read_output_subfield(r, word);
}

static void *put_value(struct of_act_reader *r, const struct of_word *word,
		       enum of_action_type type, uint64_t value)
{
	struct of_act_value *a = of_act_put(r, word, type, sizeof(*a));
	if (a)
		a->value = (uint32_t)value;
	return a;
}

// mod_vlan_vid and mod_vlan_pcp add a tag when there is none.
static int read_vlan_value(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	uint64_t value;
	bool is_vid = type == OF_MOD_VLAN_VID;
	if (!of_text_u64(word->value, word->value_len, is_vid ? VLAN_VID_MASK : 7, &value))
		return of_act_fail(r, word,
				   is_vid ? "a VLAN from 0 to 4095" : "a priority from 0 to 7");
	r->n_tags += r->n_tags == 0;
	r->kinds |= OF_KIND_VLAN;
	return put_value(r, word, (enum of_action_type)type, value) ? 0 : -EINVAL;
}

static int read_strip_vlan(struct of_act_reader *r, const struct of_word *word, unsigned form)
{
	struct of_action *a = of_act_put(r, word, OF_STRIP_VLAN, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->form = (uint8_t)form;
	r->n_tags -= r->n_tags > 0;
	if (r->n_tags == 0)
		r->kinds &= (uint16_t)~OF_KIND_VLAN;
	return 0;
}

static int read_push_vlan(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint64_t tpid;
	(void)arg;
	if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &tpid) ||
	    (tpid != ETH_8021Q && tpid != ETH_8021AD))
		return of_act_fail(r, word, "0x8100 or 0x88a8");
	if (r->n_tags == 2)
		return fail_at_name(r, word, "a packet has at most two tags");
	r->n_tags++;
	r->kinds |= OF_KIND_VLAN;
	return put_value(r, word, OF_PUSH_VLAN, tpid) ? 0 : -EINVAL;
}

static int read_push_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint64_t type;
	(void)arg;
	if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &type) ||
	    (type != ETH_MPLS && type != ETH_MPLS_MCAST))
		return of_act_fail(r, word, "0x8847 or 0x8848");
	// What is behind the label is not seen any more.
	r->kinds = (r->kinds & OF_KIND_VLAN) | OF_KIND_MPLS;
	return put_value(r, word, OF_PUSH_MPLS, type) ? 0 : -EINVAL;
}

static int read_pop_mpls(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint64_t type;
	struct of_match match = {.mask.pkt.eth_type_be = UINT16_MAX};
	(void)arg;
	if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &type))
		return of_act_fail(r, word, "an EtherType, like 0x0800");
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_MPLS);
	if (err)
		return err;
	match.key.pkt.eth_type_be = htons((uint16_t)type);
	r->kinds = (r->kinds & OF_KIND_VLAN) | of_match_kinds(&match);
	return put_value(r, word, OF_POP_MPLS, type) ? 0 : -EINVAL;
}

static int read_dec_mpls_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_MPLS);
	return err ? err : read_plain(r, word, OF_DEC_MPLS_TTL);
}

bool of_act_next_arg(struct of_slice *rest, const char **arg, size_t *len)
{
	while (rest->p < rest->end && strchr(", \t", *rest->p))
		rest->p++;
	*arg = rest->p;
	while (rest->p < rest->end && !strchr(", \t", *rest->p))
		rest->p++;
	*len = (size_t)(rest->p - *arg);
	return *len > 0;
}

static int read_dec_ttl(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct of_slice rest = {word->value, word->value + word->value_len};
	const char *text;
	size_t len, at = r->buf->n_bytes;
	(void)arg;
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_IP);
	if (err || !word->value || word->value_len == 0)
		return err ? err : read_plain(r, word, OF_DEC_TTL);
	if (!of_act_put(r, word, OF_DEC_TTL, sizeof(struct of_act_ids)))
		return -EINVAL;
	for (unsigned n = 0; of_act_next_arg(&rest, &text, &len); n++) {
		uint64_t id;
		if (!of_text_u64(text, len, UINT16_MAX, &id))
			return of_error_set(r->error, r->line, text, len,
					    "dec_ttl wants numbers of controllers, up to 65535");
		struct of_act_ids *a =
		    of_act_grow(r, word, at,
				sizeof(struct of_act_ids) + (n + 1) * sizeof(uint16_t));
		if (!a)
			return -EINVAL;
		a->a.form = OF_FORM_IDS;
		a->ids[n] = (uint16_t)id;
		a->n_ids = (uint16_t)(n + 1);
	}
	return 0;
}

static int read_table(const struct of_act_reader *r, const struct of_word *word, const char *text,
		      size_t len, uint64_t max, uint8_t *table)
{
	uint64_t value;
	if (!of_text_u64(text, len, max, &value))
		return of_error_set(r->error, r->line, text, len, "%.*s wants a table from 0 to %u",
				    (int)word->name_len, word->name, OF_TABLE_MAX);
	*table = (uint8_t)value;
	return 0;
}

// "resubmit:PORT", "resubmit(PORT,TABLE)", where either may be empty.
static int read_resubmit(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	const char *value = word->value, *end = value + word->value_len;
	const char *comma = memchr(value, ',', word->value_len);
	const char *port_end = comma ? comma : end;
	const char *table = comma ? comma + 1 : end;
	const char *more = memchr(table, ',', (size_t)(end - table));
	struct of_act_resubmit spec = {.table = TABLE_THIS};
	int err = 0;
	(void)arg;
	if (more && more + 1 < end)
		return of_error_set(r->error, r->line, more + 1, (size_t)(end - more - 1),
				    "connection tracking is not built yet");
	size_t table_len = (size_t)((more ? more : end) - table);
	bool is_in_port = port_end - value == 7 && strncasecmp(value, "in_port", 7) == 0;
	if (port_end > value && !is_in_port)
		err = of_port_parse(&spec.port, r->line, value, (size_t)(port_end - value),
				    r->ports, r->error);
	if (!err && table_len > 0)
		err = read_table(r, word, table, table_len, TABLE_THIS, &spec.table);
	if (err)
		return err;
	if (!spec.port && spec.table == TABLE_THIS)
		return of_act_fail(r, word, "a port, a table or both: resubmit(PORT,TABLE)");
	struct of_act_resubmit *a = of_act_put(r, word, OF_RESUBMIT, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->port = spec.port;
	a->table = spec.table;
	return 0;
}

static int read_goto_table(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	uint8_t table = 0;
	(void)arg;
	int err = read_table(r, word, word->value, word->value_len, OF_TABLE_MAX, &table);
	if (err)
		return err;
	if (table <= r->table)
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "goto_table must go to a table above the flow's own, %u",
				    r->table);
	struct of_act_resubmit *a = of_act_put(r, word, OF_RESUBMIT, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->table = table;
	a->is_goto = true;
	return 0;
}

static int read_nested(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	size_t at = r->buf->n_bytes;
	struct of_slice text = {word->value, word->value + word->value_len};
	if (word->assign != '(')
		return of_error_set(r->error, r->line, word->name, word->len,
				    "needs a list: %.*s(ACTIONS)", (int)word->name_len, word->name);
	if (r->depth == DEPTH_MAX)
		return fail_at_name(r, word, "too many lists within lists");
	if (!of_act_put(r, word, (enum of_action_type)type, sizeof(struct of_act_nested)))
		return -EINVAL;
	struct of_act_reader inner = *r;
	inner.start = r->buf->n_bytes;
	inner.place = type == OF_CLONE ? OF_IN_CLONE : OF_IN_WRITE_ACTIONS;
	inner.depth++;
	inner.n_words = 0;
	inner.drops = false;
	int err = of_act_read_all(&inner, text);
	if (err)
		return err;
	struct of_act_nested *a = (void *)((char *)r->buf->words + at);
	a->n_bytes = (uint32_t)(r->buf->n_bytes - at - sizeof(*a));
	a->a.len = (uint16_t)(r->buf->n_bytes - at);
	return 0;
}

static int read_number(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	uint64_t value;
	uint64_t max = type == OF_METER ? OF_METER_MAX : OF_GROUP_MAX, min = type == OF_METER;
	if (!of_text_u64(word->value, word->value_len, max, &value) || value < min)
		return of_act_fail(r, word,
				   type == OF_METER ? "a meter from 1 to 4095"
						    : "a group from 0 to 4294967040");
	return put_value(r, word, (enum of_action_type)type, value) ? 0 : -EINVAL;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

// "note:01.23.45": bytes that mean nothing.
static int read_note(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	const char *p = word->value, *end = p + word->value_len;
	size_t at = r->buf->n_bytes;
	(void)arg;
	if (!of_act_put(r, word, OF_NOTE, sizeof(struct of_act_note)))
		return -EINVAL;
	for (uint32_t n = 0; p < end; n++) {
		int high = hex_digit(p[0]), low = p + 1 < end ? hex_digit(p[1]) : -1;
		if (high < 0 || low < 0)
			return of_act_fail(r, word, "pairs of hexadecimal digits, like 01.23.ff");
		struct of_act_note *a =
		    of_act_grow(r, word, at, sizeof(struct of_act_note) + n + 1);
		if (!a)
			return -EINVAL;
		a->bytes[n] = (uint8_t)(high << 4 | low);
		a->n_bytes = n + 1;
		p += 2;
		p += p + 1 < end && *p == '.';
	}
	return 0;
}

static int unknown_action(const struct of_act_reader *r, const struct of_word *word)
{
	int id = of_names_find_nocase(&action_names, word->name, word->name_len);
	if (id == ID_CONNECTION)
		return fail_at_name(r, word, "connection tracking is not built yet");
	if (id == ID_FOREIGN)
		return fail_at_name(r, word, "not built yet");
	if (id == ID_APPLY)
		return fail_at_name(r, word, "is what a list does anyway: write its actions alone");
	struct of_guess guess;
	of_guess_init(&guess, word->name, word->name_len);
	for (unsigned i = 0; i < N_ROWS; i++)
		of_guess_try(&guess, rows[i].name);
	return of_guess_fail(&guess, r->error, r->line, "action, and no port has this name");
}

// A word alone that is no action's name: a port's.
static int read_bare_port(struct of_act_reader *r, const struct of_word *word)
{
	uint64_t number;
	uint32_t port;
	bool is_number = of_text_u64(word->name, word->name_len, UINT64_MAX, &number);
	if (!is_number && !(r->ports && r->ports->by_name))
		return unknown_action(r, word);
	int err = of_port_parse(&port, r->line, word->name, word->name_len, r->ports, r->error);
	if (err && !is_number)
		return unknown_action(r, word);
	return err ? err : put_output(r, word, port, 0);
}

// Instructions stand in OpenFlow's order, each once.
static int check_order(struct of_act_reader *r, const struct action_row *row,
		       const struct of_word *word)
{
	if (r->place == OF_IN_WRITE_ACTIONS && !row->in_set)
		return fail_at_name(r, word, "cannot stand in write_actions");
	if (r->place != OF_IN_FLOW && row->instruction != I_APPLY)
		return fail_at_name(r, word, "can stand only in a flow's own list of actions");
	if (r->place != OF_IN_FLOW)
		return 0;
	bool is_first = r->buf->n_bytes == r->start;
	if (!is_first && row->instruction == r->instruction && row->instruction != I_APPLY)
		return fail_at_name(r, word, "given twice");
	if (!is_first && row->instruction < r->instruction)
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "must stand before %s", instruction_names[r->instruction]);
	r->instruction = row->instruction;
	return 0;
}

static int check_value(const struct of_act_reader *r, const struct action_row *row,
		       const struct of_word *word)
{
	bool has_value = word->value && (word->value_len > 0 || row->read == read_nested);
	if (word->is_open)
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "its parenthesis is not closed");
	if (row->takes == NO_VALUE && word->value && word->value_len > 0)
		return of_error_set(r->error, r->line, word->name, word->len, "%s takes no value",
				    row->name);
	if (row->takes == A_VALUE && !has_value)
		return of_error_set(r->error, r->line, word->name, word->len,
				    "needs a value: %s:VALUE", row->name);
	return 0;
}

int of_act_read_word(struct of_act_reader *r, const struct of_word *word)
{
	static const struct action_row bare = {"output", NULL, 0, 0, I_APPLY, true};
	const struct action_row *row = row_find(word->name, word->name_len);
	if (r->drops)
		return fail_at_name(r, word, "drop must stand alone");
	if (!row && word->value)
		return unknown_action(r, word);
	int err = check_order(r, row ? row : &bare, word);
	if (err)
		return err;
	if (!row)
		return read_bare_port(r, word);
	err = check_value(r, row, word);
	return err ? err : row->read(r, word, row->arg);
}

int of_act_read_all(struct of_act_reader *r, struct of_slice text)
{
	struct of_word word;
	int err = 0;
	while (!err && of_word_next(&text, &word))
		err = of_act_read_word(r, &word);
	return err;
}

int of_actions_parse(struct of_actions **list, const char *line, const char *text,
		     const struct of_match *match, uint8_t table, const struct of_ports *ports,
		     struct of_error *error)
{
	struct of_act_buf buf;
	struct of_act_reader r;
	of_act_buf_init(&buf);
	of_act_reader_init(&r, &buf, line, ports, error);
	r.table = table;
	if (match) {
		r.checks = true;
		r.kinds = of_match_kinds(match);
		r.n_tags = r.kinds & OF_KIND_VLAN ? 1 : 0;
	}
	int err = of_act_read_all(&r, of_slice_of(text));
	if (!err)
		err = of_act_buf_take(&buf, &r, list);
	of_act_buf_fini(&buf);
	return err;
}
