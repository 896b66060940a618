// Connection tracking for Open vSwitch: swd's own, asked for over the datapath protocol.
#ifndef CTL_OVS_CT_H
#define CTL_OVS_CT_H

struct dpif_class;

// Puts its functions into a class.
void ct_fill_class(struct dpif_class *);

#endif
