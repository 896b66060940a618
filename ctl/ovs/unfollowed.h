// Settings of Open vSwitch's database that swd has in another place, or not at all: the log says
// so.
#ifndef CTL_OVS_UNFOLLOWED_H
#define CTL_OVS_UNFOLLOWED_H

struct smap;

// Of Open_vSwitch: one line for each that is set, and another when it changes. Main thread.
void unfollowed_tell(const struct smap *other_config);
// Of an Interface, which is this port. Main thread.
void unfollowed_port_tell(const char *port, const struct smap *other_config);

#endif
