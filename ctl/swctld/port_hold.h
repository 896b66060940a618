// Ports are held back from a swd that has started anew until it has the megaflows that are known:
// otherwise each flow's first packet would be missed, and all at once.
//
// A fence, a request behind the megaflows in the outbox, tells by its answer that swd has them. A
// deadline ends the hold whatever happens.
#ifndef CTL_SWCTLD_PORT_HOLD_H
#define CTL_SWCTLD_PORT_HOLD_H

#include "ctl/swctld/outbox.h"

#include <stdbool.h>

#define PORT_HOLD_MS 1000

struct event_base;
struct port_hold;

// `release` is called from the loop when ports may be added. NULL when out of memory.
struct port_hold *port_hold_create(struct event_base *base, void (*release)(void *arg), void *arg);
void port_hold_destroy(struct port_hold *h);

void port_hold_begin(struct port_hold *h);
void port_hold_end(struct port_hold *h); // without `release`
bool port_hold_is_on(const struct port_hold *h);

// All megaflows have been put into the outbox: the fence follows, if it has not yet.
void port_hold_all_sent(struct port_hold *h, struct outbox *ob);
// Whether this message answers the fence; then ports are released, from the loop: messages are read
// in the midst of calls, too (datapath_breathe).
bool port_hold_answer(struct port_hold *h, const struct nlmsghdr *nlh);

#endif
