// What port kinds on the host's interfaces and on files ask of a driver, and what they refuse
// before.
#include "ctl/port_kinds.h"
#include "datapath/ethdev_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char devargs[ETHDEV_DEVARGS_MAX], err[256];
static char capture[] = "/tmp/swd-kinds-XXXXXX";

// Options as words: "iface=x loop=on".
static int ask(const struct port_kind *kind, const char *words)
{
	struct port port = {.no = 7, .kind = kind};
	char text[2048];
	snprintf(text, sizeof(text), "%s", words);
	snprintf(port.config.name, sizeof(port.config.name),
		 "a-name-longer-than-one-of-an-interface");
	snprintf(port.config.kind, sizeof(port.config.kind), "%s", kind->name);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		struct port_option *o = &port.config.options[port.config.n_options++];
		char *equals = strchr(word, '=');
		snprintf(o->key, sizeof(o->key), "%.*s", (int)(equals - word), word);
		snprintf(o->value, sizeof(o->value), "%s", equals + 1);
	}
	devargs[0] = err[0] = '\0';
	assert_int_equal(port_options_check(&port.config, err, sizeof(err)), 0);
	int rc = kind->ethdev->prepare(&port, err, sizeof(err));
	if (rc == 0)
		kind->ethdev->devargs(&port, devargs, sizeof(devargs));
	return rc;
}

static void gives(const struct port_kind *kind, const char *words, const char *wanted)
{
	if (ask(kind, words) < 0)
		fail_msg("%s: %s", words, err);
	assert_string_equal(devargs, wanted);
}

static void refuses(const struct port_kind *kind, const char *words, int rc, const char *why)
{
	int got = ask(kind, words);
	if (got != rc || !strstr(err, why) || strchr(err, '\n'))
		fail_msg("%s: %d, \"%s\" does not say \"%s\"", words, got, err, why);
}

static unsigned row_max(const char *kind, const char *key)
{
	return port_option_spec_find(port_kind_spec_find(kind, err, sizeof(err)), key)->max;
}

static void a_row_takes_what_the_device_can(void **state)
{
	(void)state;
	assert_int_equal(row_max("tap", "mtu"), port_kind_tap.ethdev->mtu_max);
	assert_int_equal(row_max("af-packet", "mtu"), port_kind_af_packet.ethdev->mtu_max);
	assert_int_equal(row_max("tap", "queues"), ETHDEV_TAP_QUEUES_MAX);
}

static void a_driver_is_asked_for_what_was_written(void **state)
{
	char words[128], wanted[256];
	(void)state;
	snprintf(words, sizeof(words), "rx-file=%s loop=on", capture);
	snprintf(wanted, sizeof(wanted), "net_pcap_swd7,rx_pcap=%s,infinite_rx=1", capture);
	gives(&port_kind_pcap, words, wanted);
	snprintf(words, sizeof(words), "rx-file=%s tx-file=/tmp/swd-kinds-out", capture);
	snprintf(wanted, sizeof(wanted), "net_pcap_swd7,rx_pcap=%s,tx_pcap=/tmp/swd-kinds-out",
		 capture);
	gives(&port_kind_pcap, words, wanted);
	assert_int_not_equal(access("/tmp/swd-kinds-out", F_OK), 0);
	gives(&port_kind_tap, "iface=swd-none0 mac=02:00:00:00:00:01 mtu=1400",
	      "net_tap_swd7,iface=swd-none0,mac=02:00:00:00:00:01");
	if (geteuid() != 0)
		return; // raw sockets
	gives(&port_kind_af_packet, "iface=lo mtu=1500 queues=2 qdisc-bypass=off",
	      "net_af_packet_swd7,iface=lo,qpairs=2,framecnt=512,qdisc_bypass=0");
}

