// Timeout policies of connection tracking: functions of struct dpif_class, and what they share with
// ct.c.
#ifndef CTL_OVS_CT_POLICY_H
#define CTL_OVS_CT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_dpif_timeout_policy;
struct dpif;
struct nl_policy;
struct nlattr;
struct ofpbuf;

int ct_policy_set(struct dpif *, const struct ct_dpif_timeout_policy *);
int ct_policy_get(struct dpif *, uint32_t id, struct ct_dpif_timeout_policy *);
int ct_policy_del(struct dpif *, uint32_t id);
int ct_policy_dump_start(struct dpif *, void **statep);
int ct_policy_dump_next(struct dpif *, void *state, struct ct_dpif_timeout_policy *);
int ct_policy_dump_done(struct dpif *, void *state);
int ct_policy_name(struct dpif *, uint32_t id, uint16_t dl_type, uint8_t nw_proto, char **name,
		   bool *is_generic);

void ct_policies_clear(void);		// a datapath was made: it has none
int ct_policies_restore(struct dpif *); // in an swd that has started anew

// ct.c: a request of our own family for this datapath.
void ct_request_init(const struct dpif *, struct ofpbuf *request, uint8_t cmd);
// Asks, and frees the request. With replyp, the answer's attributes, which point into *replyp.
int ct_request_run(struct ofpbuf *request, const struct nl_policy *, struct nlattr **attrs,
		   size_t n, struct ofpbuf **replyp);
bool ct_answer_parse(const struct ofpbuf *reply, const struct nl_policy *, struct nlattr **attrs,
		     size_t n);

#endif
