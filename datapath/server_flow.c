// The flow family: megaflows by key and mask.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_put.h"

#include <errno.h>
#include <string.h>

#define OTHERS_A_TURN 4096 // flows of other datapaths that a dump passes over

struct flow_request {
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	struct flow_match match; // when KEY is there
};

static int ufid_check(struct request *rq, const struct nlattr *ufid)
{
	if (ufid == NULL || dp_attr_len(ufid) == MEGAFLOW_UFID_BYTES)
		return 0;
	return request_fail(rq, ufid, -EINVAL, "UFID has %u bytes where %d are right",
			    dp_attr_len(ufid), MEGAFLOW_UFID_BYTES);
}

// Others than the first datapath match the input port, as the kernel does, also where there is
// none: so their flows never meet.
static int in_port_own(struct request *rq, const struct nlattr *key, struct flow_match *match)
{
	struct flow_key origin;
	if (datapath_is_first(rq->dp))
		return match->mask.in_port != 0 ? request_in_port(rq, key, &match->key.in_port) : 0;
	int rc = dp_key_parse_origin(key, &origin, &rq->error);
	if (rc == 0)
		rc = request_in_port(rq, key, &origin.in_port);
	match->key.in_port = origin.in_port;
	match->mask.in_port = UINT32_MAX;
	// Packets that come in have an Ethernet header; of others, a flow is for either kind.
	if (match->mask.recirc_id != 0)
		match->mask.nw_frag |= NW_NO_ETH;
	return rc;
}

static int flow_parse(struct request *rq, struct flow_request *fr)
{
	int rc = dp_msg_parse(rq->nlh, fr->attrs, OVS_FLOW_ATTR_MAX, &rq->error);
	if (rc == 0)
		rc = ufid_check(rq, fr->attrs[OVS_FLOW_ATTR_UFID]);
	const struct nlattr *key = rc == 0 ? fr->attrs[OVS_FLOW_ATTR_KEY] : NULL;
	if (key == NULL)
		return rc;
	rc = dp_match_parse(key, fr->attrs[OVS_FLOW_ATTR_MASK], &fr->match, &rq->error);
	return rc == 0 ? in_port_own(rq, key, &fr->match) : rc;
}

static int key_require(struct request *rq, const struct flow_request *fr)
{
	if (fr->attrs[OVS_FLOW_ATTR_KEY] != NULL)
		return 0;
	return request_fail(rq, NULL, -EINVAL, "KEY is missing");
}

static int no_flow(struct request *rq)
{
	return request_fail(rq, NULL, -ENOENT, "no flow has this key and mask, or UFID");
}

// The flow that UFID, or KEY and MASK, name; or KEY alone, in another datapath than the first: who
// has not kept the mask means one that packets of this key belong to. NULL with *err on failure.
static struct megaflow *flow_find(struct request *rq, const struct flow_request *fr, int *err)
{
	const struct nlattr *ufid = fr->attrs[OVS_FLOW_ATTR_UFID];
	struct megaflow *mf = NULL;
	*err = ufid == NULL ? key_require(rq, fr) : 0;
	if (*err != 0)
		return NULL;
	if (ufid != NULL)
		mf = ufid_index_find(&rq->server->ufids, rq->dp->slot, dp_attr_payload(ufid));
	if (mf == NULL && fr->attrs[OVS_FLOW_ATTR_KEY] != NULL)
		mf = flow_table_find(rq->server->flows, &fr->match);
	if (mf == NULL && ufid == NULL && fr->attrs[OVS_FLOW_ATTR_MASK] == NULL &&
	    !datapath_is_first(rq->dp))
		mf = flow_table_match(rq->server->flows, &fr->match.key, rq->dp->slot);
	if (mf != NULL && mf->owner == rq->dp->slot)
		return mf;
	*err = no_flow(rq);
	return NULL;
}

struct flow_answer {
	const struct megaflow *mf;
	uint32_t omits; // OVS_UFID_F_OMIT_*
	struct flow_stats stats;
};

static bool has_ufid(const struct megaflow *mf)
{
	static const uint8_t none[MEGAFLOW_UFID_BYTES];
	return memcmp(mf->ufid, none, sizeof(none)) != 0;
}

