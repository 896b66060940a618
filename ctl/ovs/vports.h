// The ports of our datapath as swd told last: what netdevs show, and what an swd that starts anew
// is given again. Any thread.
#ifndef CTL_OVS_VPORTS_H
#define CTL_OVS_VPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;
struct nlattr;

#define VPORT_REASON_MAX 128

struct vport_state {
	uint32_t no, type;
	bool link_up;
	bool has_mac;
	uint8_t mac[6];
	unsigned mtu;		       // 0: not known
	char kind[32];		       // "": a tunnel's
	char mode[16];		       // of vhost-user
	char reason[VPORT_REASON_MAX]; // why the link is down, or ""
};

// Any message from swd: those of the vport family of datapaths of Open vSwitch change what is
// known.
void vports_hear(const struct nlmsghdr *nlh);
void vports_forget(uint32_t no); // it was deleted
void vports_clear(void);	 // a datapath was made: it has none
bool vports_find(const char *name, struct vport_state *state);
// Whether swd has the port as a request with these attributes would make it.
bool vports_is_as(const char *name, const struct nlattr *options, size_t len);
// The name of a port, which the caller frees. NULL: there is none.
char *vports_name_of(uint32_t no);
// Reads what a vport's OPTIONS say.
void vport_options_read(const struct nlattr *options, size_t len, struct vport_state *state);

// Calls fn for each port, with what swd must be asked to have it again.
struct vport_request {
	const char *name;
	uint32_t no, type;
	const struct nlattr *options; // or NULL
	size_t options_len;
};
void vports_for_each(void (*fn)(const struct vport_request *, void *arg), void *arg);

#endif
