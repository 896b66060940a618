// Control clients on socket pairs; swd is away all the time.
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/frozen.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/mask_budget.h"
#include "ctl/swctld/meters.h"
#include "ctl/swctld/pmd_settings.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rpc_server.h"
#include "ctl/swctld/rules.h"

#include "tests/unit/ctl/state_fixture.h"
#include "tests/unit/ctl/stores.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>

#define PATIENCE_MS 20000

static const struct peer root = {.may_change = true};

struct fixture {
	struct state *state;
	struct swctld d;
};

static int setup(void **arg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct swctld *d = &f->d;
	char err[512];
	signal(SIGPIPE, SIG_IGN);
	state_setup((void **)&f->state);
	d->run_dir = "/nonexistent";
	d->db_path = f->state->path;
	d->base = event_base_new();
	d->db = f->state->db;
	stores_begin(d, RULES_MAX_DEFAULT, MASKS_MAX_DEFAULT);
	d->pmd_settings = pmd_settings_create();
	d->revalidator = revalidator_create(d);
	d->datapath = datapath_create(d);
	d->rpc = rpc_server_create(d);
	assert_int_equal(rules_load(d->rules, 1000, 1000, err, sizeof(err)), 0);
	*arg = f;
	return 0;
}

static int teardown(void **arg)
{
	struct fixture *f = *arg;
	struct swctld *d = &f->d;
	rpc_server_stop(d->rpc);
	datapath_destroy(d->datapath);
	revalidator_destroy(d->revalidator);
	stores_end(d);
	pmd_settings_destroy(d->pmd_settings);
	event_base_free(d->base);
	state_teardown((void **)&f->state);
	free(f);
	return 0;
}

static int connect_client(struct fixture *f)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	rpc_server_adopt(f->d.rpc, fds[1]);
	return fds[0];
}

static void turn(struct fixture *f)
{
	event_base_loop(f->d.base, EVLOOP_NONBLOCK);
}

// Sends all, turning the loop as needed. false when the other side closed.
static bool send_all(struct fixture *f, int fd, const char *text, size_t len)
{
	uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
		turn(f);
		assert_true(clock_now_ms() < until_ms);
	}
	return true;
}

static bool send_text(struct fixture *f, int fd, const char *text)
{
	return send_all(f, fd, text, strlen(text));
}

// The next reply, or NULL when the server has closed.
static json_t *receive(struct fixture *f, int fd)
{
	static char line[1 << 20];
	size_t len = 0;
	uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
	while (len < sizeof(line)) {
		ssize_t n = recv(fd, line + len, 1, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return NULL;
		if (n < 0)
			turn(f);
		else if (line[len++] == '\n')
			break;
		assert_true(clock_now_ms() < until_ms);
	}
	json_t *reply = json_loadb(line, len, 0, NULL);
	assert_non_null(reply);
	assert_string_equal(json_string_value(json_object_get(reply, "jsonrpc")), "2.0");
	return reply;
}

static int error_code(struct fixture *f, int fd)
{
	json_t *reply = receive(f, fd);
	assert_non_null(reply);
	int code =
	    (int)json_integer_value(json_object_get(json_object_get(reply, "error"), "code"));
	json_decref(reply);
	return code;
}

static void assert_served(struct fixture *f, int fd)
{
	assert_true(send_text(f, fd, "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"version\"}\n"));
	json_t *reply = receive(f, fd);
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 77);
	assert_int_equal(json_integer_value(
			     json_object_get(json_object_get(reply, "result"), "protocol")),
			 2);
	json_decref(reply);
}

