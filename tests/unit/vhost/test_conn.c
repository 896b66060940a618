// How a guest's queues are shown to PMDs and taken away again. This thread plays a PMD, another one
// librte_vhost's, which here knows of no device.
#include "vhost/conn.h"

#include <linux/virtio_net.h>
#include <rte_eal.h>
#include <rte_vhost.h>

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 20

static struct vhost_session session;
static struct vhost_conn *conn = &session.conns[0];
static struct port port;
static struct rcu *rcu;
static int pmd;
static bool done;
static const struct vhost_device *seen;

// In place of librte_vhost's: a guest that takes checksums.
int rte_vhost_get_mem_table(int vid, struct rte_vhost_memory **table)
{
	(void)vid;
	*table = calloc(1, sizeof(**table));
	return 0;
}

int rte_vhost_get_negotiated_features(int vid, uint64_t *features)
{
	(void)vid;
	*features = 1ULL << VIRTIO_NET_F_GUEST_CSUM;
	return 0;
}

// A guest with three receive queues and a transmit queue, which PMDs see.
static int before_each(void **state)
{
	(void)state;
	memset(&session, 0, sizeof(session));
	pthread_mutex_init(&session.mutex, NULL);
	session.port = &port;
	session.n_pairs = 4;
	session.active = conn;
	conn_init(conn, &session);
	conn->vid = 1000;
	conn->running = true;
	conn->ready = conn->up = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4;
	for (unsigned v = 0; v < VHOST_VRINGS_MAX; v++) {
		conn->queues[v].index = (uint16_t)v;
		conn->queues[v].call_fd = -1;
	}
	session.device = &session.snapshots[0];
	session.device->n_rx = 3;
	for (unsigned q = 0; q < 3; q++)
		session.device->rx[q] = &conn->queues[2 * q];
	session.device->tx[0] = &conn->queues[1];
	seen = session.device;
	pmd = rcu_reader_add(rcu);
	rcu_online(rcu, pmd);
	return 0;
}

static int after_each(void **state)
{
	(void)state;
	rcu_offline(rcu, pmd);
	rcu_reader_del(rcu, pmd);
	pthread_mutex_destroy(&session.mutex);
	return 0;
}

static void *disable_queue_1(void *arg)
{
	(void)arg;
	conn_vring_ready(conn, 2, false);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *pause_all(void *arg)
{
	(void)arg;
	conn_pause(conn);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *resume_all(void *arg)
{
	(void)arg;
	conn_resume(conn);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	return NULL;
}

// Waits until something else is published. As long as the PMD has not ended its round, nothing
// follows that.
static const struct vhost_device *next_device(void)
{
	time_t deadline = time(NULL) + WAIT_S;

	while (session_device(&session) == seen) {
		if (time(NULL) > deadline)
			fail_msg("nothing was published in %d s", WAIT_S);
		usleep(100);
	}
	seen = session_device(&session);
	return seen;
}

static void wait_done(pthread_t thread)
{
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		rcu_quiescent(rcu, pmd);
		usleep(100);
	}
	pthread_join(thread, NULL);
}

static void pmds_are_led_to_other_queues_under_lock(void **state)
{
	(void)state;
	pthread_t thread;
	const struct vhost_device *device;

	done = false;
	assert_int_equal(pthread_create(&thread, NULL, disable_queue_1, NULL), 0);
	device = next_device(); // nobody has been asked yet to take another queue
	assert_true(device->n_rx == 3 && device->shared);
	rcu_quiescent(rcu, pmd);
	device = next_device(); // some have taken one, some have not
	assert_true(device->n_rx == 2 && device->shared);
	assert_ptr_equal(device->rx[1], &conn->queues[4]);
	rcu_quiescent(rcu, pmd);
	device = next_device();
	assert_true(device->n_rx == 2 && !device->shared);
	assert_ptr_equal(device->tx[0], &conn->queues[1]);
	assert_false(__atomic_load_n(&done, __ATOMIC_ACQUIRE));
	wait_done(thread);
	assert_int_equal(conn->up, 1 << 0 | 1 << 1 | 1 << 4);
}

static void a_paused_device_waits_for_pmds_that_hold_it(void **state)
{
	(void)state;
	pthread_t thread;

	done = false;
	port.tx_offloads = PORT_TX_CSUM;
	conn->queues[1].n_malformed = 5;
	assert_int_equal(pthread_create(&thread, NULL, pause_all, NULL), 0);
	assert_null(next_device());
	assert_int_equal(port.tx_offloads, 0);
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		assert_false(__atomic_load_n(&done, __ATOMIC_ACQUIRE));
	}
	assert_int_equal(conn->queues[1].n_malformed, 5);
	wait_done(thread);
	assert_int_equal(conn->up, 0);
	assert_int_equal(session.n_malformed, 5);
	assert_int_equal(conn->queues[1].n_malformed, 0);
}

static void what_a_guest_takes_is_known_when_it_is_seen(void **state)
{
	(void)state;
	pthread_t thread;

	done = false;
	port.tx_offloads = 0;
	conn->up = conn->ready = 0;
	conn->paused = conn->mem_known = true;
	session.device = NULL;
	seen = NULL;
	assert_int_equal(pthread_create(&thread, NULL, resume_all, NULL), 0);
	assert_non_null(next_device());
	assert_int_equal(port.tx_offloads, PORT_TX_CSUM);
	wait_done(thread);
}

static int start(void **state)
{
	(void)state;
	char *argv[] = {"test", "--no-pci",    "--no-huge",	 "--no-shconf",
			"-m",	"64",	       "--no-telemetry", "-l",
			"0",	"--log-level", "*:emergency",	 NULL};
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		return -1;
	rcu = rcu_create();
	ports_init(rcu);
	return rcu ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, before_each, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pmds_are_led_to_other_queues_under_lock),
	    TEST(a_paused_device_waits_for_pmds_that_hold_it),
	    TEST(what_a_guest_takes_is_known_when_it_is_seen),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
