// The words of a list of actions: which there are, and where each may stand.
#include "ctl/of_actions.h"

#include "ctl/of_act.h"
#include "ctl/of_group.h"
#include "ctl/of_meter.h"
#include "ctl/of_names.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 9 // lists within lists

// OpenFlow 1.3's instructions, in the order in which they must be written. All that is no
// instruction is a part of apply_actions.
enum instruction { I_METER, I_APPLY, I_CLEAR, I_WRITE, I_METADATA, I_GOTO };
static const char *const instruction_names[] = {
    [I_METER] = "meter",	 [I_APPLY] = "all other actions", [I_CLEAR] = "clear_actions",
    [I_WRITE] = "write_actions", [I_METADATA] = "write_metadata", [I_GOTO] = "goto_table",
};

enum takes { NO_VALUE, A_VALUE, ANY_VALUE };

static int read_drop(struct of_act_reader *r, const struct of_word *word, unsigned arg);
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
    {"output", of_act_read_output, 0, A_VALUE, I_APPLY, true},
    {"drop", read_drop, 0, NO_VALUE, I_APPLY, true},
    {"NORMAL", of_act_read_plain, OF_NORMAL, NO_VALUE, I_APPLY, true},
    {"FLOOD", of_act_read_plain, OF_FLOOD, NO_VALUE, I_APPLY, true},
    {"ALL", of_act_read_plain, OF_ALL, NO_VALUE, I_APPLY, true},
    {"IN_PORT", of_act_read_plain, OF_IN_PORT, NO_VALUE, I_APPLY, true},
    {"set_field", of_act_read_set_field, 0, A_VALUE, I_APPLY, true},
    {"load", of_act_read_load, 0, A_VALUE, I_APPLY, true},
    {"move", of_act_read_move, 0, A_VALUE, I_APPLY, true},
    {"push", of_act_read_stack, OF_STACK_PUSH, A_VALUE, I_APPLY, false},
    {"pop", of_act_read_stack, OF_STACK_POP, A_VALUE, I_APPLY, false},
    {"mod_vlan_vid", of_act_read_vlan_value, OF_MOD_VLAN_VID, A_VALUE, I_APPLY, true},
    {"mod_vlan_pcp", of_act_read_vlan_value, OF_MOD_VLAN_PCP, A_VALUE, I_APPLY, true},
    {"set_vlan_vid", of_act_read_mod, OF_F_VLAN_VID, A_VALUE, I_APPLY, true},
    {"set_vlan_pcp", of_act_read_mod, OF_F_VLAN_PCP, A_VALUE, I_APPLY, true},
    {"strip_vlan", of_act_read_strip_vlan, OF_FORM_STRIP, NO_VALUE, I_APPLY, true},
    {"pop_vlan", of_act_read_strip_vlan, OF_FORM_PLAIN, NO_VALUE, I_APPLY, true},
    {"push_vlan", of_act_read_push_vlan, 0, A_VALUE, I_APPLY, true},
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
    {"push_mpls", of_act_read_push_mpls, 0, A_VALUE, I_APPLY, true},
    {"pop_mpls", of_act_read_pop_mpls, 0, A_VALUE, I_APPLY, true},
    {"dec_mpls_ttl", of_act_read_dec_mpls_ttl, 0, NO_VALUE, I_APPLY, true},
    {"dec_ttl", of_act_read_dec_ttl, 0, ANY_VALUE, I_APPLY, true},
    {"resubmit", of_act_read_resubmit, 0, A_VALUE, I_APPLY, true},
    {"clone", read_nested, OF_CLONE, A_VALUE, I_APPLY, false},
    {"group", read_number, OF_GROUP, A_VALUE, I_APPLY, true},
    {"multipath", of_act_read_multipath, 0, A_VALUE, I_APPLY, false},
    {"bundle", of_act_read_bundle, 0, A_VALUE, I_APPLY, false},
    {"bundle_load", of_act_read_bundle, 1, A_VALUE, I_APPLY, false},
    {"learn", of_act_read_learn, 0, ANY_VALUE, I_APPLY, false},
    {"ct", of_act_read_ct, 0, ANY_VALUE, I_APPLY, false},
    {"ct_clear", of_act_read_ct_clear, 0, NO_VALUE, I_APPLY, false},
    {"note", read_note, 0, ANY_VALUE, I_APPLY, false},
    {"exit", of_act_read_plain, OF_EXIT, NO_VALUE, I_APPLY, false},
    {"meter", read_number, OF_METER, A_VALUE, I_METER, false},
    {"clear_actions", of_act_read_plain, OF_CLEAR_ACTIONS, NO_VALUE, I_CLEAR, false},
    {"write_actions", read_nested, OF_WRITE_ACTIONS, A_VALUE, I_WRITE, false},
    {"write_metadata", of_act_read_write_metadata, 0, A_VALUE, I_METADATA, false},
    {"goto_table", of_act_read_goto_table, 0, A_VALUE, I_GOTO, false},
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

