// Connection tracking: ct(ARGUMENTS) and ct_clear, as ovs-actions(7) has them.
#include "ctl/of_act.h"

#include <errno.h>
#include <string.h>

// Where the reading of one ct() stands. The record moves as what exec() holds is put behind it.
struct ct_reader {
	struct of_act_reader *r;
	const struct of_word *action;
	size_t at; // of the record
};

static struct of_act_ct *record(const struct ct_reader *ct)
{
	return (void *)((char *)ct->r->buf->words + ct->at);
}

static int fail(const struct ct_reader *ct, const char *text, size_t len, const char *wants)
{
	return of_error_set(ct->r->error, ct->r->line, text, len, "%s", wants);
}

static int read_flag(const struct ct_reader *ct, const struct of_word *word, unsigned flag)
{
	if (word->value)
		return fail(ct, word->name, word->len, "takes no value");
	record(ct)->flags |= (uint16_t)flag;
	return 0;
}

static int read_table(const struct ct_reader *ct, const struct of_word *word, unsigned arg)
{
	uint64_t table;
	(void)arg;
	if (!word->value || !of_text_u64(word->value, word->value_len, OF_TABLE_MAX, &table))
		return fail(ct, word->name, word->len, "table wants a number from 0 to 254");
	record(ct)->table = (uint8_t)table;
	record(ct)->flags |= OF_CT_TABLE;
	return 0;
}

// A number, or a part of a field of 16 bits.
static int read_zone(const struct ct_reader *ct, const struct of_word *word, unsigned arg)
{
	struct of_subfield sf;
	uint64_t zone;
	(void)arg;
	if (!word->value || word->value_len == 0)
		return fail(ct, word->name, word->len, "zone wants a number or a field: zone=1");
	if (of_text_u64(word->value, word->value_len, UINT16_MAX, &zone)) {
		record(ct)->zone = (uint16_t)zone;
		record(ct)->zone_src = (struct of_subfield){0};
		return 0;
	}
	if (word->value[0] >= '0' && word->value[0] <= '9')
		return fail(ct, word->value, word->value_len, "a zone is a number up to 65535");
	int err = of_act_read_subfield(ct->r, word->value, word->value_len, false, &sf);
	if (err)
		return err;
	if (sf.n_bits != 16)
		return fail(ct, word->value, word->value_len,
			    "a zone has 16 bits: NXM_NX_REG0[0..15]");
	record(ct)->zone_src = sf;
	return 0;
}

static int read_alg(const struct ct_reader *ct, const struct of_word *word, unsigned arg)
{
	(void)arg;
	bool is_ftp = word->value && of_slice_is(word->value, word->value_len, "ftp");
	bool is_tftp = word->value && of_slice_is(word->value, word->value_len, "tftp");
	if (!is_ftp && !is_tftp)
		return fail(ct, word->name, word->len, "alg wants ftp or tftp");
	record(ct)->alg = is_ftp ? OF_CT_FTP : OF_CT_TFTP;
	return of_act_check_needs(ct->r, word->name, word->len, is_ftp ? OF_KIND_TCP : OF_KIND_UDP);
}

static int read_exec(const struct ct_reader *ct, const struct of_word *word, unsigned arg)
{
	(void)arg;
	if (word->assign != '(')
		return fail(ct, word->name, word->len, "needs a list: exec(ACTIONS)");
	if (record(ct)->n_bytes)
		return fail(ct, word->name, word->name_len, "given twice");
	struct of_act_reader inner = *ct->r;
	inner.start = ct->r->buf->n_bytes;
	inner.place = OF_IN_CT;
	inner.n_words = 0;
	int err = of_act_read_all(&inner, of_word_value(word));
	record(ct)->n_bytes = (uint32_t)(ct->r->buf->n_bytes - ct->at - sizeof(struct of_act_ct));
	record(ct)->a.len = (uint16_t)(ct->r->buf->n_bytes - ct->at);
	return err;
}

// "1000" or "1000-2000".
static bool read_ports(const char *text, size_t len, struct of_act_ct *to)
{
	const char *dash = memchr(text, '-', len);
	size_t first = dash ? (size_t)(dash - text) : len;
	uint64_t min, max;
	if (!of_text_u64(text, first, UINT16_MAX, &min) || min == 0)
		return false;
	max = min;
	if (dash && (!of_text_u64(dash + 1, len - first - 1, UINT16_MAX, &max) || max < min))
		return false;
	to->port_min = (uint16_t)min;
	to->port_max = (uint16_t)max;
	return true;
}

static bool read_address(const char *text, size_t len, bool is_v6, struct in6 *out)
{
	uint32_t be;
	if (is_v6)
		return of_text_ipv6(text, len, out);
	if (!of_text_ipv4(text, len, &be))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out, &be, sizeof(be));
	return true;
}

