// What a match has besides a packet's bytes, as ovs-dpctl shows it.
#ifndef CTL_DP_FORMAT_META_H
#define CTL_DP_FORMAT_META_H

#include "ctl/dp_text.h"

void dp_format_meta(struct dp_text *t, const struct flow_match *match);
// The parts of a tunnel that the mask has bits in: what stands between "tunnel(" and ")".
void dp_format_tunnel(struct dp_text *t, const struct flow_tunnel *tun, const uint8_t *opts,
		      const struct flow_tunnel *mask, const uint8_t *opts_mask);

#endif
