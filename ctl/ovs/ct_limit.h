// How many connections zones may have: functions of struct dpif_class. Open vSwitch keeps them
// nowhere but in the datapath.
#ifndef CTL_OVS_CT_LIMIT_H
#define CTL_OVS_CT_LIMIT_H

struct dpif;
struct dpif_class;

// Wraps those of the class.
void ct_limit_fill_class(struct dpif_class *);
// Main thread, all three. A datapath was made: it has none.
void ct_limits_clear(void);
// One is there already: what it has is what was set. 0 or an errno.
int ct_limits_adopt(struct dpif *);
// Sets them again, in an swd that has started anew. 0 or an errno.
int ct_limits_restore(struct dpif *);

#endif
