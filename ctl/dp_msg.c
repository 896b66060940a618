#include "ctl/dp_msg.h"

#include "ctl/dp_attr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DP_HEADERS_LEN \
	(MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct genlmsghdr)) + sizeof(struct ovs_header))

struct nlmsghdr *dp_msg_begin(struct dp_datagram *d, uint16_t family, uint8_t cmd, uint16_t flags,
			      uint32_t seq)
{
	if (dp_msg_room(d) < DP_HEADERS_LEN)
		return NULL;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf + d->len);
	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = DP_PROTO_VERSION;
	struct ovs_header *ovs = mnl_nlmsg_put_extra_header(nlh, sizeof(*ovs));
	ovs->dp_ifindex = DP_IFINDEX;
	return nlh;
}

size_t dp_msg_room(const struct dp_datagram *d)
{
	return DP_DATAGRAM_MAX - d->len;
}

void dp_msg_end(struct dp_datagram *d, struct nlmsghdr *nlh)
{
	// The put functions keep attributes aligned, so the next message is too.
	d->len += MNL_ALIGN(nlh->nlmsg_len);
}

static uint32_t attr_offset(const struct nlmsghdr *request, const struct dp_error *error)
{
	if (error == NULL || error->attr == NULL)
		return 0;
	ptrdiff_t offset = (const char *)error->attr - (const char *)request;
	return offset > 0 && offset < (ptrdiff_t)request->nlmsg_len ? (uint32_t)offset : 0;
}

bool dp_msg_error(struct dp_datagram *d, const struct nlmsghdr *request, int err,
		  const struct dp_error *error)
{
	size_t room = dp_msg_room(d);
	if (room < MNL_NLMSG_HDRLEN + sizeof(struct nlmsgerr))
		return false;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf + d->len);
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED;
	nlh->nlmsg_seq = request->nlmsg_seq;
	struct nlmsgerr *payload = mnl_nlmsg_put_extra_header(nlh, sizeof(*payload));
	payload->error = err;
	payload->msg = *request;
	if (err != 0 && error != NULL && error->text[0] != '\0') {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		uint32_t offset = attr_offset(request, error);
		if (!mnl_attr_put_strz_check(nlh, room, NLMSGERR_ATTR_MSG, error->text))
			return false;
		if (offset != 0 && !mnl_attr_put_u32_check(nlh, room, NLMSGERR_ATTR_OFFS, offset))
			return false;
	}
	dp_msg_end(d, nlh);
	return true;
}

bool dp_msg_done(struct dp_datagram *d, const struct nlmsghdr *request)
{
	if (dp_msg_room(d) < MNL_NLMSG_HDRLEN + sizeof(int))
		return false;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf + d->len);
	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = request->nlmsg_seq;
	mnl_nlmsg_put_extra_header(nlh, sizeof(int)); // status 0, as netlink has it
	dp_msg_end(d, nlh);
	return true;
}

const struct nlmsghdr *dp_datagram_next(const char **at, size_t *left)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)*at;
	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left)
		return NULL;
	// Padding of the last message may be left out.
	size_t len = MNL_ALIGN((size_t)nlh->nlmsg_len);
	len = len < *left ? len : *left;
	*at += len;
	*left -= len;
	return nlh;
}

static int attrs_sort(struct dp_attr_iter *it, const struct nlattr **attrs, unsigned max,
		      struct dp_error *error)
{
	memset(attrs, 0, (max + 1) * sizeof(attrs[0]));
	const struct nlattr *attr;
	int rc;
	while ((rc = dp_attr_next(it, &attr, error)) > 0) {
		uint16_t type = dp_attr_type(attr);
		if (type != 0 && type <= max)
			attrs[type] = attr;
	}
	return rc;
}

int dp_msg_parse(const struct nlmsghdr *nlh, const struct nlattr **attrs, unsigned max,
		 struct dp_error *error)
{
	if (nlh->nlmsg_len < DP_HEADERS_LEN)
		return dp_error_set(error, NULL, -EINVAL,
				    "message of %u bytes is shorter than its headers (%zu)",
				    nlh->nlmsg_len, DP_HEADERS_LEN);
	struct dp_attr_iter it;
	dp_attr_iter_msg(&it, nlh, DP_HEADERS_LEN);
	return attrs_sort(&it, attrs, max, error);
}

int dp_nest_parse(const struct nlattr *nest, const struct nlattr **attrs, unsigned max,
		  struct dp_error *error)
{
	struct dp_attr_iter it;
	dp_attr_iter_nest(&it, nest);
	return attrs_sort(&it, attrs, max, error);
}

uint8_t dp_msg_cmd(const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_len < DP_HEADERS_LEN)
		return 0;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	return genl->cmd;
}

uint8_t dp_msg_version(const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_len < DP_HEADERS_LEN)
		return 0;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	return genl->version;
}

static struct ovs_header *ovs_header_of(const struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload_offset(nlh, MNL_ALIGN(sizeof(struct genlmsghdr)));
}

uint32_t dp_msg_ifindex(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_len < DP_HEADERS_LEN ? 0 : (uint32_t)ovs_header_of(nlh)->dp_ifindex;
}

void dp_msg_set_ifindex(struct nlmsghdr *nlh, uint32_t ifindex)
{
	ovs_header_of(nlh)->dp_ifindex = (int)ifindex;
}

const struct nlattr *dp_msg_first_attr(const struct nlmsghdr *nlh)
{
	return mnl_nlmsg_get_payload_offset(nlh, DP_HEADERS_LEN - MNL_NLMSG_HDRLEN);
}

int dp_msg_error_parse(const struct nlmsghdr *nlh, char *text, size_t text_len)
{
	if (text_len > 0)
		text[0] = '\0';
	const struct nlmsgerr *payload = mnl_nlmsg_get_payload(nlh);
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*payload))
		return -EPROTO;
	int err = payload->error;
	if (err > 0 || err < -4095)
		return -EPROTO;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || text_len == 0)
		return err;

	struct dp_attr_iter it;
	dp_attr_iter_msg(&it, nlh, MNL_NLMSG_HDRLEN + sizeof(*payload));
	const struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	if (attrs_sort(&it, attrs, NLMSGERR_ATTR_MAX, NULL) == 0 &&
	    attrs[NLMSGERR_ATTR_MSG] != NULL) {
		const struct nlattr *msg = attrs[NLMSGERR_ATTR_MSG];
		snprintf(text, text_len, "%.*s", (int)dp_attr_len(msg), mnl_attr_get_str(msg));
	}
	return err;
}
