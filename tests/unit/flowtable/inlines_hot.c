#include "tests/unit/flowtable/inlines.h"

#include "flowtable/extract_fast.h"
#include "flowtable/key_words.h"

const struct inlines ISA(inlines) = {
    .extract_fast = flow_extract_fast,
    .equal = key_equal_inline,
    .packet_equal = packet_key_equal_inline,
    .equal_masked = key_equal_masked_inline,
    .hash = key_hash_inline,
    .packet_hash = packet_key_hash_inline,
    .hash_masked = key_hash_masked_inline,
};
