// Text that is being put together: in a piece of the caller's stack, and on the heap when it
// outgrows that. A dump prints a hundred thousand flows, so nothing here goes through printf.
#ifndef CTL_OF_OUT_H
#define CTL_OF_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct of_out {
	char *text;
	size_t len, room;
	bool failed; // no memory: the text is not whole
	char local[1000];
};

void of_out_init(struct of_out *out);
// Ends it: the text goes to the file, or is returned (malloc'd, NULL without memory).
void of_out_write(struct of_out *out, FILE *file);
char *of_out_take(struct of_out *out);

void of_out_bytes(struct of_out *out, const char *bytes, size_t len);
void of_out_text(struct of_out *out, const char *text);
void of_out_char(struct of_out *out, char c);
void of_out_dec(struct of_out *out, uint64_t value);
void of_out_hex(struct of_out *out, unsigned __int128 value);		     // digits alone
void of_out_hex_wide(struct of_out *out, uint64_t value, unsigned n_digits); // "0x00ff"
void of_out_0x(struct of_out *out, unsigned __int128 value);		     // as "%#x": 0 is "0"
void of_out_mac(struct of_out *out, const uint8_t *bytes);
void of_out_ipv4(struct of_out *out, const uint8_t *bytes);
void of_out_ipv6(struct of_out *out, const uint8_t *bytes);
// Takes the last character away again when it is this one.
void of_out_chomp(struct of_out *out, char c);

#endif
