// A field's value in a flow's text: "10.0.0.0/8", "0x800", "vm1", "+syn-ack".
#ifndef CTL_OF_VALUE_H
#define CTL_OF_VALUE_H

#include "ctl/of_field.h"
#include "ctl/of_match.h"
#include "ctl/of_out.h"

// Where the text stands, for errors.
struct of_text_at {
	const char *line;
	const char *name; // the word that takes the value, as it was written
	size_t name_len;
	const char *value;
	size_t value_len;
	const struct of_ports *ports;
	struct of_error *error;
};

// VALUE or VALUE/MASK, or "*" for a mask of 0. Bits of the value outside the mask are zero. 0, or
// -EINVAL with *error.
int of_value_parse(const struct of_field *field, const struct of_text_at *at, of_value *value,
		   of_value *mask);
// A value alone.
int of_value_parse_exact(const struct of_field *field, const struct of_text_at *at,
			 of_value *value);
// A number that has at most n_bits.
int of_value_parse_bits(unsigned n_bits, const struct of_text_at *at, of_value *value);
// The mask is shown when it is not the whole field.
void of_value_print(struct of_out *out, const struct of_field *field, of_value value, of_value mask,
		    const struct of_ports *ports);
// "NXM_NX_REG0[0..15]", as ovs-ofctl names it.
void of_subfield_print(struct of_out *out, const struct of_subfield *sf);

#endif
