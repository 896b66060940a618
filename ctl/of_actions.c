#include "ctl/of_actions.h"

#include "ctl/of_field.h"
#include "ctl/of_port.h"
#include "ctl/of_text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ETH_8021Q  0x8100
#define ETH_8021AD 0x88a8

// What stands behind an action's name.
enum of_arg {
	OF_ARG_NONE,
	OF_ARG_PORT,
	OF_ARG_VID,
	OF_ARG_TPID,
	OF_ARG_MAC,
	OF_ARG_IPV4,
	OF_ARG_PORT16,
};

struct action_row {
	const char *name;
	enum of_action_type type;
	enum of_arg arg;
	uint16_t needs; // kinds of packet, one of which the match must be limited to
	bool ignores_case;
	bool needs_tag; // a tag that the match or an earlier action promises
};

// The first row of a type is how it is printed.
static const struct action_row rows[] = {
    {"output", OF_OUTPUT, OF_ARG_PORT, 0, false, false},
    {"drop", OF_DROP, OF_ARG_NONE, 0, false, false},
    {"NORMAL", OF_NORMAL, OF_ARG_NONE, 0, true, false},
    {"FLOOD", OF_FLOOD, OF_ARG_NONE, 0, true, false},
    {"ALL", OF_FLOOD, OF_ARG_NONE, 0, true, false},
    {"IN_PORT", OF_IN_PORT, OF_ARG_NONE, 0, true, false},
    {"mod_vlan_vid", OF_MOD_VLAN_VID, OF_ARG_VID, 0, false, false},
    {"set_vlan_vid", OF_MOD_VLAN_VID, OF_ARG_VID, 0, false, true},
    {"strip_vlan", OF_STRIP_VLAN, OF_ARG_NONE, 0, false, false},
    {"pop_vlan", OF_STRIP_VLAN, OF_ARG_NONE, 0, false, false},
    {"push_vlan", OF_PUSH_VLAN, OF_ARG_TPID, 0, false, false},
    {"mod_dl_src", OF_MOD_DL_SRC, OF_ARG_MAC, 0, false, false},
    {"mod_dl_dst", OF_MOD_DL_DST, OF_ARG_MAC, 0, false, false},
    {"mod_nw_src", OF_MOD_NW_SRC, OF_ARG_IPV4, OF_KIND_IPV4, false, false},
    {"mod_nw_dst", OF_MOD_NW_DST, OF_ARG_IPV4, OF_KIND_IPV4, false, false},
    {"mod_tp_src", OF_MOD_TP_SRC, OF_ARG_PORT16, OF_KIND_L4, false, false},
    {"mod_tp_dst", OF_MOD_TP_DST, OF_ARG_PORT16, OF_KIND_L4, false, false},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

// Actions of ovs-ofctl's that this switch does not have yet.
static const char *const foreign[] = {
    "resubmit",
    "learn",
    "ct",
    "group",
    "meter",
    "controller",
    "set_field",
    "move",
    "load",
    "goto_table",
    "enqueue",
    "dec_ttl",
    "mod_nw_tos",
    "mod_nw_ecn",
    "mod_nw_ttl",
    "mod_vlan_pcp",
    "set_vlan_pcp",
    "set_tunnel",
    "local",
    "bundle",
    "multipath",
    "note",
    "sample",
    "clone",
    "write_metadata",
    "clear_actions",
    "write_actions",
    "push",
    "pop",
    "push_mpls",
    "pop_mpls",
    "conjunction",
    "fin_timeout",
    "exit",
    "nat",
    "ct_clear",
    "check_pkt_larger",
    "encap",
    "decap",
    "set_queue",
    "pop_queue",
};

// Where the reading stands.
struct reader {
	const char *line;
	const struct of_ports *ports;
	const struct flow_match *match; // or NULL
	struct of_error *error;
	bool tagged; // the match or an earlier action promises a tag
};

static const struct action_row *row_find(const char *name, size_t len)
{
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (strlen(rows[i].name) == len &&
		    (rows[i].ignores_case ? strncasecmp : strncmp)(rows[i].name, name, len) == 0)
			return &rows[i];
	}
	return NULL;
}

