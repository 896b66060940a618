// Bringing swd's meters to what swctld has.
#include "ctl/log.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_sync.h"
#include "ctl/swctld/meters.h"

#include <errno.h>
#include <stdlib.h>

static struct dp_meter to_dp(const struct of_meter *of)
{
	struct dp_meter dp = {.id = of->id, .n_bands = of->n_bands};
	dp.flags = (of->is_pps ? 0 : DP_METER_KBPS) | (of->counts_l1 ? DP_METER_L1 : 0);
	for (unsigned i = 0; i < of->n_bands; i++) {
		const struct of_band *band = &of->bands[i];
		dp.bands[i] = (struct dp_meter_band){
		    .type = band->type == OF_BAND_DROP ? (uint32_t)OVS_METER_BAND_TYPE_DROP
						       : (uint32_t)SWD_METER_BAND_TYPE_DSCP_REMARK,
		    .rate = band->rate,
		    .burst = band->burst_size,
		    // There are three drop precedences: more is not to be raised by.
		    .prec_level =
			band->prec_level < DP_METER_PREC_MAX ? band->prec_level : DP_METER_PREC_MAX,
		};
	}
	return dp;
}

static bool same_band(const struct dp_meter_band *a, const struct dp_meter_band *b)
{
	// 0: what the rate gives in a second.
	uint32_t burst_a = a->burst ? a->burst : a->rate, burst_b = b->burst ? b->burst : b->rate;
	return a->type == b->type && a->rate == b->rate && burst_a == burst_b &&
	       a->prec_level == b->prec_level;
}

static bool same_meter(const struct dp_meter *a, const struct dp_meter *b)
{
	if (a->flags != b->flags || a->n_bands != b->n_bands)
		return false;
	for (unsigned i = 0; i < a->n_bands; i++) {
		if (!same_band(&a->bands[i], &b->bands[i]))
			return false;
	}
	return true;
}

struct sync {
	const struct meters *meters;
	unsigned n_strangers;
	uint32_t strangers[DP_METERS_MAX + 1];
	bool there[DP_METERS_MAX + 1];
};

static void take_meter(const struct dp_meter *theirs, void *arg)
{
	struct sync *sync = arg;
	const struct meter *meter = meters_find(sync->meters, theirs->id);
	if (theirs->id > DP_METERS_MAX)
		return;
	if (!meter) {
		if (sync->n_strangers <= DP_METERS_MAX)
			sync->strangers[sync->n_strangers++] = theirs->id;
		return;
	}
	struct dp_meter ours = to_dp(&meter->of);
	sync->there[theirs->id] = same_meter(&ours, theirs);
}

static bool is_refusal(int err)
{
	return err != -ETIMEDOUT && err != -ECONNRESET && err != -EPROTO;
}

// 0, or -errno when the connection is of no use any more.
static int tell(int err, uint32_t id, const char *text)
{
	if (!err || err == -ENOENT)
		return 0;
	if (!is_refusal(err))
		return err;
	log_warn("meter %u: swd refused it: %s", id, text);
	return 0;
}

static int send_changes(const struct sync *sync, struct dp_client *calls, char *text)
{
	size_t n;
	int err = 0;
	const struct meter **list = meters_list(sync->meters, &n);
	if (!list)
		return 0; // out of memory; the next change tries again
	for (size_t i = 0; i < n && !err; i++) {
		struct dp_meter ours = to_dp(&list[i]->of);
		if (!sync->there[ours.id])
			err = tell(dp_call_meter_set(calls, &ours, text), ours.id, text);
	}
	free(list);
	for (unsigned i = 0; i < sync->n_strangers && !err; i++)
		err = tell(dp_call_meter_del(calls, sync->strangers[i], text), sync->strangers[i],
			   text);
	return err;
}

int dp_sync_meters(struct swctld *d, struct dp_client *calls, char *text)
{
	struct sync *sync = calloc(1, sizeof(*sync));
	if (!sync)
		return 0; // the next change tries again
	sync->meters = d->meters;
	int err = dp_call_meters(calls, take_meter, sync, text);
	if (!err)
		err = send_changes(sync, calls, text);
	free(sync);
	if (err != -EOPNOTSUPP)
		return err;
	// An older swd does not know meters.
	if (meters_count(d->meters) > 0)
		log_warn("swd has no meters, flows that use them are not installed: %s", text);
	return 0;
}

void dp_sync_meters_now(struct swctld *d)
{
	struct dp_client *calls = datapath_calls(d->datapath);
	char text[DP_CALL_TEXT];
	if (calls)
		datapath_check(d->datapath, dp_sync_meters(d, calls, text));
}
