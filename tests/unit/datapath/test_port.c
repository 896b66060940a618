// The port table, and the "dpdk" kind on devices that need nothing: net_null, net_ring.
#include "datapath/port.h"

#include <rte_eal.h>
#include <rte_ethdev.h>

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char err[256];

static struct port_config config(const char *name, const char *kind, const char *const *options)
{
	struct port_config c = {0};
	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.kind, sizeof(c.kind), "%s", kind);
	for (; *options; options++) {
		struct port_option *o = &c.options[c.n_options++];
		const char *eq = strchr(*options, '=');
		snprintf(o->key, sizeof(o->key), "%.*s", (int)(eq - *options), *options);
		snprintf(o->value, sizeof(o->value), "%s", eq + 1);
	}
	return c;
}

static int add(uint32_t no, const char *name, const char *kind, const char *const *options,
	       struct port **port)
{
	struct port_config c = config(name, kind, options);
	*port = NULL;
	err[0] = '\0';
	return port_add(no, &c, port, err, sizeof(err));
}
#define ADD(no, name, kind, port, ...) \
	add(no, name, kind, (const char *const[]){__VA_ARGS__, NULL}, port)
#define NULL_DEV(n) "devargs=net_null" #n

static void says(const char *word)
{
	if (!strstr(err, word))
		fail_msg("\"%s\" does not say \"%s\"", err, word);
	assert_null(strchr(err, '\n'));
}

