// A server with a flow table and an empty PMD pool, its event loop in a thread of its own, and
// clients for it.
#ifndef TESTS_UNIT_DATAPATH_SERVER_FIXTURE_H
#define TESTS_UNIT_DATAPATH_SERVER_FIXTURE_H

#include "ctl/account.h"
#include "ctl/dp_actions.h"
#include "ctl/dp_client.h"
#include "ctl/log.h"
#include "datapath/meter.h"
#include "datapath/packet.h"
#include "datapath/pmd.h"
#include "datapath/server.h"
#include "datapath/upcall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/flowtable/eal.h"

#define MISS_RING_SIZE 256 // packets: less than the buffers that there are here

#define MAX_FLOWS  20000
#define TIMEOUT_MS 10000

static struct fixture {
	char dir[32], path[64], text[256]; // text: of the last refusal
	struct rcu *rcu;
	struct flow_table *flows;
	struct event_base *base;
	struct event *on_stop;
	struct server *server;
	pthread_t thread;
	int stop_pipe[2];
	struct rxq rxq; // whose misses a test enqueues
} fx;

static inline void loop_stop(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	event_base_loopbreak(fx.base);
}

static inline void *loop_run(void *arg)
{
	(void)arg;
	event_base_dispatch(fx.base);
	return NULL;
}

static inline void server_up(void)
{
	char err[256];
	const struct server_config config = {fx.base, fx.path, ACCOUNT_NONE, fx.flows, 1};
	fx.server = server_start(&config, err, sizeof(err));
	if (fx.server == NULL)
		fail_msg("%s", err);
	pthread_create(&fx.thread, NULL, loop_run, NULL);
}

static inline void server_down(void)
{
	assert_int_equal(write(fx.stop_pipe[1], "", 1), 1);
	pthread_join(fx.thread, NULL);
	char c;
	assert_int_equal(read(fx.stop_pipe[0], &c, 1), 1);
	server_stop(fx.server);
}

static inline int fixture_start(void **state)
{
	const struct pmd_pool_config config = {.emc_entries = 256, .signature_entries = 1024};
	log_init("test", LOG_LEVEL_ERROR);
	snprintf(fx.dir, sizeof(fx.dir), "/tmp/test_server.XXXXXX");
	if (eal_setup(state) < 0 || mkdtemp(fx.dir) == NULL || pipe(fx.stop_pipe) < 0)
		return -1;
	snprintf(fx.path, sizeof(fx.path), "%s/datapath.sock", fx.dir);
	packet_pool_create(4096);
	fx.rcu = rcu_create();
	meters_init(fx.rcu);
	fx.flows = flow_table_create(fx.rcu, MAX_FLOWS, SOCKET_ID_ANY);
	fx.base = event_base_new();
	fx.on_stop = event_new(fx.base, fx.stop_pipe[0], EV_READ | EV_PERSIST, loop_stop, NULL);
	event_add(fx.on_stop, NULL);
	pmd_pool_init(&config);
	upcall_init();
	fx.rxq.upcalls = upcall_ring_create(0, MISS_RING_SIZE, SOCKET_ID_ANY);
	return fx.flows != NULL && fx.rxq.upcalls != NULL ? 0 : -1;
}

static inline int fixture_stop(void **state)
{
	event_free(fx.on_stop);
	event_base_free(fx.base);
	upcall_ring_destroy(fx.rxq.upcalls);
	upcall_fini();
	flow_table_destroy(fx.flows);
	rcu_destroy(fx.rcu);
	close(fx.stop_pipe[0]);
	close(fx.stop_pipe[1]);
	return rmdir(fx.dir) < 0 ? -1 : eal_teardown(state);
}

static inline int each_start(void **state)
{
	(void)state;
	server_up();
	return 0;
}

static inline int each_stop(void **state)
{
	uint32_t cursor = 0;
	(void)state;
	server_down();
	for (struct megaflow *mf; (mf = flow_table_next(fx.flows, &cursor)) != NULL;)
		flow_table_del(fx.flows, mf, NULL);
	rcu_reclaim(fx.rcu);
	return 0;
}

static inline struct dp_client *client(void)
{
	int err;
	struct dp_client *c = dp_client_connect(fx.path, &err);
	assert_non_null(c);
	return c;
}

static inline int call(struct dp_client *c, dp_answer_fn fn, void *arg)
{
	return dp_client_call(c, fn, arg, TIMEOUT_MS, fx.text, sizeof(fx.text));
}

static inline int info(struct dp_client *c)
{
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_INFO_GET, 0);
	return call(c, NULL, NULL);
}

static inline void count_answer(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(*(unsigned *)arg)++;
}

// Waits until there is something to read: bytes, or -ECONNRESET.
static inline int receive(struct dp_client *c, char *buf)
{
	struct pollfd pfd = {.fd = dp_client_fd(c), .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, TIMEOUT_MS), 1);
	return dp_client_recv(c, buf, DP_DATAGRAM_MAX);
}

static inline int attach(struct dp_client *c, uint32_t pid)
{
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_SET, 0);
	mnl_attr_put_u32(nlh, OVS_DP_ATTR_UPCALL_PID, pid);
	return call(c, NULL, NULL);
}

// Has a packet of this port executed.
static inline int execute(struct dp_client *c, uint32_t in_port, uint16_t len,
			  const struct action *action)
{
	static const uint8_t bytes[10000];
	const struct flow_key key = {.in_port = in_port, .eth_type_be = htons(0x1234)};
	struct nlmsghdr *nlh = dp_client_begin(c, DP_FAMILY_PACKET, OVS_PACKET_CMD_EXECUTE, 0);
	size_t room = dp_client_room(c);
	mnl_attr_put_check(nlh, room, OVS_PACKET_ATTR_PACKET, len, bytes);
	dp_key_put(nlh, room, OVS_PACKET_ATTR_KEY, &key, NULL);
	if (action != NULL)
		dp_actions_put(nlh, room, OVS_PACKET_ATTR_ACTIONS, action, 1);
	return call(c, NULL, NULL);
}

static inline void on_dp_stats(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attrs[OVS_DP_ATTR_MAX + 1];
	assert_int_equal(dp_msg_parse(nlh, attrs, OVS_DP_ATTR_MAX, NULL), 0);
	assert_string_equal(mnl_attr_get_str(attrs[OVS_DP_ATTR_NAME]), DP_NAME);
	memcpy(arg, mnl_attr_get_payload(attrs[OVS_DP_ATTR_STATS]), sizeof(struct ovs_dp_stats));
}

static inline struct ovs_dp_stats dp_stats(struct dp_client *c)
{
	struct ovs_dp_stats stats;
	dp_client_begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_GET, 0);
	assert_int_equal(call(c, on_dp_stats, &stats), 0);
	return stats;
}

#endif