static void bad_lines_get_their_error_and_the_next_is_served(void **arg)
{
	static const struct {
		const char *line;
		int code;
	} rows[] = {
	    {"garbage\n", -32700},
	    {"{\"jsonrpc\":\"2.0\"\n", -32700},
	    {"\xff\xfe\n", -32700},
	    {"7\n", -32600},
	    {"[]\n", -32600},
	    {"{}\n", -32600},
	    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"version\"}\n", -32600},
	    {"{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"version\"}\n", -32600},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}\n", -32600},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nosuch\"}\n", -32601},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\",\"params\":[]}\n", -32602},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\",\"params\":{\"x\":1}}\n",
	     -32602},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.add\"}\n", -32602},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.add\",\"params\":{\"flow\":1}}\n",
	     -32602},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.add_many\",\"params\":{\"flows\":[1]}"
	     "}\n",
	     -32602},
	    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dp.show\"}\n", RPC_REFUSED},
	};
	struct fixture *f = *arg;
	int fd = connect_client(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(send_text(f, fd, rows[i].line));
		int code = error_code(f, fd);
		if (code != rows[i].code)
			fail_msg("%d, not %d, for %s", code, rows[i].code, rows[i].line);
		assert_served(f, fd);
	}
	close(fd);
}

// The reply to a request whose list repeats `value` n times between `head` and `tail`.
static json_t *dispatch_list(struct fixture *f, const char *head, const char *value, size_t n,
			     const char *tail)
{
	size_t len = 0, each = strlen(value);
	char *line = malloc(strlen(head) + n * each + strlen(tail) + 1);
	memcpy(line, head, strlen(head));
	len += strlen(head);
	for (size_t i = 0; i < n; i++, len += each)
		memcpy(line + len, value, each);
	memcpy(line + len, tail, strlen(tail) + 1);
	char *text = rpc_dispatch(&f->d, &root, line, len + strlen(tail));
	json_t *reply = json_loads(text, 0, NULL);
	free(text);
	free(line);
	return reply;
}

static void assert_excess(struct fixture *f, const char *value, size_t n)
{
	json_t *reply = dispatch_list(f, "[", value, n, "0]");
	json_t *error = json_object_get(reply, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), -32700);
	assert_non_null(strstr(json_string_value(json_object_get(error, "message")), "more than"));
	json_decref(reply);
}

static void a_line_of_many_values_is_not_even_parsed(void **arg)
{
	assert_excess(*arg, "0,", 10001);
	assert_excess(*arg, "[],", 100);
	assert_excess(*arg, "{},", 100);
	assert_excess(*arg, "[", 100000);
	assert_excess(*arg, "\"\\\"\",[],", 100); // a quote in a string ends none
}

static void a_bulk_load_of_a_million_lines_is_within_the_bounds(void **arg)
{
	// Brackets and commas inside strings count nothing.
	json_t *reply = dispatch_list(
	    *arg,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.add_many\",\"params\":{\"flows\":\"",
	    "# [{,,,\\n", 1000000, "tcp,actions=drop\"}}");
	json_t *result = json_object_get(reply, "result");
	assert_int_equal(json_integer_value(json_object_get(result, "added")), 1);
	json_decref(reply);
}

// Found by tests/fuzz/fuzz_rpc.c.
static void a_refusal_is_one_line_whatever_it_repeats(void **arg)
{
	static const char *const lines[] = {
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"trace\",\"params\":{\"a\\nb\":\"\"}}\n",
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u001bb\"}\n",
	    ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"port.del\",\"params\":{\"name\":\"a\\nb\"}"
	     "}\n"),
	};
	struct fixture *f = *arg;
	int fd = connect_client(f);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(send_text(f, fd, lines[i]));
		json_t *reply = receive(f, fd), *error = json_object_get(reply, "error");
		const char *message = json_string_value(json_object_get(error, "message"));
		assert_non_null(message);
		assert_non_null(strstr(message, "a?b"));
		json_decref(reply);
	}
	close(fd);
}

static void blank_lines_and_calls_without_id_get_no_reply(void **arg)
{
	struct fixture *f = *arg;
	int fd = connect_client(f);
	assert_true(send_text(f, fd, "\n \r\n{\"jsonrpc\":\"2.0\",\"method\":\"version\"}\n"));
	assert_served(f, fd); // its reply is the first
	close(fd);
}

