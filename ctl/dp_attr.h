// Walking netlink attributes from an untrusted peer, and saying what was wrong with one. For the
// dp_* codecs.
#ifndef CTL_DP_ATTR_H
#define CTL_DP_ATTR_H

#include "ctl/dp_key.h"

struct dp_attr_iter {
	const char *at, *end;
	const struct nlattr *nest; // what is walked, for errors; NULL at a message's top
};

// `nest` must lie whole in its message (as those that dp_attr_next() gives do).
void dp_attr_iter_nest(struct dp_attr_iter *it, const struct nlattr *nest);
// The attributes behind `offset` bytes of the message.
void dp_attr_iter_msg(struct dp_attr_iter *it, const struct nlmsghdr *nlh, size_t offset);

// 1 with the next attribute, whose length has been checked; 0 at the end; -EINVAL with *error.
int dp_attr_next(struct dp_attr_iter *it, const struct nlattr **attr, struct dp_error *error);

static inline bool dp_attr_has_len(const struct nlattr *attr, size_t len)
{
	return mnl_attr_get_payload_len(attr) == len;
}

// Fills *error (which may be NULL) and returns `err`.
int dp_error_set(struct dp_error *error, const struct nlattr *attr, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
