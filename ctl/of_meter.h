// Meters in ovs-ofctl's syntax: "meter=1,kbps,burst,bands=type=drop,rate=1000,burst_size=100".
// OpenFlow 1.3.5, section 5.7.
#ifndef CTL_OF_METER_H
#define CTL_OF_METER_H

#include "ctl/of_error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OF_METER_MAX 4095 // ids: 1 to this
#define OF_BANDS_MAX 8

enum of_band_type { OF_BAND_DROP, OF_BAND_DSCP_REMARK };

struct of_band {
	enum of_band_type type;
	uint32_t rate;	     // kbit/s or packets/s
	uint32_t burst_size; // kbit or packets; 0: a second's worth... as the datapath chooses
	uint8_t prec_level;  // dscp_remark's
};

struct of_meter {
	uint32_t id;
	bool is_pps;
	bool has_burst, has_stats; // words that were given
	bool counts_l1;		   // "l1": with preamble, FCS and gap; otherwise the frame alone
	unsigned n_bands;
	struct of_band bands[OF_BANDS_MAX];
};

int of_meter_parse(struct of_meter *meter, const char *line, struct of_error *error); // 0, -EINVAL
void of_meter_print(FILE *out, const struct of_meter *meter);
char *of_meter_format(const struct of_meter *meter); // malloc'd
// The id of "meter=N" alone; 0 for "" or "all".
int of_meter_id_parse(uint32_t *id, const char *line, struct of_error *error);

#endif
