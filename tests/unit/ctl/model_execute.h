// What swd's datapath does with a list of actions, on a model of the packet.
#ifndef TESTS_UNIT_CTL_MODEL_EXECUTE_H
#define TESTS_UNIT_CTL_MODEL_EXECUTE_H

#include "tests/unit/ctl/reference.h"

#include "flowtable/action.h"

// Where a packet goes that is recirculated: does with it what its next megaflow says. NULL, or what
// is wrong.
struct recirculation {
	const char *(*run)(const struct recirculation *self, uint32_t recirc_id,
			   const struct model *packet, struct ref_events *events);
};

// Runs the actions; what comes out is added to *events. NULL, or what is wrong with the list: an
// action that this packet cannot have, for which swd would drop it. `around` may be NULL.
const char *model_execute(const struct model *packet, const struct action *actions, unsigned n,
			  const struct recirculation *around, struct ref_events *events);

#endif
