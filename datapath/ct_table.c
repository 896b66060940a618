#include "datapath/ct_table.h"

#include "datapath/ct_bucket.h"
#include "datapath/ct_expire.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_slab.h"
#include "flowtable/tally.h"

#include <errno.h>
#include <rte_prefetch.h>
#include <string.h>

#define RESERVE 65536u // connections that are ready for the PMDs between two calls of grow()

// One thread's; other threads read.
struct counts {
	uint64_t n[CT_DPS_MAX];
} __rte_cache_aligned;

static struct {
	struct ct_buckets buckets;
	uint32_t max;
	int numa_node;
	bool ready;
	struct rcu *rcu;
	struct ct_slab conns, exts;
	struct counts made[PMDS_MAX]; // writer: that PMD
	struct counts gone;	      // writer: control thread
} table;

static inline struct ct_conn *conn_at(uint32_t id)
{
	return ct_slab_at(&table.conns, id);
}

// Finding.

bool ct_table_is_ready(void)
{
	return __atomic_load_n(&table.ready, __ATOMIC_ACQUIRE);
}

void ct_table_prefetch(uint32_t hash)
{
	rte_prefetch0(ct_bucket_of(&table.buckets, hash));
}

void ct_table_prefetch_conn(uint32_t hash)
{
	const struct ct_bucket *b = ct_bucket_of(&table.buckets, hash);
	uint32_t matches = ct_bucket_matches(b, ct_signature(hash)), place;
	const char *conn;

	if (!matches)
		return;
	place = __atomic_load_n(&b->places[ct_matches_next(&matches)], __ATOMIC_ACQUIRE);
	if (!place)
		return;
	conn = (const char *)conn_at(ct_place_id(place));
	rte_prefetch0(conn);
	rte_prefetch0(conn + RTE_CACHE_LINE_SIZE);
}

static inline bool is_live(const struct ct_conn *conn, uint32_t now)
{
	return likely(!ct_conn_is_removed(conn) &&
		      !ct_time_reached(__atomic_load_n(&conn->expires, __ATOMIC_RELAXED), now));
}

// Whether a tuple leads from this place to its connection, and in which direction.
static inline bool leads_to(const struct ct_conn *conn, enum ct_place_kind kind,
			    const struct ct_key *key, enum ct_dir *dir)
{
	struct ct_key reversed;

	if (kind != CT_PLACE_REPLY && ct_key_equal(&conn->key, key)) {
		*dir = CT_ORIG;
		return true;
	}
	*dir = CT_REPLY;
	if (kind == CT_PLACE_REPLY)
		return ct_key_equal(&conn->ext->reply, key);
	if (kind == CT_PLACE_ORIG)
		return false;
	ct_key_reverse(&reversed, key);
	return ct_key_equal(&conn->key, &reversed);
}

struct ct_found ct_table_find(const struct ct_key *key, uint32_t hash, uint32_t now)
{
	const struct ct_bucket *b = ct_bucket_of(&table.buckets, hash);
	struct ct_found found;

	do {
		uint32_t matches = ct_bucket_matches(b, ct_signature(hash));

		while (matches) {
			unsigned i = ct_matches_next(&matches);
			// Acquires what was written before the connection was put here.
			uint32_t place = __atomic_load_n(&b->places[i], __ATOMIC_ACQUIRE);

			if (unlikely(!place))
				continue;
			found.conn = conn_at(ct_place_id(place));
			if (likely(leads_to(found.conn, ct_place_kind(place), key, &found.dir)) &&
			    is_live(found.conn, now))
				return found;
		}
		b = __atomic_load_n(&b->next, __ATOMIC_ACQUIRE);
	} while (unlikely(b));
	return (struct ct_found){.conn = NULL};
}

// Making and inserting.

void ct_conn_prefetch(unsigned pmd_index)
{
	char *next = ct_slab_next(&table.conns, pmd_index);

	if (next) {
		rte_prefetch0_write(next);
		rte_prefetch0_write(next + RTE_CACHE_LINE_SIZE);
	}
}