static void numbers_are_the_lowest_free_or_as_asked(void **state)
{
	(void)state;
	struct port *a, *b, *c;
	assert_int_equal(ADD(0, "a", "dpdk", &a, NULL_DEV(0)), 0);
	assert_int_equal(ADD(7, "b", "dpdk", &b, NULL_DEV(1)), 0);
	assert_int_equal(ADD(0, "c", "dpdk", &c, NULL_DEV(2)), 0);
	assert_int_equal(a->no, 1);
	assert_int_equal(b->no, 7);
	assert_int_equal(c->no, 2);
	assert_ptr_equal(port_get(7), b);
	assert_ptr_equal(port_find("c"), c);
	assert_null(port_find("d"));

	uint32_t cursor = 0;
	assert_ptr_equal(port_next(&cursor), a);
	assert_ptr_equal(port_next(&cursor), c);
	assert_ptr_equal(port_next(&cursor), b);
	assert_null(port_next(&cursor));

	port_del(a);
	assert_null(port_get(1));
	assert_int_equal(ADD(0, "a", "dpdk", &a, NULL_DEV(0)), 0);
	assert_int_equal(a->no, 1);
	ports_fini();
	cursor = 0;
	assert_null(port_next(&cursor));
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void names_and_numbers_are_given_once(void **state)
{
	(void)state;
	struct port *a, *b;
	assert_int_equal(ADD(3, "a", "dpdk", &a, NULL_DEV(0)), 0);
	assert_int_equal(ADD(0, "a", "dpdk", &b, NULL_DEV(1)), -EEXIST);
	says("\"a\"");
	assert_int_equal(ADD(3, "b", "dpdk", &b, NULL_DEV(1)), -EEXIST);
	says("number 3");
	assert_int_equal(ADD(PORTS_MAX, "b", "dpdk", &b, NULL_DEV(1)), -EINVAL);
	says("too large");
	assert_int_equal(ADD(0, "", "dpdk", &b, NULL_DEV(1)), -EINVAL);
	assert_int_equal(ADD(0, "a,b", "dpdk", &b, NULL_DEV(1)), -EINVAL);
	says("\"a,b\"");
	assert_int_equal(rte_eth_dev_count_avail(), 1);
	ports_fini();
}

static void bad_options_are_named(void **state)
{
	(void)state;
	struct port *p;
	assert_int_equal(ADD(0, "a", "pigeon", &p, NULL_DEV(0)), -EINVAL);
	says("\"pigeon\"");
	assert_int_equal(ADD(0, "a", "dpdk", &p, "colour=red"), -EINVAL);
	says("colour");
	assert_int_equal(ADD(0, "a", "dpdk", &p, "queues=1"), -EINVAL);
	says("devargs=");
	assert_int_equal(ADD(0, "a", "dpdk", &p, NULL_DEV(0), NULL_DEV(1)), -EINVAL);
	says("twice");
	static const char *const bad[] = {"queues=0",  "queues=17", "queues=",
					  "queues=1x", "mtu=67",    "mtu=99999999999"};
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(ADD(0, "a", "dpdk", &p, NULL_DEV(0), bad[i]), -EINVAL);
		says(bad[i]);
	}
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void hardware_and_what_blocks_is_refused(void **state)
{
	(void)state;
	struct port *p;
	static const char *const pci[] = {
	    "devargs=0000:00:03.0",	    "devargs=00:03.0,x=y",
	    "devargs=pci:0000:00:03.0",	    "devargs=0000:FF:1f.7",
	    "devargs=bus=pci,addr=00:03.0", "devargs=0x0:0x3.0x0",
	    "devargs=pci/0000:00:03.0",	    "devargs=net_failsafe0,dev(00:03.0)"};
	for (size_t i = 0; i < RTE_DIM(pci); i++) {
		assert_int_equal(ADD(0, "a", "dpdk", &p, pci[i]), -EOPNOTSUPP);
		says("names hardware: use `type=nic pci=ADDRESS`");
	}
	assert_int_equal(ADD(0, "a", "nic", &p, "pci=ffff:ff:1f.7"), -ENODEV);
	says("there is no PCI device ffff:ff:1f.7: `swctl nic list` has them");
	assert_int_equal(ADD(0, "a", "dpdk", &p, "devargs=virtio_user0,path=/tmp/x,server=1"),
			 -EOPNOTSUPP);
	says("server=1");
	assert_int_equal(ADD(0, "a", "dpdk", &p, "devargs=virtio_user0,server=0x1,path=/tmp/x"),
			 -EOPNOTSUPP);
	assert_int_equal(ADD(0, "a", "dpdk", &p, "devargs=nothing0"), -ENODEV);
	says("no DPDK driver takes device \"nothing0\"");
	assert_true(ADD(0, "a", "dpdk", &p, "devargs=net_pcap0,rx_pcap=/nonexistent") < 0);
	says("its driver refused it");
	// Not passed on to the driver, which would make an interface of another name.
	assert_int_equal(ADD(0, "a", "dpdk", &p, "devargs=net_tap0,iface=x0,queues=2"), -EINVAL);
	says("does not know \"queues=2\"");
	assert_int_equal(ADD(0, "a", "dpdk", &p, "devargs=net_tap0,ifac=x0"), -EINVAL);
	says("does not know \"ifac=x0\"");
}

static void a_device_has_one_port_and_goes_with_it(void **state)
{
	(void)state;
	struct port *a, *b;
	assert_int_equal(ADD(0, "a", "dpdk", &a, NULL_DEV(0)), 0);
	assert_int_equal(ADD(0, "b", "dpdk", &b, NULL_DEV(0)), -EEXIST);
	says("belongs to a port already");
	assert_int_equal(rte_eth_dev_count_avail(), 1);
	port_del(a);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	// A refused one is taken away too.
	assert_int_equal(ADD(0, "a", "dpdk", &a, "devargs=net_ring0", "mtu=9000"), -ENOTSUP);
	says("mtu");
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void packets_sent_to_a_ring_come_back(void **state)
{
	(void)state;
	struct port *p;
	struct port_status status;
	struct rte_mbuf *out[4], *in[4];
	int reason;

	assert_int_equal(ADD(0, "a", "dpdk", &p, "devargs=net_ring0"), 0);
	p->kind->status(p, &status);
	assert_true(status.link_up);
	assert_string_equal(status.detail, "net_ring net_ring0");
	assert_int_equal(status.mtu, 1500);
	assert_int_equal(p->max_frame, 1514);
	assert_int_equal(rte_pktmbuf_alloc_bulk(packet_pool(), out, 4), 0);
	for (int i = 0; i < 4; i++)
		memset(rte_pktmbuf_append(out[i], 60 + i), i, 60 + i);
	// A PMD whose index is past the queues shares one: this one the first.
	assert_int_equal(p->kind->tx(p, 3u * p->n_txq, out, 4, &reason), 4);
	assert_int_equal(p->kind->rx(p, 0, NULL, in, 4), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(in[i]->pkt_len, 60 + i);
	rte_pktmbuf_free_bulk(in, 4);
	assert_int_equal(p->kind->rx(p, 0, NULL, in, 4), 0);
	ports_fini();
}

static int start(void **state)
{
	(void)state;
	char *argv[] = {"test", "--no-pci",    "--no-huge",	 "--no-shconf",
			"-m",	"64",	       "--no-telemetry", "-l",
			"0",	"--log-level", "*:emergency",	 NULL};
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0 || !packet_pool_create(4096))
		return -1;
	ports_init(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_the_lowest_free_or_as_asked),
	    cmocka_unit_test(names_and_numbers_are_given_once),
	    cmocka_unit_test(bad_options_are_named),
	    cmocka_unit_test(hardware_and_what_blocks_is_refused),
	    cmocka_unit_test(a_device_has_one_port_and_goes_with_it),
	    cmocka_unit_test(packets_sent_to_a_ring_come_back),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
