// A range of ports as values with masks.
#ifndef CTL_OF_RANGE_H
#define CTL_OF_RANGE_H

#include "ctl/of_flow.h"

// "1000-2000". Returns false when the text is no range of ports, lower end first.
bool of_range_text(const char *text, size_t len, uint16_t *first, uint16_t *last);
// The fewest prefixes that cover first to last, and nothing else.
void of_range_split(struct of_range *range, uint16_t first, uint16_t last);

#endif
