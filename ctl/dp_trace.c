#include "ctl/dp_trace.h"

#include "ctl/dp_actions.h"
#include "ctl/dp_attr.h"
#include "ctl/dp_msg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool put_step(struct nlmsghdr *nlh, size_t room, const struct dp_trace_step *step)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, SWD_TRACE_ATTR_STEP);
	if (nest == NULL || !dp_key_put(nlh, room, SWD_STEP_ATTR_KEY, &step->key, NULL))
		return false;
	if (step->hit &&
	    (!dp_key_put(nlh, room, SWD_STEP_ATTR_FLOW_KEY, &step->match.key, NULL) ||
	     !dp_key_put(nlh, room, SWD_STEP_ATTR_FLOW_MASK, &step->match.key, &step->match.mask) ||
	     !dp_actions_put(nlh, room, SWD_STEP_ATTR_ACTIONS, step->actions, step->n_actions)))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool put_event(struct nlmsghdr *nlh, size_t room, const struct dp_trace_event *event)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, SWD_TRACE_ATTR_EVENT);
	if (nest == NULL ||
	    !mnl_attr_put_u8_check(nlh, room, SWD_EVENT_ATTR_KIND, (uint8_t)event->kind) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_EVENT_ATTR_PORT_NO, event->port_no) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_EVENT_ATTR_PACKETS, event->n))
		return false;
	if (event->kind == DP_TRACE_DROP &&
	    !mnl_attr_put_strz_check(nlh, room, SWD_EVENT_ATTR_REASON, event->reason))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

bool dp_trace_put(struct nlmsghdr *nlh, size_t room, const struct dp_trace_packet *packet)
{
	if (!mnl_attr_put_u32_check(nlh, room, SWD_TRACE_ATTR_PORT_NO, packet->port_no) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_TRACE_ATTR_INDEX, packet->index) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_TRACE_ATTR_FRAME_LEN, packet->frame_len) ||
	    !mnl_attr_put_check(nlh, room, SWD_TRACE_ATTR_FRAME, packet->captured_len,
				packet->frame))
		return false;
	if (packet->cut && !mnl_attr_put_check(nlh, room, SWD_TRACE_ATTR_CUT, 0, NULL))
		return false;
	for (unsigned i = 0; i < packet->n_steps; i++) {
		if (!put_step(nlh, room, &packet->steps[i]))
			return false;
	}
	for (unsigned i = 0; i < packet->n_events; i++) {
		if (!put_event(nlh, room, &packet->events[i]))
			return false;
	}
	return true;
}

static uint32_t number_of(const struct nlattr *attr)
{
	return attr != NULL && dp_attr_has_len(attr, sizeof(uint32_t)) ? mnl_attr_get_u32(attr) : 0;
}

static void text_of(const struct nlattr *attr, char *text, size_t len)
{
	bool is_text = attr != NULL && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0;
	snprintf(text, len, "%s", is_text ? mnl_attr_get_str(attr) : "");
}

static int step_get(const struct nlattr *nest, struct dp_trace_packet *packet,
		    struct dp_error *error)
{
	const struct nlattr *attrs[SWD_STEP_ATTR_MAX + 1];
	if (packet->n_steps == DP_TRACE_STEPS_MAX)
		return dp_error_set(error, nest, -EINVAL, "more than %d steps", DP_TRACE_STEPS_MAX);
	struct dp_trace_step *step = &packet->steps[packet->n_steps++];
	int rc = dp_nest_parse(nest, attrs, SWD_STEP_ATTR_MAX, error);
	if (rc < 0)
		return rc;
	if (attrs[SWD_STEP_ATTR_KEY] == NULL)
		return dp_error_set(error, nest, -EINVAL, "a step without KEY");
	rc = dp_key_parse(attrs[SWD_STEP_ATTR_KEY], &step->key, error);
	if (rc < 0 || attrs[SWD_STEP_ATTR_FLOW_KEY] == NULL)
		return rc;
	step->hit = true;
	rc = dp_match_parse(attrs[SWD_STEP_ATTR_FLOW_KEY], attrs[SWD_STEP_ATTR_FLOW_MASK],
			    &step->match, error);
	if (rc < 0 || attrs[SWD_STEP_ATTR_ACTIONS] == NULL)
		return rc;
	rc = dp_actions_parse(attrs[SWD_STEP_ATTR_ACTIONS], step->actions, DP_TRACE_ACTIONS_MAX,
			      error);
	step->n_actions = rc < 0 ? 0 : (unsigned)rc;
	return rc;
}

