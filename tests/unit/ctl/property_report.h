// What a person needs to see of a mismatch: a rule set made as small as it still fails.
#ifndef TESTS_UNIT_CTL_PROPERTY_REPORT_H
#define TESTS_UNIT_CTL_PROPERTY_REPORT_H

#include "tests/unit/ctl/property.h"

struct mismatch {
	const char *source; // "PROPERTY_SEED", say
	uint64_t seed;
	unsigned ports_down;  // bits, from port 1
	struct arrival first; // for which it was translated
	bool is_other;	      // it failed for `other`, a packet inside that megaflow
	struct arrival other;
};

// Shrinks the rules and prints all of it on stderr.
void mismatch_report(const struct mismatch *m, const struct random_rules *rules,
		     const struct xlate_ctx *base);

#endif