static struct ct_ext *ext_get(unsigned pmd_index)
{
	uint32_t id = ct_slab_get(&table.exts, pmd_index);
	struct ct_ext *ext;

	if (unlikely(id == UINT32_MAX))
		return NULL;
	ext = ct_slab_at(&table.exts, id);
	memset(ext, 0, sizeof *ext);
	ext->id = id;
	return ext;
}

struct ct_conn *ct_conn_get(unsigned pmd_index, bool with_ext)
{
	uint32_t id = ct_slab_get(&table.conns, pmd_index);
	struct ct_conn *conn;

	if (unlikely(id == UINT32_MAX))
		return NULL;
	conn = conn_at(id);
	memset(conn, 0, sizeof *conn);
	conn->id = id;
	if (with_ext) {
		conn->ext = ext_get(pmd_index);
		if (unlikely(!conn->ext)) {
			ct_conn_put(pmd_index, conn);
			return NULL;
		}
	}
	return conn;
}

void ct_conn_put(unsigned pmd_index, struct ct_conn *conn)
{
	if (conn->ext)
		ct_slab_put(&table.exts, pmd_index, conn->ext->id);
	ct_slab_put(&table.conns, pmd_index, conn->id);
}

// Where a connection stands in the table.
struct places {
	bool split; // in two
	struct ct_bucket *orig, *reply;
	uint32_t reply_hash;
};

static void places_of(const struct ct_conn *conn, struct places *places)
{
	struct ct_key reversed;

	places->orig = places->reply = ct_bucket_of(&table.buckets, conn->hash);
	places->reply_hash = conn->hash;
	places->split = false;
	if (likely(!conn->ext))
		return;
	ct_key_reverse(&reversed, &conn->key);
	places->split = !ct_key_equal(&reversed, &conn->ext->reply);
	if (places->split) {
		places->reply_hash = ct_key_hash(&conn->ext->reply);
		places->reply = ct_bucket_of(&table.buckets, places->reply_hash);
	}
}

// Under the locks. A connection that others see is in all its places.
static int places_add(const struct ct_conn *conn, const struct places *places)
{
	uint16_t signature = ct_signature(conn->hash);
	int err;

	if (likely(!places->split))
		return ct_bucket_add(&table.buckets, places->orig, signature,
				     ct_place(conn->id, CT_PLACE_BOTH));
	err = ct_bucket_room(&table.buckets, places->orig, places->orig == places->reply ? 2 : 1);
	if (!err)
		err = ct_bucket_room(&table.buckets, places->reply, 1);
	if (err)
		return err;
	ct_bucket_add(&table.buckets, places->orig, signature, ct_place(conn->id, CT_PLACE_ORIG));
	ct_bucket_add(&table.buckets, places->reply, ct_signature(places->reply_hash),
		      ct_place(conn->id, CT_PLACE_REPLY));
	return 0;
}

static int insert_locked(struct ct_conn *conn, const struct places *places, uint32_t now)
{
	int err;

	if (unlikely(ct_table_find(&conn->key, conn->hash, now).conn))
		return -EEXIST;
	// Also where NAT lets the tuple be: another's reply tuple may be its reply tuple, too.
	if ((places->split || ct_conn_nat(conn) != CT_NAT_NONE) &&
	    ct_table_find(&conn->ext->reply, places->reply_hash, now).conn)
		return -EADDRINUSE;
	err = places_add(conn, places);
	if (!err)
		ct_expire_start(conn);
	return err;
}

int ct_table_insert(unsigned pmd_index, struct ct_conn *conn, uint32_t now)
{
	uint64_t *made = &table.made[pmd_index].n[conn->key.dp];
	struct places places;
	int err;

	places_of(conn, &places);
	ct_bucket_lock_two(places.orig, places.reply);
	err = insert_locked(conn, &places, now);
	ct_bucket_unlock_two(places.orig, places.reply);
	if (likely(!err))
		tally_add(made, 1);
	return err;
}

