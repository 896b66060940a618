#include "datapath/ct_expect.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <sys/queue.h>

#define KEY_BUCKETS    65536u // so many that most are empty when the table is full
#define MASTER_BUCKETS 1024u

struct entry {
	LIST_ENTRY(entry) by_key;
	LIST_ENTRY(entry) by_master;
	TAILQ_ENTRY(entry) by_age; // or free
	struct ct_expectation e;
	uint32_t expires; // ct_time()
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(entries, entry);

// Under the lock, but for looks whether a bucket of keys is empty.
static struct {
	rte_spinlock_t lock;
	unsigned n; // entries in use, and those that were
	unsigned n_made;
	struct entries waiting; // oldest first
	struct entries free;
	struct bucket keys[KEY_BUCKETS];
	struct bucket masters[MASTER_BUCKETS];
	struct entry entries[CT_EXPECT_MAX];
} table = {.lock = RTE_SPINLOCK_INITIALIZER,
	   .waiting = TAILQ_HEAD_INITIALIZER(table.waiting),
	   .free = TAILQ_HEAD_INITIALIZER(table.free)};

static struct ct_key any_port(const struct ct_key *key)
{
	struct ct_key any = *key;

	any.src_port_be = 0;
	return any;
}

static struct bucket *bucket_of(const struct ct_key *key)
{
	return &table.keys[ct_key_hash(key) % KEY_BUCKETS];
}

static struct bucket *master_bucket(uint32_t id)
{
	return &table.masters[id % MASTER_BUCKETS];
}

static bool bucket_is_empty(const struct bucket *bucket)
{
	return __atomic_load_n(&bucket->lh_first, __ATOMIC_RELAXED) == NULL;
}

static void entry_del(struct entry *entry)
{
	LIST_REMOVE(entry, by_key);
	LIST_REMOVE(entry, by_master);
	TAILQ_REMOVE(&table.waiting, entry, by_age);
	TAILQ_INSERT_HEAD(&table.free, entry, by_age);
	table.n--;
}

// The oldest one makes room.
static struct entry *entry_get(void)
{
	struct entry *entry;

	if (TAILQ_EMPTY(&table.free) && table.n_made < CT_EXPECT_MAX)
		return &table.entries[table.n_made++];
	if (TAILQ_EMPTY(&table.free))
		entry_del(TAILQ_FIRST(&table.waiting));
	entry = TAILQ_FIRST(&table.free);
	TAILQ_REMOVE(&table.free, entry, by_age);
	return entry;
}

static void entry_add(const struct ct_expectation *e, uint32_t now)
{
	struct entry *entry = entry_get();

	entry->e = *e;
	entry->expires = now + (CT_EXPECT_TIMEOUT_MS >> CT_GRANULE_SHIFT);
	LIST_INSERT_HEAD(bucket_of(&e->key), entry, by_key);
	LIST_INSERT_HEAD(master_bucket(e->master_id), entry, by_master);
	TAILQ_INSERT_TAIL(&table.waiting, entry, by_age);
	table.n++;
}

static void expire(uint32_t now)
{
	struct entry *entry;

	while ((entry = TAILQ_FIRST(&table.waiting)) && ct_time_reached(entry->expires, now))
		entry_del(entry);
}

static struct entry *entry_find(const struct ct_key *key, uint32_t now)
{
	struct entry *entry;

	for (entry = LIST_FIRST(bucket_of(key)); entry; entry = LIST_NEXT(entry, by_key)) {
		if (ct_key_equal(&entry->e.key, key) && !ct_time_reached(entry->expires, now))
			return entry;
	}
	return NULL;
}

// In its bucket the newest stands first.
static void master_make_room(uint32_t id)
{
	struct entry *entry, *oldest = NULL;
	unsigned n = 0;

	for (entry = LIST_FIRST(master_bucket(id)); entry; entry = LIST_NEXT(entry, by_master)) {
		if (entry->e.master_id == id) {
			oldest = entry;
			n++;
		}
	}
	if (n >= CT_EXPECT_OF_MASTER_MAX)
		entry_del(oldest);
}

static int add(const struct ct_expectation *e, uint32_t now)
{
	struct entry *there;

	expire(now);
	there = entry_find(&e->key, now);
	if (there && there->e.master_id == e->master_id && ct_key_equal(&there->e.reply, &e->reply))
		return -EEXIST;
	// Without translation the same two ends mean the same connection.
	if (there && (there->e.nat != CT_NAT_NONE || e->nat != CT_NAT_NONE))
		return -EADDRINUSE;
	if (there)
		entry_del(there);
	master_make_room(e->master_id);
	entry_add(e, now);
	return 0;
}

int ct_expect_add(const struct ct_expectation *e, uint32_t now)
{
	int err;

	rte_spinlock_lock(&table.lock);
	err = add(e, now);
	rte_spinlock_unlock(&table.lock);
	return err;
}

bool ct_expect_find(const struct ct_key *key, bool take, uint32_t now, struct ct_expectation *e)
{
	struct ct_key any;
	struct entry *entry;

	if (likely(__atomic_load_n(&table.n, __ATOMIC_RELAXED) == 0))
		return false;
	any = any_port(key);
	if (bucket_is_empty(bucket_of(&any)))
		return false;
	rte_spinlock_lock(&table.lock);
	entry = entry_find(&any, now);
	if (entry) {
		*e = entry->e;
		if (take)
			entry_del(entry);
	}
	rte_spinlock_unlock(&table.lock);
	return entry != NULL;
}

void ct_expect_forget(uint32_t master_id)
{
	struct entry *entry, *next;

	if (bucket_is_empty(master_bucket(master_id)))
		return;
	rte_spinlock_lock(&table.lock);
	for (entry = LIST_FIRST(master_bucket(master_id)); entry; entry = next) {
		next = LIST_NEXT(entry, by_master);
		if (entry->e.master_id == master_id)
			entry_del(entry);
	}
	rte_spinlock_unlock(&table.lock);
}

unsigned ct_expect_count(void)
{
	return __atomic_load_n(&table.n, __ATOMIC_RELAXED);
}
