// The flow family: megaflows by key and mask.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_put.h"

#include <errno.h>
#include <string.h>

struct flow_request {
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1];
	struct flow_match match; // when KEY is there
};

static int flow_parse(struct request *rq, struct flow_request *fr)
{
	int rc = dp_msg_parse(rq->nlh, fr->attrs, OVS_FLOW_ATTR_MAX, &rq->error);
	if (rc < 0)
		return rc;
	const struct nlattr *ufid = fr->attrs[OVS_FLOW_ATTR_UFID];
	const struct nlattr *key = fr->attrs[OVS_FLOW_ATTR_KEY];
	// Without this, DEL by identifier would delete all.
	if (key == NULL && ufid != NULL)
		return request_fail(rq, ufid, -EOPNOTSUPP,
				    "a UFID alone finds no flow: name it by KEY and MASK");
	if (ufid != NULL && dp_attr_len(ufid) != MEGAFLOW_UFID_BYTES)
		return request_fail(rq, ufid, -EINVAL, "UFID has %u bytes where %d are right",
				    dp_attr_len(ufid), MEGAFLOW_UFID_BYTES);
	if (key == NULL)
		return 0;
	return dp_match_parse(key, fr->attrs[OVS_FLOW_ATTR_MASK], &fr->match, &rq->error);
}

static int key_require(struct request *rq, const struct flow_request *fr)
{
	if (fr->attrs[OVS_FLOW_ATTR_KEY] != NULL)
		return 0;
	return request_fail(rq, NULL, -EINVAL, "KEY is missing");
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

static bool put_match(struct nlmsghdr *nlh, size_t room, const struct megaflow *mf, uint32_t omits)
{
	const uint32_t both = OVS_UFID_F_OMIT_KEY | OVS_UFID_F_OMIT_MASK;
	struct flow_match match;
	if ((omits & both) == both)
		return true;
	megaflow_match(mf, &match);
	if (!(omits & OVS_UFID_F_OMIT_KEY) &&
	    !dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &match.key, NULL))
		return false;
	return omits & OVS_UFID_F_OMIT_MASK ||
	       dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &match.key, &match.mask);
}

static bool fill_flow(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct flow_answer *answer = arg;
	const struct megaflow *mf = answer->mf;
	const struct ovs_flow_stats stats = {.n_packets = answer->stats.packets,
					     .n_bytes = answer->stats.bytes};
	(void)server;
	bool named = has_ufid(mf);
	uint32_t omits = named ? answer->omits : 0;
	if (named && !dp_put(nlh, room, OVS_FLOW_ATTR_UFID, sizeof(mf->ufid), mf->ufid))
		return false;
	if (!put_match(nlh, room, mf, omits))
		return false;
	if (!(omits & OVS_UFID_F_OMIT_ACTIONS) &&
	    !dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, mf->actions->list, mf->actions->n))
		return false;
	if (!dp_put(nlh, room, OVS_FLOW_ATTR_STATS, sizeof(stats), &stats))
		return false;
	if (answer->stats.used_ms != 0 &&
	    !mnl_attr_put_u64_check(nlh, room, OVS_FLOW_ATTR_USED, answer->stats.used_ms))
		return false;
	return answer->stats.tcp_flags == 0 ||
	       mnl_attr_put_u8_check(nlh, room, OVS_FLOW_ATTR_TCP_FLAGS,
				     (uint8_t)answer->stats.tcp_flags);
}

static int answer_flow(struct request *rq, uint8_t cmd, const struct megaflow *mf)
{
	struct flow_answer answer = {.mf = mf};
	flow_table_stats(rq->server->flows, mf, &answer.stats);
	return request_answer(rq, cmd, fill_flow, &answer);
}

