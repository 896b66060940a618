// The two fields whose values have names: ip_frag and tcp_flags.
#ifndef CTL_OF_FLAGS_H
#define CTL_OF_FLAGS_H

#include "ctl/of_out.h"

#include <stddef.h>

// NW_FRAG_* bits and the mask that a word ("later") stands for; the word, or NULL.
bool of_frag_parse(const char *text, size_t len, uint8_t *value, uint8_t *mask);
const char *of_frag_word(uint8_t value, uint8_t mask);

// "+syn-ack" (those two bits) or "syn|ack" (all bits); numbers are not read here.
bool of_tcp_flags_parse(const char *text, size_t len, uint16_t *value, uint16_t *mask);
void of_tcp_flags_print(struct of_out *out, uint16_t value, uint16_t mask);

#endif