static void half_a_line_costs_nobody_else(void **arg)
{
	struct fixture *f = *arg;
	int half = connect_client(f), silent = connect_client(f), other = connect_client(f);
	assert_true(send_text(f, half, "{\"jsonrpc\":\"2.0\",\"id\":1,"));
	assert_served(f, other);
	assert_true(send_text(f, half, "\"method\":\"version\"}\n"));
	json_t *reply = receive(f, half);
	assert_non_null(json_object_get(reply, "result"));
	json_decref(reply);
	close(half);
	close(silent);
	assert_served(f, other);
	close(other);
}

static void a_line_in_single_bytes_is_served(void **arg)
{
	struct fixture *f = *arg;
	int fd = connect_client(f);
	const char *text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\"}\n";
	for (const char *p = text; *p; p++)
		assert_true(send_all(f, fd, p, 1));
	json_t *reply = receive(f, fd);
	assert_non_null(json_object_get(reply, "result"));
	json_decref(reply);
	close(fd);
}

// More replies than a socket holds, to a client that has ended its sending side.
static void requests_sent_together_are_answered_in_order(void **arg)
{
	enum { N = 4000 };
	struct fixture *f = *arg;
	int fd = connect_client(f);
	static char text[64 * N];
	size_t len = 0;
	for (int i = 0; i < N; i++)
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len,
				     "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"version\"}\n", i);
	assert_true(send_all(f, fd, text, len));
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 100; i++)
		turn(f);
	for (int i = 0; i < N; i++) {
		json_t *reply = receive(f, fd);
		assert_non_null(reply);
		assert_int_equal(json_integer_value(json_object_get(reply, "id")), i);
		json_decref(reply);
	}
	assert_null(receive(f, fd));
	close(fd);
	assert_int_equal(rpc_server_n_clients(f->d.rpc), 0);
}

static void a_line_over_the_limit_is_refused_and_the_client_closed(void **arg)
{
	struct fixture *f = *arg;
	int fd = connect_client(f), other = connect_client(f);
	static char block[1 << 20];
	memset(block, 'x', sizeof(block));
	bool open = true;
	for (size_t sent = 0; open && sent <= RPC_LINE_MAX; sent += sizeof(block))
		open = send_all(f, fd, block, sizeof(block));
	assert_int_equal(error_code(f, fd), -32600);
	assert_null(receive(f, fd));
	assert_served(f, other);
	close(fd);
	close(other);
}

static void a_client_that_never_reads_is_not_served_without_end(void **arg)
{
	struct fixture *f = *arg;
	int deaf = connect_client(f), other = connect_client(f);
	const char *text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.dump\"}\n";
	size_t sent = 0;
	// At some time nothing is taken from it any more.
	for (int idle = 0; idle < 1000;) {
		ssize_t n = send(deaf, text, strlen(text), MSG_NOSIGNAL);
		idle = n < 0 ? idle + 1 : 0;
		sent += n < 0 ? 0 : (size_t)n;
		turn(f);
		assert_true(sent < 8 << 20);
	}
	assert_served(f, other);
	json_t *reply = receive(f, deaf); // it may still change its mind
	assert_non_null(json_object_get(reply, "result"));
	json_decref(reply);
	close(deaf);
	assert_served(f, other);
	close(other);
}

static void a_crowd_of_clients_is_bounded(void **arg)
{
	struct fixture *f = *arg;
	int fds[RPC_CLIENTS_MAX + 1];
	for (int i = 0; i < RPC_CLIENTS_MAX; i++)
		fds[i] = connect_client(f);
	fds[RPC_CLIENTS_MAX] = connect_client(f);
	assert_int_equal(error_code(f, fds[RPC_CLIENTS_MAX]), RPC_REFUSED);
	assert_int_equal(rpc_server_n_clients(f->d.rpc), RPC_CLIENTS_MAX);
	assert_served(f, fds[0]);
	close(fds[3]);
	turn(f);
	close(fds[RPC_CLIENTS_MAX]);
	fds[RPC_CLIENTS_MAX] = connect_client(f);
	assert_served(f, fds[RPC_CLIENTS_MAX]);
	for (int i = 0; i <= RPC_CLIENTS_MAX; i++) {
		if (i != 3)
			close(fds[i]);
	}
}

