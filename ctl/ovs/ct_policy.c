#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/ct_policy.h"

#include "ctl/ovs/proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ct-dpif.h"
#include "dpif-provider.h"
#include "netlink.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

// Open vSwitch has others, which its own userspace datapath does not look at either.
static const struct {
	enum ct_dpif_tp_attr ovs;
	enum swd_ct_timeout ours;
} timeouts[] = {
    {CT_DPIF_TP_ATTR_TCP_SYN_SENT, SWD_CT_TIMEOUT_TCP_SYN_SENT},
    {CT_DPIF_TP_ATTR_TCP_SYN_RECV, SWD_CT_TIMEOUT_TCP_SYN_RECV},
    {CT_DPIF_TP_ATTR_TCP_ESTABLISHED, SWD_CT_TIMEOUT_TCP_ESTABLISHED},
    {CT_DPIF_TP_ATTR_TCP_FIN_WAIT, SWD_CT_TIMEOUT_TCP_FIN_WAIT},
    {CT_DPIF_TP_ATTR_TCP_TIME_WAIT, SWD_CT_TIMEOUT_TCP_TIME_WAIT},
    {CT_DPIF_TP_ATTR_TCP_CLOSE, SWD_CT_TIMEOUT_TCP_CLOSE},
    {CT_DPIF_TP_ATTR_UDP_FIRST, SWD_CT_TIMEOUT_UDP_FIRST},
    {CT_DPIF_TP_ATTR_UDP_SINGLE, SWD_CT_TIMEOUT_UDP_SINGLE},
    {CT_DPIF_TP_ATTR_UDP_MULTIPLE, SWD_CT_TIMEOUT_UDP_MULTIPLE},
    {CT_DPIF_TP_ATTR_ICMP_FIRST, SWD_CT_TIMEOUT_ICMP_FIRST},
    {CT_DPIF_TP_ATTR_ICMP_REPLY, SWD_CT_TIMEOUT_ICMP_REPLY},
};

static const struct nl_policy answer_policy[] = {
    [SWD_CT_POLICY_ATTR_ID] = {.type = NL_A_U32},
    [SWD_CT_POLICY_ATTR_SECONDS] = {.type = NL_A_NESTED},
};

struct policy_dump {
	struct nl_dump dump;
	struct ofpbuf buffer;
};

static void policy_read(struct nlattr *const *a, struct ct_dpif_timeout_policy *policy)
{
	const struct nlattr *attr;
	size_t left;
	memset(policy, 0, sizeof(*policy));
	policy->id = nl_attr_get_u32(a[SWD_CT_POLICY_ATTR_ID]);
	NL_NESTED_FOR_EACH(attr, left, a[SWD_CT_POLICY_ATTR_SECONDS])
	{
		for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
			if (nl_attr_type(attr) != (int)timeouts[i].ours ||
			    nl_attr_get_size(attr) != sizeof(uint32_t))
				continue;
			policy->attrs[timeouts[i].ovs] = nl_attr_get_u32(attr);
			policy->present |= 1u << timeouts[i].ovs;
		}
	}
}

// As set, to be set again in an swd that starts anew. Main thread.
struct noted {
	struct hmap_node node; // by the policy's id
	struct ct_dpif_timeout_policy policy;
};

static struct hmap noted = HMAP_INITIALIZER(&noted);

static struct noted *noted_find(uint32_t id)
{
	struct noted *n;
	HMAP_FOR_EACH_WITH_HASH(n, node, id, &noted)
	return n;
	return NULL;
}

static void note(const struct ct_dpif_timeout_policy *policy)
{
	struct noted *n = noted_find(policy->id);
	if (n == NULL) {
		n = xzalloc(sizeof(*n));
		hmap_insert(&noted, &n->node, policy->id);
	}
	n->policy = *policy;
}

static void forget(uint32_t id)
{
	struct noted *n = noted_find(id);
	if (n != NULL) {
		hmap_remove(&noted, &n->node);
		free(n);
	}
}

