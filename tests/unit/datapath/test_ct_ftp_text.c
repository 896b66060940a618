// What FTP says of data connections, and what looks like it.
#include "datapath/ct_ftp_text.h"

#include <arpa/inet.h>
#include <rte_common.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool parse(const char *line, bool is_reply, struct ftp_endpoint *e)
{
	uint32_t len = (uint32_t)strlen(line);
	uint8_t *exact = malloc(len); // so that a sanitizer sees who reads on
	bool found;

	memcpy(exact, line, len);
	found = is_reply ? ftp_reply_parse(exact, len, e) : ftp_command_parse(exact, len, e);
	free(exact);
	return found;
}

static void announcements_are_read(void **state)
{
	static const struct {
		const char *line;
		bool is_reply;
		enum ftp_form form;
		const char *addr; // NULL: none
		uint16_t port;
		const char *place;
	} rows[] = {
	    {"PORT 10,1,1,1,20,1\r\n", false, FTP_PORT, "10.1.1.1", 5121, "10,1,1,1,20,1"},
	    {"port 0,0,0,0,0,1\n", false, FTP_PORT, "0.0.0.0", 1, "0,0,0,0,0,1"},
	    {"PORT 255,255,255,255,255,255\r\nNOOP\r\n", false, FTP_PORT, "255.255.255.255", 65535,
	     "255,255,255,255,255,255"},
	    {"EPRT |1|132.235.1.2|6275|\r\n", false, FTP_EPRT, "132.235.1.2", 6275,
	     "132.235.1.2|6275"},
	    {"EPRT |2|1080::8:800:200c:417a|5282|\r\n", false, FTP_EPRT, "1080::8:800:200c:417a",
	     5282, "1080::8:800:200c:417a|5282"},
	    {"eprt !2!::ffff:1.2.3.4!1!\r\n", false, FTP_EPRT, "::ffff:1.2.3.4", 1,
	     "::ffff:1.2.3.4!1"},
	    {"227 Entering Passive Mode (10,1,1,2,195,149).\r\n", true, FTP_PASV, "10.1.1.2", 50069,
	     "10,1,1,2,195,149"},
	    {"227 ok =1,2,3,4,5,6\r\n", true, FTP_PASV, "1.2.3.4", 1286, "1,2,3,4,5,6"},
	    {"229 Entering Extended Passive Mode (|||6446|)\r\n", true, FTP_EPSV, NULL, 6446,
	     "6446"},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		bool is_v6 = rows[i].addr && strchr(rows[i].addr, ':');
		char text[FTP_TEXT_MAX];
		struct ftp_endpoint e;
		struct in6 addr;
		uint32_t n;

		assert_true(parse(rows[i].line, rows[i].is_reply, &e));
		assert_int_equal(e.form, rows[i].form);
		assert_int_equal(e.port, rows[i].port);
		assert_int_equal(e.has_addr, rows[i].addr != NULL);
		assert_int_equal(e.is_v6, is_v6);
		if (rows[i].addr) {
			inet_pton(is_v6 ? AF_INET6 : AF_INET, rows[i].addr, &addr);
			assert_memory_equal(&e.addr, &addr, is_v6 ? 16 : 4);
		}
		assert_int_equal(e.len, strlen(rows[i].place));
		assert_memory_equal(rows[i].line + e.at, rows[i].place, e.len);
		n = ftp_endpoint_format(&e, text);
		assert_int_equal(n, strlen(rows[i].place));
		assert_memory_equal(text, rows[i].place, n);
		assert_false(parse(rows[i].line, !rows[i].is_reply, &e)); // the other end's words
	}
}

static void what_only_looks_like_it_is_not(void **state)
{
	static const char *const bad[] = {
	    "PORT 10,1,1,1,20,1", // no end: the rest may change its meaning
	    "PORT 10,1,1,1,20\r\n",
	    "PORT 10,1,1,1,20,\r\n",
	    "PORT 10,1,1,1,20,256\r\n",
	    "PORT 10,1,1,1,0,0\r\n",
	    "PORT 10,1,1,1,20,1,2\r\n",
	    "PORT 10,1,1,1,20,1 x\r\n",
	    "PORT -1,1,1,1,20,1\r\n",
	    "PORT 10.1.1.1,20,1\r\n",
	    "PORT 99999999999999999999,1,1,1,20,1\r\n",
	    "PORT\r\n",
	    "PORT \r\n",
	    " PORT 10,1,1,1,20,1\r\n",
	    "XPORT 10,1,1,1,20,1\r\n",
	    "NOOP\r\nPORT 10,1,1,1,20,1\r\n", // not its line
	    "EPRT |3|10.1.1.1|5000|\r\n",
	    "EPRT |0|10.1.1.1|5000|\r\n",
	    "EPRT |1|10.1.1.1|5000\r\n",
	    "EPRT |1|10.1.1.1|65536|\r\n",
	    "EPRT |1|10.1.1.1|0|\r\n",
	    "EPRT |1|10.1.1|5000|\r\n",
	    "EPRT |1|fc00::1|5000|\r\n",
	    "EPRT |2|10.1.1.1|5000|\r\n",
	    "EPRT |1!10.1.1.1|5000|\r\n",
	    "EPRT 1110.1.1.11500001\r\n", // a digit delimits nothing
	    "EPRT |2|1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111|5000|\r\n",
	    "EPRT |\r\n",
	    "EPRT \r\n",
	    "227 Entering Passive Mode\r\n",
	    "227-Entering Passive Mode (10,1,1,2,195,149)\r\n",
	    "227 Entering Passive Mode (10,1,1,2,195)\r\n",
	    "229 Entering Extended Passive Mode (||6446|)\r\n",
	    "229 Entering Extended Passive Mode (|||6446)\r\n",
	    "229 Entering Extended Passive Mode (|||66666|)\r\n",
	    "229 Entering Extended Passive Mode (|||0|)\r\n",
	    "229 Entering Extended Passive Mode |||6446|\r\n",
	    "229 (\r\n",
	    "229 (|\r\n",
	    "\r\n",
	    "\n",
	    "",
	};
	struct ftp_endpoint e;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		assert_false(parse(bad[i], false, &e));
		assert_false(parse(bad[i], true, &e));
	}
}

static void a_line_s_end_is_looked_for_so_far_and_no_further(void **state)
{
	char line[FTP_LINE_MAX + 64];
	struct ftp_endpoint e;

	(void)state;
	memset(line, ' ', sizeof line);
	memcpy(line, "227 ", 4);
	strcpy(line + FTP_LINE_MAX - 13, "1,2,3,4,5,6\r\n");
	assert_true(parse(line, true, &e));
	memset(line, ' ', sizeof line);
	memcpy(line, "227 ", 4);
	strcpy(line + FTP_LINE_MAX - 12, "1,2,3,4,5,6\r\n");
	assert_false(parse(line, true, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(announcements_are_read),
	    cmocka_unit_test(what_only_looks_like_it_is_not),
	    cmocka_unit_test(a_line_s_end_is_looked_for_so_far_and_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
