#include "datapath/ct_frag.h"

#include "datapath/ct_frag_view.h"
#include "datapath/ct_frag_whole.h"
#include "datapath/port.h"

#include <errno.h>
#include <rte_jhash.h>
#include <rte_mempool.h>
#include <rte_random.h>
#include <rte_spinlock.h>
#include <stdlib.h>
#include <sys/queue.h>

#define BUCKETS		8192u // power of two
#define POOL_SHARE_KEPT 4     // one part in so many of the packet pool is out of bounds

struct frag_key {
	struct in6 src, dst;
	uint32_t recirc_id;
	uint32_t id_be;
	uint16_t zone;
	uint8_t proto;
	uint8_t is_v6;
};

static_assert(sizeof(struct frag_key) == 44, "no padding: it is hashed and compared as bytes");

// A fragment that is held.
struct part {
	TAILQ_ENTRY(part) link; // of its datagram, by start; or free
	struct rte_mbuf *m;
	uint32_t start, len;
};

TAILQ_HEAD(parts, part);

struct datagram {
	LIST_ENTRY(datagram) in_bucket;
	TAILQ_ENTRY(datagram) by_age; // or free
	struct frag_key key;
	struct parts parts;
	uint64_t expires_ms;
	unsigned n;
	uint32_t held;	// bytes of all parts
	uint32_t total; // bytes of the whole; 0: its last part is not here
	bool has_first;
	bool failed; // its parts are gone, and those to come are refused
};

LIST_HEAD(bucket, datagram);
TAILQ_HEAD(datagrams, datagram);

// Everything but what is read without it: under `lock`.
struct ct_frags {
	rte_spinlock_t lock;
	uint32_t hash_secret;
	uint32_t held, held_max;
	uint32_t n_known;	       // datagrams, failed ones too; also read without the lock
	unsigned n_parts, n_datagrams; // of those below that were in use; memory is taken then
	bool enabled[2];
	uint32_t min_size[2];
	struct ct_frag_counters counters[2];
	struct parts parts_free;
	struct datagrams datagrams_free;
	struct datagrams waiting, failed; // oldest first
	uint16_t held_of_port[PORTS_MAX];
	struct bucket buckets[BUCKETS];
	struct part parts[CT_FRAG_HELD_MAX];
	struct datagram datagrams[CT_FRAG_HELD_MAX];
};

static_assert(CT_FRAG_HELD_MAX <= UINT16_MAX, "held_of_port");

static void set_defaults(struct ct_frags *f)
{
	f->held_max = CT_FRAG_HELD_DEF;
	f->enabled[0] = f->enabled[1] = true;
	f->min_size[0] = CT_FRAG_MIN_V4_DEF;
	f->min_size[1] = CT_FRAG_MIN_V6_DEF;
}

struct ct_frags *ct_frags_create(void)
{
	struct ct_frags *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	rte_spinlock_init(&f->lock);
	f->hash_secret = (uint32_t)rte_rand();
	set_defaults(f);
	TAILQ_INIT(&f->parts_free);
	TAILQ_INIT(&f->datagrams_free);
	TAILQ_INIT(&f->waiting);
	TAILQ_INIT(&f->failed);
	return f;
}

static struct bucket *bucket_of(struct ct_frags *f, const struct frag_key *key)
{
	uint32_t hash = rte_jhash_32b((const uint32_t *)key, sizeof *key / 4, f->hash_secret);

	return &f->buckets[hash % BUCKETS];
}

static struct datagram *datagram_find(struct ct_frags *f, const struct frag_key *key)
{
	struct datagram *d;

	for (d = LIST_FIRST(bucket_of(f, key)); d; d = LIST_NEXT(d, in_bucket)) {
		if (memcmp(&d->key, key, sizeof *key) == 0)
			return d;
	}
	return NULL;
}

static void known_add(struct ct_frags *f, uint32_t n)
{
	__atomic_store_n(&f->n_known, f->n_known + n, __ATOMIC_RELAXED);
}

static void datagram_del(struct ct_frags *f, struct datagram *d)
{
	known_add(f, UINT32_MAX); // one less
	LIST_REMOVE(d, in_bucket);
	TAILQ_REMOVE(d->failed ? &f->failed : &f->waiting, d, by_age);
	TAILQ_INSERT_HEAD(&f->datagrams_free, d, by_age);
}

