// Walking netlink attributes from an untrusted peer, and saying what was wrong with one. For the
// dp_* codecs.
#ifndef CTL_DP_ATTR_H
#define CTL_DP_ATTR_H

#include "ctl/dp_key.h"

#include <errno.h>

struct dp_attr_iter {
	const char *at, *end;
	const struct nlattr *nest; // what is walked, for errors; NULL at a message's top
};

// `nest` must lie whole in its message (as those that dp_attr_next() gives do).
void dp_attr_iter_nest(struct dp_attr_iter *it, const struct nlattr *nest);
// The attributes behind `offset` bytes of the message.
void dp_attr_iter_msg(struct dp_attr_iter *it, const struct nlmsghdr *nlh, size_t offset);

// libmnl's getters, inline: each attribute of each message passes here.
static inline uint16_t dp_attr_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

static inline const void *dp_attr_payload(const struct nlattr *attr)
{
	return (const char *)attr + MNL_ATTR_HDRLEN;
}

static inline uint16_t dp_attr_len(const struct nlattr *attr)
{
	return (uint16_t)(attr->nla_len - MNL_ATTR_HDRLEN);
}

static inline bool dp_attr_has_len(const struct nlattr *attr, size_t len)
{
	return dp_attr_len(attr) == len;
}

// Says what is wrong where the walk stands.
void dp_attr_malformed(const struct dp_attr_iter *it, struct dp_error *error);

// 1 with the next attribute, whose length has been checked; 0 at the end; -EINVAL with *error.
static inline int dp_attr_next(struct dp_attr_iter *it, const struct nlattr **attr,
			       struct dp_error *error)
{
	// Padding of the last attribute may lie behind the end.
	ptrdiff_t left = it->end - it->at;
	const struct nlattr *a = (const struct nlattr *)it->at;
	if (left <= 0)
		return 0;
	if (left < (ptrdiff_t)MNL_ATTR_HDRLEN || a->nla_len < MNL_ATTR_HDRLEN ||
	    a->nla_len > left) {
		dp_attr_malformed(it, error);
		return -EINVAL;
	}
	it->at += MNL_ALIGN(a->nla_len);
	*attr = a;
	return 1;
}

// The attributes in `nest` by type, into attrs[0..max], NULL for those that are not there. `name`
// is the nest's. -EINVAL for one that is there twice, -EOPNOTSUPP for a type that is 0 or above
// max.
int dp_attr_collect(const struct nlattr *nest, const char *name, const struct nlattr **attrs,
		    unsigned max, struct dp_error *error);
// 0, or -EINVAL with *error set: "NAME has 3 bytes where 4 are right".
int dp_attr_wants_len(const struct nlattr *attr, const char *name, size_t len,
		      struct dp_error *error);

// Fills *error (which may be NULL) and returns `err`.
int dp_error_set(struct dp_error *error, const struct nlattr *attr, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
