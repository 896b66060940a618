// Actions that choose by a hash of the packet: multipath and bundle.
#include "ctl/of_act.h"

#include "ctl/of_port.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define LINKS_MAX   65536
#define MEMBERS_MAX 2048 // as ovs-ofctl's

static const char *const hash_fields[] = {
    [OF_HASH_ETH_SRC] = "eth_src",
    [OF_HASH_SYMMETRIC_L4] = "symmetric_l4",
    [OF_HASH_SYMMETRIC_L3L4] = "symmetric_l3l4",
    [OF_HASH_SYMMETRIC_L3L4_UDP] = "symmetric_l3l4+udp",
    [OF_HASH_NW_SRC] = "nw_src",
    [OF_HASH_NW_DST] = "nw_dst",
    [OF_HASH_SYMMETRIC_L3] = "symmetric_l3",
};
static const char *const multipath_algorithms[] = {
    [OF_MP_MODULO_N] = "modulo_n",
    [OF_MP_HASH_THRESHOLD] = "hash_threshold",
    [OF_MP_HRW] = "hrw",
    [OF_MP_ITER_HASH] = "iter_hash",
};
static const char *const bundle_algorithms[] = {
    [OF_BUNDLE_ACTIVE_BACKUP] = "active_backup",
    [OF_BUNDLE_HRW] = "hrw",
};
#define N_OF(names) (sizeof(names) / sizeof((names)[0]))

// The arguments, one behind the other; the first mistake stays.
struct args {
	const struct of_act_reader *r;
	const struct of_word *word; // the action
	struct of_slice rest;
	const char *text; // the current one
	size_t len;
	int err;
};

static bool next(struct args *args, const char *what)
{
	if (args->err)
		return false;
	if (of_act_next_arg(&args->rest, &args->text, &args->len))
		return true;
	args->err = of_error_set(args->r->error, args->r->line, args->word->name, args->word->len,
				 "%s is missing", what);
	return false;
}

static int arg_name(struct args *args, const char *what, const char *const *names, unsigned n)
{
	if (!next(args, what))
		return 0;
	struct of_guess guess;
	of_guess_init(&guess, args->text, args->len);
	for (unsigned i = 0; i < n; i++) {
		if (strlen(names[i]) == args->len &&
		    strncasecmp(names[i], args->text, args->len) == 0)
			return (int)i;
		of_guess_try(&guess, names[i]);
	}
	args->err = of_guess_fail(&guess, args->r->error, args->r->line, what);
	return 0;
}

static uint32_t arg_number(struct args *args, const char *what, uint64_t min, uint64_t max)
{
	uint64_t value = 0;
	if (!next(args, what))
		return 0;
	if (!of_text_u64(args->text, args->len, max, &value) || value < min)
		args->err = of_error_set(args->r->error, args->r->line, args->text, args->len,
					 "%s is a number from %llu to %llu", what,
					 (unsigned long long)min, (unsigned long long)max);
	return (uint32_t)value;
}

static struct of_subfield arg_dst(struct args *args)
{
	struct of_subfield sf = {0};
	if (next(args, "the field for the result"))
		args->err = of_act_read_subfield(args->r, args->text, args->len, true, &sf);
	return sf;
}

// "multipath(fields,basis,algorithm,n_links,arg,dst)".
int of_act_read_multipath(struct of_act_reader *r, const struct of_word *word, unsigned arg)
{
	struct args args = {r, word, of_word_value(word), NULL, 0, 0};
	struct of_act_multipath spec = {0};
	(void)arg;
	spec.fields = (uint8_t)arg_name(&args, "hash", hash_fields, N_OF(hash_fields));
	spec.basis = (uint16_t)arg_number(&args, "the basis", 0, UINT16_MAX);
	spec.algorithm =
	    (uint8_t)arg_name(&args, "algorithm", multipath_algorithms, N_OF(multipath_algorithms));
	spec.n_links = arg_number(&args, "the number of links", 1, LINKS_MAX);
	spec.arg = arg_number(&args, "the algorithm's argument", 0, UINT32_MAX);
	spec.dst = arg_dst(&args);
	if (args.err)
		return args.err;
	if (spec.dst.n_bits < 16 && spec.n_links > 1u << spec.dst.n_bits)
		return of_error_set(r->error, r->line, args.text, args.len,
				    "%u bits are too few for %u links", spec.dst.n_bits,
				    spec.n_links);
	if (of_act_next_arg(&args.rest, &args.text, &args.len))
		return of_error_set(r->error, r->line, args.text, args.len,
				    "one argument too many");
	struct of_act_multipath *a = of_act_put(r, word, OF_MULTIPATH, sizeof(*a));
	if (!a)
		return -EINVAL;
	spec.a = a->a;
	*a = spec;
	return 0;
}

