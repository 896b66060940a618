#include "flowtable/stages.h"

#include "flowtable/key_words.h"

#include <string.h>

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
static const struct flow_key fields[STAGES_EARLY] = {
    {.in_port = UINT32_MAX,
     .recirc_id = UINT32_MAX,
     .ct_zone = UINT16_MAX,
     .ct_mark = UINT32_MAX,
     .ct_state = UINT32_MAX,
     .dp_hash = UINT32_MAX},
    {.eth_dst = ETH_ALL, .eth_src = ETH_ALL, .vlan = {TAG_ALL, TAG_ALL}, .eth_type_be = UINT16_MAX},
    {.ip_src_be = UINT32_MAX,
     .ip_dst_be = UINT32_MAX,
     .nw_proto = UINT8_MAX,
     .nw_tos = UINT8_MAX,
     .nw_ttl = UINT8_MAX,
     .nw_frag = UINT8_MAX,
     .ipv6_src = IN6_ALL,
     .ipv6_dst = IN6_ALL,
     .ipv6_label_be = UINT32_MAX},
};

static uint32_t stage_hash(const struct stage *stage, const struct flow_key *key)
{
	return key_hash_masked_inline(key, &stage->mask, 0, stage->line2);
}

void stages_init(struct stages *s, const struct flow_key *mask)
{
	struct flow_key so_far = {0}, bits;
	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < STAGES_EARLY; i++) {
		flow_key_mask(&bits, mask, &fields[i]);
		flow_mask_merge(&bits, &so_far);
		if (flow_key_equal(&bits, mask))
			return; // the last one
		if (flow_key_equal(&bits, &so_far))
			continue;
		so_far = bits;
		s->early[s->n].mask = bits;
		s->early[s->n++].line2 = flow_mask_uses_line2(&bits);
	}
}

void stages_fini(struct stages *s)
{
	for (unsigned i = 0; i < s->n; i++)
		hash_counts_fini(&s->early[i].hashes);
}

static void del_up_to(struct stages *s, unsigned n, const struct flow_key *key)
{
	for (unsigned i = 0; i < n; i++)
		hash_counts_del(&s->early[i].hashes, stage_hash(&s->early[i], key));
}

int stages_add(struct stages *s, const struct flow_key *key)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct stage *stage = &s->early[i];
		int err = hash_counts_add(&stage->hashes, stage_hash(stage, key));
		if (err) {
			del_up_to(s, i, key);
			return err;
		}
	}
	return 0;
}

void stages_del(struct stages *s, const struct flow_key *key)
{
	del_up_to(s, s->n, key);
}

const struct flow_key *stages_stop(const struct stages *s, const struct flow_key *key)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct stage *stage = &s->early[i];
		if (!hash_counts_has(&stage->hashes, stage_hash(stage, key)))
			return &stage->mask;
	}
	return NULL;
}