static int fail(const struct reader *r, const struct of_word *word, const char *wants)
{
	const char *at = word->value ? word->value : word->name;
	size_t len = word->value ? word->value_len : word->name_len;
	return of_error_set(r->error, r->line, at, len, "%.*s wants %s", (int)word->name_len,
			    word->name, wants);
}

// "output:PORT", where PORT may be one of OpenFlow's own.
static int read_output(const struct reader *r, const struct of_word *word, struct of_action *action)
{
	const struct action_row *row = row_find(word->value, word->value_len);
	if (row && row->ignores_case) {
		action->type = row->type;
		return 0;
	}
	if (of_port_is_reserved(word->value, word->value_len))
		return of_error_set(r->error, r->line, word->value, word->value_len,
				    "not built yet");
	return of_port_parse(&action->u.port, r->line, word->value, word->value_len, r->ports,
			     r->error);
}

static int read_arg(const struct reader *r, const struct action_row *row,
		    const struct of_word *word, struct of_action *action)
{
	uint64_t number = 0;
	switch (row->arg) {
	case OF_ARG_PORT:
		return read_output(r, word, action);
	case OF_ARG_VID:
		if (!of_text_u64(word->value, word->value_len, VLAN_VID_MASK, &number))
			return fail(r, word, "a VLAN from 0 to 4095");
		action->u.vid = (uint16_t)number;
		return 0;
	case OF_ARG_TPID:
		if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &number) ||
		    (number != ETH_8021Q && number != ETH_8021AD))
			return fail(r, word, "0x8100 or 0x88a8");
		action->u.tpid_be = htons((uint16_t)number);
		return 0;
	case OF_ARG_MAC:
		return of_text_mac(word->value, word->value_len, &action->u.eth)
			   ? 0
			   : fail(r, word, "a MAC address, like 52:54:00:00:00:01");
	case OF_ARG_IPV4:
		return of_text_ipv4(word->value, word->value_len, &action->u.ip_be)
			   ? 0
			   : fail(r, word, "an IPv4 address, like 10.0.0.1");
	case OF_ARG_PORT16:
		if (!of_text_u64(word->value, word->value_len, UINT16_MAX, &number))
			return fail(r, word, "a port from 0 to 65535");
		action->u.tp_be = htons((uint16_t)number);
		return 0;
	default:
		return 0;
	}
}

static int check_needs(struct reader *r, const struct action_row *row, const struct of_word *word)
{
	if (r->match && row->needs && !(row->needs & of_match_kinds(r->match))) {
		char text[96];
		of_kinds_text(row->needs, text, sizeof(text));
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "needs %s in the match", text);
	}
	if (r->match && row->needs_tag && !r->tagged)
		return of_error_set(r->error, r->line, word->name, word->name_len,
				    "needs a tag: match dl_vlan, or push_vlan first");
	if (row->type == OF_MOD_VLAN_VID || row->type == OF_PUSH_VLAN)
		r->tagged = true;
	else if (row->type == OF_STRIP_VLAN)
		r->tagged = false;
	return 0;
}

static int unknown_action(const struct reader *r, const struct of_word *word)
{
	// Some of ovs-ofctl's actions have arguments in parentheses.
	const char *bracket = memchr(word->name, '(', word->name_len);
	size_t len = bracket ? (size_t)(bracket - word->name) : word->name_len;
	for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (of_slice_is(word->name, len, foreign[i]))
			return of_error_set(r->error, r->line, word->name, len, "not built yet");
	}
	struct of_guess guess;
	of_guess_init(&guess, word->name, len);
	for (unsigned i = 0; i < N_ROWS; i++)
		of_guess_try(&guess, rows[i].name);
	return of_guess_fail(&guess, r->error, r->line, "action, and no port has this name");
}

