// The meters that Open vSwitch has set, to be set again in an swd that starts anew. Main thread.
#ifndef CTL_OVS_METERS_H
#define CTL_OVS_METERS_H

#include <stdint.h>

struct ofputil_meter_config;

void meters_note(uint32_t id, const struct ofputil_meter_config *config);
void meters_forget(uint32_t id);
void meters_clear(void); // a datapath was made: it has none
void meters_for_each(void (*fn)(uint32_t id, struct ofputil_meter_config *, void *arg), void *arg);

#endif
