// Meters as the datapath protocol carries them, both ways. A meter measures the packets that its
// METER actions bring to it, and acts on what exceeds the rates of its bands: of those exceeded,
// the band with the highest rate acts (OpenFlow 1.3.5, section 5.7).
#ifndef CTL_DP_METER_H
#define CTL_DP_METER_H

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"

#define DP_METERS_MAX	   4096 // meters at once; their ids are 0 to DP_METERS_MAX, both included
#define DP_METER_BANDS_MAX 8
#define DP_METER_PREC_MAX  3  // drop precedences of an assured-forwarding class (RFC 2597)
#define DP_METER_L1_BYTES  24 // of a frame on the wire: preamble 8, FCS 4, gap 12

enum dp_meter_flags {
	DP_METER_KBPS =
	    1 << 0,	      // rates in kbit/s and bursts in kbit; otherwise packets/s and packets
	DP_METER_L1 = 1 << 1, // with KBPS: a frame counts DP_METER_L1_BYTES more
};

struct dp_meter_band {
	uint32_t type;		 // OVS_METER_BAND_TYPE_DROP or SWD_METER_BAND_TYPE_DSCP_REMARK
	uint32_t rate;		 // in the meter's unit, at least 1
	uint32_t burst;		 // in the meter's unit; 0: what the rate gives in a second
	uint8_t prec_level;	 // DSCP_REMARK: 1 to DP_METER_PREC_MAX
	uint64_t packets, bytes; // that it acted on; answers only
};

struct dp_meter {
	uint32_t id;
	uint32_t flags; // enum dp_meter_flags
	unsigned n_bands;
	struct dp_meter_band bands[DP_METER_BANDS_MAX];
	// Answers only. Frames to be segmented count as what they become; bytes as the meter counts
	// them.
	uint64_t packets, bytes, duration_ms;
};

// Reads a message of DP_FAMILY_METER, of either direction. 0, or -EINVAL, -E2BIG, -EOPNOTSUPP (a
// type of band) with *error.
int dp_meter_parse(const struct nlmsghdr *nlh, struct dp_meter *meter, struct dp_error *error);
// Puts ID, KBPS, L1 and BANDS; with `stats` what is of answers, too. false when there is no room.
bool dp_meter_put(struct nlmsghdr *nlh, size_t room, const struct dp_meter *meter, bool stats);

#endif
