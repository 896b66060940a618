// port.guests: what swd sees of guests
#include "ctl/swctld/methods_dp.h"

#include <inttypes.h>

struct guest_list {
	const struct ports *ports;
	json_t *list;
};

// By enum swd_guest_stage.
static const char *const stages[] = {"absent", "connected", "driver", "memory", "running"};

static json_t *queue_json(const struct nlattr *nest)
{
	const struct nlattr *a[SWD_GUEST_QUEUE_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_nest_parse(nest, a, SWD_GUEST_QUEUE_ATTR_MAX, &error) < 0)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:i, s:b}", "index",
			 (int)dp_attr_uint(a[SWD_GUEST_QUEUE_ATTR_INDEX]), "size",
			 (int)dp_attr_uint(a[SWD_GUEST_QUEUE_ATTR_SIZE]), "ready",
			 (int)dp_attr_uint(a[SWD_GUEST_QUEUE_ATTR_READY]), "position",
			 (int)dp_attr_uint(a[SWD_GUEST_QUEUE_ATTR_POSITION]), "blank",
			 a[SWD_GUEST_QUEUE_ATTR_BLANK] != NULL);
}

static json_t *queues_json(const struct nlmsghdr *nlh)
{
	const unsigned headers =
	    MNL_ALIGN(sizeof(struct genlmsghdr)) + MNL_ALIGN(sizeof(struct ovs_header));
	const struct nlattr *attr;
	json_t *list = json_array();
	mnl_attr_for_each (attr, nlh, headers) {
		if (mnl_attr_get_type(attr) == SWD_GUEST_ATTR_QUEUE)
			json_array_append_new(list, queue_json(attr));
	}
	return list;
}

static json_t *bits_json(const struct nlattr *attr)
{
	return json_sprintf("0x%" PRIx64, dp_attr_uint(attr));
}

static const struct {
	const char *name;
	enum swd_guest_attr attr;
} counts[] = {
    {"mem_bytes", SWD_GUEST_ATTR_MEM_BYTES},
    {"page_bytes", SWD_GUEST_ATTR_PAGE_BYTES},
    {"mem_inode", SWD_GUEST_ATTR_MEM_INODE},
};

static void take_guest(const struct nlmsghdr *nlh, const struct nlattr **a, void *arg)
{
	struct guest_list *list = arg;
	uint64_t stage = dp_attr_uint(a[SWD_GUEST_ATTR_STAGE]);
	const struct port *port =
	    ports_by_no(list->ports, (uint32_t)dp_attr_uint(a[SWD_GUEST_ATTR_PORT_NO]));
	if (!port || stage > SWD_GUEST_RUNS)
		return;
	json_t *guest = json_pack("{s:s, s:s, s:o}", "port", port->name, "stage", stages[stage],
				  "offered", bits_json(a[SWD_GUEST_ATTR_OFFERED]));
	json_array_append_new(list->list, guest);
	if (stage < SWD_GUEST_RUNS)
		return;
	json_object_set_new(guest, "features", bits_json(a[SWD_GUEST_ATTR_FEATURES]));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(guest, counts[i].name,
				    json_integer((json_int_t)dp_attr_uint(a[counts[i].attr])));
	json_object_set_new(guest, "queues", queues_json(nlh));
}

int method_port_guests(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = methods_need_swd(d, reply);
	(void)params;
	if (!calls)
		return -1;
	struct guest_list list = {d->ports, json_array()};
	reply->result = json_pack("{s:o}", "guests", list.list);
	int err = dp_call_guests(calls, take_guest, &list, text);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}
