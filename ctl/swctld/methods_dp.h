// What methods share that ask swd while their caller waits.
#ifndef CTL_SWCTLD_METHODS_DP_H
#define CTL_SWCTLD_METHODS_DP_H

#include "ctl/swctld/dp_calls.h"
#include "ctl/swctld/rpc.h"

// The connection, or NULL with the refusal in reply.
struct dp_client *methods_need_swd(struct swctld *d, struct rpc_reply *reply);
// Makes a failed call the reply, in place of a result. Returns -1.
int methods_refuse_call(struct swctld *d, struct rpc_reply *reply, int err, const char *text);

#endif
