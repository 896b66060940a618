#include "ctl/swctld/counts_file.h"

#include "ctl/log.h"
#include "ctl/swctld/daemon.h"
#include "ctl/swctld/flow_ids.h"
#include "ctl/swctld/translate.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL_REST_MS 1000
#define PLACE_MASK   ((1u << FLOW_IDS_PLACE_BITS) - 1)

static_assert(COUNTS_STAGED_MAX == XLATE_RULES_MAX + 1, "one reading fits");

// The process may be killed between any two instructions: what stands before is written before.
static void write_in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

struct counts *counts_open(const char *run_dir, uid_t uid)
{
	char path[512];
	struct counts *c = calloc(1, sizeof(*c));
	snprintf(path, sizeof(path), "%s/" COUNTS_FILE, run_dir);
	int err = c ? counts_file_open(c, path, uid) : -ENOMEM;
	if (!err)
		return c;
	log_warn("rules will count from zero after the next start of swctld: %s: %s", path,
		 strerror(-err));
	free(c);
	return NULL;
}

void counts_close(struct counts *c)
{
	if (!c)
		return;
	counts_file_close(c);
	free(c->by_id);
	free(c);
}

uint64_t counts_token(const struct counts *c)
{
	return c ? c->header->token : 0;
}

// NULL when the file has no memory for it.
static struct counts_record *record_at(const struct counts *c, enum counts_kind kind,
				       uint32_t place)
{
	return place < c->header->room[kind] ? &c->records[kind][place] : NULL;
}

static struct counts_record *record_make(struct counts *c, enum counts_kind kind, uint32_t place)
{
	struct counts_record *record = record_at(c, kind, place);
	if (record)
		return record;
	uint64_t now_ms = clock_now_ms();
	if (now_ms < c->full_until_ms)
		return NULL;
	int err = counts_file_grow(c, kind, place);
	if (!err)
		return record_at(c, kind, place);
	c->full_until_ms = now_ms + FULL_REST_MS;
	if (!c->told_full)
		log_warn("no room for more in " COUNTS_FILE " (%s): some rules will count from "
			 "zero after the next start of swctld; free some space in the run dir",
			 strerror(-err));
	c->told_full = true;
	return NULL;
}

static void record_free(struct counts_record *record)
{
	record->id = 0;
	write_in_order();
}

static void record_begin(struct counts_record *record, uint64_t id)
{
	record->counted = (struct counted){0, 0};
	write_in_order();
	record->id = id;
}

// Counts are absolute, so writing them again changes nothing.
static void redo(const struct counts *c)
{
	struct counts_header *h = c->header;
	for (uint32_t i = 0; i < h->n_redo; i++) {
		const struct counts_redo *r = &h->redo[i];
		struct counts_record *record =
		    r->kind < COUNTS_N_KINDS ? record_at(c, r->kind, r->place) : NULL;
		if (record)
			record->counted = r->counted;
	}
	write_in_order();
	h->n_redo = 0;
	write_in_order();
}

void counts_commit(struct counts *c)
{
	if (!c || c->n_staged == 0)
		return;
	write_in_order();
	c->header->n_redo = c->n_staged;
	write_in_order();
	redo(c);
	c->n_staged = 0;
}

static void stage(struct counts *c, enum counts_kind kind, uint32_t place, struct counted counted)
{
	if (c->n_staged == COUNTS_STAGED_MAX)
		abort(); // a reading has no more
	c->header->redo[c->n_staged++] = (struct counts_redo){kind, place, counted};
}

