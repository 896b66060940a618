#include "flowtable/meta.h"

#include "flowtable/extract.h"

// The cold lines that one FLOW_COLD_* bit stands for; offsets are from the first of them.
static const struct {
	uint8_t cold;
	uint16_t at, n_bytes;
} parts[] = {
    {FLOW_COLD_CT, 0, FLOW_KEY_LINE},
    {FLOW_COLD_TUN, FLOW_KEY_LINE, FLOW_KEY_LINE},
    {FLOW_COLD_OPTS, 2 * FLOW_KEY_LINE, 2 * FLOW_KEY_LINE},
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

static void copy_cold(uint8_t *to, const uint8_t *from, uint8_t cold)
{
	for (unsigned i = 0; i < N_PARTS; i++)
		if (cold & parts[i].cold)
			memcpy(to + parts[i].at, from + parts[i].at, parts[i].n_bytes);
}

void flow_meta_use(struct flow_meta *meta, uint8_t cold)
{
	uint8_t missing = cold & (uint8_t)~meta->cold;

	for (unsigned i = 0; i < N_PARTS; i++)
		if (missing & parts[i].cold)
			memset((uint8_t *)&meta->ct + parts[i].at, 0, parts[i].n_bytes);
	meta->cold |= cold;
}

void flow_meta_copy(struct flow_meta *dst, const struct flow_meta *src)
{
	memcpy(dst, src, FLOW_META_HOT_BYTES);
	if (src->cold)
		copy_cold((uint8_t *)&dst->ct, (const uint8_t *)&src->ct, src->cold);
}

void flow_meta_to_key(const struct flow_meta *meta, struct flow_key *key)
{
	memcpy(&key->ct_zone, meta, FLOW_META_HOT_BYTES);
	if (meta->cold)
		copy_cold((uint8_t *)&key->ct, (const uint8_t *)&meta->ct, meta->cold);
}

void flow_meta_extract(const struct flow_meta *meta, uint32_t in_port, uint32_t recirc_id,
		       const uint8_t *data, uint32_t len, struct flow_key *key)
{
	*key = (struct flow_key){.in_port = in_port, .recirc_id = recirc_id};
	flow_extract(data, len, key, NULL);
	flow_meta_to_key(meta, key);
	key->cold = 0;
}

static uint8_t cold_of(const struct flow_key *key)
{
	static const uint8_t zeros[2 * FLOW_KEY_LINE];
	uint8_t cold = 0;

	for (unsigned i = 0; i < N_PARTS; i++)
		if (memcmp((const uint8_t *)&key->ct + parts[i].at, zeros, parts[i].n_bytes) != 0)
			cold |= parts[i].cold;
	return cold;
}

void flow_meta_from_key(struct flow_meta *meta, const struct flow_key *key)
{
	memcpy(meta, &key->ct_zone, FLOW_META_HOT_BYTES);
	meta->cold = cold_of(key);
	copy_cold((uint8_t *)&meta->ct, (const uint8_t *)&key->ct, meta->cold);
}