// The reply's result, or its error's message, for a call.
static json_t *call(struct fixture *f, const char *method, const char *params)
{
	char line[1024];
	int len = snprintf(line, sizeof(line),
			   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method,
			   params);
	char *text = rpc_dispatch(&f->d, &root, line, (size_t)len);
	json_t *reply = json_loads(text, 0, NULL), *out;
	free(text);
	out = json_object_get(reply, "result");
	if (!out)
		out = json_object_get(reply, "error");
	json_incref(out);
	json_decref(reply);
	return out;
}

static void assert_call(struct fixture *f, const char *method, const char *params,
			const char *expected)
{
	json_t *got = call(f, method, params);
	char *text = json_dumps(got, JSON_COMPACT);
	if (strncmp(text, expected, strlen(expected)) != 0)
		fail_msg("%s %s gave %s, not %s", method, params, text, expected);
	free(text);
	json_decref(got);
}

static void ports_and_rules_are_kept_while_swd_is_away(void **arg)
{
	struct fixture *f = *arg;
	assert_call(f, "port.add",
		    "{\"name\":\"vm1\",\"kind\":\"vhost-user\",\"options\":{\"path\":\"/x\"}}",
		    "{\"name\":\"vm1\",\"number\":1,\"away\":true}");
	assert_call(f, "port.add",
		    "{\"name\":\"vm1\",\"kind\":\"dpdk\",\"options\":{\"devargs\":\"net_null0\"}}",
		    "{\"code\":1,\"message\":\"port vm1:");
	assert_call(f, "flow.add", "{\"flow\":\"in_port=vm1,actions=IN_PORT\"}",
		    "{\"added\":1,\"replaced\":0}");
	assert_call(f, "flow.add", "{\"flow\":\"in_port=vm1,actions=drop\"}",
		    "{\"added\":0,\"replaced\":1}");
	assert_call(f, "port.list", "{}",
		    "{\"ports\":[{\"number\":1,\"name\":\"vm1\",\"kind\":\"vhost-user\"");
	assert_call(f, "port.del", "{\"name\":\"vm1\"}",
		    "{\"name\":\"vm1\",\"number\":1,\"rules\":1,\"groups\":0}");
	assert_call(f, "port.del", "{\"name\":\"vm1\"}",
		    "{\"code\":1,\"message\":\"port vm1: no such port");
	// Its rules stay, by number, and can be deleted by it.
	assert_call(f, "flow.del", "{\"match\":\"in_port=1\"}", "{\"deleted\":1}");
	assert_call(f, "flow.del", "{}", "{\"deleted\":1}");
}

static void a_secret_is_kept_and_not_shown(void **arg)
{
	struct fixture *f = *arg;
	assert_call(f, "port.add",
		    "{\"name\":\"m\",\"kind\":\"memif\",\"options\":{\"path\":\"/x\","
		    "\"secret\":\"word\"}}",
		    "{\"name\":\"m\",\"number\":1,\"away\":true}");
	assert_call(f, "port.list", "{}",
		    "{\"ports\":[{\"number\":1,\"name\":\"m\",\"kind\":\"memif\",\"options\":{"
		    "\"path\":\"/x\",\"secret\":\"***\"}");
	const struct port *port = ports_by_name(f->d.ports, "m");
	assert_string_equal(json_string_value(json_object_get(port->device_options, "secret")),
			    "word");
}

