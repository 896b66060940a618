#include "flowtable/cls_mask.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64 // a power of two, as all bucket counts

#define ETH_ALL                                            \
	{                                                  \
		{                                          \
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff \
		}                                          \
	}
#define TAG_ALL                        \
	{                              \
		UINT16_MAX, UINT16_MAX \
	}
#define IN6_ALL                           \
	{                                 \
		{                         \
			[0 ... 15] = 0xff \
		}                         \
	}

// The fields of the early stages; all others are the last one's. Whether a packet has ports, ICMP's
// type or ND's fields depends on its protocol, and so they come behind it; so do ARP's hardware
// addresses, which share their place with ND's.
static const struct of_key stage_fields[CLS_STAGES - 1] = {
    {.pkt = {.in_port = UINT32_MAX,
	     .recirc_id = UINT32_MAX,
	     .ct_zone = UINT16_MAX,
	     .ct_mark = UINT32_MAX,
	     .ct_state = UINT32_MAX,
	     .dp_hash = UINT32_MAX,
	     .ct_nw_proto = UINT8_MAX,
	     .ct = {.label = {[0 ... 15] = 0xff},
		    .ipv6_src = IN6_ALL,
		    .ipv6_dst = IN6_ALL,
		    .nw_src_be = UINT32_MAX,
		    .nw_dst_be = UINT32_MAX,
		    .tp_src_be = UINT16_MAX,
		    .tp_dst_be = UINT16_MAX},
	     .pkt_mark = UINT32_MAX,
	     .tun = {.id_be = UINT64_MAX,
		     .src_be = UINT32_MAX,
		     .dst_be = UINT32_MAX,
		     .ipv6_src = IN6_ALL,
		     .ipv6_dst = IN6_ALL,
		     .tp_src_be = UINT16_MAX,
		     .tp_dst_be = UINT16_MAX,
		     .gbp_id_be = UINT16_MAX,
		     .gbp_flags = UINT8_MAX,
		     .flags = UINT8_MAX,
		     .tos = UINT8_MAX,
		     .ttl = UINT8_MAX,
		     .opts_len = UINT8_MAX},
	     .skb_priority = UINT32_MAX,
	     .tun_opts = {[0 ... FLOW_TUN_OPTS_MAX - 1] = 0xff}},
     .metadata_be = UINT64_MAX,
     .reg_be = {[0 ... OF_N_REGS - 1] = UINT32_MAX}},
    {.pkt = {.eth_dst = ETH_ALL,
	     .eth_src = ETH_ALL,
	     .vlan = {TAG_ALL, TAG_ALL},
	     .eth_type_be = UINT16_MAX}},
    {.pkt = {.ip_src_be = UINT32_MAX,
	     .ip_dst_be = UINT32_MAX,
	     .nw_proto = UINT8_MAX,
	     .nw_tos = UINT8_MAX,
	     .nw_ttl = UINT8_MAX,
	     .nw_frag = UINT8_MAX,
	     .ipv6_src = IN6_ALL,
	     .ipv6_dst = IN6_ALL,
	     .ipv6_label_be = UINT32_MAX}},
};

// Words in which bits of two stages meet: eth_type and VLAN tags with addresses, TTL with ports,
// the IPv6 label with a hardware address.
#define MIXED_WORDS 4
static_assert(OF_KEY_WORDS + MIXED_WORDS <= CLS_ENTRIES_MAX, "a mask's entries fit");

#define FIELD(f) offsetof(struct of_key, f), sizeof(((struct of_key *)0)->f)

static const struct {
	size_t offset, size;
	bool is_l4;
} prefix_fields[CLS_N_PREFIX_FIELDS] = {
    [CLS_PREFIX_IP_SRC] = {FIELD(pkt.ip_src_be), false},
    [CLS_PREFIX_IP_DST] = {FIELD(pkt.ip_dst_be), false},
    [CLS_PREFIX_IPV6_SRC] = {FIELD(pkt.ipv6_src), false},
    [CLS_PREFIX_IPV6_DST] = {FIELD(pkt.ipv6_dst), false},
    [CLS_PREFIX_TP_SRC] = {FIELD(pkt.tp_src_be), true},
    [CLS_PREFIX_TP_DST] = {FIELD(pkt.tp_dst_be), true},
};

