// swd has no NSH. What translation makes with it is told to be for ovs-vswitchd itself: it then
// puts an upcall into the datapath instead, and does the actions on each packet, as it does with
// whatever a datapath lacks and it asks for. Of NSH it does not ask.
#include <config.h>

#include <stdbool.h>
#include <string.h>

#include "netlink.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "ofproto/ofproto-dpif-xlate.h"
#include "ofproto/ofproto-dpif.h"
#include "openvswitch/ofpbuf.h"

enum xlate_error __real_xlate_actions(struct xlate_in *in, struct xlate_out *out);
enum xlate_error __wrap_xlate_actions(struct xlate_in *in, struct xlate_out *out);

static bool is_nsh_set(const struct nlattr *action)
{
	const struct nlattr *field = nl_attr_get(action);
	return nl_attr_get_size(action) >= sizeof(*field) &&
	       nl_attr_type(field) == OVS_KEY_ATTR_NSH;
}

static bool have_nsh(const struct nlattr *actions, size_t len);

static bool one_way_has_nsh(const struct nlattr *check_pkt_len)
{
	const struct nlattr *a;
	size_t left;
	NL_NESTED_FOR_EACH(a, left, check_pkt_len)
	{
		if (nl_attr_type(a) != OVS_CHECK_PKT_LEN_ATTR_PKT_LEN &&
		    have_nsh(nl_attr_get(a), nl_attr_get_size(a)))
			return true;
	}
	return false;
}

static bool have_nsh(const struct nlattr *actions, size_t len)
{
	const struct nlattr *a;
	size_t left;
	NL_ATTR_FOR_EACH(a, left, actions, len)
	{
		int type = nl_attr_type(a);
		if (type == OVS_ACTION_ATTR_PUSH_NSH || type == OVS_ACTION_ATTR_POP_NSH)
			return true;
		if ((type == OVS_ACTION_ATTR_SET || type == OVS_ACTION_ATTR_SET_MASKED) &&
		    is_nsh_set(a))
			return true;
		if (type == OVS_ACTION_ATTR_CLONE && have_nsh(nl_attr_get(a), nl_attr_get_size(a)))
			return true;
		if (type == OVS_ACTION_ATTR_CHECK_PKT_LEN && one_way_has_nsh(a))
			return true;
	}
	return false;
}

enum xlate_error __wrap_xlate_actions(struct xlate_in *in, struct xlate_out *out)
{
	enum xlate_error error = __real_xlate_actions(in, out);
	if (in->odp_actions != NULL && strcmp(in->ofproto->backer->type, "swd") == 0 &&
	    have_nsh(in->odp_actions->data, in->odp_actions->size))
		out->slow |= SLOW_ACTION;
	return error;
}
