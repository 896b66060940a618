#include "ctl/swctld/fdb.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct node {
	struct fdb_entry entry;
	struct node *prev, *next; // least recently seen first
	UT_hash_handle hh;
};

struct fdb {
	struct node *by_key;
	struct node *by_age;
};

// MAC and VLAN stand together and are compared as they stand.
#define KEY_BYTES (sizeof(struct eth_addr) + sizeof(uint16_t))
static_assert(offsetof(struct fdb_entry, vlan) == sizeof(struct eth_addr), "no hole in the key");

struct fdb *fdb_create(void)
{
	return calloc(1, sizeof(struct fdb));
}

static void node_del(struct fdb *fdb, struct node *node)
{
	assert(fdb->by_key); // the analyzer cannot know
	HASH_DEL(fdb->by_key, node);
	DL_DELETE(fdb->by_age, node);
	free(node);
}

void fdb_destroy(struct fdb *fdb)
{
	if (!fdb)
		return;
	while (fdb->by_age)
		node_del(fdb, fdb->by_age);
	free(fdb);
}

// Keyed: senders choose addresses, and uthash's own hash they could make collide.
static unsigned key_hash(struct eth_addr mac, uint16_t vlan)
{
	struct flow_key key = {.eth_src = mac, .vlan = {{.tci_be = vlan}}};
	return flow_key_hash(&key, 0);
}

static struct node *node_find(const struct fdb *fdb, struct eth_addr mac, uint16_t vlan)
{
	struct fdb_entry key = {.mac = mac, .vlan = vlan};
	struct node *node;
	HASH_FIND_BYHASHVALUE(hh, fdb->by_key, &key, KEY_BYTES, key_hash(mac, vlan), node);
	return node;
}

// Almost always at the end; times that come late (from counters) find their place before it.
static void age_insert(struct fdb *fdb, struct node *node)
{
	struct node *after = fdb->by_age ? fdb->by_age->prev : NULL;
	while (after && after->entry.used_ms > node->entry.used_ms)
		after = after == fdb->by_age ? NULL : after->prev;
	if (after)
		DL_APPEND_ELEM(fdb->by_age, after, node);
	else
		DL_PREPEND(fdb->by_age, node);
}

static bool mac_is_learnable(struct eth_addr mac)
{
	static const struct eth_addr zero;
	return !(mac.b[0] & 1) && memcmp(&mac, &zero, sizeof(mac)) != 0;
}

bool fdb_learn(struct fdb *fdb, struct eth_addr mac, uint16_t vlan, uint32_t port, uint64_t now_ms)
{
	if (!mac_is_learnable(mac) || port == 0)
		return false;
	struct node *node = node_find(fdb, mac, vlan);
	// Counters may tell late of a port that the station has left since.
	if (node && now_ms < node->entry.used_ms)
		return false;
	bool changed = !node || node->entry.port != port;
	if (node) {
		DL_DELETE(fdb->by_age, node);
	} else {
		if (HASH_COUNT(fdb->by_key) >= FDB_ENTRIES_MAX)
			node_del(fdb, fdb->by_age);
		node = calloc(1, sizeof(*node));
		if (!node)
			return false; // not known, then: flooded
		node->entry.mac = mac;
		node->entry.vlan = vlan;
		HASH_ADD_BYHASHVALUE(hh, fdb->by_key, entry.mac, KEY_BYTES, key_hash(mac, vlan),
				     node);
	}
	node->entry.port = port;
	node->entry.used_ms = now_ms;
	age_insert(fdb, node);
	return changed;
}

uint32_t fdb_lookup(const struct fdb *fdb, struct eth_addr mac, uint16_t vlan)
{
	const struct node *node = node_find(fdb, mac, vlan);
	return node ? node->entry.port : 0;
}

bool fdb_expire(struct fdb *fdb, uint64_t now_ms)
{
	bool changed = false;
	while (fdb->by_age && fdb->by_age->entry.used_ms + (uint64_t)FDB_IDLE_MS <= now_ms) {
		node_del(fdb, fdb->by_age);
		changed = true;
	}
	return changed;
}

bool fdb_forget_port(struct fdb *fdb, uint32_t port)
{
	bool changed = false;
	struct node *next;
	for (struct node *node = fdb->by_age; node; node = next) {
		next = node->next;
		if (node->entry.port != port)
			continue;
		node_del(fdb, node);
		changed = true;
	}
	return changed;
}

static int compare(const void *a, const void *b)
{
	const struct fdb_entry *x = a, *y = b;
	if (x->vlan != y->vlan)
		return x->vlan < y->vlan ? -1 : 1;
	return memcmp(&x->mac, &y->mac, sizeof(x->mac));
}

struct fdb_entry *fdb_list(const struct fdb *fdb, unsigned *n)
{
	const struct node *node;
	*n = 0;
	struct fdb_entry *list = malloc((HASH_COUNT(fdb->by_key) + 1) * sizeof(*list));
	if (!list)
		return NULL;
	DL_FOREACH (fdb->by_age, node)
		list[(*n)++] = node->entry;
	qsort(list, *n, sizeof(*list), compare);
	return list;
}
