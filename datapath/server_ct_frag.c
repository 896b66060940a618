// Fragments in front of connection tracking, as control daemons see and set them: each its own
// datapath's.
#include "datapath/server_internal.h"

#include "ctl/dp_ct_frag.h"
#include "datapath/ct_frag_step.h"
#include "datapath/datapaths.h"

#include <errno.h>

// Made here when nothing is tracked yet. NULL with *err on failure.
static struct ct_frags *frags_of(struct request *rq, int *err)
{
	*err = ct_frags_prepare((uint8_t)rq->dp->slot);
	if (*err != 0)
		request_fail(rq, NULL, *err, "no memory to hold fragments");
	return ct_frags_of((uint8_t)rq->dp->slot);
}

static bool fill_status(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct ct_frag_status *status = arg;
	struct dp_ct_frags out = {.held = status->held, .held_max = status->held_max};
	(void)server;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct ct_frag_counters *c = &status->counters[v6];
		out.ip[v6].enabled = status->enabled[v6];
		out.ip[v6].min_size = status->min_size[v6];
		out.ip[v6].counters = (struct swd_ct_frag_counters){.accepted = c->accepted,
								    .completed = c->completed,
								    .expired = c->expired,
								    .too_small = c->too_small,
								    .overlapped = c->overlapped,
								    .purged = c->purged};
	}
	return dp_ct_frags_put(nlh, room, &out);
}

int server_ct_frag_get(struct request *rq)
{
	struct ct_frag_status status;
	int rc;
	struct ct_frags *frags = frags_of(rq, &rc);
	if (frags == NULL)
		return rc;
	ct_frags_status(frags, &status);
	return request_answer(rq, SWD_CMD_CT_FRAG_GET, fill_status, &status);
}

// All is checked before anything is set.
static int sizes_check(struct request *rq, const struct dp_ct_frags *in)
{
	if (in->has_held_max && in->held_max > CT_FRAG_HELD_MAX)
		return request_fail(rq, NULL, -ERANGE, "at most %u fragments may wait",
				    CT_FRAG_HELD_MAX);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		if (in->ip[v6].has_min_size && in->ip[v6].min_size < CT_FRAG_MIN_BOUND)
			return request_fail(rq, NULL, -ERANGE,
					    "the least size of a fragment may be %u bytes or more",
					    CT_FRAG_MIN_BOUND);
	}
	return 0;
}

int server_ct_frag_set(struct request *rq)
{
	struct dp_ct_frags in;
	int rc = dp_ct_frags_parse(rq->nlh, &in, &rq->error);
	if (rc == 0)
		rc = sizes_check(rq, &in);
	struct ct_frags *frags = rc == 0 ? frags_of(rq, &rc) : NULL;
	if (frags == NULL)
		return rc;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		if (in.ip[v6].has_enabled)
			ct_frags_set_enabled(frags, v6, in.ip[v6].enabled != 0);
		if (in.ip[v6].has_min_size)
			ct_frags_set_min_size(frags, v6, in.ip[v6].min_size);
	}
	return in.has_held_max ? ct_frags_set_held_max(frags, in.held_max) : 0;
}

int server_ct_frag_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	const struct datapath *dp = datapath_by_ifindex(c->dump_dp);
	struct ct_frags *frags = dp != NULL ? ct_frags_of((uint8_t)dp->slot) : NULL;
	struct ct_frag_entry entry;
	uint32_t next = *cursor;
	if (frags == NULL || !ct_frags_next(frags, &next, &entry))
		return 0;
	struct swd_ct_frag_datagram out = {.recirc_id = entry.recirc_id,
					   .id_be = entry.id_be,
					   .n_fragments = entry.n,
					   .zone = entry.zone,
					   .proto = entry.proto,
					   .is_v6 = entry.is_v6};
	memcpy(out.src, &entry.src, sizeof(out.src));
	memcpy(out.dst, &entry.dst, sizeof(out.dst));
	if (!dp_ct_frag_datagram_put(nlh, room, &out, entry.state))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}