bool ct_table_remove(struct ct_conn *conn, uint32_t now)
{
	struct places places;

	if (__atomic_fetch_or(&conn->flags, CT_REMOVED, __ATOMIC_ACQ_REL) & CT_REMOVED)
		return false;
	places_of(conn, &places);
	ct_bucket_lock_two(places.orig, places.reply);
	if (places.split) {
		ct_bucket_del(places.orig, ct_place(conn->id, CT_PLACE_ORIG));
		ct_bucket_del(places.reply, ct_place(conn->id, CT_PLACE_REPLY));
	} else {
		ct_bucket_del(places.orig, ct_place(conn->id, CT_PLACE_BOTH));
	}
	ct_bucket_unlock_two(places.orig, places.reply);
	ct_limit_leave(conn);
	ct_expire_removed(conn, now);
	return true;
}

// Control side.

int ct_table_init(struct rcu *rcu, uint32_t max_conns, int numa_node)
{
	int err;

	memset(&table, 0, sizeof table);
	table.rcu = rcu;
	table.max = RTE_MIN(max_conns, CT_IDS_MAX - 1);
	table.numa_node = numa_node;
	err = ct_slab_init(&table.conns, table.max, sizeof(struct ct_conn), numa_node);
	if (!err)
		err = ct_slab_init(&table.exts, table.max, sizeof(struct ct_ext), numa_node);
	if (err)
		ct_table_fini();
	return err;
}

void ct_table_fini(void)
{
	ct_expire_fini();
	ct_buckets_fini(&table.buckets);
	ct_slab_fini(&table.exts);
	ct_slab_fini(&table.conns);
	table.ready = false;
}

static uint32_t reserve(void)
{
	return RTE_MIN(RESERVE, RTE_MAX(table.max / 8, 1u));
}

int ct_table_prepare(void)
{
	int err = 0;

	if (table.ready)
		return 0;
	if (!table.buckets.array)
		err = ct_buckets_init(&table.buckets, table.max, table.numa_node);
	if (!err)
		err = ct_expire_init(table.rcu, table.max, table.numa_node);
	if (!err)
		err = ct_slab_grow(&table.conns, reserve());
	if (!err)
		err = ct_slab_grow(&table.exts, 1);
	if (!err)
		__atomic_store_n(&table.ready, true, __ATOMIC_RELEASE);
	return err;
}

void ct_table_grow(void)
{
	if (!table.ready)
		return;
	ct_buckets_trim(&table.buckets, table.rcu);
	ct_slab_grow(&table.conns, reserve());
	// Few connections have an ext, until there are some: then as many may come.
	if (ct_slab_n_free(&table.exts) < table.exts.n_slots)
		ct_slab_grow(&table.exts, reserve());
}

void ct_table_give_back(const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct ct_conn *conn = conn_at(ids[i]);

		if (conn->ext)
			ct_slab_put_bulk(&table.exts, &conn->ext->id, 1);
	}
	ct_slab_put_bulk(&table.conns, ids, n);
}

void ct_table_retired(const struct ct_conn *conn)
{
	tally_add(&table.gone.n[conn->key.dp], 1);
}

uint32_t ct_table_max(void)
{
	return table.max;
}

uint32_t ct_table_count(uint8_t dp)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PMDS_MAX; i++)
		n += tally_read(&table.made[i].n[dp]);
	return (uint32_t)(n - tally_read(&table.gone.n[dp]));
}

uint64_t ct_table_bytes(void)
{
	return ct_buckets_bytes(&table.buckets) + ct_expire_bytes() + ct_slab_bytes(&table.conns) +
	       ct_slab_bytes(&table.exts);
}

uint32_t ct_table_slots(void)
{
	return table.conns.n_slots;
}

struct ct_conn *ct_table_slot(uint32_t id)
{
	return id < table.conns.n_slots && ct_expire_in_use(id) ? conn_at(id) : NULL;
}
