#include "ctl/swctld/trace_pass.h"

#include "ctl/of_flags.h"
#include "ctl/of_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

void trace_passes_init(struct trace_passes *p, const struct flow_key *key,
		       const struct trace_known *known)
{
	memset(p, 0, offsetof(struct trace_passes, list));
	memset(&p->list[0], 0, sizeof(p->list[0]));
	p->known = *known;
	p->list[0].key = *key;
	p->n = 1;
}

// What the first packet of an ICMP "connection" was, of which this is an answer.
static uint16_t icmp_asked(uint16_t type_be, uint8_t proto)
{
	if (proto == IPPROTO_ICMP && type_be == htons(ICMP_ECHOREPLY))
		return htons(ICMP_ECHO);
	if (proto == IPPROTO_ICMPV6 && type_be == htons(ICMP6_ECHO_REPLY))
		return htons(ICMP6_ECHO_REQUEST);
	return type_be;
}

// The tuple of the connection's first packet: this one's, or that which this one answers.
static void fill_tuple(struct flow_key *key, bool answers)
{
	struct flow_ct *ct = &key->ct;
	bool is_v6 = key->eth_type_be == htons(ETHERTYPE_IPV6);
	bool is_icmp = key->nw_proto == (is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	key->ct_nw_proto = key->nw_proto;
	if (is_v6) {
		ct->ipv6_src = answers ? key->ipv6_dst : key->ipv6_src;
		ct->ipv6_dst = answers ? key->ipv6_src : key->ipv6_dst;
	} else {
		ct->nw_src_be = answers ? key->ip_dst_be : key->ip_src_be;
		ct->nw_dst_be = answers ? key->ip_src_be : key->ip_dst_be;
	}
	ct->tp_src_be = answers && !is_icmp ? key->tp_dst_be : key->tp_src_be;
	ct->tp_dst_be = answers && !is_icmp ? key->tp_src_be : key->tp_dst_be;
	if (answers && is_icmp)
		ct->tp_src_be = icmp_asked(key->tp_src_be, key->nw_proto);
}

// As datapath/ct_meta.c writes it, of a connection without mark and label so far.
static void fill_ct(struct flow_key *key, const struct action_ct *ct, uint32_t state)
{
	memset(&key->ct, 0, sizeof(key->ct));
	key->ct_state = state | CT_STATE_TRACKED;
	key->ct_zone = ct->zone;
	key->ct_mark = 0;
	key->ct_nw_proto = 0;
	if (state & CT_STATE_INVALID)
		return;
	fill_tuple(key, state & CT_STATE_REPLY);
	if (!(ct->flags & ACTION_CT_COMMIT))
		return;
	key->ct_mark = ct->mark;
	memcpy(key->ct.label, ct->label, sizeof(key->ct.label));
}

// Whether swd has told of a lookup of it that no other pass is.
static bool take_told(struct trace_passes *p, struct trace_pass *pass)
{
	for (unsigned i = 0; i < p->known.n_steps; i++) {
		const struct flow_key *key = &p->known.steps[i].key;
		if ((p->steps_used >> i & 1) || key->recirc_id != pass->key.recirc_id)
			continue;
		p->steps_used |= 1u << i;
		pass->key = *key;
		pass->source = TRACE_TOLD;
		return true;
	}
	return false;
}

static void complete(struct trace_passes *p, struct trace_pass *pass)
{
	uint32_t state = CT_STATE_NEW;
	bool is_told = take_told(p, pass);
	if (!pass->by_ct || is_told)
		return;
	if (p->n_states_used < p->known.n_states) {
		state = p->known.states[p->n_states_used++];
		pass->source = TRACE_GIVEN;
	}
	fill_ct(&pass->key, &pass->ct, state);
}

const struct trace_pass *trace_passes_next(struct trace_passes *p)
{
	if (p->number == p->n)
		return NULL;
	struct trace_pass *pass = &p->list[p->number++];
	p->n_before = p->n;
	complete(p, pass);
	return pass;
}

int trace_passes_add(struct trace_passes *p, const struct xlate_round *round)
{
	unsigned n_rounds = p->list[p->number - 1].n_rounds;
	if (n_rounds == RECIRC_DEPTH_MAX)
		return 0;
	if (p->n == TRACE_PASSES_MAX)
		return -ENOSPC;
	p->list[p->n] = (struct trace_pass){
	    .key = round->key,
	    .of = p->number,
	    .n_rounds = n_rounds + 1,
	    .by_ct = round->ct != NULL,
	    .table = round->table,
	};
	if (round->ct)
		p->list[p->n].ct = *round->ct;
	return (int)++p->n;
}

void trace_passes_take_back(struct trace_passes *p)
{
	p->n = p->n_before;
}

static uint32_t state_of_word(const char *word, size_t len)
{
	for (unsigned i = 0; i < of_ct_state.n; i++) {
		if (of_slice_is(word, len, of_ct_state.names[i]))
			return 1u << i;
	}
	return 0;
}

static int refuse(char *err, size_t err_len, const char *text, const char *why)
{
	snprintf(err, err_len, "ct_state \"%.80s\": %s", text, why);
	return -EINVAL;
}

int trace_state_parse(const char *text, uint32_t *state, char *err, size_t err_len)
{
	static const char between[] = ",|+ ";
	*state = 0;
	for (const char *at = text + strspn(text, between); *at; at += strspn(at, between)) {
		size_t len = strcspn(at, between);
		uint32_t bit = state_of_word(at, len);
		if (!bit) {
			snprintf(err, err_len,
				 "ct_state \"%.*s\": no such state; there are new, est, rel, rpl, "
				 "inv, trk, snat, dnat",
				 len > 80 ? 80 : (int)len, at);
			return -EINVAL;
		}
		*state |= bit;
		at += len;
	}
	if (!*state)
		return refuse(err, err_len, text, "a state is missing, such as new or est,rpl");
	*state |= CT_STATE_TRACKED;
	if ((*state & CT_STATE_INVALID) && (*state & ~(CT_STATE_INVALID | CT_STATE_TRACKED)))
		return refuse(err, err_len, text, "an invalid packet has no other state");
	if ((*state & CT_STATE_NEW) && (*state & (CT_STATE_ESTABLISHED | CT_STATE_REPLY)))
		return refuse(err, err_len, text, "what is new is neither established nor a reply");
	return 0;
}
