#include <config.h>

#include "ctl/ovs/meters.h"

#include <stdlib.h>

#include "openvswitch/hmap.h"
#include "openvswitch/ofp-meter.h"
#include "util.h"

struct meter {
	struct hmap_node node; // by id
	uint32_t id;
	struct ofputil_meter_config config; // owns its bands
};

static struct hmap meters = HMAP_INITIALIZER(&meters);

static struct meter *find(uint32_t id)
{
	struct meter *m;
	HMAP_FOR_EACH_WITH_HASH(m, node, id, &meters)
	return m;
	return NULL;
}

void meters_note(uint32_t id, const struct ofputil_meter_config *config)
{
	struct meter *m = find(id);
	if (m == NULL) {
		m = xzalloc(sizeof(*m));
		m->id = id;
		hmap_insert(&meters, &m->node, id);
	}
	free(m->config.bands);
	m->config = *config;
	m->config.bands = xmemdup(config->bands, config->n_bands * sizeof(config->bands[0]));
}

void meters_forget(uint32_t id)
{
	struct meter *m = find(id);
	if (m == NULL)
		return;
	hmap_remove(&meters, &m->node);
	free(m->config.bands);
	free(m);
}

void meters_clear(void)
{
	struct meter *m;
	HMAP_FOR_EACH_SAFE(m, node, &meters)
	meters_forget(m->id);
}

void meters_for_each(void (*fn)(uint32_t id, struct ofputil_meter_config *, void *arg), void *arg)
{
	struct meter *m;
	HMAP_FOR_EACH(m, node, &meters)
	fn(m->id, &m->config, arg);
}
