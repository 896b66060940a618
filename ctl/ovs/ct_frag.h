// Fragments in front of connection tracking: functions of struct dpif_class.
#ifndef CTL_OVS_CT_FRAG_H
#define CTL_OVS_CT_FRAG_H

struct dpif_class;

// Puts its functions into a class.
void ct_frag_fill_class(struct dpif_class *);

#endif
