// Network cards and their drivers, in a sysfs and a /proc of the test's own.
#include "ctl/swctl/nic.h"
#include "ctl/swctl/pci_nic.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define E1000E "0000:00:10.0"
#define VIRTIO "0000:00:11.0"

static char root[64];
static char err[512];

static void path_of(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", root, name);
}

// Makes a file with its folders; a text of NULL makes a folder.
static void make(const char *name, const char *text)
{
	char path[PATH_MAX];
	path_of(path, name);
	for (char *c = path + strlen(root) + 1; (c = strchr(c, '/')) != NULL; c++) {
		*c = '\0';
		mkdir(path, 0755);
		*c = '/';
	}
	if (!text) {
		mkdir(path, 0755);
		return;
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void lead(const char *name, const char *target)
{
	char path[PATH_MAX], to[PATH_MAX];
	path_of(path, name);
	path_of(to, target);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

static void expect_file(const char *name, const char *want)
{
	char path[PATH_MAX], text[128] = "";
	path_of(path, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	assert_string_equal(text, want);
}

static void make_device(const char *address, const char *class, const char *vendor,
			const char *device)
{
	const char *const files[][2] = {{"class", class},
					{"vendor", vendor},
					{"device", device},
					{"driver_override", "(null)\n"}};
	char name[128], target[128];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "sys/devices/pci0000:00/%s/%s", address, files[i][0]);
		make(name, files[i][1]);
	}
	snprintf(name, sizeof(name), "sys/bus/pci/devices/%s", address);
	snprintf(target, sizeof(target), "sys/devices/pci0000:00/%s", address);
	lead(name, target);
}

// A host: a card without a driver, a virtio card with eth0 that br0 stands upon, a disk.
static int host_make(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test-nic-XXXXXX");
	assert_non_null(mkdtemp(root));
	make("sys/bus/pci/devices", NULL);
	make("sys/bus/pci/drivers/vfio-pci/bind", "");
	make("sys/bus/pci/drivers/vfio-pci/unbind", "");
	make("sys/bus/pci/drivers/virtio-pci/bind", "");
	make("sys/bus/pci/drivers/virtio-pci/unbind", "");
	make("sys/kernel/iommu_groups/7", NULL);
	make_device(E1000E, "0x020000\n", "0x8086\n", "0x10d3\n");
	make_device(VIRTIO, "0x020000\n", "0x1af4\n", "0x1041\n");
	make_device("0000:00:02.0", "0x010802\n", "0x1b36\n", "0x0010\n");
	lead("sys/bus/pci/devices/" E1000E "/iommu_group", "sys/kernel/iommu_groups/7");
	lead("sys/bus/pci/devices/" VIRTIO "/driver", "sys/bus/pci/drivers/virtio-pci");
	make("sys/devices/pci0000:00/" VIRTIO "/virtio0/net/eth0", NULL);
	make("sys/class/net/br0/lower_eth0", NULL);
	make("sys/class/net/lo", NULL);
	lead("sys/devices/pci0000:00/" VIRTIO "/virtio0/net/eth0/device",
	     "sys/devices/pci0000:00/" VIRTIO "/virtio0");
	lead("sys/class/net/eth0", "sys/devices/pci0000:00/" VIRTIO "/virtio0/net/eth0");
	make("proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
			       "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
	make("proc/net/ipv6_route",
	     "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	     "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n");
	return 0;
}

static int host_remove(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static struct pci_nic find(const char *address)
{
	struct pci_nic nic;
	assert_int_equal(pci_nic_find(root, address, &nic, err, sizeof(err)), 0);
	return nic;
}

static void cards_are_listed_with_driver_group_and_interface(void **state)
{
	(void)state;
	struct pci_nic *nics;
	unsigned n;
	char *text = NULL;
	size_t len;
	assert_int_equal(pci_nic_list(root, &nics, &n, err, sizeof(err)), 0);
	assert_int_equal(n, 2);
	FILE *out = open_memstream(&text, &len);
	assert_int_equal(nic_print_table(nics, n, out), 0);
	fclose(out);
	assert_string_equal(text, "ADDRESS       ID         DRIVER      IOMMU GROUP  INTERFACE\n"
				  "0000:00:10.0  8086:10d3  -                     7  -\n"
				  "0000:00:11.0  1af4:1041  virtio-pci            -  eth0\n");
	free(text);
	json_t *list = nic_list_json(nics, n);
	text = json_dumps(list, JSON_COMPACT);
	assert_string_equal(text, "{\"nics\":[{\"address\":\"0000:00:10.0\",\"id\":\"8086:10d3\","
				  "\"driver\":null,\"iommu_group\":\"7\",\"interfaces\":[],"
				  "\"default_route\":false},{\"address\":\"0000:00:11.0\",\"id\":"
				  "\"1af4:1041\",\"driver\":\"virtio-pci\",\"iommu_group\":null,"
				  "\"interfaces\":[\"eth0\"],\"default_route\":false}]}");
	free(text);
	json_decref(list);
	free(nics);
}

static void only_addresses_of_network_cards_are_taken(void **state)
{
	(void)state;
	struct pci_nic nic;
	static const char *const wrong[] = {"",
					    "eth0",
					    "00:10",
					    "00:10.0x",
					    " 00:10.0",
					    "00:10.8",
					    "0000:00:10.0/../x",
					    "+0:10.0",
					    "00:20.0",
					    "-1:-1.-1",
					    "100000000:00:10.0"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(pci_nic_find(root, wrong[i], &nic, err, sizeof(err)), -EINVAL);
	static const char *const none[] = {"0000:00:12.0", "00:02.0", "10000:e1:00.0",
					   "0001:00:10.0"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(pci_nic_find(root, none[i], &nic, err, sizeof(err)), -ENODEV);
	assert_string_equal(err, "no network card has the address 0001:00:10.0: `swctl nic list` "
				 "has them");
	assert_string_equal(find("00:10.0").address, E1000E);
}

// The default route through eth0, through what stands upon it, and by IPv6 alone.
static void the_card_of_a_default_route_is_refused(void **state)
{
	(void)state;
	static const char *const routes[][2] = {
	    {"proc/net/route", "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"},
	    {"proc/net/route", "br0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"},
	    {"proc/net/ipv6_route",
	     "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	     "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"},
	};
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		make("proc/net/route", "");
		make("proc/net/ipv6_route", "");
		assert_false(find(VIRTIO).default_route);
		make(routes[i][0], routes[i][1]);
		struct pci_nic nic = find(VIRTIO);
		assert_true(nic.default_route);
		assert_false(find(E1000E).default_route);
		assert_int_equal(pci_nic_unbind(root, &nic, false, err, sizeof(err)), -EBUSY);
		assert_string_equal(err, "0000:00:11.0 (eth0) carries this host's default route, "
					 "which would lose its network: --force does it all the "
					 "same");
		make("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
		assert_int_equal(pci_nic_bind(root, &nic, "vfio-pci", false, err, sizeof(err)),
				 -EBUSY);
		expect_file("sys/bus/pci/drivers/virtio-pci/unbind", "");
	}
	struct pci_nic nic = find(VIRTIO);
	assert_int_equal(pci_nic_unbind(root, &nic, true, err, sizeof(err)), 0);
	expect_file("sys/bus/pci/drivers/virtio-pci/unbind", VIRTIO);
}

static void a_driver_must_be_there_and_have_what_it_needs(void **state)
{
	(void)state;
	struct pci_nic nic = find(E1000E), bare = find(VIRTIO);
	assert_int_equal(pci_nic_bind(root, &nic, "e1000e", false, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "the kernel has no PCI driver e1000e loaded: `modprobe e1000e`");
	assert_int_equal(pci_nic_bind(root, &nic, "../x", false, err, sizeof(err)), -EINVAL);
	assert_int_equal(pci_nic_bind(root, &nic, "", false, err, sizeof(err)), -EINVAL);
	assert_int_equal(pci_nic_bind(root, &bare, "vfio-pci", false, err, sizeof(err)),
			 -EOPNOTSUPP);
	assert_non_null(strstr(err, "stands behind no IOMMU"));
	expect_file("sys/bus/pci/devices/" E1000E "/driver_override", "(null)\n");
	expect_file("sys/bus/pci/drivers/virtio-pci/unbind", "");
}

static void a_card_that_its_driver_has_already_is_left_alone(void **state)
{
	(void)state;
	struct pci_nic nic = find(VIRTIO);
	assert_int_equal(pci_nic_bind(root, &nic, "virtio-pci", false, err, sizeof(err)), 0);
	expect_file("sys/bus/pci/drivers/virtio-pci/unbind", "");
	nic = find(E1000E);
	assert_int_equal(pci_nic_unbind(root, &nic, false, err, sizeof(err)), 0);
}

// More interfaces than are listed; the default route goes through one of them.
static void a_default_route_is_found_behind_any_number_of_interfaces(void **state)
{
	(void)state;
	char name[128], target[128];
	for (unsigned i = 1; i <= PCI_NIC_IFACES_MAX; i++) {
		snprintf(name, sizeof(name), "sys/class/net/eth%u", i);
		make(name, NULL);
		snprintf(name, sizeof(name), "sys/class/net/eth%u/device", i);
		snprintf(target, sizeof(target), "sys/devices/pci0000:00/" VIRTIO "/virtio0");
		lead(name, target);
	}
	for (unsigned i = 0; i <= PCI_NIC_IFACES_MAX; i++) {
		snprintf(target, sizeof(target),
			 "eth%u\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", i);
		make("proc/net/route", target);
		assert_true(find(VIRTIO).default_route);
		assert_int_equal(find(VIRTIO).n_ifaces, PCI_NIC_IFACES_MAX);
	}
}

static void remove_file(const char *name)
{
	char path[PATH_MAX];
	path_of(path, name);
	assert_int_equal(unlink(path), 0);
}

// No driver of this host moves a card, as when its probe fails.
static void a_card_that_the_new_driver_refuses_goes_back_to_the_old_one(void **state)
{
	(void)state;
	make("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	struct pci_nic nic = find(VIRTIO);
	assert_int_equal(pci_nic_bind(root, &nic, "vfio-pci", false, err, sizeof(err)), -ENODEV);
	assert_string_equal(err, "driver vfio-pci does not take 0000:00:11.0: No such device "
				 "(`dmesg` may say more): virtio-pci has it again");
	expect_file("sys/bus/pci/drivers/virtio-pci/unbind", VIRTIO);
	expect_file("sys/bus/pci/drivers/vfio-pci/bind", VIRTIO);
	expect_file("sys/bus/pci/drivers/virtio-pci/bind", VIRTIO);
	expect_file("sys/bus/pci/devices/" VIRTIO "/driver_override", "\n");
}

static void a_card_goes_back_also_when_nobody_can_be_asked(void **state)
{
	(void)state;
	make("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	struct pci_nic nic = find(VIRTIO);
	remove_file("sys/bus/pci/drivers/vfio-pci/bind");
	assert_int_equal(pci_nic_bind(root, &nic, "vfio-pci", false, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "virtio-pci has it again"));
	expect_file("sys/bus/pci/drivers/virtio-pci/bind", VIRTIO);
	remove_file("sys/bus/pci/drivers/virtio-pci/bind");
	assert_int_equal(pci_nic_bind(root, &nic, "vfio-pci", false, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "try `swctl nic bind 0000:00:11.0 virtio-pci`"));
}

static void a_card_that_had_no_driver_is_left_without(void **state)
{
	(void)state;
	struct pci_nic nic = find(E1000E);
	assert_int_equal(pci_nic_bind(root, &nic, "vfio-pci", false, err, sizeof(err)), -ENODEV);
	assert_non_null(strstr(err, "it has none, as before"));
	expect_file("sys/bus/pci/drivers/virtio-pci/bind", "");
	expect_file("sys/bus/pci/devices/" E1000E "/driver_override", "\n");
}

int main(void)
{
#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, host_make, host_remove)
	const struct CMUnitTest tests[] = {
	    ON_HOST(cards_are_listed_with_driver_group_and_interface),
	    ON_HOST(only_addresses_of_network_cards_are_taken),
	    ON_HOST(the_card_of_a_default_route_is_refused),
	    ON_HOST(a_driver_must_be_there_and_have_what_it_needs),
	    ON_HOST(a_card_that_its_driver_has_already_is_left_alone),
	    ON_HOST(a_default_route_is_found_behind_any_number_of_interfaces),
	    ON_HOST(a_card_that_the_new_driver_refuses_goes_back_to_the_old_one),
	    ON_HOST(a_card_goes_back_also_when_nobody_can_be_asked),
	    ON_HOST(a_card_that_had_no_driver_is_left_without),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
