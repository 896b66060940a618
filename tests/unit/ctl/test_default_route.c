// Which interfaces a host's default routes need, in a /proc and a /sys of the test's own:
//
//     br0 --- bond0 --- eth0, eth1        eth2.5 --- eth2        eth3
#include "ctl/default_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char root[] = "/tmp/test-route-XXXXXX";

// Makes a folder, and those that it is in.
static void make_folder(const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s/", root, name);
	for (char *c = path + sizeof(root); *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(path, 0755);
		*c = '/';
	}
}

static void make_file(const char *name, const char *text)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int host_make(void **state)
{
	static const char *const folders[] = {"proc/net",
					      "sys/class/net/br0/lower_bond0",
					      "sys/class/net/bond0/lower_eth0",
					      "sys/class/net/bond0/lower_eth1",
					      "sys/class/net/bond0/upper_br0",
					      "sys/class/net/eth2.5/lower_eth2",
					      "sys/class/net/eth0/upper_bond0",
					      "sys/class/net/eth3",
					      "sys/class/net/lo",
					      "sys/class/net/loop0/lower_loop1",
					      "sys/class/net/loop1/lower_loop0"};
	(void)state;
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		make_folder(folders[i]);
	return 0;
}

static int host_remove(void **state)
{
	char command[64];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

#define V4(iface, destination, flags, mask)                                                   \
	"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"                     \
	"eth3\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" iface "\t" destination \
	"\t0100000A\t" flags "\t0\t0\t100\t" mask "\t0\t0\t0\n"
#define V6(iface, destination, len, flags)                                               \
	destination " " len " 00000000000000000000000000000000 00 "                      \
		    "fe800000000000000000000000000001 00000400 00000001 00000000 " flags \
		    "     " iface "\n"
#define NONE "00000000000000000000000000000000"
#define SOME "20010db8000000000000000000000000"

// All interfaces that are refused, as one text.
static const char *in_use(const char *v4, const char *v6)
{
	static const char *const ifaces[] = {"lo",   "eth0",  "eth1", "eth2",
					     "eth3", "bond0", "br0",  "eth2.5"};
	static char text[128];
	size_t used = 0;
	make_file("proc/net/route", v4);
	make_file("proc/net/ipv6_route", v6);
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(ifaces) / sizeof(ifaces[0]); i++) {
		if (default_route_uses(root, ifaces[i]))
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used, "%s ", ifaces[i]);
	}
	return text;
}

static void an_interface_of_a_default_route_is_told(void **state)
{
	(void)state;
	assert_string_equal(in_use(V4("eth3", "00000000", "0003", "00000000"), ""), "eth3 ");
	assert_string_equal(in_use("", V6("eth3", NONE, "00", "00000003")), "eth3 ");
	assert_string_equal(in_use("", ""), "");
}

static void so_is_what_stands_below_it(void **state)
{
	(void)state;
	assert_string_equal(in_use(V4("br0", "00000000", "0003", "00000000"), ""),
			    "eth0 eth1 bond0 br0 ");
	assert_string_equal(in_use("", V6("bond0", NONE, "00", "00000003")), "eth0 eth1 bond0 ");
	assert_string_equal(in_use(V4("eth2.5", "00000000", "0003", "00000000"), ""),
			    "eth2 eth2.5 ");
	// What stands upon the route's interface is not needed by it.
	assert_string_equal(in_use(V4("eth1", "00000000", "0003", "00000000"), ""), "eth1 ");
	assert_string_equal(in_use(V4("loop0", "00000000", "0003", "00000000"), ""), "");
}

static void other_routes_do_not_count(void **state)
{
	(void)state;
	assert_string_equal(in_use(V4("eth0", "00000A0A", "0003", "00FFFFFF"), ""), "");
	assert_string_equal(in_use(V4("eth0", "00000000", "0003", "00000080"), ""), "");
	assert_string_equal(in_use("", V6("eth0", SOME, "20", "00000003")), "");
	assert_string_equal(in_use("", V6("eth0", NONE, "01", "00000003")), "");
	assert_string_equal(in_use("eth0 00000000\n", "eth0\n"), "");
}

// Linux has one of lo that refuses all of IPv6, on hosts that have no IPv6.
static void routes_that_are_down_or_refuse_do_not_count(void **state)
{
	(void)state;
	assert_string_equal(in_use(V4("eth0", "00000000", "0002", "00000000"), ""), "");
	assert_string_equal(in_use(V4("lo", "00000000", "0201", "00000000"), ""), "");
	assert_string_equal(in_use("", V6("lo", NONE, "00", "00200200")), "");
	assert_string_equal(in_use("", V6("lo", NONE, "00", "00200201")), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_interface_of_a_default_route_is_told),
	    cmocka_unit_test(so_is_what_stands_below_it),
	    cmocka_unit_test(other_routes_do_not_count),
	    cmocka_unit_test(routes_that_are_down_or_refuse_do_not_count),
	};
	return cmocka_run_group_tests(tests, host_make, host_remove);
}