// The key as its owner knows it.
static void key_told(const struct megaflow *mf, struct flow_key *key)
{
	const struct datapath *dp = datapath_at(mf->owner);
	if (dp != NULL && dp->none_no != 0 && key->in_port == dp->none_no)
		key->in_port = DP_IN_PORT_NONE;
}

static bool put_match(struct nlmsghdr *nlh, size_t room, const struct flow_match *match,
		      uint32_t omits)
{
	if (!(omits & OVS_UFID_F_OMIT_KEY) &&
	    !dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match->key, NULL))
		return false;
	return omits & OVS_UFID_F_OMIT_MASK ||
	       dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match->key, &match->mask);
}

// Packets without an Ethernet header have one here all the same, which nobody sent.
static bool put_stats(struct nlmsghdr *nlh, size_t room, const struct flow_answer *answer,
		      bool no_eth)
{
	const struct flow_stats *from = &answer->stats;
	const struct ovs_flow_stats stats = {.n_packets = from->packets,
					     .n_bytes =
						 no_eth ? from->bytes - from->packets * FRAME_MIN
							: from->bytes};
	if (!dp_put(nlh, room, OVS_FLOW_ATTR_STATS, sizeof(stats), &stats))
		return false;
	if (from->used_ms != 0 &&
	    !mnl_attr_put_u64_check(nlh, room, OVS_FLOW_ATTR_USED, from->used_ms))
		return false;
	return from->tcp_flags == 0 ||
	       mnl_attr_put_u8_check(nlh, room, OVS_FLOW_ATTR_TCP_FLAGS, (uint8_t)from->tcp_flags);
}

static bool fill_flow(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct flow_answer *answer = arg;
	const struct megaflow *mf = answer->mf;
	bool named = has_ufid(mf);
	uint32_t omits = named ? answer->omits : 0;
	struct flow_match match;
	(void)server;
	megaflow_match(mf, &match);
	key_told(mf, &match.key);
	if (named && !dp_put(nlh, room, OVS_FLOW_ATTR_UFID, sizeof(mf->ufid), mf->ufid))
		return false;
	if (!put_match(nlh, room, &match, omits))
		return false;
	if (!(omits & OVS_UFID_F_OMIT_ACTIONS) &&
	    !dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, mf->actions->list, mf->actions->n))
		return false;
	return put_stats(nlh, room, answer, match.key.nw_frag & NW_NO_ETH);
}

static uint32_t omits_of(const struct nlattr *flags)
{
	return flags != NULL && dp_attr_has_len(flags, sizeof(uint32_t)) ? mnl_attr_get_u32(flags)
									 : 0;
}

static int answer_flow(struct request *rq, const struct flow_request *fr, uint8_t cmd,
		       const struct megaflow *mf)
{
	struct flow_answer answer = {.mf = mf,
				     .omits = omits_of(fr->attrs[OVS_FLOW_ATTR_UFID_FLAGS])};
	flow_table_stats(rq->server->flows, mf, &answer.stats);
	return request_answer(rq, cmd, fill_flow, &answer);
}

static int answer_if_echo(struct request *rq, const struct flow_request *fr,
			  const struct megaflow *mf)
{
	return rq->nlh->nlmsg_flags & NLM_F_ECHO ? answer_flow(rq, fr, OVS_FLOW_CMD_NEW, mf) : 0;
}

static int add_fail(struct request *rq, int err)
{
	struct flow_table *flows = rq->server->flows;
	if (err == -EEXIST)
		return request_fail(rq, NULL, err,
				    "a flow with this key and mask is there already");
	if (err == -ENOSPC && flow_table_n_flows(flows) < flow_table_max_flows(flows))
		return request_fail(
		    rq, NULL, err,
		    "no place for this flow: %u masks are there, or its hash is that of "
		    "too many others",
		    flow_table_n_masks(flows));
	if (err == -ENOSPC)
		return request_fail(rq, NULL, err, "the flow table is full: %u flows",
				    flow_table_n_flows(flows));
	return request_fail(rq, NULL, err, "no memory for another flow: give swd more with --mem");
}

