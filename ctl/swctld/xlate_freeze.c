// Recirculation: a translation that cannot go on with what the key tells is kept as bytes
// (frozen.h), and goes on when the packet has come round.
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"

#include <stdlib.h>
#include <string.h>

void xlate_freeze(struct xlate *x)
{
	x->freezing = x->freezes_record = true;
}

static void *grow(struct xlate *x, size_t n_bytes)
{
	char *bytes = realloc(x->parts, x->n_part_bytes + n_bytes);
	if (!bytes) {
		xlate_fail(x, XLATE_NO_MEMORY);
		return NULL;
	}
	x->parts = bytes;
	x->n_part_bytes += n_bytes;
	return bytes + x->n_part_bytes - n_bytes;
}

void xlate_freeze_records(struct xlate *x, const void *records, size_t n_bytes)
{
	struct frozen_part *part = n_bytes ? grow(x, sizeof(*part) + n_bytes) : NULL;
	if (!part)
		return;
	*part = (struct frozen_part){.table = x->table, .n_bytes = (uint32_t)n_bytes};
	memcpy(part + 1, records, n_bytes);
}

static size_t set_bytes(const struct xlate *x, bool with_set)
{
	size_t n = 0;
	for (unsigned i = 0; with_set && i < x->n_set; i++)
		n += x->action_set[i]->len;
	return n;
}

static void fill(const struct xlate *x, bool with_set, struct frozen_head *head)
{
	head->metadata_be = x->now.key.metadata_be;
	memcpy(head->reg_be, x->now.key.reg_be, sizeof(head->reg_be));
	head->in_port = x->now.key.pkt.in_port;
	head->n_stack = x->n_stack;
	head->n_part_bytes = (uint32_t)x->n_part_bytes;
	head->n_set_bytes = (uint32_t)set_bytes(x, with_set);
	head->runs_set = with_set;
	char *to = (char *)(head + 1);
	memcpy(to, x->stack, x->n_stack * sizeof(x->stack[0]));
	to += x->n_stack * sizeof(x->stack[0]);
	if (x->n_part_bytes)
		memcpy(to, x->parts, x->n_part_bytes);
	to += x->n_part_bytes;
	for (unsigned i = 0; with_set && i < x->n_set; i++) {
		memcpy(to, x->action_set[i], x->action_set[i]->len);
		to += x->action_set[i]->len;
	}
}

// The number that stands for the packet as it is now, and what is still to be done with it.
static uint32_t freeze_state(struct xlate *x, bool with_set)
{
	size_t n_bytes = sizeof(struct frozen_head) + x->n_stack * sizeof(x->stack[0]) +
			 x->n_part_bytes + set_bytes(x, with_set);
	struct frozen_head *head = calloc(1, n_bytes);
	uint32_t number = 0;
	if (head) {
		fill(x, with_set, head);
		number = frozen_number(x->ctx->frozen, head, n_bytes);
	}
	free(head);
	return number;
}

// What no action of a megaflow writes into a packet is as it came.
static void round_key(const struct xlate *x, struct flow_key *key)
{
	const struct flow_key *orig = x->orig;
	*key = x->now.key.pkt;
	key->in_port = orig->in_port;
	key->dp_hash = orig->dp_hash;
	key->pkt_mark = orig->pkt_mark;
	key->skb_priority = orig->skb_priority;
	key->tun = orig->tun;
	memcpy(key->tun_opts, orig->tun_opts, sizeof(key->tun_opts));
	if (!x->now.lses.n_pushed && !x->now.lses.n_popped)
		return;
	// Labels hide the connection from tables, but stay above it.
	key->ct_state = orig->ct_state;
	key->ct_zone = orig->ct_zone;
	key->ct_mark = orig->ct_mark;
	key->ct_nw_proto = orig->ct_nw_proto;
	key->ct = orig->ct;
}

static void tell_round(struct xlate *x, uint32_t number, uint8_t table, const struct action_ct *ct)
{
	const struct xlate_trace *trace = x->ctx->trace;
	struct xlate_round round;
	if (!trace)
		return;
	round = (struct xlate_round){.number = number, .ct = ct, .table = table};
	round_key(x, &round.key);
	round.key.recirc_id = number;
	trace->round(trace->arg, x->n_nested, &round);
}

// Sends the packet as it is now round, behind `ct` to go on in its table; NULL: for what its key
// does not have. What is to be done with it then is used up.
static void send_round(struct xlate *x, bool with_set, uint8_t table, const struct action_ct *ct)
{
	struct xlate_result *result = x->result;
	uint32_t number = result->end == XLATE_OK ? freeze_state(x, with_set) : 0;
	if (number && result->n_frozen == XLATE_FROZEN_MAX) {
		xlate_fail(x, XLATE_TOO_MANY_ROUNDS);
	} else if (number) {
		xlate_commit(x);
		result->frozen[result->n_frozen++] = number;
		xlate_emit(x, ACTION_RECIRC)->u.recirc_id = number;
		tell_round(x, number, table, ct);
	} else {
		xlate_fail(x, XLATE_NO_MEMORY);
	}
	free(x->parts);
	x->parts = NULL;
	x->n_part_bytes = 0;
}

bool xlate_freeze_end(struct xlate *x, bool with_set)
{
	if (!x->freezing)
		return false;
	x->freezing = x->freezes_record = false;
	send_round(x, with_set, 0, NULL);
	return true;
}

void xlate_fork(struct xlate *x, uint8_t table, const struct action_ct *ct)
{
	const struct of_act_resubmit to = {.a = {.type = OF_RESUBMIT, .len = sizeof(to)},
					   .table = table};
	xlate_freeze_records(x, &to, sizeof(to));
	send_round(x, x->n_copies == 0, table, ct);
}

static void thaw_fields(struct xlate *x, const struct frozen_head *head)
{
	x->now.key.metadata_be = head->metadata_be;
	memcpy(x->now.key.reg_be, head->reg_be, sizeof(head->reg_be));
	x->now.key.pkt.in_port = head->in_port;
	x->n_stack = (uint16_t)head->n_stack;
	memcpy(x->stack, head + 1, x->n_stack * sizeof(x->stack[0]));
}

bool xlate_thaw(struct xlate *x, uint32_t number)
{
	const struct frozen_head *head = frozen_find(x->ctx->frozen, number);
	if (!head)
		return false; // it is dropped
	// Tables see registers that this key did not choose.
	x->result->on.edited = true;
	thaw_fields(x, head);
	const char *at = (const char *)(head + 1) + head->n_stack * sizeof(x->stack[0]);
	const char *parts_end = at + head->n_part_bytes;
	xlate_action_set_add(x, parts_end, head->n_set_bytes);
	while (at < parts_end) {
		const struct frozen_part *part = (const struct frozen_part *)at;
		int next = -1;
		at += sizeof(*part) + part->n_bytes;
		x->table = (uint8_t)part->table;
		if (x->freezing) { // again: what follows waits, too
			xlate_freeze_records(x, part + 1, part->n_bytes);
			continue;
		}
		xlate_run(x, part + 1, part->n_bytes, &next);
		if (next >= 0)
			xlate_table(x, (uint8_t)next, x->now.key.pkt.in_port);
	}
	return head->runs_set;
}
