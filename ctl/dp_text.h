// Pieces of ovs-dpctl's syntax: lists of fields with masks. A field whose mask is zero is left out.
#ifndef CTL_DP_TEXT_H
#define CTL_DP_TEXT_H

#include "ctl/dp_actions.h"

#include <stdio.h>

// A list in the making: fields between commas.
struct dp_text {
	FILE *out;
	bool first; // nothing stands in the innermost list yet
};

void dp_text_sep(struct dp_text *t); // before each item of a list
void dp_text_open(struct dp_text *t, const char *name);
void dp_text_close(struct dp_text *t);

bool dp_text_wild(const void *mask, size_t len); // whether a mask is all zero
void dp_text_mac(struct dp_text *t, const char *name, const struct eth_addr *a,
		 const struct eth_addr *mask);
void dp_text_ipv4(struct dp_text *t, const char *name, uint32_t addr_be, uint32_t mask_be);
void dp_text_ipv6(struct dp_text *t, const char *name, const struct in6 *addr,
		  const struct in6 *mask);
void dp_text_dec(struct dp_text *t, const char *name, uint32_t value, uint32_t mask,
		 uint32_t exact);
void dp_text_hex(struct dp_text *t, const char *name, uint32_t value, uint32_t mask,
		 uint32_t exact);
void dp_text_ports(struct dp_text *t, uint16_t src_be, uint16_t dst_be, uint16_t src_mask_be,
		   uint16_t dst_mask_be);
// A label stack entry: its label also where the mask leaves it out, if `label_always`.
void dp_text_lse(struct dp_text *t, uint32_t lse_be, uint32_t mask_be, bool label_always);
void dp_text_port(struct dp_text *t, uint32_t no, dp_port_name_fn port_name, void *arg);
void dp_text_tag(struct dp_text *t, const struct vlan_tag *tag, const struct vlan_tag *mask);

// A connection's label, whose last byte is the most significant: "0x1f", and with a mask that is
// not exact, "0x1f/0xff".
#define DP_LABEL_BYTES 16
#define DP_LABEL_TEXT  (2 + 2 * DP_LABEL_BYTES + 1)
const char *dp_label_text(const uint8_t label[DP_LABEL_BYTES], char text[DP_LABEL_TEXT]);
void dp_text_label(struct dp_text *t, const uint8_t label[DP_LABEL_BYTES],
		   const uint8_t mask[DP_LABEL_BYTES]);

#endif
