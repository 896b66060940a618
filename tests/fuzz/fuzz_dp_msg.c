// The datapath protocol as swd reads it: a datagram of messages, their attributes, keys, masks and
// actions. What is read must come back the same when it is written and read again.
#include "ctl/dp_actions.h"
#include "ctl/dp_meter.h"
#include "ctl/dp_msg.h"
#include "ctl/dp_trace.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct action list[ACTIONS_MAX], again[ACTIONS_MAX];
static _Alignas(8) char out[DP_DATAGRAM_MAX];

static const struct nlattr *attr_of(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	if (dp_msg_parse(nlh, attrs, OVS_FLOW_ATTR_MAX, NULL) < 0 || attrs[type] == NULL)
		abort();
	return attrs[type];
}

static void match_round_trip(const struct flow_match *match)
{
	struct dp_datagram d = {.buf = out};
	struct flow_match back;
	struct nlmsghdr *nlh = dp_msg_begin(&d, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, 0, 0);
	if (!dp_key_put(nlh, sizeof(out), OVS_FLOW_ATTR_KEY, &match->key, NULL) ||
	    !dp_key_put(nlh, sizeof(out), OVS_FLOW_ATTR_MASK, &match->key, &match->mask) ||
	    dp_match_parse(attr_of(nlh, OVS_FLOW_ATTR_KEY), attr_of(nlh, OVS_FLOW_ATTR_MASK), &back,
			   NULL) < 0 ||
	    memcmp(match, &back, sizeof(back)) != 0)
		abort();
	free(dp_match_format(match, NULL, NULL));
}

static void actions_round_trip(int n)
{
	struct dp_datagram d = {.buf = out};
	struct nlmsghdr *nlh = dp_msg_begin(&d, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, 0, 0);
	if (!dp_actions_put(nlh, sizeof(out), OVS_FLOW_ATTR_ACTIONS, list, (unsigned)n) ||
	    dp_actions_parse(attr_of(nlh, OVS_FLOW_ATTR_ACTIONS), again, ACTIONS_MAX, NULL) != n ||
	    memcmp(list, again, (size_t)n * sizeof(list[0])) != 0)
		abort();
	free(dp_actions_format(list, (unsigned)n, NULL, NULL));
}

static void meter_round_trip(const struct dp_meter *meter)
{
	struct dp_datagram d = {.buf = out};
	struct dp_meter back;
	struct nlmsghdr *nlh = dp_msg_begin(&d, DP_FAMILY_METER, OVS_METER_CMD_SET, 0, 0);
	if (!dp_meter_put(nlh, sizeof(out), meter, true) || dp_meter_parse(nlh, &back, NULL) < 0 ||
	    memcmp(meter, &back, sizeof(back)) != 0)
		abort();
}

static void message(const struct nlmsghdr *nlh)
{
	static struct dp_trace_packet packet;
	struct dp_meter meter;
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	struct flow_match match;
	struct dp_error error;
	char text[64];
	if (dp_meter_parse(nlh, &meter, &error) == 0)
		meter_round_trip(&meter);
	dp_trace_parse(nlh, &packet, text, sizeof(text), &error);
	if (nlh->nlmsg_type == NLMSG_ERROR)
		dp_msg_error_parse(nlh, text, sizeof(text));
	if (dp_msg_parse(nlh, attrs, OVS_FLOW_ATTR_MAX, &error) < 0)
		return;
	const struct nlattr *key = attrs[OVS_FLOW_ATTR_KEY];
	if (key != NULL && dp_match_parse(key, attrs[OVS_FLOW_ATTR_MASK], &match, &error) == 0)
		match_round_trip(&match);
	if (attrs[OVS_FLOW_ATTR_ACTIONS] == NULL)
		return;
	int n = dp_actions_parse(attrs[OVS_FLOW_ATTR_ACTIONS], list, ACTIONS_MAX, &error);
	if (n >= 0)
		actions_round_trip(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1); // aligned, and ends where the input ends
	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	const char *at = copy;
	size_t left = size;
	const struct nlmsghdr *nlh;
	while ((nlh = dp_datagram_next(&at, &left)) != NULL)
		message(nlh);
	free(copy);
	return 0;
}
