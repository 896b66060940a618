// Appending netlink attributes, inline: as libmnl's mnl_attr_put_check() and its kin, each of whose
// calls makes three others, for messages that are many.
#ifndef CTL_DP_PUT_H
#define CTL_DP_PUT_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <string.h>

// Where an attribute's payload of `len` bytes, at most UINT16_MAX - 4, is to be written; padding
// behind it is zero. NULL: the message, of `room` bytes at most, has no room.
static inline void *dp_put_room(struct nlmsghdr *nlh, size_t room, uint16_t type, size_t len)
{
	size_t bytes = MNL_ATTR_HDRLEN + MNL_ALIGN(len);
	if (nlh->nlmsg_len + bytes > room)
		return NULL;
	char *at = (char *)nlh + MNL_ALIGN(nlh->nlmsg_len);
	memset(at + bytes - MNL_ALIGNTO, 0, MNL_ALIGNTO);
	struct nlattr *attr = (struct nlattr *)at;
	attr->nla_type = type;
	attr->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + len);
	nlh->nlmsg_len += (uint32_t)bytes;
	return at + MNL_ATTR_HDRLEN;
}

static inline bool dp_put(struct nlmsghdr *nlh, size_t room, uint16_t type, size_t len,
			  const void *data)
{
	void *payload = dp_put_room(nlh, room, type, len);
	if (payload == NULL)
		return false;
	if (len > 0)
		memcpy(payload, data, len);
	return true;
}

static inline bool dp_put_u16(struct nlmsghdr *nlh, size_t room, uint16_t type, uint16_t value)
{
	return dp_put(nlh, room, type, sizeof(value), &value);
}

static inline bool dp_put_u32(struct nlmsghdr *nlh, size_t room, uint16_t type, uint32_t value)
{
	return dp_put(nlh, room, type, sizeof(value), &value);
}

#endif