#define ID_FOREIGN 1000
#define ID_NAT	   1001
#define ID_APPLY   1002

static struct of_names action_names;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void names_init(void)
{
	for (unsigned i = 0; i < N_ROWS; i++)
		of_names_add(&action_names, rows[i].name, i);
	for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		of_names_add(&action_names, foreign[i], ID_FOREIGN);
	of_names_add(&action_names, "nat", ID_NAT);
	of_names_add(&action_names, "apply_actions", ID_APPLY);
}

static int read_drop(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	if (r->buf->n_bytes > r->start || r->drops)
		return of_act_fail_name(r, word, "drop must stand alone");
	r->drops = true;
	return 0;
}

static const struct action_row *row_find(const char *name, size_t len)
{
	pthread_once(&names_once, names_init);
	int id = of_names_find_nocase(&action_names, name, len);
	return id >= 0 && id < (int)N_ROWS ? &rows[id] : NULL;
}

static int read_nested(struct of_act_reader *r, const struct of_word *word, unsigned type)
{
	size_t at = r->buf->n_bytes;
	struct of_slice text = of_word_value(word);
	if (word->assign != '(')
		return of_error_set(r->error, r->line, word->name, word->len,
				    "needs a list: %.*s(ACTIONS)", (int)word->name_len, word->name);
	if (r->depth == DEPTH_MAX)
		return of_act_fail_name(r, word, "too many lists within lists");
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
	return of_act_put_value(r, word, (enum of_action_type)type, value) ? 0 : -EINVAL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "note:01.23.45": bytes that mean nothing.
static int read_note(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct of_slice rest = of_word_value(word);
	const char *p = rest.p, *end = rest.end;
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
	if (id == ID_NAT)
		return of_act_fail_name(r, word,
					"stands within ct(): ct(commit,nat(src=10.0.0.1))");
	if (id == ID_FOREIGN)
		return of_act_fail_name(r, word, "not built yet");
	if (id == ID_APPLY)
		return of_act_fail_name(r, word,
					"is what a list does anyway: write its actions alone");
	struct of_guess guess;
	of_guess_init(&guess, word->name, word->name_len);
	for (unsigned i = 0; i < N_ROWS; i++)
		of_guess_try(&guess, rows[i].name);
	return of_guess_fail(&guess, r->error, r->line, "action, and no port has this name");
}

// Instructions stand in OpenFlow's order, each once.
static int check_order(struct of_act_reader *r, const struct action_row *row,
		       const struct of_word *word)
{
	if (r->place == OF_IN_WRITE_ACTIONS && !row->in_set)
		return of_act_fail_name(r, word, "cannot stand in write_actions");
	if (r->place == OF_IN_CT && row->read != of_act_read_set_field &&
	    row->read != of_act_read_load && row->read != of_act_read_move)
		return of_act_fail_name(r, word,
					"cannot stand in ct(exec()): set_field, load and move can");
	if (r->place != OF_IN_FLOW && row->instruction != I_APPLY)
		return of_act_fail_name(r, word, "can stand only in a flow's own list of actions");
	if (r->place != OF_IN_FLOW)
		return 0;
	bool is_first = r->buf->n_bytes == r->start;
	if (!is_first && row->instruction == r->instruction && row->instruction != I_APPLY)
		return of_act_fail_name(r, word, "given twice");
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
		return of_act_fail_name(r, word, "drop must stand alone");
	if (!row && word->value)
		return unknown_action(r, word);
	int err = check_order(r, row ? row : &bare, word);
	if (err)
		return err;
	if (!row) {
		err = of_act_read_bare_port(r, word);
		return err == -ENOENT ? unknown_action(r, word) : err;
	}
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
		r.is_later = match->key.pkt.nw_frag & NW_FRAG_LATER;
		r.n_tags = r.kinds & OF_KIND_VLAN ? 1 : 0;
	}
	int err = of_act_read_all(&r, of_slice_of(text));
	if (!err)
		err = of_act_buf_take(&buf, &r, list);
	of_act_buf_fini(&buf);
	return err;
}
