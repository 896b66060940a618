#include "ctl/swctld/upcall.h"

#include "ctl/log.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rules.h"

#include <errno.h>

#define RESEND_MS 1000 // a megaflow that is still missed so long after it was sent is sent again
#define PAUSE_MS  100  // without installing after swd's table was full

static struct xlate_result result;
static struct encoded_actions actions;
static uint64_t paused_until_ms;
static struct upcall_counts counts;

const struct upcall_counts *upcall_counts(void)
{
	return &counts;
}

// A port may have as many megaflows as are left for all others: one that floods has half of them at
// most, and the more ports do, the less each.
static bool has_room(const struct swctld *d, uint32_t in_port)
{
	unsigned max = datapath_max_flows(d->datapath), n = megaflows_count(d->megaflows);
	return !max || (n < max && megaflows_count_port(d->megaflows, in_port) < max - n);
}

// The known megaflow of a translation, or a new one; NULL when there is no room.
static struct known_flow *megaflow_for(struct swctld *d, const struct flow_match *match,
				       const struct flow_key *key, uint64_t now_ms)
{
	struct flow_match canonical;
	struct known_flow *f = megaflows_find(d->megaflows, match);
	if (f || now_ms < paused_until_ms || !has_room(d, key->in_port))
		return f;
	canonical = *match; // translation makes it so
	if (!mask_budget_fit(megaflows_masks(d->megaflows), &canonical, key, flow_mask_canonical))
		return NULL;
	if (!flow_key_equal(&canonical.mask, &match->mask))
		f = megaflows_find(d->megaflows, &canonical);
	return f ? f : megaflows_add(d->megaflows, &canonical, now_ms);
}

static void install(struct swctld *d, const struct flow_key *key, uint64_t now_ms)
{
	struct known_flow *f = megaflow_for(d, &result.match, key, now_ms);
	if (!f) { // its packets keep coming here
		counts.not_installed++;
		return;
	}
	bool first = f->n_sent == 0;
	bool force = now_ms - f->sent_ms > RESEND_MS;
	if (revalidate_apply(d->revalidator, f, &result, &actions, force) < 0 && first)
		megaflows_forget(d->megaflows, f);
}

// Each miss goes back, so that swd counts it.
static void packet_drop(const struct swctld *d, const struct nlattr *packet,
			const struct flow_key *key)
{
	flow_actions_encode(&actions, NULL, 0);
	flow_op_execute(datapath_outbox(d->datapath), packet, key, &actions);
}

static void packet_missed(struct swctld *d, const struct nlattr *packet,
			  const struct nlattr *key_attr)
{
	struct flow_key key;
	struct dp_error error;
	if (dp_key_parse(key_attr, &key, &error) < 0) {
		log_debug("upcall: %s", error.text);
		return;
	}
	if (!ports_by_no(d->ports, key.in_port)) { // removed a moment ago
		packet_drop(d, packet, &key);
		return;
	}
	uint64_t now_ms = clock_now_ms();
	revalidate_translate(d->revalidator, &key, true, &result);
	counts.missed++;
	counts.ends[result.end]++;
	for (unsigned i = 0; i < result.n_rules; i++)
		rules_hit(d->counts, result.rules[i], 1, mnl_attr_get_payload_len(packet), now_ms);
	counts_commit(d->counts);
	if (flow_actions_encode(&actions, result.actions, result.n_actions) == 0) {
		install(d, &key, now_ms);
		// Also without actions: swd counts the drop.
		flow_op_execute(datapath_outbox(d->datapath), packet, &key, &actions);
	} else {
		packet_drop(d, packet, &key);
	}
	revalidate_learn(d->revalidator, &result);
}

static void on_packet(struct swctld *d, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[OVS_PACKET_ATTR_MAX + 1];
	struct dp_error error;
	// Whoever controls another datapath may name our connection for its packets.
	if (dp_msg_cmd(nlh) == OVS_PACKET_CMD_MISS && dp_msg_ifindex(nlh) == DP_IFINDEX &&
	    dp_msg_parse(nlh, a, OVS_PACKET_ATTR_MAX, &error) == 0 && a[OVS_PACKET_ATTR_PACKET] &&
	    a[OVS_PACKET_ATTR_KEY])
		packet_missed(d, a[OVS_PACKET_ATTR_PACKET], a[OVS_PACKET_ATTR_KEY]);
}

static void on_counters(struct swctld *d, const struct nlmsghdr *nlh)
{
	struct dp_flow flow;
	struct known_flow *f = megaflows_by_id(d->megaflows, nlh->nlmsg_seq);
	if (!f)
		return;
	if (dp_flow_parse(nlh, &flow) == 0) {
		flow.reading.at_ms = clock_now_ms();
		flow_stats_answer(d, f, &flow.reading);
	}
	// Before its deletion a change may have been sent that is answered first.
	if (f->leaving && dp_msg_cmd(nlh) == OVS_FLOW_CMD_DEL)
		megaflows_forget(d->megaflows, f);
	else
		megaflows_switch_end(d->megaflows, f);
	revalidate_answered(d->revalidator);
}

static void on_refusal(struct swctld *d, const struct nlmsghdr *nlh)
{
	char text[DP_CALL_TEXT];
	int err = dp_msg_error_parse(nlh, text, sizeof(text));
	struct known_flow *f = megaflows_by_id(d->megaflows, nlh->nlmsg_seq);
	if (err == 0 || !f)
		return; // a packet that was not sent on: swd counts it
	log_debug("swd refused megaflow %u: %s (%d)", f->id, text, err);
	if (err == -ENOSPC)
		paused_until_ms = clock_now_ms() + PAUSE_MS;
	// A refused change leaves the old actions in force, which are wrong. A refused first one
	// leaves nothing.
	if (!f->leaving && (f->seen || f->n_sent > 1) &&
	    flow_op_del(datapath_outbox(d->datapath), f) == 0)
		megaflows_leave(d->megaflows, f);
	else
		megaflows_forget(d->megaflows, f);
}

void upcall_message(struct swctld *d, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == DP_FAMILY_PACKET)
		on_packet(d, nlh);
	else if (nlh->nlmsg_type == DP_FAMILY_FLOW)
		on_counters(d, nlh);
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		on_refusal(d, nlh);
}