static void the_longest_paths_are_not_cut_off(void **state)
{
	char rx[PORT_OPTION_MAX], tx[PORT_OPTION_MAX], words[2048], wanted[2048];
	const char *name = capture + strlen("/tmp/");
	(void)state;
	memset(rx, '/', sizeof(rx));
	rx[1] = 't', rx[2] = 'm', rx[3] = 'p';
	memcpy(tx, rx, sizeof(tx));
	size_t len = strlen(name) + 1, out_len = sizeof("swd-kinds-out");
	snprintf(rx + sizeof(rx) - len, len, "%s", name);
	snprintf(tx + sizeof(tx) - out_len, out_len, "swd-kinds-out");
	snprintf(words, sizeof(words), "rx-file=%s tx-file=%s loop=on", rx, tx);
	snprintf(wanted, sizeof(wanted), "net_pcap_swd7,rx_pcap=%s,tx_pcap=%s,infinite_rx=1", rx,
		 tx);
	gives(&port_kind_pcap, words, wanted);
}

static void what_the_host_has_not_is_refused(void **state)
{
	char words[128];
	(void)state;
	refuses(&port_kind_af_packet, "iface=swd-none0", -ENODEV,
		"no interface is named swd-none0");
	refuses(&port_kind_af_xdp, "iface=swd-none0", -ENODEV, "no interface is named swd-none0");
	refuses(&port_kind_pcap, "iface=swd-none0", -ENODEV, "no interface is named swd-none0");
	refuses(&port_kind_tap, "iface=lo", -EEXIST, "interface lo is there already");
	refuses(&port_kind_tap, "mtu=1500", -EINVAL, "too long for an interface: give iface=");
	refuses(&port_kind_pf_ring, "iface=lo", -ENODEV, "PF_RING is missing:");
	refuses(&port_kind_pcap, "loop=on iface=lo", -EINVAL, "loop=on needs rx-file=");
	refuses(&port_kind_pcap, "loop=off", -EINVAL, "needs iface=, or rx-file= or tx-file=");
	refuses(&port_kind_pcap, "rx-file=/none/a", -ENOENT, "rx-file=/none/a: No such file");
	refuses(&port_kind_pcap, "rx-file=/dev/zero", -EINVAL, "is no capture file");
	refuses(&port_kind_pcap, "rx-file=/proc/version", -EINVAL, "is no capture file");
	refuses(&port_kind_pcap, "tx-file=/none/a", -ENOENT, "its folder does not exist");
	refuses(&port_kind_pcap, "tx-file=/tmp/a[b", -EINVAL, "a comma or a bracket");
	snprintf(words, sizeof(words), "rx-file=%s tx-file=%s", capture, capture);
	refuses(&port_kind_pcap, words, -EINVAL, "would overwrite rx-file");
	snprintf(words, sizeof(words), "rx-file=%s tx-file=/tmp/..%s", capture, capture);
	refuses(&port_kind_pcap, words, -EINVAL, "would overwrite rx-file");
	refuses(&port_kind_pcap, "tx-file=/dev/null", -EINVAL, "is no file");
}

// By its name, as the member may be gone at this moment.
static void an_interface_of_a_bond_is_refused(void **state)
{
	struct port bond = {.kind = &port_kind_bond,
			    .config = {.name = "uplink",
				       .kind = "bond",
				       .n_options = 1,
				       .options = {{.key = "members", .value = "a0,swd-none0"}}}};
	(void)state;
	ports_published[3] = &bond;
	refuses(&port_kind_tap, "iface=swd-none0", -EEXIST, "belongs to port \"uplink\"");
	ports_published[3] = NULL;
	gives(&port_kind_tap, "iface=swd-none0", "net_tap_swd7,iface=swd-none0");
}

static int make_capture(void **state)
{
	static const uint32_t header[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	(void)state;
	int fd = mkstemp(capture);
	ssize_t n = fd < 0 ? -1 : write(fd, header, sizeof(header));
	if (fd >= 0)
		close(fd);
	return n == sizeof(header) ? 0 : -1;
}

static int remove_capture(void **state)
{
	(void)state;
	return unlink(capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_takes_what_the_device_can),
	    cmocka_unit_test(a_driver_is_asked_for_what_was_written),
	    cmocka_unit_test(the_longest_paths_are_not_cut_off),
	    cmocka_unit_test(what_the_host_has_not_is_refused),
	    cmocka_unit_test(an_interface_of_a_bond_is_refused),
	};
	return cmocka_run_group_tests(tests, make_capture, remove_capture);
}
