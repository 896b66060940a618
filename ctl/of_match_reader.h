// Reads a match word by word, for texts that hold other words too: flows and filters.
#ifndef CTL_OF_MATCH_READER_H
#define CTL_OF_MATCH_READER_H

#include "ctl/of_flow.h"
#include "ctl/of_text.h"

struct of_match_reader {
	struct of_match *match;
	const char *line;
	const struct of_ports *ports;
	struct of_error *error;
	// Where port ranges go; NULL when there can be none.
	struct of_range *ranges;
	unsigned n_ranges;
	// What stood in the line already, as bits.
	uint64_t fields[(OF_N_FIELDS + 63) / 64];
	uint32_t protocols;
	// Words whose prerequisites are still to be checked.
	unsigned n_pending;
	struct of_pending {
		const char *name;
		size_t name_len;
		uint16_t needs;
	} pending[32];
};

// The match is cleared.
void of_match_reader_init(struct of_match_reader *r, struct of_match *match, const char *line,
			  const struct of_ports *ports, struct of_error *error);
// Returns 1 when the word was a field's or a protocol's, 0 when its name is neither (then it may be
// "priority", say), -EINVAL with *error.
int of_match_reader_add(struct of_match_reader *r, const struct of_word *word);
// After the last word: prerequisites (nw_src needs ip or arp; tp_dst needs tcp, udp or sctp...). 0
// or -EINVAL.
int of_match_reader_finish(struct of_match_reader *r);

#endif