// A word alone that is no action's name: a port's.
static int read_bare_port(const struct reader *r, const struct of_word *word,
			  struct of_action *action)
{
	uint64_t number;
	action->type = OF_OUTPUT;
	if (!of_text_u64(word->name, word->len, UINT64_MAX, &number) &&
	    !(r->ports && r->ports->by_name)) {
		return unknown_action(r, word);
	}
	int err =
	    of_port_parse(&action->u.port, r->line, word->name, word->len, r->ports, r->error);
	if (err && !of_text_u64(word->name, word->len, UINT64_MAX, &number))
		return unknown_action(r, word);
	return err;
}

static int read_action(struct reader *r, const struct of_word *word, struct of_action *action)
{
	const struct action_row *row = row_find(word->name, word->name_len);
	memset(action, 0, sizeof(*action));
	if (!row && !word->value)
		return read_bare_port(r, word, action);
	if (!row)
		return unknown_action(r, word);
	action->type = row->type;
	if (row->arg == OF_ARG_NONE && word->value)
		return of_error_set(r->error, r->line, word->name, word->len, "%s takes no value",
				    row->name);
	if (row->arg != OF_ARG_NONE && (!word->value || word->value_len == 0))
		return of_error_set(r->error, r->line, word->name, word->len,
				    "needs a value: %s:VALUE", row->name);
	int err = check_needs(r, row, word);
	return err ? err : read_arg(r, row, word, action);
}

static bool match_has_tag(const struct flow_match *match)
{
	return match && (match->key.vlan[0].tci_be & htons(VLAN_CFI));
}

int of_actions_parse(struct of_action *list, unsigned max, const char *line, const char *text,
		     const struct flow_match *match, const struct of_ports *ports,
		     struct of_error *error)
{
	struct reader r = {line, ports, match, error, match_has_tag(match)};
	struct of_word word;
	unsigned n = 0, n_words = 0;
	bool drops = false;
	for (const char *p = text; of_word_next(&p, ":=", &word); n_words++) {
		struct of_action action;
		int err = read_action(&r, &word, &action);
		if (err)
			return err;
		if (drops || (action.type == OF_DROP && n_words > 0))
			return of_error_set(error, line, word.name, word.len,
					    "drop must stand alone");
		drops = action.type == OF_DROP;
		if (drops)
			continue;
		if (n == max)
			return of_error_set(error, line, word.name, word.len,
					    "too many actions: a flow has at most %u", max);
		list[n++] = action;
	}
	return (int)n;
}

static void print_arg(FILE *out, const struct action_row *row, const struct of_action *a,
		      const struct of_ports *ports)
{
	char buf[INET_ADDRSTRLEN];
	const uint8_t *b = a->u.eth.b;
	switch (row->arg) {
	case OF_ARG_PORT:
		of_port_print(out, a->u.port, ports);
		break;
	case OF_ARG_VID:
		fprintf(out, "%u", a->u.vid);
		break;
	case OF_ARG_TPID:
		fprintf(out, "0x%04x", ntohs(a->u.tpid_be));
		break;
	case OF_ARG_MAC:
		fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
		break;
	case OF_ARG_IPV4:
		fputs(inet_ntop(AF_INET, &a->u.ip_be, buf, sizeof(buf)), out);
		break;
	case OF_ARG_PORT16:
		fprintf(out, "%u", ntohs(a->u.tp_be));
		break;
	case OF_ARG_NONE:
		break;
	}
}

static void print_action(FILE *out, const struct of_action *a, const struct of_ports *ports)
{
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (rows[i].type != a->type)
			continue;
		fprintf(out, "%s%s", rows[i].name, rows[i].arg == OF_ARG_NONE ? "" : ":");
		print_arg(out, &rows[i], a, ports);
		return;
	}
}

char *of_actions_format(const struct of_action *list, unsigned n, const struct of_ports *ports)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	if (n == 0)
		fputs("drop", out);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			fputc(',', out);
		print_action(out, &list[i], ports);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