static int compare_ids(const void *a, const void *b)
{
	const struct counts_by_id *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void index_rules(struct counts *c)
{
	uint32_t room = c->header->room[COUNTS_RULES];
	c->by_id = calloc((size_t)room + 1, sizeof(*c->by_id));
	for (uint32_t place = 1; c->by_id && place < room; place++) {
		uint64_t id = c->records[COUNTS_RULES][place].id;
		if (id)
			c->by_id[c->n_by_id++] = (struct counts_by_id){id, place, false};
	}
	if (c->by_id)
		qsort(c->by_id, c->n_by_id, sizeof(*c->by_id), compare_ids);
}

void counts_claim(struct counts *c, uint64_t owner)
{
	if (!c)
		return;
	int err = 0;
	if (counts_file_is_sound(c) && c->header->owner == owner)
		redo(c);
	else
		err = counts_file_reset(c, owner);
	if (!err && c->header->flows_missing)
		err = counts_file_forget_flows(c);
	if (err)
		c->full_until_ms = UINT64_MAX;
	index_rules(c);
}

bool counts_rule_resume(struct counts *c, int64_t id, uint32_t *place, struct counted *counted)
{
	if (!c || c->n_by_id == 0)
		return false;
	struct counts_by_id key = {.id = (uint64_t)id};
	struct counts_by_id *found =
	    bsearch(&key, c->by_id, c->n_by_id, sizeof(*c->by_id), compare_ids);
	if (!found || found->taken)
		return false;
	found->taken = true;
	*place = found->place;
	*counted = c->records[COUNTS_RULES][found->place].counted;
	return true;
}

static void give_rule_place(struct counts *c, uint32_t place)
{
	struct counts_record *record = &c->records[COUNTS_RULES][place];
	record_free(record);
	record->counted.packets = c->free_rule;
	c->free_rule = place;
}

void counts_rules_resumed(struct counts *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_by_id; i++) {
		if (!c->by_id[i].taken)
			record_free(&c->records[COUNTS_RULES][c->by_id[i].place]);
	}
	free(c->by_id);
	c->by_id = NULL;
	c->n_by_id = 0;
	// From the end, so that the first are taken first.
	c->free_rule = 0;
	for (uint32_t place = c->header->room[COUNTS_RULES]; place-- > 1;) {
		if (c->records[COUNTS_RULES][place].id == 0)
			give_rule_place(c, place);
	}
}

// 0: there is none.
static uint32_t take_rule_place(struct counts *c)
{
	if (!c->free_rule) {
		uint32_t room = c->header->room[COUNTS_RULES];
		if (!record_make(c, COUNTS_RULES, room ? room : 1))
			return 0;
		for (uint32_t place = c->header->room[COUNTS_RULES]; place-- > (room ? room : 1);)
			give_rule_place(c, place);
	}
	uint32_t place = c->free_rule;
	c->free_rule = (uint32_t)c->records[COUNTS_RULES][place].counted.packets;
	return place;
}

void counts_rule_stage(struct counts *c, uint32_t *place, int64_t id, struct counted counted)
{
	if (!c)
		return;
	if (!*place) {
		*place = take_rule_place(c);
		if (!*place)
			return;
		record_begin(&c->records[COUNTS_RULES][*place], (uint64_t)id);
	}
	stage(c, COUNTS_RULES, *place, counted);
}

void counts_rule_gone(struct counts *c, uint32_t *place)
{
	if (c && *place)
		give_rule_place(c, *place);
	*place = 0;
}

uint32_t counts_flow_next(const struct counts *c, uint32_t *cursor)
{
	while (c && *cursor < c->header->room[COUNTS_FLOWS]) {
		uint32_t place = (*cursor)++;
		uint64_t id = c->records[COUNTS_FLOWS][place].id;
		if (place >= FLOW_IDS_FIRST && id <= UINT32_MAX && (id & PLACE_MASK) == place)
			return (uint32_t)id;
	}
	return 0;
}

static struct counts_record *find_flow(const struct counts *c, uint32_t id)
{
	struct counts_record *record = c ? record_at(c, COUNTS_FLOWS, id & PLACE_MASK) : NULL;
	return record && record->id == id ? record : NULL;
}

bool counts_flow_find(const struct counts *c, uint32_t id, struct counted *counted)
{
	const struct counts_record *record = find_flow(c, id);
	if (record)
		*counted = record->counted;
	return record;
}

void counts_flow_add(struct counts *c, uint32_t id)
{
	struct counts_record *record = c ? record_make(c, COUNTS_FLOWS, id & PLACE_MASK) : NULL;
	if (record)
		record_begin(record, id);
	else if (c) // the next swctld would give its number to another
		c->header->flows_missing = 1;
}

void counts_flow_gone(struct counts *c, uint32_t id)
{
	struct counts_record *record = find_flow(c, id);
	if (record)
		record_free(record);
}

void counts_flow_stage(struct counts *c, uint32_t id, struct counted counted)
{
	if (find_flow(c, id))
		stage(c, COUNTS_FLOWS, id & PLACE_MASK, counted);
}