// Takes one address off the front; IPv6 may stand in brackets.
static bool next_address(struct of_slice *rest, bool is_v6, struct in6 *out)
{
	const char *from = rest->p, *to = from;
	bool brackets = from < rest->end && *from == '[';
	if (brackets) {
		from++;
		to = memchr(from, ']', (size_t)(rest->end - from));
		if (!to)
			return false;
	} else {
		while (to < rest->end && *to != '-' && (is_v6 || *to != ':'))
			to++;
	}
	rest->p = to + brackets;
	return read_address(from, (size_t)(to - from), is_v6, out);
}

static bool is_ipv6_text(const struct of_word *word)
{
	const char *colon = memchr(word->value, ':', word->value_len);
	size_t left = colon ? (size_t)(word->value + word->value_len - colon - 1) : 0;
	return word->value[0] == '[' || (colon && memchr(colon + 1, ':', left));
}

// "10.0.0.1", "10.0.0.1-10.0.0.9:1000-2000", "[fc00::1]-[fc00::9]:1000".
static bool read_range(const struct of_word *word, struct of_act_ct *to)
{
	struct of_slice rest = of_word_value(word);
	bool is_v6 = is_ipv6_text(word);
	to->flags |= OF_CT_NAT_RANGE | (is_v6 ? OF_CT_NAT_IPV6 : 0);
	if (!next_address(&rest, is_v6, &to->addr_min))
		return false;
	to->addr_max = to->addr_min;
	if (rest.p < rest.end && *rest.p == '-') {
		rest.p++;
		if (!next_address(&rest, is_v6, &to->addr_max) ||
		    memcmp(&to->addr_max, &to->addr_min, sizeof(to->addr_min)) < 0)
			return false;
	}
	if (rest.p == rest.end)
		return true;
	return *rest.p == ':' && read_ports(rest.p + 1, (size_t)(rest.end - rest.p - 1), to);
}

static int read_nat_side(const struct ct_reader *ct, const struct of_word *word, unsigned flag)
{
	struct of_act_ct *to = record(ct);
	if (to->flags & (OF_CT_NAT_SRC | OF_CT_NAT_DST))
		return fail(ct, word->name, word->name_len, "one of src and dst can be translated");
	to->flags |= (uint16_t)flag;
	if (!word->value || word->value_len == 0)
		return 0;
	if (!read_range(word, to))
		return fail(ct, word->value, word->value_len,
			    "wants addresses and ports like 10.0.0.1-10.0.0.9:1000-2000 or "
			    "[fc00::1]-[fc00::9]:1000");
	return of_act_check_needs(ct->r, word->name, word->len,
				  to->flags & OF_CT_NAT_IPV6 ? OF_KIND_IPV6 : OF_KIND_IPV4);
}

static int read_nat(const struct ct_reader *ct, const struct of_word *word, unsigned arg);

static const struct argument_row {
	const char *name;
	int (*read)(const struct ct_reader *ct, const struct of_word *word, unsigned arg);
	unsigned arg;
} arguments[] =
    {
	{"commit", read_flag, OF_CT_COMMIT},
	{"force", read_flag, OF_CT_FORCE},
	{"table", read_table, 0},
	{"zone", read_zone, 0},
	{"alg", read_alg, 0},
	{"nat", read_nat, 0},
	{"exec", read_exec, 0},
},
  nat_arguments[] = {
      {"src", read_nat_side, OF_CT_NAT_SRC},	       {"dst", read_nat_side, OF_CT_NAT_DST},
      {"persistent", read_flag, OF_CT_NAT_PERSISTENT}, {"hash", read_flag, OF_CT_NAT_HASH},
      {"random", read_flag, OF_CT_NAT_RANDOM},
};
#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static int read_argument(const struct ct_reader *ct, const struct of_word *word,
			 const struct argument_row *rows, size_t n, const char *what)
{
	struct of_guess guess;
	if (word->is_open)
		return fail(ct, word->name, word->name_len, "its parenthesis is not closed");
	of_guess_init(&guess, word->name, word->name_len);
	for (size_t i = 0; i < n; i++) {
		if (of_word_is(word, rows[i].name))
			return rows[i].read(ct, word, rows[i].arg);
		of_guess_try(&guess, rows[i].name);
	}
	return of_guess_fail(&guess, ct->r->error, ct->r->line, what);
}

static int read_arguments(const struct ct_reader *ct, struct of_slice text,
			  const struct argument_row *rows, size_t n, const char *what)
{
	struct of_word word;
	int err = 0;
	while (!err && of_word_next(&text, &word))
		err = read_argument(ct, &word, rows, n, what);
	return err;
}