static int answer_if_echo(struct request *rq, const struct megaflow *mf)
{
	return rq->nlh->nlmsg_flags & NLM_F_ECHO ? answer_flow(rq, OVS_FLOW_CMD_NEW, mf) : 0;
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

int server_flow_new(struct request *rq)
{
	struct flow_table *flows = rq->server->flows;
	struct flow_request fr;
	struct megaflow *mf = NULL;
	int rc;
	struct flow_actions *actions = change_parse(rq, &fr, &rc);
	if (actions == NULL)
		return rc;
	rc = rq->nlh->nlmsg_flags & NLM_F_REPLACE
		 ? flow_table_replace(flows, &fr.match, actions, &mf)
		 : flow_table_add(flows, &fr.match, actions, &mf);
	if (rc < 0)
		return add_fail(rq, rc);
	const struct nlattr *ufid = fr.attrs[OVS_FLOW_ATTR_UFID];
	if (ufid != NULL)
		memcpy(mf->ufid, dp_attr_payload(ufid), sizeof(mf->ufid));
	return answer_if_echo(rq, mf);
}

static int no_flow(struct request *rq)
{
	return request_fail(rq, NULL, -ENOENT, "no flow has this key and mask");
}

int server_flow_set(struct request *rq)
{
	struct flow_request fr;
	int rc;
	struct flow_actions *actions = change_parse(rq, &fr, &rc);
	if (actions == NULL)
		return rc;
	struct megaflow *mf = flow_table_find(rq->server->flows, &fr.match);
	if (mf == NULL) {
		flow_actions_free(actions);
		return no_flow(rq);
	}
	flow_table_set_actions(rq->server->flows, mf, actions);
	return answer_if_echo(rq, mf);
}

// At once, so that a flow that the same client adds next is not deleted with the others.
static void flows_flush(struct flow_table *flows)
{
	uint32_t cursor = 0;
	for (struct megaflow *mf; (mf = flow_table_next(flows, &cursor)) != NULL;)
		flow_table_del(flows, mf, NULL);
}

int server_flow_del(struct request *rq)
{
	struct flow_table *flows = rq->server->flows;
	struct flow_request fr;
	int rc = flow_parse(rq, &fr);
	if (rc < 0)
		return rc;
	if (fr.attrs[OVS_FLOW_ATTR_KEY] == NULL) {
		flows_flush(flows);
		return 0;
	}
	struct megaflow *mf = flow_table_find(flows, &fr.match);
	if (mf == NULL)
		return no_flow(rq);
	// The answer is made first: the slot may be another's after the deletion. What packets in
	// flight still count is lost.
	rc = answer_flow(rq, OVS_FLOW_CMD_DEL, mf);
	flow_table_del(flows, mf, NULL);
	return rc;
}

int server_flow_get(struct request *rq)
{
	struct flow_request fr;
	int rc = flow_parse(rq, &fr);
	if (rc == 0)
		rc = key_require(rq, &fr);
	if (rc < 0)
		return rc;
	const struct megaflow *mf = flow_table_find(rq->server->flows, &fr.match);
	return mf != NULL ? answer_flow(rq, OVS_FLOW_CMD_NEW, mf) : no_flow(rq);
}

uint32_t server_flow_dump_omits(const struct nlmsghdr *request)
{
	const struct nlattr *attrs[OVS_FLOW_ATTR_MAX + 1] = {NULL};
	struct dp_error error;
	if (request->nlmsg_type != DP_FAMILY_FLOW ||
	    dp_msg_parse(request, attrs, OVS_FLOW_ATTR_MAX, &error) < 0)
		return 0;
	const struct nlattr *flags = attrs[OVS_FLOW_ATTR_UFID_FLAGS];
	return flags != NULL && dp_attr_has_len(flags, sizeof(uint32_t)) ? mnl_attr_get_u32(flags)
									 : 0;
}

int server_flow_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	uint32_t next = *cursor;
	struct flow_answer answer = {.mf = flow_table_next(c->server->flows, &next),
				     .omits = c->dump_omits};
	if (answer.mf == NULL)
		return 0;
	flow_table_stats(c->server->flows, answer.mf, &answer.stats);
	if (!fill_flow(c->server, nlh, room, &answer))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}
