// CT as text: the part of dp_format_actions.c that is about connections.
#ifndef CTL_DP_FORMAT_CT_H
#define CTL_DP_FORMAT_CT_H

#include "ctl/dp_text.h"

void dp_format_ct(struct dp_text *t, const struct action_ct *ct);

#endif