uint64_t cls_secret[CLS_ENTRIES_MAX]; // written once, before main

static struct {
	struct cls_mask **buckets;
	uint32_t n_buckets, n;
	struct cls_mask *last; // that was got: rules come in rows
} masks;

__attribute__((constructor)) static void draw_secret(void)
{
	secret_draw(cls_secret, CLS_ENTRIES_MAX);
}

trie_value cls_prefix_value(const struct of_key *key, enum cls_prefix_field field)
{
	const uint8_t *bytes = (const uint8_t *)key + prefix_fields[field].offset;
	uint64_t high = 0, low = 0;

	switch (prefix_fields[field].size) {
	case sizeof(uint16_t):
		high = (uint64_t)(bytes[0] << 8 | bytes[1]) << 48;
		break;
	case sizeof(uint32_t):
		memcpy(&high, bytes, sizeof(uint32_t));
		high = __builtin_bswap64(high);
		break;
	default:
		memcpy(&high, bytes, sizeof(high));
		memcpy(&low, bytes + sizeof(high), sizeof(low));
		high = __builtin_bswap64(high);
		low = __builtin_bswap64(low);
	}
	return (trie_value)high << 64 | low;
}

unsigned cls_prefix_bytes(enum cls_prefix_field field)
{
	return prefix_fields[field].size <= sizeof(uint32_t) ? sizeof(uint32_t)
							     : sizeof(trie_value);
}

void cls_prefix_look(struct of_key *looked_at, const struct cls_mask *mask,
		     enum cls_prefix_field field, unsigned len)
{
	uint8_t *bytes = (uint8_t *)looked_at + prefix_fields[field].offset;

	for (; len >= 8; len -= 8)
		*bytes++ = 0xff;
	if (len > 0)
		*bytes |= (uint8_t)(0xff00 >> len);
	// Not needed for the truth, but a match on an address says little without its type.
	looked_at->pkt.eth_type_be |= mask->mask.pkt.eth_type_be;
	if (prefix_fields[field].is_l4)
		looked_at->pkt.nw_proto |= mask->mask.pkt.nw_proto;
}

static uint32_t hash_of(const struct of_key *mask)
{
	const key_word *words = of_words(mask);
	uint64_t sum = 0;

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		sum += cls_word_nh(words[i], cls_secret[i]);
	return hash_finish(sum, 0);
}

static struct cls_mask *find(const struct of_key *mask, uint32_t hash)
{
	struct cls_mask *m = masks.n_buckets ? masks.buckets[hash & (masks.n_buckets - 1)] : NULL;

	while (m && (m->hash != hash || !of_key_equal(&m->mask, mask)))
		m = m->next;
	return m;
}

const struct cls_mask *cls_mask_find(const struct of_key *mask)
{
	if (masks.last && of_key_equal(&masks.last->mask, mask))
		return masks.last;
	return find(mask, hash_of(mask));
}

// Takes a stage's bits out of `rest`, which holds those of no earlier stage. Returns how many
// entries there are now.
static unsigned cut_stage(struct cls_mask *m, unsigned stage, struct of_key *rest, unsigned n)
{
	const key_word *words = of_words(&m->mask), *part_words;
	struct of_key part = *rest;
	uint8_t at = 0;

	if (stage < CLS_STAGES - 1)
		of_key_mask(&part, rest, &stage_fields[stage]);
	part_words = of_words(&part);
	for (unsigned i = 0; i < OF_KEY_WORDS; i++) {
		if (part_words[i])
			m->entries[n++] = (struct cls_entry){part_words[i], (uint8_t)i, at};
		of_words_rw(rest)[i] &= ~part_words[i];
		at += words[i] != 0;
	}
	return n;
}