// What NEW and SET have in common: KEY, and ACTIONS, which are checked. NULL with *err on failure.
static struct flow_actions *change_parse(struct request *rq, struct flow_request *fr, int *err)
{
	*err = flow_parse(rq, fr);
	if (*err == 0)
		*err = key_require(rq, fr);
	if (*err != 0)
		return NULL;
	const struct nlattr *attr = fr->attrs[OVS_FLOW_ATTR_ACTIONS];
	if (attr != NULL)
		return request_actions(rq, attr, &fr->match, err);
	*err = request_fail(rq, NULL, -EINVAL, "ACTIONS is missing");
	return NULL;
}

static bool action_names_port(const struct action *action, uint32_t port_no)
{
	uint32_t ports[ACTION_PORTS_MAX];
	unsigned n = action_ports(action, ports);
	for (unsigned i = 0; i < n; i++) {
		if (ports[i] == port_no)
			return true;
	}
	return false;
}

static bool names_port(const struct megaflow *mf, uint32_t port_no)
{
	struct flow_match match;
	megaflow_match(mf, &match);
	if (match.mask.in_port != 0 && match.key.in_port == port_no)
		return true;
	const struct action *list = mf->actions->list;
	for (unsigned i = 0; i < mf->actions->n; i = action_next(list, i)) {
		if (action_names_port(&list[i], port_no))
			return true;
	}
	return false;
}

static void flow_del(struct server *server, struct megaflow *mf)
{
	ufid_index_del(&server->ufids, mf);
	datapath_at(mf->owner)->n_flows--;
	flow_table_del(server->flows, mf, NULL);
}

// Whether NEW may change what is there. The kernel's clients say when not.
static bool may_replace(const struct request *rq)
{
	uint16_t flags = rq->nlh->nlmsg_flags;
	return flags & NLM_F_REPLACE ||
	       (!datapath_is_first(rq->dp) && !(flags & (NLM_F_CREATE | NLM_F_EXCL)));
}

// Names a flow of this datapath's.
static int flow_name(struct request *rq, struct megaflow *mf, const struct nlattr *ufid)
{
	if (ufid == NULL)
		return 0;
	ufid_index_del(&rq->server->ufids, mf);
	memcpy(mf->ufid, dp_attr_payload(ufid), sizeof(mf->ufid));
	int rc = has_ufid(mf) ? ufid_index_add(&rq->server->ufids, mf) : 0;
	if (rc == 0)
		return 0;
	memset(mf->ufid, 0, sizeof(mf->ufid));
	flow_del(rq->server, mf);
	return rc == -EEXIST ? request_fail(rq, ufid, rc, "another flow has this UFID")
			     : request_fail(rq, NULL, rc, "no memory for another flow's UFID");
}

// The answer to a change of a flow, and what CLEAR asks for: the answer has the counts until then.
static int change_end(struct request *rq, const struct flow_request *fr, const struct megaflow *mf)
{
	int rc = answer_if_echo(rq, fr, mf);
	if (rc == 0 && fr->attrs[OVS_FLOW_ATTR_CLEAR] != NULL)
		rc = flow_table_stats_clear(rq->server->flows, mf);
	return rc;
}

// Whether another datapath has it: two may have flows for a port number that nobody has yet.
static bool is_anothers(const struct request *rq, const struct flow_match *match)
{
	struct flow_table *flows = rq->server->flows;
	if (flow_table_n_flows(flows) == rq->dp->n_flows)
		return false;
	const struct megaflow *mf = flow_table_find(flows, match);
	return mf != NULL && mf->owner != rq->dp->slot;
}