// The oldest one that has failed makes room.
static struct datagram *datagram_get(struct ct_frags *f)
{
	struct datagram *d;

	if (TAILQ_EMPTY(&f->datagrams_free) && f->n_datagrams < CT_FRAG_HELD_MAX)
		return &f->datagrams[f->n_datagrams++];
	if (TAILQ_EMPTY(&f->datagrams_free) && !TAILQ_EMPTY(&f->failed))
		datagram_del(f, TAILQ_FIRST(&f->failed));
	d = TAILQ_FIRST(&f->datagrams_free);
	if (d)
		TAILQ_REMOVE(&f->datagrams_free, d, by_age);
	return d;
}

// NULL when there are too many.
static struct datagram *datagram_add(struct ct_frags *f, const struct frag_key *key,
				     uint64_t now_ms)
{
	struct datagram *d;

	d = datagram_get(f);
	if (!d)
		return NULL;
	*d = (struct datagram){.key = *key, .expires_ms = now_ms + CT_FRAG_TIMEOUT_MS};
	TAILQ_INIT(&d->parts);
	LIST_INSERT_HEAD(bucket_of(f, key), d, in_bucket);
	TAILQ_INSERT_TAIL(&f->waiting, d, by_age);
	known_add(f, 1);
	return d;
}

static uint16_t *held_of(struct ct_frags *f, struct rte_mbuf *m)
{
	return &f->held_of_port[packet_meta(m)->in_port % PORTS_MAX];
}

// A port may hold as many as it leaves for all others.
static bool has_room(struct ct_frags *f, struct rte_mbuf *m)
{
	return f->held < f->held_max && *held_of(f, m) < f->held_max - f->held;
}

static struct rte_mbuf *part_take(struct ct_frags *f, struct datagram *d, struct part *part)
{
	struct rte_mbuf *m = part->m;

	TAILQ_REMOVE(&d->parts, part, link);
	TAILQ_INSERT_HEAD(&f->parts_free, part, link);
	(*held_of(f, m))--;
	f->held--;
	d->n--;
	return m;
}

// Behind `before`; NULL: it is the first.
static void part_put(struct ct_frags *f, struct datagram *d, struct part *before,
		     const struct ct_frag_view *view, struct rte_mbuf *m)
{
	struct part *part = TAILQ_FIRST(&f->parts_free);

	if (part)
		TAILQ_REMOVE(&f->parts_free, part, link);
	else
		part = &f->parts[f->n_parts++]; // there are as many as may be held
	part->m = m;
	part->start = view->start;
	part->len = view->len;
	if (before)
		TAILQ_INSERT_AFTER(&d->parts, before, part, link);
	else
		TAILQ_INSERT_HEAD(&d->parts, part, link);
	(*held_of(f, m))++;
	f->held++;
	d->n++;
	d->held += view->len;
	d->has_first |= view->start == 0;
	if (!view->more)
		d->total = view->start + view->len;
}

static unsigned parts_take(struct ct_frags *f, struct datagram *d, struct rte_mbuf **pkts)
{
	unsigned n = 0;

	while (!TAILQ_EMPTY(&d->parts))
		pkts[n++] = part_take(f, d, TAILQ_FIRST(&d->parts));
	return n;
}

void ct_frags_destroy(struct ct_frags *f)
{
	struct rte_mbuf *pkts[CT_FRAG_PARTS_MAX];

	if (!f)
		return;
	for (; !TAILQ_EMPTY(&f->waiting); datagram_del(f, TAILQ_FIRST(&f->waiting)))
		packet_free_bulk(pkts, parts_take(f, TAILQ_FIRST(&f->waiting), pkts));
	free(f);
}

// The last of the datagram's parts that starts no later; NULL: all start later.
static struct part *part_before(const struct datagram *d, uint32_t start)
{
	struct part *before = NULL;

	for (struct part *part = TAILQ_FIRST(&d->parts); part && part->start <= start;
	     part = TAILQ_NEXT(part, link))
		before = part;
	return before;
}

enum fit { FITS, REPEATS, CONTRADICTS };

