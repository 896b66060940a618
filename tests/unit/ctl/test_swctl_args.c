// Words of the command line to a request's parameters.
#include "ctl/swctl/args.h"
#include "ctl/swctl/command.h"
#include "ctl/swctl/help.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char err[512];

#define WORDS(...) \
	((char *[]){__VA_ARGS__}), (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

// The parameters that these words (command and all) give, as compact JSON, or NULL with `err` and
// *code.
static char *params_of(char *const *words, int n, int *code)
{
	int used;
	json_t *params;
	const struct rpc_method *method = swctl_command_find(words, n, &used, err, sizeof(err));
	*code = -ENOENT;
	if (!method)
		return NULL;
	*code = swctl_args_build(method, words + used, n - used, &params, err, sizeof(err));
	if (*code)
		return NULL;
	char *text = json_dumps(params, JSON_COMPACT);
	json_decref(params);
	return text;
}

static void expect(char *const *words, int n, const char *json)
{
	int code;
	char *text = params_of(words, n, &code);
	if (!text)
		print_message("%s\n", err);
	assert_non_null(text);
	assert_string_equal(text, json);
	free(text);
}

static void expect_refusal(char *const *words, int n, int code, const char *message)
{
	int got;
	assert_null(params_of(words, n, &got));
	assert_int_equal(got, code);
	assert_string_equal(err, message);
}

static void a_port_line_gives_name_kind_and_options(void **state)
{
	(void)state;
	expect(WORDS("add-port", "vm1", "type=vhost-user", "path=/run/vm1.sock", "mode=server",
		     "queues=2"),
	       "{\"name\":\"vm1\",\"kind\":\"vhost-user\",\"options\":{\"path\":\"/run/"
	       "vm1.sock\",\"mode\":\"server\",\"queues\":\"2\"}}");
}

static void a_value_may_hold_equals_signs_and_be_empty(void **state)
{
	(void)state;
	expect(WORDS("add-port", "p", "devargs=net_tap0,iface=t0", "type=dpdk", "tag="),
	       "{\"name\":\"p\",\"kind\":\"dpdk\",\"options\":{\"devargs\":\"net_tap0,iface=t0\","
	       "\"tag\":\"\"}}");
}

static void a_port_line_without_a_kind_is_wrong_usage(void **state)
{
	(void)state;
	expect_refusal(WORDS("add-port", "vm1", "path=/x"), -EINVAL, "type=KIND is missing");
	expect_refusal(WORDS("add-port", "vm1", "vhost-user"), -EINVAL,
		       "\"vhost-user\" is not KEY=VALUE; did you mean type=vhost-user?");
	expect_refusal(WORDS("add-port", "vm1", "type=dpdk", "=x"), -EINVAL,
		       "\"=x\" is not KEY=VALUE");
	expect_refusal(WORDS("add-port"), -EINVAL, "NAME is missing");
	expect_refusal(WORDS("add-port", ""), -EINVAL, "name is empty");
}

static void a_key_given_twice_is_wrong_usage(void **state)
{
	(void)state;
	expect_refusal(WORDS("add-port", "p", "type=dpdk", "type=dpdk"), -EINVAL,
		       "type= is given twice");
	expect_refusal(WORDS("add-port", "p", "type=dpdk", "tag=1", "tag=2"), -EINVAL,
		       "tag= is given twice");
}

static void a_flow_may_be_one_word_or_several(void **state)
{
	(void)state;
	expect(WORDS("add-flow", "tcp,actions=drop"), "{\"flow\":\"tcp,actions=drop\"}");
	expect(WORDS("add-flow", "tcp,", "tp_dst=80", "actions=output:vm2"),
	       "{\"flow\":\"tcp, tp_dst=80 actions=output:vm2\"}");
	expect_refusal(WORDS("add-flow"), -EINVAL, "FLOW is missing");
}

static void what_is_optional_may_be_absent(void **state)
{
	(void)state;
	expect(WORDS("del-flows"), "{}");
	expect(WORDS("del-flows", "in_port=vm1"), "{\"match\":\"in_port=vm1\"}");
	expect(WORDS("stats"), "{}");
	expect(WORDS("stats", "vm1"), "{\"port\":\"vm1\"}");
	expect_refusal(WORDS("stats", "vm1", "vm2"), -EINVAL, "\"vm2\" is one word too many");
	expect_refusal(WORDS("show", "all"), -EINVAL, "\"all\" is one word too many");
}

static void two_word_commands_are_found(void **state)
{
	(void)state;
	expect(WORDS("dp", "show"), "{}");
	expect(WORDS("dp", "dump-flows"), "{}");
	expect_refusal(WORDS("dp", "shw"), -ENOENT,
		       "\"dp shw\" is not a command; there are: dp trace, dp show, "
		       "dp dump-flows");
	expect_refusal(WORDS("dp"), -ENOENT,
		       "\"dp\" is not a command; there are: dp trace, dp show, "
		       "dp dump-flows");
}

static void a_slip_of_the_finger_gets_a_guess(void **state)
{
	(void)state;
	expect_refusal(WORDS("dunp-flows"), -ENOENT,
		       "no command \"dunp-flows\"; did you mean dump-flows?");
	expect_refusal(WORDS("list-prots"), -ENOENT,
		       "no command \"list-prots\"; did you mean list-ports?");
	expect_refusal(WORDS("frobnicate"), -ENOENT,
		       "no command \"frobnicate\"; `swctl help` lists them");
}

static void text_that_is_not_utf8_is_wrong_usage(void **state)
{
	(void)state;
	expect_refusal(WORDS("del-port", "\xff"), -EINVAL, "\"\xff\" is not UTF-8 text");
}

// The parameters that options behind (or before) a command give; NULL with `err`.
static char *options_of(char *const *words, int n)
{
	struct swctl_options options;
	char *argv[16] = {"swctl"};
	int first, used;
	json_t *params = json_object();
	for (int i = 0; i < n; i++)
		argv[i + 1] = words[i];
	char *text = NULL;
	if (swctl_options_parse(n + 1, argv, &options, &first, err, sizeof(err)) == 0) {
		const struct rpc_method *method =
		    swctl_command_find(argv + first, n + 1 - first, &used, err, sizeof(err));
		assert_non_null(method);
		if (swctl_args_options(method, &options, params, err, sizeof(err)) == 0)
			text = json_dumps(params, JSON_COMPACT);
	}
	json_decref(params);
	return text;
}

static void expect_options(char *const *words, int n, const char *json)
{
	char *text = options_of(words, n);
	assert_non_null(text);
	assert_string_equal(text, json);
	free(text);
}

static void options_of_a_command_are_its_parameters(void **state)
{
	(void)state;
	expect_options(WORDS("del-flows", "--strict"), "{\"strict\":true}");
	expect_options(WORDS("--strict", "mod-flows", "tcp"), "{\"strict\":true}");
	expect_options(WORDS("mod-group", "--may-create"), "{\"may_create\":true}");
	expect_options(WORDS("dump-flows", "--json", "--sort"), "{\"sort\":\"\"}");
	expect_options(WORDS("dump-flows", "--json", "--rsort=nw_src", "--no-names"),
		       "{\"rsort\":\"nw_src\",\"no_names\":true}");
	expect_options(WORDS("dump-flows", "--no-stats"), "{\"no_stats\":true,\"as_text\":true}");
	expect_options(WORDS("trace", "--ct-state", "est,rpl", "ip", "--ct-state=new"),
		       "{\"ct_state\":[\"est,rpl\",\"new\"]}");
}

static void an_option_of_another_command_is_refused(void **state)
{
	(void)state;
	assert_null(options_of(WORDS("trace", "--ct-state", "\xff")));
	assert_null(options_of(WORDS("dp", "trace", "--ct-state", "new")));
	assert_string_equal(err, "dp trace takes no --ct-state");
	assert_null(options_of(WORDS("add-flow", "--strict")));
	assert_string_equal(err, "add-flow takes no --strict");
	assert_null(options_of(WORDS("dump-flows", "--may-create")));
	assert_string_equal(err, "dump-flows takes no --may-create");
	assert_null(options_of(WORDS("dump-flows", "--as-text")));
	assert_string_equal(err, "no option \"--as-text\"");
	assert_null(options_of(WORDS("dump-flows", "--names=1")));
}

// A file with these bytes, to be unlinked and freed.
static char *file_with(const char *bytes, size_t len)
{
	char *path = strdup("/tmp/test_swctl_XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	return path;
}

static void a_file_keeps_its_line_numbers(void **state)
{
	(void)state;
	static const char text[] = "# rules\n\ntcp,actions=drop\r\nudp,actions=drop";
	char *path = file_with(text, sizeof(text) - 1);
	expect(WORDS("add-flows", path),
	       "{\"flows\":\"# rules\\n\\ntcp,actions=drop\\r\\nudp,actions=drop\"}");
	unlink(path);
	free(path);
}

static void a_file_that_is_not_text_is_refused_with_its_line(void **state)
{
	(void)state;
	static const char *const texts[] = {"a\nb\0c\n", "a\nb\xffz"};
	for (unsigned i = 0; i < 2; i++) {
		char want[128], *path = file_with(texts[i], 5);
		snprintf(want, sizeof(want), "%s:2: not text (UTF-8); is this a file of flows?",
			 path);
		expect_refusal(WORDS("add-flows", path), -EILSEQ, want);
		unlink(path);
		free(path);
	}
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	(void)state;
	expect_refusal(WORDS("add-flows", "/nonexistent/f"), -ENOENT,
		       "cannot open /nonexistent/f: No such file or directory");
	expect_refusal(WORDS("add-flows", "/tmp"), -EISDIR, "cannot read /tmp: Is a directory");
}

static void every_row_of_the_table_has_a_usage(void **state)
{
	(void)state;
	char usage[256];
	for (unsigned i = 0; i < rpc_n_methods; i++) {
		swctl_command_usage(&rpc_methods[i], usage, sizeof(usage));
		assert_true(strlen(usage) >= strlen(rpc_methods[i].command));
		assert_null(strchr(usage, ':'));
	}
	swctl_command_usage(&rpc_methods[0], usage, sizeof(usage));
	assert_string_equal(usage, "add-port NAME type=KIND [KEY=VALUE...]");
}

static void expect_help(char *const *words, int n, const char *text)
{
	char *shown = NULL;
	size_t len;
	FILE *out = open_memstream(&shown, &len);
	assert_int_equal(swctl_help_words(out, words, n, err, sizeof(err)), 0);
	fclose(out);
	if (!strstr(shown, text))
		print_message("%s\n", shown);
	assert_non_null(strstr(shown, text));
	free(shown);
}

static void every_word_that_help_lists_has_help(void **state)
{
	(void)state;
	expect_help(WORDS("add-port"), "usage: swctl add-port NAME");
	expect_help(WORDS("add-port", "af-packet"), "\n  iface         the interface");
	expect_help(WORDS("add-port", "af-packet"), "; required\n");
	expect_help(WORDS("add-port", "af-packet"), "\n  qdisc-bypass  whether");
	expect_help(WORDS("add-port", "af-packet"), "\n  tag           VLAN");
	expect_help(WORDS("dp", "show"), "usage: swctl dp show");
	expect_help(WORDS("dp"), "usage: swctl dp show");
	expect_help(WORDS("dp"), "\n\nusage: swctl dp dump-flows");
	expect_help(WORDS("pmd", "stats"),
		    "usage: swctl pmd stats [--interval SECONDS [--count N]] [--json]\n");
	expect_help(WORDS("dump-flows"),
		    "usage: swctl dump-flows [MATCH] [--strict] [--no-stats] [--names] "
		    "[--no-names] [--sort[=FIELD]] [--rsort[=FIELD]] [--json]\n");
	expect_help(WORDS("help"), "usage: swctl help [COMMAND]");
	expect_help(WORDS("completion"), "usage: swctl completion bash");
	expect_help(WORDS("completion", "bash"), "usage: swctl completion bash");
	assert_int_equal(swctl_help_words(stdout, WORDS("hlep"), err, sizeof(err)), -ENOENT);
	assert_int_equal(swctl_help_words(stdout, WORDS("dp", "x"), err, sizeof(err)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_port_line_gives_name_kind_and_options),
	    cmocka_unit_test(a_value_may_hold_equals_signs_and_be_empty),
	    cmocka_unit_test(a_port_line_without_a_kind_is_wrong_usage),
	    cmocka_unit_test(a_key_given_twice_is_wrong_usage),
	    cmocka_unit_test(a_flow_may_be_one_word_or_several),
	    cmocka_unit_test(what_is_optional_may_be_absent),
	    cmocka_unit_test(two_word_commands_are_found),
	    cmocka_unit_test(a_slip_of_the_finger_gets_a_guess),
	    cmocka_unit_test(text_that_is_not_utf8_is_wrong_usage),
	    cmocka_unit_test(options_of_a_command_are_its_parameters),
	    cmocka_unit_test(an_option_of_another_command_is_refused),
	    cmocka_unit_test(a_file_keeps_its_line_numbers),
	    cmocka_unit_test(a_file_that_is_not_text_is_refused_with_its_line),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_named),
	    cmocka_unit_test(every_row_of_the_table_has_a_usage),
	    cmocka_unit_test(every_word_that_help_lists_has_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
