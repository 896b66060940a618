// swctld's stores over a database that is open, for who builds a swctld of its own.
#ifndef TESTS_UNIT_CTL_STORES_H
#define TESTS_UNIT_CTL_STORES_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/fdb.h"
#include "ctl/swctld/frozen.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/meters.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rules.h"

static inline void stores_begin(struct swctld *d, unsigned rules_max, unsigned masks_max)
{
	d->ports = ports_create(d->db);
	d->groups = groups_create(d->db);
	d->meters = meters_create(d->db);
	d->rules = rules_create(d->db, rules_max);
	d->fdb = fdb_create();
	d->frozen = frozen_create();
	d->megaflows = megaflows_create(masks_max, d->frozen);
}

static inline void stores_end(struct swctld *d)
{
	megaflows_destroy(d->megaflows);
	frozen_destroy(d->frozen);
	fdb_destroy(d->fdb);
	rules_destroy(d->rules);
	meters_destroy(d->meters);
	groups_destroy(d->groups);
	ports_destroy(d->ports);
}

#endif
