// Marks and labels of connections, as actions set them.
#ifndef DATAPATH_CT_MARK_H
#define DATAPATH_CT_MARK_H

#include "datapath/ct_conn.h"
#include "flowtable/action.h"

// new = (old & ~mask) | value. Written only where it changes. Nothing for an expected connection,
// which has its master's. Any PMD.
void ct_mark_set(struct ct_conn *conn, const struct action_ct *ct);

#endif
