// What a list of actions names must be its datapath's own, wherever in the list it stands.
#include "tests/unit/datapath/datapath_calls.h"
#include "tests/unit/datapath/tunnel_vector.h"

#define PLACES 6

struct list {
	struct action a[8];
	unsigned n;
};

static int flow_new(struct dp_client *c, uint32_t ifindex, uint32_t in_port,
		    const struct list *list)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_NEW, NLM_F_REPLACE, ifindex);
	size_t room = dp_client_room(c);
	const struct flow_key key = {.in_port = in_port, .eth_type_be = htons(0x1234)};
	const struct flow_key mask = {.in_port = UINT32_MAX, .eth_type_be = UINT16_MAX};
	assert_true(dp_key_put(nlh, room, OVS_FLOW_ATTR_KEY, &key, NULL));
	assert_true(dp_key_put(nlh, room, OVS_FLOW_ATTR_MASK, &key, &mask));
	assert_true(dp_actions_put(nlh, room, OVS_FLOW_ATTR_ACTIONS, list->a, list->n));
	return call(c, NULL, NULL);
}

static unsigned n_flows(struct dp_client *c, uint32_t ifindex)
{
	assert_int_equal(dp_ask(c, OVS_DP_CMD_GET, ifindex, NULL), 0);
	return (unsigned)got.stats.n_flows;
}

// An action at one of the places that a list has.
static struct list list_with(unsigned place, struct action x)
{
	const struct action clone = {.type = ACTION_CLONE, .n_more = 1},
			    outer = {.type = ACTION_CLONE, .n_more = 2},
			    sample = {.type = ACTION_SAMPLE, .n_more = 1, .u.probability = 7},
			    pop = {.type = ACTION_POP_VLAN};
	struct action check = {.type = ACTION_CHECK_PKT_LEN,
			       .n_more = 2,
			       .u.check_pkt_len = {.pkt_len = 100, .n_greater = 1}};
	const struct list lists[PLACES] = {
	    {{pop, x}, 2},	  {{clone, x, pop}, 3}, {{sample, x}, 2},
	    {{check, x, pop}, 3}, {{check, pop, x}, 3}, {{outer, clone, x}, 3},
	};
	return lists[place];
}

static struct list push_of(uint32_t tnl_port, uint32_t out_port)
{
	struct list list = {.n = 0};
	struct action *push = &list.a[0];
	uint8_t header[512];
	uint32_t len = unhex(vector_of("vxlan")->header, header);
	push->type = ACTION_TUNNEL_PUSH;
	push->n_more = (len + (uint32_t)sizeof(list.a[0]) - 1) / (uint32_t)sizeof(list.a[0]);
	push->u.tunnel_push = (struct action_tunnel_push){.tnl_port = tnl_port,
							  .out_port = out_port,
							  .header_len = len};
	memcpy(&list.a[1], header, len);
	list.n = action_entries(push);
	return list;
}

static void ports_are_the_datapaths_own(void **state)
{
	struct dp_client *c = client();
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	uint32_t own = vport_made(c, a, "vx-a"), other = vport_made(c, b, "vx-b");
	for (unsigned place = 0; place < PLACES; place++) {
		enum action_type types[] = {ACTION_OUTPUT, ACTION_TUNNEL_POP};
		for (unsigned i = 0; i < 2; i++) {
			struct action x = {.type = types[i], .u.port = other};
			struct list list = list_with(place, x);
			assert_int_equal(flow_new(c, a, own, &list), -EINVAL);
			assert_non_null(strstr(fx.text, "another datapath"));
			x.u.port = own;
			list = list_with(place, x);
			if (flow_new(c, a, own, &list) < 0)
				fail_msg("place %u: %s", place, fx.text);
		}
	}
	for (unsigned i = 0; i < 3; i++) {
		struct list push = push_of(i == 1 ? other : own, i == 2 ? other : own);
		assert_int_equal(flow_new(c, a, own, &push), i == 0 ? 0 : -EINVAL);
	}
	dp_client_close(c);
}

static void meters_are_the_datapaths_own(void **state)
{
	struct dp_client *c = client();
	const struct dp_meter meter = {.id = 7,
				       .n_bands = 1,
				       .bands = {{.type = OVS_METER_BAND_TYPE_DROP, .rate = 1000}}};
	const struct action x = {.type = ACTION_METER, .u.meter_id = 7};
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b"), own = vport_made(c, a, "vx-a");
	uint32_t dps[] = {b, a}; // the other one's is not enough
	for (unsigned i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = begin(c, DP_FAMILY_METER, OVS_METER_CMD_SET, 0, dps[i]);
		dp_meter_put(nlh, dp_client_room(c), &meter, false);
		assert_int_equal(call(c, NULL, NULL), 0);
		for (unsigned place = 0; place < PLACES; place++) {
			struct list list = list_with(place, x);
			assert_int_equal(flow_new(c, a, own, &list), i == 0 ? -ENOENT : 0);
		}
	}
	dp_client_close(c);
}

// A flow that names a port which is another's from now on goes, wherever it names it; others stay,
// whatever the bytes of a header look like.
static void a_number_that_changes_hands_takes_flows_along(void **state)
{
	enum { IN = 50, NO = 2 };
	struct dp_client *c = client();
	(void)state;
	uint32_t a = dp_made(c, "ovs-a"), b = dp_made(c, "ovs-b");
	for (unsigned place = 0; place < PLACES + 2; place++) {
		const struct action x = {.type = ACTION_OUTPUT, .u.port = NO};
		struct list list =
		    place < PLACES ? list_with(place, x)
				   : push_of(place == PLACES ? NO : IN, place == PLACES ? IN : NO);
		assert_int_equal(flow_new(c, a, IN + place, &list), 0);
	}
	struct list stays = push_of(IN, IN);
	memset(&stays.a[1], 0, sizeof(stays.a[1]));
	memcpy(&stays.a[1], (uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, NO, 0, 0, 0, 8, 0, 0x45}, 15);
	((uint8_t *)&stays.a[1])[23] = IPPROTO_UDP;
	assert_int_equal(flow_new(c, a, IN + PLACES + 2, &stays), 0);
	assert_int_equal(n_flows(c, a), PLACES + 3);
	assert_int_equal(vport_new(c, b, "vx-b", NO), 0);
	assert_int_equal(n_flows(c, a), 1);
	dp_client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(ports_are_the_datapaths_own, each_start, each_stop),
	    cmocka_unit_test_setup_teardown(meters_are_the_datapaths_own, each_start, each_stop),
	    cmocka_unit_test_setup_teardown(a_number_that_changes_hands_takes_flows_along,
					    each_start, each_stop),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
