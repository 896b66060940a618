// What a list of actions refers to, nested ones too.
#ifndef CTL_SWCTLD_ACTIONS_USE_H
#define CTL_SWCTLD_ACTIONS_USE_H

#include "ctl/of_actions.h"

// Calls fn with each record of this type, nested ones too, until it returns false. Whether none
// did.
bool actions_each_of(const struct of_actions *list, enum of_action_type type,
		     bool (*fn)(const struct of_action *action, void *arg), void *arg);
// Whether there is a record of this type (OF_GROUP or OF_METER) with this value; UINT32_MAX: any.
bool actions_use(const struct of_actions *list, enum of_action_type type, uint32_t value);

#endif
