// What the kinds virtio-user, bond, null and ring make of their options, without any device.
#include "datapath/ethdev_kind.h"
#include "datapath/kind_bond.h"
#include "datapath/unix_peer.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char err[256], devargs[ETHDEV_DEVARGS_MAX], folder[32];

static struct port port_of(const struct port_kind *kind, const char *const *options)
{
	struct port port = {.no = 5, .kind = kind};
	snprintf(port.config.kind, sizeof(port.config.kind), "%s", kind->name);
	for (; *options; options++) {
		struct port_option *o = &port.config.options[port.config.n_options++];
		const char *eq = strchr(*options, '=');
		snprintf(o->key, sizeof(o->key), "%.*s", (int)(eq - *options), *options);
		snprintf(o->value, sizeof(o->value), "%s", eq + 1);
	}
	return port;
}

// As port_add() does: the options by their types, then what the kind makes of them.
static int make(const struct port_kind *kind, const char *const *options)
{
	struct port port = port_of(kind, options);
	err[0] = devargs[0] = '\0';
	int rc = port_options_check(&port.config, err, sizeof(err));
	if (rc == 0 && kind->ethdev->prepare)
		rc = kind->ethdev->prepare(&port, err, sizeof(err));
	if (rc == 0)
		kind->ethdev->devargs(&port, devargs, sizeof(devargs));
	return rc;
}
#define MAKE(kind, ...) make(&(kind), (const char *const[]){__VA_ARGS__, NULL})

static void says(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("\"%s\" does not say \"%s\"", text, word);
	assert_null(strchr(text, '\n'));
}

static const char *path_option(const char *name)
{
	static char option[128];
	snprintf(option, sizeof(option), "path=%s/%s", folder, name);
	return option;
}

static int listen_at(const char *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void unlink_at(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void null_swallows_unless_it_is_a_source(void **state)
{
	(void)state;
	assert_int_equal(MAKE(port_kind_null, "size=99"), 0);
	assert_string_equal(devargs, "net_null_swd5,size=99,copy=0,no-rx=1");
	assert_int_equal(MAKE(port_kind_null, "rx=on"), 0);
	assert_string_equal(devargs, "net_null_swd5,size=64,copy=1,no-rx=0");
}

static void sockets_that_cannot_be_are_named(void **state)
{
	char path[160];
	(void)state;
	memset(path, 'x', sizeof(path));
	memcpy(path, "path=/", 6);
	path[6 + 107] = '\0';
	assert_int_equal(MAKE(port_kind_virtio_user, path), -ENAMETOOLONG);
	says(err, "108 bytes");
	assert_int_equal(MAKE(port_kind_virtio_user, "path=/nonexistent/a"), -ENOENT);
	says(err, "folder");
	assert_int_equal(MAKE(port_kind_virtio_user, path_option("a,b")), -EINVAL);
	says(err, "commas");
}

static void a_peer_that_is_not_there_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(MAKE(port_kind_virtio_user, path_option("none")), -ENOTCONN);
	says(err, "nobody listens");
	int fd = listen_at("mute", SOCK_STREAM);
	assert_int_equal(MAKE(port_kind_virtio_user, path_option("mute")), -ETIMEDOUT);
	close(fd);
	unlink_at("mute");
}

static void bond_members_are_names_of_interfaces(void **state)
{
	static const struct {
		const char *option;
		unsigned n;
	} rows[] = {
	    {"members=eth0", 1},  {"members=eth0,eth1", 2},	  {"members=eth0,", 0},
	    {"members=,eth0", 0}, {"members=et h0", 0},		  {"members=1234567890123456", 0},
	    {"members=a/b", 0},	  {"members=1,2,3,4,5,6,7,8", 8}, {"members=1,2,3,4,5,6,7,8,9", 9}};
	char ifaces[BOND_MEMBERS_MAX][IFNAMSIZ];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct port port =
		    port_of(&port_kind_bond, (const char *const[]){rows[i].option, NULL});
		assert_int_equal(bond_members(&port, ifaces), rows[i].n);
	}
	assert_string_equal(ifaces[7], "8");
	assert_int_equal(MAKE(port_kind_bond, "members=swd-none0"), -ENODEV);
	says(err, "swd-none0");
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/swd-unit-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(null_swallows_unless_it_is_a_source),
	    cmocka_unit_test(sockets_that_cannot_be_are_named),
	    cmocka_unit_test(a_peer_that_is_not_there_is_waited_for),
	    cmocka_unit_test(bond_members_are_names_of_interfaces),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
