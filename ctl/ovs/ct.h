// Connection tracking for Open vSwitch: swd's own, asked for over the datapath protocol.
#ifndef CTL_OVS_CT_H
#define CTL_OVS_CT_H

struct dpif;
struct dpif_class;

// Puts its functions into a class.
void ct_fill_class(struct dpif_class *);
// A datapath was made: as many connections as one of Open vSwitch's own may have. Main thread.
void ct_fresh_datapath(struct dpif *);
// One that is there already was opened: what it has is what was set. Main thread.
void ct_adopt_datapath(struct dpif *);
// Sets again what was set, in an swd that has started anew. 0 or an errno. Main thread.
int ct_restore(struct dpif *);

#endif
