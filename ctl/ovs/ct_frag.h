// Fragments in front of connection tracking: functions of struct dpif_class.
#ifndef CTL_OVS_CT_FRAG_H
#define CTL_OVS_CT_FRAG_H

struct dpif;
struct dpif_class;

// Puts its functions into a class.
void ct_frag_fill_class(struct dpif_class *);
// Main thread: notes what a datapath has set, which an swd that has started anew is given again.
void ct_frags_adopt(struct dpif *);
int ct_frags_restore(struct dpif *); // 0 or an errno

#endif
