// Included by the test program itself, once: in an archive it would come before the real one, also
// for the tests of that.
#ifndef TESTS_UNIT_CTL_PROPERTY_GROUPS_H
#define TESTS_UNIT_CTL_PROPERTY_GROUPS_H

#include "tests/unit/ctl/property.h"

// The translator's groups are those of the test.
const struct group *groups_find(const struct groups *groups, uint32_t id)
{
	for (unsigned i = 0; i < groups->n; i++) {
		if (groups->list[i].of.id == id)
			return &groups->list[i];
	}
	return NULL;
}

#endif
