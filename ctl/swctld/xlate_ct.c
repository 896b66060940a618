// Connection tracking: the datapath tracks the packet, and what it found is in the packet's key
// when it has come round again.
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"

#include <string.h>

static uint8_t nat_flags(uint16_t flags)
{
	static const struct {
		uint16_t of;
		uint8_t dp;
	} rows[] = {
	    {OF_CT_NAT_SRC, ACTION_NAT_SRC},
	    {OF_CT_NAT_DST, ACTION_NAT_DST},
	    {OF_CT_NAT_PERSISTENT, ACTION_NAT_PERSISTENT},
	    {OF_CT_NAT_HASH, ACTION_NAT_HASH},
	    {OF_CT_NAT_RANDOM, ACTION_NAT_RANDOM},
	};
	unsigned dp = 0;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		dp |= flags & rows[i].of ? rows[i].dp : 0u;
	if (flags & OF_CT_NAT_RANGE)
		dp |= flags & OF_CT_NAT_IPV6 ? ACTION_NAT_IPV6 : ACTION_NAT_IPV4;
	return (uint8_t)dp;
}

static void fill_nat(struct action_nat *nat, const struct of_act_ct *ct)
{
	nat->flags = nat_flags(ct->flags);
	nat->addr_min = ct->addr_min;
	nat->addr_max = ct->addr_max;
	nat->port_min = ct->port_min;
	nat->port_max = ct->port_max;
	if (ct->port_min)
		nat->flags |= ACTION_NAT_PORTS;
}

// Where exec() writes: bits of mark and label that are left as they are stay out of `written`.
struct ct_values {
	uint32_t mark;
	uint8_t label[16];
};

static void ct_values_swap(struct flow_key *key, struct ct_values *values)
{
	struct ct_values old = {.mark = key->ct_mark};
	memcpy(old.label, key->ct.label, sizeof(old.label));
	key->ct_mark = values->mark;
	memcpy(key->ct.label, values->label, sizeof(values->label));
	*values = old;
}

// What a commit writes into the connection. The packet keeps what it had.
static void exec(struct xlate *x, const struct of_act_ct *ct, struct action_ct *to)
{
	struct ct_values key = {0}, written = {0};
	int ignored = -1;
	ct_values_swap(&x->now.key.pkt, &key);
	ct_values_swap(&x->now.written.pkt, &written);
	xlate_run(x, ct + 1, ct->n_bytes, &ignored);
	ct_values_swap(&x->now.key.pkt, &key);
	ct_values_swap(&x->now.written.pkt, &written);
	to->mark = key.mark;
	to->mark_mask = written.mark;
	memcpy(to->label, key.label, sizeof(to->label));
	memcpy(to->label_mask, written.label, sizeof(to->label_mask));
}

static uint8_t helper_of(uint8_t alg)
{
	static const uint8_t helpers[] = {
	    [OF_CT_NO_ALG] = ACTION_CT_HELPER_NONE,
	    [OF_CT_FTP] = ACTION_CT_HELPER_FTP,
	    [OF_CT_TFTP] = ACTION_CT_HELPER_TFTP,
	};
	return helpers[alg];
}

void xlate_ct(struct xlate *x, const struct of_act_ct *ct)
{
	struct action_ct to = {.zone = ct->zone, .helper = helper_of(ct->alg)};
	if (x->now.unparsed) {
		xlate_freeze(x);
		return;
	}
	if (ct->zone_src.n_bits)
		to.zone = (uint16_t)xlate_get(x, &ct->zone_src);
	exec(x, ct, &to);
	if (!xlate_goes_on(x))
		return;
	to.flags = (uint8_t)((ct->flags & OF_CT_COMMIT ? ACTION_CT_COMMIT : 0) |
			     (ct->flags & OF_CT_FORCE ? ACTION_CT_FORCE : 0) |
			     (ct->flags & OF_CT_NAT ? ACTION_CT_NAT : 0));
	fill_nat(&to.nat, ct);
	xlate_commit(x);
	xlate_emit(x, ACTION_CT)->u.ct = to;
	if (ct->flags & OF_CT_TABLE)
		xlate_fork(x, ct->table, &to);
}

void xlate_ct_clear(struct xlate *x)
{
	struct flow_key *key = &x->now.key.pkt, *written = &x->now.written.pkt;
	xlate_commit(x);
	xlate_emit(x, ACTION_CT_CLEAR);
	key->ct_state = key->ct_mark = key->ct_zone = key->ct_nw_proto = 0;
	memset(&key->ct, 0, sizeof(key->ct));
	written->ct_state = written->ct_mark = UINT32_MAX;
	written->ct_zone = UINT16_MAX;
	written->ct_nw_proto = UINT8_MAX;
	memset(&written->ct, 0xff, sizeof(written->ct));
}
