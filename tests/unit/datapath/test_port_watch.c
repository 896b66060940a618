// Ports whose device is not there: when their queues are polled, whatever their numbers were used
// for before.
#include "datapath/port_watch.h"

#include "datapath/pmd.h"
#include "fake_port.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define N_TIMES 32 // a number is given again, and the memory of the port that had it

static struct rcu *rcu;
static char folder[] = "/tmp/swd-watch-XXXXXX", err[256];

static int up(void **state)
{
	(void)state;
	rcu = rcu_create();
	ports_init(rcu);
	const struct pmd_pool_config config = {.rcu = rcu};

	return mkdtemp(folder) ? pmd_pool_init(&config) : -1;
}

static int down(void **state)
{
	(void)state;
	port_watch_stop();
	pmd_pool_fini();
	rcu_destroy(rcu);
	return rmdir(folder);
}

// Its peer is not there: it opens without a device.
static struct port *add_waiting(void)
{
	struct port_config config = {.name = "p", .kind = "virtio-user", .n_options = 1};
	struct port *port = NULL;

	snprintf(config.options[0].key, sizeof config.options[0].key, "path");
	snprintf(config.options[0].value, sizeof config.options[0].value, "%s/none", folder);
	if (port_add(1, &config, &port, err, sizeof err) < 0)
		fail_msg("%s", err);
	assert_int_equal(pmd_pool_add_port(port), 0);
	return port;
}

static void del(struct port *port)
{
	pmd_pool_del_port(port);
	port_del(port);
}

static void nobody_polls_a_port_without_its_device(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_TIMES; i++) {
		struct port *port = add_waiting();

		assert_non_null(pmd_pool_rxq(0));
		port_watch_look();
		assert_null(pmd_pool_rxq(0));
		port_watch_look(); // again an attempt that fails
		assert_null(pmd_pool_rxq(0));
		del(port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nobody_polls_a_port_without_its_device, up, down),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