static int read_nat(const struct ct_reader *ct, const struct of_word *word, unsigned arg)
{
	(void)arg;
	if (record(ct)->flags & OF_CT_NAT)
		return fail(ct, word->name, word->name_len, "given twice");
	record(ct)->flags |= OF_CT_NAT;
	int err = read_arguments(ct, of_word_value(word), nat_arguments, N_OF(nat_arguments),
				 "argument of nat()");
	uint16_t flags = record(ct)->flags;
	if (err)
		return err;
	if ((flags & (OF_CT_NAT_HASH | OF_CT_NAT_RANDOM)) == (OF_CT_NAT_HASH | OF_CT_NAT_RANDOM))
		return fail(ct, word->name, word->len, "hash and random exclude each other");
	if ((flags & (OF_CT_NAT_PERSISTENT | OF_CT_NAT_HASH | OF_CT_NAT_RANDOM)) &&
	    !(flags & (OF_CT_NAT_SRC | OF_CT_NAT_DST)))
		return fail(ct, word->name, word->len, "needs src or dst");
	return 0;
}

// What makes sense only for a connection that is committed.
static int check_commit(const struct ct_reader *ct)
{
	const struct of_act_ct *a = record(ct);
	const struct of_word *word = ct->action;
	if (a->flags & OF_CT_COMMIT)
		return 0;
	if (a->flags & OF_CT_FORCE)
		return fail(ct, word->name, word->len, "force needs commit");
	if (a->n_bytes)
		return fail(ct, word->name, word->len, "exec() needs commit");
	if (a->flags & (OF_CT_NAT_SRC | OF_CT_NAT_DST))
		return fail(ct, word->name, word->len, "nat(src) and nat(dst) need commit");
	return 0;
}

int of_act_read_ct(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	const struct ct_reader ct = {r, word, r->buf->n_bytes};
	(void)arg;
	int err = of_act_check_needs(r, word->name, word->name_len, OF_KIND_IP);
	if (err)
		return err;
	if (!of_act_put(r, word, OF_CT, sizeof(struct of_act_ct)))
		return -EINVAL;
	err = read_arguments(&ct, of_word_value(word), arguments, N_OF(arguments),
			     "argument of ct()");
	return err ? err : check_commit(&ct);
}

int of_act_read_ct_clear(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	(void)arg;
	return of_act_read_plain(r, word, OF_CT_CLEAR);
}

static void print_address(struct of_out *out, const struct in6 *addr, uint16_t flags, bool brackets)
{
	if (!(flags & OF_CT_NAT_IPV6)) {
		of_out_ipv4(out, addr->b);
		return;
	}
	if (brackets)
		of_out_char(out, '[');
	of_out_ipv6(out, addr->b);
	if (brackets)
		of_out_char(out, ']');
}

static void print_range(struct of_out *out, const struct of_act_ct *a)
{
	bool brackets = a->port_min != 0;
	of_out_char(out, '=');
	print_address(out, &a->addr_min, a->flags, brackets);
	if (memcmp(&a->addr_min, &a->addr_max, sizeof(a->addr_min)) != 0) {
		of_out_char(out, '-');
		print_address(out, &a->addr_max, a->flags, brackets);
	}
	if (!a->port_min)
		return;
	of_out_char(out, ':');
	of_out_dec(out, a->port_min);
	if (a->port_max == a->port_min)
		return;
	of_out_char(out, '-');
	of_out_dec(out, a->port_max);
}

static void print_nat(struct of_out *out, const struct of_act_ct *a)
{
	of_out_text(out, "nat");
	if (a->flags & (OF_CT_NAT_SRC | OF_CT_NAT_DST)) {
		of_out_text(out, a->flags & OF_CT_NAT_SRC ? "(src" : "(dst");
		if (a->flags & OF_CT_NAT_RANGE)
			print_range(out, a);
		of_out_text(out, a->flags & OF_CT_NAT_PERSISTENT ? ",persistent" : "");
		of_out_text(out, a->flags & OF_CT_NAT_HASH ? ",hash" : "");
		of_out_text(out, a->flags & OF_CT_NAT_RANDOM ? ",random" : "");
		of_out_char(out, ')');
	}
	of_out_char(out, ',');
}

void of_act_print_ct(struct of_out *out, const struct of_act_ct *a)
{
	of_out_text(out, a->flags & OF_CT_COMMIT ? "commit," : "");
	of_out_text(out, a->flags & OF_CT_FORCE ? "force," : "");
	if (a->flags & OF_CT_TABLE) {
		of_out_text(out, "table=");
		of_out_dec(out, a->table);
		of_out_char(out, ',');
	}
	if (a->zone_src.n_bits || a->zone) {
		of_out_text(out, "zone=");
		if (a->zone_src.n_bits)
			of_subfield_print(out, &a->zone_src);
		else
			of_out_dec(out, a->zone);
		of_out_char(out, ',');
	}
	if (a->flags & OF_CT_NAT)
		print_nat(out, a);
}

void of_act_print_ct_alg(struct of_out *out, const struct of_act_ct *a)
{
	static const char *const names[] = {
	    [OF_CT_NO_ALG] = "", [OF_CT_FTP] = "alg=ftp,", [OF_CT_TFTP] = "alg=tftp,"};
	of_out_text(out, names[a->alg]);
}
