#include "ctl/dp_meter.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_msg.h"

#include <errno.h>
#include <string.h>

// What an attribute must be like, and where its number goes.
static int number_get(const struct nlattr *attr, const char *name, uint32_t *out,
		      struct dp_error *error)
{
	if (attr == NULL)
		return 0;
	if (!dp_attr_has_len(attr, sizeof(*out)))
		return dp_error_set(error, attr, -EINVAL, "%s has %u bytes where 4 are right", name,
				    mnl_attr_get_payload_len(attr));
	*out = mnl_attr_get_u32(attr);
	return 0;
}

static void stats_get(const struct nlattr *attr, uint64_t *packets, uint64_t *bytes)
{
	struct ovs_flow_stats stats;
	if (attr == NULL || mnl_attr_get_payload_len(attr) < sizeof(stats))
		return;
	memcpy(&stats, mnl_attr_get_payload(attr), sizeof(stats));
	*packets = stats.n_packets;
	*bytes = stats.n_bytes;
}

static int prec_level_get(const struct nlattr *nest, const struct nlattr *attr,
			  struct dp_meter_band *band, struct dp_error *error)
{
	if (attr == NULL || !dp_attr_has_len(attr, sizeof(band->prec_level)))
		return dp_error_set(error, attr != NULL ? attr : nest, -EINVAL,
				    "a DSCP remark band needs a PREC_LEVEL of one byte");
	band->prec_level = mnl_attr_get_u8(attr);
	if (band->prec_level >= 1 && band->prec_level <= DP_METER_PREC_MAX)
		return 0;
	return dp_error_set(error, attr, -EINVAL, "PREC_LEVEL %u does not do: 1 to %d are right",
			    band->prec_level, DP_METER_PREC_MAX);
}

static int band_get(const struct nlattr *nest, struct dp_meter_band *band, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_BAND_ATTR_MAX + 1];
	int rc = dp_nest_parse(nest, attrs, SWD_BAND_ATTR_MAX, error);
	if (rc == 0)
		rc = number_get(attrs[OVS_BAND_ATTR_TYPE], "TYPE", &band->type, error);
	if (rc == 0)
		rc = number_get(attrs[OVS_BAND_ATTR_RATE], "RATE", &band->rate, error);
	if (rc == 0)
		rc = number_get(attrs[OVS_BAND_ATTR_BURST], "BURST", &band->burst, error);
	if (rc < 0)
		return rc;
	if (band->rate == 0)
		return dp_error_set(error, nest, -EINVAL, "a band needs a RATE of 1 or more");
	stats_get(attrs[OVS_BAND_ATTR_STATS], &band->packets, &band->bytes);
	if (band->type == SWD_METER_BAND_TYPE_DSCP_REMARK)
		return prec_level_get(nest, attrs[SWD_BAND_ATTR_PREC_LEVEL], band, error);
	if (band->type == OVS_METER_BAND_TYPE_DROP)
		return 0;
	return dp_error_set(error, nest, -EOPNOTSUPP, "band type %u is not built", band->type);
}

static int bands_get(const struct nlattr *bands, struct dp_meter *meter, struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	dp_attr_iter_nest(&it, bands);
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		if (meter->n_bands == DP_METER_BANDS_MAX)
			return dp_error_set(error, attr, -E2BIG, "more than %d bands",
					    DP_METER_BANDS_MAX);
		rc = band_get(attr, &meter->bands[meter->n_bands++], error);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int dp_meter_parse(const struct nlmsghdr *nlh, struct dp_meter *meter, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_METER_ATTR_MAX + 1];
	int rc = dp_msg_parse(nlh, attrs, SWD_METER_ATTR_MAX, error);
	memset(meter, 0, sizeof(*meter));
	if (rc < 0)
		return rc;
	if (attrs[OVS_METER_ATTR_ID] == NULL)
		return dp_error_set(error, NULL, -EINVAL, "ID is missing");
	rc = number_get(attrs[OVS_METER_ATTR_ID], "ID", &meter->id, error);
	if (rc < 0)
		return rc;
	meter->flags = (attrs[OVS_METER_ATTR_KBPS] != NULL ? DP_METER_KBPS : 0) |
		       (attrs[SWD_METER_ATTR_L1] != NULL ? DP_METER_L1 : 0);
	stats_get(attrs[OVS_METER_ATTR_STATS], &meter->packets, &meter->bytes);
	const struct nlattr *duration = attrs[SWD_METER_ATTR_DURATION_MS];
	if (duration != NULL && dp_attr_has_len(duration, sizeof(meter->duration_ms)))
		meter->duration_ms = mnl_attr_get_u64(duration);
	const struct nlattr *bands = attrs[OVS_METER_ATTR_BANDS];
	return bands != NULL ? bands_get(bands, meter, error) : 0;
}

static bool put_stats(struct nlmsghdr *nlh, size_t room, uint16_t type, uint64_t packets,
		      uint64_t bytes)
{
	const struct ovs_flow_stats stats = {.n_packets = packets, .n_bytes = bytes};
	return mnl_attr_put_check(nlh, room, type, sizeof(stats), &stats);
}

static bool put_band(struct nlmsghdr *nlh, size_t room, const struct dp_meter_band *band,
		     bool stats)
{
	// As the kernel's users have it: bands carry no type of their own.
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_BAND_ATTR_UNSPEC);
	if (nest == NULL || !mnl_attr_put_u32_check(nlh, room, OVS_BAND_ATTR_TYPE, band->type) ||
	    !mnl_attr_put_u32_check(nlh, room, OVS_BAND_ATTR_RATE, band->rate) ||
	    !mnl_attr_put_u32_check(nlh, room, OVS_BAND_ATTR_BURST, band->burst))
		return false;
	if (band->type == SWD_METER_BAND_TYPE_DSCP_REMARK &&
	    !mnl_attr_put_u8_check(nlh, room, SWD_BAND_ATTR_PREC_LEVEL, band->prec_level))
		return false;
	if (stats && !put_stats(nlh, room, OVS_BAND_ATTR_STATS, band->packets, band->bytes))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool put_bands(struct nlmsghdr *nlh, size_t room, const struct dp_meter *meter, bool stats)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_METER_ATTR_BANDS);
	if (nest == NULL)
		return false;
	for (unsigned i = 0; i < meter->n_bands; i++) {
		if (!put_band(nlh, room, &meter->bands[i], stats))
			return false;
	}
	mnl_attr_nest_end(nlh, nest);
	return true;
}

bool dp_meter_put(struct nlmsghdr *nlh, size_t room, const struct dp_meter *meter, bool stats)
{
	if (!mnl_attr_put_u32_check(nlh, room, OVS_METER_ATTR_ID, meter->id))
		return false;
	if (meter->flags & DP_METER_KBPS &&
	    !mnl_attr_put_check(nlh, room, OVS_METER_ATTR_KBPS, 0, NULL))
		return false;
	if (meter->flags & DP_METER_L1 &&
	    !mnl_attr_put_check(nlh, room, SWD_METER_ATTR_L1, 0, NULL))
		return false;
	if (!put_bands(nlh, room, meter, stats))
		return false;
	return !stats ||
	       (put_stats(nlh, room, OVS_METER_ATTR_STATS, meter->packets, meter->bytes) &&
		mnl_attr_put_u64_check(nlh, room, SWD_METER_ATTR_DURATION_MS, meter->duration_ms));
}