static int event_get(const struct nlattr *nest, struct dp_trace_packet *packet,
		     struct dp_error *error)
{
	const struct nlattr *attrs[SWD_EVENT_ATTR_MAX + 1];
	if (packet->n_events == DP_TRACE_EVENTS_MAX)
		return dp_error_set(error, nest, -EINVAL, "more than %d events",
				    DP_TRACE_EVENTS_MAX);
	struct dp_trace_event *event = &packet->events[packet->n_events++];
	int rc = dp_nest_parse(nest, attrs, SWD_EVENT_ATTR_MAX, error);
	if (rc < 0)
		return rc;
	const struct nlattr *kind = attrs[SWD_EVENT_ATTR_KIND];
	if (kind == NULL || !dp_attr_has_len(kind, sizeof(uint8_t)) ||
	    mnl_attr_get_u8(kind) > DP_TRACE_DROP)
		return dp_error_set(error, nest, -EINVAL, "an event of no known KIND");
	event->kind = (enum dp_trace_event_kind)mnl_attr_get_u8(kind);
	event->port_no = number_of(attrs[SWD_EVENT_ATTR_PORT_NO]);
	event->n = number_of(attrs[SWD_EVENT_ATTR_PACKETS]);
	text_of(attrs[SWD_EVENT_ATTR_REASON], event->reason, sizeof(event->reason));
	return 0;
}

static int lists_get(const struct nlmsghdr *nlh, struct dp_trace_packet *packet,
		     struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	dp_attr_iter_msg(&it, nlh,
			 (size_t)((const char *)dp_msg_first_attr(nlh) - (const char *)nlh));
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		if (mnl_attr_get_type(attr) == SWD_TRACE_ATTR_STEP)
			rc = step_get(attr, packet, error);
		else if (mnl_attr_get_type(attr) == SWD_TRACE_ATTR_EVENT)
			rc = event_get(attr, packet, error);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int dp_trace_parse(const struct nlmsghdr *nlh, struct dp_trace_packet *packet, char *end,
		   size_t end_len, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_TRACE_ATTR_MAX + 1];
	int rc = dp_msg_parse(nlh, attrs, SWD_TRACE_ATTR_MAX, error);
	if (rc < 0)
		return rc;
	if (attrs[SWD_TRACE_ATTR_END] != NULL) {
		text_of(attrs[SWD_TRACE_ATTR_END], end, end_len);
		return 0;
	}
	memset(packet, 0, sizeof(*packet));
	packet->port_no = number_of(attrs[SWD_TRACE_ATTR_PORT_NO]);
	packet->index = number_of(attrs[SWD_TRACE_ATTR_INDEX]);
	packet->frame_len = number_of(attrs[SWD_TRACE_ATTR_FRAME_LEN]);
	packet->cut = attrs[SWD_TRACE_ATTR_CUT] != NULL;
	const struct nlattr *frame = attrs[SWD_TRACE_ATTR_FRAME];
	if (frame == NULL || mnl_attr_get_payload_len(frame) > sizeof(packet->frame))
		return dp_error_set(error, frame, -EINVAL, "no FRAME, or more than %zu bytes of it",
				    sizeof(packet->frame));
	packet->captured_len = mnl_attr_get_payload_len(frame);
	memcpy(packet->frame, mnl_attr_get_payload(frame), packet->captured_len);
	rc = lists_get(nlh, packet, error);
	return rc < 0 ? rc : 1;
}
