#include <config.h>

#include "ctl/ovs/vports.h"

#include "ctl/ovs/proto.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "netdev-provider.h"
#include "netdev.h"
#include "netlink.h"
#include "openvswitch/hmap.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-thread.h"
#include "util.h"

struct vport {
	struct hmap_node node;
	char *name;
	struct nlattr *options; // or NULL
	size_t options_len;
	struct vport_state state;
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct hmap vports = HMAP_INITIALIZER(&vports);

static struct vport *find(const char *name)
{
	struct vport *v;
	HMAP_FOR_EACH_WITH_HASH(v, node, hash_string(name, 0), &vports)
	{
		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static void text_copy(char *to, size_t size, const struct nlattr *attr)
{
	size_t len = MIN(nl_attr_get_size(attr), size - 1);
	memcpy(to, nl_attr_get(attr), len);
	to[len] = '\0';
}

static void option_read(const struct nlattr *attr, struct vport_state *state)
{
	static const char mode[] = "mode=";
	char text[64];
	text_copy(text, sizeof(text), attr);
	if (strncmp(text, mode, strlen(mode)) == 0)
		ovs_strlcpy(state->mode, text + strlen(mode), sizeof(state->mode));
}

void vport_options_read(const struct nlattr *options, size_t len, struct vport_state *state)
{
	const struct nlattr *attr;
	size_t left;
	memset(state, 0, sizeof(*state));
	NL_ATTR_FOR_EACH(attr, left, options, len)
	{
		size_t size = nl_attr_get_size(attr);
		int type = nl_attr_type(attr);
		if (type == SWD_VPORT_ATTR_KIND)
			text_copy(state->kind, sizeof(state->kind), attr);
		else if (type == SWD_VPORT_ATTR_REASON)
			text_copy(state->reason, sizeof(state->reason), attr);
		else if (type == SWD_VPORT_ATTR_OPTION)
			option_read(attr, state);
		else if (type == SWD_VPORT_ATTR_LINK_UP && size == sizeof(uint8_t))
			state->link_up = nl_attr_get_u8(attr) != 0;
		else if (type == SWD_VPORT_ATTR_MTU && size == sizeof(uint16_t))
			state->mtu = nl_attr_get_u16(attr);
		else if (type == SWD_VPORT_ATTR_MAC && size == sizeof(state->mac)) {
			memcpy(state->mac, nl_attr_get(attr), sizeof(state->mac));
			state->has_mac = true;
		}
	}
}

// With the mutex. Whether anything that a netdev shows is new.
static bool keep(const char *name, struct nlattr *const *a)
{
	struct vport *v = find(name);
	const struct nlattr *options = a[OVS_VPORT_ATTR_OPTIONS];
	struct vport_state before = {0};
	if (v == NULL) {
		v = xzalloc(sizeof(*v));
		v->name = xstrdup(name);
		hmap_insert(&vports, &v->node, hash_string(name, 0));
	}
	before = v->state;
	free(v->options);
	v->options_len = options != NULL ? nl_attr_get_size(options) : 0;
	v->options = options != NULL ? xmemdup(nl_attr_get(options), v->options_len) : NULL;
	vport_options_read(v->options, v->options_len, &v->state);
	v->state.no = nl_attr_get_u32(a[OVS_VPORT_ATTR_PORT_NO]);
	v->state.type = nl_attr_get_u32(a[OVS_VPORT_ATTR_TYPE]);
	return memcmp(&before, &v->state, sizeof(before)) != 0;
}

// With the mutex.
static void forget(struct vport *v)
{
	if (v == NULL)
		return;
	hmap_remove(&vports, &v->node);
	free(v->name);
	free(v->options);
	free(v);
}

static void netdev_tell(const char *name)
{
	struct netdev *netdev = netdev_from_name(name);
	if (netdev == NULL)
		return;
	netdev_change_seq_changed(netdev);
	netdev_close(netdev);
}

void vports_hear(const struct nlmsghdr *nlh)
{
	static const struct nl_policy policy[] = {
	    [OVS_VPORT_ATTR_PORT_NO] = {.type = NL_A_U32},
	    [OVS_VPORT_ATTR_TYPE] = {.type = NL_A_U32},
	    [OVS_VPORT_ATTR_NAME] = {.type = NL_A_STRING},
	    [OVS_VPORT_ATTR_OPTIONS] = {.type = NL_A_NESTED, .optional = true},
	};
	struct nlattr *a[ARRAY_SIZE(policy)];
	if (nlh->nlmsg_type != DP_FAMILY_VPORT)
		return;
	struct ofpbuf b = ofpbuf_const_initializer(nlh, nlh->nlmsg_len);
	ofpbuf_pull(&b, sizeof(*nlh));
	const struct genlmsghdr *genl = ofpbuf_try_pull(&b, sizeof(*genl));
	const struct ovs_header *ovs = ofpbuf_try_pull(&b, sizeof(*ovs));
	if (genl == NULL || ovs == NULL || ovs->dp_ifindex == DP_IFINDEX ||
	    !nl_policy_parse(&b, 0, policy, a, ARRAY_SIZE(policy)))
		return;
	const char *name = nl_attr_get_string(a[OVS_VPORT_ATTR_NAME]);
	bool changed = true;
	ovs_mutex_lock(&mutex);
	if (genl->cmd == OVS_VPORT_CMD_DEL)
		forget(find(name));
	else
		changed = keep(name, a);
	ovs_mutex_unlock(&mutex);
	if (changed)
		netdev_tell(name);
}

void vports_forget(uint32_t no)
{
	struct vport *v, *found = NULL;
	ovs_mutex_lock(&mutex);
	HMAP_FOR_EACH(v, node, &vports)
	{
		if (v->state.no == no)
			found = v;
	}
	forget(found);
	ovs_mutex_unlock(&mutex);
}

void vports_clear(void)
{
	struct vport *v;
	ovs_mutex_lock(&mutex);
	HMAP_FOR_EACH_SAFE(v, node, &vports)
	forget(v);
	ovs_mutex_unlock(&mutex);
}

char *vports_name_of(uint32_t no)
{
	const struct vport *v;
	char *name = NULL;
	ovs_mutex_lock(&mutex);
	HMAP_FOR_EACH(v, node, &vports)
	{
		if (v->state.no == no)
			name = xstrdup(v->name);
	}
	ovs_mutex_unlock(&mutex);
	return name;
}

bool vports_find(const char *name, struct vport_state *state)
{
	ovs_mutex_lock(&mutex);
	const struct vport *v = find(name);
	if (v != NULL)
		*state = v->state;
	ovs_mutex_unlock(&mutex);
	return v != NULL;
}

// What a request says, of what stands there.
static bool is_config(const struct nlattr *attr)
{
	return nl_attr_type(attr) == SWD_VPORT_ATTR_KIND ||
	       nl_attr_type(attr) == SWD_VPORT_ATTR_OPTION;
}

static size_t n_config(const struct nlattr *options, size_t len)
{
	const struct nlattr *attr;
	size_t left, n = 0;
	NL_ATTR_FOR_EACH(attr, left, options, len)
	n += is_config(attr);
	return n;
}

static bool has(const struct nlattr *options, size_t len, const struct nlattr *wanted)
{
	const struct nlattr *attr;
	size_t left;
	NL_ATTR_FOR_EACH(attr, left, options, len)
	{
		if (attr->nla_len == wanted->nla_len && attr->nla_type == wanted->nla_type &&
		    memcmp(attr, wanted, attr->nla_len) == 0)
			return true;
	}
	return false;
}

bool vports_is_as(const char *name, const struct nlattr *options, size_t len)
{
	const struct nlattr *attr;
	size_t left;
	ovs_mutex_lock(&mutex);
	const struct vport *v = find(name);
	bool same = v != NULL && n_config(options, len) == n_config(v->options, v->options_len);
	NL_ATTR_FOR_EACH(attr, left, options, len)
	same = same && has(v->options, v->options_len, attr);
	ovs_mutex_unlock(&mutex);
	return same;
}

void vports_for_each(void (*fn)(const struct vport_request *, void *arg), void *arg)
{
	struct vport *v;
	ovs_mutex_lock(&mutex);
	size_t n = hmap_count(&vports), i = 0;
	struct vport_request *requests = xcalloc(n + 1, sizeof(*requests));
	HMAP_FOR_EACH(v, node, &vports)
	{
		requests[i++] =
		    (struct vport_request){.name = xstrdup(v->name),
					   .no = v->state.no,
					   .type = v->state.type,
					   .options = v->options != NULL
							  ? xmemdup(v->options, v->options_len)
							  : NULL,
					   .options_len = v->options_len};
	}
	ovs_mutex_unlock(&mutex);
	// Without the mutex: what swd answers to fn's requests is heard above.
	for (i = 0; i < n; i++) {
		fn(&requests[i], arg);
		free(CONST_CAST(char *, requests[i].name));
		free(CONST_CAST(struct nlattr *, requests[i].options));
	}
	free(requests);
}
