#include "ctl/swctld/flow_ops.h"

#include "ctl/dp_actions.h"
#include "ctl/dp_attr.h"
#include "ctl/dp_put.h"
#include "ctl/swctld/xlate.h"

#include <errno.h>
#include <string.h>

#define SEQ_EXECUTE 1 // below any megaflow's id

// A message of our own to encode into. 4-aligned, as libmnl needs.
static char scratch[DP_DATAGRAM_MAX] __attribute__((aligned(8)));

static struct nlmsghdr *scratch_begin(struct dp_datagram *d)
{
	*d = (struct dp_datagram){.buf = scratch, .len = 0};
	return dp_msg_begin(d, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_REQUEST, 0);
}

int flow_actions_encode(struct encoded_actions *out, const struct action *list, unsigned n)
{
	struct dp_datagram d;
	struct nlmsghdr *nlh = scratch_begin(&d);
	if (!dp_actions_put(nlh, dp_msg_room(&d), OVS_FLOW_ATTR_ACTIONS, list, n))
		return -E2BIG;
	const struct nlattr *nest = dp_msg_first_attr(nlh);
	uint16_t len = dp_attr_len(nest);
	if (len > sizeof(out->buf))
		return -E2BIG;
	memcpy(out->buf, dp_attr_payload(nest), len);
	out->len = len;
	return 0;
}

static bool put_match(struct nlmsghdr *nlh, size_t room, const struct flow_match *match)
{
	return dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match->key, NULL) &&
	       dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match->key, &match->mask);
}

int flow_match_canonical(struct flow_match *out, const struct flow_match *match)
{
	struct dp_datagram d;
	struct dp_error error;
	const struct nlattr *a[OVS_FLOW_ATTR_MAX + 1] = {0};
	struct nlmsghdr *nlh = scratch_begin(&d);
	if (!put_match(nlh, dp_msg_room(&d), match) ||
	    dp_msg_parse(nlh, a, OVS_FLOW_ATTR_MAX, &error) < 0 || !a[OVS_FLOW_ATTR_KEY])
		return -EINVAL;
	return dp_match_parse(a[OVS_FLOW_ATTR_KEY], a[OVS_FLOW_ATTR_MASK], out, &error);
}

int flow_mask_canonical(struct flow_match *out, const struct flow_key *mask,
			const struct flow_key *key)
{
	struct flow_match match = {.mask = *mask};
	xlate_mask_finish(&match.mask, key);
	flow_key_mask(&match.key, key, &match.mask);
	return flow_match_canonical(out, &match);
}

struct put {
	const struct known_flow *f;
	struct flow_ufid ufid;
};

static bool fill_put(struct nlmsghdr *nlh, size_t room, const void *arg)
{
	const struct put *put = arg;
	const struct known_flow *f = put->f;
	return put_match(nlh, room, &f->match) &&
	       dp_put(nlh, room, OVS_FLOW_ATTR_UFID, sizeof(put->ufid), &put->ufid) &&
	       dp_put(nlh, room, OVS_FLOW_ATTR_ACTIONS | NLA_F_NESTED, f->actions_len,
		      f->actions_len ? f->actions : "");
}

int flow_op_put(struct outbox *ob, const struct megaflows *m, const struct known_flow *f, bool echo)
{
	struct put put = {.f = f};
	megaflows_ufid(m, f, &put.ufid);
	uint16_t flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | (echo ? NLM_F_ECHO : 0);
	return outbox_put(ob, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, flags, f->id, fill_put, &put);
}

static bool fill_del(struct nlmsghdr *nlh, size_t room, const void *arg)
{
	const struct known_flow *f = arg;
	return put_match(nlh, room, &f->match);
}

int flow_op_del(struct outbox *ob, const struct known_flow *f)
{
	return outbox_put(ob, DP_FAMILY_FLOW, OVS_FLOW_CMD_DEL, NLM_F_REQUEST | NLM_F_ECHO, f->id,
			  fill_del, f);
}

struct execute {
	const struct nlattr *packet;
	const struct flow_key *key;
	const struct encoded_actions *actions;
};

static bool copy_attr(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct nlattr *attr)
{
	return dp_put(nlh, room, type, dp_attr_len(attr), dp_attr_payload(attr));
}

static bool fill_execute(struct nlmsghdr *nlh, size_t room, const void *arg)
{
	const struct execute *x = arg;
	return copy_attr(nlh, room, OVS_PACKET_ATTR_PACKET, x->packet) &&
	       dp_key_put_origin(nlh, room, OVS_PACKET_ATTR_KEY, x->key) &&
	       dp_put(nlh, room, OVS_PACKET_ATTR_ACTIONS | NLA_F_NESTED, x->actions->len,
		      x->actions->buf);
}

int flow_op_execute(struct outbox *ob, const struct nlattr *packet, const struct flow_key *key,
		    const struct encoded_actions *actions)
{
	struct execute x = {packet, key, actions};
	return outbox_put(ob, DP_FAMILY_PACKET, OVS_PACKET_CMD_EXECUTE, NLM_F_REQUEST, SEQ_EXECUTE,
			  fill_execute, &x);
}
