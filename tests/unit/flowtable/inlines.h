// The inline functions of hot code, as each instruction set compiles them.
#ifndef TESTS_UNIT_FLOWTABLE_INLINES_H
#define TESTS_UNIT_FLOWTABLE_INLINES_H

#include "flowtable/extract.h"
#include "flowtable/isa.h"
#include "flowtable/key_words.h"

struct inlines {
	bool (*extract_fast)(const uint8_t *data, uint32_t len, uint32_t in_port,
			     uint32_t recirc_id, struct flow_key *key,
			     struct packet_layout *layout);
	bool (*packet_equal)(const struct flow_key *a, const struct flow_key *b);
	bool (*cold_equal)(const struct flow_key *a, const struct flow_key *b);
	bool (*cold_equal_masked)(const struct flow_key *key, const key_word *words,
				  const struct flow_key *mask, uint8_t uses);
	uint32_t (*packet_hash)(const struct flow_key *key, uint32_t basis);
	uint32_t (*hash_masked)(const struct flow_key *key, const struct flow_key *mask,
				uint32_t basis, bool line2);
	uint32_t (*hash_masked_cold)(const struct flow_key *key, const struct flow_key *mask,
				     uint8_t uses);
};

ISA_DECLARE(struct inlines, inlines);

// The rows that this processor can run: rows[0..n).
static inline unsigned inlines_rows(const struct inlines **rows)
{
	static const struct inlines *const all[] = ISA_ROW(inlines);
	unsigned n = 0;

	for (unsigned isa = 0; isa < sizeof(all) / sizeof(all[0]); isa++)
		if (isa_supported((enum isa)isa))
			rows[n++] = all[isa];
	return n;
}

#endif
