// What a packet to trace is given as, and frames out of files.
#include "ctl/swctl/capture.h"
#include "ctl/swctl/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORM(...)                                   \
	swctl_trace_form(((char *[]){__VA_ARGS__}), \
			 (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)))

static void a_first_word_with_a_sign_or_of_a_protocol_makes_a_flow(void **state)
{
	(void)state;
	assert_int_equal(FORM("in_port=vm1"), TRACE_FLOW);
	assert_int_equal(FORM("tcp,", "in_port=vm1"), TRACE_FLOW);
	assert_int_equal(FORM("tcp", "in_port=vm1"), TRACE_FLOW);
	assert_int_equal(FORM("tcp"), TRACE_FLOW);
	assert_int_equal(FORM("in_port=vm1", "/dev/null"), TRACE_FLOW);
}

static void behind_a_port_stands_a_file_that_is_there_or_hexadecimal(void **state)
{
	(void)state;
	assert_int_equal(FORM("vm1", "/dev/null"), TRACE_FILE);
	assert_int_equal(FORM("vm1", "-"), TRACE_FILE);
	assert_int_equal(FORM("vm1", "/nonexistent"), TRACE_HEX);
	assert_int_equal(FORM("vm1", "0200"), TRACE_HEX);
	assert_int_equal(FORM("vm1", "/dev/null", "00"), TRACE_HEX);
	assert_int_equal(FORM("vm1"), TRACE_NONE);
	assert_int_equal(swctl_trace_form(NULL, 0), TRACE_NONE);
}

// A pcap file of Ethernet frames of 20 bytes, each filled with its number, from 1.
static size_t make_pcap(uint8_t *bytes, uint32_t link_type, unsigned n)
{
	uint32_t header[] = {0xa1b2c3d4, 4u << 16 | 2u, 0, 0, 65535, link_type};
	size_t len = sizeof(header);
	memcpy(bytes, header, len);
	for (unsigned i = 1; i <= n; i++) {
		uint32_t packet[] = {0, 0, 20, 100};
		memcpy(bytes + len, packet, sizeof(packet));
		memset(bytes + len + sizeof(packet), (int)i, 20);
		len += sizeof(packet) + 20;
	}
	return len;
}

struct file {
	char path[64];
};

static void file_make(struct file *f, const uint8_t *bytes, size_t len)
{
	snprintf(f->path, sizeof(f->path), "/tmp/test_capture_XXXXXX");
	int fd = mkstemp(f->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static char err[512];

static void frames_come_one_by_one(void **state)
{
	(void)state;
	uint8_t bytes[256];
	struct file f;
	struct capture_frame frame;
	file_make(&f, bytes, make_pcap(bytes, 1, 3));
	struct capture *c = capture_open(f.path, err, sizeof(err));
	assert_non_null(c);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(capture_next(c, &frame, err, sizeof(err)), 1);
		assert_int_equal(frame.len, 20);
		assert_int_equal(frame.whole_len, 100);
		assert_int_equal(frame.bytes[19], i);
	}
	assert_int_equal(capture_next(c, &frame, err, sizeof(err)), 0);
	capture_close(c);
	unlink(f.path);
}

static void a_file_cut_anywhere_is_damaged_or_ends(void **state)
{
	(void)state;
	uint8_t bytes[256];
	size_t whole = make_pcap(bytes, 1, 2);
	for (size_t len = 0; len < whole; len++) {
		struct file f;
		struct capture_frame frame;
		unsigned n = 0;
		int ret = 1;
		file_make(&f, bytes, len);
		struct capture *c = capture_open(f.path, err, sizeof(err));
		assert_int_equal(c != NULL, len >= 24);
		while (c && (ret = capture_next(c, &frame, err, sizeof(err))) == 1)
			n++;
		if (c) {
			assert_int_equal(n, (len - 24) / 36);
			assert_int_equal(ret < 0, (len - 24) % 36 != 0);
			capture_close(c);
		}
		if (!c || ret < 0)
			assert_int_equal(strncmp(err, f.path, strlen(f.path)), 0);
		unlink(f.path);
	}
}

static void what_is_no_capture_of_ethernet_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[256];
	struct file f;
	file_make(&f, bytes, make_pcap(bytes, 113, 1)); // "any"
	assert_null(capture_open(f.path, err, sizeof(err)));
	assert_non_null(strstr(err, "holds LINUX_SLL packets; capture Ethernet frames"));
	unlink(f.path);
	assert_null(capture_open("/nonexistent", err, sizeof(err)));
	assert_string_equal(err, "cannot open /nonexistent: No such file or directory");
	assert_null(capture_open("/tmp", err, sizeof(err)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_first_word_with_a_sign_or_of_a_protocol_makes_a_flow),
	    cmocka_unit_test(behind_a_port_stands_a_file_that_is_there_or_hexadecimal),
	    cmocka_unit_test(frames_come_one_by_one),
	    cmocka_unit_test(a_file_cut_anywhere_is_damaged_or_ends),
	    cmocka_unit_test(what_is_no_capture_of_ethernet_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