int server_flow_new(struct request *rq)
{
	struct flow_table *flows = rq->server->flows;
	struct flow_request fr;
	struct megaflow *mf = NULL;
	int rc;
	struct flow_actions *actions = change_parse(rq, &fr, &rc);
	if (actions == NULL)
		return rc;
	uint32_t before = flow_table_n_flows(flows);
	rc = may_replace(rq) && !is_anothers(rq, &fr.match)
		 ? flow_table_replace(flows, &fr.match, actions, &mf)
		 : flow_table_add(flows, &fr.match, actions, &mf);
	if (rc < 0)
		return add_fail(rq, rc);
	if (flow_table_n_flows(flows) > before) {
		mf->owner = rq->dp->slot;
		rq->dp->n_flows++;
	}
	rc = flow_name(rq, mf, fr.attrs[OVS_FLOW_ATTR_UFID]);
	return rc < 0 ? rc : change_end(rq, &fr, mf);
}

int server_flow_set(struct request *rq)
{
	struct flow_request fr;
	int rc;
	struct flow_actions *actions = change_parse(rq, &fr, &rc);
	if (actions == NULL)
		return rc;
	struct megaflow *mf = flow_find(rq, &fr, &rc);
	if (mf == NULL) {
		flow_actions_free(actions);
		return rc;
	}
	flow_table_set_actions(rq->server->flows, mf, actions);
	return change_end(rq, &fr, mf);
}

// At once, so that a flow that the same client adds next is not deleted with the others.
void server_flows_flush(struct server *server, const struct datapath *dp)
{
	uint32_t cursor = 0;
	for (struct megaflow *mf; (mf = flow_table_next(server->flows, &cursor)) != NULL;) {
		if (mf->owner == dp->slot)
			flow_del(server, mf);
	}
}

void server_flows_forget_port(struct server *server, const struct datapath *dp, uint32_t port_no)
{
	uint32_t cursor = 0;
	if (flow_table_n_flows(server->flows) == dp->n_flows)
		return;
	for (struct megaflow *mf; (mf = flow_table_next(server->flows, &cursor)) != NULL;) {
		if (mf->owner != dp->slot && names_port(mf, port_no))
			flow_del(server, mf);
	}
}

int server_flow_del(struct request *rq)
{
	struct flow_request fr;
	int rc = flow_parse(rq, &fr);
	if (rc < 0)
		return rc;
	if (fr.attrs[OVS_FLOW_ATTR_KEY] == NULL && fr.attrs[OVS_FLOW_ATTR_UFID] == NULL) {
		server_flows_flush(rq->server, rq->dp);
		return 0;
	}
	struct megaflow *mf = flow_find(rq, &fr, &rc);
	if (mf == NULL)
		return rc;
	// The answer is made first: the slot may be another's after the deletion. What packets in
	// flight still count is lost.
	rc = answer_flow(rq, &fr, OVS_FLOW_CMD_DEL, mf);
	flow_del(rq->server, mf);
	return rc;
}

int server_flow_get(struct request *rq)
{
	struct flow_request fr;
	int rc = flow_parse(rq, &fr);
	if (rc < 0)
		return rc;
	const struct megaflow *mf = flow_find(rq, &fr, &rc);
	return mf != NULL ? answer_flow(rq, &fr, OVS_FLOW_CMD_NEW, mf) : rc;
}

uint32_t server_flow_dump_omits(const struct nlmsghdr *request)
{
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1] = {NULL};
	struct dp_error error;
	if (request->nlmsg_type != DP_FAMILY_FLOW ||
	    dp_msg_parse(request, attrs, OVS_FLOW_ATTR_MAX, &error) < 0)
		return 0;
	return omits_of(attrs[OVS_FLOW_ATTR_UFID_FLAGS]);
}

int server_flow_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	const struct datapath *dp = datapath_by_ifindex(c->dump_dp);
	struct flow_table *flows = c->server->flows;
	uint32_t next = *cursor;
	struct flow_answer answer = {.omits = c->dump_omits};
	for (unsigned n = 0; answer.mf == NULL; n++) {
		const struct megaflow *mf = dp != NULL ? flow_table_next(flows, &next) : NULL;
		if (mf == NULL)
			return 0;
		if (mf->owner == dp->slot)
			answer.mf = mf;
		else if (n == OTHERS_A_TURN)
			break;
	}
	if (answer.mf == NULL) {
		*cursor = next;
		return DUMP_LATER;
	}
	flow_table_stats(flows, answer.mf, &answer.stats);
	if (!fill_flow(c->server, nlh, room, &answer))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}
