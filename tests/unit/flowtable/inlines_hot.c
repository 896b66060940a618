#include "tests/unit/flowtable/inlines.h"

#include "flowtable/extract_fast.h"

const struct inlines ISA(inlines) = {
    .extract_fast = flow_extract_fast,
    .packet_equal = packet_key_equal_inline,
    .cold_equal = packet_cold_equal,
    .cold_equal_masked = packet_cold_equal_masked,
    .packet_hash = packet_key_hash_inline,
    .hash_masked = key_hash_masked_inline,
    .hash_masked_cold = key_hash_masked_cold,
};
