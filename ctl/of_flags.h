// The fields whose values have names: ip_frag, tcp_flags, ct_state and tun_flags.
#ifndef CTL_OF_FLAGS_H
#define CTL_OF_FLAGS_H

#include "ctl/of_out.h"

#include <stddef.h>

// NW_FRAG_* bits and the mask that a word ("later") stands for; the word, or NULL.
bool of_frag_parse(const char *text, size_t len, uint8_t *value, uint8_t *mask);
const char *of_frag_word(uint8_t value, uint8_t mask);

// Flags of a field. Numbers are not read here.
struct of_flag_set {
	const char *const *names; // from bit 0 up
	uint8_t n;
	uint8_t n_digits; // of a number in hexadecimal
	uint16_t all;	  // the field's bits
};

extern const struct of_flag_set of_tcp_flags, of_ct_state, of_tun_flags;

// "+syn-ack" (those two bits) or "syn|ack" (all bits).
bool of_flags_parse(const struct of_flag_set *set, const char *text, size_t len, uint16_t *value,
		    uint16_t *mask);
void of_flags_print(struct of_out *out, const struct of_flag_set *set, uint16_t value,
		    uint16_t mask);

#endif
