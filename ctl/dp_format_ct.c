// CT as text, as ovs-dpctl writes it: "ct(commit,zone=5,mark=0x1/0xff,nat(src=10.0.0.1-10.0.0.9))".
#include "ctl/dp_format_ct.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

static void format_labels(struct dp_text *t, const struct action_ct *ct)
{
	if (dp_text_wild(ct->label_mask, sizeof(ct->label_mask)))
		return;
	dp_text_sep(t);
	fputs("label=", t->out);
	dp_text_label(t, ct->label, ct->label_mask);
}

static void format_word(struct dp_text *t, bool is_there, const char *word)
{
	if (!is_there)
		return;
	dp_text_sep(t);
	fputs(word, t->out);
}

static void format_addr(struct dp_text *t, const struct action_nat *nat, const struct in6 *addr)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v6 = nat->flags & ACTION_NAT_IPV6;
	inet_ntop(v6 ? AF_INET6 : AF_INET, addr->b, text, sizeof(text));
	// A colon within the address must not look like the port's.
	fprintf(t->out, v6 && nat->flags & ACTION_NAT_PORTS ? "[%s]" : "%s", text);
}

static void format_range(struct dp_text *t, const struct action_nat *nat)
{
	if (nat->flags & (ACTION_NAT_IPV4 | ACTION_NAT_IPV6)) {
		format_addr(t, nat, &nat->addr_min);
		if (memcmp(&nat->addr_min, &nat->addr_max, sizeof(nat->addr_min)) != 0) {
			fputc('-', t->out);
			format_addr(t, nat, &nat->addr_max);
		}
	}
	if (nat->flags & ACTION_NAT_PORTS) {
		fprintf(t->out, ":%u", nat->port_min);
		if (nat->port_min != nat->port_max)
			fprintf(t->out, "-%u", nat->port_max);
	}
}

static void format_nat(struct dp_text *t, const struct action_nat *nat)
{
	if (!(nat->flags & (ACTION_NAT_SRC | ACTION_NAT_DST))) {
		format_word(t, true, "nat");
		return;
	}
	dp_text_open(t, "nat");
	format_word(t, true, nat->flags & ACTION_NAT_SRC ? "src" : "dst");
	if (nat->flags & (ACTION_NAT_IPV4 | ACTION_NAT_IPV6 | ACTION_NAT_PORTS)) {
		fputc('=', t->out);
		format_range(t, nat);
	}
	format_word(t, nat->flags & ACTION_NAT_PERSISTENT, "persistent");
	format_word(t, nat->flags & ACTION_NAT_HASH, "hash");
	format_word(t, nat->flags & ACTION_NAT_RANDOM, "random");
	dp_text_close(t);
}

static void format_name(struct dp_text *t, const char *field, const char *name)
{
	if (name == NULL || *name == 0)
		return;
	dp_text_sep(t);
	fprintf(t->out, "%s=%s", field, name);
}

static bool says_nothing(const struct action_ct *ct)
{
	return !(ct->flags & (ACTION_CT_COMMIT | ACTION_CT_FORCE | ACTION_CT_NAT)) &&
	       ct->zone == 0 && ct->mark_mask == 0 && ct->helper == ACTION_CT_HELPER_NONE &&
	       ct->timeout[0] == 0 && dp_text_wild(ct->label_mask, sizeof(ct->label_mask));
}

void dp_format_ct(struct dp_text *t, const struct action_ct *ct)
{
	if (says_nothing(ct)) {
		format_word(t, true, "ct");
		return;
	}
	dp_text_open(t, "ct");
	format_word(t, ct->flags & ACTION_CT_FORCE, "force_commit");
	format_word(t, (ct->flags & (ACTION_CT_COMMIT | ACTION_CT_FORCE)) == ACTION_CT_COMMIT,
		    "commit");
	dp_text_dec(t, "zone", ct->zone, ct->zone != 0 ? UINT16_MAX : 0, UINT16_MAX);
	if (ct->mark_mask != 0) {
		dp_text_sep(t);
		fprintf(t->out, "mark=0x%" PRIx32 "/0x%" PRIx32, ct->mark, ct->mark_mask);
	}
	format_labels(t, ct);
	format_name(t, "helper", dp_ct_helper_name(ct));
	format_name(t, "timeout", ct->timeout);
	if (ct->flags & ACTION_CT_NAT)
		format_nat(t, &ct->nat);
	dp_text_close(t);
}