// "members:1,2,3" or "members:[1,2,3]"; "slaves" is the old word.
static int read_members(struct of_act_reader *r, const struct of_word *word, struct args *args,
			size_t at)
{
	static const char *const heads[] = {"members:", "slaves:"};
	const char *p = args->rest.p, *end = args->rest.end;
	while (p < end && strchr(", \t", *p))
		p++;
	size_t skip = 0;
	for (unsigned i = 0; i < N_OF(heads); i++) {
		size_t len = strlen(heads[i]);
		if ((size_t)(end - p) >= len && strncasecmp(p, heads[i], len) == 0)
			skip = len;
	}
	if (!skip)
		return of_error_set(r->error, r->line, p, (size_t)(end - p),
				    "members:PORT,PORT... must stand here");
	args->rest.p = p + skip;
	for (uint32_t n = 0; of_act_next_arg(&args->rest, &args->text, &args->len); n++) {
		const char *text = args->text;
		size_t len = args->len;
		uint32_t port;
		text += len > 0 && *text == '[' ? 1 : 0;
		len -= (size_t)(text - args->text);
		len -= len > 0 && text[len - 1] == ']' ? 1 : 0;
		if (len == 0)
			continue;
		int err = of_port_parse(&port, r->line, text, len, r->ports, r->error);
		if (err)
			return err;
		if (n == MEMBERS_MAX)
			return of_error_set(r->error, r->line, text, len,
					    "a bundle has at most %u members", MEMBERS_MAX);
		struct of_act_bundle *a =
		    of_act_grow(r, word, at, sizeof(*a) + ((size_t)n + 1) * sizeof(a->members[0]));
		if (!a)
			return -EINVAL;
		a->members[a->n_members++] = port;
	}
	return 0;
}

// "bundle(fields,basis,algorithm,ofport,members:...)"; bundle_load has the field for the result
// before the members.
int of_act_read_bundle(struct of_act_reader *r, const struct of_word *word, unsigned is_load)
{
	static const char *const types[] = {"ofport"};
	struct args args = {r, word, of_word_value(word), NULL, 0, 0};
	size_t at = r->buf->n_bytes;
	struct of_subfield dst = {0};
	int fields = arg_name(&args, "hash", hash_fields, N_OF(hash_fields));
	uint32_t basis = arg_number(&args, "the basis", 0, UINT16_MAX);
	int algorithm = arg_name(&args, "algorithm", bundle_algorithms, N_OF(bundle_algorithms));
	arg_name(&args, "type of members", types, N_OF(types));
	if (is_load)
		dst = arg_dst(&args);
	if (args.err)
		return args.err;
	struct of_act_bundle *a = of_act_put(r, word, OF_BUNDLE, sizeof(*a));
	if (!a)
		return -EINVAL;
	a->fields = (uint8_t)fields;
	a->basis = (uint16_t)basis;
	a->algorithm = (uint8_t)algorithm;
	a->dst = dst;
	return read_members(r, word, &args, at);
}

static void print_comma_dec(struct of_out *out, uint64_t value)
{
	of_out_char(out, ',');
	of_out_dec(out, value);
}

void of_act_print_multipath(struct of_out *out, const struct of_act_multipath *a)
{
	of_out_text(out, "multipath(");
	of_out_text(out, hash_fields[a->fields]);
	print_comma_dec(out, a->basis);
	of_out_char(out, ',');
	of_out_text(out, multipath_algorithms[a->algorithm]);
	print_comma_dec(out, a->n_links);
	print_comma_dec(out, a->arg);
	of_out_char(out, ',');
	of_subfield_print(out, &a->dst);
	of_out_char(out, ')');
}

void of_act_print_bundle(struct of_out *out, const struct of_act_bundle *a,
			 const struct of_ports *ports)
{
	of_out_text(out, a->dst.n_bits ? "bundle_load(" : "bundle(");
	of_out_text(out, hash_fields[a->fields]);
	print_comma_dec(out, a->basis);
	of_out_char(out, ',');
	of_out_text(out, bundle_algorithms[a->algorithm]);
	of_out_text(out, ",ofport,");
	if (a->dst.n_bits) {
		of_subfield_print(out, &a->dst);
		of_out_char(out, ',');
	}
	of_out_text(out, "members:");
	for (uint32_t i = 0; i < a->n_members; i++) {
		if (i > 0)
			of_out_char(out, ',');
		of_port_print(out, a->members[i], ports);
	}
	of_out_char(out, ')');
}
