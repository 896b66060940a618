#include "ctl/swctld/fdb.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct node {
	struct fdb_entry entry;
	struct node *prev, *next; // in its port's by_age
	UT_hash_handle hh;
};

// Stays until the end: there are no more than port numbers.
struct fdb_port {
	uint32_t no;
	unsigned n;
	struct node *by_age; // least recently seen first
	UT_hash_handle hh;
};

struct fdb {
	struct node *by_key;
	struct fdb_port *ports;
};

// MAC and VLAN stand together and are compared as they stand.
#define KEY_BYTES (sizeof(struct eth_addr) + sizeof(uint16_t))
static_assert(offsetof(struct fdb_entry, vlan) == sizeof(struct eth_addr), "no hole in the key");

struct fdb *fdb_create(void)
{
	return calloc(1, sizeof(struct fdb));
}

static struct fdb_port *port_find(const struct fdb *fdb, uint32_t no)
{
	struct fdb_port *port;
	HASH_FIND_INT(fdb->ports, &no, port);
	return port;
}

static struct fdb_port *port_get(struct fdb *fdb, uint32_t no)
{
	struct fdb_port *port = port_find(fdb, no);
	if (port)
		return port;
	port = calloc(1, sizeof(*port));
	if (port) {
		port->no = no;
		HASH_ADD_INT(fdb->ports, no, port);
	}
	return port;
}

static void port_leave(struct fdb_port *port, struct node *node)
{
	DL_DELETE(port->by_age, node);
	port->n--;
}

static void port_drop_oldest(struct fdb *fdb, struct fdb_port *port)
{
	struct node *node = port->by_age;
	assert(fdb->by_key); // the analyzer cannot know
	HASH_DEL(fdb->by_key, node);
	port_leave(port, node);
	free(node);
}

void fdb_destroy(struct fdb *fdb)
{
	if (!fdb)
		return;
	while (fdb->ports) {
		struct fdb_port *port = fdb->ports;
		// NOLINTBEGIN(clang-analyzer-*): cannot follow the links
		while (port->by_age)
			port_drop_oldest(fdb, port);
		HASH_DEL(fdb->ports, port);
		// NOLINTEND(clang-analyzer-*)
		free(port);
	}
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
static void port_enter(struct fdb_port *port, struct node *node)
{
	struct node *after = port->by_age ? port->by_age->prev : NULL;
	while (after && after->entry.used_ms > node->entry.used_ms)
		after = after == port->by_age ? NULL : after->prev;
	if (after)
		DL_APPEND_ELEM(port->by_age, after, node);
	else
		DL_PREPEND(port->by_age, node);
	node->entry.port = port->no;
	port->n++;
}

// A port that shows ever new addresses loses its own entries, not those of others.
static void evict(struct fdb *fdb)
{
	struct fdb_port *most = fdb->ports;
	assert(most); // the table is full
	for (struct fdb_port *port = fdb->ports; port; port = port->hh.next) {
		if (port->n > most->n)
			most = port;
	}
	port_drop_oldest(fdb, most);
}

static struct node *node_add(struct fdb *fdb, struct eth_addr mac, uint16_t vlan)
{
	struct node *node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	node->entry.mac = mac;
	node->entry.vlan = vlan;
	HASH_ADD_BYHASHVALUE(hh, fdb->by_key, entry.mac, KEY_BYTES, key_hash(mac, vlan), node);
	return node;
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
	if (!node && HASH_COUNT(fdb->by_key) >= FDB_ENTRIES_MAX)
		evict(fdb);
	struct fdb_port *to = port_get(fdb, port);
	if (!to)
		return false; // not known, then: flooded
	to->n++;	      // keeps it while the entry leaves it
	if (node)
		port_leave(port_find(fdb, node->entry.port), node);
	else
		node = node_add(fdb, mac, vlan);
	if (!node)
		return false;
	node->entry.used_ms = now_ms;
	port_enter(to, node);
	return changed;
}

uint32_t fdb_lookup(const struct fdb *fdb, struct eth_addr mac, uint16_t vlan)
{
	const struct node *node = node_find(fdb, mac, vlan);
	return node ? node->entry.port : 0;
}

bool fdb_expire(struct fdb *fdb, uint64_t now_ms)
{
	unsigned n_before = HASH_COUNT(fdb->by_key);
	for (struct fdb_port *port = fdb->ports; port; port = port->hh.next) {
		while (port->by_age &&
		       port->by_age->entry.used_ms + (uint64_t)FDB_IDLE_MS <= now_ms)
			port_drop_oldest(fdb, port);
	}
	return HASH_COUNT(fdb->by_key) != n_before;
}

bool fdb_forget_port(struct fdb *fdb, uint32_t port)
{
	struct fdb_port *seen = port_find(fdb, port);
	if (!seen || !seen->by_age)
		return false;
	while (seen->by_age)
		port_drop_oldest(fdb, seen);
	return true;
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
	for (node = fdb->by_key; node; node = node->hh.next)
		list[(*n)++] = node->entry;
	qsort(list, *n, sizeof(*list), compare);
	return list;
}
