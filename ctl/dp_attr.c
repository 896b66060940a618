#include "ctl/dp_attr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dp_attr_iter_nest(struct dp_attr_iter *it, const struct nlattr *nest)
{
	it->at = dp_attr_payload(nest);
	it->end = it->at + dp_attr_len(nest);
	it->nest = nest;
}

void dp_attr_iter_msg(struct dp_attr_iter *it, const struct nlmsghdr *nlh, size_t offset)
{
	it->at = (const char *)nlh + offset;
	it->end = (const char *)nlh + nlh->nlmsg_len;
	it->nest = NULL;
}

void dp_attr_malformed(const struct dp_attr_iter *it, struct dp_error *error)
{
	ptrdiff_t left = it->end - it->at;
	const struct nlattr *a = (const struct nlattr *)it->at;
	if (left < (ptrdiff_t)MNL_ATTR_HDRLEN)
		dp_error_set(error, it->nest, -EINVAL, "%td stray bytes behind the last attribute",
			     left);
	else
		dp_error_set(error, a, -EINVAL,
			     "attribute %u says it has %u bytes where %td are left",
			     dp_attr_type(a), a->nla_len, left);
}

int dp_attr_collect(const struct nlattr *nest, const char *name, const struct nlattr **attrs,
		    unsigned max, struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	memset(attrs, 0, (max + 1) * sizeof(attrs[0]));
	dp_attr_iter_nest(&it, nest);
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		uint16_t type = dp_attr_type(attr);
		if (type == 0 || type > max)
			return dp_error_set(error, attr, -EOPNOTSUPP,
					    "%s attribute %u is not built", name, type);
		if (attrs[type] != NULL)
			return dp_error_set(error, attr, -EINVAL, "%s attribute %u is there twice",
					    name, type);
		attrs[type] = attr;
	}
	return rc;
}

int dp_attr_wants_len(const struct nlattr *attr, const char *name, size_t len,
		      struct dp_error *error)
{
	if (dp_attr_has_len(attr, len))
		return 0;
	return dp_error_set(error, attr, -EINVAL, "%s has %u bytes where %zu are right", name,
			    dp_attr_len(attr), len);
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