void ct_policies_clear(void)
{
	struct noted *n;
	HMAP_FOR_EACH_POP(n, node, &noted)
	free(n);
}

static int policy_put(struct dpif *dpif, const struct ct_dpif_timeout_policy *policy)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_POLICY_SET);
	nl_msg_put_u32(&request, SWD_CT_POLICY_ATTR_ID, policy->id);
	size_t nest = nl_msg_start_nested(&request, SWD_CT_POLICY_ATTR_SECONDS);
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		if (policy->present & (1u << timeouts[i].ovs))
			nl_msg_put_u32(&request, timeouts[i].ours, policy->attrs[timeouts[i].ovs]);
	}
	nl_msg_end_nested(&request, nest);
	return ct_request_run(&request, NULL, NULL, 0, NULL);
}

int ct_policy_set(struct dpif *dpif, const struct ct_dpif_timeout_policy *policy)
{
	int err = policy_put(dpif, policy);
	if (err == 0)
		note(policy);
	return err;
}

int ct_policies_restore(struct dpif *dpif)
{
	const struct noted *n;
	int err = 0;
	HMAP_FOR_EACH(n, node, &noted)
	{
		int rc = policy_put(dpif, &n->policy);
		err = err != 0 ? err : rc;
	}
	return err;
}

int ct_policy_get(struct dpif *dpif, uint32_t id, struct ct_dpif_timeout_policy *policy)
{
	struct nlattr *a[ARRAY_SIZE(answer_policy)];
	struct ofpbuf request, *reply;
	ct_request_init(dpif, &request, SWD_CMD_CT_POLICY_GET);
	nl_msg_put_u32(&request, SWD_CT_POLICY_ATTR_ID, id);
	int err = ct_request_run(&request, answer_policy, a, ARRAY_SIZE(a), &reply);
	if (err != 0)
		return err;
	policy_read(a, policy);
	ofpbuf_delete(reply);
	return 0;
}

int ct_policy_del(struct dpif *dpif, uint32_t id)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_POLICY_DEL);
	nl_msg_put_u32(&request, SWD_CT_POLICY_ATTR_ID, id);
	int err = ct_request_run(&request, NULL, NULL, 0, NULL);
	if (err == 0)
		forget(id);
	return err;
}

int ct_policy_dump_start(struct dpif *dpif, void **statep)
{
	struct policy_dump *state = xzalloc(sizeof(*state));
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_POLICY_GET);
	swd_dump_start(&state->dump, 0, &request);
	ofpbuf_uninit(&request);
	ofpbuf_init(&state->buffer, NL_DUMP_BUFSIZE);
	*statep = state;
	return 0;
}

int ct_policy_dump_next(struct dpif *dpif OVS_UNUSED, void *state_,
			struct ct_dpif_timeout_policy *policy)
{
	struct policy_dump *state = state_;
	struct nlattr *a[ARRAY_SIZE(answer_policy)];
	struct ofpbuf reply;
	do {
		if (!swd_dump_next(&state->dump, &reply, &state->buffer))
			return EOF;
		if (!ct_answer_parse(&reply, answer_policy, a, ARRAY_SIZE(a)))
			return EPROTO;
		policy_read(a, policy);
	} while (policy->id == DEFAULT_TP_ID); // nobody made it: OVS would delete it
	return 0;
}

int ct_policy_dump_done(struct dpif *dpif OVS_UNUSED, void *state_)
{
	struct policy_dump *state = state_;
	int err = swd_dump_done(&state->dump);
	ofpbuf_uninit(&state->buffer);
	free(state);
	return err;
}

int ct_policy_name(struct dpif *dpif OVS_UNUSED, uint32_t id, uint16_t dl_type OVS_UNUSED,
		   uint8_t nw_proto OVS_UNUSED, char **name, bool *is_generic)
{
	*name = xasprintf("%" PRIu32, id);
	*is_generic = true; // for all protocols
	return 0;
}