static enum fit part_fit(const struct datagram *d, const struct part *before,
			 const struct ct_frag_view *view)
{
	const struct part *after = before ? TAILQ_NEXT(before, link) : TAILQ_FIRST(&d->parts);
	const struct part *last = TAILQ_LAST(&d->parts, parts);
	uint32_t end = view->start + view->len;

	if (before && before->start == view->start && before->len == view->len &&
	    view->more == (d->total != end))
		return REPEATS;
	if ((before && before->start + before->len > view->start) || (after && after->start < end))
		return CONTRADICTS;
	if (d->total && (end > d->total || !view->more))
		return CONTRADICTS;
	if (!view->more && last && last->start + last->len > end)
		return CONTRADICTS;
	return d->n == CT_FRAG_PARTS_MAX ? CONTRADICTS : FITS;
}

// All parts go, and those that come later are refused.
static enum ct_frag_verdict datagram_fail(struct ct_frags *f, struct datagram *d,
					  struct rte_mbuf *m, struct ct_frag_result *result)
{
	result->n = parts_take(f, d, result->frags);
	result->frags[result->n++] = m;
	result->reason = DROP_FRAGMENT_OVERLAP;
	TAILQ_REMOVE(&f->waiting, d, by_age);
	TAILQ_INSERT_TAIL(&f->failed, d, by_age);
	d->failed = true;
	return CT_FRAG_DROP;
}

// With the lock. HELD: it is in the table.
static enum ct_frag_verdict hold(struct ct_frags *f, struct rte_mbuf *m, const struct frag_key *key,
				 const struct ct_frag_view *view, uint64_t now_ms,
				 struct ct_frag_result *result)
{
	struct ct_frag_counters *counters = &f->counters[view->is_v6];
	struct datagram *d = datagram_find(f, key);
	struct part *before;
	enum fit fit;

	if ((d && d->failed) || !has_room(f, m))
		return CT_FRAG_INVALID;
	if (!d && !(d = datagram_add(f, key, now_ms)))
		return CT_FRAG_INVALID;
	before = part_before(d, view->start);
	fit = part_fit(d, before, view);
	if (fit != FITS) {
		counters->overlapped++;
		return fit == REPEATS ? CT_FRAG_INVALID : datagram_fail(f, d, m, result);
	}
	counters->accepted++;
	part_put(f, d, before, view, m);
	if (!d->total || d->held != d->total)
		return CT_FRAG_HELD;
	result->n = parts_take(f, d, result->frags);
	counters->completed += result->n;
	datagram_del(f, d);
	return CT_FRAG_COMPLETE;
}

// Fragments wait for long, and traffic that receives into the pool does not.
static bool pool_is_short(void)
{
	const struct rte_mempool *pool = packet_pool();

	return rte_mempool_get_ops(pool->ops_index)->get_count(pool) < pool->size / POOL_SHARE_KEPT;
}

static struct frag_key key_of(struct rte_mbuf *m, const struct ct_frag_view *view, uint16_t zone)
{
	return (struct frag_key){.src = view->src,
				 .dst = view->dst,
				 .recirc_id = packet_meta(m)->recirc_id,
				 .id_be = view->id_be,
				 .zone = zone,
				 .proto = view->proto,
				 .is_v6 = view->is_v6};
}

static bool is_refused(struct ct_frags *f, const struct ct_frag_view *view)
{
	bool v6 = view->is_v6;

	if (!__atomic_load_n(&f->enabled[v6], __ATOMIC_RELAXED))
		return true;
	if (!view->more || view->ip_len >= __atomic_load_n(&f->min_size[v6], __ATOMIC_RELAXED))
		return false;
	__atomic_fetch_add(&f->counters[v6].too_small, 1, __ATOMIC_RELAXED);
	return true;
}

static enum ct_frag_verdict complete(struct ct_frag_result *result)
{
	int err = ct_frag_join(result->frags, result->n, &result->whole);

	if (!err)
		return CT_FRAG_COMPLETE;
	result->reason = err == -ENOMEM ? DROP_NO_MEMORY : DROP_FRAGMENT_OVERLAP;
	return CT_FRAG_DROP;
}

enum ct_frag_verdict ct_frag_add(struct ct_frags *f, struct rte_mbuf **m, uint16_t zone,
				 uint64_t now_ms, struct ct_frag_result *result)
{
	enum ct_frag_verdict verdict;
	struct ct_frag_view view;
	struct rte_mbuf *own;
	struct frag_key key;
	int found = ct_frag_view(m, &view);

	if (found <= 0)
		return found == 0 ? CT_FRAG_WHOLE : CT_FRAG_INVALID;
	if (is_refused(f, &view) || pool_is_short())
		return CT_FRAG_INVALID;
	own = packet_own(*m);
	if (!own)
		return CT_FRAG_INVALID;
	*m = own;
	key = key_of(own, &view, zone);
	rte_spinlock_lock(&f->lock);
	verdict = hold(f, own, &key, &view, now_ms, result);
	rte_spinlock_unlock(&f->lock);
	if (verdict != CT_FRAG_INVALID)
		*m = NULL;
	return verdict == CT_FRAG_COMPLETE ? complete(result) : verdict;
}

