// Connections as control daemons see and end them. Control thread.
#ifndef DATAPATH_CT_DUMP_H
#define DATAPATH_CT_DUMP_H

#include "ctl/dp_ct.h"
#include "datapath/ct_conn.h"

// The next connection of a datapath from slot *cursor on (0 at first), and of a zone, unless that
// is -1: moves the cursor to its slot. Looks at n_slots at most. False when there is none, which is
// the end when the cursor has come to ct_table_slots().
bool ct_dump_next(uint8_t dp, int32_t zone, uint32_t now, uint32_t n_slots, uint32_t *cursor,
		  struct dp_ct_conn *conn);
// Ends connections. 0, or -ENOENT for a tuple that no connection has.
int ct_dump_flush(uint8_t dp, const struct dp_ct_filter *filter, uint32_t now);

#endif