static void find_prefixes(struct cls_mask *m, unsigned stage, bool l4)
{
	for (unsigned f = 0; f < CLS_N_PREFIX_FIELDS; f++) {
		trie_value bits = cls_prefix_value(&m->mask, f);
		unsigned len = trie_prefix_len(bits);

		if (prefix_fields[f].is_l4 == l4 && len > 0)
			m->prefixes[m->n_prefixes++] =
			    (struct cls_prefix){(uint8_t)f, (uint8_t)len, (uint8_t)stage};
	}
}

static void prepare(struct cls_mask *m)
{
	const key_word *words = of_words(&m->mask);
	struct of_key rest = m->mask;
	unsigned n = 0;

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		m->map |= (uint64_t)(words[i] != 0) << i;
	m->n_words = (uint8_t)__builtin_popcountll(m->map);
	for (unsigned stage = 0; stage < CLS_STAGES; stage++) {
		unsigned end = cut_stage(m, stage, &rest, n);

		if (end == n)
			continue; // no bits
		if (stage >= CLS_STAGES - 2)
			find_prefixes(m, m->n_stages, stage == CLS_STAGES - 1);
		m->stage_end[m->n_stages++] = (uint8_t)end;
		n = end;
	}
	if (m->n_stages == 0)
		m->n_stages = 1;
}

// Growing is a matter of speed only: without memory the chains get longer.
static bool make_room(void)
{
	uint32_t n = masks.n_buckets ? masks.n_buckets * 2 : BUCKETS_MIN;
	struct cls_mask **buckets;

	if (masks.n < masks.n_buckets)
		return true;
	buckets = calloc(n, sizeof(struct cls_mask *));
	if (!buckets)
		return masks.n_buckets > 0;
	for (uint32_t i = 0; i < masks.n_buckets; i++) {
		while (masks.buckets[i]) {
			struct cls_mask *m = masks.buckets[i];

			masks.buckets[i] = m->next;
			m->next = buckets[m->hash & (n - 1)];
			buckets[m->hash & (n - 1)] = m;
		}
	}
	free(masks.buckets);
	masks.buckets = buckets;
	masks.n_buckets = n;
	return true;
}

static struct cls_mask *create(const struct of_key *mask, uint32_t hash)
{
	size_t size = sizeof(struct cls_mask) + CLS_ENTRIES_MAX * sizeof(struct cls_entry);
	struct cls_mask *m, **head;

	if (!make_room())
		return NULL;
	static_assert((sizeof(struct cls_mask) + CLS_ENTRIES_MAX * sizeof(struct cls_entry)) %
			      _Alignof(struct cls_mask) ==
			  0,
		      "aligned_alloc() wants a multiple");
	m = aligned_alloc(_Alignof(struct cls_mask), size);
	if (!m)
		return NULL;
	memset(m, 0, size);
	m->mask = *mask;
	m->hash = hash;
	prepare(m);
	head = &masks.buckets[hash & (masks.n_buckets - 1)];
	m->next = *head;
	*head = m;
	masks.n++;
	return m;
}

const struct cls_mask *cls_mask_get(const struct of_key *mask)
{
	struct cls_mask *m = masks.last;

	if (!m || !of_key_equal(&m->mask, mask)) {
		uint32_t hash = hash_of(mask);

		m = find(mask, hash);
		if (!m)
			m = create(mask, hash);
		if (!m)
			return NULL;
		masks.last = m;
	}
	m->refs++;
	return m;
}

static void destroy(struct cls_mask *m)
{
	struct cls_mask **at = &masks.buckets[m->hash & (masks.n_buckets - 1)];

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	if (masks.last == m)
		masks.last = NULL;
	free(m);
	if (--masks.n > 0)
		return;
	free(masks.buckets);
	masks.buckets = NULL;
	masks.n_buckets = 0;
}

void cls_mask_put(const struct cls_mask *mask)
{
	struct cls_mask *m = (struct cls_mask *)mask; // ours, shown to others as const

	if (--m->refs == 0)
		destroy(m);
}
