#include "ctl/of_field.h"
#include "ctl/of_match.h"

#include "tests/unit/ctl/flow_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct of_match parse(const char *text)
{
	struct of_match match;
	struct of_error error = {0};
	if (of_match_parse(&match, text, &ports, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return match;
}

// What it is printed as must mean the same.
static void expect_format(const char *text, const char *printed)
{
	struct of_match match = parse(text);
	char *out = of_match_format(&match, &ports);
	assert_string_equal(out, printed);
	struct of_match again = parse(out);
	assert_memory_equal(&again, &match, sizeof(match));
	free(out);
}

static void expect_error(const char *text, unsigned column, const char *message)
{
	struct of_match match;
	struct of_error error = {0};
	assert_int_equal(of_match_parse(&match, text, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void every_field_is_read_and_printed_as_ovs_ofctl_does(void **state)
{
	(void)state;
	static const struct {
		const char *text, *printed;
	} rows[] = {
	    {"", ""},
	    {" , ", ""},
	    {"in_port=1", "in_port=vm1"},
	    {"in_port=vm2", "in_port=vm2"},
	    {"dl_src=52:54:00:00:00:01", "dl_src=52:54:00:00:00:01"},
	    {"eth_dst=1:2:3:4:5:6", "dl_dst=01:02:03:04:05:06"},
	    {"dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
	     "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"},
	    {"dl_type=0x88cc", "dl_type=0x88cc"},
	    {"eth_type=0x0800", "ip"},
	    {"dl_vlan=10", "dl_vlan=10"},
	    {"dl_vlan=0xffff", "vlan_tci=0x0000"},
	    {"dl_vlan=10,dl_vlan_pcp=3", "dl_vlan=10,dl_vlan_pcp=3"},
	    {"vlan_pcp=3", "dl_vlan_pcp=3"},
	    {"vlan_tci=0", "vlan_tci=0x0000"},
	    {"vlan_tci=0x1000/0x1000", "vlan_tci=0x1000/0x1000"},
	    {"vlan_vid=0x100a", "dl_vlan=10"},
	    {"vlan_vid=0x1000/0x1000", "vlan_tci=0x1000/0x1000"},
	    {"ip,nw_src=10.0.0.1", "ip,nw_src=10.0.0.1"},
	    {"ip ip_src=10.1.2.3/8", "ip,nw_src=10.0.0.0/8"},
	    {"ip,nw_dst=10.1.2.3/255.255.0.0", "ip,nw_dst=10.1.0.0/16"},
	    {"ip,ip_dst=10.0.0.1/255.0.0.255", "ip,nw_dst=10.0.0.1/255.0.0.255"},
	    {"ip,nw_src=1.2.3.4/0", "ip"},
	    {"ip,nw_src=*", "ip"},
	    {"dl_type=0x800,nw_proto=6", "tcp"},
	    {"ip,ip_proto=47", "ip,nw_proto=47"},
	    {"ipv6,nw_proto=17", "udp6"},
	    {"ip,nw_tos=16", "ip,nw_tos=16"},
	    {"ip,nw_tos=19", "ip,nw_tos=16"},
	    {"ip,ip_dscp=46", "ip,nw_tos=184"},
	    {"ip,nw_ecn=2", "ip,nw_ecn=2"},
	    {"ip,nw_tos=4,nw_ecn=3", "ip,nw_tos=4,nw_ecn=3"},
	    {"ipv6,nw_ttl=64", "ipv6,nw_ttl=64"},
	    {"ip,ip_frag=no", "ip,nw_frag=no"},
	    {"ip,ip_frag=yes", "ip,nw_frag=yes"},
	    {"ip,nw_frag=first", "ip,nw_frag=first"},
	    {"ip,ip_frag=later", "ip,nw_frag=later"},
	    {"ip,ip_frag=not_later", "ip,nw_frag=not_later"},
	    {"tcp,tp_src=80", "tcp,tp_src=80"},
	    {"tcp,tcp_dst=80", "tcp,tp_dst=80"},
	    {"udp6,udp_src=53", "udp6,tp_src=53"},
	    {"udp,udp_dst=0x35", "udp,tp_dst=53"},
	    {"sctp,sctp_src=1,sctp_dst=2", "sctp,tp_src=1,tp_dst=2"},
	    {"tcp,tp_dst=0x1001/0xfff0", "tcp,tp_dst=0x1000/0xfff0"},
	    {"tp_dst=80,tcp", "tcp,tp_dst=80"},
	    {"tcp,tcp_flags=+syn-ack", "tcp,tcp_flags=+syn-ack"},
	    {"tcp,tcp_flags=0x002", "tcp,tcp_flags=syn"},
	    {"tcp,tcp_flags=0x002/0x012", "tcp,tcp_flags=+syn-ack"},
	    {"tcp,tcp_flags=syn|ack", "tcp,tcp_flags=syn|ack"},
	    {"tcp,tcp_flags=0", "tcp,tcp_flags=0"},
	    {"tcp,tcp_flags=0x800/0x800", "tcp,tcp_flags=0x800/0x800"},
	    {"icmp,icmp_type=8,icmp_code=0", "icmp,icmp_type=8,icmp_code=0"},
	    {"icmp6,icmpv6_type=128,icmpv6_code=0", "icmp6,icmp_type=128,icmp_code=0"},
	    {"arp,arp_op=1", "arp,arp_op=1"},
	    {"arp,nw_proto=2", "arp,arp_op=2"},
	    {"arp,arp_spa=10.0.0.0/24,arp_tpa=10.0.0.2",
	     "arp,arp_spa=10.0.0.0/24,arp_tpa=10.0.0.2"},
	    {"arp,nw_src=10.0.0.1", "arp,arp_spa=10.0.0.1"},
	    {"arp,arp_sha=52:54:00:00:00:01,arp_tha=52:54:00:00:00:02",
	     "arp,arp_sha=52:54:00:00:00:01,arp_tha=52:54:00:00:00:02"},
	    {"rarp", "rarp"},
	    {"ipv6,ipv6_src=fd00::1,ipv6_dst=fd00::/8", "ipv6,ipv6_src=fd00::1,ipv6_dst=fd00::/8"},
	    {"ipv6,ipv6_dst=::1/::ffff", "ipv6,ipv6_dst=::1/::ffff"},
	    {"ipv6,ipv6_label=0x12345", "ipv6,ipv6_label=0x12345"},
	    {"icmp6,icmp_type=135,nd_target=fd00::1,nd_sll=52:54:00:00:00:01",
	     "icmp6,icmp_type=135,nd_target=fd00::1,nd_sll=52:54:00:00:00:01"},
	    {"icmp6,icmp_type=136,nd_tll=52:54:00:00:00:01",
	     "icmp6,icmp_type=136,nd_tll=52:54:00:00:00:01"},
	    {"tcp6", "tcp6"},
	    {"sctp6", "sctp6"},
	    {"eth", ""},
	    {"mpls,mpls_label=5,mpls_tc=1,mpls_bos=0,mpls_ttl=9",
	     "mpls,mpls_label=5,mpls_tc=1,mpls_ttl=9,mpls_bos=0"},
	    {"dl_type=0x8848", "mplsm"},
	    {"metadata=5/7,reg3=3,xreg1=0x200000003", "reg2=0x2,reg3=0x3,metadata=0x5/0x7"},
	    {"reg0[0..7]=5,reg0[8..15]=1", "reg0=0x105/0xffff"},
	    {"xxreg3=1", "reg12=0,reg13=0,reg14=0,reg15=0x1"},
	    {"vlan_tci[12]=1", "vlan_tci=0x1000/0x1000"},
	    {"ip,NXM_NX_IP_FRAG[0]=0", "ip,nw_frag=no"},
	    {"ip,ip_frag[1]=1", "ip,nw_frag=later"},
	    {"in_port=\"vm1\"", "in_port=vm1"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_format(rows[i].text, rows[i].printed);
}

static void fields_stand_where_extraction_puts_them(void **state)
{
	(void)state;
	struct of_match m = parse("in_port=vm3,tcp,nw_src=10.0.0.0/8,tp_dst=80,dl_vlan=10");
	struct of_match want;
	memset(&want, 0, sizeof(want));
	want.key.pkt.in_port = 3;
	want.mask.pkt.in_port = UINT32_MAX;
	want.key.pkt.eth_type_be = htons(0x0800);
	want.mask.pkt.eth_type_be = UINT16_MAX;
	want.key.pkt.nw_proto = 6;
	want.mask.pkt.nw_proto = UINT8_MAX;
	want.key.pkt.ip_src_be = htonl(0x0a000000);
	want.mask.pkt.ip_src_be = htonl(0xff000000);
	want.key.pkt.tp_dst_be = htons(80);
	want.mask.pkt.tp_dst_be = UINT16_MAX;
	want.key.pkt.vlan[0].tci_be = htons(VLAN_CFI | 10);
	want.mask.pkt.vlan[0].tci_be = htons(VLAN_CFI | VLAN_VID_MASK);
	assert_memory_equal(&m, &want, sizeof(want));
	m = parse("icmp6,icmp_type=135");
	assert_int_equal(m.key.pkt.tp_src_be, htons(135));
	assert_int_equal(m.mask.pkt.tp_src_be, htons(255));
}

static void mistakes_name_word_column_and_mend(void **state)
{
	(void)state;
	expect_error("tcp,nw_srcc=1.2.3.4", 5,
		     "column 5: \"nw_srcc\": unknown field; did you mean nw_src?");
	expect_error("zzzzzzzz=1", 1, "column 1: \"zzzzzzzz\": unknown field");
	expect_error("tcpp", 1, "column 1: \"tcpp\": unknown field; did you mean tcp?");
	expect_error(
	    "ip,nw_src=10.0.0.300", 11,
	    "column 11: \"10.0.0.300\": nw_src wants an IPv4 address, like 10.0.0.1 or 10.0.0.0/8");
	expect_error("ip,nw_src=10.0.0.0/33", 11,
		     "column 11: \"10.0.0.0/33\": nw_src wants an IPv4 address, like 10.0.0.1 or "
		     "10.0.0.0/8");
	expect_error(
	    "dl_src=52:54:00:00:00", 8,
	    "column 8: \"52:54:00:00:00\": dl_src wants a MAC address, like 52:54:00:00:00:01");
	expect_error("tcp,tp_dst=65536", 12,
		     "column 12: \"65536\": tp_dst wants a number up to 65535, or NUMBER/MASK");
	expect_error("ip,nw_ttl=256", 11, "column 11: \"256\": nw_ttl wants a number up to 255");
	expect_error("ip,nw_ttl=1/1", 11, "column 11: \"1/1\": nw_ttl takes no mask");
	expect_error("dl_vlan=4096", 9,
		     "column 9: \"4096\": dl_vlan wants a VLAN from 0 to 4095, or 0xffff for none");
	expect_error("ip,ip_frag=maybe", 12,
		     "column 12: \"maybe\": ip_frag wants no, yes, first, later or not_later");
	expect_error("tcp,tcp_flags=+syn+syn", 15,
		     "column 15: \"+syn+syn\": tcp_flags wants flags, like +syn-ack, or a number "
		     "up to 0xfff");
	expect_error("in_port=nosuch", 9,
		     "column 9: \"nosuch\": no such port; add it first with swctl add-port");
	expect_error("in_port=7", 9,
		     "column 9: \"7\": no such port; add it first with swctl add-port");
	expect_error("in_port=0", 9, "column 9: \"0\": port numbers are 1 to 65279");
	expect_error("in_port", 1, "column 1: \"in_port\": needs a value: in_port=VALUE");
	expect_error("in_port=", 1, "column 1: \"in_port\": needs a value: in_port=VALUE");
	expect_error("tcp=5", 1, "column 1: \"tcp\": takes no value");
}

static void a_missing_prerequisite_is_named(void **state)
{
	(void)state;
	expect_error("nw_src=10.0.0.1", 1,
		     "column 1: \"nw_src\": needs ip or arp in the match, too");
	expect_error("ip,tp_dst=80", 4,
		     "column 4: \"tp_dst\": needs tcp, udp or sctp in the match, too");
	expect_error("udp,tcp_dst=80", 5, "column 5: \"tcp_dst\": needs tcp in the match, too");
	expect_error("tcp_dst=80 udp", 1, "column 1: \"tcp_dst\": needs tcp in the match, too");
	expect_error("ip,arp_op=1", 4, "column 4: \"arp_op\": needs arp in the match, too");
	expect_error("ip,ipv6_src=::1", 4, "column 4: \"ipv6_src\": needs ipv6 in the match, too");
	expect_error("arp,nw_ttl=1", 5, "column 5: \"nw_ttl\": needs ip or ipv6 in the match, too");
	expect_error("udp,tcp_flags=+syn", 5,
		     "column 5: \"tcp_flags\": needs tcp in the match, too");
	expect_error("icmp6,icmp_type=136,nd_sll=52:54:00:00:00:01", 21,
		     "column 21: \"nd_sll\": needs icmp6,icmp_type=135 in the match, too");
	expect_error("icmp6,nd_target=::1", 7,
		     "column 7: \"nd_target\": needs icmp6,icmp_type=135 or icmp6,icmp_type=136 in "
		     "the match, too");
	expect_error("icmp_code=1", 1,
		     "column 1: \"icmp_code\": needs icmp or icmp6 in the match, too");
}

static void a_field_twice_or_against_another_is_refused(void **state)
{
	(void)state;
	expect_error("ip,nw_src=1.1.1.1,ip_src=1.1.1.1", 19, "column 19: \"ip_src\": given twice");
	expect_error("ip,ip", 4, "column 4: \"ip\": given twice");
	expect_error("ip,ipv6", 4, "column 4: \"ipv6\": contradicts a field that stands before it");
	expect_error("tcp,nw_proto=17", 5,
		     "column 5: \"nw_proto\": contradicts a field that stands before it");
	expect_error("vlan_tci=0,dl_vlan=10", 12,
		     "column 12: \"dl_vlan\": contradicts a field that stands before it");
	struct of_match a = parse("tcp,nw_proto=6"), b = parse("tcp");
	assert_memory_equal(&a, &b, sizeof(a));
}

static void fields_of_later_issues_are_refused_as_not_built(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text;
	} rows[] = {
	    {"tun_metadata0", "not built yet"},
	    {"conj_id", "not built yet"},
	    {"nsh_flags", "not built yet"},
	    {"actset_output", "not built yet"},
	    {"NXM_NX_TUN_METADATA0", "not built yet"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64], message[96];
		snprintf(text, sizeof(text), "ip,%s=1", rows[i].name);
		snprintf(message, sizeof(message), "column 4: \"%s\": %s", rows[i].name,
			 rows[i].text);
		expect_error(text, 4, message);
	}
}

// What of_subfield_get() gives for a name after of_subfield_set() in an empty key.
static void expect_bits(const char *name, uint64_t value, size_t offset, const void *bytes,
			size_t n)
{
	struct of_key key = {0};
	struct of_subfield sf;
	struct of_error error = {0};
	if (of_subfield_parse(&sf, name, name, strlen(name), &error) != 0)
		fail_msg("%s: %s", name, error.text);
	of_subfield_set(&sf, &key, value);
	assert_memory_equal((const char *)&key + offset, bytes, n);
	assert_true(of_subfield_get(&sf, &key) == value);
	// Bits beside it stay.
	memset(&key, 0xff, sizeof(key));
	of_subfield_set(&sf, &key, 0);
	of_subfield_set(&sf, &key, of_value_ones(sf.n_bits));
	struct of_key ones;
	memset(&ones, 0xff, sizeof(ones));
	if (sf.field != OF_F_ARP_OP)
		assert_memory_equal(&key, &ones, sizeof(ones));
}

static void a_subfield_stands_in_network_byte_order(void **state)
{
	(void)state;
	expect_bits("NXM_NX_REG0[0..15]", 0x1234, offsetof(struct of_key, reg_be), "\0\0\x12\x34",
		    4);
	expect_bits("reg1[28..31]", 0xf, offsetof(struct of_key, reg_be[1]), "\xf0\0\0\0", 4);
	expect_bits("xreg1", 0x1122334455667788, offsetof(struct of_key, reg_be[2]),
		    "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	expect_bits("xxreg0[0..63]", 5, offsetof(struct of_key, reg_be[2]), "\0\0\0\0\0\0\0\5", 8);
	expect_bits("NXM_OF_ETH_SRC[]", 0x112233445566, offsetof(struct of_key, pkt.eth_src),
		    "\x11\x22\x33\x44\x55\x66", 6);
	expect_bits("NXM_OF_VLAN_TCI[0..11]", 10, offsetof(struct of_key, pkt.vlan[0].tci_be),
		    "\0\x0a", 2);
	expect_bits("mpls_label", 5, offsetof(struct of_key, pkt.mpls_lse_be), "\0\0\x50\0", 4);
	expect_bits("mpls_tc", 7, offsetof(struct of_key, pkt.mpls_lse_be), "\0\0\x0e\0", 4);
	expect_bits("OXM_OF_IP_DSCP[]", 63, offsetof(struct of_key, pkt.nw_tos), "\xfc", 1);
	expect_bits("NXM_OF_ARP_OP[]", 2, offsetof(struct of_key, pkt.nw_proto), "\2", 1);
	expect_bits("OXM_OF_METADATA[32..63]", 5, offsetof(struct of_key, metadata_be),
		    "\0\0\0\5\0\0\0\0", 8);
	// dl_vlan says that there is a tag, too.
	expect_bits("dl_vlan", 10, offsetof(struct of_key, pkt.vlan[0].tci_be), "\x10\x0a", 2);
	// A number of this machine's order.
	uint32_t port = 7;
	expect_bits("NXM_OF_IN_PORT[]", 7, offsetof(struct of_key, pkt.in_port), &port, 4);
}

static void wrong_subfields_are_refused(void **state)
{
	(void)state;
	expect_error("reg0[0..32]=1", 5,
		     "column 5: \"[0..32]\": reg0 has bits 0 to 31: [], [BIT] or [FIRST..LAST]");
	expect_error("reg0[5..3]=1", 5,
		     "column 5: \"[5..3]\": reg0 has bits 0 to 31: [], [BIT] or [FIRST..LAST]");
	expect_error("reg0[=1", 5,
		     "column 5: \"[\": reg0 has bits 0 to 31: [], [BIT] or [FIRST..LAST]");
	expect_error("reg99[0]=1", 1, "column 1: \"reg99\": unknown field; did you mean reg9?");
	expect_error("reg0[0..3]=16", 12, "column 12: \"16\": reg0[0..3] wants a number of 4 bits");
	expect_error("in_port[0..3]=1", 1,
		     "column 1: \"in_port[0..3]\": can be matched only whole");
	expect_error("reg0[0..3]=1,reg0[0]=0", 14,
		     "column 14: \"reg0[0]\": contradicts a field that stands before it");
	expect_error("ip,ip_frag[0]=0,ip_frag[1]=1", 1,
		     "column 1: a later fragment is a fragment: no packet has these bits of "
		     "ip_frag");
}

static void what_a_packet_is_decides_which_fields_it_has(void **state)
{
	(void)state;
	struct of_key key = {.pkt.eth_type_be = htons(0x86dd), .pkt.nw_proto = 58};
	key.pkt.tp_src_be = htons(135);
	assert_int_equal(of_key_kinds(&key), OF_KIND_IPV6 | OF_KIND_ICMP6 | OF_KIND_NS);
	key.pkt.tp_dst_be = htons(1);
	assert_int_equal(of_key_kinds(&key), OF_KIND_IPV6 | OF_KIND_ICMP6);
	key.pkt.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	assert_int_equal(of_key_kinds(&key), OF_KIND_IPV6);
	key = (struct of_key){.pkt.eth_type_be = htons(0x8848)};
	key.pkt.vlan[0].tci_be = htons(VLAN_CFI);
	assert_int_equal(of_key_kinds(&key), OF_KIND_MPLS | OF_KIND_VLAN);
}

static void errors_stay_short_and_printable(void **state)
{
	(void)state;
	char text[1000];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[3] = '\x1b';
	text[5] = '\xff';
	struct of_match match;
	struct of_error error;
	assert_int_equal(of_match_parse(&match, text, &ports, &error), -EINVAL);
	assert_int_equal(strlen(error.word), sizeof(error.word) - 1);
	assert_memory_equal(error.word, "aaa?a?aa", 8);
}

static void without_ports_numbers_are_taken_unchecked(void **state)
{
	(void)state;
	struct of_match match;
	struct of_error error;
	assert_int_equal(of_match_parse(&match, "in_port=77", NULL, &error), 0);
	char *text = of_match_format(&match, NULL);
	assert_string_equal(text, "in_port=77");
	free(text);
	assert_int_equal(of_match_parse(&match, "in_port=vm1", NULL, &error), -EINVAL);
}

static const char *odd_name(uint32_t no, void *arg)
{
	static const char *const names[] = {"a,b", "12", "0x3", "", "normal", "a=b", "fine-1"};
	(void)arg;
	return names[no - 1];
}

static void a_name_that_reads_as_something_else_is_printed_as_number(void **state)
{
	(void)state;
	struct of_ports odd = {NULL, odd_name, NULL};
	for (uint32_t no = 1; no <= 7; no++) {
		struct of_match match = {.key.pkt.in_port = no, .mask.pkt.in_port = UINT32_MAX};
		char want[32], *text = of_match_format(&match, &odd);
		snprintf(want, sizeof(want), no == 7 ? "in_port=fine-1" : "in_port=%u", no);
		assert_string_equal(text, want);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_is_read_and_printed_as_ovs_ofctl_does),
	    cmocka_unit_test(fields_stand_where_extraction_puts_them),
	    cmocka_unit_test(mistakes_name_word_column_and_mend),
	    cmocka_unit_test(a_missing_prerequisite_is_named),
	    cmocka_unit_test(a_field_twice_or_against_another_is_refused),
	    cmocka_unit_test(fields_of_later_issues_are_refused_as_not_built),
	    cmocka_unit_test(a_subfield_stands_in_network_byte_order),
	    cmocka_unit_test(wrong_subfields_are_refused),
	    cmocka_unit_test(what_a_packet_is_decides_which_fields_it_has),
	    cmocka_unit_test(errors_stay_short_and_printable),
	    cmocka_unit_test(without_ports_numbers_are_taken_unchecked),
	    cmocka_unit_test(a_name_that_reads_as_something_else_is_printed_as_number),
	};
	return cmocka_run_group_tests_name("of_match", tests, NULL, NULL);
}
