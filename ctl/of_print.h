// Parts of a flow's text, printed behind one another.
#ifndef CTL_OF_PRINT_H
#define CTL_OF_PRINT_H

#include "ctl/of_actions.h"
#include "ctl/of_out.h"
#include "ctl/of_port.h"

void of_out_match(struct of_out *out, const struct of_match *match, const struct of_ports *ports);
// "drop" for none.
void of_out_actions(struct of_out *out, const struct of_actions *list,
		    const struct of_ports *ports);

#endif
