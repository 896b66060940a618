// Ranges of translations that were full a moment ago. To find that out takes a couple of hundred
// looks into the table, and whoever has filled one can ask for it with each packet: the next ones
// look a few times only, for a granule of ct_time().
#ifndef DATAPATH_CT_NAT_FULL_H
#define DATAPATH_CT_NAT_FULL_H

#include "datapath/ct_conn.h"
#include "flowtable/action.h"

#define CT_NAT_FEW 8u // attempts where a range was full

// Whether the range that conn->ext->reply was chosen from was found full by this PMD just now.
bool ct_nat_was_full(unsigned pmd_index, const struct ct_conn *conn, const struct action_nat *nat,
		     uint32_t now);
// It has been found full. That PMD.
void ct_nat_note_full(unsigned pmd_index, const struct ct_conn *conn, const struct action_nat *nat,
		      uint32_t now);

#endif
