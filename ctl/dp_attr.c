#include "ctl/dp_attr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void dp_attr_iter_nest(struct dp_attr_iter *it, const struct nlattr *nest)
{
	it->at = mnl_attr_get_payload(nest);
	it->end = it->at + mnl_attr_get_payload_len(nest);
	it->nest = nest;
}

void dp_attr_iter_msg(struct dp_attr_iter *it, const struct nlmsghdr *nlh, size_t offset)
{
	it->at = (const char *)nlh + offset;
	it->end = (const char *)nlh + nlh->nlmsg_len;
	it->nest = NULL;
}

int dp_attr_next(struct dp_attr_iter *it, const struct nlattr **attr, struct dp_error *error)
{
	// Padding of the last attribute may lie behind the end.
	ptrdiff_t left = it->end - it->at;
	if (left <= 0)
		return 0;
	if (left < (ptrdiff_t)MNL_ATTR_HDRLEN)
		return dp_error_set(error, it->nest, -EINVAL,
				    "%td stray bytes behind the last attribute", left);
	const struct nlattr *a = (const struct nlattr *)it->at;
	if (a->nla_len < MNL_ATTR_HDRLEN || a->nla_len > left)
		return dp_error_set(error, a, -EINVAL,
				    "attribute %u says it has %u bytes where %td are left",
				    mnl_attr_get_type(a), a->nla_len, left);
	it->at += MNL_ALIGN(a->nla_len);
	*attr = a;
	return 1;
}

int dp_error_set(struct dp_error *error, const struct nlattr *attr, int err, const char *fmt, ...)
{
	if (error != NULL) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(error->text, sizeof(error->text), fmt, args);
		va_end(args);
		error->attr = attr;
	}
	return err;
}