static void bad_ports_are_refused_with_the_word_at_fault(void **arg)
{
	static const char *const rows[][2] = {
	    {"{\"name\":\"\",\"kind\":\"dpdk\"}", "port name"},
	    {"{\"name\":\"1a\",\"kind\":\"dpdk\"}", "port name \\\"1a\\\""},
	    {"{\"name\":\"a,b\",\"kind\":\"dpdk\"}", "port name \\\"a,b\\\""},
	    {"{\"name\":\"a:b\",\"kind\":\"dpdk\"}", "port name \\\"a:b\\\""},
	    {"{\"name\":\"a#\",\"kind\":\"dpdk\"}", "port name \\\"a#\\\""},
	    {"{\"name\":\"a\\n\",\"kind\":\"dpdk\"}", "port name \\\"a"},
	    {"{\"name\":\"Normal\",\"kind\":\"dpdk\"}", "port name \\\"Normal\\\""},
	    {"{\"name\":\"table\",\"kind\":\"dpdk\"}", "port name \\\"table\\\": has a meaning"},
	    {"{\"name\":\"ANY\",\"kind\":\"dpdk\"}", "port name \\\"ANY\\\": has a meaning"},
	    {"{\"name\":\"a\",\"kind\":\"vhost-user\",\"options\":{\"tga\":\"10\"}}",
	     "option \\\"tga\\\" is not one of a vhost-user port: use path=, mode=, queues=, "
	     "offloads=, owner=, group=, tag=, trunks=\""},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"path\":\"/x\"}}",
	     "option \\\"path\\\" is not one of a dpdk port: use devargs="},
	    {"{\"name\":\"a\",\"kind\":\"vhost-user\",\"options\":{\"path\":\"/x\\ny\"}}",
	     "option path: its value has a control character"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\"}", "a dpdk port needs devargs="},
	    {"{\"name\":\"a\",\"kind\":\"usb\"}", "unknown kind \\\"usb\\\""},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"tag\":\"4095\"}}", "tag=4095"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"tag\":\"0\"}}", "tag=0"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"tag\":\"1x\"}}", "tag=1x"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"trunks\":\"5-3\"}}", "trunks=5-3"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"trunks\":\"5,\"}}", "trunks=5,"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"trunks\":\"1\",\"tag\":\"2\"}}",
	     "tag="},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"x\":1}}", "option x"},
	    {"{\"name\":\"a\",\"kind\":\"dpdk\",\"options\":{\"a=b\":\"1\"}}",
	     "option \\\"a=b\\\""},
	};
	struct fixture *f = *arg;
	char expected[128];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(expected, sizeof(expected), "{\"code\":1,\"message\":\"%s", rows[i][1]);
		assert_call(f, "port.add", rows[i][0], expected);
	}
	assert_int_equal(ports_count(f->d.ports), 0);
}

static void a_load_with_one_bad_line_adds_nothing(void **arg)
{
	struct fixture *f = *arg;
	json_t *error =
	    call(f, "flow.add_many",
		 "{\"flows\":\"# comment\\n\\ntcp,actions=drop\\ntcp,nw_srcc=1,actions=drop\"}");
	json_t *data = json_object_get(error, "data");
	assert_int_equal(json_integer_value(json_object_get(data, "line")), 4);
	assert_int_equal(json_integer_value(json_object_get(data, "column")), 5);
	assert_string_equal(json_string_value(json_object_get(data, "word")), "nw_srcc");
	json_decref(error);
	assert_int_equal(rules_count(f->d.rules), 1);
	assert_call(f, "flow.add_many", "{\"flows\":\"# comment\\n\\ntcp,actions=drop\"}",
		    "{\"added\":1,\"replaced\":0}");
}

static void a_comment_may_stand_behind_a_flow_in_a_load(void **arg)
{
	struct fixture *f = *arg;
	assert_call(f, "flow.add_many",
		    "{\"flows\":\"tcp,actions=drop # that, or NORMAL\\nudp,actions=drop#\"}",
		    "{\"added\":2,\"replaced\":0}");
	json_t *error =
	    call(f, "flow.add_many", "{\"flows\":\" tcp,nw_srcc=1,actions=drop # why\"}");
	json_t *data = json_object_get(error, "data");
	assert_int_equal(json_integer_value(json_object_get(data, "column")), 6);
	assert_string_equal(json_string_value(json_object_get(data, "word")), "nw_srcc");
	json_decref(error);
	assert_call(f, "flow.add", "{\"flow\":\"tcp,actions=drop # no\"}",
		    "{\"code\":1,\"message\":\"column");
}

