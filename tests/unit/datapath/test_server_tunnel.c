// A tunnel's port reads the headers of its own tunnels, as the request for it said, and none once
// it is gone.
#include "tests/unit/datapath/datapath_calls.h"
#include "tests/unit/datapath/tunnel_vector.h"

static struct {
	struct pmd pmd;
	struct port_counters counters[PORTS_MAX];
} tunnels;

static int tunnel_new(struct dp_client *c, uint32_t ifindex, uint32_t type, bool gbp)
{
	struct nlmsghdr *nlh = begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_NEW, NLM_F_ECHO, ifindex);
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_TYPE, type);
	mnl_attr_put_strz(nlh, OVS_VPORT_ATTR_NAME, "tun");
	mnl_attr_put_u32(nlh, OVS_VPORT_ATTR_UPCALL_PID, 0);
	struct nlattr *nest = mnl_attr_nest_start(nlh, OVS_VPORT_ATTR_OPTIONS);
	mnl_attr_put_u16(nlh, OVS_TUNNEL_ATTR_DST_PORT, 4789);
	if (gbp) {
		struct nlattr *ext = mnl_attr_nest_start(nlh, OVS_TUNNEL_ATTR_EXTENSION);
		mnl_attr_put(nlh, OVS_VXLAN_EXT_GBP, 0, NULL);
		mnl_attr_nest_end(nlh, ext);
	}
	mnl_attr_nest_end(nlh, nest);
	return call(c, on_vport, NULL);
}

// Whether a port takes the headers off; how the packet went out of it.
static bool pops(uint32_t no, const struct tunnel_vector *v, struct flow_tunnel *tun)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());
	uint8_t bytes[512];
	uint32_t len = unhex(v->frame, bytes);
	assert_non_null(m);
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	tunnels.pmd.ports = tunnels.counters;
	tunnels.pmd.n_recirc = 0;
	tunnel_pop(&tunnels.pmd, no, &m, 1);
	if (tunnels.pmd.n_recirc == 0)
		return false;
	*tun = packet_meta(m)->flow.tun;
	rte_pktmbuf_free(m);
	return true;
}

static void a_port_takes_its_own_tunnels_headers_off(void **state)
{
	static const struct {
		uint32_t vport;
		const char *vector;
	} rows[] = {{OVS_VPORT_TYPE_VXLAN, "vxlan"},
		    {OVS_VPORT_TYPE_GENEVE, "geneve_opts"},
		    {OVS_VPORT_TYPE_GRE, "gre"}};
	struct dp_client *c = client();
	uint32_t dp = dp_made(c, "ovs-a");
	struct flow_tunnel tun;
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		if (tunnel_new(c, dp, rows[i].vport, false) < 0)
			fail_msg("%s", fx.text);
		uint32_t no = got.port_no;
		for (unsigned j = 0; j < RTE_DIM(rows); j++)
			assert_int_equal(pops(no, vector_of(rows[j].vector), &tun), i == j);
		assert_int_equal(vport_ask(c, OVS_VPORT_CMD_DEL, dp, NULL, no), 0);
		assert_false(pops(no, vector_of(rows[i].vector), &tun));
	}
	dp_client_close(c);
}

static void a_group_policy_is_read_where_it_was_asked_for(void **state)
{
	const struct tunnel_vector *v = vector_of("vxlan_gbp");
	struct dp_client *c = client();
	uint32_t dp = dp_made(c, "ovs-a");
	struct flow_tunnel tun;
	(void)state;
	for (unsigned gbp = 0; gbp < 2; gbp++) {
		assert_int_equal(tunnel_new(c, dp, OVS_VPORT_TYPE_VXLAN, gbp), 0);
		uint32_t no = got.port_no;
		bool popped = pops(no, v, &tun);
		assert_int_equal(popped && ntohs(tun.gbp_id_be) == v->gbp_id, gbp);
		assert_int_equal(vport_ask(c, OVS_VPORT_CMD_DEL, dp, NULL, no), 0);
	}
	dp_client_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_port_takes_its_own_tunnels_headers_off, each_start,
					    each_stop),
	    cmocka_unit_test_setup_teardown(a_group_policy_is_read_where_it_was_asked_for,
					    each_start, each_stop),
	};
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
