// Messages of the datapath protocol: starting one in a buffer, reading one, answering with an
// error.
#ifndef CTL_DP_MSG_H
#define CTL_DP_MSG_H

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"

// A datagram that is being filled with messages. `buf` has DP_DATAGRAM_MAX bytes, 4-aligned.
struct dp_datagram {
	char *buf;
	size_t len; // bytes of finished messages
};

// Starts a message behind what is there (needs at least the three headers' room; NULL otherwise).
struct nlmsghdr *dp_msg_begin(struct dp_datagram *d, uint16_t family, uint8_t cmd, uint16_t flags,
			      uint32_t seq);
// Bytes that attributes may still take: pass as `room` to the put functions (they compare nlmsg_len
// with it).
size_t dp_msg_room(const struct dp_datagram *d);
void dp_msg_end(struct dp_datagram *d, struct nlmsghdr *nlh);

// Appends NLMSG_ERROR for `request` (err 0: an acknowledgement), or NLMSG_DONE. false when there is
// no room.
bool dp_msg_error(struct dp_datagram *d, const struct nlmsghdr *request, int err,
		  const struct dp_error *error);
bool dp_msg_done(struct dp_datagram *d, const struct nlmsghdr *request);

// The next message of a received datagram of *left bytes at *at (4-aligned), whole within it; both
// move past it. NULL at the end, where *left is 0 or the rest is no message. (mnl_nlmsg_ok() takes
// a length of 2 GB and more for a good one.)
const struct nlmsghdr *dp_datagram_next(const char **at, size_t *left);

// Checks that a message has the genetlink and ovs headers, and sorts its attributes by type into
// attrs[0..max] (last wins; others are ignored, as the kernel does for newer attributes). 0 or
// -EINVAL with *error.
int dp_msg_parse(const struct nlmsghdr *nlh, const struct nlattr **attrs, unsigned max,
		 struct dp_error *error);
int dp_nest_parse(const struct nlattr *nest, const struct nlattr **attrs, unsigned max,
		  struct dp_error *error);
uint8_t dp_msg_cmd(const struct nlmsghdr *nlh);
uint8_t dp_msg_version(const struct nlmsghdr *nlh); // of its sender's protocol
// The datapath that a message is for or from; dp_msg_begin() sets DP_IFINDEX.
uint32_t dp_msg_ifindex(const struct nlmsghdr *nlh);
void dp_msg_set_ifindex(struct nlmsghdr *nlh, uint32_t ifindex);
const struct nlattr *dp_msg_first_attr(const struct nlmsghdr *nlh);

// Reads an NLMSG_ERROR: 0 or -errno, and the peer's text (empty when none).
int dp_msg_error_parse(const struct nlmsghdr *nlh, char *text, size_t text_len);

#endif
