// Limits: how many connections a zone, or a datapath, may have. A zone's connections are counted
// while it has a limit, or its datapath has a default one for zones.
#ifndef DATAPATH_CT_LIMIT_H
#define DATAPATH_CT_LIMIT_H

#include "datapath/ct_conn.h"

#define CT_ZONES     65536
#define CT_UNLIMITED 0 // a limit of 0 is none, as in the kernel

enum ct_refusal { CT_ADMITTED, CT_ZONE_FULL, CT_DP_FULL };

// Whether a connection that is about to be committed may; then it is counted. PMDs. A zone's limit
// is exact. A datapath's is for one PMD; several may have 64 more each.
enum ct_refusal ct_limit_enter(unsigned pmd_index, struct ct_conn *conn);
// It was not inserted, or has left the table. PMDs, control thread.
void ct_limit_leave(struct ct_conn *conn);

// Control thread.
void ct_limit_init(void);
void ct_limit_fini(void); // no PMD runs
// zone -1: of zones that have no limit of their own. Counts connections from here on. 0 or -ENOMEM.
int ct_limit_set(uint8_t dp, int32_t zone, uint32_t limit);
// Counts those that were there before limits were set: looks at all connections, once for any
// number of limits.
void ct_limit_count(uint8_t dp);
void ct_limit_del(uint8_t dp, int32_t zone);
// False: the zone has none of its own; limit and count are what they are all the same.
bool ct_limit_get(uint8_t dp, int32_t zone, uint32_t *limit, uint32_t *count);
// All connections of a datapath; 0: as many as the table holds.
void ct_limit_set_dp(uint8_t dp, uint32_t limit);
uint32_t ct_limit_get_dp(uint8_t dp);
void ct_limit_forget(uint8_t dp); // the datapath is gone, and its connections are

#endif