// With the lock. Returns how many it took, at most max.
static unsigned expire(struct ct_frags *f, uint64_t now_ms, struct rte_mbuf **pkts, unsigned max)
{
	struct datagram *d;
	unsigned n = 0;

	while ((d = TAILQ_FIRST(&f->failed)) && d->expires_ms <= now_ms)
		datagram_del(f, d);
	while ((d = TAILQ_FIRST(&f->waiting)) && d->expires_ms <= now_ms) {
		for (; !TAILQ_EMPTY(&d->parts); f->counters[d->key.is_v6].expired++) {
			if (n == max)
				return n;
			pkts[n++] = part_take(f, d, TAILQ_FIRST(&d->parts));
		}
		datagram_del(f, d);
	}
	return n;
}

unsigned ct_frags_expire(struct ct_frags *f, uint64_t now_ms, struct rte_mbuf **pkts, unsigned max)
{
	unsigned n;

	if (__atomic_load_n(&f->n_known, __ATOMIC_RELAXED) == 0)
		return 0;
	rte_spinlock_lock(&f->lock);
	n = expire(f, now_ms, pkts, max);
	rte_spinlock_unlock(&f->lock);
	return n;
}

unsigned ct_frags_purge(struct ct_frags *f, struct rte_mbuf **pkts, unsigned max)
{
	unsigned n;

	rte_spinlock_lock(&f->lock);
	n = expire(f, UINT64_MAX, pkts, max);
	if (n == 0) {
		set_defaults(f);
		memset(f->counters, 0, sizeof f->counters);
	}
	rte_spinlock_unlock(&f->lock);
	return n;
}

void ct_frags_status(struct ct_frags *f, struct ct_frag_status *status)
{
	rte_spinlock_lock(&f->lock);
	status->held = f->held;
	status->held_max = f->held_max;
	memcpy(status->enabled, f->enabled, sizeof f->enabled);
	memcpy(status->min_size, f->min_size, sizeof f->min_size);
	memcpy(status->counters, f->counters, sizeof f->counters);
	rte_spinlock_unlock(&f->lock);
}

void ct_frags_set_enabled(struct ct_frags *f, bool v6, bool enabled)
{
	__atomic_store_n(&f->enabled[v6], enabled, __ATOMIC_RELAXED);
}

int ct_frags_set_min_size(struct ct_frags *f, bool v6, uint32_t bytes)
{
	if (bytes < CT_FRAG_MIN_BOUND)
		return -ERANGE;
	__atomic_store_n(&f->min_size[v6], bytes, __ATOMIC_RELAXED);
	return 0;
}

int ct_frags_set_held_max(struct ct_frags *f, uint32_t n)
{
	if (n > CT_FRAG_HELD_MAX)
		return -ERANGE;
	rte_spinlock_lock(&f->lock);
	f->held_max = n;
	rte_spinlock_unlock(&f->lock);
	return 0;
}

static const char *state_of(const struct datagram *d)
{
	if (d->failed)
		return "reassemble fail";
	if (d->has_first)
		return d->total ? "first/last frag" : "first frag";
	return d->total ? "last frag" : "other frag";
}

bool ct_frags_next(struct ct_frags *f, uint32_t *cursor, struct ct_frag_entry *entry)
{
	const struct datagram *d = NULL;

	rte_spinlock_lock(&f->lock);
	for (; !d && *cursor < f->n_datagrams; (*cursor)++) {
		d = &f->datagrams[*cursor];
		if (d->n == 0 && !d->failed)
			d = NULL;
	}
	if (d)
		*entry = (struct ct_frag_entry){.src = d->key.src,
						.dst = d->key.dst,
						.recirc_id = d->key.recirc_id,
						.id_be = d->key.id_be,
						.zone = d->key.zone,
						.proto = d->key.proto,
						.is_v6 = d->key.is_v6,
						.n = d->n,
						.state = state_of(d)};
	rte_spinlock_unlock(&f->lock);
	return d != NULL;
}