static void flags_are_booleans(void **arg)
{
	struct fixture *f = *arg;
	assert_call(f, "flow.del", "{\"strict\":1}",
		    "{\"code\":-32602,\"message\":\"parameter strict must be true or false\"");
	assert_call(f, "flow.del", "{\"strict\":false}", "{\"deleted\":1}");
	assert_call(f, "flow.del", "{\"strict\":true,\"match\":\"priority=0\"}", "{\"deleted\":0}");
}

static void groups_and_meters_are_added_changed_shown_and_deleted(void **arg)
{
	static const char *const rows[][3] = {
	    {"group.add", "{\"group\":\"group_id=7,type=select,bucket=output:3\"}",
	     "{\"code\":1,\"message\":\"column "}, // there is no port 3
	    {"group.add", "{\"group\":\"group_id=7,type=select,bucket=drop\"}",
	     "{\"groups\":{\"added\":1,\"modified\":0,\"deleted\":0}}"},
	    {"group.add", "{\"group\":\"group_id=7,type=all\"}",
	     "{\"code\":1,\"message\":\"column 1: \\\"group_id=7\\\": there is a group 7"},
	    {"group.mod", "{\"group\":\"group_id=8,type=all\"}",
	     "{\"code\":1,\"message\":\"column 1: \\\"group_id=8\\\": there is no group 8"},
	    {"group.mod", "{\"group\":\"group_id=8,type=all\",\"may_create\":true}",
	     "{\"groups\":{\"added\":1"},
	    {"group.add_many",
	     "{\"groups\":\"group_id=9,type=all\\n\\nmodify group_id=9,type=all\"}",
	     "{\"groups\":{\"added\":1,\"modified\":1"},
	    {"flow.add", "{\"flow\":\"tcp,actions=group:7\"}", "{\"added\":1,\"replaced\":0}"},
	    {"flow.add", "{\"flow\":\"tcp,actions=group:6\"}",
	     "{\"code\":1,\"message\":\"column 13: \\\"group:6\\\": there is no group 6; add it "
	     "first\""},
	    {"group.dump", "{\"group\":\"group_id=7\"}",
	     "{\"groups\":[{\"group_id\":7,\"type\":\"select\",\"n_buckets\":1"},
	    {"group.del", "{\"group\":\"group_id=7\"}",
	     "{\"deleted\":1,\"groups\":{\"added\":0,\"modified\":0,\"deleted\":1}}"},
	    {"group.del", "{}", "{\"groups\":{\"added\":0,\"modified\":0,\"deleted\":2}}"},
	    {"meter.add", "{\"meter\":\"meter=7,kbps,band=type=drop,rate=10\"}",
	     "{\"meters\":{\"added\":1"},
	    {"meter.mod", "{\"meter\":\"meter=7,kbps,band=type=drop,rate=20\"}",
	     "{\"meters\":{\"added\":0,\"modified\":1"},
	    {"meter.add_many", "{\"meters\":\"meter=8,kbps,band=type=drop,rate=10\"}",
	     "{\"meters\":{\"added\":1"},
	    {"meter.dump", "{\"meter\":\"meter=7\"}", "{\"meters\":[{\"meter_id\":7,\"n_bands\":1"},
	    {"meter.stats", "{}", "{\"code\":1,\"message\":\"swd is away"},
	    {"meter.del", "{}", "{\"meters\":{\"added\":0,\"modified\":0,\"deleted\":2}}"},
	    {"meter.dump", "{}", "{\"meters\":[]}"},
	    {"group.dump", "{}", "{\"groups\":[]}"},
	    {"group.dump", "{\"as_text\":true}", "{\"text\":\"\"}"},
	    {"table.list", "{}", "{\"tables\":[{\"table\":0,\"active\":1,\"masks\":1}]}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_call(*arg, rows[i][0], rows[i][1], rows[i][2]);
}

static void a_bundle_and_a_replacement_count_what_they_did(void **arg)
{
	struct fixture *f = *arg;
	assert_call(
	    f, "bundle",
	    "{\"commands\":\"group add group_id=1,type=all\\nflow add tcp,actions=group:1\\n"
	    "flow delete priority=0\"}",
	    "{\"code\":1,\"message\":\"line 3: column 13");
	assert_int_equal(groups_count(f->d.groups), 0);
	assert_call(
	    f, "bundle",
	    "{\"commands\":\"group add group_id=1,type=all\\nflow add tcp,actions=group:1\"}",
	    "{\"added\":1,\"groups\":{\"added\":1,\"modified\":0,\"deleted\":0}}");
	assert_call(f, "flow.diff", "{\"flows\":\"tcp,actions=group:1\\nudp,actions=drop\"}",
		    "{\"lines\":[\"+udp actions=drop\",\"-priority=0 actions=NORMAL\"]}");
	assert_call(f, "flow.replace", "{\"flows\":\"tcp,actions=drop\\nudp,actions=drop\"}",
		    "{\"added\":1,\"modified\":1,\"deleted\":1}");
	assert_call(f, "flow.diff", "{\"flows\":\"tcp,actions=drop\\nudp,actions=drop\"}",
		    "{\"lines\":[]}");
	assert_call(f, "flow.diff", "{\"flows\":\"tcp,actions=drop\\nud,actions=drop\"}",
		    "{\"code\":1,\"message\":\"line 2: column 1");
	assert_call(f, "flow.mod", "{\"flow\":\"tcp,actions=NORMAL\"}",
		    "{\"added\":0,\"modified\":1}");
	assert_call(f, "flow.aggregate", "{\"match\":\"tcp\"}",
		    "{\"packet_count\":0,\"byte_count\":0,\"flow_count\":1}");
}

static void a_dump_is_sorted_by_any_field(void **arg)
{
	static const char *const rows[][2] = {
	    {"",
	     "priority=9,tcp,tp_dst=80 actions=drop\npriority=5,udp,tp_dst=70 actions=drop\n"
	     "priority=0 actions=NORMAL\ntable=1, priority=7,ip,nw_src=10.0.0.0/8 actions=drop\n"},
	    {",\"sort\":\"\"", "priority=0 actions=NORMAL\npriority=5"},
	    {",\"rsort\":\"priority\"", "priority=9,tcp,tp_dst=80 actions=drop\ntable=1, pri"},
	    {",\"sort\":\"nw_src\"",
	     "table=1, priority=7,ip,nw_src=10.0.0.0/8 actions=drop\npriority=9"},
	    {",\"sort\":\"udp_dst\"", "priority=5,udp"},
	    {",\"rsort\":\"tp_dst\"", "priority=9,tcp,tp_dst=80 actions=drop\npriority=5"},
	    {",\"sort\":\"tp_dst\"", "priority=5,udp,tp_dst=70 actions=drop\npriority=9"},
	};
	struct fixture *f = *arg;
	char params[128];
	assert_call(f, "flow.add_many",
		    "{\"flows\":\"priority=9,tcp,tp_dst=80,actions=drop\\n"
		    "priority=5,udp,tp_dst=70,actions=drop\\n"
		    "table=1,priority=7,ip,nw_src=10.0.0.0/8,actions=drop\"}",
		    "{\"added\":3");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(params, sizeof(params), "{\"no_stats\":true,\"as_text\":true%s}",
			 rows[i][0]);
		json_t *result = call(f, "flow.dump", params);
		const char *text = json_string_value(json_object_get(result, "text"));
		assert_non_null(text);
		if (strncmp(text, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s: %s", params, text);
		json_decref(result);
	}
	assert_call(f, "flow.dump", "{\"sort\":\"nosuch\"}",
		    "{\"code\":1,\"message\":\"sort: column 1");
	assert_call(f, "flow.dump", "{\"sort\":\"\",\"rsort\":\"\"}", "{\"code\":-32602");
	assert_call(f, "flow.dump", "{\"names\":true,\"no_names\":true}", "{\"code\":-32602");
}

static void rules_look_like_ovs_ofctls(void **arg)
{
	struct fixture *f = *arg;
	assert_call(f, "port.add",
		    "{\"name\":\"vm1\",\"kind\":\"dpdk\",\"options\":{\"devargs\":\"net_null0\"}}",
		    "{\"name\":\"vm1\",\"number\":1,\"away\":true}");
	assert_call(
	    f, "flow.add",
	    "{\"flow\":\"priority=7,cookie=0x2a,idle_timeout=60,hard_timeout=90,send_flow_rem,"
	    "tcp,in_port=vm1,actions=output:vm1\"}",
	    "{\"added\":1");
	static const char *const rows[][2] = {
	    {"{\"as_text\":true,\"match\":\"tcp\"}", "{\"text\":\" cookie=0x2a, duration=0.0"},
	    {"{\"as_text\":true,\"match\":\"tcp\",\"no_stats\":true,\"no_names\":true}",
	     "{\"text\":\"cookie=0x2a, idle_timeout=60, hard_timeout=90, send_flow_rem "
	     "priority=7,tcp,in_port=1 actions=output:1\\n\"}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_call(f, "flow.dump", rows[i][0], rows[i][1]);
	json_t *result = call(f, "flow.dump", "{\"as_text\":true,\"match\":\"tcp\"}");
	const char *text = json_string_value(json_object_get(result, "text"));
	text = strstr(text, "s, table=");
	assert_non_null(text);
	assert_string_equal(text,
			    "s, table=0, n_packets=0, n_bytes=0, idle_timeout=60, hard_timeout=90,"
			    " send_flow_rem, idle_age=0, priority=7,tcp,in_port=vm1"
			    " actions=output:vm1\n");
	json_decref(result);
}

#define WITH_DAEMON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_DAEMON(bad_lines_get_their_error_and_the_next_is_served),
	    WITH_DAEMON(a_refusal_is_one_line_whatever_it_repeats),
	    WITH_DAEMON(a_line_of_many_values_is_not_even_parsed),
	    WITH_DAEMON(a_bulk_load_of_a_million_lines_is_within_the_bounds),
	    WITH_DAEMON(blank_lines_and_calls_without_id_get_no_reply),
	    WITH_DAEMON(half_a_line_costs_nobody_else),
	    WITH_DAEMON(a_line_in_single_bytes_is_served),
	    WITH_DAEMON(requests_sent_together_are_answered_in_order),
	    WITH_DAEMON(a_line_over_the_limit_is_refused_and_the_client_closed),
	    WITH_DAEMON(a_client_that_never_reads_is_not_served_without_end),
	    WITH_DAEMON(a_crowd_of_clients_is_bounded),
	    WITH_DAEMON(ports_and_rules_are_kept_while_swd_is_away),
	    WITH_DAEMON(a_secret_is_kept_and_not_shown),
	    WITH_DAEMON(bad_ports_are_refused_with_the_word_at_fault),
	    WITH_DAEMON(a_load_with_one_bad_line_adds_nothing),
	    WITH_DAEMON(a_comment_may_stand_behind_a_flow_in_a_load),
	    WITH_DAEMON(flags_are_booleans),
	    WITH_DAEMON(groups_and_meters_are_added_changed_shown_and_deleted),
	    WITH_DAEMON(a_bundle_and_a_replacement_count_what_they_did),
	    WITH_DAEMON(a_dump_is_sorted_by_any_field),
	    WITH_DAEMON(rules_look_like_ovs_ofctls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
