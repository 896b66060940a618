// A rule's actions in ovs-ofctl's syntax: "mod_vlan_vid:10,output:vm2".
#ifndef CTL_OF_ACTIONS_H
#define CTL_OF_ACTIONS_H

#include "ctl/of_match.h"

#define OF_ACTIONS_MAX 64

enum of_action_type {
	OF_OUTPUT, // u.port
	OF_DROP,   // stands alone
	OF_NORMAL,
	OF_FLOOD, // all ports but the input port
	OF_IN_PORT,
	OF_MOD_VLAN_VID, // u.vid: adds a tag when there is none
	OF_STRIP_VLAN,
	OF_PUSH_VLAN,  // u.tpid_be
	OF_MOD_DL_SRC, // u.eth
	OF_MOD_DL_DST,
	OF_MOD_NW_SRC, // u.ip_be
	OF_MOD_NW_DST,
	OF_MOD_TP_SRC, // u.tp_be
	OF_MOD_TP_DST,
};

struct of_action {
	enum of_action_type type;
	union {
		uint32_t port;
		uint16_t vid;
		uint16_t tpid_be;
		struct eth_addr eth;
		uint32_t ip_be;
		uint16_t tp_be;
	} u;
};

// Reads the text behind "actions=". Returns how many (0: drop), or -EINVAL with *error (columns
// counted from `line`). `match` (may be NULL) is checked: mod_tp_dst needs a match on tcp, udp or
// sctp, mod_nw_src one on ip.
int of_actions_parse(struct of_action *list, unsigned max, const char *line, const char *text,
		     const struct flow_match *match, const struct of_ports *ports,
		     struct of_error *error);
char *of_actions_format(const struct of_action *list, unsigned n, const struct of_ports *ports);

#endif
